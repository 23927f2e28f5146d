"""Published encoders that attend within windows, at their real size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import crossloom
from compiler.build import skeleton
from tests.speech.full_size import key_lists

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "windows"
CELLS = {"donut-base-encoder": 80 * 60, "swin-base-patch4-window7-224-in22k": 7 * 7}


def test_tables_are_total_without_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.speech.full_size", str(tmp_path), str(DATA)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == CELLS.keys()
    for name, lists in found.items():
        assert len(lists) == 2, "from both releases"
        assert all(not problems for problems in lists.values()), (name, lists)


@pytest.mark.parametrize("name", CELLS)
def test_every_published_tensor_has_its_place_and_shape(name: str) -> None:
    """The encoder on the meta device, its addresses translated, is every key list without heads."""
    spec = crossloom.import_spec(DATA / name)
    assert not crossloom.check(spec)
    graph = crossloom.lower(spec)
    model = skeleton(spec, graph, "meta")
    shapes = {key: tuple(tensor.shape) for key, tensor in model.named_parameters()}
    tables = {key: tuple(tensor.shape) for key, tensor in model.named_buffers()}
    for keys in key_lists(DATA)[name].values():
        prefix = "swin." if any(key.startswith("swin.") for key in keys) else ""
        stored = {
            row.sources[0].partition(".")[2]: (shapes | tables)[row.address]
            for row in crossloom.weight_table(spec)
            if row.address in shapes or prefix + row.sources[0].partition(".")[2] in keys
        }
        assert stored == {
            key.removeprefix(prefix): tuple(shape)
            for key, (shape, _) in keys.items()
            if key.startswith(prefix)
        }


@pytest.mark.parametrize("name", CELLS)
def test_the_last_grid_is_the_published_one(name: str) -> None:
    spec = crossloom.import_spec(DATA / name)
    graph = crossloom.lower(spec)
    hidden = graph.types[graph.outputs["hidden"]]
    assert [hidden.dims[1].value, hidden.dims[2].value] == [CELLS[name], 1024]
    (component,) = spec.components.values()
    assert not component.written & {"hidden_size", "num_layers"}, "they follow from others"
