"""RoBERTa: BERT trained longer (Liu et al. 2019), as an encoder or as a decoder."""

from specs.families.bert import BY_ROLE, INERT, LEAKED, UNTRAINED, source_width
from specs.families.roberta.config import RobertaConfig, rules
from specs.families.roberta.graph import decoder, encoder, maximum_source, maximum_target
from specs.families.roberta.weights import weights
from specs.family import Family

FAMILY = Family(
    name="roberta",
    architectures=("RobertaModel", "RobertaForMaskedLM", "RobertaForCausalLM"),
    config=RobertaConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    inert=INERT,
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
    maximum_source=maximum_source,
)
