"""MITKD from a model folder, as at `scale=lite` and `paper`: nothing is made on the spot."""

import json
import shutil

import pytest
import torch
from commands import call, plain, results
from safetensors.torch import load_file
from transformers import BertConfig, BertForMaskedLM, BertModel, DistilBertConfig, DistilBertModel

from kdlight.launch.job import Job
from kdlight.launch.pretrained import find_pretrained
from kdlight.types import UserError

SHORT = ["+experiment=mitkd", "scale=smoke", "data.max_rows=64", "data.eval_rows=48"]
LAYERS = ["student=transformer3", "student.encoder.shape.num_hidden_layers=2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bert):
    """A small BERT with random weights, as `save_pretrained` leaves it."""
    made = tmp_path_factory.mktemp("bert")
    torch.manual_seed(5)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(
        BertConfig(vocab_size=len(bert), intermediate_size=64, **shape), add_pooling_layer=False
    ).save_pretrained(made)
    bert.save_pretrained(made)
    return made


def of(folder):
    return [f"teacher.pretrained={folder}", "teacher.pretrain=null", "teacher.tokenizer=null"]


def titles(place, kind):
    found = place.glob(f"outputs/artifacts/{kind}/*/manifest.json")
    return {json.loads(path.read_text())["title"]: path.parent for path in found}


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """The place of a whole job whose bodies stay where they start: their rate is 0."""
    place = tmp_path_factory.mktemp("pretrained")
    still = [*LAYERS, "task=[sst2,mrpc,cola]", "method.text.optimizer.lr=0"]
    with pytest.MonkeyPatch.context() as patch:
        assert call(place, patch, *SHORT, *of(folder), *still) == 0
    return place


def weights(artifact):
    return load_file(artifact / "encoder/model.safetensors")


def test_every_student_starts_from_its_own_teacher(run, folder):
    """The plain one from the folder's layers, the infused one from the infused teacher's."""
    bodies, teachers = titles(run, "agnostic"), titles(run, "teacher")
    assert not titles(run, "pretrain")
    plain_body, infused = bodies["agnostic (plain)"], bodies["agnostic (student)"]
    theirs = load_file(folder / "model.safetensors")
    assert set(weights(plain_body)) == set(theirs)
    for name, weight in weights(plain_body).items():
        assert torch.equal(weight, theirs[name]), name
    taught = weights(teachers["teacher sst2+mrpc"])
    for name, weight in weights(infused).items():
        assert torch.equal(weight, taught[name]), name
    assert any(not torch.equal(weight, theirs[name]) for name, weight in taught.items())


def test_its_groups_are_compared(run):
    (found,) = results(run)
    assert set(found["groups"]["in_domain"]["macro"]) == {"teacher", "student", "baseline", "plain"}
    assert "corpus" in found["wall_s"]


def test_what_a_folder_brings_is_not_made(folder, tmp_path, caplog):
    words = [f"teacher.pretrained={folder}", f"outputs={tmp_path}/out"]
    Job(plain(*words, experiment="mitkd"), tmp_path)
    told = "teacher.tokenizer and teacher.pretrain are not used."
    assert [told in record.message for record in caplog.records] == [True]
    caplog.clear()
    Job(plain(*of(folder), f"outputs={tmp_path}/out", experiment="mitkd"), tmp_path)
    Job(plain(f"outputs={tmp_path}/out", experiment="mitkd"), tmp_path)
    assert not caplog.records


@pytest.mark.parametrize("start", ["pretrained", "teacher"])
def test_where_its_layers_lie_is_told_to_the_stage(start, folder, tmp_path):
    """With `pretrained` also the student of the infused teacher starts from the folder."""
    words = [*of(folder), *LAYERS, f"student.start.from={start}"]
    job = Job(plain(*words, f"outputs={tmp_path}/out", experiment="mitkd"), tmp_path)
    bodies = {name: arm.body() for name, arm in job.arms.items() if arm.on_text}
    assert bodies["plain"].runtime["layers"] == str(folder)
    assert bodies["plain"].config["student"]["start"]["content"]
    infused = bodies["student"]
    assert ("layers" in infused.runtime) == (start == "pretrained")
    assert ("layers" in infused.parents) == (start == "teacher")


@pytest.fixture(scope="module")
def distilbert(tmp_path_factory, bert):
    """DistilBERT, which calls its sizes otherwise than BERT does."""
    made = tmp_path_factory.mktemp("distilbert")
    shape = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    DistilBertModel(DistilBertConfig(vocab_size=len(bert), **shape)).save_pretrained(made)
    bert.save_pretrained(made)
    return made


def test_a_student_like_distilbert(distilbert, tmp_path, monkeypatch):
    """It starts from the layers of the folder, and learns their relations."""
    words = [*of(distilbert), *LAYERS, "teacher=plain", "~variants.plain", "baseline=false"]
    words += ["task=[sst2]", "job=student", "data.low_resource.tasks=[]", "teacher.leave_out=[]"]
    assert call(tmp_path, monkeypatch, *SHORT, *words, "method.text.optimizer.lr=0") == 0
    (body,) = titles(tmp_path, "agnostic").values()
    theirs = load_file(distilbert / "model.safetensors")
    for name, weight in weights(body).items():
        assert torch.equal(weight, theirs[name]), name


def test_distilbert_teaches_a_bert(distilbert, tmp_path):
    where = [*of(distilbert), f"outputs={tmp_path}/out"]
    Job(plain(*where, experiment="mitkd"), tmp_path).plan_all()
    for words, sentence in (
        (["loss.relation.heads=5"], "heads=5 does not divide the widths 32"),
        ([*LAYERS, "+student.encoder.shape.hidden_size=16"], "hidden_size is 16, the teacher's 32"),
        ([*LAYERS, "+student.encoder.shape.dim=16"], "hidden_size is 16, the teacher's 32"),
    ):
        with pytest.raises(UserError, match=sentence):
            Job(plain(*where, *words, experiment="mitkd"), tmp_path).plan_all()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "there is no text"),
        (b"good words\n\xff\xfe\n", "UTF-8"),
        (b"one line\n", "too few for two"),
    ],
)
def test_bad_text_is_told_before_a_teacher_is_trained(content, sentence, folder, tmp_path):
    (tmp_path / "text.txt").write_bytes(content)
    words = [*of(folder), f"data.corpus=[{tmp_path}/text.txt]", f"outputs={tmp_path}/out"]
    with pytest.raises(UserError, match=sentence):
        Job(plain(*words, experiment="mitkd"), tmp_path).run()
    assert not (tmp_path / "out/artifacts/teacher").exists()


@pytest.mark.parametrize("which", ["pieces", "added", "unigram"])
def test_a_tokenizer_of_another_model_is_told_before_text_is_packed(which, folder, bert, tmp_path):
    made = shutil.copytree(folder, tmp_path / "model")
    config = json.loads((made / "config.json").read_text())
    path = made / "tokenizer.json"
    tokens = json.loads(path.read_text())
    words = [f"teacher.pretrained={made}", "teacher.pretrain=null", "teacher.tokenizer=null"]
    chosen = plain(*words, f"outputs={tmp_path}/out", experiment="mitkd")
    if which != "added":
        config["vocab_size"] = len(bert) - 1
    if which == "added":
        tokens["added_tokens"].append({**tokens["added_tokens"][0], "content": "[NEW]"})
    if which == "unigram":
        tokens["model"]["vocab"] = [[piece, 0.0] for piece in tokens["model"]["vocab"]]
    (made / "config.json").write_text(json.dumps(config))
    path.write_text(json.dumps(tokens))
    with pytest.raises(UserError, match=rf"knows {config['vocab_size']} tokens, .* do not belong"):
        Job(chosen, tmp_path)


def test_a_tokenizer_that_pads_with_another_token_than_its_model(folder, tmp_path):
    made = shutil.copytree(folder, tmp_path / "model")
    config = json.loads((made / "config.json").read_text())
    (made / "config.json").write_text(json.dumps({**config, "pad_token_id": 3}))
    with pytest.raises(UserError, match=r"pads with token 3, but the tokenizer with 0: .* do not"):
        find_pretrained(str(made))


@pytest.mark.parametrize(("more", "said"), [(128, False), (129, True)])
def test_a_tokenizer_with_fewer_tokens_than_its_model_knows(
    more, said, folder, bert, tmp_path, caplog
):
    """Some models round their number up; far more means another tokenizer."""
    made = shutil.copytree(folder, tmp_path / "model")
    config = json.loads((made / "config.json").read_text())
    known = len(bert) + more
    (made / "config.json").write_text(json.dumps({**config, "vocab_size": known}))
    assert find_pretrained(str(made)) == made
    assert (f"knows {known} tokens, but the tokenizer has {len(bert)}" in caplog.text) is said


def test_words_of_a_folder_that_has_none(folder, tmp_path):
    words = [*of(folder), "loss=[word_kl]", "teacher=plain", "~variants.plain"]
    with pytest.raises(UserError, match="needs words of the teacher"):
        Job(plain(*words, f"outputs={tmp_path}/out", experiment="mitkd"), tmp_path).run()


def test_words_of_a_folder_that_has_some(bert, tmp_path, monkeypatch):
    """DistilBERT's loss, from a folder as the hub has it."""
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(5)
    made = BertForMaskedLM(BertConfig(vocab_size=len(bert), intermediate_size=64, **shape))
    made.save_pretrained(tmp_path / "bert")
    bert.save_pretrained(tmp_path / "bert")
    words = [*of(tmp_path / "bert"), "loss=[word_kl,masked_words]", "teacher=plain", "task=[sst2]"]
    none = ["teacher.leave_out=[]", "data.low_resource.tasks=[]"]
    assert call(tmp_path, monkeypatch, *SHORT, *words, *none) == 0
    (body,) = titles(tmp_path, "agnostic").values()
    curves = (body / "metrics.csv").read_text()
    assert "val/text/word_kl," in curves
    assert "val/text/masked_words," in curves
