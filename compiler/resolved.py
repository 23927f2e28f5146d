"""The identity of a resolved spec."""

from __future__ import annotations

import hashlib
import json

from compiler.spec import Spec


def digest(spec: Spec) -> str:
    """sha256 of what the spec means: every field resolved, in canonical JSON.

    Layout, comments, key order and `extends` do not change it. Defaults left out and defaults
    written out are the same.
    """
    data = {
        key: value
        for key, value in spec.data.items()
        if key not in ("extends", "model", "encoder", "decoder")
    }
    for role, component in spec.components.items():
        data[role] = {
            "family": component.family_name,
            "architecture": component.architecture or component.family.architectures[0],
            "config": dict(component.config),
            "weights": component.weights,
        }
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
