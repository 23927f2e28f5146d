"""Projections of a loaded model replaced by int8 ones, and what that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.precision import Precision
from specs.graph import Graph

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from compiler.spec import Spec


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What a model lost by int8 weights.

    Attributes:
        weights: by the address of a projection, the largest difference of a weight from what it was.
        outputs: the largest difference of the logits (without a decoder, of the states) on random inputs of
            a fixed seed, relative to the largest of those before, or to one where that is less.
        bytes: of the projections' weights, before and after.
    """

    weights: Mapping[str, float]
    outputs: float
    bytes: tuple[int, int]

    def __str__(self) -> str:
        address, worst = max(self.weights.items(), key=lambda item: item[1])
        before, after = self.bytes
        return (
            f"int8: {len(self.weights)} projections, {before / 1e6:.1f} MB to {after / 1e6:.1f} MB; weights "
            f"differ by at most {worst:.2g} (`{address}`), outputs of random inputs by {self.outputs:.2g} of "
            f"the largest"
        )


def quantise(model: torch.nn.Module, spec: Spec, graph: Graph, precision: Precision) -> None:
    """Replace the projections of the components whose dtype is int8, and attach `model.quantization`.

    Addresses stay. A head that is tied to an embedding gets weights of its own: the embedding stays float32,
    because rows of it are looked up, and the head, the largest product of a step, becomes int8. Afterwards
    the model refuses to be trained and to take other weights (XL604).
    """
    from torch import nn

    if not precision.quantises:
        return
    modules = dict(model.named_modules(remove_duplicate=False))
    chosen: dict[str, Any] = {
        address: module
        for address, module in modules.items()
        if isinstance(module, nn.Linear) and precision.is_quantised(address)
    }
    if not chosen:
        return
    from blocks.quantised import Int8Projection
    from compiler.reports.smoke import probe

    model.eval()
    before, errors, sizes = probe(model, spec, graph), {}, (0, 0)
    for address, projection in chosen.items():
        owner, _, name = address.rpartition(".")
        quantised = Int8Projection.of(projection)
        setattr(modules[owner], name, quantised)
        errors[address] = _largest(quantised.dequantised() - projection.weight)
        sizes = sizes[0] + projection.weight.nbytes, sizes[1] + quantised.weight.nbytes
    after = probe(model, spec, graph)
    output = "logits" if "logits" in after else next(iter(after))
    difference = _largest(after[output].double() - before[output].double())
    relative = difference / max(1.0, _largest(before[output]))
    model.__dict__["quantization"] = Quantisation(errors, relative, sizes)
    _keep(model)


def _largest(difference: Tensor) -> float:
    return float(difference.detach().abs().max())


def require_unquantised(model: Any, what: str) -> None:
    """Refuse (XL604) a model of which less is left than `what` would write or change."""
    if getattr(model, "quantization", None) is not None:
        raise _refusal(what)


def _keep(model: Any) -> None:
    """Refuse what would change the weights: they are rounded, and no step is small enough for them."""

    def train(mode: bool = True) -> Any:
        if mode:
            raise _refusal("be trained")
        return model

    def load_state_dict(*_: object, **__: object) -> NoReturn:
        raise _refusal("take other weights")

    model.__dict__ |= {"train": train, "load_state_dict": load_state_dict}


def _refusal(what: str) -> CrossloomError:
    message = f"a model with int8 weights cannot {what}"
    help = "load it without `dtype={...: torch.int8}`, and quantise what comes of it"
    return CrossloomError([Diagnostic("XL604", Severity.ERROR, message, help=help)])
