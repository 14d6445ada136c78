"""Builds, saves and loads teachers and students; weights are safetensors, shapes are JSON."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kdlight.models.ensemble import Ensemble
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import PretrainedEncoder, load_encoder, load_head, random_encoder

Outputs = Mapping[str, tuple[Any, ...]]  # as of MultiTaskModel


def build_teacher(
    config: Mapping[str, Any], outputs: Outputs, vocabulary: int, pad: int, folder: Path | None
) -> MultiTaskModel:
    """A pretrained encoder from `folder`, or a random one of `config.shape`, with fresh heads."""
    encoder: PretrainedEncoder
    if folder is not None:
        encoder = load_encoder(folder, config["pooling"])
    else:
        encoder = random_encoder(
            config["shape"], vocabulary, pad, config["pooling"], config["embedding_std"]
        )
    model = MultiTaskModel(encoder, instantiate(config["head"]), outputs)
    if folder is not None and config.get("keep_head"):
        next(iter(model.heads.values())).load_state_dict(load_head(folder))
    return model


def part_of(
    model: MultiTaskModel, outputs: Outputs, head: Callable[[int, int], nn.Module]
) -> MultiTaskModel:
    """The same encoder with the heads of some of its tasks, and fresh ones for other tasks."""
    part = MultiTaskModel(model.encoder, head, outputs)
    part.heads.update({task: model.heads[task] for task in outputs if task in model.heads})
    return part


def load_body(folder: Path, pooling: str) -> PretrainedEncoder:
    """The encoder of an artifact that has one, or of a model folder."""
    inside = folder / "encoder"
    return load_encoder(inside if inside.is_dir() else folder, pooling)


def save_teacher(
    model: MultiTaskModel, out: Path, config: Mapping[str, Any], outputs: Outputs
) -> None:
    """Writes a Hugging Face folder `encoder/`, the heads, and how they go together."""
    model.encoder.model.save_pretrained(out / "encoder")
    save_file(_contiguous(model.heads.state_dict()), out / "heads.safetensors")
    about = {"pooling": config["pooling"], "head": config["head"], "outputs": outputs}
    (out / "model.json").write_text(json.dumps(about, indent=1))


def load_teacher(folder: Path) -> MultiTaskModel:
    """A teacher as `save_teacher` left it, or an ensemble of such, in evaluation mode."""
    if members := sorted((folder / "members").glob("*")):
        return Ensemble([load_teacher(member) for member in members]).eval()
    about = json.loads((folder / "model.json").read_text())
    encoder = load_encoder(folder / "encoder", about["pooling"])
    model = MultiTaskModel(encoder, instantiate(about["head"]), about["outputs"])
    model.heads.load_state_dict(load_file(folder / "heads.safetensors"))
    return model.eval()


@torch.no_grad()
def word_embeddings(encoder: PretrainedEncoder) -> Tensor:
    """An encoder's word embeddings as its first layer reads them, [vocabulary hidden].

    The bare table of a BERT has entries of about 0.05, too small for an LSTM to learn from at
    once; behind the layer's own normalisation (without positions) they are about 0.6.
    """
    model = encoder.model
    table: Tensor = model.get_input_embeddings().weight
    layer: Any = getattr(model, "embeddings", None)
    if not hasattr(layer, "LayerNorm"):
        return table
    if hasattr(layer, "token_type_embeddings"):
        table = table + layer.token_type_embeddings.weight[0]
    normalised: Tensor = layer.LayerNorm(table)
    return normalised


def build_student(
    config: Mapping[str, Any],
    outputs: Outputs,
    vocabulary: int,
    pad: int,
    table: Tensor | None = None,
) -> MultiTaskModel:
    """A student with fresh weights; `table` starts its embeddings where the YAML asks for it.

    An encoder whose YAML has `embeddings` is called with these, another one (a Transformer) with
    the size of the vocabulary and the padding token.
    """
    if config.get("embeddings"):
        extra = {} if config["embeddings"]["start"] == "random" else {"table": table}
        embeddings = instantiate(config["embeddings"])(vocabulary, pad, **extra)
        encoder = instantiate(config["encoder"])(embeddings)
    else:
        encoder = instantiate(config["encoder"], _convert_="all")(vocabulary, pad)
    return MultiTaskModel(encoder, instantiate(config["head"]), outputs)


def save_student(
    model: MultiTaskModel, out: Path, config: Mapping[str, Any], outputs: Outputs
) -> None:
    """Writes the weights, and the shape from which `load_student` builds the network again.

    A Transformer is kept as a teacher is, with its encoder in a Hugging Face folder.
    """
    if isinstance(model.encoder, PretrainedEncoder):
        config = {"pooling": model.encoder.pooling, "head": config["head"]}
        save_teacher(model, out, config, outputs)
        return
    table = model.encoder.embeddings
    embeddings = {**config["embeddings"], "dim": table.dim, "start": "random"}
    about = {
        "config": {**config, "embeddings": embeddings},
        "outputs": outputs,
        "vocabulary": table.num_embeddings,
        "pad": table.padding_idx,
    }
    (out / "model.json").write_text(json.dumps(about, indent=1))
    save_file(_contiguous(model.state_dict()), out / "weights.safetensors")


def load_student(folder: Path) -> MultiTaskModel:
    """A student as `save_student` left it, in evaluation mode."""
    if (folder / "encoder").is_dir():
        return load_teacher(folder)
    about = json.loads((folder / "model.json").read_text())
    model = build_student(about["config"], about["outputs"], about["vocabulary"], about["pad"])
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    return model.eval()


def _contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        key: value.detach().to("cpu", torch.float32).contiguous() for key, value in state.items()
    }
