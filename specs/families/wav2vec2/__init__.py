"""wav2vec 2.0: raw audio to hidden states (Baevski et al. 2020)."""

from specs.families.wav2vec2.config import INERT, LEAKED, Wav2Vec2Config, rules
from specs.families.wav2vec2.graph import bridged, encoder
from specs.families.wav2vec2.weights import HEADS, UNTRAINED, weights
from specs.family import Family, PublishedHalf

FAMILY = Family(
    name="wav2vec2",
    architectures=("Wav2Vec2Model", *HEADS),
    config=Wav2Vec2Config,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=weights,
    bridged=bridged,
    leaked=LEAKED,
    halves={"encoder": PublishedHalf("Wav2Vec2Model", "wav2vec2.", HEADS, width=lambda c: c.hidden_size)},
    inert=INERT,
    untrained=UNTRAINED,
    front_end="specs.families.wav2vec2.front_end",
    constants={"is_encoder_decoder": False},
)
