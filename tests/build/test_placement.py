"""Devices and dtypes that a model can have, and those it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import crossloom
from crossloom import CrossloomError

ABSENT = f"cuda:{torch.cuda.device_count()}"
ENTRIES: dict[str, Callable[..., Any]] = {"build": crossloom.build, "load": crossloom.load}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("device", ["meta", torch.device("meta"), ABSENT, "nowhere", "cuda:x", "", 3.5])
def test_a_device_that_holds_no_model(entry: str, device: Any) -> None:
    with pytest.raises(CrossloomError) as refused:
        ENTRIES[entry]("digits", device=device)
    (finding,) = refused.value.diagnostics
    assert finding.code == "XL112"
    assert str(device) in finding.message
    assert "one of" not in finding.message, "torch lists every device there ever was"
    assert (finding.help or "").startswith("here there is cpu")


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.int8, torch.float8_e4m3fn, "float16", float, 16])
def test_a_dtype_that_nothing_is_computed_in(entry: str, dtype: Any) -> None:
    with pytest.raises(CrossloomError) as refused:
        ENTRIES[entry]("digits", dtype=dtype)
    (finding,) = refused.value.diagnostics
    assert finding.code == "XL112"
    assert "torch.float32, torch.float16, torch.bfloat16, torch.float64" in (finding.help or "")


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", [None, torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_dtype_of_every_parameter(entry: str, dtype: torch.dtype | None) -> None:
    model = ENTRIES[entry]("digits", device="cpu", dtype=dtype)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype or torch.float32}
    features = torch.zeros(1, 16, 80, dtype=dtype)
    loss = model(features, labels=torch.tensor([[4, 2]])).loss
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_both_at_once() -> None:
    with pytest.raises(CrossloomError) as refused:
        crossloom.build("digits", device="meta", dtype=torch.int8)
    assert [finding.code for finding in refused.value.diagnostics] == ["XL112", "XL112"]
