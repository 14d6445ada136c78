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
ROUNDED_UP = 128  # or a hundredth: by how many tokens a model may know more than its tokenizer has
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
            f"{key}={name}: the folder holds no tokenizer, that is none of "
            f"{', '.join(VOCABULARIES)}; add the one that the model was trained with."
        )
    _check_tokenizer(folder, key)
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


@cache
def _check_tokenizer(folder: Path, key: str) -> None:
    """Refuses a tokenizer that is not its model's, as far as their files tell; once for all arms.

    Raises:
        UserError: if it has more tokens than the model knows, or pads with another one.
    """
    config, tokens = _config(folder), _tokens(folder)
    known, padding = config.get("vocab_size"), config.get("pad_token_id")
    if not isinstance(known, int) or tokens is None:
        return
    remedy = f"the two in {folder} do not belong together; give another folder ({key}=DIR)."
    if len(tokens) > known:
        raise UserError(
            f"The model knows {known} tokens, but the tokenizer has {len(tokens)}: {remedy}"
        )
    pads = tokens.get(_padding(folder) or "")
    if isinstance(padding, int) and pads not in (None, padding):
        raise UserError(
            f"The model pads with token {padding}, but the tokenizer with {pads}: {remedy}"
        )
    if known - len(tokens) > max(ROUNDED_UP, known // 100):
        log.warning(
            "%s: the model knows %d tokens, but the tokenizer has %d; if it is of another model "
            "(cased for uncased, say), the model reads nonsense.", folder, known, len(tokens)
        )  # fmt: skip


def _tokens(folder: Path) -> dict[str, int] | None:
    """The number of each token; None where tokenizer.json is missing or cannot be read."""
    try:
        found = json.loads((folder / "tokenizer.json").read_bytes())
        pieces, added = found["model"]["vocab"], found["added_tokens"]
        if isinstance(pieces, list):  # with the score of each
            pieces = {piece[0]: number for number, piece in enumerate(pieces)}
        return {**pieces, **{token["content"]: token["id"] for token in added}}
    except (OSError, ValueError, LookupError, TypeError):
        return None  # of what cannot be read the stage speaks


def _padding(folder: Path) -> str | None:
    """The token that the tokenizer pads with, where tokenizer_config.json names it."""
    try:
        token = json.loads((folder / "tokenizer_config.json").read_bytes())["pad_token"]
        return str(token["content"] if isinstance(token, dict) else token)
    except (OSError, ValueError, LookupError, TypeError):
        return None


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
