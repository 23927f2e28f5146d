"""Where a DeiT checkpoint keeps each parameter."""

from __future__ import annotations

from specs.families.deit.graph import TOKENS
from specs.families.vit.weights import dialects, rows, unused
from specs.values import View
from specs.weights import WeightMap

_HEADS = ("classifier", "cls_classifier", "distillation_classifier")


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    return WeightMap(
        rows=tuple(rows(c, "deit.", TOKENS)),
        dialects=dialects("deit."),
        ignored=tuple(unused(c, "deit.", _HEADS)),
    )
