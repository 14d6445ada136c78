"""Means over tokens that are spread over several ranks."""

from torch import Tensor, distributed


def rank_share(count: Tensor, training: bool) -> Tensor | float:
    """What a rank's mean over `count` tokens is multiplied by; 1 in a single process.

    Ranks hold as many rows each, but not as many tokens, and a group takes the mean of its ranks'
    gradients. Multiplied by the rank's count over the mean count of all ranks, that is the
    gradient of the mean over all tokens. Outside `training` each rank counts for itself, and waits
    for no other.
    """
    alone = not (distributed.is_available() and distributed.is_initialized())
    if alone or not training or distributed.get_world_size() == 1:
        return 1.0
    total = count.double()
    distributed.all_reduce(total)
    return (count * distributed.get_world_size() / total).float()
