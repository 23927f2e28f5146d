"""The JSON Schema accepts what `check` accepts, and is the one that is committed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from compiler.catalogue import folder, names
from compiler.reports.schema import language_schema, schema_text
from tests.check.planted import DECODER, ENCODER, HALVES
from tests.cli.runner import ROOT, TINY

SCHEMA = Draft202012Validator(language_schema())

GRAPH = """\
crossloom: 1
name: free
dims: {width: 8}
graph:
  inputs: {input_features: {role: features, dims: [batch, frames, 4]}}
  nodes:
    project: {block: linear, with: {source_dim: 4, target_dim: width}, inputs: {hidden: input_features}}
  outputs: {hidden: project.hidden}
"""
PAIR = """\
crossloom: 1
name: pair
encoder: {family: speech_to_text, weights: a/b, config: {d_model: 64}}
decoder: {family: speech_to_text}
bridge: {block: linear}
"""


def valid(text: str) -> bool:
    data: Any = yaml.safe_load(text)
    return bool(SCHEMA.is_valid(data))


def test_the_committed_schema_is_this_one() -> None:
    committed = (ROOT / "docs" / "crossloom.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "run: crossloom schema -o docs/crossloom.schema.json"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(language_schema())


@pytest.mark.parametrize("name", names())
def test_the_catalogue_is_valid(name: str) -> None:
    assert valid((folder() / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", [TINY, GRAPH, PAIR, HALVES, ENCODER, DECODER])
def test_every_form_is_valid(text: str) -> None:
    assert valid(text)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (TINY, "d_model: 8", "d_modle: 8"),
        (TINY, "d_model: 8", "d_model: '8'"),
        (TINY, "d_model: 8", "d_model: 0"),
        (TINY, "speech_to_text", "speech_to_txt"),
        (TINY, "name: tiny", "nam: tiny"),
        (TINY, "name: tiny", "name: a b"),
        (TINY, "num_mel_bins", "mel_bins"),
        (TINY, "crossloom: 1", "crossloom: 2"),
        (GRAPH, "block: linear", "block: liner"),
        (GRAPH, "source_dim: 4", "source: 4"),
        (GRAPH, "hidden: input_features", "hiden: input_features"),
        (GRAPH, "role: features", "role: feature"),
        (PAIR, "d_model: 64", "d_modle: 64"),
        (PAIR, "block: linear", "block: liner"),
        (HALVES, "block: conv_subsampler", "block: conv_subsamplr"),
        (HALVES, "encoder:\n", "encoder:\n  family: speech_to_text\n"),
        (HALVES, "encoder:\n", "encoder:\n  config: {d_model: 64}\n"),
        (HALVES, "decoder:\n", "model:\n"),
    ],
)
def test_a_mistake_is_not_valid(text: str, right: str, wrong: str) -> None:
    assert right in text
    assert valid(text)
    assert not valid(text.replace(right, wrong))


def test_every_field_is_described() -> None:
    def undescribed(schema: Any, path: str) -> list[str]:
        if isinstance(schema, list):
            return [found for one in schema for found in undescribed(one, path)]
        if not isinstance(schema, dict):
            return []
        missing = [
            f"{path}.{name}"
            for name, field in schema.get("properties", {}).items()
            if isinstance(field, dict) and "description" not in field and path.rpartition(".")[2] != "if"
        ]
        return missing + [found for key, one in schema.items() for found in undescribed(one, f"{path}.{key}")]

    assert undescribed(language_schema(), "") == []
