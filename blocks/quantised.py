"""Affine projection with one byte a weight."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST = 127
FEW_INT8_ROWS = 8
"""Up to so many rows torch's product with int8 weights is quicker than one with weights made float again."""
TILE = 32
"""Widths of which that product is right are multiples of it; others it reads past."""
INT8_PRODUCT = getattr(torch, "_weight_int8pack_mm", None)
"""[R, in] by int8 [out, in], times a scale an output: private to torch, and it may be absent."""


class Int8Projection(nn.Module):
    """An affine map whose weights are whole numbers of -127 to 127, times one bfloat16 scale an output.

    A few rows are rounded to bfloat16 before they are multiplied, in which alone that product is quick.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight: Tensor
        self.scales: Tensor
        self.register_buffer("weight", torch.empty(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scales", torch.empty(out_features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.empty(out_features), requires_grad=False) if bias else None
        self.in_features = in_features
        self.out_features = out_features
        self.is_tiled = in_features % TILE == out_features % TILE == 0

    @classmethod
    @torch.no_grad()
    def of(cls, projection: nn.Linear) -> "Int8Projection":
        """The nearest whole numbers to a projection's weights; the largest of an output becomes 127."""
        weight, bias = projection.weight, projection.bias
        with torch.device(weight.device):
            quantised = cls(projection.in_features, projection.out_features, bias is not None)
        largest = weight.abs().amax(1)
        quantised.scales = torch.where(largest == 0, 1.0, largest / LARGEST).bfloat16()
        whole = (weight / quantised.scales.unsqueeze(1)).round().clamp(-LARGEST, LARGEST)
        quantised.weight = whole.to(torch.int8)
        if quantised.bias is not None:
            quantised.bias.copy_(bias)
        return quantised.eval()

    def dequantised(self) -> Tensor:
        """The weights as they are computed with: float32 [out, in]."""
        return self.weight * self.scales.float().unsqueeze(1)

    def forward(self, input: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        rows = input.numel() // self.in_features
        if INT8_PRODUCT is None or not (self.is_tiled and input.is_cpu and 0 < rows <= FEW_INT8_ROWS):
            product = F.linear(input, self.weight.to(input.dtype)) * self.scales.to(input.dtype)
        else:
            flat = input.reshape(rows, self.in_features).bfloat16()
            product = INT8_PRODUCT(flat, self.weight, self.scales.bfloat16()).to(input.dtype)
            product = product.view(*input.shape[:-1], self.out_features)
        return product if self.bias is None else product + self.bias
