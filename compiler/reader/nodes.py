"""The tree between YAML events and plain data.

An alias shares its target's node, so the tree of a small file stays small however much it would
expand to; `size` and `height` say what it would expand to, without expanding it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from compiler.diagnostics.model import Span
from compiler.reader.scalars import Scalar


@dataclass(slots=True)
class ScalarNode:
    """A scalar as written (`text`, without quotes) and the value it resolves to."""

    text: str
    value: Scalar
    span: Span
    is_merge: bool = False
    poisoned: bool = False


@dataclass(slots=True)
class CollectionNode:
    """A map or a list. `children` alternates keys and values for a map; `entries` is what came of them."""

    is_map: bool
    is_block: bool
    span: Span
    children: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    size: int = 1
    height: int = 1
    poisoned: bool = False
    is_open: bool = True


@dataclass(slots=True)
class AliasNode:
    """A use of an anchor; `target` is None where it cannot be followed."""

    target: ScalarNode | CollectionNode | None
    span: Span


Node: TypeAlias = ScalarNode | CollectionNode | AliasNode


@dataclass(slots=True)
class Entry:
    """One key (with its place) or list index, and the value there."""

    key: str | int
    key_span: Span | None
    node: Node
    poisoned: bool = False


def follow(node: Node) -> ScalarNode | CollectionNode | None:
    """The node itself, or what an alias stands for."""
    return node.target if isinstance(node, AliasNode) else node


_KINDS: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def kind(value: Scalar) -> str:
    """The type of a value in words."""
    return _KINDS[type(value)]
