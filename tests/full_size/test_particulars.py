"""What some published models have beside their tensors, at their real size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import crossloom
from compiler.build import skeleton
from compiler.exporting.export import configuration, generation_configuration
from tests.full_size.published import NAMES, config_of, folder_of

SPEECH_TO_TEXT = [name for name in NAMES if config_of(name)["model_type"] == "speech_to_text"]
CELLS = {
    "donut-base-encoder": (80 * 60, 1024),
    "swin-base-patch4-window7-224-in22k": (7 * 7, 1024),
    "beit-base-patch16-224": (1 + 14 * 14, 768),
    "deit-base-distilled-patch16-224": (2 + 14 * 14, 768),
    "vit-base-patch16-224-in21k": (1 + 14 * 14, 768),
}
"""Positions of an image, and their width."""


@pytest.mark.parametrize("name", SPEECH_TO_TEXT)
def test_exported_configuration_imports_as_the_same_spec(name: str, tmp_path: Path) -> None:
    """Options that an old config.json holds itself move to generation_config.json, and none is lost."""
    spec = crossloom.import_spec(folder_of(name))
    graph = crossloom.lower(spec)
    files = {
        "config.json": configuration(spec.components["model"], "float32"),
        "generation_config.json": generation_configuration(skeleton(spec, graph, "meta"), spec, graph),
        "preprocessor_config.json": spec.processing.files["processor"]["preprocessor_config.json"],
    }
    folder = tmp_path / name
    folder.mkdir()
    for file, contents in files.items():
        (folder / file).write_text(json.dumps(contents))
    again = crossloom.import_spec(folder)
    first, second = ({**s.data, "model": {**s.data["model"], "weights": None}} for s in (spec, again))
    assert first == second


def test_samples_become_frames_as_published() -> None:
    """16000 samples give 49 frames, and 400 are the fewest that give one."""
    graph = crossloom.lower(crossloom.import_spec(folder_of("wav2vec2-base-960h")))
    hidden = graph.types[graph.outputs["hidden"]]
    assert hidden.dims[1].evaluate({"samples": 16000}) == 49
    assert graph.minimums["samples"] == 400
    assert hidden.dims[2].value == 768


@pytest.mark.parametrize("name", CELLS)
def test_the_last_grid_is_the_published_one(name: str) -> None:
    spec = crossloom.import_spec(folder_of(name))
    graph = crossloom.lower(spec)
    hidden = graph.types[graph.outputs["hidden"]]
    assert (hidden.dims[1].value, hidden.dims[2].value) == CELLS[name]


@pytest.mark.parametrize("name", [name for name in CELLS if "donut" in name or "swin" in name])
def test_sizes_that_follow_from_others_are_not_written(name: str) -> None:
    (component,) = crossloom.import_spec(folder_of(name)).components.values()
    assert not component.written & {"hidden_size", "num_layers"}
