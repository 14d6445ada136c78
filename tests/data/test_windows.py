"""Windows of contexts: every answer is found again as text, in every script."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from kdlight.data.encoded import EncodedRows
from kdlight.data.rows import write_rows
from kdlight.data.windows import encode_spans
from kdlight.types import Answer, Example

JOINT = frozenset({"joint"})
CONTEXT = "the cat sat on a mat with big red dog and small bird near old house"


def asked(context, *answers, name="1", question="the cat"):
    found = tuple(Answer(text, context.find(text)) for text in answers)
    return Example(name, question, context, int(bool(answers)), answers=found)


@pytest.fixture
def windows(tmp_path, bert):
    def make(examples, max_length=16, stride=128, tokenizer=bert.backend_tokenizer):
        write_rows(tmp_path / "rows.arrow", examples)
        special = {"pad": 0, "mask": "[MASK]"}
        out = tmp_path / "out"
        found = encode_spans(tmp_path / "rows.arrow", out, tokenizer, special, max_length, stride)
        return EncodedRows(out, "t"), found

    return make


def texts(rows):
    """The text of each window's label; None where it has none."""
    labels, layout = rows.labels, rows.layout
    examples = list(layout.read())
    found = []
    for window, (start, end) in enumerate(labels):
        if not start > 0:
            found.append(None)
            continue
        base = layout._offsets[window] - layout.context[window, 0]
        first = layout._characters[base + int(start), 0]
        last = layout._characters[base + int(end), 1]
        found.append(examples[layout.examples[window]].text_b[first:last])
    return found


def test_windows_overlap_and_cover_the_context(windows):
    rows, found = windows([asked(CONTEXT, "big red dog")])
    batch = rows.batch(np.arange(len(rows)), JOINT)
    # 16 tokens hold [CLS], two of the question, two [SEP] and 11 of the context's 16.
    assert batch.context.tolist() == [[4, 15], [4, 15]]
    pieces = [batch.joint.input_ids[n, 4:15].tolist() for n in (0, 1)]
    assert pieces[0][5:] == pieces[1][:6]
    assert found.windows == 2
    assert found.longer_than_a_window == 1
    assert texts(rows) == ["big red dog", "big red dog"]
    assert rows.example_ids([0, 1]) == ["1", "1"]


def test_a_stride_of_ones_own(windows):
    rows, _ = windows([asked(CONTEXT, "cat")], stride=2)
    assert len(rows) == 4
    assert texts(rows) == ["cat", None, None, None]


def test_an_answer_cut_by_a_border_is_not_learnt_from(windows):
    rows, found = windows([asked(CONTEXT, "the cat sat on a mat")])
    assert texts(rows)[0] == "the cat sat on a mat"
    assert np.isnan(rows.labels[1]).all()  # begins within the answer
    assert found.windows_that_cut_an_answer == 1
    assert rows.known_labels.tolist() == [0]


def test_an_answer_longer_than_a_window_is_named(windows):
    rows, found = windows([asked(CONTEXT, CONTEXT, name="long")])
    assert found.without_a_whole_answer == ["long"]
    assert np.isnan(rows.labels).all()


def test_none_unknown_and_nowhere_are_told_apart(windows):
    nowhere = Example("3", "the cat", "a dog sat", 1, answers=(Answer("bird", -1),))
    unknown = Example("2", "the cat", "a dog sat", None, source="unlabelled")
    rows, found = windows([asked("a dog sat", name="1"), unknown, nowhere])
    assert rows.labels[0].tolist() == [0, 0]
    assert np.isnan(rows.labels[1:]).all()
    assert found.without_a_whole_answer == ["3"]


def test_beside_a_found_answer_another_may_stand_in_any_window(windows):
    """Such a window is not learnt to hold none; that of the found answer is learnt."""
    row = asked(CONTEXT, "cat")
    lost = Example("2", row.text_a, CONTEXT, 1, answers=(*row.answers, Answer("kitten", -1)))
    rows, found = windows([row, lost], stride=4)
    assert texts(rows) == ["cat", None, None] * 2
    assert rows.labels[1].tolist() == rows.labels[2].tolist() == [0, 0]
    assert np.isnan(rows.labels[4:]).all()
    assert found.without_a_whole_answer == []


def test_an_answer_in_no_token_is_not_learnt_as_none(windows):
    rows, found = windows([asked("a dog \u200b\u200b sat", "\u200b\u200b", name="unseen")])
    assert np.isnan(rows.labels).all()
    assert found.without_a_whole_answer == ["unseen"]


def test_the_first_answer_that_is_whole_is_learnt(windows):
    rows, _ = windows([asked(CONTEXT, "old house", "cat")])
    assert texts(rows) == ["cat", "old house"]


def test_a_long_question_is_cut_and_an_empty_context_has_a_token(windows):
    rows, found = windows([asked(" \u200b", question=" ".join(["cat"] * 40))])
    assert found.questions_cut == 1
    assert rows.lengths.tolist() == [6 + 1]
    assert rows.labels.tolist() == [[0, 0]]


def character_tokenizer():
    """Chinese characters by one; accents are taken off before, as BERT does it."""
    letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz0123456789。"]
    letters += [f"##{letter}" for letter in letters[4:]] + list("战国无双是由光荣开发的游戏")
    words = {piece: number for number, piece in enumerate(letters)}
    raw = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return raw


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        ("《战国无双3》是由光荣开发的游戏。", "光荣"),
        ("A naïve Cafe\u0301 in Zürich cafe", "Cafe\u0301"),
        ("e\u0301e\u0301 😀😀 Zürich", "Zürich"),
        ("战国 café 无双", "café"),
    ],
)
def test_characters_of_every_script(windows, context, answer):
    rows, _ = windows([asked(context, answer)], 64, tokenizer=character_tokenizer())
    (start, end), first = rows.labels[0].astype(int), np.array([0])
    ((_, found),) = rows.layout.answers(first, first + start, first + end)
    assert found == answer


def test_answers_are_read_from_the_text(windows):
    rows, _ = windows([asked(CONTEXT, "cat", name="1"), asked("a red bird", name="2")])
    layout = rows.layout
    found = layout.answers(np.array([1, 2]), np.array([4, 5]), np.array([5, 6]))
    assert [(example.id, text) for example, text in found] == [("1", "mat with"), ("2", "red bird")]
