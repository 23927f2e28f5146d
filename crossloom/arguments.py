"""Arguments of the Python interface that are something else: told as findings, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.analysis import Analysis, analyse, analysis_of
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.spec import Spec

_SHOWN = 40
"""Characters of a wrong argument that a message repeats."""


def analysis(spec: Spec | str | Path) -> Analysis:
    """The analysis of a spec, or of the file or catalogue entry of that name.

    Raises:
        CrossloomError: XL103 for anything else, the text of a spec included.
    """
    if isinstance(spec, Spec):
        return analysis_of(spec)
    if isinstance(spec, str) and "\n" in spec:
        message = f"a spec is named by its path or catalogue name, and this is its text: {_shown(spec)}"
        raise _wrong_type(message, "write it to a file and give the path of that")
    if not isinstance(spec, (str, Path)):
        message = f"a spec is a path, a catalogue name, or what `load_spec` gives, not {_shown(spec)}"
        has_spec = isinstance(getattr(spec, "spec", None), Spec)
        raise _wrong_type(message, "give its `.spec`" if has_spec else "give the path of a spec")
    return analyse(spec)


def spec_of(model: Any, function: str) -> Spec:
    """The spec of a live model that was given to a function.

    Raises:
        CrossloomError: XL103 for anything else.
    """
    spec = getattr(model, "spec", None)
    if isinstance(spec, Spec):
        return spec
    help = "load one: `crossloom.load(spec)`, or `crossloom.from_pretrained(source)`"
    raise _wrong_type(f"`{function}` takes a live model, not {_shown(model)}", help)


def check_seed(seed: object) -> None:
    """Refuse a seed that is no whole number.

    Raises:
        CrossloomError: XL103, or XL104 beyond the 64 bits of the generator.
    """
    if type(seed) is not int:
        raise _wrong_type(f"`seed` is a whole number, not {_shown(seed)}", "give one, such as 0")
    if not 0 <= seed < 2**64:
        message = f"`seed` is {seed}, and there are seeds from 0 to 2**64 - 1"
        raise CrossloomError([Diagnostic("XL104", Severity.ERROR, message, help="give one of these")])


def _shown(value: object) -> str:
    """A value in a message: its beginning, and what type it has where that is not plain."""
    if isinstance(value, (str, int, float, bool, type(None))):
        text = repr(value)
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    kind = "a mapping" if isinstance(value, Mapping) else f"an object of the class `{type(value).__name__}`"
    return kind


def _wrong_type(message: str, help: str) -> CrossloomError:
    return CrossloomError([Diagnostic("XL103", Severity.ERROR, message, help=help)])
