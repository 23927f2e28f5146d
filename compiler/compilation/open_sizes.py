"""The sizes of inputs that an exported program serves."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

from torch import Tensor
from torch.export import ExportedProgram

Shapes = tuple[tuple[int | str, ...], ...]
"""Of every input: numbers, and names of sizes that are open."""

_SIZE = re.compile(r"L\['(\w+)'\](?:\[(\d+)\])?\.size\(\)\[(\d+)\]")
"""A size of an input in a guard as torch writes it: of an argument, or of one among them."""
_FUNCTIONS = {"max": max, "min": min, "abs": abs}
"""What a guard may call."""


class OpenSizes(NamedTuple):
    """What torch found when it exported.

    Attributes:
        shapes: equal names are equal sizes.
        ranges: by its name, the least and the greatest size that is served; None is no limit.
        guards: what else torch took for true, in Python: `size[0][1] // 2 != 1` is of the second size of the
            first input.
    """

    shapes: Shapes
    ranges: Mapping[str, tuple[int, int | None]]
    guards: tuple[str, ...] = ()

    @classmethod
    def of(cls, program: ExportedProgram) -> OpenSizes:
        """Raises ValueError where a size is computed from another, or what holds of sizes is not known."""
        names = program.graph_signature.user_inputs
        nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
        shapes = tuple(tuple(map(_size, nodes[name].meta["val"].shape)) for name in names)
        ranges = {}
        for symbol, allowed in program.range_constraints.items():
            most = int(allowed.upper) if allowed.upper < sys.maxsize // 2 else None
            ranges[str(symbol)] = int(allowed.lower), most
        return cls(shapes, ranges, _guards(program))

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any]) -> OpenSizes:
        """What `notes` gave; raises ValueError where it is not among these."""
        if not notes.keys() >= {"shapes", "ranges", "guards"}:
            raise ValueError("which sizes the package serves was not kept with it")
        shapes = tuple(map(tuple, notes["shapes"]))
        ranges = {name: (least, most) for name, (least, most) in notes["ranges"].items()}
        return cls(shapes, ranges, tuple(notes["guards"]))

    def notes(self) -> dict[str, Any]:
        """As JSON has it."""
        shapes = list(map(list, self.shapes))
        return {"shapes": shapes, "ranges": dict(self.ranges), "guards": list(self.guards)}

    def serve(self, inputs: Iterable[Tensor]) -> bool:
        """Whether these are inputs of such sizes.

        Torch takes it that an open size is no 1; of the first, the batch, what it compiled holds for 1 too.
        """
        sizes = [tuple(tensor.shape) for tensor in inputs]
        return self._fit(sizes) and _hold(self.guards, sizes)

    def _fit(self, sizes: Sequence[tuple[int, ...]]) -> bool:
        """Whether sizes are equal that have one name, and within the ranges."""
        found: dict[str, int] = {}
        for given, shape in zip(sizes, self.shapes, strict=True):
            if len(given) != len(shape):
                return False
            for axis, (size, wanted) in enumerate(zip(given, shape, strict=True)):
                if isinstance(wanted, int):
                    if size != wanted:
                        return False
                elif found.setdefault(wanted, size) != size or not self._allows(wanted, size, axis == 0):
                    return False
        return True

    def _allows(self, name: str, size: int, is_batch: bool) -> bool:
        if name not in self.ranges:
            return False
        least, most = self.ranges[name]
        if is_batch and least == 2:
            least = 1
        return least <= size and (most is None or size <= most)


def _size(size: Any) -> int | str:
    """A size of a traced tensor."""
    if isinstance(size, int):
        return size
    expression = size.node.expr
    if expression.is_Integer:
        return int(expression)
    if not expression.is_Symbol:
        raise ValueError(f"a size has to be {expression}")
    return str(expression)


def _guards(program: ExportedProgram) -> tuple[str, ...]:
    """What torch took for true of the sizes of inputs, each once.

    `_guards_code` is private: without it nobody knows where the program is right, and ValueError is raised.
    """
    written: list[str] | None = getattr(program, "_guards_code", None)
    if written is None:
        raise ValueError("this torch does not tell what it takes for true of sizes")
    places = {str(name): place for place, name in enumerate(program.graph_signature.user_inputs)}

    def place(size: re.Match[str]) -> str:
        name, index, axis = size.groups()
        found = places.get(name if index is None else f"{name}_{index}")
        return size[0] if found is None else f"size[{found}][{axis}]"

    guards = tuple(dict.fromkeys(_SIZE.sub(place, guard) for guard in written))
    strange = next((guard for guard in guards if not _is_of_sizes(guard)), None)
    if strange is not None:
        raise ValueError(f"what torch takes for true is not only of sizes: {strange}")
    return guards


def _is_of_sizes(guard: str) -> bool:
    return {*_code((guard,)).co_names} <= {"size", *_FUNCTIONS}


def _hold(guards: tuple[str, ...], sizes: Sequence[tuple[int, ...]]) -> bool:
    """Whether all are true of these sizes; one that divides by 0 is not."""
    # They were written by torch, and lie in a package, which is run as code anyway.
    try:
        return bool(eval(_code(guards), {"__builtins__": {}, **_FUNCTIONS, "size": sizes}))
    except ArithmeticError:
        return False


@lru_cache(maxsize=256)
def _code(guards: tuple[str, ...]) -> CodeType:
    return compile(" and ".join(f"({guard})" for guard in guards) or "True", "<guards>", "eval")
