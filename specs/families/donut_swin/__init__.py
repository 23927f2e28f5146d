"""Donut's encoder: Swin over pages, without a last norm (Kim et al. 2022)."""

from specs.families.donut_swin.config import DonutSwinConfig, rules
from specs.families.donut_swin.graph import encoder
from specs.families.swin.config import ALIASES, INERT, LEAKED, derived
from specs.family import Family, PublishedHalf, stated_in

FAMILY = Family(
    name="donut-swin",
    architectures=("DonutSwinModel", "DonutSwinForImageClassification"),
    config=DonutSwinConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=stated_in("specs.families.donut_swin.weights"),
    leaked=LEAKED,
    aliases=ALIASES,
    derived=derived,
    halves={"encoder": PublishedHalf("DonutSwinModel", without_prefix="donut.")},
    inert=INERT,
    front_end="specs.families.donut_swin.front_end",
    constants={"is_encoder_decoder": False},
)
