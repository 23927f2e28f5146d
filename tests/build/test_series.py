"""Lists of blocks that differ in one number are written as a loop, and make what they made written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import crossloom
from compiler.block_source import library
from compiler.build import execute
from compiler.emission import series
from compiler.emission.expressions import LINE_WIDTH, Factory
from compiler.emission.modeling import modeling_source
from specs.graph import Block, Repeat
from specs.values import Value
from tests.seamless.vocoders import SEEDS, graph_of, random_settings, view


def residual(**numbers: Any) -> Repeat:
    """One of a list, of some numbers."""
    every = {"channels": 8, "kernel": 3, "dilation": 1, "slope": 0.1, **numbers}
    values = {name: one if isinstance(one, Value) else Value(one) for name, one in every.items()}
    return Repeat(Block("DilatedResidual", values), Value(1))


def stack(*residuals: Repeat) -> Block:
    """A list of blocks."""
    return Block("ResidualStack", parts={"layers": residuals})


def written(block: Block, explicit: tuple[str, ...] = ()) -> str:
    """The assignment of a block."""
    return "\n".join(Factory(library(), explicit).assignment("self.it", block, 0))


def test_one_number_that_changes_is_a_loop() -> None:
    text = written(stack(*(residual(dilation=dilation) for dilation in (1, 3, 5))))
    assert text.split("\n") == [
        "self.it = ResidualStack(",
        "    [",
        "        DilatedResidual(channels=8, kernel=3, dilation=dilation, slope=0.1)",
        "        for dilation in (1, 3, 5)",
        "    ]",
        ")",
    ]


@pytest.mark.parametrize(
    "several",
    [
        [{"dilation": 1}, {"dilation": 3}],
        [{"dilation": 1, "kernel": 1}, {"dilation": 3, "kernel": 5}, {"dilation": 5, "kernel": 3}],
        [{"dilation": 1, "kernel": 1}, {"dilation": 3, "kernel": 3}, {"dilation": 5, "kernel": 5}],
        [{}, {}, {}],
    ],
)
def test_what_is_no_series_is_written_out(several: list[dict[str, Any]]) -> None:
    """Two are short, several numbers are several loops, none is a loop over nothing."""
    text = written(stack(*(residual(**one) for one in several)))
    assert text.count("DilatedResidual(") == len(several)


def test_blocks_of_another_kind_are_written_out() -> None:
    others = stack(residual(), residual(dilation=2), Repeat(Block("nn.Identity"), Value(1)))
    assert " for " not in written(others)


def test_a_loop_in_a_loop_has_a_name_of_its_own() -> None:
    def every(kernel: int) -> Repeat:
        return Repeat(stack(*(residual(kernel=kernel, dilation=one) for one in (1, 2, 4))), Value(1))

    text = written(Block("MeanOfStacks", parts={"layers": tuple(map(every, (3, 5, 7)))}))
    assert "DilatedResidual(channels=8, kernel=kernel, dilation=dilation, slope=0.1)" in text
    assert text.index("for dilation in (1, 2, 4)") < text.index("for kernel in (3, 5, 7)")
    shared = [stack(*(residual(dilation=10 * n + one) for one in (1, 2, 4))) for n in range(3)]
    text = written(Block("MeanOfStacks", parts={"layers": tuple(Repeat(one, Value(1)) for one in shared)}))
    assert "for dilation in (11, 12, 14)" in text
    assert text.count("for dilation in") == 3


def test_many_values_are_a_line_each_and_say_where_they_come_from() -> None:
    many = [Value(n * 0.123456789, "config.rate") for n in range(24)]
    text = written(stack(*(residual(slope=slope) for slope in many)), ("config.rate",))
    assert max(map(len, text.split("\n"))) <= LINE_WIDTH
    assert text.count("# config.rate") == 1
    assert text.count(",\n            ") >= 23


@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_a_loop_makes_what_was_written_out(seed: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _ = graph_of(view(**({} if seed is None else random_settings(seed))))
    looped = modeling_source(graph, "0")
    monkeypatch.setattr(series, "FEWEST", 1000)
    out = modeling_source(graph, "0")
    if seed is None:
        assert out.count("DilatedResidual(channels") == 45
        assert looped.count("DilatedResidual(\n") == 5
        return
    assert repr(execute(looped).Model()) == repr(execute(out).Model())


def test_emitted_folders_are_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a model whose layers differ in how often they are skipped."""
    spec = crossloom.load_spec("small-pictures-bart")
    looped = repr(crossloom.build(spec))
    monkeypatch.setattr(series, "FEWEST", 1000)
    crossloom.emit(spec, tmp_path)
    out = execute((tmp_path / "modeling.py").read_text(encoding="utf-8"))
    assert " for rate in" not in (tmp_path / "modeling.py").read_text(encoding="utf-8")
    assert repr(out.Model()) == looped
