"""Pass 7: address and shape of every parameter, and ties between them."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from compiler.block_source import library
from compiler.diagnostics.near import near
from compiler.passes.findings import key_of
from compiler.passes.written import Written
from compiler.spec import Spec
from specs.bridges import BRIDGE
from specs.graph import Graph, Node, Tie
from specs.language import Ignore
from specs.problems import Problem

Shapes = dict[str, tuple[int, ...]]

_WILDCARDS = frozenset("*?[")


def idle_patterns(patterns: Iterable[str], graph: Graph) -> Iterator[Problem]:
    """XL518 for every `fresh:` pattern that names no parameter, or none that keeps a tensor of its own."""
    shapes = graph.shapes
    patterns = tuple(patterns)
    tied = {tie.tied: tie.kept for tie in graph.ties}
    for index, pattern in enumerate(patterns):
        named = [address for address in shapes if fnmatchcase(address, pattern)]
        place = f"fresh.{index}"
        if not named:
            close = near(pattern, _stems(shapes) if pattern.endswith("*") else shapes)
            yield Problem(
                "XL518",
                f"`fresh:` names `{pattern}`, which is no parameter of this model",
                ((place, "matches nothing"),),
                info=("`*` stands for any part of an address",),
                help=f"did you mean `{close[0]}`?"
                if close
                else "remove it; `crossloom weights` lists the addresses",
            )
            continue
        kept = [tied[address] for address in named if address in tied]
        is_kept_fresh = any(is_fresh(address, patterns) for address in kept)
        if len(kept) == len(named) and not is_kept_fresh:
            yield Problem(
                "XL518",
                f"`fresh:` names `{named[0]}`, which is tied to `{kept[0]}` and loaded with it",
                ((place, "a tied parameter"),),
                info=("tied parameters are one tensor",),
                help=f"name `{kept[0]}` to start both untrained, or untie them",
            )


def idle_checkpoints(spec: Spec, graph: Graph) -> Iterator[Problem]:
    """XL518, a warning, for every part that names a checkpoint, and `fresh:` all of its parameters."""
    patterns = tuple(spec.language.fresh)
    for role, part in spec.parts.items():
        if part.weights is None or not patterns:
            continue
        own = [address for address in graph.parameters() if _is_of(address, role)]
        used = [
            index
            for index, pattern in enumerate(patterns)
            if any(fnmatchcase(address, pattern) for address in own)
        ]
        if not own or not all(is_fresh(address, patterns) for address in own):
            continue
        yield Problem(
            "XL518",
            f"`fresh:` names every parameter of `{role}`, and its checkpoint would be read for nothing",
            (*((f"fresh.{index}", "all of them") for index in used), (f"{role}.weights", "not used")),
            help=f"remove `weights` from `{role}`, or name only what its checkpoint does not hold",
            severity="warning",
        )


def is_fresh(address: str, patterns: Iterable[str]) -> bool:
    """Whether a parameter starts untrained by the patterns of `fresh:`."""
    return any(fnmatchcase(address, pattern) for pattern in patterns)


def _is_of(address: str, role: str) -> bool:
    """Whether a checkpoint of the part may hold a parameter; the bridge is in none."""
    if address.startswith(f"{BRIDGE}."):
        return False
    return role == "model" or (role == "encoder") is address.startswith("encoder.")


def unbounded_patterns(ignore: Ignore) -> Iterator[Problem]:
    """XL518 for every `ignore:` pattern that has no step without a wildcard: it would hide any finding."""
    for section, patterns in ignore:
        for index, pattern in enumerate(patterns):
            if all(not step or _WILDCARDS & set(step) for step in pattern.split(".")):
                yield Problem(
                    "XL518",
                    f"`{pattern}` ignores whatever is stored, and not something that is known to be there",
                    ((f"ignore.{section}.{index}", "names nothing"),),
                    info=("a part of the model that is missing here would go unnoticed",),
                    help="name a module, such as `model.decoder.*`"
                    if section != "config"
                    else "name the fields",
                )


def parameters(graph: Graph) -> Graph:
    """The graph with its parameter shapes."""
    return replace(graph, shapes=_Parameters(graph))


class _Parameters(Mapping[str, tuple[int, ...]]):
    """Address and shape of every parameter; those of a node are worked out when they are first looked at."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._found: dict[str, Shapes] = {}

    def __getitem__(self, address: str) -> tuple[int, ...]:
        for node in self._graph.nodes.values():
            if address.startswith(f"{node.name}.") and address in (shapes := self._of(node)):
                return shapes[address]
        raise KeyError(address)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def items(self) -> ItemsView[str, tuple[int, ...]]:
        """All of them, in the order of the graph."""
        return self._all.items()

    @cached_property
    def _all(self) -> Shapes:
        nodes = self._graph.order()
        return {address: shape for node in nodes for address, shape in self._of(node).items()}

    def _of(self, node: Node) -> Shapes:
        if node.name not in self._found:
            shapes = library().shapes(node.block)
            self._found[node.name] = {f"{node.name}.{address}": shape for address, shape in shapes}
        return self._found[node.name]


def tie_problems(part: Written, whole: Graph) -> Iterator[Problem]:
    """XL203 for ties of what is no parameter of the part, XL306 for tied parameters of unequal shape.

    `whole` has the shapes. What is tied to a node that had to be left out is not looked at.
    """
    if not part.graph.ties:
        return
    shapes: Mapping[str, tuple[int, ...]] = whole.shapes
    if part.prefix:
        shapes = {
            address.removeprefix(part.prefix): shape
            for address, shape in shapes.items()
            if address.startswith(part.prefix)
        }
    for tie in part.graph.ties:
        if not any(address.startswith(f"{name}.") for name in part.lost for address in (tie.kept, tie.tied)):
            yield from _tie(tie, part.graph, shapes)


def _tie(tie: Tie, graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Problem]:
    place = tie.origin or ""
    kept, tied = shapes.get(tie.kept), shapes.get(tie.tied)
    for address, shape, at in ((tie.tied, tied, key_of(place)), (tie.kept, kept, place)):
        if shape is None:
            close = near(address, [other for other in shapes if other != tie.tied])
            yield Problem(
                "XL203",
                f"`{address}` is not a parameter",
                ((at, "no such parameter"),),
                help=f"did you mean `{close[0]}`?" if close else "name a parameter by its full address",
            )
            return
    chained = next((other for other in graph.ties if other.tied == tie.kept), None)
    if chained is not None:
        yield Problem(
            "XL203",
            f"`{tie.kept}` is tied itself, so it keeps no tensor of its own",
            ((place, "tied to this"),),
            help=f"tie `{tie.tied}` to `{chained.kept}`" if tie != chained else "remove the tie",
        )
    elif kept != tied:
        yield Problem(
            "XL306",
            f"tied parameters differ in shape: {tie.kept} {list(shapes[tie.kept])}, "
            f"{tie.tied} {list(shapes[tie.tied])}",
            ((place, "tied here"), *_sizes(tie.kept, graph), *_sizes(tie.tied, graph)),
            info=("tied parameters are one tensor",),
            help="make the shapes equal, or untie them",
        )


def _sizes(address: str, graph: Graph) -> Iterator[tuple[str, str]]:
    """Where the sizes of a parameter's node were written: a finding there explains an unequal shape."""
    node = next((node for node in graph.nodes.values() if address.startswith(f"{node.name}.")), None)
    if node is None:
        return
    for number in node.numbers.values():
        if type(number.value) is int and number.origin and number.origin.startswith(f"{node.origin}."):
            yield number.origin, f"a size of `{address}`"


def _stems(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Patterns for all parameters of a module, and for the same module of every layer."""
    steps = [address.split(".") for address in shapes]
    stems = {".".join(path[:length]) for path in steps for length in range(1, len(path))}
    stems |= {".".join("*" if step.isdecimal() else step for step in stem.split(".")) for stem in stems}
    return [f"{stem}.*" for stem in sorted(stems)]
