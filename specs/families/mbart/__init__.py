"""mBART: BART over many languages, normalised before each sub-layer (Liu et al. 2020)."""

from pydantic import Field

from specs.families.bart.config import ALIASES, INERT, LEAKED, BartConfig, rules
from specs.families.bart.graph import Shape, maximum_length, source_width
from specs.families.bart.weights import DIALECTS, UNTRAINED, rows, unused
from specs.family import Family, PublishedHalf
from specs.fields import Id
from specs.halves import WHOLE_BY_ROLE
from specs.values import View
from specs.weights import WeightMap


class MBartConfig(BartConfig):
    """An mBART encoder and decoder, or one of them."""

    decoder_start_token_id: Id | None = Field(
        None, description="id the decoder starts from: that of a language"
    )


def weights(c: View) -> WeightMap:
    """BART's table, and a norm at the end of each side."""
    return WeightMap(rows(c, has_final_norm=True), DIALECTS, tuple(unused(c)))


_SHAPE = Shape("pre_norm", rotate=True)

FAMILY = Family(
    name="mbart",
    architectures=(
        "MBartForConditionalGeneration",
        "MBartModel",
        "MBartForCausalLM",
        "MBartEncoder",
        "MBartForSequenceClassification",
        "MBartForQuestionAnswering",
    ),
    config=MBartConfig,
    rules=rules,
    encoder=_SHAPE.encoder,
    decoder=_SHAPE.decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={
        "encoder": PublishedHalf("MBartEncoder", without_prefix="model.encoder."),
        "decoder": PublishedHalf("MBartForCausalLM"),
    },
    by_role=WHOLE_BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.mbart.tokenizer",
    constants={"use_cache": True},
    maximum_target=maximum_length,
    maximum_source=maximum_length,
)
