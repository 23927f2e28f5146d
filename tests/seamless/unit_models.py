"""The public text-to-unit model by itself, many shapes of it, and ours as it is emitted.

The seed of a configuration is its number in a sequence, never chosen.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import SeamlessM4Tv2Config
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import (
    SeamlessM4Tv2TextToUnitForConditionalGeneration,
)

from compiler.build import execute
from compiler.emission.modeling import modeling_source
from compiler.passes.dims import infer, number_problems
from compiler.passes.initialisation import initialised
from compiler.passes.parameters import parameters
from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.config import SeamlessM4Tv2Config as OurConfig
from specs.families.seamless_m4t_v2.units import (
    decode_units,
    initialisations,
    predict_durations,
    rows,
    unused,
)
from specs.graph import Graph, Method
from specs.initialisation import normal_initialisation
from specs.values import View
from specs.weights import WeightMap
from tests.oracle import ACTIVATIONS, ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE, random_mask, spread

SEEDS = range(len(ACTIVATIONS))
UNTIED = 4
"""Of every so many seeds, the last has a head of its own."""
_USUAL_DURATION, _DURATION_SPREAD = 2.5, 0.6
"""Of a duration, and of the logarithm of it plus one."""

_WIDTHS = ("hidden_size", "t2u_encoder_ffn_dim", "t2u_variance_predictor_hidden_dim")
_VOCABULARIES = ("t2u_vocab_size", "char_vocab_size")


def random_settings(seed: int) -> dict[str, Any]:
    """Fields of a tiny configuration."""
    draw = random.Random(f"units {seed}")
    width = draw.choice((12, 16, 18, 24, 30))
    heads = [draw.choice([n for n in range(1, 9) if width % n == 0]) for _ in range(2)]
    sizes = [width, *(draw.randint(5, 40) for _ in _WIDTHS[1:]), *(draw.randint(12, 40) for _ in range(2))]
    if seed == ALL_WIDTHS_COINCIDE:
        sizes, heads = [24] * 5, [4, 4]
    elif seed == NO_WIDTHS_COINCIDE:
        sizes, heads = [24, 20, 11, 29, 37], [6, 8]
    pad = (1, 4, 0, 7)[seed % 4]
    return {
        **dict(zip((*_WIDTHS, *_VOCABULARIES), sizes, strict=True)),
        "t2u_variance_predictor_embed_dim": sizes[0],
        "t2u_variance_predictor_kernel_size": 1 + seed % 5,
        "t2u_encoder_layers": draw.randint(1, 3),
        "t2u_decoder_layers": draw.randint(1, 3),
        "t2u_encoder_attention_heads": heads[0],
        "t2u_decoder_attention_heads": heads[1],
        "t2u_max_position_embeddings": (200, 12)[seed % 2],
        "t2u_pad_token_id": pad,
        "pad_token_id": (0, 3)[seed % 2],
        "activation_function": ACTIVATIONS[seed],
        "scale_embedding": seed % 3 != 1,
        "tie_word_embeddings": seed % UNTIED != UNTIED - 1,
        "vocab_size": 20,
        "encoder_layers": 1,
        "decoder_layers": 1,
    }


def fresh(seed: int, **changes: Any) -> SeamlessM4Tv2TextToUnitForConditionalGeneration:
    """The public model of a seed, as it is drawn."""
    torch.manual_seed(seed)
    config = SeamlessM4Tv2Config(**{**random_settings(seed), **changes})
    return SeamlessM4Tv2TextToUnitForConditionalGeneration(config)


def published(seed: int, **changes: Any) -> SeamlessM4Tv2TextToUnitForConditionalGeneration:
    """The public model of a seed in eval mode, its parameters spread and most durations 1 to 6."""
    model: SeamlessM4Tv2TextToUnitForConditionalGeneration = spread(fresh(seed, **changes))
    last: Any = model.model.decoder.duration_predictor.proj
    with torch.no_grad():
        last.weight.normal_(std=_DURATION_SPREAD / math.sqrt(last.in_features))
        last.bias.fill_(math.log1p(_USUAL_DURATION))
    return model


def view(seed: int, **changes: Any) -> View:
    """The configuration of a seed as a family reads it."""
    config = OurConfig(**{**random_settings(seed), **changes})
    return View(config.model_dump(), "model.config")


def graph_of(c: View) -> Graph:
    """Both methods as a graph of their own, through the passes that a spec goes through."""
    g = GraphBuilder("units")
    unused_input = g.input("inputs_embeds", "hidden", ("batch", "unused", c.hidden_size))
    texts, characters, width = ("batch", "time"), ("batch", "characters"), c.hidden_size
    first = {
        "hidden_states": g.input("hidden_states", "hidden", (*texts, width)),
        "hidden_states_mask": g.input("hidden_states_mask", "mask", texts, "int64", optional=True),
        "character_ids": g.input("character_ids", "token_ids", characters, "int64"),
        "character_counts": g.input("character_counts", "lengths", texts, "int64"),
    }
    second = {
        "states": g.input("states", "hidden", (*characters, width)),
        "durations": g.input("durations", "lengths", characters, "int64"),
    }
    states, durations = predict_durations(g, c, *first.values())
    logits, mask = decode_units(g, c, *second.values())
    methods = (
        Method("predict_durations", "Durations.", tuple(first), {"states": states, "durations": durations}),
        Method("decode_units", "Units.", tuple(second), {"unit_logits": logits, "mask": mask}),
    )
    rules = (*initialisations(c), *normal_initialisation(c.initializer_range))
    whole = replace(g.graph({}, (unused_input, None), initialisations=rules), methods=methods)
    graph, problems = infer(initialised(whole))
    assert not problems + number_problems(graph)
    return parameters(graph)


def model_of(c: View) -> Any:
    """The model that is emitted for a configuration, its parameters not drawn."""
    return execute(modeling_source(graph_of(c), "0")).Model().eval()


def loaded(theirs: SeamlessM4Tv2TextToUnitForConditionalGeneration, c: View) -> Any:
    """Ours with the parameters of theirs: every one has its row, or is ignored with a reason."""
    model, table = model_of(c), WeightMap(tuple(rows(c)))
    stored = {f"t2u_model.{name}": tensor for name, tensor in theirs.state_dict().items()}
    state = {}
    for address in model.state_dict():
        found = table.find(address)
        assert found is not None, address
        row, (source,) = found
        state[address] = stored.pop(source)
        for copy in row.copies:
            assert torch.equal(stored.pop(copy), state[address]), copy
    assert stored.keys() == {tensor.pattern for tensor in unused(c)}
    model.load_state_dict(state)
    return model


class Batch(NamedTuple):
    """States of a text, padded, and the characters that each stands for."""

    hidden: Tensor
    mask: Tensor
    characters: Tensor
    counts: Tensor


def random_batch(seed: int, rows: int = 4) -> Batch:
    """Padded texts and characters; padding holds numbers. Of some texts a piece has no character."""
    generator = torch.Generator().manual_seed(seed)
    settings = random_settings(seed)
    mask = random_mask(random.Random(f"units {seed}"), 7, 2, rows)
    mask[1, 4:] = 0
    counts = torch.randint(4, mask.shape, generator=generator) * mask
    counts[:, 0] += 1
    longest = int(counts.sum(1).max())
    return Batch(
        torch.randn(*mask.shape, settings["hidden_size"], generator=generator),
        mask,
        torch.randint(settings["char_vocab_size"], (rows, longest), generator=generator),
        counts,
    )
