"""Images brought to a size that their parts divide."""

import torch.nn.functional as F
from torch import Tensor, nn


class ZeroPadImage(nn.Module):
    """An image with zeros below it and to its right."""

    def __init__(self, below: int, right: int) -> None:
        super().__init__()
        self.below = below
        self.right = right

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, height, width] -> [B, C, height + below, width + right]."""
        return F.pad(image, (0, self.right, 0, self.below))
