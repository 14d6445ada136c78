"""How much of what is computed is text, and not padding."""

from collections.abc import Iterable

from kdlight.types import Batch, Tokens


def real_share(batches: Iterable[Batch]) -> dict[str, float]:
    """Real tokens / computed tokens by text form (`texts`, `joint`), over all batches."""
    counts: dict[str, list[int]] = {}
    for batch in batches:
        forms: dict[str, tuple[Tokens, ...]] = {"texts": batch.texts}
        forms["joint"] = (batch.joint,) if batch.joint is not None else ()
        for form, texts in forms.items():
            for text in texts:
                count = counts.setdefault(form, [0, 0])
                count[0] += int(text.lengths.sum())
                count[1] += text.input_ids.numel()
    return {form: real / computed for form, (real, computed) in counts.items()}
