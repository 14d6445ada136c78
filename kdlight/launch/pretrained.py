"""From `teacher.pretrained=` to a folder on this machine, without loading the model."""

from pathlib import Path

from kdlight.artifacts.fingerprint import hash_folder
from kdlight.types import UserError

TOKENIZER_FILES = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "*.model")
MODEL_FILES = ("config.json", "*.safetensors")


def find_pretrained(name: str) -> Path:
    """The folder itself, or the hub's snapshot of `name`.

    Raises:
        UserError: if it is neither a model folder nor to be had from the hub.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name)
    if not (folder / "config.json").is_file():
        raise UserError(f"teacher.pretrained={name}: the folder holds no config.json.")
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"teacher.pretrained={name}: no *.safetensors there; other formats can run code "
            "when loaded, so convert it once with save_pretrained(safe_serialization=True)."
        )
    return folder.resolve()


def model_hash(folder: Path) -> str:
    """Identifies shape and weights."""
    return hash_folder(folder, MODEL_FILES)


def tokenizer_hash(folder: Path) -> str:
    """Identifies the tokenizer."""
    return hash_folder(folder, TOKENIZER_FILES)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = [*MODEL_FILES, *TOKENIZER_FILES]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"teacher.pretrained={name} is no folder here and cannot be had from the hub "
            f"({type(error).__name__}): give a local folder (teacher.pretrained=DIR), or train "
            "one on the spot on embedded data (teacher=scratch data.source=embedded)."
        ) from error
