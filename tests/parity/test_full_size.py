"""Every published configuration with a known vocabulary, at its real size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import crossloom
from compiler.build import skeleton
from compiler.exporting.export import configuration, generation_configuration
from crossloom import CrossloomError
from tests.parity.full_size import DATA, key_lists

ROOT = Path(__file__).parents[2]
NAMES = sorted(key_lists())


def test_tables_are_total_without_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.parity.full_size", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found) == NAMES
    for name, lists in found.items():
        assert len(lists) == 3, name
        assert all(not problems for problems in lists.values()), (name, lists)


@pytest.mark.parametrize("name", NAMES)
def test_every_published_tensor_has_its_place_and_shape(name: str) -> None:
    """The model on the meta device, its addresses translated by the table, is the newest key list."""
    spec = crossloom.import_spec(DATA / name)
    table = crossloom.weight_table(spec)
    shapes = {
        k: tuple(t.shape) for k, t in skeleton(spec, crossloom.lower(spec), "meta").state_dict().items()
    }
    assert set(shapes) == {row.address for row in table if row.status != "computed"}
    stored = {
        source: stored_shape
        for row in table
        if row.status == "loaded"
        for source, stored_shape in zip(
            row.sources, row.operation.stored_shapes(shapes[row.address]), strict=True
        )
    }
    keys = key_lists()[name]["5.23.0 safetensors"]
    assert stored == {key: tuple(shape) for key, (shape, _) in keys.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_imported_spec_says_only_what_differs(name: str) -> None:
    spec = crossloom.import_spec(DATA / name)
    (component,) = spec.components.values()
    defaults = component.family.config().model_dump()
    assert all(component.config[field] != defaults[field] for field in component.written)
    assert not crossloom.check(spec)


@pytest.mark.parametrize("name", NAMES)
def test_exported_configuration_imports_as_the_same_spec(name: str, tmp_path: Path) -> None:
    """Options that an old config.json holds itself move to generation_config.json, and none is lost."""
    spec = crossloom.import_spec(DATA / name)
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


def test_an_unknown_vocabulary_is_refused() -> None:
    with pytest.raises(CrossloomError) as refused:
        crossloom.import_spec(DATA / "s2t-small-covost2-en-de-st")
    assert [(d.code, "vocab_size" in d.message) for d in refused.value.diagnostics] == [("XL104", True)]
