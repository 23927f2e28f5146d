"""The random models are as varied as the parity tests need them to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration

from tests.oracle import (
    ACTIVATIONS,
    ALL_WIDTHS_COINCIDE,
    NO_WIDTHS_COINCIDE,
    SPREAD,
    random_batch,
    random_config,
    random_model,
    stored_differently,
)

SEEDS = range(12)


def widths(config: Speech2TextConfig) -> list[int]:
    return [
        config.d_model,
        config.encoder_ffn_dim,
        config.decoder_ffn_dim,
        config.conv_channels,
        config.input_feat_per_channel * config.input_channels,
        config.vocab_size,
        config.max_source_positions,
        config.max_target_positions,
    ]


def test_one_case_has_equal_widths_and_one_has_none_equal() -> None:
    assert len(set(widths(random_config(ALL_WIDTHS_COINCIDE)))) == 1
    unequal = random_config(NO_WIDTHS_COINCIDE)
    derived = [2 * unequal.d_model, unequal.conv_channels // 2]
    head_widths = [
        unequal.d_model // unequal.encoder_attention_heads,
        unequal.d_model // unequal.decoder_attention_heads,
    ]
    sizes = widths(unequal) + derived + head_widths
    assert len(set(sizes)) == len(sizes)


def test_everything_that_changes_the_computation_varies() -> None:
    configs = [random_config(seed) for seed in SEEDS]
    for name in (
        "d_model",
        "encoder_layers",
        "decoder_layers",
        "encoder_attention_heads",
        "decoder_attention_heads",
        "num_conv_layers",
        "conv_channels",
        "input_channels",
        "activation_function",
        "scale_embedding",
        "tie_word_embeddings",
        "pad_token_id",
        "decoder_start_token_id",
    ):
        assert len({getattr(config, name) for config in configs}) > 1, name
    assert {kernel % 2 for config in configs for kernel in config.conv_kernel_sizes} == {0, 1}
    assert {random_config(seed).activation_function for seed in range(len(ACTIVATIONS))} == set(ACTIVATIONS)
    assert {min(random_config(seed).pad_token_id or 0, 2) for seed in SEEDS} == {0, 1, 2}


def test_a_seed_is_one_configuration_and_one_model() -> None:
    assert random_config(3).to_dict() == random_config(3).to_dict()
    first, second = (random_model(3).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_no_parameter_is_left_at_its_initial_value() -> None:
    for name, parameter in random_model(NO_WIDTHS_COINCIDE).named_parameters():
        assert 0.5 * SPREAD < parameter.std() < 1.6 * SPREAD, name


def test_a_saved_model_is_the_model(tiny_checkpoint: Callable[[int], Path]) -> None:
    model = random_model(2)
    read = Speech2TextForConditionalGeneration.from_pretrained(tiny_checkpoint(2))
    batch = random_batch(model.config, seed=2)
    with torch.no_grad():
        assert torch.equal(read(**batch).logits, model(**batch).logits)


def test_a_batch_shows_a_mask_left_out() -> None:
    """Every seed has rows that end before the batch does, and the model sees the difference."""
    for seed in SEEDS:
        model = random_model(seed)
        batch = random_batch(model.config, seed)
        without = {name: tensor for name, tensor in batch.items() if name != "attention_mask"}
        with torch.no_grad():
            difference = (model(**batch).logits - model(**without).logits).abs().max()
        assert difference > 1e-3, seed


def test_a_difference_between_two_folders_is_told(tmp_path: Path) -> None:
    """A bit, a name on either side; nothing between equal ones."""
    stored = {"a": torch.zeros(2), "b": torch.ones(3)}
    others = [
        stored,
        {**stored, "a": torch.tensor([0.0, 1e-45])},
        {"a": stored["a"]},
        {**stored, "c": torch.ones(1)},
    ]
    for index, tensors in enumerate((stored, *others)):
        (tmp_path / str(index)).mkdir()
        save_file(tensors, tmp_path / str(index) / "model.safetensors")
    told = [stored_differently(tmp_path / "0", tmp_path / str(index)) for index in range(1, 5)]
    assert told == [[], ["a"], ["b"], ["c"]]
