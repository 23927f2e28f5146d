"""Images as sequences of patches (Dosovitskiy et al. 2021, "An image is worth 16x16 words")."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """Every patch of an image, projected; patches come row after row."""

    def __init__(self, channels: int, width: int, patch_height: int, patch_width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, width, (patch_height, patch_width), (patch_height, patch_width))

    def forward(self, image: Tensor) -> Tensor:
        """[B, channels, height, width] -> [B, patches, D]."""
        return self.projection(image).flatten(2).transpose(1, 2)


class ZeroPadImage(nn.Module):
    """An image with zeros below it and to the right, for what cuts it into whole patches."""

    def __init__(self, below: int, right: int) -> None:
        super().__init__()
        self.below = below
        self.right = right

    def forward(self, image: Tensor) -> Tensor:
        """[B, channels, height, width] -> [B, channels, height + below, width + right]."""
        return F.pad(image, (0, self.right, 0, self.below))


class PatchPositions(nn.Module):
    """Sum of patches and a learned vector for each place in the image."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(1, patches, width))

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, patches, D] -> [B, patches, D]."""
        return hidden + self.table
