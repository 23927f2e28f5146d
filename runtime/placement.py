"""Inputs to where a model computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def placed(model: Any, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inputs on the model's device; features in its dtype, ids and masks as they are."""
    parameter = next(model.parameters())
    return {
        name: value.to(parameter.device, parameter.dtype if value.is_floating_point() else value.dtype)
        for name, value in inputs.items()
    }
