"""The fields of a SeamlessM4T v2 config.json, grouped by the part of the model they belong to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat

from specs.family import FamilyConfig
from specs.fields import Activation, Count, Depth, Deviation, Id, Ids, Rate, Size, Sizes


class SharedFields(FamilyConfig):
    """What several parts read: one width, and the switches of their layers."""

    hidden_size: Size = Field(1024, description="width of encoders, decoder and unit model")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Deviation = Field(
        1e-5, description="added to variances by the norms before and after the speech encoder's layers"
    )
    max_position_embeddings: Size = Field(
        4096, description="positions of the text encoder, and of the decoder"
    )
    encoder_layerdrop: Rate = Field(
        0.05, description="probability that training skips a layer of the text or the unit encoder"
    )
    decoder_layerdrop: Rate = Field(
        0.05, description="probability that training skips a layer of the text or the unit decoder"
    )
    activation_function: Activation = Field(
        "relu", description="activation of the text layers' networks and of the unit decoder's convolutions"
    )
    dropout: Rate = Field(0.1, description="dropout on embeddings and attention outputs, of texts and units")
    attention_dropout: Rate = Field(0.1, description="dropout on attention weights, of texts and units")
    activation_dropout: Rate = Field(
        0.0, description="dropout in feed-forward networks, and on their outputs"
    )
    scale_embedding: bool = Field(
        True, description="multiply embeddings of tokens and characters by the root of the width"
    )
    tie_word_embeddings: bool = Field(
        True,
        description="share one embedding among text encoder, decoder and output projection; one of units",
    )


class TextFields(FamilyConfig):
    """Of the text encoder and the text decoder."""

    vocab_size: Size = Field(256102, description="number of token ids")
    encoder_layers: Depth = Field(24, description="text encoder layers")
    encoder_ffn_dim: Size = Field(8192, description="width inside the text encoder's feed-forward networks")
    encoder_attention_heads: Size = Field(16, description="attention heads of a text encoder layer")
    decoder_layers: Depth = Field(24, description="text decoder layers")
    decoder_ffn_dim: Size = Field(8192, description="width inside the text decoder's feed-forward networks")
    decoder_attention_heads: Size = Field(16, description="attention heads of a text decoder layer")
    decoder_start_token_id: Id = Field(3, description="id the decoder starts from, before the language's")
    pad_token_id: Id | None = Field(0, description="id of padding")
    bos_token_id: Id | None = Field(2, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(3, description="id, or ids, that end a sentence")
    max_new_tokens: Size | None = Field(256, description="most ids generated for a text, where nothing says")


class SpeechEncoderFields(FamilyConfig):
    """Of the speech encoder and its adapter."""

    feature_projection_input_dim: Size = Field(160, description="width of a feature vector: frames, stacked")
    speech_encoder_layers: Depth = Field(24, description="conformer layers")
    speech_encoder_attention_heads: Size = Field(16, description="attention heads of a conformer layer")
    speech_encoder_intermediate_size: Size = Field(
        4096, description="width inside the speech encoder's feed-forward networks, the adapter's too"
    )
    speech_encoder_hidden_act: Activation = Field("swish", description="activation of the conformer layers")
    speech_encoder_dropout: Rate = Field(0.0, description="dropout in the conformer layers")
    speech_encoder_layerdrop: Rate = Field(
        0.1, description="probability that training skips a conformer layer"
    )
    position_embeddings_type: str = Field(
        "relative_key", description="relative_key: attention knows distances; anything else: no positions"
    )
    left_max_position_embeddings: Count = Field(64, description="largest distance told apart to the left")
    right_max_position_embeddings: Count = Field(8, description="largest distance told apart to the right")
    conv_depthwise_kernel_size: Size = Field(31, description="kernel width of the causal convolutions; odd")
    speech_encoder_chunk_size: Size = Field(20000, description="positions that attend to each other, a chunk")
    speech_encoder_left_chunk_num: Annotated[int, Field(ge=-(2**24), le=2**24)] = Field(
        128, description="chunks before its own that a position attends to; negative for all of them"
    )
    add_adapter: bool = Field(True, description="whether strided attention layers follow the conformer")
    num_adapter_layers: Count = Field(1, description="layers of the adapter")
    adaptor_kernel_size: Size = Field(8, description="kernel width of the adapter's convolutions")
    adaptor_stride: Size = Field(8, description="stride of the adapter's convolutions")
    adaptor_dropout: Rate = Field(0.1, description="dropout in the adapter")


class UnitFields(FamilyConfig):
    """Of the model from text states to units: its encoder, durations of characters, and decoder."""

    t2u_vocab_size: Size = Field(10082, description="number of unit ids, special ones included")
    char_vocab_size: Size = Field(10943, description="number of character ids")
    t2u_bos_token_id: Id | None = Field(0, description="id of the beginning of a sequence of units")
    t2u_pad_token_id: Id | None = Field(1, description="id of padding among units")
    t2u_eos_token_id: Id | Ids | None = Field(2, description="id of the end of a sequence of units")
    t2u_encoder_layers: Depth = Field(6, description="unit encoder layers")
    t2u_encoder_ffn_dim: Size = Field(
        8192, description="width inside the unit encoder's feed-forward networks"
    )
    t2u_encoder_attention_heads: Size = Field(16, description="attention heads of a unit encoder layer")
    t2u_decoder_layers: Depth = Field(6, description="unit decoder layers")
    t2u_decoder_ffn_dim: Size = Field(8192, description="kept, and not computed with: its layers convolve")
    t2u_decoder_attention_heads: Size = Field(16, description="attention heads of a unit decoder layer")
    t2u_max_position_embeddings: Size = Field(
        4096, description="characters, and units, told apart by position"
    )
    t2u_variance_predictor_embed_dim: Size = Field(
        1024, description="width the character durations are told from"
    )
    t2u_variance_predictor_hidden_dim: Size = Field(256, description="width inside that predictor")
    t2u_variance_predictor_kernel_size: Size = Field(3, description="kernel width of that predictor")
    t2u_variance_pred_dropout: Rate = Field(0.5, description="dropout in that predictor")


class VocoderFields(FamilyConfig):
    """Of the vocoder: units, a language and a speaker to a waveform."""

    sampling_rate: Size = Field(16000, description="samples of a second of the waveform")
    unit_hifi_gan_vocab_size: Size = Field(10000, description="number of units the vocoder embeds")
    vocoder_offset: Count = Field(4, description="special ids before the first unit, taken off a unit's id")
    unit_embed_dim: Size = Field(1280, description="width of a unit")
    lang_embed_dim: Size = Field(256, description="width of a language")
    spkr_embed_dim: Size = Field(256, description="width of a speaker")
    vocoder_num_langs: Size = Field(36, description="languages it speaks")
    vocoder_num_spkrs: Size = Field(200, description="speakers it speaks as")
    variance_predictor_kernel_size: Size = Field(
        3, description="kernel width of the unit durations' predictor"
    )
    var_pred_dropout: Rate = Field(0.5, description="dropout in that predictor")
    upsample_initial_channel: Size = Field(
        512, description="channels before the first up-sampling, then halved"
    )
    upsample_rates: Sizes = Field([5, 4, 4, 2, 2], description="stride of each up-sampling")
    upsample_kernel_sizes: Sizes = Field([11, 8, 8, 4, 4], description="kernel width of each up-sampling")
    resblock_kernel_sizes: Sizes = Field([3, 7, 11], description="kernel width of each residual block")
    resblock_dilation_sizes: Annotated[list[Sizes], Field(min_length=1)] = Field(
        [[1, 3, 5], [1, 3, 5], [1, 3, 5]], description="dilations of each residual block"
    )
    leaky_relu_slope: FiniteFloat = Field(0.1, description="slope below zero of its activations but the last")
