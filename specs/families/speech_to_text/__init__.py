"""Speech2Text: log-mel frames to text (Wang et al. 2020, "fairseq S2T")."""

from specs.families.speech_to_text.config import ALIASES, INERT, LEAKED, Speech2TextConfig, rules
from specs.families.speech_to_text.graph import (
    decoder,
    encoder,
    maximum_source,
    maximum_target,
    source_width,
)
from specs.family import Family, stated_in

FAMILY = Family(
    name="speech_to_text",
    architectures=("Speech2TextForConditionalGeneration",),
    config=Speech2TextConfig,
    rules=rules,
    encoder=encoder,
    decoder=decoder,
    source_width=source_width,
    weights=stated_in("specs.families.speech_to_text.weights"),
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    front_end="specs.families.speech_to_text.front_end",
    tokenizer="specs.families.speech_to_text.tokenizer",
    constants={"is_encoder_decoder": True, "use_cache": True},
    maximum_target=maximum_target,
    maximum_source=maximum_source,
)
