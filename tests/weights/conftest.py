"""A checkpoint to spoil, and what crossloom says of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

import crossloom
from tests.parity.cases import save

TIED, UNTIED = 0, 1


@dataclass
class Spoilt:
    """A folder whose tensors may be changed before it is verified and loaded."""

    folder: Path
    spec: crossloom.Spec
    tensors: dict[str, Tensor]

    def write(self, form: str = "safetensors") -> None:
        """Store the tensors as they are now."""
        (self.folder / "model.safetensors").unlink(missing_ok=True)
        if form == "bin":
            torch.save(self.tensors, self.folder / "pytorch_model.bin")
        else:
            copies = {name: tensor.clone() for name, tensor in self.tensors.items()}
            save_file(copies, self.folder / "model.safetensors")

    def with_section(self, **sections: Any) -> None:
        """Add sections such as `ignore:` to the spec."""
        path = self.folder / "spec.yaml"
        path.write_text(yaml.safe_dump({**self.spec.data, **sections}))
        self.spec = crossloom.load_spec(path)

    def verified(self) -> list[tuple[str, str]]:
        """(code, message) of every finding by headers alone."""
        self.write()
        return [(d.code, d.message) for d in crossloom.verify(self.spec, self.folder)]

    def loaded(self, form: str = "safetensors") -> list[tuple[str, str]]:
        """(code, message) of what refuses the load; empty if it loads."""
        self.write(form)
        try:
            with warnings.catch_warnings(category=crossloom.CrossloomWarning, action="ignore"):
                crossloom.load(self.spec, self.folder)
        except crossloom.CrossloomError as error:
            return [(d.code, d.message) for d in error.diagnostics]
        return []


@pytest.fixture
def spoil(tmp_path: Path) -> Callable[[int], Spoilt]:
    """`spoil(seed)`: a sound checkpoint."""

    def make(seed: int) -> Spoilt:
        folder = save(seed, tmp_path / "checkpoint")
        tensors = dict(load_file(folder / "model.safetensors"))
        return Spoilt(folder, crossloom.import_spec(folder), tensors)

    return make
