"""Sections that are no maps, with a key beside them, or on its way to them, that would belong inside."""

from __future__ import annotations

import pytest

from compiler.analysis import analyse
from compiler.diagnostics.model import Diagnostic
from compiler.reader import read_text

VALUES = ("1000", "1.5", "text", "true", "[]", "[a, {hidden_size: 7}]")
NO_MAP, UNKNOWN = "XL103", "XL101"

BESIDE = {
    "model": ("model: {family: mbart, config: VALUE, d_model: 7}\n", ("model", "config")),
    "encoder": ("encoder: {family: mbart, config: VALUE, d_model: 7}\n", ("encoder", "config")),
    "decoder": ("decoder: {family: bert, config: VALUE, hidden_size: 7}\n", ("decoder", "config")),
    "pair": (
        "encoder: {family: vit, config: {}}\ndecoder: {family: bert, config: VALUE, hidden_size: 7}\n",
        ("decoder", "config"),
    ),
    "top": ("model: {family: mbart}\ngeneration: VALUE\nnum_beams: 7\n", ("generation",)),
    "graph": ("encoder: {graph: VALUE, nodes: {}}\n", ("encoder", "graph")),
    "node": (
        "graph: {inputs: {}, nodes: {norm: {block: layer_norm, with: VALUE, width: 7}}, outputs: {}}\n",
        ("graph", "nodes", "norm", "with"),
    ),
}


def findings(text: str) -> list[Diagnostic]:
    return analyse(read_text(f"crossloom: 1\nname: planted\n{text}", "spec.yaml")).diagnostics


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", BESIDE)
def test_a_key_that_belongs_into_what_is_no_map_leaves_it_reported(place: str, value: str) -> None:
    text, path = BESIDE[place]
    found = findings(text.replace("VALUE", value))
    no_map = next(one for one in found if one.code == NO_MAP)
    assert f"`{path[-1]}` must be a map" in no_map.message
    assert no_map.spans[0].line >= 3
    assert any(one.code == UNKNOWN and one.spans[0].line >= 3 for one in found)


def test_a_key_beside_an_empty_section_is_read_inside_it() -> None:
    found = findings("model: {family: mbart, config: null, d_model: 64}\n")[-1]
    assert found.code == UNKNOWN
    assert found.help == "`d_model` belongs under `model: config:`"


@pytest.mark.parametrize("value", VALUES)
def test_a_section_that_is_no_map_goes_where_another_key_wants_to_go_inside(value: str) -> None:
    found = findings(f"model: {{family: mbart, generation: {value}, num_beams: 5}}\n")
    assert {one.code for one in found} >= {UNKNOWN}
    assert all(one.spans[0].line == 3 for one in found)
