"""Memory that is freed and soon asked for again."""

from __future__ import annotations

import torch

LARGEST = (32 << 20) - (64 << 10)
"""Bytes of a block of which glibc still learns; of one of 32 MB or more it does not."""


def keep_freed_memory() -> None:
    """Let the C library keep what states take between operations, up to 64 MB, where it is glibc.

    It gives a block back to the system when that is freed, until it has seen a block as large freed: from
    then on it keeps what is smaller (mallopt(3), M_MMAP_THRESHOLD). Pages that come back from the system
    are cleared one by one when they are first written to, which takes an operation on a few megabytes
    several times as long as its arithmetic. Who sets a threshold in the environment keeps it.
    """
    torch.empty(LARGEST, dtype=torch.uint8)  # never written to, so it takes none
