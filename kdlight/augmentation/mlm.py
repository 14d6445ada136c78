"""Replacement of words by what a masked language model would put there (TinyBERT's idea)."""

from collections.abc import Iterator
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from kdlight.augmentation.word import Chooser, WordAugmenter
from kdlight.types import UserError

if TYPE_CHECKING:
    import torch

MASKED_AT_ONCE = 16384  # tokens of masked texts in one forward pass, padding included


class MaskedLanguageModel(WordAugmenter):
    """A word becomes one of the model's best guesses for its place.

    Each word of each text is masked in its turn, with one mask even where it has several
    pieces, and guessed from the rest of its text. After Jiao et al. 2020 (TinyBERT, arXiv
    1909.10351, algorithm 1), which takes GloVe neighbours for words of several pieces.

    Args:
        pretrained: folder or hub name of a model with a masked-language-model head.
        probability: share of the words that are replaced.
        candidates: guesses that a new word is drawn from, each with the same chance.
    """

    def __init__(self, pretrained: str, probability: float = 0.4, candidates: int = 15) -> None:
        super().__init__(probability)
        if candidates < 1:
            raise ValueError(f"candidates={candidates} must be at least 1")
        import torch
        from transformers import AutoModelForMaskedLM, AutoTokenizer

        self.candidates = candidates
        self.tokenizer: Any = AutoTokenizer.from_pretrained(pretrained)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model, found = AutoModelForMaskedLM.from_pretrained(
            pretrained, use_safetensors=True, output_loading_info=True
        )
        if found["missing_keys"]:
            raise UserError(
                f"augmentation.mlm.pretrained: the model in {pretrained} has no head that guesses "
                "masked words; take one that was trained to, such as google-bert/bert-base-uncased."
            )
        self.model: Any = model.eval().to(self.device)
        self.words, self.ids = _whole_words(self.tokenizer)
        self.longest = min(self.tokenizer.model_max_length, model.config.max_position_embeddings)

    def choosers(self, texts: list[list[str]]) -> list[Chooser]:
        """Guesses for every word of the texts, in batches of like length."""
        places = [
            (number, place) for number, words in enumerate(texts) for place in range(len(words))
        ]
        mask = self.tokenizer.mask_token
        masked = [
            " ".join([*texts[number][:place], mask, *texts[number][place + 1 :]])
            for number, place in places
        ]
        guesses: list[list[list[str]]] = [[[]] * len(words) for words in texts]
        for chosen, best in self._guess(masked):
            for which, found in zip(chosen, best, strict=True):
                number, place = places[which]
                old = texts[number][place].lower()
                others = [word for word in (self.words[i] for i in found) if word.lower() != old]
                guesses[number][place] = others[: self.candidates]
        return [partial(_choose, words, mine) for words, mine in zip(texts, guesses, strict=True)]

    def _guess(self, masked: list[str]) -> Iterator[tuple[list[int], list[list[int]]]]:
        """Numbers of some masked texts, and for each the best words (numbers in `self.words`)."""
        import torch

        encoded = self.tokenizer(masked, truncation=True, max_length=self.longest)["input_ids"]
        order = sorted(range(len(masked)), key=lambda number: len(encoded[number]))
        while order:
            # The longest are last: as many of them as fit.
            size = max(1, MASKED_AT_ONCE // len(encoded[order[-1]]))
            chosen, order = order[-size:], order[:-size]
            chosen = [n for n in chosen if self.tokenizer.mask_token_id in encoded[n]]
            if not chosen:
                continue
            batch = self.tokenizer.pad(
                {"input_ids": [encoded[n] for n in chosen]}, return_tensors="pt"
            )
            with torch.inference_mode():
                scores = self._at_mask(batch.to(self.device))[:, self.ids]
                best = scores.topk(min(self.candidates + 1, len(self.ids)), dim=1).indices
            yield chosen, best.tolist()

    def _at_mask(self, batch: Any) -> "torch.Tensor":
        """Scores of all tokens at the masked place, [batch vocabulary].

        The last layer of the head, by far its largest, sees that place alone.
        """
        import torch

        rows = torch.arange(len(batch["input_ids"]), device=self.device)
        places = (batch["input_ids"] == self.tokenizer.mask_token_id).int().argmax(dim=1)
        layer = self.model.get_output_embeddings()
        hook = layer.register_forward_pre_hook(lambda _, given: (given[0][rows, places],))
        try:
            scores: torch.Tensor = self.model(**batch).logits
        finally:
            hook.remove()
        return scores


def _whole_words(tokenizer: Any) -> tuple[list[str], list[int]]:
    """The words that are one token, and their ids."""
    special = set(tokenizer.all_special_ids)
    found = [
        (tokenizer.decode([number]).strip(), number)
        for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        if number not in special and not token.startswith(("##", "[unused"))
    ]
    words = [(word, number) for word, number in found if word.isalpha()]
    return [word for word, _ in words], [number for _, number in words]


def _choose(words: list[str], guesses: list[list[str]], place: int, random: Random) -> str:
    return random.choice(guesses[place]) if guesses[place] else words[place]
