"""What is done with a model of either side alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks import inputs
from benchmarks.sides import Work
from runtime.measuring.samples import Side, timed


def training_work(model: Any, batch: Mapping[str, Tensor], labels: Tensor) -> Work:
    """Forward, backward and AdamW on a model in evaluation mode, whose loss both sides agree on."""
    given = {**batch, "labels": labels}

    def loss() -> dict[str, Tensor]:
        with torch.no_grad():
            return {"loss": model.eval()(**given).loss.double()}

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        model(**given).loss.backward()
        optimizer.step()

    def side() -> Side:
        model.train()
        return timed(step)

    return Work(loss, side)


def exact_logits(model: Any, probe: Mapping[str, Any]) -> dict[str, Tensor]:
    """Logits of one input in float64, where rounding can neither pass for a difference nor hide one.

    The model is cast: whatever dtype it was loaded in, its values are what is compared.
    """
    given = {name: cast(tensor, "float64") for name, tensor in inputs.make(**probe).items()}
    with torch.inference_mode():
        return {"logits": model.double().eval()(**given, decoder_input_ids=torch.arange(3, 9)[None]).logits}


def cast(tensor: Tensor, dtype: str | None) -> Tensor:
    """A float tensor in a dtype, named as torch names it; ids and masks stay what they are."""
    return tensor.to(getattr(torch, dtype)) if dtype and tensor.is_floating_point() else tensor
