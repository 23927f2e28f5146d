"""Whether two sides gave the same: asked before either is timed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Outputs = Mapping[str, Any]


class Disagreement(Exception):
    """The sides gave different things, so that their times say nothing."""


def require_agreement(ours: Outputs, theirs: Outputs, tolerance: float) -> None:
    """Ids, numbers and texts are equal; floats differ by `tolerance` of the largest at most.

    Raises:
        Disagreement: names what differs, and by how much.
    """
    if ours.keys() != theirs.keys():
        raise Disagreement(f"one gives {', '.join(ours)}, the other {', '.join(theirs)}")
    for name, expected in theirs.items():
        found = ours[name]
        if isinstance(expected, Tensor) and expected.is_floating_point():
            error = distance(found, expected)
            if not error <= tolerance:
                raise Disagreement(f"{name} differ by {error:.2g} of the largest, and may by {tolerance:.2g}")
        elif not _equal(found, expected):
            raise Disagreement(f"{name} differ: {_shown(found)} and {_shown(expected)}")


def distance(found: Tensor, expected: Tensor) -> float:
    """Largest difference, as a share of the largest value or of 1; of unequal shapes, infinite."""
    if found.shape != expected.shape:
        return float("inf")
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1))


def rounding(outputs: Outputs, exact: Outputs) -> float:
    """Root of the mean squared error of all floats, as a share of the exact values' own mean square."""
    pairs = [(outputs[name], value) for name, value in exact.items()]
    error = sum(float((found - value).square().sum()) for found, value in pairs)
    whole = sum(float(value.square().sum()) for _, value in pairs)
    return math.sqrt(error / whole)


def require_no_worse(ours: Outputs, theirs: Outputs, exact: Outputs, factor: float) -> None:
    """Of two that round to a narrow dtype, ours lies no further from float32 than `factor` times theirs.

    Raises:
        Disagreement: it does.
    """
    found, allowed = rounding(ours, exact), factor * rounding(theirs, exact)
    if not found <= allowed:
        raise Disagreement(f"ours is {found:.2g} from float32, theirs {allowed / factor:.2g}")


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, Tensor):
        return isinstance(found, Tensor) and torch.equal(found, expected)
    return bool(found == expected)


def _shown(value: Any) -> str:
    text = str(value.flatten().tolist()) if isinstance(value, Tensor) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
