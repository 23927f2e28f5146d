"""The text encoder, and the text decoder with its head, by themselves against the public implementation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.text import decoder_rows, encoder_rows, text_decoder, text_encoder
from specs.graph import Graph
from specs.values import View
from tests.oracle import ALL_WIDTHS_COINCIDE
from tests.parity.cases import LOGITS, difference
from tests.seamless.conftest import Published
from tests.seamless.oracle import decoder_ids, text_batch
from tests.seamless.parts import loaded, view
from tests.seamless.settings import SEEDS, UNTIED

each = pytest.mark.parametrize("seed", SEEDS)


@each
def test_encoder_states_of_a_padded_batch(published: Published, seed: int) -> None:
    theirs = published(seed)
    ours, batch = _ours(theirs), text_batch(theirs.config, seed)
    with torch.no_grad():
        expected = theirs.text_encoder(**batch).last_hidden_state
        encoded = ours.encode(**batch)
        assert difference(_valid(encoded.hidden, batch), _valid(expected, batch)) <= LOGITS
        cut = {name: tensor[1:2, : int(batch["attention_mask"][1].sum())] for name, tensor in batch.items()}
        assert (
            difference(ours.encode(**cut).hidden, encoded.hidden[1:2, : cut["input_ids"].shape[1]]) <= LOGITS
        )


@each
def test_logits_of_a_padded_batch(published: Published, seed: int) -> None:
    theirs = published(seed)
    ours, batch = _ours(theirs), text_batch(theirs.config, seed)
    ids = decoder_ids(theirs.config, seed)
    with torch.no_grad():
        for mask in (None, ids.ne(theirs.config.pad_token_id).long()):
            expected = theirs(**batch, decoder_input_ids=ids, decoder_attention_mask=mask).logits
            logits = ours.decode(ids, ours.encode(**batch), decoder_attention_mask=mask)
            assert difference(logits, expected) <= LOGITS


@each
def test_logits_step_by_step(published: Published, seed: int) -> None:
    theirs = published(seed)
    ours, batch = _ours(theirs), text_batch(theirs.config, seed)
    ids = decoder_ids(theirs.config, seed)[:2]
    batch = {name: tensor[:2] for name, tensor in batch.items()}
    with torch.no_grad():
        expected = theirs(**batch, decoder_input_ids=ids).logits
        encoded = ours.encode(**batch)
        cache = ours.new_cache(2, ids.shape[1], encoded)
        steps = [ours.decode(ids[:, t : t + 1], encoded, cache) for t in range(ids.shape[1])]
        assert difference(torch.cat(steps, 1), expected) <= LOGITS


def test_every_mask_and_position_has_an_effect(published: Published) -> None:
    """What the comparisons above would miss if it made no difference."""
    theirs = published(ALL_WIDTHS_COINCIDE)
    ours, batch = _ours(theirs), text_batch(theirs.config, 0)
    ids = decoder_ids(theirs.config, 0)
    with torch.no_grad():
        encoded = ours.encode(**batch)
        logits = ours.decode(ids, encoded)
        unmasked = ours.decode(ids, type(encoded)(encoded.hidden, None))
        assert difference(unmasked, logits) > 1e-3
        seen = ours.decode(ids, encoded, decoder_attention_mask=ids.ne(theirs.config.pad_token_id).long())
        assert difference(seen[-1], logits[-1]) > 1e-3
        swapped = ours.encode(batch["input_ids"].flip(1), batch["attention_mask"].flip(1)).hidden.flip(1)
        assert difference(swapped[:1], encoded.hidden[:1]) > 1e-3


def test_untied_embeddings_are_three(published: Published) -> None:
    c = view(published(UNTIED).config)
    graph = _graph(c)
    assert not graph.ties
    assert _graph(view(published(0).config)).ties[0].kept == "decoder.embed.tokens.weight"


def _graph(c: View) -> Graph:
    """Encoder and decoder as a model of their own."""
    g = GraphBuilder("text")
    ids = g.input("input_ids", "token_ids", ("batch", "source"), "int64")
    mask = g.input("attention_mask", "mask", ("batch", "source"), "int64", optional=True)
    source = text_encoder(g, c, ids, mask)
    _, side = text_decoder(g, c, source.output, source.mask)
    return g.graph({"logits": side.output}, (source.output, source.mask), side.ties, side.tokens)


def _ours(theirs: Any) -> Any:
    c = view(theirs.config)
    return loaded(_graph(c), (*encoder_rows(c), *decoder_rows(c)), theirs.state_dict())


def _valid(states: Tensor, batch: dict[str, Tensor]) -> Tensor:
    return states[batch["attention_mask"].bool()]
