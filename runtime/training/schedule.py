"""The learning rate as a function of the step alone, so that a resumed run needs no schedule state."""

from __future__ import annotations

from typing import Literal

Schedule = Literal["linear", "inverse_sqrt", "constant"]


def rate_factor(step: int, total: int, warmup: int, schedule: Schedule) -> float:
    """The factor on the highest learning rate for update `step` (counted from 0) of `total`.

    The rate rises linearly over `warmup` updates, reaching 1 at update `warmup - 1`. Then `linear` falls
    towards 0, which the update after the last would reach; `inverse_sqrt` falls as sqrt(warmup / update)
    (Vaswani et al. 2017, arXiv:1706.03762, section 5.3); `constant` stays.
    """
    update = step + 1
    if update <= warmup:
        return update / warmup
    if schedule == "linear":
        return (total - step) / max(1, total - warmup)
    if schedule == "inverse_sqrt":
        return float((max(1, warmup) / update) ** 0.5)
    return 1.0
