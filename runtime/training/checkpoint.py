"""Checkpoints that are there whole or not at all, and from which a run goes on as if never stopped.

A checkpoint is a folder `checkpoints/step-00000500` in the layout that the spec's kind has, loaded like any
other, with one more file: `training_state.pt` holds the parameters and the optimizer's state bit for bit, the
step, and what identifies the run. The folder is written under a name of its own, flushed to the disk, and
renamed. A failure or an interrupt removes what was begun; only a killed process leaves it, hidden beside the
others.

Nothing else needs keeping: the order of the rows, the learning rate, dropout and masks are functions of the
seed and the step.
"""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from compiler.exporting.export import MODEL_FILE
from compiler.writing.folders import write_folder
from runtime.failures import failure

CHECKPOINTS = "checkpoints"
"""The folder of a run's checkpoints, below that of its model."""
STATE_FILE = "training_state.pt"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run, in `folder`, the newest `keep` of them."""

    folder: Path
    keep: int
    run: dict[str, Any]
    """What must be equal for a run to go on: plain values by name."""

    def save(
        self,
        step: int,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        export: Callable[[Path], None],
    ) -> Path:
        """Write the state after `step` updates; `export` writes the Hub files into a given new folder.

        Raises:
            CrossloomError: XL421 where another run writes to the same folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "format": _FORMAT,
            "step": step,
            "run": self.run,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }

        def write(folder: Path) -> None:
            export(folder)
            _save_state(state, folder / STATE_FILE)

        path = self.folder / f"step-{step:08d}"
        if not write_folder(path, write):
            message = f"{str(path)!r} was written by another run while this one went on"
            raise failure("XL421", message, help="give every run a folder of its own")
        for old in self.paths()[: -self.keep]:
            _remove(old)
        return path

    def paths(self) -> list[Path]:
        """The complete checkpoints, oldest first."""
        return checkpoint_folders(self.folder)

    def clear(self) -> None:
        """Remove every checkpoint, of whatever run."""
        for path in self.paths():
            _remove(path)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
        """Set model and optimizer to the newest checkpoint; the number of updates it has seen.

        Raises:
            CrossloomError: XL514 no checkpoint, XL509 unreadable state, XL421 the state of another run.
        """
        paths = self.paths()
        if not paths:
            raise failure(
                "XL514",
                f"there is no checkpoint to resume from in {str(self.folder)!r}",
                help="start without `resume` (--resume)",
            )
        try:
            state = torch.load(paths[-1] / STATE_FILE, map_location="cpu", weights_only=True)
            if state["format"] != _FORMAT:
                raise ValueError(f"it has the format {state['format']}, and {_FORMAT} is read here")
        except Exception as error:  # unreadable in one of many ways, none of which the user can tell apart
            message = f"cannot read {str(paths[-1] / STATE_FILE)!r}: {error}"
            raise failure(
                "XL509", message, help=f"remove {str(paths[-1])!r} to go on from the one before"
            ) from None
        self._check(state["run"], paths[-1])
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])

    def _check(self, stored: dict[str, Any], path: Path) -> None:
        changed = [name for name in self.run if stored.get(name) != self.run[name]]
        if changed:
            raise failure(
                "XL421",
                f"{str(path)!r} belongs to a run with other {', '.join(changed)}",
                info=tuple(f"{name}: {stored.get(name)!r} then, {self.run[name]!r} now" for name in changed),
                help="go on with the options and rows of that run, or start anew in another folder",
            )


def require_unused(output: Path) -> None:
    """Refuse to start a run where an earlier one left its checkpoints, or its model, which would be lost.

    Raises:
        CrossloomError: XL421.
    """
    going_on = ""
    if checkpoint_folders(output / CHECKPOINTS):
        held, going_on = "the checkpoints of an earlier run", "go on from them with `resume` (--resume), "
    elif (output / MODEL_FILE).exists():
        held = "a model already"
    else:
        return
    help = f"{going_on}choose another folder, or let go of what is there with `force` (--force)"
    raise failure("XL421", f"{str(output)!r} holds {held}", help=help)


def checkpoint_folders(folder: Path) -> list[Path]:
    """The complete checkpoints in a folder, oldest first."""
    return sorted(folder.glob("step-????????"))


def _save_state(state: dict[str, Any], file: Path) -> None:
    try:
        torch.save(state, file)
    except RuntimeError as error:  # torch's own writer; what it writes is sound, so the disk is full or gone
        raise OSError(errno.EIO, "the state could not be written whole", str(file)) from error


def _remove(folder: Path) -> None:
    """Remove a checkpoint; half of one never has its name."""
    doomed = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    folder.rename(doomed)
    shutil.rmtree(doomed)


def write_model(model: Any, processor: Any, folder: Path) -> None:
    """Write a model and its processor into a folder, in the layout that its spec's kind has."""
    from compiler.analysis import analysis_of
    from compiler.exporting.export import export

    export(model, analysis_of(model.spec).sound()[1], folder)
    processor.save(folder)
