"""Whole words as a student's tokens, split as BERT splits a text before its word pieces."""

from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from kdlight.data.encode import MASK
from kdlight.types import UserError

SPECIAL = ("[PAD]", "[UNK]", MASK)


def word_tokenizer(
    texts: Iterable[str], like: Tokenizer, min_count: int = 1, max_size: int | None = None
) -> Tokenizer:
    """A tokenizer whose vocabulary are the words of `texts`, the commonest first.

    Args:
        texts: what the student learns from.
        like: the teacher's tokenizer; where it puts text into lower case, so does this one.
        min_count: words that are rarer become `[UNK]`.
        max_size: at most so many entries, the three special ones among them.

    Raises:
        UserError: if no word is common enough.
    """
    tokenizer = Tokenizer(models.WordLevel({}, unk_token=SPECIAL[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=_lowers(like))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(
        vocab_size=max_size or 1 << 31,
        min_frequency=min_count,
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    # Training would take the mask's brackets for words.
    tokenizer.train_from_iterator((text.replace(MASK, " ") for text in texts), trainer)
    if tokenizer.get_vocab_size() == len(SPECIAL):
        raise UserError(
            f"No word of the student's text occurs student.tokenizer.min_count={min_count} "
            "times: lower it."
        )
    return tokenizer


def _lowers(tokenizer: Tokenizer) -> bool:
    normalizer = tokenizer.normalizer
    return normalizer is not None and normalizer.normalize_str("A").strip() == "a"
