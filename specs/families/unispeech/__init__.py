"""UniSpeech: raw audio to hidden states (Wang et al. 2021)."""

from specs.families.unispeech.config import UniSpeechConfig
from specs.families.unispeech.graph import encoder
from specs.families.unispeech.weights import HEADS, weights
from specs.families.wav2vec2.config import INERT, convolution_rules, leaked
from specs.families.wav2vec2.weights import UNTRAINED
from specs.family import Family, PublishedHalf

FAMILY = Family(
    name="unispeech",
    architectures=("UniSpeechModel", *HEADS),
    config=UniSpeechConfig,
    rules=convolution_rules,
    is_whole=False,
    encoder=encoder,
    weights=weights,
    leaked=leaked(UniSpeechConfig),
    halves={"encoder": PublishedHalf("UniSpeechModel", "unispeech.", HEADS)},
    inert=INERT & UniSpeechConfig.model_fields.keys(),
    untrained=UNTRAINED,
    front_end="specs.families.wav2vec2.front_end",
    constants={"is_encoder_decoder": False},
)
