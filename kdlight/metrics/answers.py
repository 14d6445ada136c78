"""How answers to questions are compared with the right ones, as the benchmarks do it.

`words` is the rule of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016 and 2018, arXiv 1606.05250 and
1806.03822), `characters` that of CMRC 2018 (Cui et al. 2019, arXiv 1810.07366). Of several right
answers the one that fits best counts.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
CHINESE = "\u4e00-\u9fa5"
# The marks that the official script of CMRC 2018 leaves out. It names "……" too, but goes by the
# single sign, so that none of its dots is left out.
MARKS = "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』"
UNITS = re.compile(rf"[{CHINESE}]|[^{CHINESE}]+")


class Match(NamedTuple):
    """Whether an answer is exactly right, and how far it is, both from 0 to 1."""

    exact: float
    f1: float


Compare = Callable[[str, str], Match]


def best_match(answer: str, right: Sequence[str], compare: Compare) -> Match:
    """The best of each measure over the right answers; "" is right where there is none.

    A right answer of which the rule leaves nothing does not count (as in SQuAD 2.0's script).
    """
    real = [text for text in right if not compare(text, "").exact]
    found = [compare(answer, text) for text in real or [""]]
    return Match(max(m.exact for m in found), max(m.f1 for m in found))


def by_words(answer: str, right: str) -> Match:
    """SQuAD's rule: the words in common, without case, punctuation and articles."""
    ours, theirs = _words(answer), _words(right)
    exact = float(ours == theirs)
    if not ours or not theirs:
        return Match(exact, exact)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return Match(exact, _f1(shared, len(ours), len(theirs)))


def by_characters(answer: str, right: str) -> Match:
    """CMRC's rule: the longest common run of Chinese characters and of tokens between them."""
    ours, theirs = _units(answer), _units(right)
    exact = float(_unmarked(answer) == _unmarked(right))
    if not ours or not theirs:
        return Match(exact, exact)
    return Match(exact, _f1(_longest_run(ours, theirs), len(ours), len(theirs)))


COMPARE: Mapping[str, Compare] = {"words": by_words, "characters": by_characters}


def _f1(shared: int, ours: int, theirs: int) -> float:
    """Harmonic mean of the shared parts of both."""
    return 2 * shared / (ours + theirs)


def _words(text: str) -> list[str]:
    return ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split()


def _unmarked(text: str) -> str:
    return "".join(c for c in text.lower().strip() if c not in MARKS)


def _units(text: str) -> list[str]:
    """Chinese characters one by one, the tokens of what stands between them, no marks."""
    found: list[str] = []
    for part in UNITS.findall(_unmarked(text)):
        found += [part] if re.match(f"[{CHINESE}]", part) else _tokenizer().tokenize(part)
    return found


@cache
def _tokenizer() -> Any:
    """NLTK's for words, as in the official script (which first parts sentences, by a model)."""
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


def _longest_run(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest run of units that stands in both."""
    best, before = 0, [0] * (len(theirs) + 1)
    for unit in ours:
        here = [0] * (len(theirs) + 1)
        for place, other in enumerate(theirs, start=1):
            if unit == other:
                here[place] = before[place - 1] + 1
                best = max(best, here[place])
        before = here
    return best
