"""The sides of a comparison: modules whose functions do the same tasks under the same names.

A worker calls one function of one module. It prepares the work and says what came out, which both sides are
held to before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from runtime.measuring.samples import Side


class Work(NamedTuple):
    """A prepared task.

    Attributes:
        outputs: makes what the work gives, by name: tensors, numbers and texts that both sides agree on.
        side: makes the sampler, once nothing else runs on the machine: it warms up and counts repetitions.
        pieces: how many pieces of work a sample does; times are shown for one.
    """

    outputs: Callable[[], Mapping[str, Any]]
    side: Callable[[], Side]
    pieces: int = 1
