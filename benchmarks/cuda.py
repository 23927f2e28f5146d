"""`python -m benchmarks.cuda FOLDER`: both implementations on one CUDA device, in turn, in one process.

Outputs are compared before anything is timed; a sample ends when the device has finished. Writes the rows as
JSON and Markdown, and says which goals are reached.
"""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers

from benchmarks.checkpoints import write
from benchmarks.cuda_rows import MEMORY_GOAL, MEMORY_ROW, ROWS, STATIC, Row, reduced
from benchmarks.cuda_sides import Device, Task, agreement
from benchmarks.tables import ABSENT, seconds, times
from compiler.reports.tables import markdown
from runtime.measuring.decode_step import step_bytes

ANCHOR = "transformers"
STATIC_SECONDS = 60
"""After so long a static cache is given up."""


class Bench:
    """The rows of a run, and what they gave."""

    def __init__(self, device: Device, folder: Path, rounds: int, until: float) -> None:
        self.device, self.folder, self.rounds, self.until = device, folder, rounds, until
        self.peaks = device.peaks()
        self.told: list[dict[str, Any]] = []

    def measure(self, row: Row) -> None:
        """A row; what goes wrong is told, and the others go on."""
        left = self.until - time.monotonic()
        told: dict[str, Any] = {"row": asdict(row), "samples": {}, "notes": []}
        self.told.append(told)
        if left < row.needs:
            told["notes"].append(f"left out: {left:.0f} s were left")
            return
        started = time.monotonic()
        try:
            self._measure(row, told)
        except Exception as error:  # of a row nobody has seen run
            told["notes"].append(f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")
        told["wall"] = time.monotonic() - started
        gc.collect()
        if self.device.is_cuda:
            torch.cuda.empty_cache()
        print(f"  {row.name}: {told['wall']:.0f} s {'; '.join(told['notes'])}", file=sys.stderr, flush=True)

    def _measure(self, row: Row, told: dict[str, Any]) -> None:
        task = Task(row, self._checkpoint(row.checkpoint), self.device)
        theirs = task.theirs()
        runs = {ANCHOR: task.run(theirs, is_ours=False)}
        expected = runs[ANCHOR]()
        for side in row.sides:
            ours = task.ours(side)
            run = task.run(ours, is_ours=True)
            if (problem := agreement(row, run(), expected)) is not None:
                told["notes"].append(f"{side}: {problem}")
                continue
            runs[side] = run
            if side == "eager" and row.task == "generate":
                told["memory"] = [self.device.peak(run, ours), self.device.peak(runs[ANCHOR], theirs)]
            if side == "eager" and row.name == "greedy":
                told["step_bytes"] = self._step_bytes(ours, task)
        repeats = {side: self.device.repeats(run, warm_ups=2) for side, run in runs.items() if side != ANCHOR}
        repeats[ANCHOR] = self.device.repeats(runs[ANCHOR], warm_ups=0)  # it ran, and records nothing
        told["samples"] = {side: [] for side in runs}
        for _ in range(self.rounds):
            for side, run in runs.items():
                told["samples"][side].append(self.device.seconds(run, repeats[side]))

    def _step_bytes(self, model: Any, task: Task) -> float:
        with torch.inference_mode(), self.device.device:
            return step_bytes(model, model.encode(**task.batch), task.row.options["max_new_tokens"])

    def static(self, name: str) -> None:
        """The public implementation with a static cache, which it compiles, beside its eager self."""
        row = next(one for one in ROWS if one.name == name)
        if self.until - time.monotonic() < STATIC_SECONDS:
            return
        told: dict[str, Any] = {"row": asdict(replace(row, name=f"{name}-static", goal=None)), "samples": {}}
        self.told.append(told)
        task = Task(row, self._checkpoint(row.checkpoint), self.device)
        try:
            with alarm(STATIC_SECONDS):
                run = task.run(task.theirs(), is_ours=False, cache_implementation="static")
                repeats = self.device.repeats(run, warm_ups=3)
                samples = [self.device.seconds(run, repeats) for _ in range(self.rounds)]
                told["samples"] = {f"{ANCHOR}, static cache": samples}
                told["notes"] = []
        except Exception as error:
            told["notes"] = [f"no static cache: {type(error).__name__}: {str(error)[:120]}"]

    def _checkpoint(self, name: str) -> Path:
        folder = self.folder / name.replace(":", "-")
        if not folder.exists():
            folder.mkdir(parents=True)
            write(name, str(folder))
        return folder


@contextmanager
def alarm(limit: int) -> Iterator[None]:
    """Raises TimeoutError after so many seconds."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"not done after {limit} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def table(told: Sequence[dict[str, Any]], peaks: dict[str, float]) -> str:
    """A row for every side of ours, as Markdown."""
    lines = []
    for one in told:
        row, samples = one["row"], one["samples"]
        anchor = samples.get(ANCHOR)
        sides = [side for side in samples if side != ANCHOR] or [""]
        for side in sides:
            ours = samples.get(side)
            lines.append(
                (
                    row["title"],
                    row["dtype"],
                    side or ABSENT,
                    seconds(median(ours)) if ours else ABSENT,
                    seconds(median(anchor)) if anchor else ABSENT,
                    times(median(anchor) / median(ours)) if anchor and ours else ABSENT,
                    _share(one, ours, peaks),
                    "; ".join(one["notes"]),
                )
            )
    head = ("task", "dtype", "ours", "median", ANCHOR, "faster", "of limit", "")
    return "\n".join(markdown([head, *lines]))


def _share(one: dict[str, Any], ours: list[float] | None, peaks: dict[str, float]) -> str:
    """How much of the time goes by reading what steps have to read, at the bandwidth of this run."""
    if not ours or "step_bytes" not in one:
        return ABSENT
    least = one["step_bytes"] * one["row"]["options"]["max_new_tokens"] / peaks["bandwidth"]
    return f"{least / min(ours):.0%}"


def goals(told: Sequence[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """What was to be reached, what was, in which mode, and whether that is it."""
    lines = []
    for one in told:
        row, samples = one["row"], one["samples"]
        if row["goal"] is None:
            continue
        ratios = {
            side: median(samples[ANCHOR]) / median(ours) for side, ours in samples.items() if side != ANCHOR
        }
        best = max(ratios, key=lambda side: ratios[side]) if ratios else None
        found = f"{times(ratios[best])}, {best}" if best else "not measured"
        verdict = "reached" if best and ratios[best] >= row["goal"] else "not reached"
        lines.append((row["title"], f">= {times(row['goal'])}", found, verdict))
    return [*lines, *(_memory_goal(one) for one in told if one["row"]["name"] == MEMORY_ROW)]


def _memory_goal(one: dict[str, Any]) -> tuple[str, str, str, str]:
    """The same of the most that is held at once while decoding, weights included."""
    ours, theirs = one.get("memory", (None, None))
    bound, title = f"<= {MEMORY_GOAL}x", f"peak memory, eager, {one['row']['title']}"
    if not ours or not theirs:
        return title, bound, "not measured", "not reached"
    found = f"{ours / theirs:.2f}x, {ours / 1e6:.0f} of {theirs / 1e6:.0f} MB"
    return title, bound, found, "reached" if ours <= MEMORY_GOAL * theirs else "not reached"


def report(told: Sequence[dict[str, Any]], peaks: dict[str, float], device: Device) -> str:
    """The whole of it, as Markdown."""
    name = (
        torch.cuda.get_device_name(device.device) if device.is_cuda else "a CPU: a dry run, not a measurement"
    )
    made = f"{date.today()}; {name}; torch {torch.__version__}, transformers {transformers.__version__}."
    best = ", ".join(f"{kind} {peaks[kind] / 1e12:.1f} TFLOP/s" for kind in ("float32", "bfloat16"))
    measured = f"In the same run: memory read {peaks['bandwidth'] / 1e9:.0f} GB/s, products {best}."
    reached = "\n".join(markdown([("goal", "bound", "found", ""), *goals(told)]))
    return "\n\n".join((f"{made} {measured}", table(told, peaks), reached)) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda", description=__doc__)
    parser.add_argument("folder", type=Path, help="where results.json and results.md go")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu for a dry run with smaller models")
    parser.add_argument("--rows", help="names, separated by commas  [all]")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=270, help="after so long no row begins")
    given = parser.parse_args()
    until = time.monotonic() + given.seconds
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device = Device(given.device)
    wanted = given.rows.split(",") if given.rows else [row.name for row in ROWS]
    with TemporaryDirectory() as checkpoints:
        bench = Bench(device, Path(checkpoints), given.rounds, until)
        for row in ROWS:
            if row.name in wanted:
                bench.measure(row if device.is_cuda else reduced(row))
        for name in STATIC:
            if device.is_cuda and name in wanted:
                bench.static(name)
    given.folder.mkdir(parents=True, exist_ok=True)
    text = report(bench.told, bench.peaks, device)
    (given.folder / "cuda.md").write_text(text, encoding="utf-8")
    data = {"peaks": bench.peaks, "device": str(device.device), "rows": bench.told}
    (given.folder / "cuda.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
