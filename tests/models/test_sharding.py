"""What a divided network gives still holds all its parts."""

from dataclasses import fields

import torch
from torch.utils import _pytree

from kdlight.models import sharding
from kdlight.types import ModelOutput


def test_every_part_of_an_output_is_found():
    """Torch looks in there for the tensors from which gradients come back."""
    sharding._make_known()
    names = [field.name for field in fields(ModelOutput)]
    given = {name: torch.full((1,), float(n)) for n, name in enumerate(names)}
    found, structure = _pytree.tree_flatten(ModelOutput(**given))
    assert [float(part) for part in found] == list(range(len(names)))
    again = _pytree.tree_unflatten(found, structure)
    assert all(getattr(again, name) is given[name] for name in names)
