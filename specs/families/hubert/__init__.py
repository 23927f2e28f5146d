"""HuBERT: raw audio to hidden states (Hsu et al. 2021)."""

from specs.families.hubert.config import HubertConfig
from specs.families.hubert.graph import encoder
from specs.families.hubert.weights import HEADS, weights
from specs.families.wav2vec2.config import INERT, convolution_rules, leaked
from specs.families.wav2vec2.weights import UNTRAINED
from specs.family import Family, PublishedHalf

FAMILY = Family(
    name="hubert",
    architectures=("HubertModel", *HEADS),
    config=HubertConfig,
    rules=convolution_rules,
    is_whole=False,
    encoder=encoder,
    weights=weights,
    leaked=leaked(HubertConfig),
    halves={"encoder": PublishedHalf("HubertModel", "hubert.", HEADS)},
    inert=INERT & HubertConfig.model_fields.keys(),
    untrained=UNTRAINED,
    front_end="specs.families.wav2vec2.front_end",
    constants={"is_encoder_decoder": False},
)
