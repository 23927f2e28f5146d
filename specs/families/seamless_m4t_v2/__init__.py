"""SeamlessM4T v2: speech or text to text or speech (Barrault et al. 2023)."""

from specs.families.seamless_m4t_v2.architectures import ARCHITECTURES
from specs.families.seamless_m4t_v2.config import ALIASES, INERT, LEAKED, SeamlessM4Tv2Config
from specs.families.seamless_m4t_v2.flow import flows
from specs.families.seamless_m4t_v2.graph import graph, longest_audio, maximum_source, maximum_target
from specs.families.seamless_m4t_v2.rules import rules
from specs.families.seamless_m4t_v2.tables import TABLES
from specs.family import Family, stated_in

FAMILY = Family(
    name="seamless_m4t_v2",
    architectures=tuple(ARCHITECTURES),
    config=SeamlessM4Tv2Config,
    rules=rules,
    whole=graph,
    weights=stated_in("specs.families.seamless_m4t_v2.weights"),
    leaked=LEAKED,
    aliases=ALIASES,
    inert=INERT,
    front_end="specs.families.seamless_m4t_v2.front_end",
    tokenizer="specs.families.seamless_m4t_v2.tokenizer",
    constants={"is_encoder_decoder": True, "use_cache": True},
    maximum_target=maximum_target,
    maximum_source=maximum_source,
    longest_audio=longest_audio,
    flows=flows,
    tables=TABLES,
)
