"""What a student's transfer set is made of, from its configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.launch.graph import Node
from kdlight.launch.pretrained import find_pretrained, model_hash
from kdlight.schema import AUGMENTATION_KEYS
from kdlight.tasks.lines import file_hash


def transfer_set(
    task: str, rows: Node, data: Mapping[str, Any], augmentation: Mapping[str, Any], pair: bool
) -> Node:
    """Labelled and unlabelled rows of a task, augmented copies, and sentences of other files.

    The content of those files and of augmenters' models reaches the fingerprint, not their place.
    """
    augmenters = {n: dict(node) for n, node in augmentation.items() if n not in AUGMENTATION_KEYS}
    folders = {}
    for name, node in augmenters.items():
        if node.get("pretrained"):
            folder = find_pretrained(node["pretrained"], f"augmentation.{name}.pretrained")
            folders[name], node["pretrained"] = str(folder), model_hash(folder)
    text = [] if pair else data["text"]
    config = {
        "seed": augmentation["seed"],
        "n_iter": augmentation["n_iter"],
        "augmenters": augmenters,
        "student_labels": data["student_labels"],
        "data_seed": data["seed"],
        "text": None,
    }
    if text:
        content = [file_hash(Path(path)) for path in text]
        limits = {"rows": data["text_rows"], "words": data["text_words"]}
        config["text"] = {"content": content, **limits}
    return Node("transfer_set", task, config, {"rows": rows}, {"pretrained": folders, "text": text})
