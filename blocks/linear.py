"""Affine projection."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW_ROWS = 16
PARTS = 8


class Projection(nn.Linear):
    """An affine map that reads its weight at memory bandwidth when there are few rows.

    A decode step multiplies a handful of rows by a large weight. CPU matrix kernels split such a
    product badly as `x @ W.T`, and well as `W @ x.T`: two to four times faster up to sixteen rows.
    One row is a batch of products with parts of the weight, which the threads share: views, no copy.
    An odd number of outputs has no equal parts; there the row is doubled, which is next best.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        weight, bias = self.weight, self.bias
        rows = input.numel() // weight.shape[1]
        if not input.is_cpu or not 0 < rows <= FEW_ROWS or torch.compiler.is_compiling():
            return F.linear(input, weight, bias)
        parts = math.gcd(weight.shape[0], PARTS)
        if rows == 1 and parts > 1:
            weight = weight.view(parts, -1, weight.shape[1])
            column = input.reshape(1, 1, -1).transpose(1, 2).expand(parts, -1, 1)
            product = (
                torch.bmm(weight, column)
                if bias is None
                else torch.baddbmm(bias.view(parts, -1, 1), weight, column)
            )
            return product.view(*input.shape[:-1], -1)
        flat = input.reshape(rows, -1)
        columns = (torch.cat((flat, flat)) if rows == 1 else flat).t()
        output = (
            torch.mm(weight, columns) if bias is None else torch.addmm(bias.unsqueeze(1), weight, columns)
        )
        output = output.select(1, 0) if rows == 1 else output.t().contiguous()
        return output.view(*input.shape[:-1], -1)
