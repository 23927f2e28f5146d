"""Lengths that follow from values: what a block repeats by counts has a size of its own."""

from __future__ import annotations

from pathlib import Path

import torch

import crossloom
from compiler.analysis import analyse
from compiler.reports.facts import facts_of
from compiler.reports.sizes import EXAMPLE_LENGTHS

SPEC = """\
crossloom: 1
name: lengthened
encoder:
  graph:
    inputs: {input_features: {role: features, dims: [batch, frames, 8]}}
    nodes:
      project: {block: conv_subsampler, with: {input_width: 8, channels: 8, width: 12, kernels: [3], stride: 1}, inputs: {features: input_features}}
      durations: {block: duration_predictor, with: {width: 12, inner: 10}, inputs: {hidden: project.hidden}}
      lengthen: {block: hard_upsampler, with: {width: 12}, inputs: {hidden: project.hidden, counts: durations.durations}}
      norm: {block: layer_norm, with: {width: 12}, inputs: {hidden: lengthen.hidden}}
    outputs: {hidden: norm.hidden, mask: lengthen.mask}
"""  # noqa: E501


def written(folder: Path, text: str) -> Path:
    """A spec file."""
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_a_graph_may_lengthen_its_states(tmp_path: Path) -> None:
    path = written(tmp_path, SPEC)
    graph = crossloom.lower(path)
    assert str(graph.types[graph.outputs["hidden"]]) == "[batch, encoder_lengthen, 12]", (
        "called by its address"
    )
    model = crossloom.build(path).eval()
    with torch.no_grad():
        encoded = model.encode(torch.randn(2, 5, 8))
    assert encoded.hidden.shape[:2] == encoded.mask.shape
    assert encoded.mask.shape[1] >= 5


def test_two_lengths_that_follow_from_values_differ(tmp_path: Path) -> None:
    again = (
        "      again: {block: hard_upsampler, with: {width: 12}, "
        "inputs: {hidden: project.hidden, counts: durations.durations}}\n"
        "      sum: {block: add_positions, inputs: {hidden: lengthen.hidden, positions: again.hidden}}\n"
        "      norm:"
    )
    text = SPEC.replace("      norm:", again).replace(
        "inputs: {hidden: lengthen.hidden}}", "inputs: {hidden: sum.hidden}}"
    )
    found = crossloom.check(written(tmp_path, text))
    assert [(one.code, "lengthen" in one.message or "again" in one.message) for one in found] == [
        ("XL305", True)
    ]


def test_operations_are_counted_at_some_length(tmp_path: Path) -> None:
    spec, graph = analyse(written(tmp_path, SPEC)).sound()
    found = facts_of(spec, graph)
    (node,) = (node for node in found.nodes if node.block == "hard_upsampler")
    assert found.sizes["encoder_lengthen"] == EXAMPLE_LENGTHS["units"]
    assert found.counted(node) == EXAMPLE_LENGTHS["units"] * 12
