"""Affine projection."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW_ROWS = 7
"""Up to so many rows a product waits for its weight, not for arithmetic."""
PARTS = 16
MANY_OPERATIONS = 1 << 22
"""Multiplications from which on oneDNN's product wins more than calling it costs."""
ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
"""oneDNN's affine map of dense tensors: private to torch, and absent where torch is built without oneDNN."""


def _multiplies_bfloat16() -> bool:
    """Whether oneDNN does on this processor, as a function that is private to torch says."""
    says = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return says is not None and bool(says())


WITHOUT_GRADIENT = (torch.float32, torch.bfloat16) if _multiplies_bfloat16() else (torch.float32,)
"""Dtypes that oneDNN multiplies quicker than `F.linear` where no gradient is asked for."""


class Projection(nn.Linear):
    """An affine map by whichever product is quickest for its shape; on a CPU they differ up to fourfold.

    A few rows that get wider may come out column by column in memory.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        weight, bias = self.weight, self.bias
        outputs, inputs = weight.shape
        rows = input.numel() // inputs
        if not (rows and input.is_cpu) or torch.compiler.is_compiling():
            return F.linear(input, weight, bias)
        if rows <= FEW_ROWS and input.dtype is torch.float32:
            product = few_rows(input.reshape(rows, inputs), weight, bias)
            if outputs <= inputs:  # a wider one is read once, and moving it costs more than it saves
                product = product.contiguous()
            return product.view(*input.shape[:-1], outputs)
        if rows * weight.numel() < MANY_OPERATIONS or not is_onednns(input.dtype, weight.dtype):
            return F.linear(input, weight, bias)
        if not torch.is_grad_enabled():
            return onednn_product(input, weight, bias)
        product = ManyRows.apply(input.reshape(rows, inputs), weight, bias)  # type: ignore[no-untyped-call]
        return product.view(*input.shape[:-1], outputs)


def is_onednns(dtype: torch.dtype, other: torch.dtype) -> bool:
    """Whether a large product of these dtypes is oneDNN's, as things are: of bfloat16 without a gradient."""
    dtypes = (torch.float32,) if torch.is_grad_enabled() else WITHOUT_GRADIENT
    return ONEDNN is not None and dtype is other and dtype in dtypes and not torch.is_autocast_enabled("cpu")


def onednn_product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` by oneDNN, which no gradient goes through."""
    assert ONEDNN is not None, "asked for where torch has it"
    product: Tensor = ONEDNN(input, weight, bias, "none", [], "")
    return product


class ManyRows(torch.autograd.Function):
    """`F.linear` of [R, in_features] whose products are oneDNN's, forward and backward.

    A gradient that is differentiated again is made of torch's own products.
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """As `F.linear`."""
        ctx.save_for_backward(input, weight)
        return onednn_product(input, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of input, weight and bias for that of the output, [R, out_features]."""
        input, weight = ctx.saved_tensors
        needs_input, needs_weight, needs_bias = ctx.needs_input_grad
        product = F.linear if torch.is_grad_enabled() else onednn_product
        of_input = product(gradient, weight.t()) if needs_input else None
        of_weight = product(gradient.t(), input.t()) if needs_weight else None
        return of_input, of_weight, gradient.sum(0) if needs_bias else None


def few_rows(flat: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of [R, in_features] by the product that threads share well, in any memory layout.

    They share `x @ W.T` badly when R is small, and `W @ x.T` well. One row, or several that get
    narrower, are a batch of products with parts of the weight: views of it, nothing is copied.
    """
    rows, (outputs, inputs) = flat.shape[0], weight.shape
    if rows > 1 and (rows == 2 or inputs <= outputs):
        if bias is None:
            return torch.mm(weight, flat.t()).t()
        return torch.addmm(bias.unsqueeze(1), weight, flat.t()).t()
    parts = math.gcd(outputs, PARTS)
    if rows == 1 and parts == 1:  # nothing to share: two equal rows are next best
        return few_rows(torch.cat((flat, flat)), weight, bias)[:1]
    if rows == 1:
        pieces, column = weight.view(parts, -1, inputs), flat.t().expand(parts, inputs, 1)
        if bias is None:
            return torch.bmm(pieces, column).view(1, outputs)
        return torch.baddbmm(bias.view(parts, -1, 1), pieces, column).view(1, outputs)
    pieces, copies = weight.view(parts, -1, inputs).mT, flat.expand(parts, rows, inputs)
    if bias is None:
        return torch.bmm(copies, pieces).transpose(0, 1).reshape(rows, outputs)
    return torch.baddbmm(bias.view(parts, 1, -1), copies, pieces).transpose(0, 1).reshape(rows, outputs)


class ConstantBias(nn.Module):
    """A bias that training leaves as it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(1, width), requires_grad=False)

    def forward(self, logits: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        return logits + self.bias
