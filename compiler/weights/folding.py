"""Many tensor names as few lines: `layers.{0..11}.fc1.weight`."""

from __future__ import annotations

from collections.abc import Iterable

from specs.weights import generalise


def folded(names: Iterable[str]) -> dict[str, int]:
    """Names that differ in one number are one entry with its range; the value counts them."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        pattern, numbers = generalise(name)
        groups.setdefault(pattern, []).append(numbers)
    lines: dict[str, int] = {}
    for pattern, found in groups.items():
        text = pattern
        for position in range(len(found[0])):
            values = sorted({int(numbers[position]) for numbers in found})
            text = text.replace("{i}", _range(values), 1)
        lines[text] = len(found)
    return lines


def _range(values: list[int]) -> str:
    if len(values) == 1:
        return str(values[0])
    whole = values == list(range(values[0], values[-1] + 1))
    return f"{{{values[0]}..{values[-1]}}}" if whole else "{" + ",".join(map(str, values)) + "}"
