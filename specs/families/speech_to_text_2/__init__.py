"""Speech2Text2: a decoder of text beside a speech encoder (Wang et al. 2021)."""

from specs.families.speech_to_text_2.config import ALIASES, INERT, LEAKED, Speech2Text2Config, rules
from specs.families.speech_to_text_2.graph import decoder, maximum_target, source_width
from specs.families.speech_to_text_2.weights import UNTRAINED, weights
from specs.family import Family, PublishedHalf
from specs.halves import BY_ROLE

FAMILY = Family(
    name="speech_to_text_2",
    architectures=("Speech2Text2ForCausalLM",),
    config=Speech2Text2Config,
    rules=rules,
    is_whole=False,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={"decoder": PublishedHalf("Speech2Text2ForCausalLM")},
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.speech_to_text_2.tokenizer",
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
)
