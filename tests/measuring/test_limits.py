"""The bytes of a decode step against the published formula, and a whole measurement of a tiny model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

import crossloom
from crossloom.cli import comparing
from runtime.measuring import Peaks
from runtime.measuring.decode_step import step_bytes
from runtime.measuring.model import input_sizes, measure_model
from tests.cli.runner import crossloom as command

SPEC = "digits"


@pytest.mark.parametrize("beams", [1, 4])
def test_a_step_reads_its_weights_once_and_its_caches_once(beams: int) -> None:
    """L (6 d^2 + 2 d f) + V d weights, the biases and norms beside them, and the states of the caches."""
    spec = crossloom.load_spec(SPEC)
    config, tokens, frames = spec.config, 10, 40
    model = crossloom.build(spec).eval()
    with torch.inference_mode():
        encoded = model.encode(torch.zeros(1, frames, 80))
    d, f, layers, v = (config[k] for k in ("d_model", "decoder_ffn_dim", "decoder_layers", "vocab_size"))
    matrices = layers * (6 * d**2 + 2 * d * f) + v * d
    vectors = layers * (6 * d + (f + d) + 3 * 2 * d) + 2 * d
    source = 2 * layers * encoded.hidden.shape[1] * d
    target = 2 * layers * d * (tokens + 1) / 2  # of one hypothesis, which beams may share
    assert step_bytes(model, encoded, tokens, beams) == 4 * (matrices + vectors + source + target)


def test_lengths_are_cut_to_the_positions() -> None:
    spec = crossloom.load_spec(SPEC)
    graph = crossloom.lower(spec)
    sizes = input_sizes(spec, graph, length=1_000_000, tokens=1_000_000)
    assert graph.encoded is not None
    states = graph.types[graph.encoded[0]].dims[1].evaluate(sizes)
    positions = spec.config["max_source_positions"]
    assert positions / 2 < states <= positions
    assert sizes["target"] <= spec.config["max_target_positions"]


def test_every_kind_of_work_is_measured() -> None:
    spec = crossloom.load_spec(SPEC)
    model = crossloom.build(spec, dtype=torch.bfloat16).eval()
    timings = measure_model(
        model,
        model,
        spec,
        crossloom.lower(spec),
        Peaks(1e9, 1e9, 1e9),
        length=40,
        tokens=2,
        beams=3,
        rounds=2,
    )
    assert [one.title for one in timings] == ["encode, 40 long", "decode step, 1 row", "decode step, 3 beams"]
    assert all(len(one.series.samples) == 2 for one in timings)
    assert [one.limit is None for one in timings] == [True, False, False]


def test_the_command_says_where_it_measures_less_than_was_asked_for() -> None:
    fits = command("bench", SPEC, "--rounds", "1", "--tokens", "2", "--length", "40", "--threads", "1")
    assert "note" not in fits.stderr
    assert "\n1 thread; memory" in fits.stdout
    cut = command(
        "bench", SPEC, "--rounds", "1", "--tokens", "1000", "--length", "100000", "--format", "json"
    )
    lengths = [line.split() for line in cut.stderr.splitlines()]
    assert [line[1:3] for line in lengths] == [["--length", "100000"], ["--tokens", "1000"]]
    assert lengths[1][-3:] == ["64", "are", "measured"]


def test_the_command_prints_a_line_for_each_stage() -> None:
    result = command("bench", SPEC, "--rounds", "1", "--tokens", "2", "--length", "40")
    assert result.exit_code == 0, result.output
    stages = ["check, once", "emit, once", "build, once", "encode, 40 long", "decode step, 1 row"]
    lines = result.stdout.splitlines()
    assert [line[: len(stage)] for line, stage in zip(lines[1:], stages, strict=False)] == stages
    assert "GB/s" in lines[-1]


def test_a_compiled_model_in_a_narrow_dtype_is_measured() -> None:
    how = ("--compile", "fast", "--dtype", "bfloat16", "--format", "json")
    small = ("--rounds", "1", "--tokens", "2", "--length", "40", "--beams", "1")
    stored, narrow = (json.loads(command("bench", SPEC, *small, *one).stdout) for one in (how[-2:], how))
    limits = [one["timings"][1]["limit"] * one["bytes_per_second"] for one in (stored, narrow)]
    assert limits[1] == pytest.approx(limits[0] / 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give a SPEC, or --against"),
        ((SPEC, "--against", "transformers"), "and not both"),
        ((SPEC, "--rows", "greedy"), "--rows has a meaning only with --against"),
        ((SPEC, "--json", "x.json"), "--json has a meaning only with --against"),
        (("--against", "transformers", "--dtype", "float32"), "--dtype has a meaning only of a SPEC"),
        ((SPEC, "--compile", "fast", "--compile", "max"), "compiled in one way"),
        (("--against", "transformers", "--rows", "greedy,other"), "no row 'other'; there are check, "),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(arguments: tuple[str, ...], told: str) -> None:
    result = command("bench", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_comparison_outside_a_clone_says_where_it_can_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(comparing, "ROOT", tmp_path)
    result = command("bench", "--against", "transformers")
    assert result.exit_code == 2
    assert "needs the folder `benchmarks` of the repository: run it in a clone" in result.stderr


def test_a_comparison_without_transformers_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    result = command("bench", "--against", "transformers")
    assert result.exit_code == 2
    assert "needs transformers, which is not installed" in result.stderr
