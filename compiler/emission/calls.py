"""The body of an emitted method: every node called in order, on the names of what it reads."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator

from compiler.emission.expressions import INDENT, LINE_WIDTH
from specs.graph import Graph, Node, Ref
from specs.signatures import SIGNATURES

_NAMES = ("self", "encoded", "cache", "length", "Encoded", "_")
"""What the emitted methods call by these names."""


class Calls:
    """Calls of a graph's nodes, and the local names of what they give; a `section` is a method."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._locals = self._local_names()

    def lines(self, nodes: Iterable[Node], section: str) -> Iterator[str]:
        """The call of every node, its shape noted beside it or above."""
        for node in nodes:
            signature = SIGNATURES[node.kind]
            arguments = []
            for port in signature.inputs:
                ref = node.inputs.get(port.name)
                if ref is not None:
                    text = self.variable(ref, section)
                    arguments.append(f"{port.name}={text}" if port.optional else text)
            if signature.keeps_state and section == "decode":
                arguments.append("cache=cache")
            if signature.takes_length and section not in ("encode", "decode"):  # these two take none
                arguments.append("length=length")
            used = self._used_ports(node)
            targets = [
                self._locals[Ref(node.name, port.name)] if port.name in used else "_"
                for port in signature.outputs
            ]
            call = f"{', '.join(targets)} = self.{node.name}({', '.join(arguments)})"
            type_ = self._graph.types.get(Ref(node.name, signature.outputs[0].name))
            comment = f"  # {type_}" if type_ else ""
            if comment and len(call) + len(comment) + 2 * len(INDENT) > LINE_WIDTH:
                yield comment.strip()
                comment = ""
            lines = wrapped(f"{', '.join(targets)} = self.{node.name}", arguments)
            yield from lines if len(lines) > 1 else [lines[0] + comment]

    def _used_ports(self, node: Node) -> set[str]:
        used = {ref.port for ref in self._graph.results if ref.node == node.name}
        for other in self._graph.nodes.values():
            used |= {ref.port for ref in other.inputs.values() if ref.node == node.name}
        return used

    def variable(self, ref: Ref, section: str) -> str:
        """The expression for a port or an input in a method."""
        if section == "decode" and self._graph.encoded:
            hidden, mask = self._graph.encoded
            if ref == hidden:
                return "encoded.hidden"
            if ref == mask:
                return "encoded.mask"
        return self._locals[ref] if ref.node else ref.port

    def _local_names(self) -> dict[Ref, str]:
        """A local name for every port, no two of a method alike: the node's last word where that is free."""
        names: dict[Ref, str] = {}
        for nodes in self._graph.sections().values():
            taken = {*self._graph.inputs, *keyword.kwlist, *_NAMES}
            for node in nodes:
                ports = [port.name for port in SIGNATURES[node.kind].outputs]
                for port in ports:
                    suffix = "" if len(ports) == 1 else f"_{port}"
                    name = node.name.rpartition(".")[2] + suffix
                    if name in taken:
                        name = node.name.replace(".", "_") + suffix
                    while name in taken:
                        name += "_"
                    taken.add(name)
                    names[Ref(node.name, port)] = name
        return names


def wrapped(head: str, arguments: list[str]) -> list[str]:
    """A call in a method's body, on one line or with its arguments on their own."""
    line = f"{head}({', '.join(arguments)})"
    if len(line) + 2 * len(INDENT) <= LINE_WIDTH:
        return [line]
    return [f"{head}(", f"{INDENT}{', '.join(arguments)}", ")"]
