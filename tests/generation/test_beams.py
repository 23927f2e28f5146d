"""When a beam search stops, case by case: two beams, a start token, sequences of at most 11."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from runtime.generation.finished import BeamSettings, FinishedHypotheses


def finished(
    scores: list[float], taken: list[bool], early_stopping: bool | Literal["never"], length_penalty: float
) -> FinishedHypotheses:
    """One sentence whose finished hypotheses have these scores."""
    settings = BeamSettings(
        beams=2,
        returned=1,
        limit=11,
        fill=0,
        length_penalty=length_penalty,
        early_stopping=early_stopping,
    )
    hypotheses = FinishedHypotheses([torch.zeros(2, 11, dtype=torch.int64)], 1, settings)
    hypotheses.scores = torch.tensor([scores])
    hypotheses.taken = torch.tensor([taken])
    return hypotheses


@pytest.mark.parametrize(
    ("running", "early_stopping", "length_penalty", "stops"),
    [
        # The worst finished score is -2. Six tokens, five of them new, could become ten new ones.
        (-9.0, False, 1.0, False),  # -9 / 5 beats -2
        (-11.0, False, 1.0, True),  # -11 / 5 does not
        (-11.0, "never", 1.0, False),  # -11 / 10 would
        (-21.0, "never", 1.0, True),  # -21 / 10 would not
        (-1.0, "never", 0.0, False),  # length does not count
        (-3.0, "never", 0.0, True),
        (-0.3, "never", -1.0, False),  # longer is worse: -0.3 * 5 stands, not -0.3 * 10
        (-0.5, "never", -1.0, True),
        (-0.3, False, -1.0, False),
        (-9.0, True, 1.0, True),  # enough are finished
    ],
)
def test_stops_when_nothing_can_be_gained(
    running: float, early_stopping: bool | Literal["never"], length_penalty: float, stops: bool
) -> None:
    hypotheses = finished([-1.0, -2.0], [True, True], early_stopping, length_penalty)
    hypotheses.weigh(torch.tensor([[running]]), torch.tensor([6]))
    assert bool(hypotheses.complete()) is stops


@pytest.mark.parametrize("early_stopping", [False, True, "never"])
def test_goes_on_while_a_place_is_free(early_stopping: bool | Literal["never"]) -> None:
    hypotheses = finished([-1.0, -1.0e9], [True, False], early_stopping, 1.0)
    hypotheses.weigh(torch.tensor([[-500.0]]), torch.tensor([6]))
    assert not hypotheses.complete()


def test_what_could_not_improve_once_stays_so() -> None:
    hypotheses = finished([-1.0, -2.0], [True, True], False, 1.0)
    hypotheses.weigh(torch.tensor([[-11.0]]), torch.tensor([6]))
    hypotheses.weigh(torch.tensor([[-0.1]]), torch.tensor([7]))
    assert hypotheses.complete()
