"""BART: text to text, trained to repair it (Lewis et al. 2020); its sides fill roles of a pair too."""

from specs.families.bart.config import ALIASES, INERT, LEAKED, BartConfig, rules
from specs.families.bart.graph import Shape, maximum_length, source_width
from specs.families.bart.weights import UNTRAINED, weights
from specs.family import Family, PublishedHalf
from specs.halves import WHOLE_BY_ROLE

_SHAPE = Shape("post_norm", rotate=False)

FAMILY = Family(
    name="bart",
    architectures=(
        "BartForConditionalGeneration",
        "BartModel",
        "BartForCausalLM",
        "BartEncoder",
        "BartForSequenceClassification",
        "BartForQuestionAnswering",
    ),
    config=BartConfig,
    rules=rules,
    encoder=_SHAPE.encoder,
    decoder=_SHAPE.decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={
        "encoder": PublishedHalf("BartEncoder", without_prefix="model.encoder."),
        "decoder": PublishedHalf("BartForCausalLM"),
    },
    by_role=WHOLE_BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.bart.tokenizer",
    constants={"use_cache": True},
    maximum_target=maximum_length,
    maximum_source=maximum_length,
)
