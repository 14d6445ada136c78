"""How big a network is."""

from torch import nn


def parameters(model: nn.Module) -> dict[str, int]:
    """Numbers, frozen ones too, with and without embedding tables, and bytes in fp32."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    sizes = {id(p): p.numel() for p in model.parameters()}
    total = sum(sizes.values())
    return {
        "params": total,
        "params_without_embeddings": total
        - sum(sizes[table] for table in tables if table in sizes),
        "size_bytes": 4 * total,
    }
