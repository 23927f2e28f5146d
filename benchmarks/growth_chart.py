"""Line plots of median seconds, a panel an axis, as one SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from benchmarks.axes import AXES, Curve, curves
from benchmarks.chart import COLOURS, STYLE
from benchmarks.results import Result

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS, TOP = 440, 250, 2, 58
LEFT, RIGHT, ABOVE, BELOW = 58, 24, 34, 34
"""Room around the lines of a panel, for its title and its ticks."""
LINES = {**COLOURS, "transformers": "#c2552d"}
TICKS = 4


def growth_chart(results: Mapping[str, Result]) -> str:
    """Both axes are linear and begin at zero, so that what grows in proportion is straight."""
    found = curves(results)
    panels = [(axis, found[axis.name]) for axis in AXES if axis.name in found]
    width, height = PANEL_WIDTH * COLUMNS, TOP + PANEL_HEIGHT * math.ceil(len(panels) / COLUMNS)
    title = "How time grows, medians"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}.line{{fill:none;stroke-width:2}}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>',
        f'<text class="head" x="14" y="26">{title}</text>',
        *_legend([label for label in LINES if any(label in sides for _, sides in panels)]),
    ]
    for number, (axis, sides) in enumerate(panels):
        left, top = PANEL_WIDTH * (number % COLUMNS), TOP + PANEL_HEIGHT * (number // COLUMNS)
        lines += [f'<g transform="translate({left} {top})">', *_panel(axis.title, axis.unit, sides), "</g>"]
    return "\n".join([*lines, "</svg>"]) + "\n"


def ticks(most: float) -> list[float]:
    """Zero and about four round steps, the last at `most` or a little below."""
    rough = most / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [step * count for count in range(math.floor(most / step + 1e-9) + 1)]


def _legend(labels: Sequence[str]) -> list[str]:
    lines, left = [], 14
    for label in labels:
        lines.append(f'<rect x="{left}" y="42" width="14" height="4" rx="2" fill="{LINES[label]}"/>')
        lines.append(f'<text class="small" x="{left + 20}" y="48">{label}</text>')
        left += 40 + 7 * len(label)
    return lines


def _panel(title: str, unit: str, sides: Mapping[str, Curve]) -> list[str]:
    furthest = max(value for curve in sides.values() for value, _ in curve)
    longest = max(seconds for curve in sides.values() for _, seconds in curve)
    across, up = PANEL_WIDTH - LEFT - RIGHT, PANEL_HEIGHT - ABOVE - BELOW
    floor = PANEL_HEIGHT - BELOW

    def place(value: float, seconds: float) -> tuple[float, float]:
        return LEFT + across * value / furthest, floor - up * seconds / longest

    scale, shown = (1.0, "s") if longest >= 1 else (1e3, "ms")
    lines = [f'<text x="{LEFT}" y="20">{escape(title)}</text>']
    for tick in ticks(longest * scale):
        _, y = place(0, tick / scale)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + across}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(
            f'<text class="small" text-anchor="end" x="{LEFT - 6}" y="{y + 4:.1f}">{tick:g} {shown}</text>'
        )
    for tick in ticks(furthest):
        x, _ = place(tick, 0)
        lines.append(
            f'<text class="small" text-anchor="middle" x="{x:.1f}" y="{floor + 16}">{tick:,g}</text>'
        )
    end = LEFT + across
    lines.append(f'<text class="small" text-anchor="end" x="{end}" y="{floor + 29}">{escape(unit)}s</text>')
    for label, curve in sides.items():
        points = [place(*point) for point in curve]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline class="line" points="{path}" stroke="{LINES[label]}"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{LINES[label]}"/>' for x, y in points]
    return lines
