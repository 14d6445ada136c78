"""The keys of the nodes whose YAML the types do not describe: what nothing reads is refused."""

from collections.abc import Mapping
from typing import Any

from kdlight.schema import check_keys
from kdlight.types import UserError

LEARNT = ("max_steps", "evaluations", "batch_size", "precision", "share", "optimizer", "schedule")
NODES = {
    "method": (
        *("name", "learns_from", "joint", "infuse", "rates", "text", "leave_out", "refine"),
        "module",
    ),
    "method.text": ("seed", "embeddings", *LEARNT),
    "teacher.pretrain": ("start", *LEARNT),
    "student": ("encoder", "embeddings", "tokenizer", "start", "head"),
    "teacher": (
        *("pretrained", "pretrain", "tokenizer", "shape", "embedding_std", "pooling", "keep_head"),
        *("source", "store_precision", "threads", "floor", "seed", "max_epochs", "evaluations"),
        *("min_steps", "batch_size", "precision", "head", "optimizer", "schedule", "joint"),
        *("refine", "leave_out", "ensemble", "mixing"),
    ),
    "trainer": (
        *("accelerator", "devices", "num_nodes", "on_every_node", "strategy", "precision"),
        *("max_epochs", "max_steps", "min_steps", "evaluations", "checkpoint_seconds", "threads"),
        # Further ones of Lightning's Trainer.
        *("gradient_clip_val", "gradient_clip_algorithm", "deterministic", "benchmark"),
        *("detect_anomaly", "sync_batchnorm", "profiler", "accumulate_grad_batches"),
    ),
}


def check_nodes(config: Mapping[str, Any]) -> None:
    """Refuses keys that no part of a job reads.

    Raises:
        UserError: with the key, and the nearest that there is.
    """
    for node, keys in NODES.items():
        found: Any = config
        for part in node.split("."):
            found = (found or {}).get(part)
        if not isinstance(found or {}, Mapping):
            raise UserError(f"{node}={found} must be a node with keys, or null.")
        check_keys(node, found or {}, keys)
