"""Runs that are stopped, by a signal or a failing machine, and what is left of them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.diagnostics.model import CrossloomError
from runtime.training import train
from runtime.training.checkpoint import CHECKPOINTS
from runtime.training.interruption import Interruption
from tests.training.stand_in import Model, Processor

OPTIONS: dict[str, Any] = {"max_steps": 6, "batch_size": 4, "learning_rate": 0.01, "progress": False}


def signalled(model: Model, forward: int, number: int, times: int = 1) -> Model:
    """The model, which is sent a signal in the middle of a forward pass, counted from 1."""
    count = 0

    def send(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == forward:
            for _time in range(times):
                signal.raise_signal(number)

    model.register_forward_hook(send)
    return model


def steps(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in (folder / CHECKPOINTS).glob("*"))


class Asked(BaseException):
    """What the program itself does when it is asked to end."""


@pytest.fixture
def program() -> Any:
    """A program that handles SIGTERM."""

    def end(*_: Any) -> None:
        raise Asked

    before = signal.signal(signal.SIGTERM, end)
    yield end
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("number", "raises"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Asked)])
def test_a_run_that_is_stopped_goes_on_to_the_same_weights(
    number: int, raises: type[BaseException], manifest: Path, tmp_path: Path, program: Any
) -> None:
    unbroken, resumed = Model(), Model(seed=7)
    train(unbroken, manifest, processor=Processor(), **OPTIONS)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(raises):
        train(signalled(Model(), 3, number), manifest, processor=Processor(), output=tmp_path, **OPTIONS)
    assert steps(tmp_path) == [3]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    train(resumed, manifest, processor=Processor(), output=tmp_path, resume=True, **OPTIONS)
    ends = unbroken.state_dict(), resumed.state_dict()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_second_signal_acts_at_once(manifest: Path, tmp_path: Path) -> None:
    model = signalled(Model(), 3, signal.SIGINT, times=2)
    with pytest.raises(KeyboardInterrupt):
        train(model, manifest, processor=Processor(), output=tmp_path, **OPTIONS)
    assert steps(tmp_path) == []


def test_a_validation_is_stopped_too(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []

    def transcribe(*_: Any) -> list[str]:
        batches.append(1)
        signal.raise_signal(signal.SIGINT)
        return ["low"] * 4

    monkeypatch.setattr("runtime.training.evaluation._transcribe", transcribe)
    options = {**OPTIONS, "output": tmp_path, "valid_steps": 2}
    with pytest.raises(KeyboardInterrupt):
        train(Model(), manifest, manifest, processor=Processor(), **options)
    assert (len(batches), steps(tmp_path)) == (1, [2])


def test_a_checkpoint_that_is_there_is_not_written_again(manifest: Path, tmp_path: Path) -> None:
    model = signalled(Model(), 3, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(model, manifest, processor=Processor(), output=tmp_path, checkpoint_steps=3, **OPTIONS)
    assert steps(tmp_path) == [3]


def test_without_a_folder_signals_are_left_alone(manifest: Path) -> None:
    model = signalled(Model(), 3, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(model, manifest, processor=Processor(), **OPTIONS)
    assert not model.training


def test_a_program_that_takes_note_goes_on() -> None:
    noted: list[int] = []
    saved: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda *_: noted.append(1))
    try:
        interruption = Interruption()
        with interruption.kept_back():
            for _ in range(2):
                signal.raise_signal(signal.SIGTERM)
                assert len(noted) == len(saved)
                interruption.heed(lambda: saved.append(1))
        assert (noted, saved) == ([1, 1], [1, 1])
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_after_the_last_update_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), Interruption().kept_back():
        signal.raise_signal(signal.SIGINT)


def test_checkpoints_by_the_clock(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is four minutes after the last: the third update is ten past the start."""
    minutes = iter(range(0, 1000, 4))
    monkeypatch.setattr("runtime.training.loop.monotonic", lambda: 60.0 * next(minutes))
    train(Model(), manifest, processor=Processor(), output=tmp_path, **OPTIONS)
    assert steps(tmp_path) == [3, 6]


def test_checkpoints_by_steps_leave_the_clock_alone(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = iter(range(0, 100_000, 100))
    monkeypatch.setattr("runtime.training.loop.monotonic", lambda: 60.0 * next(minutes))
    train(Model(), manifest, processor=Processor(), output=tmp_path, checkpoint_steps=4, **OPTIONS)
    assert steps(tmp_path) == [4]


@pytest.mark.parametrize("left", ["model.safetensors", f"{CHECKPOINTS}/step-00000004/state"])
def test_an_earlier_run_is_not_written_over(left: str, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / left).touch()
    with pytest.raises(CrossloomError, match="XL421") as raised:
        train(Model(), [], processor=Processor(), output=tmp_path, **OPTIONS)  # before rows are read
    assert "`force`" in str(raised.value.diagnostics[0].help)
    train(Model(), manifest, processor=Processor(), output=tmp_path, force=True, **OPTIONS)
    assert steps(tmp_path) == []
    assert (tmp_path / "weights.pt").exists()


def test_values_that_are_no_numbers_are_told_before_the_rows_are_read() -> None:
    model = Model()
    model.head.weight.data[3, 2] = float("inf")
    with pytest.raises(CrossloomError, match=r"XL104.*`head\.weight` holds nan or infinite values"):
        train(model, [], processor=Processor(), **OPTIONS)
