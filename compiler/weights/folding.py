"""Many tensor names as few lines: `layers.{0..11}.fc1.weight`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


def folded_pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, int]]:
    """Pairs of names whose patterns are the same two are one line: both folded, and how many they are."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for first, second in pairs:
        groups.setdefault((generalise(first)[0], generalise(second)[0]), []).append((first, second))
    for group in groups.values():
        (first,), (second,) = folded(f for f, _ in group), folded(s for _, s in group)
        yield first, second, len(group)


def _range(values: list[int]) -> str:
    if len(values) == 1:
        return str(values[0])
    whole = values == list(range(values[0], values[-1] + 1))
    return f"{{{values[0]}..{values[-1]}}}" if whole else "{" + ",".join(map(str, values)) + "}"


def counted(count: int) -> str:
    """How many tensors a folded name stands for."""
    return f" ({count} tensors)" if count > 1 else ""
