"""Groups of fields that the configs of encoders of raw audio are made of; each says what it belongs to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specs.family import FamilyConfig
from specs.fields import Activation, Count, Depth, Deviation, Id, Ids, Rate, Size, Sizes


class WaveformConfig(FamilyConfig):
    """What all of them have: convolutions, layers, spans hidden in training, heads for text and classes."""

    vocab_size: Size | None = Field(32, description="number of ids of a transcription head")
    hidden_size: Size = Field(768, description="width of the transformer")
    num_hidden_layers: Depth = Field(12, description="transformer layers")
    num_attention_heads: Size = Field(12, description="attention heads of a layer")
    intermediate_size: Size = Field(3072, description="width inside the feed-forward networks")
    hidden_act: Activation = Field("gelu", description="activation of the feed-forward networks")
    hidden_dropout: Rate = Field(0.1, description="dropout on positions and sub-layer outputs")
    activation_dropout: Rate = Field(0.1, description="dropout on feed-forward activations")
    attention_dropout: Rate = Field(0.1, description="dropout on attention weights")
    feat_proj_dropout: Rate = Field(0.0, description="dropout on projected features")
    final_dropout: Rate = Field(0.1, description="dropout before a transcription head")
    layerdrop: Rate = Field(0.1, description="probability that training skips a layer")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Deviation = Field(1e-5, description="added to variances by the transformer's norms")
    feat_extract_activation: Activation = Field("gelu", description="activation of the convolutions")
    conv_dim: Sizes = Field([512] * 7, description="channels of each convolution")
    conv_stride: Sizes = Field([5, 2, 2, 2, 2, 2, 2], description="stride of each convolution")
    conv_kernel: Sizes = Field([10, 3, 3, 3, 3, 2, 2], description="kernel width of each convolution")
    conv_bias: bool = Field(False, description="whether convolutions add a bias")
    num_conv_pos_embedding_groups: Size = Field(16, description="groups of the convolutional positions")
    apply_spec_augment: bool = Field(True, description="whether training hides spans at all")
    mask_time_prob: Rate = Field(0.05, description="share of the positions that training hides")
    mask_time_length: Size = Field(10, description="positions of a hidden span")
    mask_time_min_masks: Count = Field(2, description="fewest hidden spans of positions")
    mask_feature_prob: Rate = Field(0.0, description="share of the channels that training zeroes")
    mask_feature_length: Size = Field(10, description="channels of a zeroed span")
    mask_feature_min_masks: Count = Field(0, description="fewest zeroed spans of channels")
    ctc_loss_reduction: str = Field("sum", description="how the loss of a transcription head is summed")
    ctc_zero_infinity: bool = Field(False, description="whether that loss drops infinite terms")
    use_weighted_layer_sum: bool = Field(False, description="whether a classification head mixes all layers")
    classifier_proj_size: Size = Field(256, description="width inside a classification head")
    pad_token_id: Id | None = Field(0, description="id of padding, of a transcription head")
    bos_token_id: Id | None = Field(1, description="id of the beginning of a transcription")
    eos_token_id: Id | Ids | None = Field(2, description="id of the end of a transcription")


class FeatureNorm(FamilyConfig):
    """Of families whose convolutions are normalised in one of two ways."""

    feat_extract_norm: Literal["group", "layer"] = Field(
        "group", description="first convolution normalised over time, or every one over its channels"
    )


class WidePositions(FamilyConfig):
    """Of families with one wide convolution for positions."""

    num_conv_pos_embeddings: Size = Field(128, description="kernel width of the convolutional positions")


class LayerOrder(FamilyConfig):
    """Of families whose layers are normalised in one of two orders."""

    do_stable_layer_norm: bool = Field(False, description="normalise before each sub-layer, and not after")


class Adapter(FamilyConfig):
    """Strided convolutions that may follow the transformer."""

    add_adapter: bool = Field(False, description="whether strided convolutions follow the transformer")
    adapter_kernel_size: Size = Field(3, description="kernel width of the adapter's convolutions")
    adapter_stride: Size = Field(2, description="stride of the adapter's convolutions")
    num_adapter_layers: Depth = Field(3, description="convolutions of the adapter")
    output_hidden_size: Size | None = Field(None, description="width the adapter gives; null for hidden_size")


class Codebook(FamilyConfig):
    """Of pre-training against codes; kept, and not computed with."""

    num_codevectors_per_group: Size = Field(320, description="codes a group, of pre-training")
    num_codevector_groups: Size = Field(2, description="groups of codes, of pre-training")
    contrastive_logits_temperature: float = Field(0.1, description="temperature of the pre-training loss")
    num_negatives: Count = Field(100, description="distractors of the pre-training loss")
    codevector_dim: Size = Field(256, description="width of a code of pre-training")
    proj_codevector_dim: Size = Field(256, description="width in which pre-training compares")
    diversity_loss_weight: float = Field(0.1, description="weight of a part of the pre-training loss")


class QuantizerDropout(FamilyConfig):
    """Of pre-training whose quantizer has a dropout."""

    feat_quantizer_dropout: Rate = Field(0.0, description="dropout before the quantizer of pre-training")


class SpeakerHead(FamilyConfig):
    """Of a head that tells speakers apart; kept, and not computed with."""

    tdnn_dim: Sizes = Field([512, 512, 512, 512, 1500], description="channels of a speaker head")
    tdnn_kernel: Sizes = Field([5, 3, 3, 1, 1], description="kernel widths of a speaker head")
    tdnn_dilation: Sizes = Field([1, 2, 3, 1, 1], description="dilations of a speaker head")
    xvector_output_dim: Size = Field(512, description="width of a speaker vector")


class PhonemeHead(FamilyConfig):
    """Of pre-training against phonemes; kept, and not computed with."""

    num_ctc_classes: Size = Field(80, description="phonemes of pre-training, and the blank")
    ctc_loss_reduction: str = Field("mean", description="how the loss of a transcription head is summed")
