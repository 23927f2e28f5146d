"""TrOCR: a decoder of text beside an encoder of images (Li et al. 2023)."""

from specs.families.trocr.config import ALIASES, INERT, LEAKED, TrOCRConfig, rules
from specs.families.trocr.graph import decoder, maximum_target, source_width
from specs.family import Family, PublishedHalf, stated_in
from specs.halves import BY_ROLE

FAMILY = Family(
    name="trocr",
    architectures=("TrOCRForCausalLM",),
    config=TrOCRConfig,
    rules=rules,
    is_whole=False,
    decoder=decoder,
    source_width=source_width,
    weights=stated_in("specs.families.trocr.weights"),
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={"decoder": PublishedHalf("TrOCRForCausalLM", attends_to_any_width=True)},
    by_role=BY_ROLE,
    tokenizer="specs.families.trocr.tokenizer",
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
)
