"""wav2vec 2.0 with Conformer layers: raw audio to hidden states (Gulati et al. 2020; Wang et al. 2020)."""

from specs.families.wav2vec2.config import INERT, leaked, rules
from specs.families.wav2vec2.graph import bridged
from specs.families.wav2vec2.weights import UNTRAINED
from specs.families.wav2vec2_conformer.config import Wav2Vec2ConformerConfig
from specs.families.wav2vec2_conformer.graph import encoder
from specs.families.wav2vec2_conformer.weights import HEADS, weights
from specs.family import Family, PublishedHalf

FAMILY = Family(
    name="wav2vec2-conformer",
    architectures=("Wav2Vec2ConformerModel", *HEADS),
    config=Wav2Vec2ConformerConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=weights,
    bridged=bridged,
    leaked=leaked(Wav2Vec2ConformerConfig),
    halves={"encoder": PublishedHalf("Wav2Vec2ConformerModel", "wav2vec2_conformer.", HEADS)},
    inert=(INERT & Wav2Vec2ConformerConfig.model_fields.keys())
    | {"conformer_conv_dropout", "max_source_positions", "num_conv_pos_embeddings"},
    untrained=UNTRAINED,
    front_end="specs.families.wav2vec2.front_end",
    constants={"is_encoder_decoder": False},
)
