"""What the published class cannot compute is refused, and what it can is not, but for what is said here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from transformers import SeamlessM4Tv2Config, SeamlessM4Tv2Model

from compiler.analysis import analyse
from compiler.reader import read_text
from tests.pairs.tiny import PAD, TINY

FIELDS = TINY["seamless_m4t_v2"](8)
"""A configuration that both take."""

IMPOSSIBLE: list[dict[str, Any]] = [
    {"hidden_size": 2, "t2u_variance_predictor_embed_dim": 2},
    {"encoder_attention_heads": 3},
    {"decoder_attention_heads": 3},
    {"speech_encoder_attention_heads": 3},
    {"t2u_encoder_attention_heads": 3},
    {"t2u_decoder_attention_heads": 3},
    {"conv_depthwise_kernel_size": 4},
    {"t2u_variance_predictor_embed_dim": 9},
    {"upsample_rates": [2, 2]},
    {"resblock_kernel_sizes": [3, 3]},
    {"resblock_kernel_sizes": [4]},
    {"resblock_kernel_sizes": [2], "resblock_dilation_sizes": [[2]]},
    {"upsample_initial_channel": 1},
    {"upsample_kernel_sizes": [1]},
    {"char_vocab_size": 1},
    {"pad_token_id": None},
    {"pad_token_id": 23},
    {"t2u_pad_token_id": None},
    {"t2u_pad_token_id": 12},
    {"t2u_pad_token_id": 8},
    {"position_embeddings_type": None},
    {"decoder_start_token_id": None},
    {"speech_encoder_chunk_size": None},
    {"activation_function": "selu"},
]
POSSIBLE: list[dict[str, Any]] = [
    {},
    {"pad_token_id": 5},
    {"t2u_pad_token_id": 5},
    {"upsample_kernel_sizes": [5]},
    {"upsample_kernel_sizes": [2]},
    {"upsample_initial_channel": 7},
    {"speech_encoder_left_chunk_num": -3},
    {"speech_encoder_left_chunk_num": 0},
    {"left_max_position_embeddings": 0, "right_max_position_embeddings": 0},
    {"adaptor_kernel_size": 9, "adaptor_stride": 1},
    {"adaptor_kernel_size": 2, "adaptor_stride": 5},
    {"num_adapter_layers": 0},
    {"num_adapter_layers": 3},
    {"add_adapter": False},
    {"position_embeddings_type": "none"},
    {"t2u_variance_predictor_kernel_size": 2},
    {"variance_predictor_kernel_size": 4},
    {"tie_word_embeddings": False},
    {"scale_embedding": False},
    {"leaky_relu_slope": -0.5},
    {"t2u_max_position_embeddings": 2},
]
STRICTER: dict[str, dict[str, Any]] = {
    "a kernel that nothing uses": {"upsample_kernel_sizes": [4, 4]},
    "dilations that nothing uses": {"resblock_dilation_sizes": [[1], [2]]},
    "a residual without convolutions": {"resblock_dilation_sizes": [[]]},
    "chunks of no position": {"speech_encoder_chunk_size": 0},
    "distances below none": {"left_max_position_embeddings": -1},
    "a part without layers": {"encoder_layers": 0},
    "a start that is no token": {"decoder_start_token_id": 23},
    "an end that is no unit": {"t2u_eos_token_id": 12},
    "several ends, compared with one": {"t2u_eos_token_id": [2, 3]},
    "no unit behind the offset": {"vocoder_offset": 12},
    "sinusoids of an odd width": {
        **dict.fromkeys(("hidden_size", "t2u_variance_predictor_embed_dim"), 9),
        **{name: 3 for name in FIELDS if name.endswith("attention_heads")},
    },
}
"""What computes something there, and is a mistake or not supported here."""


def test_a_whole_model_is_no_half() -> None:
    """And the reason is not that of a decoder, which has no states to give."""
    text = "crossloom: 1\nname: pair\nencoder: {family: seamless_m4t_v2}\ndecoder: {family: gpt2}\n"
    (error,) = (one for one in analyse(read_text(text, "pair.yaml")).diagnostics if one.code == "XL205")
    assert error.info == ("it can be a whole model", "it is taken whole, and not by halves")


def is_possible(changes: dict[str, Any]) -> bool:
    """Whether the published class is made, and every part of it runs."""
    try:
        model = SeamlessM4Tv2Model(SeamlessM4Tv2Config(**{**FIELDS, **changes})).eval()
        _run(model)
    except Exception:  # whatever it may be: the published code has no error of its own for most of this
        return False
    return True


def _run(model: SeamlessM4Tv2Model) -> None:
    ids, mask = torch.tensor([[4, 6, 7, 8], [4, 6, PAD, PAD]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    features = torch.zeros(2, 13, 160)
    heard = (torch.arange(13) < torch.tensor([[13], [9]])).long()
    pad = model.config.t2u_pad_token_id
    with torch.no_grad():
        read = model.text_encoder(ids, attention_mask=mask)[0]
        states = model.text_decoder(ids, encoder_hidden_states=read, encoder_attention_mask=mask)[0]
        model.speech_encoder(features, attention_mask=heard)
        counts = torch.tensor([[0, 2, 2, 0], [0, 2, 0, 0]])
        model.t2u_model(
            inputs_embeds=states, attention_mask=mask, char_input_ids=ids, char_count_per_id=counts
        )
        units, voice = torch.tensor([[3, 4, 5, 6], [3, 4, pad, pad]]), torch.zeros(2, 1, dtype=torch.long)
        model.vocoder(units, voice, voice)


def errors(changes: dict[str, Any]) -> list[str]:
    """The codes of what is wrong here with a configuration."""
    model = {"family": "seamless_m4t_v2", "config": {**FIELDS, **changes}}
    text = yaml.safe_dump({"crossloom": 1, "name": "tried", "model": model})
    found = analyse(read_text(text, "tried.yaml")).diagnostics
    return [one.code for one in found if one.severity.value == "error"]


@pytest.mark.parametrize("changes", IMPOSSIBLE, ids=str)
def test_what_cannot_be_computed_is_refused(changes: dict[str, Any]) -> None:
    assert not is_possible(changes)
    assert len(errors(changes)) == 1


@pytest.mark.parametrize("changes", POSSIBLE, ids=str)
def test_what_can_be_computed_is_accepted(changes: dict[str, Any]) -> None:
    assert is_possible(changes)
    assert errors(changes) == []


@pytest.mark.parametrize("reason", STRICTER)
def test_what_is_refused_all_the_same(reason: str) -> None:
    assert is_possible(STRICTER[reason])
    assert len(errors(STRICTER[reason])) == 1
