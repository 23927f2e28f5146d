"""WavLM: raw audio to hidden states (Chen et al. 2022)."""

from specs.families.wav2vec2.config import INERT, rules
from specs.families.wav2vec2.graph import bridged
from specs.families.wav2vec2.weights import UNTRAINED
from specs.families.wavlm.config import LEAKED, WavLMConfig
from specs.families.wavlm.graph import encoder
from specs.families.wavlm.weights import HEADS, weights
from specs.family import Family, PublishedHalf

FAMILY = Family(
    name="wavlm",
    architectures=("WavLMModel", *HEADS),
    config=WavLMConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=weights,
    bridged=bridged,
    leaked=LEAKED,
    halves={"encoder": PublishedHalf("WavLMModel", "wavlm.", HEADS)},
    inert=INERT & WavLMConfig.model_fields.keys(),
    untrained=UNTRAINED,
    front_end="specs.families.wav2vec2.front_end",
    constants={"is_encoder_decoder": False},
)
