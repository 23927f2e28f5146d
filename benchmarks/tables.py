"""Results as tables: for a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.results import Comparison, Result, comparisons
from compiler.reports.tables import aligned, markdown

ABSENT = "–"
HEADING = (
    "task",
    "compile",
    "crossloom",
    "median",
    "beside",
    "its time",
    "median",
    "faster",
    "by medians",
    "of limit",
    "peak MB",
    "disturbed",
)
RIGHT = (2, 3, 5, 6, 7, 8, 9, 10, 11)
SUMMARY = ("task", "compile", "crossloom", "transformers", "faster", "of limit", "peak memory")
SUMMARY_RIGHT = (2, 3, 4, 5, 6)


def text_table(results: Mapping[str, Result]) -> str:
    """The table for a terminal, the machine's peaks below it."""
    return "\n".join([*aligned([HEADING, *_lines(results)], RIGHT), "", conditions(results)]) + "\n"


def markdown_table(results: Mapping[str, Result]) -> str:
    """The same in Markdown."""
    return "\n".join([*markdown([HEADING, *_lines(results)], RIGHT), "", conditions(results)]) + "\n"


def summary_table(results: Mapping[str, Result]) -> str:
    """By medians, each task in the fastest of its modes; memory beside the anchor's."""
    chosen = (fastest(result) for result in results.values())
    lines = [_summary(one) for one in chosen if one.anchor is not None]
    return "\n".join([*markdown([SUMMARY, *lines], SUMMARY_RIGHT), "", conditions(results)]) + "\n"


def fastest(result: Result) -> Comparison:
    """The way to compile that has the least median, beside the anchor that computes in the same dtype."""
    alike = [one for one in comparisons(result) if one.anchor is None or one.anchor == result.anchors[-1]]
    return min(alike, key=lambda one: one.ours.median)


def seconds(value: float) -> str:
    """Three figures in the unit that suits: 1.23 s, 45.6 ms, 789 µs."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def times(ratio: float) -> str:
    """A ratio of three figures."""
    return f"{ratio:.3g}x" if ratio < 1000 else f"{ratio:,.0f}x"


def conditions(results: Mapping[str, Result]) -> str:
    """What the rows were measured on; several runs make ranges."""
    every = list(results.values())
    if not every:
        return "Nothing was measured."
    idle = max(side.idle for result in every for side in result.sides if len(result.sides) > 1)
    float32, bfloat16 = _range(every, "operations"), _range(every, "operations_bfloat16")
    return (
        f"{_several(one.date for one in every)}; {_several(one.versions for one in every)}; "
        f"{_several(one.machine for one in every)}; {_several(str(one.threads) for one in every)} threads; "
        f"{_several(str(len(one.sides[0].samples)) for one in every)} rounds. Measured in the same run: "
        f"memory read {_range(every, 'bandwidth')} GB/s, matrix product {float32} GFLOP/s in float32 and "
        f"{bfloat16} in bfloat16. While one was timed, a waiting process used at most {idle:.1%} of a core."
    )


def _lines(results: Mapping[str, Result]) -> Iterable[tuple[str, ...]]:
    for result in results.values():
        yield from (_cells(one) for one in comparisons(result))


def _cells(one: Comparison) -> tuple[str, ...]:
    anchor, ratios = one.anchor, one.ratios
    return (
        one.result.title,
        one.ours.label or ABSENT,
        seconds(one.ours.minimum),
        seconds(one.ours.median),
        anchor.label if anchor else ABSENT,
        *((seconds(anchor.minimum), seconds(anchor.median)) if anchor else (ABSENT, ABSENT)),
        *(map(times, ratios) if ratios else (ABSENT, ABSENT)),
        _fraction(one),
        " / ".join(_megabytes(side.peak) for side in (one.ours, anchor) if side),
        f"{len(one.contaminated)} of {len(one.ours.samples)}",
    )


def _summary(one: Comparison) -> tuple[str, ...]:
    assert one.anchor is not None, "asked of the caller"
    assert one.ratios is not None, "there is an anchor"
    return (
        one.result.title,
        one.ours.label or ABSENT,
        seconds(one.ours.median),
        seconds(one.anchor.median),
        times(one.ratios[1]),
        _fraction(one),
        f"{one.memory:.0%}" if one.memory else ABSENT,
    )


def _fraction(one: Comparison) -> str:
    return f"{one.fraction:.0%}" if one.fraction else ABSENT


def _megabytes(size: int | None) -> str:
    return f"{size / 1e6:.0f}" if size else ABSENT


def _several(values: Iterable[str]) -> str:
    return " and ".join(sorted(set(values)))


def _range(results: Iterable[Result], peak: str) -> str:
    values = sorted(f"{result.peaks[peak] / 1e9:.0f}" for result in results)
    least, most = min(values, key=float), max(values, key=float)
    return least if least == most else f"{least} to {most}"
