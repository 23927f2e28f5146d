"""Pairs of the catalogue that nobody has published, against the checkpoints they name, without torch.

`python -m tests.catalogue.pairs FOLDER` reads FOLDER/keys.json, repository -> key list -> stored name ->
[shape, dtype], and FOLDER/NAME.json, the config.json of a repository that has none among the data. It prints
one JSON object: pair -> key lists -> findings that are more than information.

Weights are files of the right length with nothing in them, so that only headers can be read.
"""

from __future__ import annotations

import json
import shutil
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from tests.full_size.published import NAMES, folder_of, write_header

KeyLists: TypeAlias = dict[str, dict[str, dict[str, Any]]]
"""Name -> "release class layout" -> stored name -> [shape, dtype]."""


def unpublished() -> list[str]:
    """The pairs of the catalogue that are made of two checkpoints, or of one and a half that starts fresh."""
    import crossloom
    from compiler.catalogue import names

    specs = {name: crossloom.load_spec(name) for name in names()}
    return [
        name
        for name, spec in specs.items()
        if spec.kind == "pair" and set(spec.checkpoints) & {"encoder", "decoder"}
    ]


def findings(folder: Path, lists: KeyLists) -> dict[str, dict[str, list[str]]]:
    """What verification of every pair says; nothing, if all is well."""
    import crossloom

    found: dict[str, dict[str, list[str]]] = {}
    for pair in unpublished():
        spec = crossloom.load_spec(pair)
        halves = {
            role: list(as_published(lists[part.weights.rpartition("/")[2]]).items())
            for role, part in spec.checkpoints.items()
            if part.weights
        }
        found[pair] = {}
        for number, chosen in enumerate(zip_longest(*halves.values())):
            given, labels = {}, []
            for (role, known), one in zip(halves.items(), chosen, strict=True):
                label, keys = one or known[-1]
                given[role] = folder / f"{pair}-{number}-{role}"
                name = str(spec.checkpoints[role].weights).rpartition("/")[2]
                if name in NAMES:
                    shutil.copytree(folder_of(name), given[role])
                else:
                    given[role].mkdir()
                    shutil.copy(folder / f"{name}.json", given[role] / "config.json")
                write_header(keys, given[role] / "model.safetensors")
                labels.append(label)
            told = crossloom.verify(spec, given)
            found[pair][" + ".join(labels)] = [
                f"{one.code} {one.message}" for one in told if one.severity != "info"
            ]
    return found


def as_published(lists: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The key list of the very file that is published; where it is not known, those the class has had."""
    known = {label: keys for label, keys in lists.items() if label == "as published"}
    return known or lists


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]
    place = Path(sys.argv[1])
    print(json.dumps(findings(place, json.loads((place / "keys.json").read_text()))))
