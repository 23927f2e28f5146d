"""Memory of states is asked of the system once, and kept."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNTED = """
import resource, sys
import torch
from compiler.compilation.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for megabytes in range(1, 31):
        torch.ones(megabytes << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_freed_memory()
print(faults())
"""
LAST = (30 << 20) // 4096
"""Pages of the largest states; all of them together have fifteen times as many."""


def pages_asked_for(how: str) -> int:
    """Pages that a process takes from the system for states of one megabyte, of two, and so on."""
    found = subprocess.run(
        [sys.executable, "-c", COUNTED, how], capture_output=True, text=True, check=True, timeout=300
    )
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its own counsel")
def test_larger_states_take_the_place_of_smaller_ones() -> None:
    assert pages_asked_for("kept") < 4 * LAST
    assert pages_asked_for("as it is") > 10 * LAST, "which is what the system is asked for without it"
