"""What a block takes and gives: ports, dimension rules, masks, lengths, cost.

The registry is filled by explicit names; nothing is scanned.
"""

from specs.signatures.base import Hyper, Numbers, Port, Signature, Violation, resolve
from specs.signatures.dense import (
    ADD_POSITIONS,
    LAYER_NORM,
    LINEAR,
    SCALE_BLOCK,
    SCALED_EMBEDDING,
    VOCABULARY_HEAD,
)
from specs.signatures.positions import (
    FRAME_POSITIONS,
    PADDING_FRAME_POSITIONS,
    TOKEN_POSITIONS,
    UNMASKED_FRAME_POSITIONS,
)
from specs.signatures.stacks import PRE_NORM_DECODER, PRE_NORM_ENCODER
from specs.signatures.subsampling import CONV_SUBSAMPLER

SIGNATURES: dict[str, Signature] = {
    signature.kind: signature
    for signature in (
        ADD_POSITIONS,
        CONV_SUBSAMPLER,
        FRAME_POSITIONS,
        LAYER_NORM,
        LINEAR,
        PADDING_FRAME_POSITIONS,
        PRE_NORM_DECODER,
        PRE_NORM_ENCODER,
        SCALE_BLOCK,
        SCALED_EMBEDDING,
        TOKEN_POSITIONS,
        UNMASKED_FRAME_POSITIONS,
        VOCABULARY_HEAD,
    )
}

__all__ = ["SIGNATURES", "Hyper", "Numbers", "Port", "Signature", "Violation", "resolve"]
