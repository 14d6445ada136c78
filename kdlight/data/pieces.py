"""Vocabularies made from text: word pieces, or single characters for Chinese and its kin."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

from kdlight.types import UserError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUES = "##"  # begins a piece that stands inside a word


def word_pieces(lines: Iterable[str], size: int, lowercase: bool) -> list[str]:
    """A word-piece vocabulary of at most `size`, the special tokens first, as BERT's is made."""
    tokenizer = Tokenizer(WordPiece(unk_token=SPECIAL[1]))
    tokenizer.normalizer = _normalizer(lowercase)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator(lines, trainer)
    pieces = tokenizer.get_vocab()
    return sorted(pieces, key=lambda piece: pieces[piece])


def characters(lines: Iterable[str], size: int, lowercase: bool) -> list[str]:
    """The commonest characters, at most `size` pieces; within a word each also as its inside.

    Chinese characters stand alone, as BERT's tokenizer cuts them, and need no second piece.
    """
    counts: Counter[str] = Counter()
    normalizer, words = _normalizer(lowercase), BertPreTokenizer()
    for line in lines:
        for word, _ in words.pre_tokenize_str(normalizer.normalize_str(line)):
            counts[word[0]] += 1
            counts.update(CONTINUES + sign for sign in word[1:])
    common = [piece for piece, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return [*SPECIAL, *common[: size - len(SPECIAL)]]


KINDS: dict[str, Callable[[Iterable[str], int, bool], list[str]]] = {
    "word_pieces": word_pieces,
    "characters": characters,
}


def make_vocabulary(kind: str, lines: Iterator[str], size: int, lowercase: bool) -> list[str]:
    """A vocabulary of one of `KINDS`.

    Raises:
        UserError: for another kind, or a size with no room for text.
    """
    if kind not in KINDS:
        raise UserError(f"teacher.tokenizer.kind={kind} is not one of {', '.join(KINDS)}")
    if size <= len(SPECIAL) + 1:
        raise UserError(f"teacher.tokenizer.size={size} has no room for text; take thousands.")
    return KINDS[kind](lines, size, lowercase)


def _normalizer(lowercase: bool) -> BertNormalizer:
    return BertNormalizer(lowercase=lowercase)
