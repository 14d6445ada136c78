"""Floating-point operations of one forward pass."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def flops(call: Callable[[], object]) -> int:
    """Operations (a multiply-add counts two) that PyTorch's counter sees in `call`.

    oneDNN is off meanwhile, so that an LSTM shows its matrix products.
    """
    counter = FlopCounterMode(display=False)
    enabled, *_ = torch.backends.mkldnn.set_flags(False)
    try:
        with torch.no_grad(), counter:
            call()
    finally:
        torch.backends.mkldnn.set_flags(enabled)
    return counter.get_total_flops()
