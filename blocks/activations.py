"""Activations torch.nn does not have."""

import torch
from torch import Tensor, nn


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), a cheap approximation of GELU (Hendrycks and Gimpel 2016)."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Any shape, unchanged."""
        return hidden * torch.sigmoid(1.702 * hidden)


class SquaredReLU(nn.Module):
    """max(x, 0)^2 (So et al. 2021)."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Any shape, unchanged."""
        return torch.relu(hidden).square()
