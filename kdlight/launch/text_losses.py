"""Which losses can be learnt on tasks and on plain text, told before a teacher is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.launch.graph import Node
from kdlight.models.word_heads import word_head
from kdlight.types import UserError

OF_TASKS = tuple(f"kdlight.losses.{module}." for module in ("logits", "hard", "annealed"))
OF_WORDS = "kdlight.losses.words."
WORD_KL = f"{OF_WORDS}WordDistribution"


def check_task_losses(losses: Mapping[str, Any]) -> None:
    """Refuses an arm with nothing to learn, or with words to find in rows of tasks.

    Raises:
        UserError: with the losses and the remedy.
    """
    if not losses:
        raise UserError(
            "No loss is chosen: add for instance 'loss=[logit_mse]', or learn from gold labels "
            "alone (method.learns_from=gold)."
        )
    if asking := [n for n, loss in losses.items() if loss["_target_"].startswith(OF_WORDS)]:
        raise UserError(
            f"Loss {', '.join(asking)} is about words of plain text, which a student of tasks "
            "does not read: take +experiment=mitkd, or leave it out."
        )


def check_text_losses(
    losses: Mapping[str, Any], teacher: Mapping[str, Node], folder: Path | None
) -> None:
    """Refuses losses over what text without tasks, or this teacher, cannot give.

    Args:
        losses: the `loss` node.
        teacher: the artifact that reads the text, if it is one.
        folder: that of a model, if it is that.

    Raises:
        UserError: with the losses and the remedy.
    """
    targets = {name: loss["_target_"] for name, loss in losses.items()}
    if asking := [name for name, target in targets.items() if target.startswith(OF_TASKS)]:
        raise UserError(
            f"Loss {', '.join(asking)} needs logits, but text without tasks has none: learn "
            "relations, layers or words ('loss=[relation]', 'loss=[hidden,masked_words]')."
        )
    asking = [name for name, target in targets.items() if target == WORD_KL]
    pretrained = any(node.kind == "pretrain" for node in teacher.values())
    if asking and not pretrained and not (folder and word_head(folder)):
        raise UserError(
            f"Loss {', '.join(asking)} needs words of the teacher, and this one has no head for "
            "them: with teacher=plain, a folder of a BERT, RoBERTa or DistilBERT for masked words "
            "has, and an encoder that is pretrained here (+pretrain@teacher.pretrain=masked_lm); "
            "or take 'loss=[relation,masked_words]'."
        )
