"""Where a model computes, and in which numbers: what can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

if TYPE_CHECKING:
    import torch

    from compiler.precision import Dtypes

DTYPES = ("float32", "float16", "bfloat16", "float64")
"""What the blocks compute in: integers hold no weights, and eight bits no sums."""


def check_placement(device: torch.device | str | None, dtype: Dtypes = None) -> None:
    """Refuse a device that is not here, and a dtype that is none to compute in; None is always right.

    Dtypes by component depend on the model: `compiler.precision` looks at them.

    Raises:
        CrossloomError: XL112, for the device, the dtype or both.
    """
    import torch

    findings = []
    if (
        dtype is not None
        and not isinstance(dtype, Mapping)
        and dtype not in [getattr(torch, name) for name in DTYPES]
    ):
        message = f"a model cannot have the dtype {dtype!r}"
        help = f"pass {', '.join(f'torch.{name}' for name in DTYPES)}, or leave `dtype` out"
        findings.append(Diagnostic("XL112", Severity.ERROR, message, help=help))
    reason = None if device is None else _unusable(device)
    if reason is not None:
        message = f"a model cannot be on the device {str(device)!r}: {reason}"
        help = f"here there is {', '.join(_devices())}"
        findings.append(Diagnostic("XL112", Severity.ERROR, message, help=help))
    if findings:
        raise CrossloomError(findings)


def _unusable(device: torch.device | str) -> str | None:
    """Why nothing can be computed there; None where it can."""
    import torch

    try:
        place = torch.device(device)
    except (RuntimeError, TypeError):
        return "torch knows no device of this name"  # its own message lists some twenty
    if place.type == "meta":
        return "tensors have no values there"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        return str(error).partition("\n")[0]
    return None


def _devices() -> list[str]:
    import torch

    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]
