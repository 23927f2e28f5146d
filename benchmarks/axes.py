"""What grows, as data: axes of rows, the curves they make, and what one more costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.inputs import FRAMES
from benchmarks.results import Result
from benchmarks.rows import ANCHOR, MODES, STATES, Row, Side, forced

TOKENS = 50

Curve = list[tuple[int, float]]
"""Values of an axis and median seconds, in order."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows.

    Attributes:
        unit: one of what `values` count.
        modes: how ours may be compiled on it. Where every value is another compilation, eager is enough.
    """

    name: str
    title: str
    unit: str
    task: str
    values: tuple[int, ...]
    modes: tuple[str, ...] = ("eager",)

    def point(self, value: int) -> Row:
        """The row of a value."""
        options = OPTIONS[self.name](value)
        ours = (
            Side(mode, "ours", self.task, {**options, "compile": MODES[mode]}, is_ours=True)
            for mode in self.modes
        )
        sides = (*ours, Side(ANCHOR, "theirs", self.task, options))
        return Row(f"{self.name}/{value}", self.title, sides, STATES)


AXES = (
    Axis(
        "length",
        "greedy, batch 1, by target length",
        "token",
        "generate",
        (100, 250, 500, 1000),
        ("eager", "max"),
    ),
    Axis("source", "encode, batch 1, by source length", "frame", "encode", (250, 500, 1000, 2000, 4000)),
    Axis("beams", f"beams, batch 1, {TOKENS} tokens", "beam", "generate", (2, 3, 5, 8)),
    Axis("batch", f"greedy, {TOKENS} tokens, by batch", "sentence", "generate", (1, 2, 4, 8, 16, 32)),
    Axis("encoder-layers", "encode, batch 1, by encoder layers", "layer", "encode", (3, 6, 12, 24)),
    Axis("decoder-layers", f"greedy, {TOKENS} tokens, by decoder layers", "layer", "generate", (1, 3, 6, 12)),
)


def _generation(
    batch: int = 1, tokens: int = TOKENS, beams: int = 1, folder: str = "@s2t-small"
) -> dict[str, Any]:
    return {"folder": folder, "given": _speech(batch), "options": forced(tokens, beams)}


def _speech(batch: int = 1, length: int = FRAMES) -> dict[str, Any]:
    return {"kind": "features", "batch": batch, "length": length}


OPTIONS: dict[str, Any] = {
    "length": lambda value: _generation(tokens=value),
    "source": lambda value: {"folder": "@s2t-small", "given": _speech(length=value)},
    "beams": lambda value: _generation(beams=value),
    "batch": lambda value: _generation(batch=value),
    "encoder-layers": lambda value: {"folder": f"@s2t-small:encoder_layers={value}", "given": _speech()},
    "decoder-layers": lambda value: _generation(folder=f"@s2t-small:decoder_layers={value}"),
}
"""By the name of an axis: a value -> the arguments of its task."""


def curves(results: Mapping[str, Result]) -> dict[str, dict[str, Curve]]:
    """By axis and side: values and median seconds, in order."""
    found: dict[str, dict[str, Curve]] = {}
    for name, result in results.items():
        axis, _, value = name.partition("/")
        for side in result.sides:
            found.setdefault(axis, {}).setdefault(side.label, []).append((int(value), side.median))
    return found


def growth_text(results: Mapping[str, Result]) -> str:
    """What one more costs at either end of every curve, as lines of Markdown."""
    titles = {axis.name: axis for axis in AXES}
    lines = []
    for name, sides in curves(results).items():
        axis = titles[name]
        told = [f"{label} {_marginal(curve)}" for label, curve in sides.items()]
        first, second, *_, before, last = (f"{value:,}" for value, _ in next(iter(sides.values())))
        ends = f"from {first} to {second} and from {before} to {last}"
        lines.append(f"- {axis.title}: one more {axis.unit} costs, {ends}, {'; '.join(told)}")
    return "\n".join(lines) + "\n"


def _marginal(curve: Curve) -> str:
    """The slopes between the first two values, and between the last two."""
    slopes = [(later[1] - first[1]) / (later[0] - first[0]) for first, later in (curve[:2], curve[-2:])]
    return " and ".join(f"{slope * 1e3:.3g}" for slope in slopes) + " ms"
