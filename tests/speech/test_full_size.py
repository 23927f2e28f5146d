"""Every published speech encoder, at its real size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import crossloom
from compiler.build import skeleton
from tests.speech.full_size import DATA, key_lists

ROOT = Path(__file__).parents[2]
NAMES = sorted(key_lists())


def test_tables_are_total_without_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.speech.full_size", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found) == NAMES
    for name, lists in found.items():
        assert len(lists) >= 3, name
        assert all(not problems for problems in lists.values()), (name, lists)


@pytest.mark.parametrize("name", NAMES)
def test_every_published_tensor_has_its_place_and_shape(name: str) -> None:
    """The encoder on the meta device, its addresses translated, is the newest key list without heads."""
    spec = crossloom.import_spec(DATA / name)
    table = crossloom.weight_table(spec)
    model = skeleton(spec, crossloom.lower(spec), "meta")
    shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    assert set(shapes) == {row.address for row in table}
    keys = next(keys for label, keys in key_lists()[name].items() if label.startswith("5.23.0"))
    prefix = "" if "masked_spec_embed" in keys else f"{spec.components['encoder'].family_name}."
    stored = {row.sources[0].partition(".")[2]: shapes[row.address] for row in table}
    assert stored == {
        key.removeprefix(prefix): tuple(shape) for key, (shape, _) in keys.items() if key.startswith(prefix)
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_imported_spec_says_only_what_differs(name: str) -> None:
    spec = crossloom.import_spec(DATA / name)
    (component,) = spec.components.values()
    defaults = component.family.config().model_dump()
    assert all(component.config[field] != defaults[field] for field in component.written)
    assert not crossloom.check(spec)


def test_samples_become_frames_as_published() -> None:
    """16000 samples give 49 frames, and 400 are the fewest that give one."""
    graph = crossloom.lower(crossloom.import_spec(DATA / "wav2vec2-base-960h"))
    hidden = graph.types[graph.outputs["hidden"]]
    assert hidden.dims[1].evaluate({"samples": 16000}) == 49
    assert graph.minimums["samples"] == 400
    assert hidden.dims[2].value == 768
