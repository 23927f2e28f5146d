"""BEiT: images to hidden states, with relative positions (Bao et al. 2022)."""

from specs.families.beit.config import INERT, LEAKED, BeitConfig, rules
from specs.families.beit.graph import encoder
from specs.family import Family, PublishedHalf, stated_in

FAMILY = Family(
    name="beit",
    architectures=("BeitModel", "BeitForImageClassification", "BeitForMaskedImageModeling"),
    config=BeitConfig,
    rules=rules,
    is_whole=False,
    encoder=encoder,
    weights=stated_in("specs.families.beit.weights"),
    leaked=LEAKED,
    halves={"encoder": PublishedHalf("BeitModel", without_prefix="beit.")},
    inert=INERT,
    front_end="specs.families.beit.front_end",
    constants={"is_encoder_decoder": False},
)
