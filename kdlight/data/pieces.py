"""Vocabularies made from text: word pieces, or single characters for Chinese and its kin."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

log = logging.getLogger("kdlight")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
Lines = Callable[[], Iterable[str]]
MOST_SIGNS = 1000  # in a vocabulary that has no room for all
CONTINUES = "##"  # begins a piece that stands inside a word


def word_pieces(read: Lines, size: int, lowercase: bool) -> list[str]:
    """A word-piece vocabulary of at most `size`, the special tokens first, as BERT's is made.

    Every sign of the text is a piece, and another one inside words. Where they would not fit, the
    commonest stay, up to half of the vocabulary, and the rest is unknown.
    """
    tokenizer = Tokenizer(WordPiece(unk_token=SPECIAL[1]))
    tokenizer.normalizer = normalizer = _normalizer(lowercase)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    signs: Counter[str] = Counter()
    for line in read():
        signs.update(normalizer.normalize_str(line))
    found = [sign for sign in signs if not sign.isspace()]
    lines = read()
    if 2 * len(found) > size - len(SPECIAL):
        common = sorted(found, key=lambda sign: (-signs[sign], sign))
        found = common[: max(1, min(MOST_SIGNS, (size - len(SPECIAL)) // 4))]
        rare = str.maketrans(dict.fromkeys(set(common) - set(found), " "))
        lines = (normalizer.normalize_str(line).translate(rare) for line in lines)
        log.warning(
            "teacher.tokenizer: the text has %d different signs, of which a vocabulary of %d has "
            "the commonest %d; the others will be [UNK].", len(common), size, len(found),
        )  # fmt: skip
    # The trainer numbers the insides of words in an order of chance, and breaks ties by number.
    insides = [CONTINUES + sign for sign in sorted(found)]
    trainer = WordPieceTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *insides],
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(lines, trainer)
    pieces = tokenizer.get_vocab()
    return sorted(pieces, key=lambda piece: pieces[piece])


def characters(read: Lines, size: int, lowercase: bool) -> list[str]:
    """The commonest characters, at most `size` pieces; within a word each also as its inside.

    Chinese characters stand alone, as BERT's tokenizer cuts them, and need no second piece.
    """
    counts: Counter[str] = Counter()
    normalizer, words = _normalizer(lowercase), BertPreTokenizer()
    for line in read():
        for word, _ in words.pre_tokenize_str(normalizer.normalize_str(line)):
            counts[word[0]] += 1
            counts.update(CONTINUES + sign for sign in word[1:])
    common = [piece for piece, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return [*SPECIAL, *common[: size - len(SPECIAL)]]


KINDS: dict[str, Callable[[Lines, int, bool], list[str]]] = {
    "word_pieces": word_pieces,
    "characters": characters,
}


def make_vocabulary(kind: str, read: Lines, size: int, lowercase: bool) -> list[str]:
    """A vocabulary of one of `KINDS` from the lines that each call of `read` begins anew."""
    return KINDS[kind](read, size, lowercase)


def _normalizer(lowercase: bool) -> BertNormalizer:
    return BertNormalizer(lowercase=lowercase)
