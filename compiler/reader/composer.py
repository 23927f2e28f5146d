"""YAML events to nodes, one pass, without recursion.

Works on the event level of PyYAML (libyaml where it is compiled in), because only there are
duplicate keys, quoting, tags and unexpanded aliases all still visible.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from compiler.diagnostics.model import Diagnostic, Span
from compiler.diagnostics.sources import line_starts
from compiler.reader import findings
from compiler.reader.encoding import REPLACEMENT, UNFIT
from compiler.reader.nodes import AliasNode, CollectionNode, Entry, Node, ScalarNode, follow, kind
from compiler.reader.pairs import enter_pairs
from compiler.reader.scalars import OutOfRangeError, Scalar, resolve

LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

MAX_DEPTH = 64
MAX_COPIES = 10_000
"""How many values aliases may add to those written out."""

_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, type] = {
    f"{_CORE}str": str,
    f"{_CORE}int": int,
    f"{_CORE}float": float,
    f"{_CORE}bool": bool,
    f"{_CORE}null": type(None),
}


@dataclass(slots=True)
class Composition:
    """The root node, or None where the text is not one YAML document, and every finding by place.

    `exploded` says that aliases copy too much: the copies are then left out.
    """

    root: Node | None
    diagnostics: list[Diagnostic]
    exploded: bool


def compose(text: str, file: str, *, damaged: bool = False) -> Composition:
    """Parse `text`, which holds printable characters only.

    `damaged` says that unreadable characters were replaced and reported: a syntax error or a value
    that owes to them is then not reported again.
    """
    composer = _Composer(text, file, damaged)
    try:
        complete = composer.run()
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The pure parser lets ValueError and OverflowError escape for some character escapes.
        complete = False
        if not damaged:
            from compiler.reader.syntax import syntax_error  # what is sound starts without it

            composer.diagnostics.append(syntax_error(error, text, file, composer.open_brackets()))
    if complete and not damaged and composer.is_empty():
        line, column = 1, 1
        composer.diagnostics.append(findings.nothing_inside(Span(file, line, column, line, column)))
        complete = False
    composer.diagnostics.sort(key=lambda found: (found.spans[0].line, found.spans[0].column))
    return Composition(
        composer.root if complete else None, composer.diagnostics, composer.copies > MAX_COPIES
    )


@dataclass(slots=True)
class _Composer:
    text: str
    file: str
    damaged: bool
    diagnostics: list[Diagnostic] = field(default_factory=list)
    root: Node | None = None
    copies: int = 0
    _end_of_text: tuple[int, int] = (1, 1)
    _stack: list[CollectionNode] = field(default_factory=list)
    _anchors: dict[str, ScalarNode | CollectionNode] = field(default_factory=dict)

    def run(self) -> bool:
        """Consume all events; False where reading had to stop."""
        starts = line_starts(self.text)
        self._end_of_text = len(starts), len(self.text) - starts[-1] + 1
        documents = 0
        for event in yaml.parse(self.text, Loader=LOADER):
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                if not self._begin(event):
                    return False
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end(event)
            elif isinstance(event, yaml.AliasEvent):
                if not self._alias(event):
                    return False
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.diagnostics.append(findings.several_documents(self._span(event)))
                    return True
        return True

    def is_empty(self) -> bool:
        """Whether the document is absent or a bare null."""
        root = self.root
        return root is None or (isinstance(root, ScalarNode) and root.value is None and not root.poisoned)

    def open_brackets(self) -> list[Span]:
        """Where the flow maps and lists begin that are not closed yet."""
        return [node.span for node in self._stack if not node.is_block]

    def _add(self, node: Node, anchor: str | None) -> None:
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node
        if anchor is not None and not isinstance(node, AliasNode):
            self._anchors[anchor] = node

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        span = self._span(event)
        plain = event.implicit[0]
        node = ScalarNode(text, text, span, is_merge=plain and text == "<<")
        if event.style in ("|", ">"):
            node.span = self._without_trailing_space(event)
        try:
            if event.tag in (None, "!"):
                node.value = resolve(text) if plain else text
            elif event.tag in _SCALAR_TAGS:
                node.value = self._tagged(event.tag, text, node)
            else:
                node.value = None
                self._refuse_tag(event, node)
        except OutOfRangeError:
            node.value, node.poisoned = None, True
            self.diagnostics.append(findings.number_out_of_range(text, span))
        if self.damaged and REPLACEMENT in text:
            node.poisoned = True
        if unfit := UNFIT.search(text):
            node.value, node.poisoned = None, True
            self.diagnostics.append(findings.unfit_character(ord(unfit.group()), span))
        self._add(node, event.anchor)

    def _tagged(self, tag: str, text: str, node: ScalarNode) -> Scalar:
        expected = _SCALAR_TAGS[tag]
        value = text if expected is str else resolve(text)
        if type(value) is not expected:
            short = tag.replace(_CORE, "!!")
            self.diagnostics.append(findings.tag_mismatch(short, kind(value), node.span))
            node.poisoned = True
            return None
        return value

    def _refuse_tag(self, event: Any, node: ScalarNode | CollectionNode) -> None:
        tag = event.tag.replace(_CORE, "!!")
        # The mark includes the tag; what a reader should look at is its first line.
        self.diagnostics.append(findings.object_tag(tag, self._span(event)))
        node.poisoned = True

    def _begin(self, event: Any) -> bool:
        is_map = isinstance(event, yaml.MappingStartEvent)
        node = CollectionNode(is_map, not event.flow_style, self._span(event))
        if event.tag not in (None, "!", f"{_CORE}{'map' if is_map else 'seq'}"):
            self._refuse_tag(event, node)
        self._add(node, event.anchor)
        self._stack.append(node)
        return self._is_shallow(0, node.span)

    def _is_shallow(self, height: int, span: Span) -> bool:
        if len(self._stack) + height <= MAX_DEPTH:
            return True
        self.diagnostics.append(findings.too_deep(MAX_DEPTH, span))
        return False

    def _alias(self, event: Any) -> bool:
        name, span = event.anchor, self._span(event)
        target = self._anchors.get(name)
        if target is None:
            self.diagnostics.append(findings.unknown_anchor(name, span))
        elif isinstance(target, CollectionNode):
            if target.is_open:
                self.diagnostics.append(findings.recursive_alias(name, span, target.span))
                target = None
            elif not self._is_shallow(target.height, span):
                return False
            else:
                target = self._copied(name, target, span)
        self._add(AliasNode(target, span), None)
        return True

    def _copied(self, name: str, target: CollectionNode, span: Span) -> CollectionNode | None:
        """Count what the alias copies; None from the alias on with which it becomes too much."""
        if self.copies > MAX_COPIES:
            return None
        self.copies += target.size
        if self.copies <= MAX_COPIES:
            return target
        finding = findings.exploding_alias(name, self.copies, MAX_COPIES, span, target.span)
        self.diagnostics.append(finding)
        return None

    def _end(self, event: Any) -> None:
        node = self._stack.pop()
        node.is_open = False
        start, end = node.span, self._span(event)
        if node.is_block and node.children:
            # The parser ends a block where the next token begins, often lines below.
            end = node.children[-1].span
        node.span = Span(self.file, start.line, start.column, end.end_line, end.end_column)
        for child in node.children:
            target = follow(child)
            if isinstance(target, CollectionNode):
                node.size += target.size
                node.height = max(node.height, target.height + 1)
            else:
                node.size += 1
        if node.is_map:
            node.entries = enter_pairs(node, self.diagnostics)
        else:
            node.entries = [Entry(index, None, child) for index, child in enumerate(node.children)]

    def _without_trailing_space(self, event: Any) -> Span:
        """The span of a block scalar, which the parser ends at the line after it."""
        span = self._span(event)
        lines = self.text[event.start_mark.index : event.end_mark.index].rstrip()
        starts = line_starts(lines)
        last = len(starts)
        column = len(lines) - starts[-1] + (span.column if last == 1 else 1)
        return Span(self.file, span.line, span.column, span.line + last - 1, column)

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        first, last = (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)
        if last > self._end_of_text:
            # libyaml places what is implied at the end of the text on a line after the last.
            first, last = min(first, self._end_of_text), self._end_of_text
        return Span(self.file, *first, *last)
