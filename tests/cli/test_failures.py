"""Exit codes, and where failures are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import AUDIO, ROOT, TINY, crossloom, python, write

BRIDGED = """\
crossloom: 1
name: bridged
encoder: {family: speech_to_text, config: {d_model: 64}}
decoder: {family: speech_to_text}
"""


def test_findings_of_a_command_with_a_result_are_on_standard_error(tmp_path: Path) -> None:
    outcome = crossloom("show", write(tmp_path, TINY.replace("d_model", "d_modle")))
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error[XL101]")
    assert "\x1b[" not in outcome.stderr


def test_what_the_compiler_decided_does_not_disturb_the_result(tmp_path: Path) -> None:
    outcome = crossloom("show", write(tmp_path, BRIDGED), "--format", "json")
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("{")
    assert outcome.stderr.startswith("info[")


def test_using_a_spec_does_not_repeat_what_the_compiler_decided(tmp_path: Path) -> None:
    outcome = crossloom("weights", write(tmp_path, BRIDGED), "--format", "json")
    assert outcome.exit_code == 0
    assert outcome.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show"], 2),
        (["show", "digits", "--format", "pdf"], 2),
        (["explain", "XL999"], 2),
        (["weights", "tiny.yaml", "--verify", "./gone"], 2),
        (["weights", "tiny.yaml", "--verify"], 2),
        (["diff", "digits", "gone.yaml"], 2),
        (["import", "./gone"], 2),
        (["run", "tiny.yaml", "gone.wav", "-g", "beams"], 2),
        (["run", "digits", "gone.wav", "--device", "nowhere"], 2),
    ],
)
def test_wrong_usage_and_what_is_not_there(
    arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = crossloom(*arguments)
    assert outcome.exit_code == code, outcome.output
    assert outcome.stdout == ""
    assert outcome.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny.yaml"]


def broken(*_: object) -> None:
    raise RuntimeError("a pipe burst")


def test_an_internal_error_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.reports.pictures.picture", broken)
    outcome = crossloom("show", write(tmp_path))
    assert outcome.exit_code == 70
    assert "error[XL901]: internal error: RuntimeError: a pipe burst" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_debug_shows_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.reports.pictures.picture", broken)
    path = write(tmp_path)
    assert "Traceback" in crossloom("--debug", "show", path).stderr
    monkeypatch.setenv("CROSSLOOM_DEBUG", "1")
    assert "Traceback" in crossloom("show", path).stderr


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("compiler.reports.pictures.picture", interrupted)
    outcome = crossloom("show", write(tmp_path))
    assert (outcome.exit_code, outcome.stderr) == (130, "interrupted\n")


IMPATIENT = """
import sys
from crossloom.__main__ import main

class Interrupt:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
main()
"""


def test_interrupted_while_it_starts(tmp_path: Path) -> None:
    outcome = python(IMPATIENT, tmp_path)
    assert (outcome.returncode, outcome.stderr) == (130, "interrupted\n")


def test_training_that_is_interrupted_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runtime.training.train", interrupted)
    command = ["train", "digits", "--data", str(AUDIO / "manifest.jsonl"), "-o", str(tmp_path)]
    outcome = crossloom(*command)
    assert outcome.exit_code == 130
    assert outcome.stderr.startswith("no update was finished")
    newest = tmp_path / "checkpoints" / "step-00000020"
    newest.mkdir(parents=True)
    assert crossloom(*command).stderr == (
        f"{newest} is whole; the same command with --resume goes on from it\ninterrupted\n"
    )


TERMINATED = """
import signal, sys
from torch.optim import optimizer
from crossloom.__main__ import main

optimizer.register_optimizer_step_pre_hook(lambda *_: signal.raise_signal(signal.SIGTERM))
main()
"""
"""The command, which is asked to end in the middle of every update."""


def test_training_that_is_terminated_leaves_a_checkpoint(tmp_path: Path) -> None:
    words = ["train", "digits", "--data", str(AUDIO / "manifest.jsonl"), "-o", "out", "--no-progress"]
    words += ["--max-steps", "2", "--freeze", "encoder.*"]
    outcome = python(TERMINATED.replace("main()\n", f"sys.argv[1:] = {words}\nmain()\n"), tmp_path)
    assert (outcome.returncode, outcome.stdout) == (143, ""), outcome.stderr
    newest = Path("out", "checkpoints", "step-00000001")
    assert outcome.stderr == (
        f"{newest} is whole; the same command with --resume goes on from it\nterminated\n"
    )
    assert (tmp_path / newest / "model.safetensors").is_file()
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_validation_without_jiwer_is_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    manifest = str(AUDIO / "manifest.jsonl")
    outcome = crossloom("train", "digits", "--data", manifest, "--valid", manifest, "-o", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "-m pip install -e '" in outcome.stderr
    assert "[train]'" in outcome.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--freeze", "encoder.layer"], "XL203", "encoder.layers"),
        (["--resume"], "XL514", "--resume"),
        (["--learning-rate", "0"], "XL104", "highest rate"),
    ],
)
def test_training_that_cannot_start(options: list[str], code: str, says: str, tmp_path: Path) -> None:
    rows = ["--data", str(AUDIO / "manifest.jsonl"), "-o", str(tmp_path / "out")]
    outcome = crossloom("train", "digits", *rows, *options)
    assert outcome.stderr.startswith(f"error[{code}]")
    assert says in outcome.stderr.partition("help: ")[2]


def test_a_result_that_cannot_be_written(tmp_path: Path) -> None:
    path = write(tmp_path)
    outcome = crossloom("show", path, "-o", path / "inside.txt")
    assert outcome.exit_code == 2
    assert "error[XL117]" in outcome.stderr


@pytest.mark.parametrize("arguments", [["catalogue"], ["show", "digits"], ["--help"], ["show", "--help"]])
def test_standard_output_that_takes_no_more(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "crossloom", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error[XL117]: No space left on device\nhelp: make room")
    assert "Traceback" not in done.stderr


ENDLESS = """
import click
from crossloom.cli import explain, main

@click.command()
def endless():
    while True:
        click.echo("more")

explain.command = endless
main(["explain"])
"""


def test_a_reader_that_has_seen_enough() -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    writer = subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        cwd=ROOT,
        env=buffered,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.readline()
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait() == 0


def test_without_torch_building_commands_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for arguments in (
        ["run", "digits", "a.wav"],
        ["demo"],
        ["export", "digits", "-o", "out", "--to", "transformers"],
        ["train", "digits", "--data", "rows.jsonl", "-o", "out"],
    ):
        outcome = crossloom(*arguments)
        assert outcome.exit_code == 2
        assert "pip install -e '" in outcome.stderr
        assert "[torch" in outcome.stderr
