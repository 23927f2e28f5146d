"""Normalisation over a batch (Ioffe & Szegedy 2015)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOMENTUM = 0.1
"""Share of a batch in the running statistics, as torch has it by itself."""


class BatchNorm(nn.Module):
    """Each channel normalised over batch and time: by running statistics, and in training by the batch's own.

    The statistics are stored with the parameters, and training moves them. Padding is counted, as published.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.variance: Tensor
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width))
        self.register_buffer("mean", torch.empty(width))
        self.register_buffer("variance", torch.empty(width))

    def forward(self, states: Tensor) -> Tensor:
        """[B, C, T], unchanged in shape."""
        return F.batch_norm(
            states, self.mean, self.variance, self.weight, self.bias, self.training, momentum=MOMENTUM
        )
