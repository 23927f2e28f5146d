"""In which numbers each side of a model computes: `dtype=` of `build`, `load` and `from_pretrained`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.placement import DTYPES
from specs.graph import Graph

if TYPE_CHECKING:
    import torch

    Dtypes = torch.dtype | Mapping[str, torch.dtype] | None
    """One for all, or by component; what is not named stays as it is stored."""

SECTIONS = {"encoder": "encode", "decoder": "decode"}
"""By component, the method whose nodes it is: a bridge belongs to the encoder, a head to the decoder."""
QUANTISED = "int8"
"""What a component may have beside DTYPES: projections of one byte a weight, all else in float32."""


@dataclass(frozen=True, slots=True)
class Precision:
    """The dtype of every address.

    Attributes:
        stated: what was asked for, by component.
        owners: the component of every node.
    """

    stated: Mapping[str, torch.dtype]
    owners: Mapping[str, str]

    def of(self, address: str) -> torch.dtype | None:
        """What a parameter or buffer is held in; None leaves it as it is stored."""
        import torch

        dtype = self.stated.get(self.component(address))
        return torch.float32 if dtype == torch.int8 else dtype

    @property
    def quantises(self) -> bool:
        """Whether projections of some component have one byte a weight."""
        import torch

        return torch.int8 in self.stated.values()

    def is_quantised(self, address: str) -> bool:
        """Whether a projection there has one byte a weight."""
        import torch

        return self.stated.get(self.component(address)) == torch.int8

    def component(self, address: str) -> str:
        """Whose an address is; empty for what no node owns."""
        if not self.owners:
            return ""
        steps = address.split(".")
        prefixes = (".".join(steps[:depth]) for depth in range(len(steps), 0, -1))
        return next((self.owners[prefix] for prefix in prefixes if prefix in self.owners), "")


def precision(graph: Graph, dtype: Dtypes) -> Precision:
    """What `dtype` says about a model's addresses.

    Raises:
        CrossloomError: XL112 for a component that the model lacks, a dtype that none can have, or two that
            share a parameter and differ.
    """
    if not isinstance(dtype, Mapping):
        stated = {} if dtype is None else {"": dtype}
        return Precision(stated, {})
    sections = graph.sections()
    is_plain = not graph.methods and not graph.encoders
    components = [name for name, method in SECTIONS.items() if is_plain and sections.get(method)]
    if findings := [*_unknown(dtype, components), *_impossible(dtype)]:
        raise CrossloomError(findings)
    owners = {node.name: name for name in components for node in sections[SECTIONS[name]]}
    found = Precision(dict(dtype), owners)
    for tie in graph.ties:
        if found.of(tie.kept) != found.of(tie.tied):
            raise CrossloomError([_shared(found, tie.kept, tie.tied)])
    return found


def _unknown(dtype: Mapping[str, torch.dtype], components: list[str]) -> list[Diagnostic]:
    if not components:
        message = "this model has more parts than an encoder and a decoder, and one dtype for all of them"
        return [Diagnostic("XL112", Severity.ERROR, message, help="pass one dtype: `dtype=torch.bfloat16`")]
    findings = []
    for name in dtype:
        if name not in components:
            close = near(str(name), components)
            help = f"did you mean `{close[0]}`?" if close else f"this model has {' and '.join(components)}"
            message = f"`dtype` names the component {name!r}, and this model has no such one"
            findings.append(Diagnostic("XL112", Severity.ERROR, message, help=help))
    return findings


def _impossible(dtype: Mapping[str, torch.dtype]) -> list[Diagnostic]:
    import torch

    names = (*DTYPES, QUANTISED)
    possible = [getattr(torch, name) for name in names]
    help = f"pass {', '.join(f'torch.{name}' for name in names)}, or leave it out"
    return [
        Diagnostic("XL112", Severity.ERROR, f"the {name} cannot have the dtype {one!r}", help=help)
        for name, one in dtype.items()
        if one not in possible
    ]


def _shared(found: Precision, kept: str, tied: str) -> Diagnostic:
    return Diagnostic(
        "XL112",
        Severity.ERROR,
        f"`{kept}` and `{tied}` are one parameter, and cannot have two dtypes",
        info=(f"`dtype` makes them {found.of(kept)} and {found.of(tied)}; None is as stored",),
        help="give both components the same dtype; int8 holds what is no projection in torch.float32",
    )
