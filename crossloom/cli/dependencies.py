"""Packages that only some commands need."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import torch


def has_torch() -> bool:
    """Whether models can be built here."""
    try:
        return find_spec("torch") is not None
    except ValueError:  # a module that was made unimportable
        return False


def device_of(name: str | None) -> torch.device | None:
    """The device of that name. A name torch does not know, or a device that is not here, is wrong usage."""
    if name is None:
        return None
    import torch

    from compiler.diagnostics.model import CrossloomError
    from compiler.placement import check_placement

    try:
        check_placement(name)
    except CrossloomError as error:
        (finding,) = error.diagnostics
        raise click.UsageError(f"--device: {finding.message}; {finding.help}") from None
    return torch.device(name)
