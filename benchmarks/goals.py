"""What is to be reached, as data, and where a run stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.results import Comparison, Result, comparisons
from benchmarks.tables import ABSENT, seconds, times
from compiler.reports.tables import markdown

Measure = Literal["faster", "of limit", "memory", "seconds", "bytes"]
_AT_LEAST = ("faster", "of limit")
"""Measures of which more is better."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one figure of a row.

    Attributes:
        modes: how ours may be compiled to reach it; the best of them counts, of `every` mode the worst.
        bound: what has to be reached. `faster` is a ratio of medians, `of limit` a share by minima, `memory`
            our peak over the anchor's, `seconds` and `bytes` are ours alone, seconds by the median.
        aim: what would be better still.
    """

    what: str
    row: str
    measure: Measure
    bound: float
    aim: float
    modes: tuple[str, ...] = ("eager", "fast", "max", "")
    every: bool = False


GOALS = (
    Goal("greedy, batch 1", "greedy", "faster", 5, 5),
    Goal("greedy, batch 1, share of the limit", "greedy", "of limit", 0.7, 0.8),
    Goal("greedy, batch 16", "greedy-16", "faster", 2, 2),
    Goal("five beams, batch 1", "beam-5", "faster", 4, 4),
    Goal("five beams, batch 8", "beam-5-8", "faster", 3, 4),
    Goal("encode, batch 1, float32", "encode", "faster", 1.15, 1.2),
    Goal("encode, batch 16, float32", "encode-16", "faster", 1.15, 1.2),
    Goal("encode, batch 1, bfloat16, beside float32", "encode-bfloat16", "faster", 2.2, 2.2),
    Goal("encode, batch 16, bfloat16, beside float32", "encode-16-bfloat16", "faster", 2.2, 2.2),
    Goal("load, same dtype", "load", "faster", 4, 4),
    Goal("load, cast to bfloat16, peak memory", "load-bfloat16", "memory", 0.5, 0.5),
    Goal("waveform to text", "speech", "faster", 3, 3),
    Goal("image to text, ViT and GPT-2", "image-pair", "faster", 2.5, 2.5),
    Goal("image to text, Swin and TrOCR", "line-pair", "faster", 2.5, 2.5),
    Goal("SeamlessM4T v2, speech to speech", "translator", "faster", 2, 2),
    Goal("first token of a second process", "first-token", "seconds", 2.8, 2.8, ("max",)),
    Goal("training step", "train", "faster", 1.1, 1.15),
    Goal(
        "memory while decoding, eager and fast", "greedy", "memory", 0.7, 0.7, ("eager", "fast"), every=True
    ),
    Goal("check one spec, a process", "check", "seconds", 0.15, 0.15),
    Goal("check one spec, peak memory", "check", "bytes", 45e6, 45e6),
    Goal("check 1,000 specs", "check-many", "faster", 20, 20),
    Goal("emit one spec", "emit", "seconds", 0.05, 0.05),
    Goal("verify a checkpoint", "verify", "seconds", 0.01, 0.01),
)
HEADING = ("goal", "needed", "aim", "reached", "by", "")


def goals_table(results: Mapping[str, Result]) -> str:
    """Each goal beside the figure of a run, in Markdown."""
    return "\n".join(markdown([HEADING, *(_cells(goal, results) for goal in GOALS)], right=(1, 2, 3))) + "\n"


def figure(goal: Goal, result: Result) -> tuple[float, str] | None:
    """The figure that counts for a goal and the mode it is of; None where it was not measured."""
    found = []
    for one in comparisons(result):
        value = _value(goal, one)
        if one.ours.label in goal.modes and value is not None and one.anchor in (None, *result.anchors[:1]):
            found.append((value, one.ours.label))
    if not found or (goal.every and len(found) < len(goal.modes)):
        return None
    most_wanted = (goal.measure in _AT_LEAST) != goal.every
    return max(found) if most_wanted else min(found)


def is_reached(goal: Goal, value: float, bound: float) -> bool:
    """Whether a figure is on the right side of a bound."""
    return value >= bound if goal.measure in _AT_LEAST else value <= bound


def _value(goal: Goal, one: Comparison) -> float | None:
    if goal.measure == "faster":
        return one.ratios[1] if one.ratios else None
    if goal.measure == "of limit":
        return one.fraction
    if goal.measure == "memory":
        return one.memory
    return one.ours.median if goal.measure == "seconds" else one.ours.peak


def _cells(goal: Goal, results: Mapping[str, Result]) -> tuple[str, ...]:
    sign = ">=" if goal.measure in _AT_LEAST else "<="
    bounds = (f"{sign} {_shown(goal, goal.bound)}", f"{sign} {_shown(goal, goal.aim)}")
    found = figure(goal, results[goal.row]) if goal.row in results else None
    if found is None:
        return (goal.what, *bounds, ABSENT, ABSENT, "not measured")
    value, mode = found
    told = "reached" if is_reached(goal, value, goal.bound) else "**not reached**"
    if told == "reached" and not is_reached(goal, value, goal.aim):
        told = "reached, not the aim"
    return (goal.what, *bounds, _shown(goal, value), mode or ABSENT, told)


def _shown(goal: Goal, value: float) -> str:
    if goal.measure == "faster":
        return times(value)
    if goal.measure == "seconds":
        return seconds(value)
    return f"{value / 1e6:.0f} MB" if goal.measure == "bytes" else f"{value:.0%}"
