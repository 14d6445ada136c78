"""How many processor threads a stage computes with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """At most `count` threads inside the block; None leaves the setting alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count or before, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def part_of_threads(processes: int) -> Iterator[None]:
    """The threads of one of several processes that compute at once."""
    with threads(max(1, torch.get_num_threads() // processes)):
        yield
