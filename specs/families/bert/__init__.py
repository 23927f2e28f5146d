"""BERT: text to hidden states, or to text beside an encoder (Devlin et al. 2019; Rothe et al. 2020)."""

from specs.families.bert.config import INERT, LEAKED, BertConfig
from specs.families.bert.graph import (
    decoder,
    encoder,
    maximum_source,
    maximum_target,
    source_width,
)
from specs.families.bert.weights import UNTRAINED, weights
from specs.family import Family, PublishedHalf
from specs.halves import BY_ROLE, half_rules

FAMILY = Family(
    name="bert",
    architectures=(
        "BertModel",
        "BertForMaskedLM",
        "BertForPreTraining",
        "BertLMHeadModel",
        "BertForMultipleChoice",
        "BertForNextSentencePrediction",
        "BertForQuestionAnswering",
        "BertForSequenceClassification",
        "BertForTokenClassification",
    ),
    config=BertConfig,
    rules=half_rules,
    is_whole=False,
    encoder=encoder,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    inert=INERT,
    halves={
        "encoder": PublishedHalf("BertModel", without_prefix="bert."),
        "decoder": PublishedHalf("BertLMHeadModel"),
    },
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.bert.tokenizer",
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
    maximum_source=maximum_source,
)
