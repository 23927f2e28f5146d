"""What `generate` can be asked for: the options, their layers, the lengths they allow, what contradicts."""

from specs.generation.options import (
    BEAM_NAMES,
    CHECKPOINT_FIELDS,
    INERT_FIELDS,
    LENGTH_PAIRS,
    OPTION_NAMES,
    REFUSED_FIELDS,
    SAMPLING_NAMES,
    SEARCH_IDS,
    GenerationOptions,
    idle_options,
)

__all__ = [
    "BEAM_NAMES",
    "CHECKPOINT_FIELDS",
    "INERT_FIELDS",
    "LENGTH_PAIRS",
    "OPTION_NAMES",
    "REFUSED_FIELDS",
    "SAMPLING_NAMES",
    "SEARCH_IDS",
    "GenerationOptions",
    "idle_options",
]
