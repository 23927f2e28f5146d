"""GPT-2: text after text, here beside an encoder (Radford et al. 2019; Rothe et al. 2020)."""

from specs.families.gpt2.config import ALIASES, INERT, LEAKED, GPT2Config
from specs.families.gpt2.graph import decoder, maximum_source, maximum_target, source_width
from specs.families.gpt2.weights import UNTRAINED, weights
from specs.family import Family, PublishedHalf
from specs.halves import BY_ROLE, half_rules

FAMILY = Family(
    name="gpt2",
    architectures=(
        "GPT2LMHeadModel",
        "GPT2Model",
        "GPT2DoubleHeadsModel",
        "GPT2ForQuestionAnswering",
        "GPT2ForSequenceClassification",
        "GPT2ForTokenClassification",
    ),
    config=GPT2Config,
    rules=half_rules,
    is_whole=False,
    encoder=None,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={"decoder": PublishedHalf("GPT2LMHeadModel")},
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.gpt2.tokenizer",
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
    maximum_source=maximum_source,
)
