"""Pixels as numbers around zero: rescaled and normalised."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Rescale(nn.Module):
    """Each pixel times a factor, computed in double precision and rounded once."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, pixels: Tensor) -> Tensor:
        """Any shape and dtype -> float32, unchanged in shape."""
        return (pixels.double() * self.factor).float()


class ChannelNormalisation(nn.Module):
    """Each channel minus its mean, by its deviation."""

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.mean = mean
        self.deviation = deviation

    def forward(self, pixels: Tensor) -> Tensor:
        """[B, C, height, width] -> float32, unchanged in shape."""
        mean, deviation = (
            torch.tensor(values, dtype=torch.float32, device=pixels.device)[:, None, None]
            for values in (self.mean, self.deviation)
        )
        return (pixels.float() - mean) / deviation


class PixelFrontEnd(nn.Module):
    """Images of one size, one after another through what makes numbers of their pixels."""

    def __init__(self, normalizers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.normalizers = nn.Sequential(*normalizers)

    def forward(self, images: Tensor) -> Tensor:
        """uint8 [B, C, height, width] -> float32, unchanged in shape."""
        return self.normalizers(images).float()
