"""ViT: images to hidden states (Dosovitskiy et al. 2021)."""

from specs.families.vit.config import INERT, ViTConfig
from specs.families.vit.graph import encoder, rules
from specs.family import Family, PublishedHalf, stated_in

FAMILY = Family(
    name="vit",
    architectures=("ViTModel", "ViTForImageClassification", "ViTForMaskedImageModeling"),
    config=ViTConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=stated_in("specs.families.vit.weights"),
    halves={"encoder": PublishedHalf("ViTModel", without_prefix="vit.")},
    inert=INERT,
    front_end="specs.families.vit.front_end",
    constants={"is_encoder_decoder": False},
)
