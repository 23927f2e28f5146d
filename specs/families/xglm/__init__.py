"""XGLM: text after text in many languages, here beside an encoder (Lin et al. 2022)."""

from specs.families.xglm.config import ALIASES, INERT, LEAKED, XGLMConfig, rules
from specs.families.xglm.graph import decoder, maximum_target, source_width
from specs.families.xglm.weights import UNTRAINED, weights
from specs.family import Family, PublishedHalf
from specs.halves import BY_ROLE

FAMILY = Family(
    name="xglm",
    architectures=("XGLMForCausalLM", "XGLMModel"),
    config=XGLMConfig,
    rules=rules,
    is_whole=False,
    decoder=decoder,
    source_width=source_width,
    weights=weights,
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    halves={"decoder": PublishedHalf("XGLMForCausalLM")},
    by_role=BY_ROLE,
    untrained=UNTRAINED,
    tokenizer="specs.families.xglm.tokenizer",
    constants={"is_encoder_decoder": False, "use_cache": True},
    maximum_target=maximum_target,
)
