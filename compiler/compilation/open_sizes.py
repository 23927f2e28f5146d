"""The sizes of inputs that an exported program serves."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from torch import Tensor
from torch.export import ExportedProgram

Shapes = tuple[tuple[int | str, ...], ...]
"""Of every input: numbers, and names of sizes that are open."""


class OpenSizes(NamedTuple):
    """What torch found when it exported.

    Attributes:
        shapes: equal names are equal sizes.
        ranges: by its name, the least and the greatest size that is served; None is no limit.
    """

    shapes: Shapes
    ranges: Mapping[str, tuple[int, int | None]]

    @classmethod
    def of(cls, program: ExportedProgram) -> OpenSizes:
        """Raises ValueError where a size is computed from another."""
        names = program.graph_signature.user_inputs
        nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
        shapes = tuple(tuple(map(_size, nodes[name].meta["val"].shape)) for name in names)
        ranges = {}
        for symbol, allowed in program.range_constraints.items():
            most = int(allowed.upper) if allowed.upper < sys.maxsize // 2 else None
            ranges[str(symbol)] = int(allowed.lower), most
        return cls(shapes, ranges)

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any]) -> OpenSizes:
        """What `notes` gave; raises ValueError where it is not among these."""
        if not notes.keys() >= {"shapes", "ranges"}:
            raise ValueError("which sizes the package serves was not kept with it")
        shapes = tuple(map(tuple, notes["shapes"]))
        return cls(shapes, {name: (least, most) for name, (least, most) in notes["ranges"].items()})

    def notes(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"shapes": list(map(list, self.shapes)), "ranges": dict(self.ranges)}

    def serve(self, inputs: Iterable[Tensor]) -> bool:
        """Whether these are inputs of such sizes.

        Torch takes it that an open size is no 1; of the first, the batch, what it compiled holds for 1 too.
        """
        found: dict[str, int] = {}
        for tensor, shape in zip(inputs, self.shapes, strict=True):
            if tensor.dim() != len(shape):
                return False
            for axis, (size, wanted) in enumerate(zip(tensor.shape, shape, strict=True)):
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
