"""Where a model drops out, ours and the public one alike."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn
from torch.nn import functional

Site = tuple[tuple[int, ...], float]
"""The shape of what is dropped from, and the rate; attention weights are [B, H, T, S]."""


def recorded_sites(ours: nn.Module, monkeypatch: pytest.MonkeyPatch) -> list[Site]:
    """Filled, in order, by what drops out from now on: torch and the emitted model."""
    sites: list[Site] = []
    attend = functional.scaled_dot_product_attention

    def recorded(dropout: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def dropped(states: Tensor, p: float = 0.5, training: bool = True, *inplace: bool) -> Tensor:
            if training and p:
                sites.append((tuple(states.shape), p))
            return dropout(states, p, training, *inplace)

        return dropped

    def recorded_attention(query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        if options["dropout_p"]:
            sites.append(((*query.shape[:3], key.shape[2]), options["dropout_p"]))
        return attend(query, key, value, **options)

    emitted: Any = sys.modules[type(ours).__module__]
    monkeypatch.setattr(emitted, "drop_out", recorded(emitted.drop_out))
    monkeypatch.setattr(functional, "dropout", recorded(functional.dropout))
    monkeypatch.setattr(functional, "scaled_dot_product_attention", recorded_attention)
    return sites
