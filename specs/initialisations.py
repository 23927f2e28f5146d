"""How parameters start where no published model says it: in a graph of blocks that someone has written."""

from __future__ import annotations

from specs.builder import normal_initialisation
from specs.graph import Initialisation
from specs.values import Value

DEVIATION = 0.02
"""Spread of weights and of learned vectors."""

BATCH_NORM = Initialisation(
    "BatchNorm",
    {"weight": ("ones", ()), "bias": ("zeros", ()), "mean": ("zeros", ()), "variance": ("ones", ())},
)
WEIGHT_NORM = Initialisation(
    "WeightNormConvolution",
    {"bias": ("zeros", ()), "direction": ("kaiming_uniform", ()), "magnitude": ("norm_of_taps", ())},
)
"""Its direction keeps torch's own draw of a convolution."""

_LEARNED = ("normal", (Value(DEVIATION),))
_ZEROS, _ONES, _XAVIER = ("zeros", ()), ("ones", ()), ("xavier_uniform", ())

WRITTEN: tuple[Initialisation, ...] = (
    *normal_initialisation(DEVIATION, "nn.Linear", "nn.Conv1d", "nn.Conv2d", "nn.Embedding", "nn.LayerNorm"),
    Initialisation("nn.GroupNorm", {"weight": _ONES, "bias": _ZEROS}),
    BATCH_NORM,
    WEIGHT_NORM,
    Initialisation("AddGridPositions", {"table": _LEARNED}),
    Initialisation("AddPositionTable", {"table": _LEARNED}),
    Initialisation("FixedTokenPositions", {"table": ("sinusoids", ())}),
    Initialisation("GatedBiasSelfAttention", {"gate_scale": _ONES}),
    Initialisation("GridPositionBias", {"table": _ZEROS}),
    Initialisation("LeadingToken", {"token": _LEARNED}),
    Initialisation("RelativeSelfAttention", {"content_bias": _XAVIER, "position_bias": _XAVIER}),
    Initialisation("Resampler", {"queries": _LEARNED}),
    Initialisation("ScaledBranch", {"scale": ("constant", (Value(0.1),))}),
    Initialisation("SpanMasking", {"embedding": ("uniform", (Value(0.0), Value(1.0)))}),
    Initialisation("WindowPositionBias", {"table": _ZEROS}),
)
"""A rule for every class with parameters of its own: of torch.nn as in most Transformers, of blocks as in the
models they come from. Emission writes those of the classes that a model has."""
