"""Floating-point operations of one forward pass."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def flops(call: Callable[[], object]) -> int:
    """Operations (a multiply-add counts two) that PyTorch's counter sees in `call`.

    oneDNN is off meanwhile, so that an LSTM shows its matrix products.
    """
    counter = FlopCounterMode(display=False)
    with torch.backends.mkldnn.flags(enabled=False), torch.no_grad(), counter:
        call()
    return counter.get_total_flops()
