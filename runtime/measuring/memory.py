"""The most memory that this process has had resident."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What `proc(5)` says to write to let the peak begin again at what is resident now."""


def peak_resident() -> int:
    """Bytes, pages of mapped files included, since the start or the last reset.

    The kernel's count for this program alone; where there is none, that of getrusage, which begins with
    whatever process started this one.
    """
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def reset_peak_resident() -> bool:
    """Let the peak begin anew; False where the system does not do that, and it counts from the start."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True
