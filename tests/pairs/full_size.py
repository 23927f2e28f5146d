"""Published text configurations at full size, without torch: each role imported, emitted, verified.

`python -m tests.pairs.full_size FOLDER` prints one JSON object: name and role -> key list -> findings.
Weights are files of the right length with nothing in them, so that only headers can be read.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.parity.full_size import write_header

Role: TypeAlias = Literal["model", "encoder", "decoder"]

DATA = Path(__file__).parent.parent / "data" / "text"
ROLES: dict[str, tuple[Role, ...]] = {
    "bart-base": ("model", "encoder", "decoder"),
    "bert-base-uncased": ("encoder", "decoder"),
    "gpt2": ("decoder",),
    "mbart-large-50": ("model", "encoder", "decoder"),
    "roberta-base": ("encoder", "decoder"),
}
START = {"bert-base-uncased": {"decoder_start": 101}}
"""Ids that a configuration leaves open for a decoder."""


def key_lists() -> dict[str, dict[str, dict[str, Any]]]:
    """Model -> "release class layout" -> stored name -> [shape, dtype]."""
    lists: dict[str, dict[str, dict[str, Any]]] = json.loads(
        gzip.decompress((DATA / "keys.json.gz").read_bytes())
    )
    return lists


def imported(name: str, role: Role, source: Path) -> Any:
    """The spec of one role."""
    import crossloom

    tokens = START.get(name) if role == "decoder" else None
    return crossloom.import_spec(source, role=None if role == "model" else role, tokens=tokens)


def lists_of(name: str, role: Role) -> dict[str, dict[str, Any]]:
    """The key lists of a model that hold a role: a class that is a decoder alone holds no other."""
    lists = key_lists()[name].items()
    return {label: keys for label, keys in lists if role == "decoder" or "BartForCausalLM" not in label}


def findings(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What import, emission and verification of every model say; nothing, if all is well."""
    import crossloom

    found: dict[str, dict[str, list[str]]] = {}
    for name, roles in ROLES.items():
        for role in roles:
            found[f"{name} {role}"] = {}
            for label, keys in lists_of(name, role).items():
                checkpoint = folder / f"{name}-{role}-{label.replace(' ', '-')}"
                shutil.copytree(DATA / name, checkpoint)
                write_header(keys, checkpoint / "model.safetensors")
                spec = imported(name, role, checkpoint)
                crossloom.emit(spec, Path(f"{checkpoint}-emitted"))
                found[f"{name} {role}"][label] = [
                    f"{d.code} {d.message}" for d in crossloom.verify(spec, checkpoint)
                ]
    return found


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]
    print(json.dumps(findings(Path(sys.argv[1]))))
