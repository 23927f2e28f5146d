"""The model families, a folder each. A family's module is imported when a spec names it."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from specs.family import Family

_MODULES = {
    "bert": "specs.families.bert",
    "gpt2": "specs.families.gpt2",
    "hubert": "specs.families.hubert",
    "roberta": "specs.families.roberta",
    "speech_to_text": "specs.families.speech_to_text",
    "wav2vec2": "specs.families.wav2vec2",
}

FAMILIES = tuple(_MODULES)


@cache
def family(name: str) -> Family:
    """The family of that `model_type`.

    Raises:
        KeyError: no such family.
    """
    loaded = import_module(_MODULES[name]).FAMILY
    assert isinstance(loaded, Family), f"{name} states a family"
    return loaded
