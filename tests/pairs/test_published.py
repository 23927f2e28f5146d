"""Every published pair at its real size: imported, emitted, verified against real key lists without torch."""

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
DATA = Path(__file__).parent.parent / "data" / "pairs"
NAMES = sorted(key_lists(DATA))


def test_tables_are_total_without_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.speech.full_size", str(tmp_path), str(DATA)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found) == NAMES
    for name, lists in found.items():
        assert len(lists) >= 2, name
        told = {problem for problems in lists.values() for problem in problems}
        assert all(problem.startswith("XL301 the bridge") for problem in told), (name, told)


@pytest.mark.parametrize("name", NAMES)
def test_every_published_tensor_has_its_place_and_shape(name: str) -> None:
    """The pair on the meta device, its addresses translated, is the newest key list."""
    spec = crossloom.import_spec(DATA / name)
    graph = crossloom.lower(spec)
    model = skeleton(spec, graph, "meta")
    shapes = {address: tuple(tensor.shape) for address, tensor in model.state_dict().items()}
    keys = list(key_lists(DATA)[name].values())[-1]
    placed = set()
    for row in crossloom.weight_table(spec):
        if row.status == "computed":
            continue
        assert shapes[row.address] == row.shape
        for source, shape in zip(row.sources, row.operation.stored_shapes(row.shape), strict=True):
            if source in keys:
                assert tuple(keys[source][0]) == shape, row.address
                placed.add(source)
    left = {key for key in keys.keys() - placed if "pooler" not in key}
    assert not any(key.endswith(("weight", "bias")) for key in left), sorted(left)[:5]


@pytest.mark.parametrize("name", NAMES)
def test_the_imported_spec_says_only_what_differs(name: str) -> None:
    spec = crossloom.import_spec(DATA / name)
    assert not any(part.weights for part in spec.components.values())
    for part in spec.components.values():
        defaults = part.family.config().model_dump()
        assert all(part.config[field] != defaults[field] for field in part.written)
    assert not [one for one in crossloom.check(spec) if one.severity != "info"]
    stated = json.loads((DATA / name / "config.json").read_text())
    pad = stated.get("pad_token_id", stated["decoder"]["pad_token_id"])
    assert spec.config["pad_token_id"] == pad
