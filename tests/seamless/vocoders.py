"""The public vocoder of SeamlessM4T v2 by itself, many shapes of it, and ours as it is emitted.

The seed of a configuration is its number in a sequence, never chosen.
"""

from __future__ import annotations

import math
import random
from typing import Any

import torch
from torch import Tensor
from transformers import SeamlessM4Tv2Config
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import SeamlessM4Tv2CodeHifiGan

from compiler.build import execute
from compiler.emission.modeling import modeling_source
from compiler.passes.dims import infer, number_problems
from compiler.passes.initialisation import initialised
from compiler.passes.parameters import parameters
from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.config import SeamlessM4Tv2Config as OurConfig
from specs.families.seamless_m4t_v2.vocoder import DIALECTS, initialisations, rows, unit_durations, vocode
from specs.graph import Graph, Method
from specs.initialisation import normal_initialisation
from specs.problems import Problem
from specs.values import View
from specs.weights import WeightMap
from tests.oracle import ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE, SPREAD, random_mask, spread

SEEDS = range(12)

_WIDTHS = {
    "unit_embed_dim": 13,
    "lang_embed_dim": 5,
    "spkr_embed_dim": 9,
    "upsample_initial_channel": 18,
    "unit_hifi_gan_vocab_size": 22,
    "vocoder_num_langs": 7,
    "vocoder_num_spkrs": 8,
}
"""No two are equal."""

_USUAL_DURATION = 2.5


def random_settings(seed: int) -> dict[str, Any]:
    """Fields of a tiny configuration; kernels are as wide as their rates, or wider by up to 6."""
    draw = random.Random(f"vocoder {seed}")
    widths = {name: draw.randint(4, 24) for name in _WIDTHS} | {
        "upsample_initial_channel": draw.randint(8, 24)
    }
    if seed == ALL_WIDTHS_COINCIDE:
        widths = dict.fromkeys(_WIDTHS, 16)
    elif seed == NO_WIDTHS_COINCIDE:
        widths = _WIDTHS
    rates = [draw.randint(1, 5) for _ in range(draw.randint(1, 3))]
    stacks = draw.randint(1, 3)
    return {
        **widths,
        "t2u_pad_token_id": draw.randint(0, 3),
        "upsample_rates": rates,
        "upsample_kernel_sizes": [rate + draw.randint(0, 6) for rate in rates],
        "resblock_kernel_sizes": [draw.choice((1, 3, 5, 7)) for _ in range(stacks)],
        "resblock_dilation_sizes": [
            [draw.randint(1, 4) for _ in range(draw.randint(1, 3))] for _ in range(stacks)
        ],
        "leaky_relu_slope": draw.choice((0.1, 0.3)),
        "variance_predictor_kernel_size": draw.randint(1, 5),
        "var_pred_dropout": draw.choice((0.0, 0.5)),
    }


def published(seed: int) -> SeamlessM4Tv2CodeHifiGan:
    """The public vocoder of a seed in eval mode, its parameters spread.

    Convolutions of many inputs keep the scale of what they read, or the waveform would be silence, and most
    durations are 1 to 6: drawn like the rest they would be 1, or in the hundreds.
    """
    torch.manual_seed(seed)
    model: SeamlessM4Tv2CodeHifiGan = spread(
        SeamlessM4Tv2CodeHifiGan(SeamlessM4Tv2Config(**random_settings(seed)))
    )
    last = model.dur_predictor.proj
    with torch.no_grad():
        for parameter in model.hifi_gan.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=max(SPREAD, 0.7 / math.sqrt(parameter[0].numel())))
        last.weight.normal_(std=0.5 / math.sqrt(last.in_features))
        last.bias.fill_(math.log1p(_USUAL_DURATION))
    return model


def published_durations(theirs: SeamlessM4Tv2CodeHifiGan, unit_ids: Tensor) -> Tensor:
    """How long the public vocoder has every unit last: [B, U]."""
    logarithms = theirs.dur_predictor(theirs.unit_embedding(unit_ids))
    durations: Tensor = logarithms.expm1().round().long().clamp(min=1)
    return durations


def view(**fields: Any) -> View:
    """A configuration as a family reads it."""
    return View(OurConfig(**fields).model_dump(), "model.config")


def graph_of(c: View) -> tuple[Graph, list[Problem]]:
    """The vocoder as a graph of its own, through the passes that a spec goes through.

    Emission has an encoder in mind; features that go through as they are stand for one.
    """
    g = GraphBuilder("vocoder")
    features = g.input("input_features", "hidden", ("batch", "frames", 1))
    unit_ids = g.input("unit_ids", "units", ("batch", "units"), "int64")
    states = g.input("states", "hidden", ("batch", "units", c.unit_embed_dim))
    durations = g.input("durations", "lengths", ("batch", "units"), "int64")
    language = g.input("language_id", "token_ids", ("batch",), "int64")
    speaker = g.input("speaker_id", "token_ids", ("batch",), "int64")
    embedded, predicted = unit_durations(g, c, unit_ids)
    waveform, lengths = vocode(g, c, states, durations, unit_ids, language, speaker)
    methods = (
        Method(
            "predict_unit_durations",
            "How long every unit lasts.",
            ("unit_ids",),
            {"states": embedded, "durations": predicted},
        ),
        Method(
            "vocode",
            "A waveform of units.",
            ("states", "durations", "unit_ids", "language_id", "speaker_id"),
            {"waveform": waveform, "lengths": lengths},
        ),
    )
    rules = (*initialisations(), *normal_initialisation(c.initializer_range, "nn.Linear", "nn.Embedding"))
    made = g.graph({}, (features, None), initialisations=rules, methods=methods)
    problems = number_problems(made)
    if problems:
        return made, problems
    graph, problems = infer(initialised(made))
    return (graph if problems else parameters(graph)), problems


def model_of(c: View) -> Any:
    """The model that is emitted for a configuration, its parameters not drawn."""
    graph, problems = graph_of(c)
    assert not problems
    return execute(modeling_source(graph, "0")).Model().eval()


def table_of(c: View) -> WeightMap:
    """Its weight table."""
    return WeightMap(tuple(rows(c)), DIALECTS)


def loaded(theirs: SeamlessM4Tv2CodeHifiGan, c: View) -> Any:
    """Ours with the parameters of theirs, every one of which has its row."""
    model, table = model_of(c), table_of(c)
    stored = {f"vocoder.{name}": tensor for name, tensor in theirs.state_dict().items()}
    state = {}
    for address in model.state_dict():
        found = table.find(address)
        assert found is not None, address
        state[address] = stored.pop(found[1][0])
    assert not stored, f"{sorted(stored)} feed nothing"
    model.load_state_dict(state)
    return model


def random_batch(seed: int, rows: int = 4) -> dict[str, Tensor]:
    """Units, padded but in the first row, with a language and a speaker of each."""
    settings, draw = random_settings(seed), random.Random(f"units {seed}")
    generator = torch.Generator().manual_seed(seed)
    mask = random_mask(draw, draw.randint(4, 9), 1, rows)
    pad, vocabulary = settings["t2u_pad_token_id"], settings["unit_hifi_gan_vocab_size"]
    ids = torch.randint(vocabulary - 1, mask.shape, generator=generator)
    ids = (ids + (ids >= pad).long()).masked_fill(mask == 0, pad)
    return {
        "unit_ids": ids,
        "language_id": torch.randint(settings["vocoder_num_langs"], (rows,), generator=generator),
        "speaker_id": torch.randint(settings["vocoder_num_spkrs"], (rows,), generator=generator),
    }
