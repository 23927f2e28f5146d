"""Published text configurations at full size, without torch: each role imported, emitted, verified.

`python -m tests.pairs.full_size FOLDER` prints one JSON object: name and role -> key list -> findings.
Weights are files of the right length with nothing in them, so that only headers can be read.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from specs.families import FAMILIES
from tests.parity.full_size import write_header

Role: TypeAlias = Literal["model", "encoder", "decoder", "pair"]

DATA = Path(__file__).parent.parent / "data" / "text"
PAIRS = DATA.parent / "pairs"
"""Published pairs, each with the configuration of both halves; they are taken whole, and one half of them."""
ROLES: dict[str, tuple[Role, ...]] = {
    "bart-base": ("model", "encoder", "decoder"),
    "bert-base-uncased": ("encoder", "decoder"),
    "gpt2": ("decoder",),
    "mbart-large-50": ("model", "encoder", "decoder"),
    "roberta-base": ("encoder", "decoder"),
}
PAIRED = (
    "donut-base",
    "s2t-wav2vec2-large-en-ar",
    "s2t-wav2vec2-large-en-ca",
    "s2t-wav2vec2-large-en-de",
    "s2t-wav2vec2-large-en-tr",
    "trocr-base-handwritten",
    "trocr-base-stage1",
    "trocr-large-handwritten",
    "trocr-large-printed",
    "trocr-small-handwritten",
    "vit-gpt2-image-captioning",
    "wav2vec2-xls-r-1b-en-to-15",
    "wav2vec2-xls-r-2b-21-to-en",
    "wav2vec2-xls-r-300m-en-to-15",
)
"""Pairs, which are taken whole, and their decoders."""


def families_of(pair: str) -> set[str]:
    """The families of a pair's halves."""
    config = json.loads((PAIRS / pair / "config.json").read_text())
    return {config[role]["model_type"] for role in ("encoder", "decoder")}


ENCODERS = tuple(name for name in PAIRED if "wav2vec2" in name)
"""Pairs whose encoder is taken."""
CASES: list[tuple[str, Role]] = [
    *((name, role) for name, roles in ROLES.items() for role in roles),
    *((name, "decoder") for name in PAIRED),
    *((name, "encoder") for name in ENCODERS),
    *((name, "pair") for name in PAIRED if families_of(name) <= set(FAMILIES)),
]
START = {"bert-base-uncased": {"decoder_start": 101}}
"""Ids that a configuration leaves open for a decoder."""


@cache
def key_lists(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Model -> "release class layout" -> stored name -> [shape, dtype]."""
    lists: dict[str, dict[str, dict[str, Any]]] = json.loads(
        gzip.decompress((folder / "keys.json.gz").read_bytes())
    )
    return lists


def copy(name: str, role: Role, folder: Path) -> Path:
    """The files of a model beside its weights; of a half of a pair, its configuration.

    What class that once was is left out: it names the checkpoint that the half began from.
    """
    if name in ROLES or role == "pair":
        shutil.copytree((DATA if name in ROLES else PAIRS) / name, folder)
        return folder
    folder.mkdir()
    config = json.loads((PAIRS / name / "config.json").read_text())
    half = {field: value for field, value in config[role].items() if field != "architectures"}
    (folder / "config.json").write_text(json.dumps(half))
    if role == "encoder":
        shutil.copy(PAIRS / name / "preprocessor_config.json", folder)
    return folder


def imported(name: str, role: Role, source: Path) -> Any:
    """The spec of one role."""
    import crossloom

    tokens = START.get(name) if role == "decoder" else None
    return crossloom.import_spec(source, role=role if role in ("encoder", "decoder") else None, tokens=tokens)


def lists_of(name: str, role: Role) -> dict[str, dict[str, Any]]:
    """The key lists of a model that hold a role: a class that is a decoder alone holds no other."""
    if role == "pair":
        return key_lists(PAIRS)[name]
    if name not in ROLES:
        whole = key_lists(PAIRS)[name].items()
        return {
            label: {
                key.removeprefix(f"{role}."): of for key, of in keys.items() if key.startswith(f"{role}.")
            }
            for label, keys in whole
        }
    lists = key_lists(DATA)[name].items()
    return {label: keys for label, keys in lists if role == "decoder" or "BartForCausalLM" not in label}


def findings(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What import, emission and verification of every model say; nothing, if all is well."""
    import crossloom

    found: dict[str, dict[str, list[str]]] = {}
    for name, role in CASES:
        found[f"{name} {role}"] = {}
        for label, keys in lists_of(name, role).items():
            checkpoint = copy(name, role, folder / f"{name}-{role}-{label.replace(' ', '-')}")
            write_header(keys, checkpoint / "model.safetensors")
            spec = imported(name, role, checkpoint)
            crossloom.emit(spec, Path(f"{checkpoint}-emitted"))
            found[f"{name} {role}"][label] = [
                f"{d.code} {d.message}"
                for d in crossloom.verify(spec, checkpoint)
                if d.severity.value != "info"
            ]
    return found


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]
    print(json.dumps(findings(Path(sys.argv[1]))))
