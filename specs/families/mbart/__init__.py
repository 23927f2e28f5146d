"""mBART: BART over many languages, normalised before each sub-layer (Liu et al. 2020)."""

from dataclasses import replace

from pydantic import Field

from specs.families.bart import FAMILY as BART
from specs.families.bart.config import BartConfig
from specs.families.bart.graph import Shape
from specs.families.bart.weights import DIALECTS, rows, unused
from specs.family import PublishedHalf
from specs.fields import Id
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

FAMILY = replace(
    BART,
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
    encoder=_SHAPE.encoder,
    decoder=_SHAPE.decoder,
    weights=weights,
    halves={
        "encoder": PublishedHalf("MBartEncoder", without_prefix="model.encoder."),
        "decoder": PublishedHalf("MBartForCausalLM"),
    },
    tokenizer="specs.families.mbart.tokenizer",
)
