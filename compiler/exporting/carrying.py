"""What a published class has beside what is computed here: written back as its checkpoint stores it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compiler.checkpoint.findings import quoted
from compiler.checkpoint.reader import read_checkpoint
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.spec import Component
from compiler.weights.values import Values
from specs.family import class_of
from specs.weights import Carried, fill, generalise

if TYPE_CHECKING:
    from torch import Tensor

LABELS = ("id2label", "label2id", "problem_type")
"""Fields of config.json that size a head of classes."""


def carried(model: Any, component: Component) -> dict[str, Tensor]:
    """What the published class has beside: as its checkpoint stores it, else as the class begins."""
    like = next(iter(model.parameters()))
    kept = {}
    for name, part, found in _parts(model, component):
        value = _initial(part) if found is None else found
        value = value.to(like.dtype) if value.is_floating_point() else value
        kept[name] = value.contiguous()
    return kept


def begun_parts(model: Any, component: Component) -> list[Diagnostic]:
    """XL520 where parts are written as they begin, for no checkpoint gave them."""
    begun = [name for name, _, found in _parts(model, component) if found is None]
    if not begun:
        return []
    return [
        Diagnostic(
            "XL520",
            Severity.WARNING,
            f"{quoted(begun)}: written with initial values",
            info=("the published class has this part, and no checkpoint of this model does",),
            help="train that part before you use it",
        )
    ]


def _parts(model: Any, component: Component) -> Iterator[tuple[str, Carried, Tensor | None]]:
    """(stored name, the part, its tensor where the model's checkpoint has one)."""
    table = component.family.weights(component.view)
    stored = stored_by(model, component)
    for one in table.ignored:
        if one.carried is None or one.carried.role != component.role:
            continue
        numbers: Iterable[tuple[str, ...]] = [()]
        if one.carried.repeats is not None:
            numbers = ((str(index),) for index in range(one.carried.repeats))
        for number in numbers:
            names = [fill(name, number) for name in (one.pattern, *one.copies)]
            spelt = [dialect.spell(name) for name in names for dialect in table.dialects]
            found = next((name for name in spelt if name in stored), None)
            yield names[0], one.carried, None if found is None else stored[found]


def _initial(carried: Carried) -> Tensor:
    """How a part that is not computed with begins."""
    import torch

    if carried.dtype == "int64":
        return torch.zeros(carried.shape, dtype=torch.int64)
    drawn = torch.full(carried.shape, carried.mean)
    if carried.deviation:
        generator = torch.Generator().manual_seed(0)
        drawn.normal_(carried.mean, carried.deviation, generator=generator)
    return drawn


def stored_by(model: Any, component: Component) -> Mapping[str, Tensor]:
    """The tensors of the checkpoint that a part was loaded from; none for one that was built.

    Of a published pair's they are those of its half, named as in a checkpoint of that.
    """
    sources = getattr(model, "sources", {})
    if component.role in sources:
        return Values(read_checkpoint(sources[component.role]))
    return _Below(Values(read_checkpoint(sources["model"])), component.role) if "model" in sources else {}


class _Below(Mapping[str, "Tensor"]):
    """Those of some tensors whose names begin with a role, without it."""

    def __init__(self, tensors: Mapping[str, Tensor], role: str) -> None:
        self._tensors = tensors
        self._start = f"{role}."

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._start + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(self._start) for name in self._tensors if name.startswith(self._start))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._start + name in self._tensors


def heads(model: Any, component: Component) -> dict[str, Tensor]:
    """What the published class has above the half, as its checkpoint stores it.

    Raises:
        CrossloomError: XL501 where the spec names a class with a head and the checkpoint has none.
    """
    half = component.family.halves.get(component.role)
    patterns = () if half is None else half.heads.get(component.architecture or "", ())
    stored = stored_by(model, component)
    found = {name: stored[name] for name in stored if generalise(name)[0] in patterns}
    if patterns and not found:
        place = model.spec.origins.get(f"{component.role}.architecture")
        raise CrossloomError(
            [
                Diagnostic(
                    "XL501",
                    Severity.ERROR,
                    f"`{component.architecture}` has a head, and no checkpoint of this model stores one",
                    (place,) if place else (),
                    (f"a head is written back as it was read: {', '.join(patterns)}",),
                    f"remove `architecture:` to write a {class_of(component.family, component.role)}",
                )
            ]
        )
    return {name: tensor.contiguous() for name, tensor in found.items()}


def labels(model: Any, component: Component) -> dict[str, Any]:
    """The fields of config.json that a head needs and that an encoder or a decoder does without."""
    half = component.family.halves.get(component.role)
    source = getattr(model, "sources", {}).get(component.role)
    if half is None or component.architecture not in half.heads or source is None:
        return {}
    stated = json.loads(source.path("config.json").read_text(encoding="utf-8"))
    return {name: stated[name] for name in LABELS if name in stated}
