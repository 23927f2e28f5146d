"""`run --dtype`: one for all or by side, what int8 loses, names that are none."""

from __future__ import annotations

import pytest

from tests.cli.runner import AUDIO, crossloom


@pytest.mark.parametrize("dtype", ["bfloat16", "encoder=bfloat16,decoder=float32", "decoder=int8"])
def test_texts_are_as_without(dtype: str) -> None:
    file = AUDIO / "six_zero_two_two.wav"
    outcome = crossloom("run", "digits", file, "--dtype", dtype)
    assert outcome.exit_code == 0
    assert outcome.stdout == crossloom("run", "digits", file).stdout
    assert outcome.stderr.startswith("int8: ") == ("int8" in dtype)


@pytest.mark.parametrize(
    ("dtype", "told"),
    [
        ("half", "'half' is none of float32"),
        ("int8", "'int8' is none of float32"),
        ("decoder=int4", "'int4' is none of float32"),
        ("decoder=int8,decoder=float32", "names a component twice"),
    ],
)
def test_names_that_are_none(dtype: str, told: str) -> None:
    outcome = crossloom("run", "digits", AUDIO / "six_zero_two_two.wav", "--dtype", dtype)
    assert outcome.exit_code == 2
    assert told in outcome.stderr


def test_a_side_that_is_not_there() -> None:
    outcome = crossloom("run", "digits", AUDIO / "six_zero_two_two.wav", "--dtype", "head=float32")
    assert outcome.exit_code == 1
    assert "error[XL112]" in outcome.stderr
