"""Statements with which an emitted model refuses inputs that are not what its graph takes."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.emission.expressions import INDENT, LINE_WIDTH
from specs.graph import Graph, Ref
from specs.signatures import SIGNATURES

VALUE_CHECKS = {
    **dict.fromkeys(("waveform", "features", "image", "hidden"), "check_numbers"),
    "mask": "check_mask",
    **dict.fromkeys(("token_ids", "units"), "check_ids"),
}
"""The block function that looks at an input, by its role."""


def shape_checks(graph: Graph, inputs: list[str]) -> Iterator[str]:
    """Statements that refuse inputs of another shape than the graph's, masks unlike what they mask."""
    types = {name: graph.inputs[name] for name in inputs}
    for name, type_ in types.items():
        rank = len(type_.dims)
        masked = next(
            (
                n
                for n, t in types.items()
                if n != name and len(t.dims) >= rank and t.dims[:rank] == type_.dims
            ),
            None,
        )
        if masked is not None and type_.role == "mask":
            test = f"{name}.shape != {masked}.shape[:{rank}]"
        else:
            test = _other_sizes(name, [dim.value for dim in type_.dims])
        if name in graph.optional_inputs:
            test = f"{name} is not None and ({test})" if " or " in test else f"{name} is not None and {test}"
        yield f"if {test}:"
        yield from _raised(f"{name} is {type_} here, not {{list({name}.shape)}}")


def _raised(text: str) -> Iterator[str]:
    """A statement that raises a ValueError with a formatted string, wrapped as a formatter would."""
    line = f'{INDENT}raise ValueError(f"{text}")'
    if len(line) + 2 * len(INDENT) <= LINE_WIDTH:
        yield line
    else:
        yield from (f"{INDENT}raise ValueError(", f'{INDENT * 2}f"{text}"', f"{INDENT})")


def _other_sizes(name: str, sizes: list[int | None]) -> str:
    """Whether a tensor has another rank, or other sizes where they are known."""
    fixed = [index for index, size in enumerate(sizes) if size is not None]
    if len(fixed) > 1 and fixed == list(range(fixed[0], len(sizes))):
        end = ", ".join(str(sizes[index]) for index in fixed)
        return f"{name}.shape[{fixed[0]}:] != ({end})"
    others = [f"{name}.shape[{index}] != {sizes[index]}" for index in fixed]
    return " or ".join([f"{name}.dim() != {len(sizes)}", *others])


def value_checks(graph: Graph, inputs: list[str]) -> Iterator[str]:
    """Statements that refuse inputs of another dtype, masks and ids that are none."""
    for name in inputs:
        match VALUE_CHECKS.get(graph.inputs[name].role):
            case "check_mask":
                yield f'check_mask("{name}", {name})'
                continue
            case "check_numbers":
                call = f'check_numbers("{name}", {name}, self)'
            case "check_ids" if (limit := ids_below(graph, name)) is not None:
                rank = len(graph.inputs[name].dims)
                call = f'check_ids("{name}", {name}, {limit}{"" if rank == 2 else f", rank={rank}"})'
            case _:
                continue
        if name in graph.optional_inputs:
            yield f"if {name} is not None:"
            call = f"{INDENT}{call}"
        yield call


def ids_below(graph: Graph, ids: str) -> int | None:
    """How many ids the model takes at an input of them; None where no table holds them."""
    source = Ref("", ids)
    limits = [
        int(node.numbers[port.below])
        for node in graph.nodes.values()
        for port in SIGNATURES[node.kind].inputs
        if port.below is not None and node.inputs.get(port.name) == source
    ]
    return min(limits, default=None)


def length_masks(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Of every input that is encoded, the masks of which only the number of ones in a row is read."""
    read = {
        node.inputs[port.name].port: node.name
        for node in graph.nodes.values()
        for port in SIGNATURES[node.kind].inputs
        if port.lengths_only and port.name in node.inputs and not node.inputs[port.name].node
    }
    encoders = [(m.inputs, graph.behind(m.outputs.values())) for m in graph.encoders]
    encoders = encoders or [(graph.encode_inputs, frozenset(graph.nodes))]
    found = {
        inputs[0]: tuple(sorted(name for name in inputs if read.get(name) in nodes))
        for inputs, nodes in encoders
    }
    return {name: masks for name, masks in found.items() if masks}


def vocabulary(graph: Graph) -> int:
    """How many ids the logits tell apart."""
    return graph.types[graph.outputs["logits"]].dims[-1].evaluate({})
