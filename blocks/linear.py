"""Affine projection."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW_ROWS = 7
"""Up to so many rows a product waits for its weight, not for arithmetic."""
PARTS = 16
MANY_OPERATIONS = 1 << 22
"""Multiplications from which on oneDNN wins more than entering and leaving its layout costs."""


class Projection(nn.Linear):
    """An affine map by whichever product is quickest for its shape; on a CPU they differ up to fourfold."""

    def forward(self, input: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        weight, bias = self.weight, self.bias
        rows = input.numel() // weight.shape[1]
        if not input.is_cpu or input.dtype is not torch.float32 or torch.compiler.is_compiling():
            return F.linear(input, weight, bias)
        if 0 < rows <= FEW_ROWS:
            return by_parts(input, weight, bias)
        if rows * weight.numel() < MANY_OPERATIONS or torch.is_autocast_enabled("cpu"):
            return F.linear(input, weight, bias)
        return F.linear(input.to_mkldnn(), weight, bias).to_dense()


def by_parts(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of a few rows, as a batch of products that the threads share.

    `x @ W.T` is split badly among them then. The parts are views of the weight, multiplied as
    `part @ x.T`, or as `x @ part.T` for several rows that get narrower.
    """
    outputs, inputs = weight.shape
    flat = input.reshape(-1, inputs)
    rows = len(flat)
    parts = math.gcd(outputs, PARTS)
    if rows == parts == 1:  # nothing to share: two equal rows are next best
        return by_parts(torch.cat((flat, flat)), weight, bias)[:1].view(*input.shape[:-1], outputs)
    pieces = weight.view(parts, -1, inputs)
    if rows > 2 and inputs > outputs:
        offset = None if bias is None else bias.view(parts, 1, -1)
        product = batched(flat.expand(parts, rows, inputs), pieces.mT, offset).transpose(0, 1)
    else:
        offset = None if bias is None else bias.view(parts, -1, 1)
        product = batched(pieces, flat.t().expand(parts, inputs, rows), offset).view(outputs, rows).t()
    return product.reshape(*input.shape[:-1], outputs).contiguous()


def batched(left: Tensor, right: Tensor, offset: Tensor | None) -> Tensor:
    """Products [P, N, K] @ [P, K, M], and an offset that is broadcast over them: [P, N, M]."""
    return torch.bmm(left, right) if offset is None else torch.baddbmm(offset, left, right)
