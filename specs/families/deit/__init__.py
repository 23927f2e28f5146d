"""DeiT: images to hidden states, with a token that learned from a teacher (Touvron et al. 2021)."""

from specs.families.deit.graph import encoder
from specs.families.vit.config import INERT, ViTConfig
from specs.families.vit.graph import rules
from specs.family import Family, PublishedHalf, stated_in

FAMILY = Family(
    name="deit",
    architectures=(
        "DeiTModel",
        "DeiTForImageClassification",
        "DeiTForImageClassificationWithTeacher",
        "DeiTForMaskedImageModeling",
    ),
    config=ViTConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=stated_in("specs.families.deit.weights"),
    halves={"encoder": PublishedHalf("DeiTModel", without_prefix="deit.")},
    inert=INERT,
    front_end="specs.families.deit.front_end",
    constants={"is_encoder_decoder": False},
)
