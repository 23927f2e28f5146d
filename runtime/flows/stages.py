"""Options of a flow that decodes text and then says it: those of both stages, and those of one alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runtime.failures import failure, refuse
from specs.generation.layers import resolve
from specs.problems import Problem

_TEXT, _SPEECH = "text_", "speech_"
"""What begins the names of options that are of one stage alone."""

_OF_UNITS = ("do_sample", "temperature", "seed")
"""Options that also say how units are chosen."""


def of_text(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that say how text is decoded: those of both stages, and those of it alone."""
    both = {name: one for name, one in options.items() if not name.startswith((_TEXT, _SPEECH))}
    return both | _below(_TEXT, options)


def of_units(options: Mapping[str, Any], speaks: bool = True) -> dict[str, Any]:
    """The options that say how units are chosen.

    Raises:
        CrossloomError: XL406 for one that says nothing about units, or where none are chosen; XL407 for a
            value that cannot be used, or that nothing follows.
    """
    own = _below(_SPEECH, options)
    problems = [_unknown(name) for name in own if name not in _OF_UNITS]
    if own and not speaks:
        name = next(iter(own))
        raise failure("XL406", f"`{_SPEECH}{name}` is about speech, and this gives text", help="leave it out")
    shared = {name: options[name] for name in _OF_UNITS if name in options}
    chosen = shared | {name: one for name, one in own.items() if name in _OF_UNITS}
    refuse([*problems, *_unusable(own, chosen)])
    return chosen


def _below(prefix: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): one for name, one in options.items() if name.startswith(prefix)}


def _unusable(own: Mapping[str, Any], chosen: Mapping[str, Any]) -> Iterator[Problem]:
    """Values that a search would refuse as well; what is said about draws, where nothing is drawn."""
    known = {name: one for name, one in own.items() if name in _OF_UNITS and one is not None}
    known["do_sample"] = known.get("do_sample") or True  # what is said about draws is looked at below
    for problem in resolve(known, complete=False).problems:
        yield problem._replace(message=_as_given(problem.message), help=_as_given(problem.help or ""))
    for name in ("temperature", "seed"):
        if own.get(name) is not None and not chosen.get("do_sample"):
            yield Problem(
                "XL407",
                f"`{_SPEECH}{name}` is about drawing, and the best unit is taken at every place",
                (),
                help=f"add `{_SPEECH}do_sample=True`, or leave it out",
            )


def _as_given(text: str) -> str:
    """A sentence about an option of units, by the name that it was given under."""
    for name in _OF_UNITS:
        text = text.replace(f"`{name}`", f"`{_SPEECH}{name}`")
    return text


def _unknown(name: str) -> Problem:
    return Problem(
        "XL406",
        f"`{_SPEECH}{name}` is no option of units",
        (),
        ("units are chosen all at once: by score, or drawn",),
        f"use {', '.join(f'`{_SPEECH}{one}`' for one in _OF_UNITS)}",
    )
