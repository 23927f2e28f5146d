"""What attention may know of the distance between two positions; computed once for all layers."""

import math

import torch
from torch import Tensor, nn


def buckets(distances: Tensor, count: int, maximum: int) -> Tensor:
    """Rows of a table of `count` for distances of any sign (Raffel et al. 2020, in both directions).

    Half of the rows are for each direction. Of these, half are of one distance each, and the others grow with
    its logarithm up to `maximum`, from which on all share the last. Any shape, unchanged.
    """
    half = count // 2
    exact = half // 2
    size = distances.abs()
    growth = torch.log(size.clamp(min=1).float() / exact) / math.log(maximum / exact)
    far = (exact + growth * (half - exact)).long().clamp(max=half - 1)
    return torch.where(size < exact, size, far) + (distances > 0).long() * half


class BucketedPositionBias(nn.Module):
    """A learned number for every head and bucket of distances."""

    def __init__(self, heads: int, buckets: int, maximum_distance: int) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, heads)
        self.buckets = buckets
        self.maximum_distance = maximum_distance

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, S, D], whose length is read -> [H, S, S]: query, then key."""
        places = torch.arange(hidden.shape[1], device=hidden.device)
        rows = buckets(places - places.unsqueeze(1), self.buckets, self.maximum_distance)
        return self.table(rows).permute(2, 0, 1)


class RelativeSinusoids(nn.Module):
    """A fixed vector for every distance (Dai et al. 2019): sines at even channels, cosines at odd ones.

    Channels 2i and 2i+1 have the frequency 10000^(-2i / width).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, S, D], whose length is read -> [2S - 1, D]: distances from S - 1 down to 1 - S."""
        length = hidden.shape[1]
        distances = torch.arange(length - 1, -length, -1, device=hidden.device).float()
        channels = torch.arange(0, self.width, 2, device=hidden.device).float()
        angles = distances.unsqueeze(1) * torch.exp(channels * (-math.log(10000.0) / self.width))
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1).to(hidden.dtype)


class RotaryAngles(nn.Module):
    """Cosine and sine of every position's angles (Su et al. 2021): frequency i is base^(-2i / head width)."""

    def __init__(self, width: int, heads: int, base: int) -> None:
        super().__init__()
        self.frequencies: Tensor
        self.register_buffer("frequencies", torch.empty(width // heads // 2), persistent=False)
        self.head_width = width // heads
        self.base = base
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Compute the frequencies from their formula, on the device where they live."""
        exponents = torch.arange(0, self.head_width, 2).float() / self.head_width
        self.frequencies = (1.0 / self.base**exponents).to(self.frequencies)

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, S, D], whose length is read -> [2, S, K]: cosines, sines; K repeats the angles."""
        places = torch.arange(hidden.shape[1], device=hidden.device).to(self.frequencies)
        angles = (places.unsqueeze(1) * self.frequencies).repeat(1, 2)
        return torch.stack((angles.cos(), angles.sin())).to(hidden.dtype)
