"""Where a Donut encoder's checkpoint keeps each parameter."""

from __future__ import annotations

from specs.families.swin.weights import encoder_map, encoder_rows
from specs.values import View
from specs.weights import WeightMap


def weights(c: View) -> WeightMap:
    """The table; its published class stores the numbers of the offsets too."""
    prefix = "donut."
    return encoder_map(prefix, list(encoder_rows(c, prefix, stores_index=True)))
