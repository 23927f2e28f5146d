"""The keys of a map: strings, each once."""

from __future__ import annotations

from compiler.diagnostics.model import Diagnostic, Span
from compiler.reader import findings
from compiler.reader.nodes import CollectionNode, Entry, Node, ScalarNode, follow, kind


def enter_pairs(node: CollectionNode, diagnostics: list[Diagnostic]) -> list[Entry]:
    """The entries of the map `node`; of a repeated key the first stays, poisoned.

    Which of the two was meant is unknown, so a finding about the value would be a guess.
    """
    entries: dict[str, Entry] = {}
    merged: list[Node] = []
    repeated: list[tuple[str, Span, Span]] = []
    children = iter(node.children)
    for key_node, value in zip(children, children, strict=True):
        key = follow(key_node)
        if isinstance(key, ScalarNode) and key.is_merge:
            diagnostics.append(findings.merge_key(key_node.span))
            merged.append(value)
        elif isinstance(key, ScalarNode) and isinstance(key.value, str):
            if first := entries.get(key.value):
                first.poisoned = True
                repeated.append((key.value, key_node.span, first.key_span or node.span))
            else:
                entries[key.value] = Entry(key.value, key_node.span, value, key.poisoned)
        elif key is not None and not key.poisoned:
            diagnostics.append(_not_a_string(key, key_node))
    if repeated:
        diagnostics += findings.duplicate_keys(repeated)
    for source in merged:
        # Reported already; merging all the same keeps later passes from missing what it brings.
        _merge(entries, source)
    return list(entries.values())


def _not_a_string(key: ScalarNode | CollectionNode, place: Node) -> Diagnostic:
    if isinstance(key, CollectionNode):
        return findings.key_not_a_string("a map" if key.is_map else "a list", place.span, None)
    return findings.key_not_a_string(kind(key.value), place.span, key.text)


def _merge(entries: dict[str, Entry], source: Node) -> None:
    target = follow(source)
    if not isinstance(target, CollectionNode):
        return
    for entry in target.entries:
        if target.is_map:
            entries.setdefault(str(entry.key), entry)
        elif isinstance(one := follow(entry.node), CollectionNode) and one.is_map:
            for inner in one.entries:
                entries.setdefault(str(inner.key), inner)
