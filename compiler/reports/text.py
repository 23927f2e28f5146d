"""A graph as text: what goes in, the nodes of every method, what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from compiler.reports.facts import BYTES_PER_PARAMETER, Facts, NodeFacts, shortest_inputs
from compiler.reports.tables import aligned, filled, fitting, quantity

HEADING = ("", "block", "gives", "parameters", "bytes", "operations", "from")
_NUMBERS = (3, 4, 5)
_DROPPED = (6, 2, 1, 4, 5, 3)
"""Columns in the order in which they give way: where it reads from first, what a node costs last."""


def graph_text(facts: Facts, width: int | None = None) -> str:
    """The whole page; in `width` columns, tables lose their last columns, and a line says which."""
    return "\n".join(_lines(facts, width)) + "\n"


def _lines(facts: Facts, width: int | None) -> Iterator[str]:
    size = quantity(facts.parameters * BYTES_PER_PARAMETER, "B")
    yield f"{facts.name}  ({facts.form})"
    yield f"{facts.parameters:,} parameters, {size} as float32"
    for tied, kept in facts.ties.items():
        yield from filled(f"  {tied} is {kept}", width, "    ")
    if facts.tokens:
        named = ", ".join(f"{name} {value}" for name, value in facts.tokens.items())
        yield from filled(f"tokens: {named}", width)
    yield ""
    yield "inputs"
    yield from aligned(
        [
            (name, type_.role, str(type_), "optional" if name in facts.optional_inputs else "")
            for name, type_ in facts.inputs.items()
        ],
        indent="  ",
    )
    if facts.minimums:
        yield from filled(f"at the least: {shortest_inputs(facts)}", width, "    ", lead="  ")
    rows = {side: [*_rows(facts, side), _total(facts, side)] for side in facts.sides}
    all_rows = [HEADING, *chain.from_iterable(rows.values())]
    columns = fitting(all_rows, width, _DROPPED, indent="  ")
    right = [place for place, column in enumerate(columns) if column in _NUMBERS]
    head, *lines = aligned([[row[c] for c in columns] for row in all_rows], right, indent="  ")
    yield ""
    for side in facts.sides:
        yield side + head[len(side) :]
        yield from lines[: len(rows[side])]
        lines = lines[len(rows[side]) :]
        crossing = [str(ref) for ref in facts.crossing if ref.node in {n.address for n in facts.of(side)}]
        if crossing and "decode" in facts.sides and side != "decode":
            yield from filled("  hands over " + ", ".join(crossing), width, "    ")
        yield ""
    yield "outputs"
    outputs = [(name, str(facts.types[ref]), f"from {ref}") for name, ref in facts.outputs.items()]
    shown = fitting(outputs, width, (2,), indent="  ")
    yield from aligned([[row[column] for column in shown] for row in outputs], indent="  ")
    yield ""
    yield from filled(f"operations are multiply-adds at {facts.counted_at()}", width)
    left_out = [name for column, name in enumerate(HEADING) if column not in columns]
    left_out += ["where outputs come from"] if len(shown) < 3 else []
    if left_out:
        yield f"not shown in {width} columns: {', '.join(left_out)}"
    for node in facts.nodes:
        if node.leaks_padding:
            yield from filled(f"padding is seen by {node.address}: {node.leaks_padding}", width)


def _rows(facts: Facts, side: str) -> Iterator[tuple[str, ...]]:
    for node in facts.of(side):
        yield (
            node.address,
            described(node),
            str(next(iter(node.outputs.values()))),
            f"{node.parameters:,}" if node.parameters else "",
            quantity(node.parameters * BYTES_PER_PARAMETER, "B") if node.parameters else "",
            quantity(facts.counted(node)),
            ", ".join(dict.fromkeys(ref.node or ref.port for ref in node.inputs.values())),
        )


def _total(facts: Facts, side: str) -> tuple[str, ...]:
    """What the nodes of a method are together."""
    parameters, operations = facts.total(side)
    size = quantity(parameters * BYTES_PER_PARAMETER, "B")
    return ("together", "", "", f"{parameters:,}", size, quantity(operations), "")


def described(node: NodeFacts) -> str:
    """A node's block, and how often it repeats its layer."""
    return node.block + "".join(f" x {part.partition(' x ')[0]}" for part in node.parts if " x " in part)
