"""How parameters start: what a family, a bridge or a block says, and what holds where none of them does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from specs.values import Value, plain

Draws = Mapping[str, tuple[str, tuple[Value, ...]]]
"""Parameter, or stored buffer -> (distribution, its numbers)."""

_ZEROS = ("zeros", ())
_ONES = ("ones", ())
_NORMAL = ("normal", (Value(0.02),))
_AFFINE: Draws = {"weight": _ONES, "bias": _ZEROS}


class Initialisation(NamedTuple):
    """How fresh parameters of one class start.

    Attributes:
        constructor: the class, of torch.nn or of a block.
        parameters: how each of its own starts.
        below: the address below which the rule holds, before those that hold everywhere.
        named: of what is there, the last words of the addresses that it is about; all, if none are given.
    """

    constructor: str
    parameters: Draws
    below: str | None = None
    named: tuple[str, ...] = ()


def normal_initialisation(deviation: Value | float, *constructors: str) -> tuple[Initialisation, ...]:
    """Weights from normal(0, deviation), biases and an embedding's padding row zero, norms the identity."""
    value = deviation if isinstance(deviation, Value) else Value(deviation)
    assert isinstance(plain(value), float | int)
    projection: Draws = {"weight": ("normal", (value,)), "bias": _ZEROS}
    rules: dict[str, Draws] = {
        "nn.Linear": projection,
        "nn.Conv1d": projection,
        "nn.Conv2d": projection,
        "nn.ConvTranspose1d": projection,
        "nn.Embedding": {"weight": ("normal_but_padding", (value,))},
        "nn.GroupNorm": _AFFINE,
        "nn.LayerNorm": _AFFINE,
    }
    return tuple(Initialisation(name, rules[name]) for name in constructors or rules)


DEFAULTS: tuple[Initialisation, ...] = (
    *normal_initialisation(0.02),
    Initialisation("AddGridPositions", {"table": _NORMAL}),
    Initialisation("AddPositionTable", {"table": _NORMAL}),
    Initialisation("AddScaledPositions", {"scale": _ONES}),
    Initialisation("BatchNorm", {**_AFFINE, "mean": _ZEROS, "variance": _ONES}),
    Initialisation("ConstantBias", {"bias": _ZEROS}),
    Initialisation("FixedTokenPositions", {"table": ("sinusoids", ())}),
    Initialisation("GatedBiasSelfAttention", {"gate_scale": _ONES}),
    Initialisation("GridPositionBias", {"table": _ZEROS}),
    Initialisation("LeadingToken", {"token": _NORMAL}),
    Initialisation(
        "RelativeSelfAttention",
        {"content_bias": ("xavier_uniform", ()), "position_bias": ("xavier_uniform", ())},
    ),
    Initialisation("Resampler", {"queries": _NORMAL}),
    Initialisation("ScaledBranch", {"scale": _ONES}),
    Initialisation("SpanMasking", {"embedding": ("uniform", (Value(0.0), Value(1.0)))}),
    Initialisation(
        "WeightNormConvolution",
        {"bias": _ZEROS, "direction": ("kaiming_uniform", ()), "magnitude": ("norm_of_taps", ())},
    ),
    Initialisation("WindowPositionBias", {"table": _ZEROS}),
)
"""What holds for a class of which nothing else is said; every class that owns a tensor has its rule here."""
