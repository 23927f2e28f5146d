"""What counts as the same, before anything is timed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks.agreement import Disagreement, require_agreement, require_no_worse

STATES = torch.tensor([1.0, -100.0])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"ids": torch.tensor([1, 2])}, {"ids": torch.tensor([1, 2])}),
        ({"states": STATES + 9e-4}, {"states": STATES}),
        ({"text": "one", "count": 1}, {"text": "one", "count": 1}),
    ],
)
def test_equal_ids_and_near_states_agree(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    require_agreement(ours, theirs, tolerance=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ({"ids": torch.tensor([1, 2])}, {"ids": torch.tensor([1, 3])}, r"ids differ: \[1, 2\] and \[1, 3\]"),
        ({"ids": torch.tensor([1])}, {"ids": torch.tensor([1, 1])}, "ids differ"),
        ({"states": STATES + 2e-3}, {"states": STATES}, "states differ by 2e-05"),
        ({"states": STATES[:1]}, {"states": STATES}, "states differ by inf"),
        ({"states": STATES * torch.nan}, {"states": STATES}, "states differ by nan"),
        ({"text": "one"}, {"text": "two"}, "text differ: 'one' and 'two'"),
        ({"ids": 1}, {"text": 1}, "one gives ids, the other text"),
    ],
)
def test_what_differs_is_named(ours: dict[str, Any], theirs: dict[str, Any], message: str) -> None:
    with pytest.raises(Disagreement, match=message):
        require_agreement(ours, theirs, tolerance=1e-5)


def test_a_narrow_dtype_is_held_to_what_the_anchor_loses_in_it() -> None:
    exact = {"states": torch.tensor([3.0, 4.0])}
    theirs, near, far = ({"states": torch.tensor([3.0, 4.0 + error])} for error in (0.05, 0.07, 0.08))
    require_no_worse(near, theirs, exact, factor=1.5)
    with pytest.raises(Disagreement, match=r"ours is 0\.016 from float32, theirs 0\.01"):
        require_no_worse(far, theirs, exact, factor=1.5)
