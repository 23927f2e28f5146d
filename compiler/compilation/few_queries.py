"""Attention of a few queries, written so that a compiler makes loops of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

FEW = 7
"""Queries up to which reading keys and values is what attention takes its time for."""


class AttentionInLoops(TorchFunctionMode):
    """While it is entered, attention of few queries a head is sums of products and not torch's fused kernel.

    That kernel calls a matrix library for every head, whose products of one row with a matrix are slow; the
    loops that inductor makes of the sums read every key and value once.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func`, or what takes its place."""
        given = dict(kwargs or {})
        if func is scaled_dot_product_attention and _is_plain(args, given):
            query, key, value = args
            return attend_in_loops(query, key, value, given.get("attn_mask"), given.get("scale"))
        return func(*args, **given)


def _is_plain(args: Sequence[Any], given: Mapping[str, Any]) -> bool:
    """Whether these are few queries, keys, values, and at most an additive mask and a scale."""
    mask = given.get("attn_mask")
    return (
        len(args) == 3
        and args[0].shape[-2] <= FEW
        and not any(value for name, value in given.items() if name not in ("attn_mask", "scale"))
        and (mask is None or mask.is_floating_point())
    )


def attend_in_loops(
    query: Tensor,  # [B, H, T, K]
    key: Tensor,  # [B, H, S, K]
    value: Tensor,  # [B, H, S, K]
    mask: Tensor | None,  # additive, fits [B, H, T, S]
    scale: float | None,
) -> Tensor:
    """As torch's attention: [B, H, T, K]. A sum of weights is divided by once, behind the values.

    Sums are of float32, whatever the states are; a row that is blocked altogether needs a finite mask.
    """
    scaled = query.float() * (query.shape[-1] ** -0.5 if scale is None else scale)
    scores = (scaled.unsqueeze(3) * key.unsqueeze(2)).sum(-1)  # [B, H, T, S]
    if mask is not None:
        scores = scores + mask
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    attended = (weights.unsqueeze(-1) * value.unsqueeze(2)).sum(3)  # [B, H, T, K]
    return (attended / weights.sum(-1, keepdim=True)).to(value.dtype)
