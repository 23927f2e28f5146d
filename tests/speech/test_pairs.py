"""A speech encoder beside a decoder of another family: checked, joined, built, trained, generated with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

import crossloom
from tests import oracle
from tests.pairs.cases import joined
from tests.parity.cases import LOGITS, difference
from tests.speech.oracle import FAMILIES, random_audio, save

SEEDS = (0, 1, 2, 5)
MASKED = {"return_attention_mask": True}
"""What the front end beside the encoders says."""


def pair(family: str, seed: int, root: Path) -> tuple[PreTrainedModel, Any, Any]:
    """The public encoder, the public encoder-decoder whose decoder is taken, and our pair of both."""
    encoder = save(family, seed, root / "encoder")
    whole = oracle.random_model(seed)
    oracle.save(whole, root / "decoder")
    spec = joined({"encoder": root / "encoder", "decoder": root / "decoder"}, processor=MASKED)
    return encoder, whole, crossloom.load(spec)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_decoder_attends_to_the_projected_encoder(tmp_path: Path, family: str, seed: int) -> None:
    encoder, whole, ours = pair(family, seed, tmp_path)
    waveform, mask = random_audio(seed)
    ids = oracle.random_batch(whole.config, seed)["decoder_input_ids"]
    with torch.no_grad():
        hidden = encoder(waveform, attention_mask=mask).last_hidden_state
        if hasattr(ours, "enc_to_dec_proj"):
            hidden = ours.enc_to_dec_proj(hidden)
        else:
            assert hidden.shape[-1] == whole.config.d_model
        published: Any = encoder
        valid = published._get_feature_vector_attention_mask(hidden.shape[1], mask)
        decoded = whole.model.decoder(
            input_ids=ids, encoder_hidden_states=hidden, encoder_attention_mask=valid.long()
        )
        expected = whole.lm_head(decoded.last_hidden_state)
        given = ours(input_values=waveform, attention_mask=mask, decoder_input_ids=ids)
    assert difference(given.encoder_last_hidden_state, hidden) <= LOGITS
    assert difference(given.logits, expected) <= LOGITS
    for beams in (1, 4):
        made = crossloom.generate(
            ours, input_values=waveform, attention_mask=mask, max_new_tokens=6, num_beams=beams
        )
        assert isinstance(made, torch.Tensor)
        assert made.shape[0] == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_training_lowers_the_loss_and_reaches_every_parameter(tmp_path: Path, family: str) -> None:
    _, whole, _ = pair(family, 1, tmp_path)
    spec = joined({"encoder": tmp_path / "encoder", "decoder": tmp_path / "decoder"}, processor=MASKED)
    model = crossloom.build(spec, seed=1)
    waveform, mask = random_audio(1)
    labels = torch.randint(4, whole.config.vocab_size, (3, 5), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    torch.manual_seed(0)
    losses = []
    for _ in range(12):
        loss = model(input_values=waveform, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a whole model": ({"model": {"family": "wav2vec2"}}, "XL205", "model.family"),
    "a decoder": ({"decoder": {"family": "wav2vec2"}}, "XL205", "decoder.family"),
    "unequal lists": (
        {"encoder": {"family": "wav2vec2", "config": {"conv_dim": [8, 8]}}},
        "XL303",
        "encoder.config.conv_dim",
    ),
    "heads": (
        {"encoder": {"family": "wav2vec2", "config": {"num_attention_heads": 7}}},
        "XL302",
        "encoder.config.num_attention_heads",
    ),
    "groups": (
        {"encoder": {"family": "wav2vec2", "config": {"num_conv_pos_embedding_groups": 7}}},
        "XL302",
        "encoder.config.num_conv_pos_embedding_groups",
    ),
    "a width without an adapter": (
        {"encoder": {"family": "wav2vec2", "config": {"output_hidden_size": 8}}},
        "XL116",
        "encoder.config.output_hidden_size",
    ),
    "an even kernel": (
        {"encoder": {"family": "wav2vec2-conformer", "config": {"conv_depthwise_kernel_size": 8}}},
        "XL104",
        "encoder.config.conv_depthwise_kernel_size",
    ),
    "too few distances": (
        {"encoder": {"family": "wavlm", "config": {"max_bucket_distance": 80}}},
        "XL104",
        "encoder.config.max_bucket_distance",
    ),
    "heads of an odd width": (
        {
            "encoder": {
                "family": "wav2vec2-conformer",
                "config": {"num_attention_heads": 256, "position_embeddings_type": "rotary"},
            }
        },
        "XL304",
        "encoder.config.num_attention_heads",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_one_finding_at_its_line(tmp_path: Path, name: str) -> None:
    data, code, address = WRONG[name]
    path = tmp_path / "wrong.yaml"
    lines = ["crossloom: 1", "name: wrong"]
    for role, section in data.items():
        lines += [f"{role}:", f"  family: {section['family']}"]
        if "config" in section:
            lines += [
                "  config:",
                *(f"    {key}: {value}".lower() for key, value in section["config"].items()),
            ]
    path.write_text("\n".join(lines) + "\n")
    findings = [d for d in crossloom.check(path) if d.severity.value == "error"]
    assert [d.code for d in findings] == [code]
    leaf = address.rpartition(".")[2]
    wanted = next(number for number, line in enumerate(lines, 1) if line.strip().startswith(f"{leaf}:"))
    assert findings[0].spans[0].line == wanted
    assert findings[0].help
