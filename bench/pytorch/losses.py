"""Next-token cross-entropy."""

import torch
import torch.nn.functional as F
from torch import Tensor

# what F.cross_entropy leaves out
NO_TARGET = -100


def next_tokens(ids: Tensor) -> Tensor:
    """The target of each position, [n, T]: the token after it, none at the end. So the logits need no copy without their last row."""
    targets = torch.full_like(ids, NO_TARGET)
    targets[:, :-1] = ids[:, 1:]
    return targets


def mean_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over all positions that have a target, a scalar. logits [n, T, V]"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET)
