"""What a block takes and gives: ports, dimension rules, masks, lengths, cost.

The registry is filled by explicit names; nothing is scanned.
"""

from specs.signatures.base import Hyper, Numbers, Port, Signature, Violation, resolve
from specs.signatures.bridging import MLP, RESAMPLER
from specs.signatures.chunked_conformer import CHUNKED_CONFORMER_ENCODER, RELATIVE_KEY_CONFORMER_ENCODER
from specs.signatures.conditioning import LABEL_EMBEDDING, SURROUNDING_CHANNELS, UNIT_EMBEDDING
from specs.signatures.conformer import (
    CONFORMER_ENCODER,
    RELATIVE_CONFORMER_ENCODER,
    ROTARY_CONFORMER_ENCODER,
)
from specs.signatures.convolution_layers import POST_NORM_CONVOLUTION_ENCODER
from specs.signatures.convolutional_positions import CONVOLUTION_POSITIONS, STACKED_CONVOLUTION_POSITIONS
from specs.signatures.dense import (
    ACTIVATION,
    ADD_POSITIONS,
    ADD_TOKENS,
    ADD_TYPES,
    CONSTANT_BIAS,
    DROPOUT_BLOCK,
    FEATURE_NORM,
    LAYER_NORM,
    LINEAR,
    PADDED_TOKEN_EMBEDDING,
    RESIDUAL_FEED_FORWARD,
    SCALE_BLOCK,
    SCALED_EMBEDDING,
    TOKEN_EMBEDDING,
    VOCABULARY_HEAD,
)
from specs.signatures.durations import ALIGNED_UPSAMPLER, DURATION_PREDICTOR, HARD_UPSAMPLER
from specs.signatures.grid_bias import GRID_ENCODER
from specs.signatures.hifi_gan import HIFI_GAN_GENERATOR, UNIT_WAVEFORM_LENGTHS
from specs.signatures.image_padding import IMAGE_PADDING
from specs.signatures.masking import SPAN_MASKING, ZERO_PADDING
from specs.signatures.patches import (
    ADD_GRID_POSITIONS,
    ADD_POSITION_TABLE,
    LEADING_TOKEN,
    PATCH_EMBEDDING,
)
from specs.signatures.pooling import POOLING_ENCODER
from specs.signatures.positioned_stacks import (
    ADAPTED_PRE_NORM_ENCODER,
    GATED_BIAS_POST_NORM_ENCODER,
    GATED_BIAS_PRE_NORM_ENCODER,
)
from specs.signatures.positions import (
    ADD_SCALED_POSITIONS,
    FIXED_TOKEN_POSITIONS,
    FRAME_POSITIONS,
    LEARNED_POSITIONS,
    LEARNED_TOKEN_POSITIONS,
    PADDING_FRAME_POSITIONS,
    SINUSOIDAL_POSITIONS,
    TOKEN_POSITIONS,
    UNMASKED_FRAME_POSITIONS,
)
from specs.signatures.relative_positions import BUCKETED_POSITION_BIAS, RELATIVE_SINUSOIDS, ROTARY_ANGLES
from specs.signatures.stacks import (
    POST_NORM_DECODER,
    POST_NORM_ENCODER,
    PRE_NORM_DECODER,
    PRE_NORM_ENCODER,
)
from specs.signatures.subsampling import CONV_DOWNSAMPLE, CONV_SUBSAMPLER, GATED_CONV_DOWNSAMPLE
from specs.signatures.waveform import WAVEFORM_ENCODER
from specs.signatures.windows import PATCH_MERGING, WINDOW_ENCODER

SIGNATURES: dict[str, Signature] = {
    signature.kind: signature
    for signature in (
        ACTIVATION,
        ADAPTED_PRE_NORM_ENCODER,
        ALIGNED_UPSAMPLER,
        BUCKETED_POSITION_BIAS,
        CHUNKED_CONFORMER_ENCODER,
        CONFORMER_ENCODER,
        GATED_BIAS_POST_NORM_ENCODER,
        GATED_BIAS_PRE_NORM_ENCODER,
        RELATIVE_CONFORMER_ENCODER,
        RELATIVE_SINUSOIDS,
        ROTARY_ANGLES,
        ROTARY_CONFORMER_ENCODER,
        STACKED_CONVOLUTION_POSITIONS,
        ADD_GRID_POSITIONS,
        ADD_POSITIONS,
        ADD_POSITION_TABLE,
        ADD_SCALED_POSITIONS,
        ADD_TOKENS,
        CONSTANT_BIAS,
        CONVOLUTION_POSITIONS,
        CONV_DOWNSAMPLE,
        ADD_TYPES,
        CONV_SUBSAMPLER,
        DROPOUT_BLOCK,
        DURATION_PREDICTOR,
        FEATURE_NORM,
        FIXED_TOKEN_POSITIONS,
        FRAME_POSITIONS,
        GATED_CONV_DOWNSAMPLE,
        HIFI_GAN_GENERATOR,
        IMAGE_PADDING,
        LABEL_EMBEDDING,
        SURROUNDING_CHANNELS,
        UNIT_EMBEDDING,
        UNIT_WAVEFORM_LENGTHS,
        GRID_ENCODER,
        HARD_UPSAMPLER,
        LAYER_NORM,
        LEADING_TOKEN,
        LEARNED_POSITIONS,
        LEARNED_TOKEN_POSITIONS,
        LINEAR,
        MLP,
        PADDED_TOKEN_EMBEDDING,
        PADDING_FRAME_POSITIONS,
        PATCH_EMBEDDING,
        PATCH_MERGING,
        POOLING_ENCODER,
        POST_NORM_CONVOLUTION_ENCODER,
        POST_NORM_DECODER,
        POST_NORM_ENCODER,
        PRE_NORM_DECODER,
        PRE_NORM_ENCODER,
        RELATIVE_KEY_CONFORMER_ENCODER,
        RESAMPLER,
        RESIDUAL_FEED_FORWARD,
        SCALE_BLOCK,
        SCALED_EMBEDDING,
        SINUSOIDAL_POSITIONS,
        SPAN_MASKING,
        TOKEN_EMBEDDING,
        TOKEN_POSITIONS,
        UNMASKED_FRAME_POSITIONS,
        VOCABULARY_HEAD,
        WAVEFORM_ENCODER,
        WINDOW_ENCODER,
        ZERO_PADDING,
    )
}

__all__ = ["SIGNATURES", "Hyper", "Numbers", "Port", "Signature", "Violation", "resolve"]
