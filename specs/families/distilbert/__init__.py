"""DistilBERT: BERT with half its layers and no token types (Sanh et al. 2019)."""

from specs.families.distilbert.config import ALIASES, INERT, LEAKED, DistilBertConfig
from specs.families.distilbert.graph import decoder, encoder, maximum_length, source_width
from specs.families.distilbert.weights import UNTRAINED, weights
from specs.family import Family, PublishedHalf
from specs.halves import BY_ROLE, half_rules

FAMILY = Family(
    name="distilbert",
    architectures=(
        "DistilBertModel",
        "DistilBertForMaskedLM",
        "DistilBertForQuestionAnswering",
        "DistilBertForSequenceClassification",
        "DistilBertForTokenClassification",
        "DistilBertForMultipleChoice",
    ),
    config=DistilBertConfig,
    rules=half_rules,
    is_whole=False,
    encoder=encoder,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    tokenizer="specs.families.distilbert.tokenizer",
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={"encoder": PublishedHalf("DistilBertModel", without_prefix="distilbert.")},
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_length,
    maximum_source=maximum_length,
)
