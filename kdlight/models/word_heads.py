"""Where a model folder keeps its head over words. Imports nothing heavy."""

import json
from pathlib import Path

from safetensors import safe_open

FILE = "words.safetensors"  # that of an encoder that was pretrained here
# What the layer, its norm and the owner of the bias are called: here, and by Hugging Face in BERT
# (ERNIE, BertForPreTraining), RoBERTa and DistilBERT.
NAMES = (
    ("dense", "norm", ""),
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions."),
    ("lm_head.dense", "lm_head.layer_norm", "lm_head."),
    ("vocab_transform", "vocab_layer_norm", "vocab_projector."),
)
OLD = {"weight": "gamma", "bias": "beta"}  # a norm's weights in folders of BERT's first years
Place = tuple[Path, str]


def word_head(folder: Path) -> dict[str, Place]:
    """File and key of every weight of a `WordHead`; empty where the folder has no such head.

    A head with another activation than GELU, or a table of its own in place of the words that the
    encoder reads, is none of that kind.
    """
    if not _is_like_ours(folder):
        return {}
    there: dict[str, Path] = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            there |= dict.fromkeys(file.keys(), path)
    for dense, norm, owner in NAMES:
        keys = {
            **{f"dense.{part}": f"{dense}.{part}" for part in OLD},
            **{f"norm.{part}": f"{norm}.{part}" for part in OLD},
            "bias": f"{owner}bias",
        }
        for part, old in OLD.items():
            if f"{norm}.{part}" not in there:
                keys[f"norm.{part}"] = f"{norm}.{old}"
        if there.keys() >= set(keys.values()):
            return {name: (there[key], key) for name, key in keys.items()}
    return {}


def _is_like_ours(folder: Path) -> bool:
    path = folder / "config.json"
    if not path.is_file():
        return True
    config = json.loads(path.read_text())
    activation = config.get("hidden_act", config.get("activation", "gelu"))
    return activation == "gelu" and config.get("tie_word_embeddings", True)
