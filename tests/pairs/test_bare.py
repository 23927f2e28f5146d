"""Checkpoints of a bare model, whose head is no other tensor: it starts untrained, and is said to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BartModel,
    BertModel,
    GPT2Model,
    MBartModel,
    RobertaModel,
    XGLMModel,
)

import crossloom
from tests.oracle import spread
from tests.pairs import oracle

CROSS = ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"]
BARE = [
    ("bart", BartModel, []),
    ("bert", BertModel, CROSS),
    ("gpt2", GPT2Model, CROSS),
    ("mbart", MBartModel, []),
    ("roberta", RobertaModel, CROSS),
    ("xglm", XGLMModel, CROSS),
]


def bare(family: str, published: Any, folder: Path, is_tied: bool) -> Any:
    """A random model without a head, as its class saves it."""
    config = oracle.random_half("decoder", family, 0).config
    config.update({"is_decoder": False, "add_cross_attention": False, "tie_word_embeddings": is_tied})
    theirs = spread(published(config))
    theirs.save_pretrained(folder)
    return theirs


@pytest.mark.parametrize(("family", "published", "cross"), BARE, ids=[one[0] for one in BARE])
def test_an_untied_head_is_fresh(family: str, published: Any, cross: list[str], tmp_path: Path) -> None:
    theirs = bare(family, published, tmp_path, is_tied=False)
    spec = crossloom.import_spec(tmp_path, role="decoder", tokens={"decoder_start": 3})
    assert spec.data["fresh"] == [*cross, "head.*"]
    assert [one.code for one in crossloom.verify(spec) if one.severity == "error"] == []
    state = crossloom.load(spec).state_dict()
    heads = [row.status for row in crossloom.weight_table(spec) if row.address.startswith("head.")]
    assert set(heads) == {"fresh"}
    stored = (
        theirs.get_decoder().embed_tokens if family in ("bart", "mbart") else theirs.get_input_embeddings()
    )
    embedded = next(tensor for name, tensor in state.items() if name.startswith("decoder.embed."))
    assert torch.equal(embedded, stored.weight)


@pytest.mark.parametrize("family", ["bart", "gpt2", "mbart", "xglm"])
def test_a_tied_head_is_the_embedding(family: str, tmp_path: Path) -> None:
    """Nothing of it is untrained, so nothing is said of it."""
    published, cross = next((one[1], one[2]) for one in BARE if one[0] == family)
    bare(family, published, tmp_path, is_tied=True)
    spec = crossloom.import_spec(tmp_path, role="decoder", tokens={"decoder_start": 3})
    assert spec.data.get("fresh", []) == cross
    assert [one.code for one in crossloom.verify(spec) if one.severity == "error"] == []


@pytest.mark.parametrize("family", ["bart", "mbart"])
def test_a_bare_whole(family: str, tmp_path: Path) -> None:
    published = next(one[1] for one in BARE if one[0] == family)
    bare(family, published, tmp_path, is_tied=False)
    spec = crossloom.import_spec(tmp_path)
    assert spec.kind == "model"
    assert spec.data["fresh"] == ["head.*", "head_bias.bias"]
    crossloom.load(spec)


def test_what_is_not_said_to_be_fresh_is_missed_in_one_finding(tmp_path: Path) -> None:
    bare("gpt2", GPT2Model, tmp_path, is_tied=False)
    spec = crossloom.import_spec(tmp_path, role="decoder", tokens={"decoder_start": 3})
    (tmp_path / "spec.yaml").write_text(spec.to_yaml().replace("- head.*\n", ""))
    (finding,) = (one for one in crossloom.verify(tmp_path / "spec.yaml") if one.severity == "error")
    assert finding.code == "XL501"
    assert "head.*" in str(finding.help)
