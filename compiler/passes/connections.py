"""Pass 5 for free graphs: what each port reads. Unusable connections are reported and taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from compiler.diagnostics.near import near
from compiler.passes.findings import key_of
from compiler.passes.written import CROSSING, Written
from specs.graph import Graph, Node, Ref
from specs.problems import Problem
from specs.signatures import SIGNATURES, Port

WORDS = {
    "features": "features",
    "hidden": "hidden states",
    "image": "an image",
    "lengths": "lengths",
    "logits": "logits",
    "mask": "a mask",
    "token_ids": "token ids",
    "units": "units of speech",
    "waveform": "a waveform",
}


@dataclass
class Connected:
    """The graph with its usable connections, and what the later rules must know about the others.

    Attributes:
        problems: what was wrong.
        meant: ports that an unusable connection plainly meant.
        wanting: roles that a port wants and does not get: a node that gives one may have been meant.
        unclear: whether some connection may have meant anything.
        whole: whether nothing was taken out.
    """

    graph: Graph
    problems: list[Problem] = field(default_factory=list)
    meant: set[Ref] = field(default_factory=set)
    wanting: set[str] = field(default_factory=set)
    unclear: bool = False
    whole: bool = True


def connected(written: Written) -> Connected:
    """Every connection against the ports at both of its ends: XL203, XL205, XL206, XL207."""
    return _Connections(written).run()


class _Connections:
    def __init__(self, written: Written) -> None:
        self._written = written
        self._graph = written.graph
        self._lost = written.lost
        self._absent: dict[str, list[tuple[str, Problem]]] = {}
        self._found = Connected(written.graph, whole=not written.lost)

    def run(self) -> Connected:
        nodes = {name: self._node(node) for name, node in self._graph.nodes.items()}
        outputs = {
            name: ref
            for name, ref in self._graph.outputs.items()
            if self._exists(ref, self._written.output(name))
        }
        for name, role in self._written.expected_outputs().items():
            if name not in outputs or role_of(self._graph, outputs[name]) != role:
                self._found.wanting.add(role)
        for name, readers in self._absent.items():
            self._report(readers[0][1] if len(readers) == 1 else self._no_node(name, readers))
        self._found.graph = replace(self._graph, nodes=nodes, outputs=outputs)
        return self._found

    def _node(self, node: Node) -> Node:
        signature = SIGNATURES[node.kind]
        usable = {}
        misnamed: set[str] = set()
        for name, ref in node.inputs.items():
            port = signature.input(name)
            if port is None:
                misnamed |= self._no_such_port(node, name, ref, misnamed)
            elif self._fits(node, port, ref):
                usable[name] = ref
        for port in signature.inputs:
            if not port.optional and port.name not in node.inputs and port.name not in misnamed:
                self._unfed(node, port)
        return node._replace(inputs=usable)

    def _fits(self, node: Node, port: Port, ref: Ref) -> bool:
        at = f"{self._written.node(node.name)}.inputs.{port.name}"
        if not self._exists(ref, at):
            return False
        role = role_of(self._graph, ref)
        if role == port.role:
            if not ref.node and ref.port in self._graph.optional_inputs and not port.optional:
                self._report(_optional(node, port, ref, (self._written.input(ref.port), at)))
            return True
        self._found.wanting.add(port.role)
        self._report(_wrong_role(self._graph, node, port, ref, at))
        return False

    def _exists(self, ref: Ref, at: str) -> bool:
        if (ref.node or ref.port) in self._lost:
            self._found.whole = False
            return False
        if role_of(self._graph, ref) is not None:
            return True
        problem, meant = _dangling(self._written, ref, at)
        if ref.node and ref.node not in self._graph.nodes:
            self._absent.setdefault(ref.node, []).append((at, problem))
        else:
            self._report(problem)
        if meant is None:
            self._found.unclear = True
        else:
            self._found.meant.add(meant)
        return False

    def _no_node(self, name: str, readers: list[tuple[str, Problem]]) -> Problem:
        """XL203 once, for all that read a node which is not there."""
        close = near(name, self._graph.nodes)
        return Problem(
            "XL203",
            f"there is no node `{name}`, and {len(readers)} inputs or outputs read it",
            tuple((at, "nothing there") for at, _ in readers),
            help=f"did you mean `{close[0]}`?"
            if close
            else f"add `{name}`, or connect one of {', '.join(self._graph.nodes)}",
        )

    def _no_such_port(self, node: Node, name: str, ref: Ref, taken: set[str]) -> set[str]:
        """Report it; the port that it plainly means is not reported as unfed too."""
        ports = SIGNATURES[node.kind].inputs
        free = [port for port in ports if port.name not in node.inputs and port.name not in taken]
        close = near(name, [port.name for port in free])
        if not close:
            role = role_of(self._graph, ref)
            close = [port.name for port in free if port.role == role and not port.optional][:1]
        names = ", ".join(port.name for port in ports)
        self._found.meant.add(ref)
        self._report(
            Problem(
                "XL207",
                f"block {node.kind} has no input `{name}`",
                ((key_of(f"{self._written.node(node.name)}.inputs.{name}"), "not a port of this block"),),
                (f"its inputs are {names}",),
                f"did you mean `{close[0]}`?" if close else f"remove it; {node.kind} takes {names}",
            )
        )
        return set(close[:1])

    def _unfed(self, node: Node, port: Port) -> None:
        # Whoever forgot this port may have forgotten the optional ones beside it.
        self._found.wanting |= {other.role for other in SIGNATURES[node.kind].inputs} - {
            str(role_of(self._graph, ref)) for ref in node.inputs.values()
        } | {port.role}
        address = self._written.node(node.name)
        # The port and its section are named too: where they were reported, its absence follows from that.
        self._report(
            Problem(
                "XL206",
                f"`{node.name}` has no `{port.name}`: block {node.kind} needs it",
                (
                    (address, f"`{port.name}` is not connected"),
                    (f"{address}.inputs.{port.name}", "missing"),
                ),
                help=f"add `{port.name}:` under its `inputs:`, and connect {WORDS[port.role]}"
                + _such_as(self._graph, port.role, node),
            )
        )

    def _report(self, problem: Problem) -> None:
        self._found.whole = False
        self._found.problems.append(problem)


def role_of(graph: Graph, ref: Ref) -> str | None:
    """What a port holds; None where there is none."""
    if not ref.node:
        return graph.inputs[ref.port].role if ref.port in graph.inputs else None
    node = graph.nodes.get(ref.node)
    if node is None:
        return None
    return next((port.role for port in SIGNATURES[node.kind].outputs if port.name == ref.port), None)


def existing(graph: Graph) -> Iterator[Ref]:
    """Every input and every output of a node."""
    yield from (Ref("", name) for name in graph.inputs)
    for node in graph.nodes.values():
        yield from (Ref(node.name, port.name) for port in SIGNATURES[node.kind].outputs)


def _such_as(graph: Graph, role: str, reader: Node) -> str:
    refs = [r for r in existing(graph) if role_of(graph, r) == role and r.node != reader.name]
    return ", such as " + " or ".join(f"`{ref}`" for ref in refs[:2]) if refs else ""


def _dangling(part: Written, ref: Ref, at: str) -> tuple[Problem, Ref | None]:
    """XL203, and the port that was plainly meant."""
    ports = {str(one): one for one in existing(part.graph)}
    written = str(ref)
    called = [name for name in _by_address(part, ref) if name in ports]
    close = called or near(written, ports)
    close = close or [name for name in ports if written and name.startswith(f"{written}.")]
    problem = Problem(
        "XL203",
        f"`{written}` is neither a graph input nor a node's output",
        ((at, "nothing there"),),
        _HALVES_APART if called else (),
        help=f"did you mean `{close[0]}`?" if close else f"connect one of {', '.join(ports)}",
    )
    return problem, ports[close[0]] if close else None


_HALVES_APART = (
    "in its own graph a node is called as it is written there; the encoder's are not seen in the decoder's",
)


def _by_address(part: Written, ref: Ref) -> list[str]:
    """What a reference by the address in the whole model is called in the graph of a half."""
    address = str(ref)
    if part.role == "decoder" and address.startswith("encoder."):
        return sorted(CROSSING, key=lambda name: ("mask" in name) is not (ref.port == "mask"))
    return [address.removeprefix(part.prefix)] if part.prefix and address.startswith(part.prefix) else []


def _wrong_role(graph: Graph, node: Node, port: Port, ref: Ref, at: str) -> Problem:
    role = role_of(graph, ref)
    assert role is not None, "only a port that exists holds something"
    return Problem(
        "XL205",
        f"`{node.name}` takes {WORDS[port.role]} as `{port.name}`, and `{ref}` holds {WORDS[role]}",
        ((at, f"this is {WORDS[role]}"),),
        help=f"connect {WORDS[port.role]}{_such_as(graph, port.role, node)}",
    )


def _optional(node: Node, port: Port, ref: Ref, at: tuple[str, str]) -> Problem:
    return Problem(
        "XL206",
        f"`{node.name}` needs its `{port.name}`, and the input `{ref}` may be left out",
        ((f"{at[0]}.optional", "may be left out"), (at[1], "needed here")),
        help=f"remove `optional: true` from `{ref}`",
    )
