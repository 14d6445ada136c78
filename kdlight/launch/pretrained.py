"""From `teacher.pretrained=` to a folder on this machine, without loading the model."""

import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kdlight.artifacts.fingerprint import hash_folder
from kdlight.models.field_names import usual
from kdlight.tasks.task import Task
from kdlight.types import UserError

log = logging.getLogger("kdlight")
TOKENIZER_FILES = (
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
)
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")  # one of these
NO_SHAPE = (
    *("architectures", "dtype", "torch_dtype", "transformers_version", "vocab_size"),
    *("pad_token_id", "id2label", "label2id", "problem_type", "finetuning_task"),
)
MODEL_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")


def find_pretrained(name: str, key: str = "teacher.pretrained") -> Path:
    """The folder itself, or the hub's snapshot of `name`.

    Raises:
        UserError: if it is neither a model folder nor to be had from the hub.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name, key)
    if not (folder / "config.json").is_file():
        raise UserError(f"{key}={name}: the folder holds no config.json.")
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{key}={name}: no *.safetensors there; other formats can run code "
            "when loaded, so convert it once with save_pretrained(safe_serialization=True)."
        )
    if not any(path.is_file() for pattern in VOCABULARIES for path in folder.glob(pattern)):
        raise UserError(
            f"teacher.pretrained={name}: the folder holds no tokenizer, that is none of "
            f"{', '.join(VOCABULARIES)}; add the one that the model was trained with."
        )
    _config(folder)
    return folder.resolve()


def warn_unused(teacher: Mapping[str, Any]) -> None:
    """Says what is not made where a model folder brings it."""
    unused = [f"teacher.{key}" for key in ("tokenizer", "pretrain") if teacher[key]]
    if teacher["pretrained"] and unused:
        log.warning(
            "teacher.pretrained brings an encoder with its tokenizer: %s %s not used.",
            " and ".join(unused),
            "is" if len(unused) == 1 else "are",
        )


def find_folders(pretrained: Any, names: tuple[str, ...]) -> dict[str, Path | None]:
    """The folder of each task's teacher, from one name for all or a name a task.

    Raises:
        UserError: as `find_pretrained`, or if a task has no name.
    """
    if not isinstance(pretrained, Mapping):
        folder = find_pretrained(str(pretrained)) if pretrained else None
        return dict.fromkeys(names, folder)
    if missing := [name for name in names if name not in pretrained]:
        raise UserError(
            f"teacher.pretrained names no teacher for task {', '.join(missing)}: add "
            f"{missing[0]}: FOLDER, or give one name for all tasks."
        )
    return {
        name: find_pretrained(str(pretrained[name]), f"teacher.pretrained.{name}") for name in names
    }


def _config(folder: Path) -> dict[str, Any]:
    """The model's configuration.

    Raises:
        UserError: if it is no JSON object.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / 'config.json'} cannot be read ({error}).") from error
    if not isinstance(config, dict):
        raise UserError(f"{folder / 'config.json'} holds JSON, but no object.")
    return config


def model_shape(folder: Path) -> dict[str, Any]:
    """What its configuration says of the encoder, without what belongs to weights and heads.

    Sizes are called as BERT calls them.
    """
    config = _config(folder)
    return usual({k: v for k, v in config.items() if k not in NO_SHAPE and not k.startswith("_")})


def model_hash(folder: Path) -> str:
    """Identifies shape and weights."""
    return hash_folder(folder, MODEL_FILES)


def tokenizer_hash(folder: Path) -> str:
    """Identifies the tokenizer."""
    return hash_folder(folder, TOKENIZER_FILES)


def check_vocabulary(folder: Path) -> None:
    """Refuses a tokenizer with more tokens than its model knows, where their files say so.

    Raises:
        UserError: with both numbers.
    """
    known, path = _config(folder).get("vocab_size"), folder / "tokenizer.json"
    if not isinstance(known, int) or not path.is_file():
        return
    try:
        found = json.loads(path.read_bytes())
        pieces, added = found["model"]["vocab"], found["added_tokens"]
        unigram = isinstance(pieces, list)  # with the score of each
        tokens = {piece[0] for piece in pieces} if unigram else set(pieces)
        tokens |= {token["content"] for token in added}
    except (OSError, ValueError, LookupError, TypeError):
        return  # of what cannot be read the stage speaks
    if len(tokens) > known:
        raise UserError(
            f"The teacher knows {known} tokens, but the tokenizer has {len(tokens)}: the two in "
            f"{folder} do not belong together; give another folder (teacher.pretrained=DIR)."
        )


def check_labels(folder: Path, task: Task) -> bool:
    """Whether the folder brings a head for the task's classes, or for its grade.

    Raises:
        UserError: if its classes are the task's in another order; learnt from such a teacher,
            a student would get everything backwards.
    """
    config = _config(folder)
    names = config.get("id2label") or {}
    try:
        labels = [str(names[key]) for key in sorted(names, key=int)]
    except (TypeError, ValueError, LookupError):
        raise UserError(
            f"{folder / 'config.json'}: id2label must map class numbers to names, as in "
            '{"0": "negative", "1": "positive"}.'
        ) from None
    if config.get("architectures") != ["BertForSequenceClassification"]:
        return False
    if len(labels) != (1 if task.kind == "regression" else len(task.labels)):
        _say_unused(folder, task.name, tuple(labels))
        return False
    if task.kind == "regression" or all(
        label == f"LABEL_{number}" for number, label in enumerate(labels)
    ):
        return True
    theirs, ours = [_plain(label) for label in labels], [_plain(label) for label in task.labels]
    if theirs != ours and sorted(theirs) == sorted(ours):
        raise UserError(
            f"The teacher in {folder} orders its classes {labels}, task {task.name} has "
            f"{list(task.labels)}: fine-tune it with a new head (teacher.keep_head=false), or, if "
            f"the data gives labels by name, set 'task.{task.name}.labels=[{','.join(labels)}]'."
        )
    if theirs != ours:
        _say_unused(folder, task.name, tuple(labels))
    return theirs == ours


@cache
def _say_unused(folder: Path, task: str, labels: tuple[str, ...]) -> None:
    """Says once that a head is left out."""
    log.info("The head of %s, for %s, does not fit task %s: its teacher gets a new one.",
             folder, ", ".join(labels), task)  # fmt: skip


def _plain(label: str) -> str:
    return "".join(letter for letter in label.lower() if letter.isalnum())


def _from_hub(name: str, key: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = [*MODEL_FILES, *TOKENIZER_FILES]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{key}={name} is no folder here and cannot be had from the hub "
            f"({type(error).__name__}): give a local folder ({key}=DIR); "
            "a teacher can be trained on the spot on embedded data (scale=demo)."
        ) from error
