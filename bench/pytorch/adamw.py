"""AdamW as a run's configuration has it: one group, decay on every tensor, PyTorch's fused kernel."""

from collections.abc import Iterable

import torch


def adamw(params: Iterable[torch.nn.Parameter], learning_rate: float, settings: dict) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        params,
        lr=learning_rate,
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
        weight_decay=settings["weightDecay"],
        fused=True,
    )
