"""Nothing asks for CUDA before a model is put there: not importing, and nothing that runs on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.runner import python

CODE = """
import torch

def refuse(*_, **__):
    raise AssertionError("CUDA was asked for")

torch.cuda._lazy_init = torch.cuda.init = torch.cuda.current_device = torch.cuda.set_device = refuse
torch._C._cuda_init = refuse

import pkgutil, importlib
import blocks, compiler, runtime, specs
for package in (blocks, compiler, runtime, specs):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)

import crossloom
model = crossloom.from_pretrained(CHECKPOINT)
features = torch.randn(2, 40, model.spec.config["input_feat_per_channel"])
for beams in (1, 3):
    crossloom.generate(model, input_features=features, num_beams=beams, max_new_tokens=5)
crossloom.build(model.spec)(input_features=features, labels=torch.tensor([[5, 6], [7, 8]])).loss.backward()
print("done", torch.cuda.is_initialized())
"""


def test_no_import_and_nothing_on_a_cpu_asks_for_cuda(
    tiny_checkpoint: Callable[[int], Path], tmp_path: Path
) -> None:
    told = python(CODE.replace("CHECKPOINT", repr(str(tiny_checkpoint(0)))), tmp_path)
    assert told.stdout.splitlines()[-1:] == ["done False"], told.stderr
