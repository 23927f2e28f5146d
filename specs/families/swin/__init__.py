"""Swin: images to hidden states by attention within shifted windows (Liu et al. 2021)."""

from specs.families.swin.config import ALIASES, INERT, LEAKED, SwinConfig, derived
from specs.families.swin.graph import encoder
from specs.families.swin.rules import rules
from specs.family import Family, PublishedHalf, stated_in

FAMILY = Family(
    name="swin",
    architectures=(
        "SwinModel",
        "SwinForImageClassification",
        "SwinForMaskedImageModeling",
    ),
    config=SwinConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=stated_in("specs.families.swin.weights"),
    leaked=LEAKED,
    aliases=ALIASES,
    derived=derived,
    halves={"encoder": PublishedHalf("SwinModel", without_prefix="swin.")},
    inert=INERT | {"encoder_stride"},
    front_end="specs.families.swin.front_end",
    constants={"is_encoder_decoder": False},
)
