"""A spec with every field written out, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from compiler.checkpoint.resolve import is_folder, seen_from
from compiler.spec import Part, Spec
from compiler.writing.overwriting import MARK
from specs.family import class_of


def resolved(spec: Spec) -> dict[str, Any]:
    """What the spec means: `extends` applied, every field of every config present."""
    return _resolved(spec, lambda component: component.weights)


def _resolved(spec: Spec, weights_of: Callable[[Part], str | None]) -> dict[str, Any]:
    data = {key: value for key, value in spec.data.items() if key != "extends"}
    for role, component in spec.components.items():
        data[role] = {
            "family": component.family_name,
            "architecture": component.architecture or class_of(component.family, role),
            **({"weights": weights} if (weights := weights_of(component)) else {}),
            "config": dict(component.config),
            **({"rows": component.rows.model_dump(exclude_none=True)} if component.rows else {}),
        }
    if spec.whole is not None:
        data["weights"] = weights_of(spec.whole)
    if data.get("weights") is None:
        data.pop("weights", None)
    for role, part in spec.graphs.items():
        if role in data:  # a half: a whole graph stands at the top, and has no section of its own
            weights = weights_of(part)
            data[role] = {**({"weights": weights} if weights else {}), "graph": data[role]["graph"]}
    return data


def resolved_yaml(spec: Spec, folder: Path | None = None) -> str:
    """The resolved spec as YAML, in the order of the file.

    For a file in `folder`, a relative folder under `weights:` is written as seen from there: the same
    text wherever spec and `folder` lie in the same way to each other. Without one it stays as written.
    """

    def weights_of(part: Part) -> str | None:
        if part.weights is None or folder is None:
            return part.weights
        return seen_from(folder, part.weights, part.base)

    return yaml.safe_dump(_resolved(spec, weights_of), sort_keys=False, allow_unicode=True, width=100)


def whole_yaml(spec: Spec) -> str:
    """The resolved spec of a model that is stored as a whole, in the folder of its tensors.

    What says where parts of it came from is left out, and what was fresh is so no more.
    """
    data = _resolved(spec, lambda _: None)
    kept = {key: value for key, value in data.items() if key not in ("weights", "fresh", "ignore")}
    for role in spec.components:
        kept[role].pop("rows", None)  # the tensors have the vocabulary of the spec by now
    front = {key: kept.pop(key) for key in ("crossloom", "name")}
    data = {**front, "weights": "./", **kept}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return f"# The model beside it, {MARK}: load it by this file.\n{text}"


def digest(spec: Spec) -> str:
    """sha256 of the resolved spec in canonical JSON.

    Layout, comments, key order and `extends` do not change it. Defaults left out and defaults
    written out are the same. Where a folder of weights lies is no part of what the spec means: a spec
    has the same digest wherever it is emitted.
    """

    def weights_of(part: Part) -> str | None:
        return None if part.weights is None or is_folder(part.weights) else part.weights

    text = json.dumps(_resolved(spec, weights_of), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
