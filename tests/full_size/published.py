"""Published models at full size, without torch: in every role imported, emitted, verified.

`python -m tests.full_size.published FOLDER` prints one JSON object: case -> key list -> what is told of it.
Weights are files of the right length with nothing in them, so that only headers can be read.
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from specs.families import family
from specs.family import roles_of

Role: TypeAlias = Literal["model", "encoder", "decoder", "pair"]
KeyList: TypeAlias = dict[str, Any]
"""Stored name -> [shape, dtype]."""

DATA = Path(__file__).parent.parent / "data"
BYTES = {"float32": 4, "int64": 8, "uint8": 1}
DTYPES = {"float32": "F32", "int64": "I64", "uint8": "U8"}
START = {"bert-base-uncased": {"decoder_start": 101}}
"""Ids that a configuration leaves open for a decoder."""


@cache
def _key_lists() -> dict[str, tuple[Path, dict[str, KeyList]]]:
    """Model -> its folder, and "release class layout" or "as published" -> key list."""
    return {
        name: (file.parent / name, lists)
        for file in sorted(DATA.glob("*/keys.json.gz"))
        for name, lists in json.loads(gzip.decompress(file.read_bytes())).items()
    }


NAMES = tuple(_key_lists())


def folder_of(name: str) -> Path:
    """The configuration and the files beside it."""
    return _key_lists()[name][0]


def key_lists(name: str) -> dict[str, KeyList]:
    """Everything that was ever stored under a name."""
    return _key_lists()[name][1]


def config_of(name: str) -> dict[str, Any]:
    """What config.json states."""
    config: dict[str, Any] = json.loads((folder_of(name) / "config.json").read_text())
    return config


@dataclass(frozen=True)
class Case:
    """A published model, and what of it is taken."""

    name: str
    role: Role

    def __str__(self) -> str:
        return f"{self.name} {self.role}"

    @property
    def is_half(self) -> bool:
        """Half of a pair, its configuration inside the pair's."""
        return self.role != "pair" and "encoder" in config_of(self.name)

    @property
    def lists(self) -> dict[str, KeyList]:
        """The key lists that hold the role: a class that is a decoder alone holds no other."""
        lists = key_lists(self.name)
        if self.is_half:
            start = f"{self.role}."
            return {
                label: {key.removeprefix(start): of for key, of in keys.items() if key.startswith(start)}
                for label, keys in lists.items()
            }
        return {k: keys for k, keys in lists.items() if self.role == "decoder" or "ForCausalLM" not in k}

    def copy(self, folder: Path) -> Path:
        """The files of the model beside its weights; of a half of a pair, its configuration.

        What class that once was is left out: it names the checkpoint that the half began from.
        """
        if not self.is_half:
            shutil.copytree(folder_of(self.name), folder)
            return folder
        folder.mkdir(parents=True)
        half = {k: value for k, value in config_of(self.name)[self.role].items() if k != "architectures"}
        (folder / "config.json").write_text(json.dumps(half))
        if self.role == "encoder":
            shutil.copy(folder_of(self.name) / "preprocessor_config.json", folder)
        return folder

    def imported(self, source: Path) -> Any:
        """The spec of the role."""
        import crossloom

        tokens = START.get(self.name) if self.role == "decoder" else None
        role = self.role if self.role in ("encoder", "decoder") else None
        return crossloom.import_spec(source, role=role, tokens=tokens)


def roles(name: str) -> tuple[Role, ...]:
    """What a published model can be taken as."""
    config = config_of(name)
    return ("pair", "encoder", "decoder") if "encoder" in config else roles_of(family(config["model_type"]))  # type: ignore[return-value]


CASES = [Case(name, role) for name in NAMES for role in roles(name)]


def write_header(keys: KeyList, path: Path) -> None:
    """A safetensors file with these tensors whose data is a hole."""
    header, start = {}, 0
    for name, (shape, dtype) in keys.items():
        stop = start + math.prod(shape) * BYTES[dtype]
        header[name] = {"dtype": DTYPES[dtype], "shape": shape, "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + start)


def findings(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What import, emission and verification of every case tell."""
    import crossloom

    found: dict[str, dict[str, list[str]]] = {}
    for case in CASES:
        found[str(case)] = {}
        for label, keys in case.lists.items():
            checkpoint = case.copy(folder / f"{case} {label}".replace(" ", "-"))
            write_header(keys, checkpoint / "model.safetensors")
            spec = case.imported(checkpoint)
            if not found[str(case)]:
                crossloom.emit(spec, Path(f"{checkpoint}-emitted"))
            told = crossloom.verify(spec, checkpoint)
            found[str(case)][label] = [f"{one.severity.value} {one.code} {one.message}" for one in told]
    return found


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]
    print(json.dumps(findings(Path(sys.argv[1]))))
