"""Slips in the Python interface: findings that say what was meant, and nothing raw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crossloom
from tests.cli.runner import TINY, python

SLIPS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "seed-text": (lambda: crossloom.build("digits", seed="a"), "XL103", "`seed` is a whole number, not 'a'"),  # type: ignore[arg-type]
    "seed-flag": (lambda: crossloom.build("digits", seed=True), "XL103", "`seed` is a whole number"),
    "seed-below": (lambda: crossloom.build("digits", seed=-1), "XL104", "`seed` is -1"),
    "source": (lambda: crossloom.from_pretrained(5), "XL103", "a checkpoint is named by a path"),  # type: ignore[arg-type]
    "one-of-two": (lambda: crossloom.load("digits", {"model": 5}), "XL103", "not by int"),  # type: ignore[dict-item]
    "export": (lambda: crossloom.export("digits", "out"), "XL103", "takes a live model, not 'digits'"),
    "train": (lambda: crossloom.train("digits", []), "XL103", "`train` takes a live model, not 'digits'"),
    "text": (lambda: crossloom.load_spec(TINY), "XL103", "this is its text: 'crossloom: 1"),
    "number": (lambda: crossloom.check(3), "XL103", "not 3"),  # type: ignore[arg-type]
    "nothing": (lambda: crossloom.load_spec(None), "XL103", "not None"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_what_was_given_is_told(name: str) -> None:
    call, code, says = SLIPS[name]
    with pytest.raises(crossloom.CrossloomError) as raised:
        call()
    (finding,) = raised.value.diagnostics
    assert finding.code == code
    assert says in finding.message
    assert len(finding.message) < 150
    assert finding.help


def test_a_model_in_place_of_its_spec() -> None:
    model = crossloom.build("digits")
    for call in (crossloom.load_processor, crossloom.lower, crossloom.load):
        with pytest.raises(crossloom.CrossloomError, match=r"XL103.*class `Model`") as raised:
            call(model)
        assert raised.value.diagnostics[0].help == "give its `.spec`"


WITHOUT = """
import sys
import crossloom
processor = crossloom.load_processor("digits")
for name in ("torch", "numpy", "safetensors"):
    sys.modules[name] = None
for call in (
    lambda: crossloom.build("digits"),
    lambda: crossloom.load("digits"),
    lambda: crossloom.from_pretrained(CHECKPOINT),
    lambda: crossloom.export(None, "out"),
    lambda: crossloom.generate(None),
    lambda: crossloom.train(None, []),
    lambda: processor(text="nine"),
    lambda: crossloom.load_processor("digits"),
    lambda: crossloom.read_audio("a.wav", 16000),
):
    try:
        call()
    except ModuleNotFoundError as error:
        print(error)
"""


def test_what_is_not_installed_is_told_with_the_extra(
    tmp_path: Path, tiny_checkpoint: Callable[[int], Path]
) -> None:
    done = python(WITHOUT.replace("CHECKPOINT", repr(str(tiny_checkpoint(0)))), tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 9, done.stderr
    assert all("needs torch, which is not installed: " in line for line in lines[:7])
    assert all("[torch]'" in line for line in lines[:8])
    assert lines[0].startswith("`crossloom.build` needs torch")
    assert lines[7].startswith("`crossloom.load_processor` needs numpy")
    assert "[audio]'" in lines[8]
