"""A bar chart of how many times faster each row is, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

from benchmarks.results import Result

WIDTH, LABELS, ROW, TOP = 880, 430, 26, 34
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.bar{fill:#2a6f97}.slower{fill:#b5523b}"
    ".one{stroke:#888;stroke-dasharray:3 3}"
)


def chart(results: Mapping[str, Result]) -> str:
    """A horizontal bar for the ratio of the minima, on a logarithmic scale that shows where it is 1."""
    bars = [(result.title, result.ratios[0]) for result in results.values() if result.ratios]
    height = TOP + ROW * len(bars) + 8
    least = min([1.0, *(ratio for _, ratio in bars)])
    most = max([2.0, *(ratio for _, ratio in bars)])
    scale = (WIDTH - LABELS - 70) / math.log(most / least)
    one = LABELS + scale * math.log(1 / least)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Times faster than transformers, by the fastest rounds, logarithmic</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="8" y="20" font-weight="bold">times faster than transformers (log scale)</text>',
    ]
    for index, (title, ratio) in enumerate(bars):
        top = TOP + ROW * index
        end = LABELS + scale * math.log(ratio / least)
        left, right = min(one, end), max(one, end)
        shade = "bar" if ratio >= 1 else "slower"
        lines += [
            f'<text x="8" y="{top + 16}">{escape(title.partition(" (anchor")[0])}</text>',
            f'<rect class="{shade}" x="{left:.1f}" y="{top + 4}" width="{right - left:.1f}" height="18"/>',
            f'<text x="{right + 6:.1f}" y="{top + 17}">{ratio:.3g}x</text>',
        ]
    lines.append(f'<line class="one" x1="{one:.1f}" x2="{one:.1f}" y1="{TOP}" y2="{height - 8}"/>')
    return "\n".join([*lines, "</svg>"]) + "\n"
