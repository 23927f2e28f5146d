"""Affine projection."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW_ROWS = 16
PARTS = 16


class Projection(nn.Linear):
    """An affine map that reads its weight at memory bandwidth when there are few rows.

    A decode step multiplies a handful of rows by a large weight. CPU matrix kernels share `x @ W.T`
    badly among threads then. A batch of products with parts of the weight, views of it, is two to
    four times faster: as `W_part @ x.T`, or as `x @ W_part.T` for several rows that get narrower.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        weight, bias = self.weight, self.bias
        outputs, inputs = weight.shape
        rows = input.numel() // inputs
        if not 0 < rows <= FEW_ROWS or not input.is_cpu or torch.compiler.is_compiling():
            return F.linear(input, weight, bias)
        flat = input.reshape(rows, inputs)
        parts = math.gcd(outputs, PARTS)
        if rows == parts == 1:  # nothing to share: two equal rows are next best
            return self(torch.cat((flat, flat)))[:1].view(*input.shape[:-1], outputs)
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
