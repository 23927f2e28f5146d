"""Pass 6 beside the dimensions: what leaves an encoder is a sequence of vectors, with a mask of their own."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.passes.dims import UNKNOWN
from compiler.passes.written import Written
from specs.dims import Proof, compare
from specs.graph import Graph, TensorType
from specs.problems import Problem


def uneven_outputs(written: Written, graph: Graph) -> Iterator[Problem]:
    """XL305 where an encoder's hidden states are no sequence of vectors, or its mask is not for them.

    `graph` is the part's, with the type of every port.
    """
    hidden, mask = (
        graph.types.get(graph.outputs[n]) if n in graph.outputs else None for n in ("hidden", "mask")
    )
    if hidden is None or hidden.role != "hidden":
        return
    if len(hidden.dims) != 3:
        yield Problem(
            "XL305",
            f"hidden states are [batch, length, width], and `{graph.outputs['hidden']}` is {hidden}",
            ((written.output("hidden"), f"{len(hidden.dims)} dimensions"),),
            help="connect hidden states of three dimensions",
        )
    elif mask is not None and mask.role == "mask" and not _is_for(mask, hidden):
        yield Problem(
            "XL305",
            f"the mask is {mask}, and the hidden states are {hidden}",
            ((written.output("mask"), "another length"), (written.output("hidden"), "these hidden states")),
            ("a mask says of each hidden state whether it is one, or padding",),
            "connect the mask that belongs to the hidden states",
        )


def _is_for(mask: TensorType, hidden: TensorType) -> bool:
    if UNKNOWN in (*mask.dims, *hidden.dims):
        return True  # what settled it was reported
    pairs = zip(mask.dims, hidden.dims[:2], strict=False)
    return len(mask.dims) == 2 and all(compare(one, other) is Proof.EQUAL for one, other in pairs)
