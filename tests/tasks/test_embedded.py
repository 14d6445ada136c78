"""The embedded tasks: repeatable, disjoint, balanced, and labelled by what the words say.

The oracles below read the text alone, so they tell whether the labels can be learned from it.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from kdlight.tasks.embedded import generate, lexicon
from kdlight.types import Example, UserError

ROOT = Path(__file__).parents[2]
NEGATIONS = {"not", "hardly", "never", "rarely", "far"}
SIDE = {word: side for axis in lexicon.AXES for side in (1, 0) for word in axis[1 - side]}
AXIS = {word: n for n, axis in enumerate(lexicon.AXES) for side in axis for word in side}
PLACE = {word: n for n, names in enumerate(lexicon.PLACES) for word in names}
ASPECT = {word: n for n, names in enumerate(lexicon.ASPECTS) for word in names}
CLASSES = {
    "sentiment": {0: 0.5, 1: 0.5},
    "paraphrase": {0: 0.5, 1: 0.5},
    "inference": {0: 1 / 3, 1: 1 / 3, 2: 1 / 3},
    "acceptability": {0: 0.4, 1: 0.6},
    "choice": {0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25},
}


@cache
def sample(
    kind: str, split: str = "train", count: int = 4000, seed: int = 0
) -> tuple[Example, ...]:
    return tuple(generate.rows(kind, split, count, seed))


def shown(row: Example) -> tuple[str, str | None, tuple[str, ...]]:
    return row.text_a, row.text_b, tuple(sorted(row.options))


def claims(text: str) -> list[tuple[int, int, int]]:
    found, place, aspect, flips = [], -1, -1, 0
    for word in text.split():
        place, aspect = PLACE.get(word, place), ASPECT.get(word, aspect)
        flips += word in NEGATIONS
        if word in SIDE:
            found.append((place, aspect, (SIDE[word] + flips) % 2))
            flips = 0
    return found


def inferred(row: Example) -> int:
    place, aspect, good = claims(row.text_b or "")[0]
    told = {claim[:2]: claim[2] for claim in claims(row.text_a)}
    if (place, aspect) not in told:
        return 1
    return 0 if told[place, aspect] == good else 2


def well_formed(row: Example) -> int:
    words = row.text_a.split()
    nouns = {*PLACE, *ASPECT}
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word == "the" and after not in nouns | {"critic", "start", "evening", "end", "time"}:
            return 0
        if word in nouns and before != "the":
            return 0
    subject = next(word for word in words if word in ASPECT)
    wrong = "was" if subject in {"rooms", "chambers", "guides", "hosts"} else "were"
    return int(wrong not in words)


ORACLES: dict[str, Callable[[Example], int]] = {
    "sentiment": lambda row: claims(row.text_a)[-1][2],
    "paraphrase": lambda row: int(claims(row.text_a) == claims(row.text_b or "")),
    "inference": inferred,
    "acceptability": well_formed,
}


@pytest.mark.parametrize("kind", generate.KINDS)
@pytest.mark.parametrize("split", generate.SPLITS)
def test_a_larger_count_keeps_the_first_rows(kind: str, split: str) -> None:
    assert sample(kind, split, 40) == sample(kind, split, 90)[:40]


@pytest.mark.parametrize("kind", generate.KINDS)
def test_another_seed_gives_other_rows(kind: str) -> None:
    first, second = sample(kind, count=50), sample(kind, count=50, seed=1)
    assert len({shown(row) for row in first} & {shown(row) for row in second}) < 5


def test_rows_are_the_same_in_another_process() -> None:
    code = (
        "from kdlight.tasks.embedded import generate as g\n"
        "for kind in g.KINDS: print(*g.rows(kind, 'dev', 20, 3), sep='\\n')\n"
        "print(*g.text(20, 3), sep='\\n')"
    )
    here = [repr(row) for kind in generate.KINDS for row in generate.rows(kind, "dev", 20, 3)]
    here += generate.text(20, 3)
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": salt, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines() == here


@pytest.mark.parametrize("kind", generate.KINDS)
def test_splits_share_no_row_whatever_the_seed(kind: str) -> None:
    owner: dict[object, str] = {}
    for split in generate.SPLITS:
        for seed in (0, 1):
            for row in sample(kind, split, 1500, seed):
                assert owner.setdefault(shown(row), split) == split


def test_plain_text_holds_no_held_back_sentence() -> None:
    texts = set(generate.text(20_000))
    assert len(texts) == 20_000
    for kind in ("sentiment", "acceptability"):
        for split in ("dev", "test"):
            assert not texts & {row.text_a for row in sample(kind, split)}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_labels_are_balanced(kind: str, split: str) -> None:
    counts = Counter(row.label for row in sample(kind, split))
    assert set(counts) == set(CLASSES[kind])
    for label, share in CLASSES[kind].items():
        assert abs(counts[label] / 4000 - share) < 0.03


def test_grades_fill_their_range() -> None:
    grades = [row.label for row in sample("similarity") if row.label is not None]
    assert len(grades) == 4000
    assert min(grades) == 0
    assert max(grades) == 5
    assert 2 < sum(grades) / 4000 < 4
    assert sum(grade < 1.5 for grade in grades) > 400 < sum(grade > 4 for grade in grades)


@pytest.mark.parametrize("kind", ORACLES)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_class_labels_follow_from_the_words_but_for_the_noise(kind: str, split: str) -> None:
    rows = sample(kind, split)
    agreed = sum(ORACLES[kind](row) == row.label for row in rows) / len(rows)
    assert 0.96 < agreed < 0.98


def test_grades_follow_from_the_words() -> None:
    for row in sample("similarity"):
        (first,), (second,) = claims(row.text_a), claims(row.text_b or "")
        same = [a == b for a, b in zip(first, second, strict=True)]
        worth = 1.5 * same[0] + 1.5 * same[1] + 2 * same[2]
        assert row.label is not None
        assert abs(row.label - worth) <= 0.4 + 1e-9


def test_unlabelled_rows_hold_no_answer() -> None:
    for kind in generate.KINDS:
        for row in sample(kind, "unlabelled", 200):
            assert row.label is None
            assert row.answers == ()
            assert row.source == "unlabelled"
            assert len(row.options) == (4 if kind == "choice" else 0)


def test_answers_stand_where_they_say() -> None:
    rows = sample("span")
    told = [row for row in rows if row.answers]
    assert 0.77 < len(told) / len(rows) < 0.83
    for row in told:
        (answer,), context = row.answers, row.text_b or ""
        assert context[answer.start : answer.start + len(answer.text)] == answer.text
        assert context[answer.start - 1 : answer.start] in ("", " ")
        assert context[answer.start + len(answer.text)] == " "


def test_answers_are_those_of_the_question() -> None:
    for row in sample("span"):
        told = {claim[:2]: claim for claim in claims(row.text_b or "")}
        words = row.text_a.split()
        if words[0] == "what":
            opinion = " ".join(words[2:-1])
            assert opinion in (row.text_b or "")
            assert {*row.answers[0].text.split()} & {*ASPECT}
            continue
        topic = ASPECT[words[3]], PLACE[words[6]]
        assert bool(row.answers) == ((topic[1], topic[0]) in told)
        if row.answers:
            said = claims(f"the {words[6]} {words[3]} {row.answers[0].text}")
            assert said == [told[topic[1], topic[0]]]


def test_only_the_right_option_fits_axis_and_side() -> None:
    for row in sample("choice"):
        ((_, _, good),) = claims(row.text_a)
        (word,) = (word for word in row.text_a.split() if word in AXIS)
        fits = [AXIS[w] == AXIS[word] and SIDE[w] == good for w in row.options]
        assert [n for n, fit in enumerate(fits) if fit] == [row.label]
        assert len(set(row.options)) == 4
        assert word != row.options[int(row.label or 0)]
        assert sorted(Counter(AXIS[w] for w in row.options).values()) == [2, 2]


def test_the_vocabulary_holds_the_words_that_occur_and_no_others() -> None:
    known = lexicon.vocabulary()
    assert known == sorted(set(known))
    used = {word for line in generate.text(20_000) for word in line.split()}
    for kind in generate.KINDS:
        for row in sample(kind):
            used.update(" ".join((row.text_a, row.text_b or "", *row.options)).split())
    assert used == set(known)


def test_no_opinion_word_serves_two_sides() -> None:
    words = [word for axis in lexicon.AXES for side in axis for word in side]
    assert len(words) == len(set(words)) == len(AXIS)
    assert all(len(side) == len(lexicon.WORD_COUNTS) for axis in lexicon.AXES for side in axis)


@pytest.mark.parametrize("kind", generate.KINDS)
def test_rows_have_a_number_and_text_and_come_once(kind: str) -> None:
    rows = sample(kind, "dev")
    assert [row.id for row in rows] == [f"dev-{n}" for n in range(4000)]
    assert len({shown(row) for row in rows}) == 4000
    assert all(row.text_a.strip() and row.text_b != "" for row in rows)
    paired = kind in ("paraphrase", "similarity", "inference", "span", "answerable")
    assert all((row.text_b is not None) == paired for row in rows)


def test_unknown_names_are_refused_at_once() -> None:
    with pytest.raises(UserError, match="sentiment, paraphrase"):
        generate.rows("poetry", "train", 1)
    with pytest.raises(UserError, match="train, dev, test, unlabelled"):
        generate.rows("span", "validation", 1)


def test_rows_come_as_they_are_asked_for() -> None:
    assert len(list(islice(generate.rows("choice", "test", 10**9), 5))) == 5


@pytest.mark.parametrize("kind", generate.KINDS)
def test_a_part_of_the_lexicon(kind):
    """Fewer opinion words, and nothing else that is new."""
    small = words_in(generate.rows(kind, "train", 300, size=(3, 2)))
    opinions = lexicon.words_of(True) | lexicon.words_of(False)
    few = {word for axis in lexicon.AXES[:3] for side in axis for word in side[:2]}
    assert small & opinions <= few | (small & set(lexicon.FRAME[0].split()))
    assert len(small & few) > 6 or kind == "acceptability"
    assert len(words_in(generate.rows(kind, "train", 300)) & opinions) > 100


@pytest.mark.parametrize("kind", generate.KINDS)
def test_fewer_topics(kind):
    """Fewer places and aspects, and every word of them is met."""
    found = words_in(generate.rows(kind, "train", 300, size=(3, 2, 2)))
    for names in (lexicon.PLACES, lexicon.ASPECTS):
        words = {word for pair in names for word in pair}
        assert found & words == {word for pair in names[:2] for word in pair}


def words_in(found):
    texts = [text for row in found for text in (row.text_a, row.text_b or "", *row.options)]
    return {word for text in texts for word in text.split()}


@pytest.mark.parametrize(
    "size", [(1, 5), (21, 5), (5, 1), (5, 9), (5,), (5, 5, 1), (5, 5, 6), (5, 5, 5, 5), (5, 2.5)]
)
def test_a_lexicon_that_is_not_there(size):
    with pytest.raises(UserError, match=r"data\.lexicon=\["):
        generate.rows("sentiment", "train", 3, size=size)
