"""Fresh parameters and hidden spans, as the published classes draw them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

import crossloom
from blocks.span_masking import SpanMasking, random_spans
from tests.parity.cases import LOGITS, difference
from tests.speech.oracle import CLASSES, FAMILIES, random_audio, save

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 160,
    "conv_dim": [48, 96, 80],
    "conv_kernel": [10, 3, 2],
    "conv_stride": [5, 2, 2],
    "conv_bias": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "initializer_range": 0.07,
}
ADAPTER = {"add_adapter": True, "output_hidden_size": 32, "num_adapter_layers": 2}


VARIANTS = [
    *((family, {}) for family in FAMILIES),
    *((family, ADAPTER) for family in ("data2vec-audio", "wav2vec2", "wav2vec2-conformer", "wavlm")),
    ("hubert", {"conv_pos_batch_norm": True}),
    ("wav2vec2", {"do_stable_layer_norm": True, "adapter_attn_dim": 24}),
    ("wav2vec2-conformer", {"position_embeddings_type": "rotary"}),
    ("wavlm", {"do_stable_layer_norm": True}),
]


@pytest.mark.parametrize(("family", "variant"), VARIANTS)
def test_statistics_are_the_published_ones(tmp_path: Path, family: str, variant: dict[str, Any]) -> None:
    torch.manual_seed(0)
    config_class, model_class = CLASSES[family]
    known = config_class().to_dict()
    config = config_class(**{name: value for name, value in SIZES.items() if name in known}, **variant)
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    spec = crossloom.import_spec(tmp_path)
    theirs, ours = model_class(config).state_dict(), crossloom.build(spec, seed=1).state_dict()
    for row in (row for row in crossloom.weight_table(spec) if row.status != "computed"):
        fresh, published = ours[row.address], theirs[row.sources[0].partition(".")[2]]
        if published.std() == 0:  # biases and norms
            assert torch.equal(fresh, published), row.address
            continue
        tolerance = 6 / fresh.numel() ** 0.5
        assert fresh.std() == pytest.approx(float(published.std()), rel=tolerance), row.address
        assert abs(float(fresh.mean() - published.mean())) < 6 * float(published.std()) / fresh.numel() ** 0.5
    if "encoder.positions.conv.magnitude" in ours:
        assert ours["encoder.positions.conv.magnitude"].flatten().tolist() == pytest.approx(
            ours["encoder.positions.conv.direction"].norm(dim=(0, 1)).tolist(), rel=1e-5
        )


STILL = dict.fromkeys(
    ("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout", "layerdrop",
     "conformer_conv_dropout", "mask_time_prob", "mask_feature_prob"), 0.0,
)  # fmt: skip
"""Nothing is drawn in training."""


@pytest.mark.parametrize(
    ("family", "more"), [("hubert", {"conv_pos_batch_norm": True}), ("wav2vec2-conformer", {})]
)
def test_training_moves_the_statistics_of_batches_as_published(
    tmp_path: Path, family: str, more: dict[str, Any]
) -> None:
    known = CLASSES[family][0]().to_dict()
    still = {name: value for name, value in STILL.items() if name in known}
    theirs = save(family, 1, tmp_path, **still, **more)
    ours = crossloom.from_pretrained(tmp_path)
    waveform, mask = random_audio(1)
    for model in (theirs, ours):
        model.train()
    with torch.no_grad():
        published = theirs(waveform, attention_mask=mask).last_hidden_state
        assert difference(ours.encode(waveform, mask).hidden, published) <= LOGITS
    stored, state = theirs.state_dict(), ours.state_dict()
    rows = [row for row in crossloom.weight_table(ours.spec) if row.address.endswith((".mean", ".variance"))]
    assert rows
    for row in rows:
        assert difference(state[row.address], stored[row.sources[0].partition(".")[2]]) <= LOGITS


def hidden_shares(spans: torch.Tensor) -> list[float]:
    """Share of the hidden positions, by third of the length."""
    return [float(part.float().mean()) for part in spans.chunk(3, 1)]


@pytest.mark.parametrize(("probability", "minimum"), [(0.3, 0), (0.05, 2), (0.0, 1)])
def test_as_many_positions_are_hidden_as_published(probability: float, minimum: int) -> None:
    """A few hundred rows of two lengths: shares by row length and by place agree within a few hundredths."""
    torch.manual_seed(0)
    lengths = torch.tensor([60, 41] * 200)
    mask = (torch.arange(60) < lengths.unsqueeze(1)).long()
    ours = torch.cat([random_spans(lengths, 60, probability, 7, minimum) for _ in range(6)])
    theirs = torch.cat(
        [torch.from_numpy(_compute_mask_indices((400, 60), probability, 7, mask, minimum)) for _ in range(6)]
    )
    for row in (0, 1):
        assert hidden_shares(ours[row::2]) == pytest.approx(hidden_shares(theirs[row::2]), abs=0.06)
    assert not ours[1::2, 41:].any(), "padding is not hidden"


def test_spans_are_whole_and_inside_their_row() -> None:
    torch.manual_seed(0)
    spans = random_spans(torch.tensor([5, 4, 3, 0]), 9, 0.1, 4, 1)
    assert spans.sum(1).tolist() == [4, 4, 0, 0]
    assert spans[1, :4].all()


def test_hidden_positions_show_the_vector_and_hidden_channels_zero() -> None:
    torch.manual_seed(0)
    block = SpanMasking(8, 0.5, 2, 1, 0.3, 2, 1)
    torch.nn.init.constant_(block.embedding, 7.0)
    states = torch.randn(2, 10, 8)
    assert torch.equal(block.eval()(states), states)
    hidden = block.train()(states)
    zero = (hidden == 0).all(1)
    assert bool(zero.any(1).all()), "channels of every row are zero at all its positions"
    shown = ((hidden == 7.0) | zero.unsqueeze(1)).all(2)
    assert bool(shown.any(1).all())
    kept = ~shown.unsqueeze(2) & ~zero.unsqueeze(1)
    assert torch.equal(hidden[kept], states[kept])


@pytest.mark.parametrize("family", FAMILIES)
def test_spans_are_hidden_where_a_recording_is(tmp_path: Path, family: str) -> None:
    """A short recording of a batch loses states of its own to training, and none of its padding."""
    torch.manual_seed(0)
    config_class, _ = CLASSES[family]
    known = config_class().to_dict()
    sizes = {name: value for name, value in SIZES.items() if name in known}
    config = config_class(**sizes, mask_time_prob=0.9, mask_time_length=2, mask_time_min_masks=1)
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    model = crossloom.build(crossloom.import_spec(tmp_path), seed=0).train()
    seen: list[torch.Tensor] = []
    masking = model.encoder.span_masking
    masking.register_forward_hook(lambda _, given, hidden: seen.append((hidden != given[0]).any(-1)))
    audio = torch.randn(2, 4000)
    mask = (torch.arange(4000) < torch.tensor([[4000], [400]])).long()
    model.encode(input_values=audio, attention_mask=mask)
    (hidden,) = seen
    valid = int(mask[1].sum() * hidden.shape[1] // 4000) + 1
    assert hidden[1, :valid].any()
    assert not hidden[1, valid:].any()
