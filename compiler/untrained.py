"""What a model is run with although nothing has trained it."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from compiler.checkpoint.findings import quoted
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.spec import Spec
from compiler.weights.folding import folded
from specs.graph import Graph
from specs.signatures import SIGNATURES


def untrained(spec: Spec, graph: Graph, fresh: Collection[str]) -> list[Diagnostic]:
    """XL522, a warning, where parameters began `fresh` and what the model gives depends on them."""
    idle = tuple(f"{name}." for name, node in graph.nodes.items() if SIGNATURES[node.kind].trains_only)
    used = [address for address in fresh if not address.startswith(idle)]
    if not used:
        return []
    places = [
        spec.origin(f"fresh.{index}")
        for index, pattern in enumerate(spec.language.fresh)
        if any(fnmatchcase(address, pattern) for address in used)
    ]
    count = "a tensor" if len(used) == 1 else f"{len(used)} tensors"
    finding = Diagnostic(
        "XL522",
        Severity.WARNING,
        f"`{spec.name}` has {count} that nothing has trained: what it writes says little",
        tuple(place for place in places if place is not None),
        (f"no checkpoint holds {quoted(folded(used))}",),
        "train it first: `crossloom train SPEC --data FILE -o DIR`, and run DIR/spec.yaml",
    )
    return [finding]
