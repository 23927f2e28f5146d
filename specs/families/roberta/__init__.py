"""RoBERTa: BERT trained longer (Liu et al. 2019), as an encoder or as a decoder."""

from specs.families.bert.config import INERT, LEAKED
from specs.families.bert.graph import source_width
from specs.families.bert.weights import UNTRAINED
from specs.families.roberta.config import RobertaConfig, rules
from specs.families.roberta.graph import decoder, encoder, maximum_source, maximum_target
from specs.families.roberta.weights import weights
from specs.family import Family, PublishedHalf
from specs.halves import BY_ROLE

FAMILY = Family(
    name="roberta",
    architectures=(
        "RobertaModel",
        "RobertaForMaskedLM",
        "RobertaForCausalLM",
        "RobertaForMultipleChoice",
        "RobertaForQuestionAnswering",
        "RobertaForSequenceClassification",
        "RobertaForTokenClassification",
    ),
    config=RobertaConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    inert=INERT,
    halves={
        "encoder": PublishedHalf("RobertaModel", without_prefix="roberta."),
        "decoder": PublishedHalf("RobertaForCausalLM"),
    },
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.roberta.tokenizer",
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
    maximum_source=maximum_source,
)
