"""What a block takes and gives: ports, dimension rules, masks, lengths, cost.

The registry is filled by explicit names; nothing is scanned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from specs.signatures.base import Hyper, Numbers, Port, Signature, Violation, resolve

HOMES = {
    "activation": "dense.ACTIVATION",
    "adapted_pre_norm_encoder": "positioned_stacks.ADAPTED_PRE_NORM_ENCODER",
    "add_grid_positions": "patches.ADD_GRID_POSITIONS",
    "add_position_table": "patches.ADD_POSITION_TABLE",
    "add_positions": "dense.ADD_POSITIONS",
    "add_scaled_positions": "positions.ADD_SCALED_POSITIONS",
    "add_tokens": "dense.ADD_TOKENS",
    "add_types": "dense.ADD_TYPES",
    "aligned_upsampler": "durations.ALIGNED_UPSAMPLER",
    "bucketed_position_bias": "relative_positions.BUCKETED_POSITION_BIAS",
    "chunked_conformer_encoder": "chunked_conformer.CHUNKED_CONFORMER_ENCODER",
    "conformer_encoder": "conformer.CONFORMER_ENCODER",
    "constant_bias": "dense.CONSTANT_BIAS",
    "conv_downsample": "subsampling.CONV_DOWNSAMPLE",
    "conv_subsampler": "subsampling.CONV_SUBSAMPLER",
    "convolution_positions": "convolutional_positions.CONVOLUTION_POSITIONS",
    "dropout": "dense.DROPOUT_BLOCK",
    "duration_predictor": "durations.DURATION_PREDICTOR",
    "feature_norm": "dense.FEATURE_NORM",
    "fixed_token_positions": "positions.FIXED_TOKEN_POSITIONS",
    "frame_positions": "positions.FRAME_POSITIONS",
    "gated_bias_post_norm_encoder": "positioned_stacks.GATED_BIAS_POST_NORM_ENCODER",
    "gated_bias_pre_norm_encoder": "positioned_stacks.GATED_BIAS_PRE_NORM_ENCODER",
    "gated_conv_downsample": "subsampling.GATED_CONV_DOWNSAMPLE",
    "grid_encoder": "grid_bias.GRID_ENCODER",
    "hard_upsampler": "durations.HARD_UPSAMPLER",
    "hifi_gan_generator": "hifi_gan.HIFI_GAN_GENERATOR",
    "image_padding": "image_padding.IMAGE_PADDING",
    "label_embedding": "conditioning.LABEL_EMBEDDING",
    "layer_norm": "dense.LAYER_NORM",
    "leading_token": "patches.LEADING_TOKEN",
    "learned_positions": "positions.LEARNED_POSITIONS",
    "learned_token_positions": "positions.LEARNED_TOKEN_POSITIONS",
    "linear": "dense.LINEAR",
    "mlp": "bridging.MLP",
    "padded_token_embedding": "dense.PADDED_TOKEN_EMBEDDING",
    "padding_frame_positions": "positions.PADDING_FRAME_POSITIONS",
    "patch_embedding": "patches.PATCH_EMBEDDING",
    "patch_merging": "windows.PATCH_MERGING",
    "pooling_encoder": "pooling.POOLING_ENCODER",
    "post_norm_convolution_encoder": "convolution_layers.POST_NORM_CONVOLUTION_ENCODER",
    "post_norm_decoder": "stacks.POST_NORM_DECODER",
    "post_norm_encoder": "stacks.POST_NORM_ENCODER",
    "pre_norm_decoder": "stacks.PRE_NORM_DECODER",
    "pre_norm_encoder": "stacks.PRE_NORM_ENCODER",
    "relative_conformer_encoder": "conformer.RELATIVE_CONFORMER_ENCODER",
    "relative_key_conformer_encoder": "chunked_conformer.RELATIVE_KEY_CONFORMER_ENCODER",
    "relative_sinusoids": "relative_positions.RELATIVE_SINUSOIDS",
    "resampler": "bridging.RESAMPLER",
    "residual_feed_forward": "dense.RESIDUAL_FEED_FORWARD",
    "rotary_angles": "relative_positions.ROTARY_ANGLES",
    "rotary_conformer_encoder": "conformer.ROTARY_CONFORMER_ENCODER",
    "scale": "dense.SCALE_BLOCK",
    "scaled_embedding": "dense.SCALED_EMBEDDING",
    "sinusoidal_positions": "positions.SINUSOIDAL_POSITIONS",
    "span_masking": "masking.SPAN_MASKING",
    "stacked_convolution_positions": "convolutional_positions.STACKED_CONVOLUTION_POSITIONS",
    "surrounding_channels": "conditioning.SURROUNDING_CHANNELS",
    "token_embedding": "dense.TOKEN_EMBEDDING",
    "token_positions": "positions.TOKEN_POSITIONS",
    "unit_embedding": "conditioning.UNIT_EMBEDDING",
    "unit_waveform_lengths": "hifi_gan.UNIT_WAVEFORM_LENGTHS",
    "unmasked_frame_positions": "positions.UNMASKED_FRAME_POSITIONS",
    "vocabulary_head": "dense.VOCABULARY_HEAD",
    "waveform_encoder": "waveform.WAVEFORM_ENCODER",
    "window_encoder": "windows.WINDOW_ENCODER",
    "zero_padding": "masking.ZERO_PADDING",
}
"""Kind of a block -> the file here that states its signature, and its name there."""


class _Registry(Mapping[str, Signature]):
    """The signatures by kind; a file is imported when one of its kinds is asked for: a model uses few."""

    def __init__(self) -> None:
        self._found: dict[str, Signature] = {}

    def __getitem__(self, kind: str) -> Signature:
        signature = self._found.get(kind)
        if signature is None:
            module, _, name = HOMES[kind].partition(".")
            signature = self._found[kind] = getattr(import_module(f"specs.signatures.{module}"), name)
        return signature

    def __contains__(self, kind: object) -> bool:
        return kind in HOMES

    def __iter__(self) -> Iterator[str]:
        return iter(HOMES)

    def __len__(self) -> int:
        return len(HOMES)


SIGNATURES: Mapping[str, Signature] = _Registry()

__all__ = ["HOMES", "SIGNATURES", "Hyper", "Numbers", "Port", "Signature", "Violation", "resolve"]
