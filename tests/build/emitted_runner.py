"""Runs emitted files where nothing of ours can be imported; started as a script, alone.

Arguments: folders that each hold `modeling.py` and `given.pt` (state dict and batch). `outputs.pt` is written
beside them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

OURS = ("crossloom", "compiler", "blocks", "specs", "runtime")


def run(model: Any, batch: dict[str, Any]) -> dict[str, Any]:
    """Everything the live model offers, once."""
    import torch

    ids, mask = batch["decoder_input_ids"], batch["attention_mask"]
    with torch.no_grad():
        encoded = model.encode(batch["input_features"], mask)
        unmasked = model.encode(batch["input_features"])
        cache = model.new_cache(2 * len(ids), ids.shape[1], encoded, beams=2)
        steps = []
        for token in range(ids.shape[1]):
            steps.append(model.decode(ids[:, token : token + 1].repeat_interleave(2, 0), encoded, cache))
            cache.reorder(torch.arange(2 * len(ids)).view(-1, 2).flip(1).flatten())
        whole = model(batch["input_features"], mask, labels=ids)
    return {
        "hidden": encoded.hidden,
        "mask": encoded.mask,
        "unmasked": unmasked.hidden,
        "decode": model.decode(ids, encoded).detach(),
        "steps": torch.cat(steps, dim=1),
        "loss": whole.loss,
        "logits": whole.logits,
    }


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
        state, batch = torch.load(folder / "given.pt")
        model = module.Model().eval()
        model.load_state_dict(state)
        torch.save({**run(model, batch), "keys": list(model.state_dict())}, folder / "outputs.pt")


if __name__ == "__main__":
    main(sys.argv[1:])
