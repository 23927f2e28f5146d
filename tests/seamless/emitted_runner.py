"""Runs emitted translators where nothing of ours can be imported; started as a script, alone.

Arguments: folders that each hold `modeling.py` and `given.pt` (state dict, calls). `outputs.pt` is written
beside them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

OURS = ("crossloom", "compiler", "blocks", "specs", "runtime")

Call = tuple[str, dict[str, Any]]
"""A method's name, and its arguments."""


def run(model: Any, calls: list[Call]) -> list[Any]:
    """What each call gives, as plain tuples of tensors."""
    import torch

    with torch.no_grad():
        results = [getattr(model, name)(**_encoded(model, given)) for name, given in calls]
    return [(one,) if isinstance(one, torch.Tensor) else tuple(one) for one in results]


def _encoded(model: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments in which what is to be encoded is."""
    return {name: model.encode(**one) if name == "encoded" else one for name, one in given.items()}


def main(folders: list[str]) -> None:
    """Build, fill and run each folder's model."""
    for name in OURS:
        sys.modules[name] = None  # type: ignore[assignment]
    import torch

    for folder in map(Path, folders):
        spec = importlib.util.spec_from_file_location("modeling", folder / "modeling.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        state, calls = torch.load(folder / "given.pt")
        model = module.Model().eval()
        model.load_state_dict(state)
        torch.save({"results": run(model, calls), "keys": list(model.state_dict())}, folder / "outputs.pt")


if __name__ == "__main__":
    main(sys.argv[1:])
