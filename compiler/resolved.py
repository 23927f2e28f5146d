"""A spec with every field written out, and its identity."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml

from compiler.spec import Spec


def resolved(spec: Spec) -> dict[str, Any]:
    """What the spec means: `extends` applied, every field of every config present."""
    data = {key: value for key, value in spec.data.items() if key != "extends"}
    for role, component in spec.components.items():
        data[role] = {
            "family": component.family_name,
            "architecture": component.architecture or component.family.architectures[0],
            **({"weights": component.weights} if component.weights else {}),
            "config": dict(component.config),
        }
    return data


def resolved_yaml(spec: Spec) -> str:
    """The resolved spec as YAML, in the order of the file."""
    return yaml.safe_dump(resolved(spec), sort_keys=False, allow_unicode=True, width=100)


def digest(spec: Spec) -> str:
    """sha256 of the resolved spec in canonical JSON.

    Layout, comments, key order and `extends` do not change it. Defaults left out and defaults
    written out are the same.
    """
    text = json.dumps(resolved(spec), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
