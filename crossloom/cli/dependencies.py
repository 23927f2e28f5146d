"""Packages that only some commands need."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import torch

    from compiler.precision import Dtypes


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


def dtypes_of(stated: str | None) -> Dtypes:
    """`NAME`, or `encoder=NAME,decoder=NAME`, as dtypes. Another name or form is wrong usage."""
    if stated is None:
        return None
    import torch

    from compiler.placement import DTYPES
    from compiler.precision import QUANTISED

    def dtype(name: str, names: tuple[str, ...]) -> torch.dtype:
        if name not in names:
            raise click.UsageError(f"--dtype: {name!r} is none of {', '.join(names)}")
        found: torch.dtype = getattr(torch, name)
        return found

    if "=" not in stated:
        return dtype(stated, DTYPES)
    pairs = [one.partition("=")[::2] for one in stated.split(",")]
    if len(dict(pairs)) < len(pairs):
        raise click.UsageError(f"--dtype: {stated!r} names a component twice")
    return {component.strip(): dtype(name.strip(), (*DTYPES, QUANTISED)) for component, name in pairs}
