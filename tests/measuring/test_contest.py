"""A row in real processes: prepared, compared, and only then sampled in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contest import Contest, Machine, Outcome
from benchmarks.folders import Checkpoints
from benchmarks.rows import Row, Side
from benchmarks.workers import Worker, WorkerFailed, environment


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Worker("the machine", 1) as worker:
        yield Machine(worker)


def side(label: str, file: Path, prints: str, is_ours: bool = False, code: int = 0) -> Side:
    """A process that notes that it ran, prints something, and ends."""
    script = f"open({str(file)!r}, 'a').write({label[0]!r}); print({prints!r}); raise SystemExit({code})"
    options = {"arguments": ["-S", "-c", script], "printed": True}
    return Side(label, "processes", "python", options, is_ours)


def contest(machine: Machine, folder: Path, *sides: Side) -> Outcome:
    row = Row("row", "a row", sides)
    return Contest(machine, Checkpoints(folder, 1), rounds=3, threads=1).run(row)


def test_sides_that_agree_are_sampled_in_turn(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    result, failures = contest(
        machine, tmp_path, side("a", log, "same", is_ours=True), side("b", log, "same")
    )
    assert failures == ()
    assert result is not None
    prepared, sampled = log.read_text()[:2], log.read_text()[2:]
    assert sorted(prepared) == ["a", "b"]
    assert sampled == "ababab"
    assert [(one.label, one.is_ours, len(one.samples)) for one in result.sides] == [
        ("a", True, 3),
        ("b", False, 3),
    ]
    assert all(sample.peak_bytes for one in result.sides for sample in one.samples)
    assert result.peaks.keys() == {"bandwidth", "operations", "operations_bfloat16"}
    assert (result.limit, result.threads) == (None, 1)


def test_what_disagrees_is_never_timed(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    result, failures = contest(machine, tmp_path, side("a", log, "one", is_ours=True), side("b", log, "two"))
    assert result is None
    assert failures == (r"row, crossloom a: printed differ: 'one\n' and 'two\n'",)
    assert sorted(log.read_text()) == ["a", "b"]


def test_one_of_ours_that_fails_is_told_and_the_others_go_on(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    broken, whole = side("c", log, "", is_ours=True, code=3), side("a", log, "same", is_ours=True)
    result, failures = contest(machine, tmp_path, broken, whole, side("b", log, "same"))
    assert result is not None
    assert [one.label for one in result.sides] == ["a", "b"]
    (told,) = failures
    assert told.startswith("row, crossloom c: Traceback")
    assert "ended with 3" in told


def test_without_its_anchor_there_is_no_row(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    result, failures = contest(
        machine, tmp_path, side("a", log, "", is_ours=True), side("b", log, "", code=4)
    )
    assert result is None
    assert "ended with 4" in failures[0]
    assert sorted(log.read_text()) == ["a", "b"]


def test_a_process_that_ends_is_told_with_what_it_wrote_last() -> None:
    with Worker("one", 1) as worker:
        pipe = worker._process.stdin
        assert pipe is not None
        pipe.write("no JSON\n")
        with pytest.raises(WorkerFailed, match=r"one: the process ended with 1\n(.*\n)*.*JSONDecodeError"):
            worker.ask("sample")


def test_a_request_that_fails_leaves_the_worker_as_it_was() -> None:
    with Worker("one", 1) as worker:
        with pytest.raises(WorkerFailed, match=r"one: Traceback(.*\n)*.*other is none of"):
            worker.ask("call", module="other", function="peaks", options={})
        told = worker.ask("call", module="sides.machine", function="conditions", options={})
        assert told["threads"] == 1


def test_options_name_checkpoints_and_files_in_them(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 1)
    checkpoints._written["tiny"] = tmp_path / "tiny"
    options = {"folder": "@tiny", "given": {"batch": 1}, "arguments": ["-c", "@tiny/noise.wav"]}
    assert checkpoints.placed(options) == {
        "folder": str(tmp_path / "tiny"),
        "given": {"batch": 1},
        "arguments": ["-c", str(tmp_path / "tiny" / "noise.wav")],
    }


def test_both_sides_keep_their_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment(threads=1)
