"""A bar chart of how many times faster each task is, in every way to compile, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

from benchmarks.results import Comparison, Result, comparisons
from benchmarks.tables import times

WIDTH, LABELS, RIGHT = 880, 330, 60
BAR, GAP, TOP, BOTTOM = 11, 9, 64, 26
COLOURS = {"eager": "#8fb8d3", "fast": "#3f83ad", "max": "#173f5f", "": "#829ab1"}
"""By the way to compile; the darker, the longer it takes to begin."""
STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2933}"
    ".small{font-size:11px;fill:#52606d}.head{font-size:15px;font-weight:600}"
    ".grid{stroke:#e4e7eb}.one{stroke:#1f2933;stroke-dasharray:3 3}"
)
"""On a ground of its own, so that a dark page shows it as a light card."""


def chart(results: Mapping[str, Result]) -> str:
    """Horizontal bars of the ratios of medians beside the first anchor, on a logarithmic scale."""
    groups = [(result.title, _bars(result)) for result in results.values() if result.anchors]
    ratios = [ratio for _, bars in groups for _, ratio in bars]
    scale = _Scale(min([1.0, *ratios]), max([2.0, *ratios]))
    heights = [BAR * len(bars) + GAP for _, bars in groups]
    height = TOP + sum(heights) + BOTTOM
    lines = [*_head(height), *_ticks(scale, height)]
    top = TOP
    for (title, bars), space in zip(groups, heights, strict=True):
        lines += _group(title, bars, top, scale)
        top += space
    return "\n".join([*lines, "</svg>"]) + "\n"


class _Scale:
    """From a ratio to a place, by its logarithm."""

    def __init__(self, least: float, most: float) -> None:
        self.least, self.most = least, most
        self._factor = (WIDTH - LABELS - RIGHT) / math.log(most / least)

    def __call__(self, ratio: float) -> float:
        return LABELS + self._factor * math.log(ratio / self.least)


def _bars(result: Result) -> list[tuple[str, float]]:
    def ratio(one: Comparison) -> float:
        assert one.ratios is not None, "it has an anchor"
        return one.ratios[1]

    return [(one.ours.label, ratio(one)) for one in comparisons(result) if one.anchor == result.anchors[-1]]


def _head(height: int) -> list[str]:
    title = "Times faster than transformers, by medians"
    legend, left = [], LABELS
    for label, colour in COLOURS.items():
        shown = label or "nothing is compiled"
        legend.append(f'<rect x="{left}" y="38" width="11" height="11" rx="2" fill="{colour}"/>')
        legend.append(f'<text class="small" x="{left + 16}" y="48">{shown}</text>')
        left += 66
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fff"/>',
        f'<text class="head" x="14" y="26">{title}</text>',
        '<text class="small" x="14" y="48">logarithmic; how ours is compiled:</text>',
        *legend,
    ]


def _ticks(scale: _Scale, height: int) -> list[str]:
    lines = []
    for tick in (0.5, 1, 2, 5, 10, 20, 50, 100):
        if scale.least <= tick <= scale.most:
            place, kind = scale(tick), "one" if tick == 1 else "grid"
            bottom = height - BOTTOM
            lines.append(
                f'<line class="{kind}" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
            )
            lines.append(
                f'<text class="small" text-anchor="middle" x="{place:.1f}" y="{height - 10}">{tick:g}x</text>'
            )
    return lines


def _group(title: str, bars: list[tuple[str, float]], top: float, scale: _Scale) -> list[str]:
    middle = top + BAR * len(bars) / 2 + 4.5
    lines = [f'<text text-anchor="end" x="{LABELS - 10}" y="{middle:.1f}">{escape(title)}</text>']
    for index, (label, ratio) in enumerate(bars):
        left, right = sorted((scale(1), scale(ratio)))
        y = top + BAR * index
        lines.append(
            f'<rect class="bar" x="{left:.1f}" y="{y + 1:.1f}" width="{right - left:.1f}" height="{BAR - 2}" '
            f'fill="{COLOURS[label]}"/>'
        )
        lines.append(f'<text class="small" x="{right + 5:.1f}" y="{y + BAR - 2:.1f}">{times(ratio)}</text>')
    return lines
