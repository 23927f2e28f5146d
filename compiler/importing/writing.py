"""An imported spec as text, and as if it were written in the files it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import yaml

from compiler.analysis import Analysis, analyse
from compiler.reader import Document, Path, read_text

Data = Mapping[str, Any]
"""A spec as plain data."""


def spec_text(data: Data) -> str:
    """The spec as YAML, its keys in the order they were made in."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100)


def filled(sections: Data) -> dict[str, Any]:
    """The sections that say something."""
    return {name: section for name, section in sections.items() if section}


def analysed(data: Data) -> Analysis:
    """What the compiler makes of it; of equal specs once, while they are among the last few."""
    return _analysed(json.dumps(data))


@lru_cache(maxsize=8)
def _analysed(text: str) -> Analysis:
    data = json.loads(text)
    return analyse(read_text(spec_text(data), f"{data['name']}.yaml"))


def in_place(
    data: Data, config: Document, generation: Document | None, moved: Callable[[Path], Path]
) -> Document:
    """The spec as if it were written in the checkpoint's files: a finding shows the field there.

    `moved` leads from the place of a field in config.json to that in the spec.
    """
    values = {moved(place) if place else place: span for place, span in config.values.items()}
    keys = {moved(place): span for place, span in config.keys.items()}
    if generation is not None:
        values |= {("generation", *place): span for place, span in generation.values.items() if place}
        keys |= {("generation", *place): span for place, span in generation.keys.items()}
    return replace(config, data=dict(data), values=values, keys=keys)
