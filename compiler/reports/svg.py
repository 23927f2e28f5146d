"""A graph as a drawing: boxes in rows, lines in the colour of what flows through them, shapes beside them."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from compiler.reports.facts import Facts, NodeFacts
from compiler.reports.layout import Item, Layout, Measures, input_name, lay_out, output_name
from compiler.reports.text import described
from specs.graph import Ref

COLORS = {
    "waveform": "#0f766e",
    "features": "#15803d",
    "image": "#be185d",
    "hidden": "#1d4ed8",
    "mask": "#6b7280",
    "token_ids": "#c2410c",
    "logits": "#7e22ce",
    "units": "#92400e",
    "lengths": "#475569",
}
"""One dark colour a role, each at a contrast of 4.5 or more on white."""

_INK = "#111827"
_QUIET = "#4b5563"
_PANELS = ("#eff6ff", "#fff7ed")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

_LETTER = 7.2
"""Widest mean width of a letter at 12 pixels in these fonts; text is never measured, so boxes are roomy."""
_SMALL = 0.88
"""Small letters against those of 12 pixels."""
_SHAPE = 10.5
_SHAPE_LETTER = 6.0

_PADDING = 12
_MARGIN = 24
_BOX = 56
_PILL = 40
_ROW = 116
_STRAIGHT = 20
"""How far a line runs straight down before it bends: the shape stands beside it."""
_WIDEST = 1600
"""Of methods beside each other: more would be small on a page."""
_TITLE = 26
_HEADER = 64
"""Height of the name and the size above a drawing that stands alone."""


@dataclass(frozen=True)
class _Box:
    """What stands in a box: a line in bold, one or two below it, and the role that colours it."""

    title: str
    lines: tuple[str, ...]
    role: str
    is_node: bool

    @property
    def height(self) -> float:
        return _BOX if self.is_node else _PILL

    @property
    def width(self) -> float:
        title = len(self.title) * _LETTER * 1.04
        return max(title, *(len(line) * _LETTER * _SMALL for line in self.lines)) + 2 * _PADDING


def graph_svg(facts: Facts) -> str:
    """The drawing as an SVG document."""
    drawing = _drawing(facts, _HEADER)
    return ElementTree.tostring(drawing, encoding="unicode", xml_declaration=True) + "\n"


def graph_svg_element(facts: Facts) -> str:
    """The drawing as an element of an HTML page, which has a heading of its own."""
    return ElementTree.tostring(_drawing(facts, 0), encoding="unicode")


def _drawing(facts: Facts, header: int) -> ElementTree.Element:
    boxes = _boxes(facts)
    widths = {name: box.width for name, box in boxes.items()}
    for node in facts.nodes:
        longest = max(len(str(type_)) for type_ in node.outputs.values()) * _SHAPE_LETTER
        if len(node.outputs) > 1:  # shapes stand outside the lines, which leave within the box
            longest = 2 * longest + widths[node.address] / 3 + 10
        widths[node.address] = max(widths[node.address], longest)
    layout = lay_out(facts, Measures(widths, trunk=14, gap=26, column_gap=64, widest=_WIDEST))
    return _Canvas(facts, boxes, layout, header).draw()


def _boxes(facts: Facts) -> dict[str, _Box]:
    boxes = {
        input_name(name): _Box(name, (str(type_),), type_.role, False) for name, type_ in facts.inputs.items()
    }
    boxes |= {node.address: _node_box(node, facts) for node in facts.nodes}
    for name, ref in facts.outputs.items():
        boxes[output_name(name)] = _Box(name, (str(facts.types[ref]),), facts.types[ref].role, False)
    return boxes


def _node_box(node: NodeFacts, facts: Facts) -> _Box:
    lines = [described(node)]
    if node.parameters:
        lines.append(f"{node.parameters:,} parameters")
    lines += [f"shares {kept}" for tied, kept in facts.ties.items() if tied.startswith(f"{node.address}.")][
        :1
    ]
    return _Box(node.address, tuple(lines[:2]), next(iter(node.outputs.values())).role, True)


class _Canvas:
    def __init__(self, facts: Facts, boxes: dict[str, _Box], layout: Layout, header: int) -> None:
        self._facts = facts
        self._boxes = boxes
        self._layout = layout
        self._header = header
        self._width = max(*(right + 2 * _MARGIN for _, right in layout.columns), 560)
        self._height = header + layout.rows * _ROW + _TITLE + _MARGIN
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_number(self._width)} {_number(self._height)}",
                "width": _number(self._width),
                "height": _number(self._height),
                "font-family": _FONT,
                "role": "img",
            },
        )

    def draw(self) -> ElementTree.Element:
        """All of it, from the back to the front."""
        self._add("title").text = f"{self._facts.name}: the graph"
        self._add("rect", x=0, y=0, width=self._width, height=self._height, fill="white")
        if self._header:
            self._text(_MARGIN, 30, self._facts.name, size=18, weight="bold")
            about = f"{self._facts.form}; {self._facts.parameters:,} parameters"
            self._text(_MARGIN, 50, about, color=_QUIET)
        self._panels()
        for edge in self._layout.edges:
            self._line(edge.source, edge.path)
        self._shapes()
        for name, box in self._boxes.items():
            self._box(self._layout.items[name], box)
        self._legend()
        return self._root

    def _panels(self) -> None:
        for column, (side, (left, right)) in enumerate(
            zip(self._facts.sides, self._layout.columns, strict=True)
        ):
            rows = [item.row for item in self._layout.items.values() if item.column == column]
            top = self._top(min(rows)) - _TITLE - 4
            bottom = self._top(max(rows)) + _BOX + 24
            self._add(
                "rect",
                x=left + _MARGIN - 14,
                y=top,
                width=right - left + 28,
                height=bottom - top,
                rx=10,
                fill=self._panel(side),
            )
            self._text(left + _MARGIN, top + 18, side, color=_QUIET, weight="bold")

    def _panel(self, side: str) -> str:
        """The colour behind a method's nodes: no two beside each other have the same."""
        return _PANELS[self._facts.sides.index(side) % len(_PANELS)]

    def _line(self, source: Ref, path: tuple[str, ...]) -> None:
        """From the bottom of the source, through its trunk, to the top of the reader."""
        color = COLORS[self._facts.types[source].role]
        items = [self._layout.items[name] for name in path]
        x, y = self._leaving(items[0], source)
        steps = [f"M{_number(x)} {_number(y)} v{_STRAIGHT}"]
        y += _STRAIGHT
        for item in items[1:]:
            top = self._top(item.row)
            if item.name in self._boxes:
                target_x, target_y = self._entering(item, path[-2], source), top - 5
            else:
                target_x, target_y = item.x + _MARGIN, top
            bend = (target_y - y) / 2
            steps.append(
                f"C{_number(x)} {_number(y + bend)} {_number(target_x)} {_number(target_y - bend)} "
                f"{_number(target_x)} {_number(target_y)}"
            )
            x, y = target_x, target_y
            if item.name not in self._boxes:
                y = top + _BOX
                steps.append(f"L{_number(x)} {_number(y)}")
        style = {"stroke-dasharray": "5 4"} if self._facts.types[source].role == "mask" else {}
        self._add("path", d=" ".join(steps), fill="none", stroke=color, stroke_width=1.6, **style)
        self._add("path", d=f"M{_number(x)} {_number(y + 5)} l-4 -8 h8 z", fill=color)

    def _leaving(self, item: Item, source: Ref) -> tuple[float, float]:
        """Where a port's lines begin: the ports of a box share its lower edge."""
        node = next((one for one in self._facts.nodes if one.address == item.name), None)
        ports = list(node.outputs) if node else [source.port]
        share = (ports.index(source.port) + 1) / (len(ports) + 1)
        box = self._boxes[item.name]
        return item.x + box.width * (share - 0.5) + _MARGIN, self._top(item.row) + box.height

    def _entering(self, item: Item, last: str, source: Ref) -> float:
        """Where a line ends: lines that arrive share the upper edge, in the order they come from."""
        arriving = sorted(
            {(edge.path[-2], edge.source) for edge in self._layout.edges if edge.target == item.name},
            key=lambda one: (self._origin(*one), str(one[1])),
        )
        share = (arriving.index((last, source)) + 1) / (len(arriving) + 1)
        return item.x + self._boxes[item.name].width * (share - 0.5) + _MARGIN

    def _origin(self, name: str, source: Ref) -> float:
        item = self._layout.items[name]
        return self._leaving(item, source)[0] if name in self._boxes else item.x + _MARGIN

    def _shapes(self) -> None:
        """The shape of every port that is read, once, where its lines begin; inputs carry theirs inside."""
        written: set[Ref] = set()
        for edge in self._layout.edges:
            if edge.source in written or not edge.source.node:
                continue
            written.add(edge.source)
            type_ = self._facts.types[edge.source]
            x, y = self._leaving(self._layout.items[edge.path[0]], edge.source)
            node = next(one for one in self._facts.nodes if one.address == edge.source.node)
            color, text = COLORS[type_.role], str(type_)
            if len(node.outputs) == 1:
                width, fill = len(text) * _SHAPE_LETTER, self._panel(node.side)
                self._add("rect", x=x - width / 2, y=y + 4, width=width, height=13, fill=fill)
                self._text(x, y + 14, text, size=_SHAPE, color=color, anchor="middle")
            else:  # beside the lines: to the right of the last port's, to the left of another's
                is_last = edge.source.port == list(node.outputs)[-1]
                anchor = "start" if is_last else "end"
                self._text(x + (5 if is_last else -5), y + 14, text, size=_SHAPE, color=color, anchor=anchor)

    def _box(self, item: Item, box: _Box) -> None:
        top, left = self._top(item.row), item.x - box.width / 2 + _MARGIN
        color = COLORS[box.role]
        self._add(
            "rect",
            x=left,
            y=top,
            width=box.width,
            height=box.height,
            rx=6 if box.is_node else box.height / 2,
            fill="white",
            stroke=color,
            stroke_width=1.6,
        )
        middle = item.x + _MARGIN
        first = top + (box.height - 15 * len(box.lines)) / 2 + 4
        self._text(middle, first, box.title, weight="bold", anchor="middle")
        for index, line in enumerate(box.lines, 1):
            self._text(middle, first + 15 * index, line, size=12 * _SMALL, color=_QUIET, anchor="middle")

    def _legend(self) -> None:
        roles = dict.fromkeys(type_.role for type_ in self._facts.types.values())
        x, y = float(_MARGIN), self._height - 20
        for role in roles:
            self._add("rect", x=x, y=y - 9, width=18, height=10, rx=2, fill=COLORS[role])
            self._text(x + 24, y, role.replace("_", " "), size=11, color=_QUIET)
            x += 44 + len(role) * _LETTER

    def _top(self, row: int) -> float:
        return self._header + _TITLE + row * _ROW + 6

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 12,
        color: str = _INK,
        weight: str = "normal",
        anchor: str = "start",
    ) -> None:
        style = {} if anchor == "start" else {"text_anchor": anchor}
        element = self._add("text", x=x, y=y, font_size=size, fill=color, font_weight=weight, **style)
        element.text = text

    def _add(self, tag: str, **attributes: float | str) -> ElementTree.Element:
        return ElementTree.SubElement(
            self._root,
            tag,
            {
                name.replace("_", "-"): value if isinstance(value, str) else _number(value)
                for name, value in attributes.items()
            },
        )


def _number(value: float) -> str:
    """At one decimal place, so that equal graphs give equal bytes."""
    return f"{value:.1f}".removesuffix(".0")
