"""Specs of a saved folder: of its own class, or of another that has some of its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import crossloom


def spec_of(folder: Path, architecture: str, **config: Any) -> crossloom.Spec:
    """What import makes of a folder, its class and fields of its configuration named anew."""
    data = dict(crossloom.import_spec(folder).data)
    if "ForText" in architecture:
        data.pop("processor", None)  # it hears nothing
    model = {**data["model"], "architecture": architecture, "config": {**data["model"]["config"], **config}}
    file = folder.parent / f"{folder.name}-{architecture}.yaml"
    file.write_text(yaml.safe_dump({**data, "model": model}, allow_unicode=True))
    return crossloom.load_spec(file)
