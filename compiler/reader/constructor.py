"""Nodes to plain data, with a span for every key and value."""

from __future__ import annotations

from typing import Any, TypeAlias

from compiler.diagnostics.model import Span
from compiler.reader.document import Path
from compiler.reader.nodes import AliasNode, CollectionNode, Node, follow

Constructed: TypeAlias = tuple[Any, dict[Path, Span], dict[Path, Span], frozenset[Path]]


def construct(root: Node | None, *, exploded: bool = False) -> Constructed:
    """Expand `root` into (data, value spans, key spans, poisoned paths).

    Aliases become independent copies: no two places of the result share a dict or a list. A value
    behind an alias has the place of the alias, and what lies below it the place of its own text.
    The work is bounded because `compose` bounds what aliases expand to; nothing here recurses. Where they
    `exploded`, no map or list is copied: what repeats another place has nothing more to say.
    """
    values: dict[Path, Span] = {}
    keys: dict[Path, Span] = {}
    poisoned: set[Path] = set()
    pending: list[tuple[CollectionNode, dict[str | int, Any] | list[Any], Path]] = []

    def begin(node: Node, path: Path) -> Any:
        values[path] = node.span
        target = follow(node)
        if exploded and isinstance(node, AliasNode) and isinstance(target, CollectionNode):
            target = None
        if target is None or target.poisoned:
            poisoned.add(path)
        if isinstance(target, CollectionNode):
            container: dict[str | int, Any] | list[Any] = {} if target.is_map else []
            pending.append((target, container, path))
            return container
        return target.value if target else None

    if root is None:
        return None, values, keys, frozenset()
    data = begin(root, ())
    while pending:
        collection, container, path = pending.pop()
        for entry in collection.entries:
            here = (*path, entry.key)
            value = begin(entry.node, here)
            if entry.key_span:
                keys[here] = entry.key_span
            if entry.poisoned:
                poisoned.add(here)
            if isinstance(container, dict):
                container[entry.key] = value
            else:
                container.append(value)
    return data, values, keys, frozenset(poisoned)
