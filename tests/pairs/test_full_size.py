"""Published text configurations as encoder and as decoder, at their real size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import crossloom
from compiler.build import skeleton
from tests.pairs.full_size import CASES, Role, copy, imported, lists_of

ROOT = Path(__file__).parents[2]


def test_tables_are_total_without_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.pairs.full_size", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {f"{name} {role}" for name, role in CASES}
    for name, lists in found.items():
        assert len(lists) >= (3 if name.startswith("s2t") else 4), name  # of one release, or of two
        assert all(not problems for problems in lists.values()), (name, lists)


@pytest.mark.parametrize(("name", "role"), CASES)
def test_every_address_has_its_shape(name: str, role: Role, tmp_path: Path) -> None:
    """The model on the meta device, its addresses translated by the table, has the shapes of the key list."""
    spec = imported(name, role, copy(name, role, tmp_path / "in"))
    table = crossloom.weight_table(spec)
    model = skeleton(spec, crossloom.lower(spec), "meta")
    shapes = {address: tuple(tensor.shape) for address, tensor in model.state_dict().items()}
    keys = lists_of(name, role)["as published"]
    spellings = [dialect.spell for one in table.maps.values() for dialect in one.dialects]
    compared = 0
    for row in (row for row in table if row.status != "computed"):
        for source, shape in zip(row.sources, row.operation.stored_shapes(shapes[row.address]), strict=True):
            for stored in {spell(source) for spell in spellings} & keys.keys():
                assert tuple(keys[stored][0]) == shape, row.address
                compared += 1
    assert compared > 90


@pytest.mark.parametrize(("name", "role"), CASES)
def test_the_imported_spec_says_only_what_differs(name: str, role: Role, tmp_path: Path) -> None:
    spec = imported(name, role, copy(name, role, tmp_path / "in"))
    for component in spec.components.values():
        defaults = component.family.config().model_dump()
        assert all(component.config[field] != defaults[field] for field in component.written)
    assert not [finding for finding in crossloom.check(spec) if finding.severity.value != "info"]
