"""Affine projection."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Projection(nn.Linear):
    """An affine map that reads its weight at memory bandwidth when there are few rows.

    A decode step multiplies a handful of rows by a large weight. CPU matrix kernels split such a
    product badly as `x @ W.T`, and well as `W @ x.T`: two to four times faster up to sixteen rows.
    One row is doubled, which selects the threaded kernel.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        rows = input.numel() // self.in_features
        if not input.is_cpu or not 0 < rows <= 16 or torch.compiler.is_compiling():
            return F.linear(input, self.weight, self.bias)
        columns = input.reshape(rows, self.in_features).expand(max(rows, 2), -1).t()
        if self.bias is None:
            output = torch.mm(self.weight, columns)
        else:
            output = torch.addmm(self.bias.unsqueeze(1), self.weight, columns)
        return output.t()[:rows].reshape(*input.shape[:-1], self.out_features)
