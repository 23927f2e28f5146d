"""A step of training, the same for a model of either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.sides import Work
from runtime.measuring import timed


def training_work(model: Any, batch: Mapping[str, Tensor], labels: Tensor) -> Work:
    """Forward, backward and AdamW on a model in evaluation mode, whose loss both sides agree on."""
    given = {**batch, "labels": labels}
    with torch.no_grad():
        loss = model.eval()(**given).loss
    outputs = {"loss": loss.detach().double()}
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        model(**given).loss.backward()
        optimizer.step()

    return Work(outputs, lambda: timed(step))
