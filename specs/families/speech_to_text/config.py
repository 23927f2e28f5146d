"""The fields of a Speech2Text config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, FiniteFloat

from specs.family import FamilyConfig
from specs.fields import Activation, Depth, Id, Ids, Rate, Size, ids_in_vocabulary
from specs.problems import Problem
from specs.values import View, plain


class Speech2TextConfig(FamilyConfig):
    """A Speech2Text encoder and decoder."""

    vocab_size: Size = Field(10000, description="number of token ids")
    encoder_layers: Depth = Field(12, description="encoder layers")
    encoder_ffn_dim: Size = Field(2048, description="width inside the encoder's feed-forward networks")
    encoder_attention_heads: Size = Field(4, description="attention heads of an encoder layer")
    decoder_layers: Depth = Field(6, description="decoder layers")
    decoder_ffn_dim: Size = Field(2048, description="width inside the decoder's feed-forward networks")
    decoder_attention_heads: Size = Field(4, description="attention heads of a decoder layer")
    encoder_layerdrop: Rate = Field(0.0, description="probability that training skips an encoder layer")
    decoder_layerdrop: Rate = Field(0.0, description="probability that training skips a decoder layer")
    activation_function: Activation = Field("relu", description="activation of the feed-forward networks")
    d_model: Size = Field(256, description="width of encoder and decoder")
    dropout: Rate = Field(0.1, description="dropout on embeddings and sub-layer outputs")
    attention_dropout: Rate = Field(0.0, description="dropout on attention weights")
    activation_dropout: Rate = Field(0.0, description="dropout on feed-forward activations")
    init_std: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.02, description="standard deviation of initial weights"
    )
    decoder_start_token_id: Id | None = Field(2, description="id the decoder starts from")
    scale_embedding: bool = Field(True, description="multiply embeddings by the root of the width")
    pad_token_id: Id | None = Field(1, description="id of padding")
    bos_token_id: Id | None = Field(0, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(2, description="id, or ids, that end a sentence")
    max_source_positions: Size = Field(6000, description="positions of the encoder, after subsampling")
    max_target_positions: Size = Field(1024, description="positions of the decoder")
    num_conv_layers: Depth = Field(2, description="convolutions of the subsampler, each of stride 2")
    conv_kernel_sizes: list[Size] = Field([5, 5], description="kernel width of each convolution")
    conv_channels: Size = Field(1024, description="channels between convolutions, before the gate")
    input_feat_per_channel: Size = Field(80, description="mel bins of a frame")
    input_channels: Size = Field(1, description="frames stacked into one input vector")
    tie_word_embeddings: bool = Field(True, description="share the embedding with the output projection")


LEAKED = {
    "classifier_dropout": "the published model has no classifier",
    "gradient_checkpointing": "a training switch of the writing library",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {
    "num_hidden_layers": "encoder_layers",
    "hidden_size": "d_model",
    "num_attention_heads": "encoder_attention_heads",
}
"""Second names of fields in published files."""

INERT = frozenset(
    {
        "activation_dropout",
        "attention_dropout",
        "decoder_layerdrop",
        "dropout",
        "encoder_layerdrop",
        "init_std",
        "max_source_positions",
        "max_target_positions",
    }
)
"""Fields that do not change what a trained model computes within its limits."""


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: the kernel list, and ids against the vocabulary."""
    kernels, layers = c.conv_kernel_sizes, c.num_conv_layers
    if len(kernels) != int(layers):
        yield Problem(
            "XL303",
            f"{len(kernels)} kernel sizes for {int(layers)} convolution layers",
            (
                (kernels.origin or "", f"{len(kernels)} sizes"),
                (layers.origin or "", f"{int(layers)} layers"),
            ),
            info=("every convolution of the subsampler has its own kernel width",),
            help=(f"set num_conv_layers to {len(kernels)}, or " if len(kernels) else "")
            + f"list {int(layers)} sizes in conv_kernel_sizes",
        )
    for name, purpose in (("decoder_start_token_id", "start"), ("pad_token_id", "pad")):
        field = getattr(c, name)
        if plain(field) is None:
            yield Problem(
                "XL404",
                f"no {purpose} id: {name} is null",
                ((field.origin or "", f"needed to {_USES[purpose]}"),),
                help=f"set {name} to the id the tokenizer uses",
            )
    yield from ids_in_vocabulary(c)


_USES = {"start": "start decoding and to shift labels", "pad": "tell padding from tokens"}
