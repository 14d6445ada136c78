"""A tokenizer that does not fit its text is told, or refused, by the share it does not know."""

import json

import numpy as np
import pytest

from kdlight.data import unknown
from kdlight.data.rows import write_rows
from kdlight.stages import corpus, tokens
from kdlight.types import Example, StageSpec, UserError


def test_unknown_tokens_are_counted_over_all_files(tmp_path, bert, roberta, monkeypatch):
    monkeypatch.setattr(unknown, "AT_ONCE", 3)
    for name, ids in (("one", [bert.unk_token_id] * 5 + [7] * 4), ("two", [7] * 11)):
        np.save(tmp_path / f"{name}.npy", np.array(ids, dtype=np.uint16))
    paths = sorted(tmp_path.glob("*.npy"))
    assert unknown.unknown_share(paths, bert.backend_tokenizer) == 5 / 20
    np.save(tmp_path / "two.npy", np.array([7] * 11 + [bert.sep_token_id] * 9, dtype=np.uint16))
    assert unknown.unknown_share(paths, bert.backend_tokenizer) == 5 / 20  # marks do not count
    assert unknown.unknown_share([], bert.backend_tokenizer) == 0
    # Byte-level tokenizers know all, though their vocabulary has a name for what they do not.
    np.save(tmp_path / "bytes.npy", np.array(roberta("你好")["input_ids"], dtype=np.uint16))
    assert unknown.unknown_share([tmp_path / "bytes.npy"], roberta.backend_tokenizer) == 0


@pytest.fixture
def stage(tmp_path, bert):
    """Runs `tokens` on a task's rows, or `corpus` on lines; gives the noted share."""
    bert.save_pretrained(tmp_path / "tokenizer")
    special = {"pad": bert.pad_token_id, "mask": bert.mask_token}
    (tmp_path / "tokenizer/special.json").write_text(json.dumps(special))

    def run(kind, texts):
        (out := tmp_path / kind).mkdir()
        inputs = {"tokenizer": str(tmp_path / "tokenizer"), "rows": str(tmp_path)}
        write_rows(tmp_path / "train.arrow", (Example(f"{n}", t) for n, t in enumerate(texts)))
        (tmp_path / "text.txt").write_text("\n".join(texts))
        config = {"max_length": 32, "length": 16, "corpus": {"rows": None, "content": [""]}}
        runtime = {"title": kind, "corpus": [str(tmp_path / "text.txt")]}
        {"tokens": tokens, "corpus": corpus}[kind].run(
            StageSpec(kind, config, inputs, str(out), runtime)
        )
        return json.loads((out / "facts.json").read_text())["unknown_share"]

    return run


@pytest.mark.parametrize("kind", ["tokens", "corpus"])
def test_a_text_of_which_much_is_unknown_is_told(kind, stage, caplog):
    share = stage(kind, ["the cat sat on a 猫 very old mat"] * 20)
    assert 0.05 < share <= 0.12
    assert f"{kind}: {share:.0%} of the tokens are unknown" in caplog.text


def test_words_of_another_script_are_refused_one_a_line(stage):
    with pytest.raises(UserError, match="corpus: 100% of the tokens are unknown"):
        stage("corpus", ["\u732b"] * 60)


@pytest.mark.parametrize("kind", ["tokens", "corpus"])
def test_a_text_that_fits_says_nothing(kind, stage, caplog):
    assert stage(kind, ["the cat sat on a mat"] * 20) == 0
    assert "unknown" not in caplog.text


@pytest.mark.parametrize("kind", ["tokens", "corpus"])
def test_another_language_is_refused(kind, stage):
    with pytest.raises(UserError, match=r"(75|100)% of the tokens .*kind: characters"):
        stage(kind, ["猫 坐 在 垫 子 上"] * 20)
