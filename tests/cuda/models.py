"""Models of several kinds beside their public twins, those of the tests on the CPU, moved."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import crossloom
from compiler.compilation import compiled
from tests.cuda.place import PLACE
from tests.pairs import cases
from tests.pairs.oracle import random_target
from tests.parity.cases import read_case, save
from tests.vision import test_pairs
from tests.vision.oracle import random_images


@dataclass(frozen=True)
class Both:
    """The public model and ours, what is encoded, and ids to decode with their mask."""

    theirs: Any
    ours: Any
    given: dict[str, Tensor]
    target: dict[str, Tensor]

    def placed(self, dtype: torch.dtype = torch.float32, mode: Any = False) -> Both:
        """Copies there, ours compiled as `mode` says."""
        ours = copy.deepcopy(self.ours).to(PLACE, dtype).eval()
        return Both(
            _placed(self.theirs, dtype),
            compiled(ours, crossloom.lower(ours.spec), mode),
            there(self.given, dtype),
            there(self.target, dtype),
        )

    @property
    def asked(self) -> dict[str, Tensor]:
        """What is encoded, as `generate` takes it."""
        return {name: one for name, one in self.given.items() if name != "token_type_ids"}


def _placed(theirs: Any, dtype: torch.dtype) -> Any:
    """A copy of the public model there, with the sinusoids that its own moving leaves behind."""
    model = copy.deepcopy(theirs).to(PLACE, dtype).eval()
    for module in model.modules():
        if isinstance(getattr(module, "weights", None), Tensor):
            module.weights = module.weights.to(PLACE)
    return model


def there(inputs: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Inputs on the device, numbers that are no ids in a dtype."""
    return {
        name: one.to(PLACE, dtype) if one.is_floating_point() else one.to(PLACE)
        for name, one in inputs.items()
    }


def _speech(folder: Path) -> Both:
    case = read_case(1, save(1, folder, {"max_target_positions": 170}))
    target = {"decoder_input_ids": case.batch["decoder_input_ids"]}
    given = {name: one for name, one in case.batch.items() if name not in target}
    return Both(case.theirs, case.ours, given, target)


def _texts(encoder: str, decoder: str, folder: Path) -> Both:
    case = cases.pair(encoder, decoder, 1)
    return Both(case.theirs, case.ours, case.texts, case.target)


def _images(encoder: str, decoder: str, folder: Path) -> Both:
    theirs, ours = test_pairs.pair(encoder, decoder, 1, folder)
    given = {"pixel_values": random_images(theirs.config.encoder, 1)}
    return Both(theirs, ours, given, random_target(theirs.config.decoder, 1))


KINDS: dict[str, Callable[[Path], Both]] = {
    "speech": _speech,
    "texts, bert and gpt2": lambda folder: _texts("bert", "gpt2", folder),
    "texts, bart twice": lambda folder: _texts("bart", "bart", folder),
    "images, vit and bert": lambda folder: _images("vit", "bert", folder),
    "images, swin and trocr": lambda folder: _images("swin", "trocr", folder),
}
