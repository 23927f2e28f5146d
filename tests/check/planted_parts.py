"""Mistakes about a model of several parts that hears, writes and speaks."""

from __future__ import annotations

from tests.check.planted import Planted, head, planted

_ODD = ", ".join(
    f"{part}attention_heads: 11"
    for part in ("encoder_", "decoder_", "speech_encoder_", "t2u_encoder_", "t2u_decoder_")
)
"""Heads that divide 1023."""


def speaker(config: str, more: str = "", architecture: str = "SeamlessM4Tv2Model") -> str:
    """A model of the family that speaks, with some fields, and further sections."""
    model = f"model:\n  family: seamless_m4t_v2\n  architecture: {architecture}\n  config: {{{config}}}\n"
    return f"{head()}{model}{more}"


def number(field: str, value: str, right: str, code: str, says: str, others: str = "") -> Planted:
    """One field whose value is the mistake, and what stands before it."""
    return planted(f"{field}-{value}", code, speaker(f"{others}{field}: ⟦{value}⟧"), right, says=says)


CASES: list[Planted] = [
    planted(
        "architecture-that-is-none",
        "XL111",
        speaker("", architecture="⟦SeamlessM4Tv2ForTextToTex⟧"),
        "SeamlessM4Tv2ForTextToText",
    ),
    planted(
        "front-end-of-a-class-that-hears-nothing",
        "XL114",
        speaker("", "⟦processor⟧: {padding_value: 1.0}\n", "SeamlessM4Tv2ForTextToSpeech"),
        says="remove `processor`",
        edit=("processor: {padding_value: 1.0}", ""),
    ),
    planted(
        "published-spelling-of-a-field",
        "XL101",
        speaker("⟦adapter_stride⟧: 8"),
        "adaptor_stride",
    ),
    planted(
        "features-unlike-the-front-end",
        "XL401",
        speaker("feature_projection_input_dim: ⟦80⟧"),
        says="take 160 features",
        edit=("80", "160"),
    ),
    *(
        number(f"{part}attention_heads", "12", "16", "XL302", "16 heads")
        for part in ("encoder_", "decoder_", "speech_encoder_", "t2u_encoder_", "t2u_decoder_")
    ),
    planted(
        "odd-width-of-sinusoids",
        "XL304",
        speaker(f"{_ODD}, t2u_variance_predictor_embed_dim: 1023, hidden_size: ⟦1023⟧"),
        says="1022 or 1024",
    ),
    number("conv_depthwise_kernel_size", "30", "31", "XL104", "31"),
    number("speech_encoder_chunk_size", "0", "1", "XL104", "at least 1"),
    number("speech_encoder_left_chunk_num", "1.5", "-1", "XL103", "whole number"),
    number("left_max_position_embeddings", "-1", "0", "XL104", "at least 0"),
    number("position_embeddings_type", "null", "none", "XL103", "text"),
    number("t2u_variance_predictor_embed_dim", "512", "1024", "XL305", "both 1024"),
    number("pad_token_id", "5000", "0", "XL402", "at most 4096"),
    number("decoder_start_token_id", "256102", "3", "XL402", "from 0 to 256101"),
    number("eos_token_id", "null", "3", "XL404", "set eos_token_id"),
    number("eos_token_id", "[3, 2]", "3", "XL116", "write `eos_token_id: 3`"),
    number("t2u_eos_token_id", "null", "2", "XL404", "set t2u_eos_token_id"),
    number("t2u_eos_token_id", "[2]", "2", "XL116", "write `t2u_eos_token_id: 2`"),
    number("t2u_pad_token_id", "null", "1", "XL404", "set t2u_pad_token_id"),
    planted(
        "unit-id-beyond-the-units",
        "XL402",
        speaker("t2u_bos_token_id: ⟦40⟧, t2u_vocab_size: ⟪40⟫"),
        "39",
        says="from 0 to 39",
    ),
    planted(
        "padding-that-the-vocoder-does-not-embed",
        "XL402",
        speaker("t2u_pad_token_id: ⟦30⟧, unit_hifi_gan_vocab_size: ⟪30⟫"),
        "29",
        says="from 0 to 29",
    ),
    planted(
        "no-unit-behind-the-offset",
        "XL402",
        speaker("vocoder_offset: ⟦40⟧, t2u_vocab_size: ⟪40⟫"),
        "4",
        says="set vocoder_offset",
    ),
    planted(
        "rates-without-kernels",
        "XL303",
        speaker("upsample_rates: ⟦[5, 4, 4]⟧, upsample_kernel_sizes: ⟪[11, 8, 8, 4]⟫"),
        "[5, 4, 4, 2]",
        says="its rate and its kernel",
    ),
    planted(
        "kernel-narrower-than-its-rate",
        "XL104",
        speaker("upsample_rates: [5, ⟪4⟫], upsample_kernel_sizes: [11, ⟦3⟧]"),
        "8",
        says="at least 4",
    ),
    planted(
        "stacks-without-dilations",
        "XL303",
        speaker("resblock_kernel_sizes: ⟦[3, 7]⟧, resblock_dilation_sizes: ⟪[[1, 3, 5]]⟫"),
        "[3]",
        says="its dilations",
    ),
    planted(
        "even-kernel-of-a-residual",
        "XL305",
        speaker("resblock_kernel_sizes: [3, 7, ⟦10⟧]"),
        "11",
    ),
    planted(
        "no-dilation-of-a-stack",
        "XL104",
        speaker("resblock_dilation_sizes: [[1], [1], ⟦[]⟧]"),
        "[1]",
        says="not empty",
    ),
    number("upsample_initial_channel", "24", "32", "XL104", "32"),
]
