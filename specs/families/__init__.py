"""The model families, a folder each. A family's module is imported when a spec names it."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from specs.family import Family

FAMILIES = (
    "bart",
    "beit",
    "bert",
    "deit",
    "data2vec-audio",
    "distilbert",
    "donut-swin",
    "gpt2",
    "hubert",
    "mbart",
    "roberta",
    "seamless_m4t_v2",
    "speech_to_text",
    "speech_to_text_2",
    "swin",
    "trocr",
    "unispeech",
    "vit",
    "wav2vec2",
    "wav2vec2-conformer",
    "wavlm",
    "xglm",
)
"""Every `model_type`; the folder of one is its name, with `_` for `-`."""


@cache
def family(name: str) -> Family:
    """The family of that `model_type`.

    Raises:
        KeyError: no such family.
    """
    if name not in FAMILIES:
        raise KeyError(name)
    loaded = import_module(f"specs.families.{name.replace('-', '_')}").FAMILY
    assert isinstance(loaded, Family), f"{name} states a family"
    return loaded
