"""data2vec for audio: raw audio to hidden states (Baevski et al. 2022)."""

from specs.families.data2vec_audio.config import Data2VecAudioConfig
from specs.families.data2vec_audio.graph import encoder
from specs.families.data2vec_audio.weights import HEADS, weights
from specs.families.wav2vec2.config import INERT, leaked, rules
from specs.families.wav2vec2.graph import bridged
from specs.families.wav2vec2.weights import UNTRAINED
from specs.family import Family, PublishedHalf

FAMILY = Family(
    name="data2vec-audio",
    architectures=("Data2VecAudioModel", *HEADS),
    config=Data2VecAudioConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=weights,
    bridged=bridged,
    leaked=leaked(Data2VecAudioConfig),
    halves={"encoder": PublishedHalf("Data2VecAudioModel", "data2vec_audio.", HEADS)},
    inert=INERT & Data2VecAudioConfig.model_fields.keys(),
    untrained=UNTRAINED,
    front_end="specs.families.wav2vec2.front_end",
    constants={"is_encoder_decoder": False},
)
