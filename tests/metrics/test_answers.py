"""Comparison of answers against values worked out by hand, and torchmetrics' SQuAD."""

import pytest
from torchmetrics.text import SQuAD

from kdlight.metrics.answers import COMPARE, best_match, by_characters, by_words


@pytest.mark.parametrize(
    ("answer", "right", "exact", "f1"),
    [
        ("The Apollo program!", "apollo  program", 1, 1),
        ("the big red dog", "a red dog", 0, 4 / 5),
        ("dog dog", "dog", 0, 2 / 3),
        ("cat", "dog", 0, 0),
        ("", "dog", 0, 0),
        ("", "", 1, 1),
        ("the", "", 1, 1),
        ("theory", "ory", 0, 0),
        ("U.S.A.", "usa", 1, 1),
        ("naïve café", "Naïve Café", 1, 1),
    ],
)
def test_words(answer, right, exact, f1):
    assert by_words(answer, right) == pytest.approx((exact, f1))


@pytest.mark.parametrize(
    ("answer", "right", "exact", "f1"),
    [
        ("光荣和ω-force", "光荣和ω-force。", 1, 1),
        ("北京市", "北京", 0, 4 / 5),
        ("2005年10月", "2005年", 0, 2 * 2 / (4 + 2)),  # 2005, 年, 10, 月
        ("甲乙丙丁", "甲丙丁乙", 0, 2 * 2 / 8),  # 丙丁 is the longest run, not 甲丙丁
        ("《战国无双3》", "战国无双3", 1, 1),
        ("Nexon开发", "nexon", 0, 2 / 4),  # nexon, 开, 发
        ("约19.7米", "19.7", 0, 2 * 1 / (3 + 1)),  # 约, 19.7, 米
        ("5,000人", "5,000", 0, 2 * 1 / (2 + 1)),  # 5,000, 人
        ("wi-fi网络", "wifi", 0, 2 * 1 / (3 + 1)),  # wifi, 网, 络
        ("1998-1999", "19981999年", 0, 2 * 1 / (1 + 2)),  # 19981999; 19981999, 年
        ("98%的人", "98%", 0, 2 * 2 / (4 + 2)),  # 98, %, 的, 人
        ("甲…乙", "甲乙", 0, 2 * 1 / (3 + 2)),  # 甲, …, 乙: dots are no mark that is left out
        ("甲……", "甲", 0, 2 * 1 / (2 + 1)),  # 甲, ……
        ("(windows 98)", "windows 98", 0, 2 * 2 / (4 + 2)),
        ("东", "西", 0, 0),
        ("", "西", 0, 0),
    ],
)
def test_characters(answer, right, exact, f1):
    assert by_characters(answer, right) == pytest.approx((exact, f1))


def test_the_best_of_several_counts_for_each_measure():
    found = best_match("red dog", ["a dog", "red dog barking loudly"], by_words)
    assert found == pytest.approx((0, 2 / 3))
    assert best_match("", [], by_words) == (1, 1)
    assert best_match("", ["the", "the dog"], by_words) == (0, 0)  # "the" is nothing
    assert best_match("", ["the"], by_words) == (1, 1)
    assert best_match("dog", [], by_words) == (0, 0)
    assert set(COMPARE) == {"words", "characters"}


def test_words_agree_with_torchmetrics():
    cases = [
        ("the Norman dynasty", ["Norman dynasty", "Normans"]),
        ("in 1066, at Hastings", ["1066", "Hastings in 1066"]),
        ("France.", ["france"]),
        ("nobody", ["the king", "a queen"]),
    ]
    theirs = SQuAD()
    for number, (answer, right) in enumerate(cases):
        theirs.update(
            [{"prediction_text": answer, "id": str(number)}],
            [{"answers": {"answer_start": [0] * len(right), "text": right}, "id": str(number)}],
        )
    ours = [best_match(answer, right, by_words) for answer, right in cases]
    found = theirs.compute()
    assert 25 * sum(m.exact for m in ours) == pytest.approx(float(found["exact_match"]))
    assert 25 * sum(m.f1 for m in ours) == pytest.approx(float(found["f1"]))
