"""A resolved spec: what the file says, every default filled in, every value traced to its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from compiler.diagnostics.model import Span
from specs.families import family
from specs.family import Family
from specs.flow import FLOWS, Flow
from specs.generation import SEARCH_IDS
from specs.language import FreeGraph, Rows, SpecFile
from specs.processing.stated import Processing
from specs.values import View

Kind = Literal["model", "pair", "encoder", "decoder", "graph"]

FORMS: Mapping[Kind, str] = {
    "model": "one published model",
    "pair": "an encoder and a decoder",
    "encoder": "a lone encoder",
    "decoder": "a lone decoder",
    "graph": "a free graph",
}
"""What a spec of each kind is, in words."""

HALVES = ("encoder", "decoder")
"""The roles of the two halves of a model."""


@dataclass(frozen=True)
class Part(ABC):
    """The whole model, or one half of it: `role` is model, encoder or decoder.

    A relative folder under `weights` begins at `base`, the folder of the file that names it, be it the spec
    or one that the spec extends.
    """

    role: str
    weights: str | None = field(default=None, kw_only=True)
    base: Path = field(default=Path(), kw_only=True)

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is, in a word."""


@dataclass(frozen=True)
class GraphPart(Part):
    """A part written as blocks and their connections."""

    graph: FreeGraph

    @property
    def label(self) -> str:
        """No family: a graph."""
        return "graph"

    @property
    def address(self) -> str:
        """Where the spec writes it."""
        return "graph" if self.role == "model" else f"{self.role}.graph"

    @property
    def prefix(self) -> str:
        """What the addresses of its nodes begin with: a half's are below its role."""
        return "" if self.role == "model" else f"{self.role}."


@dataclass(frozen=True)
class Whole(Part):
    """All parts together, where the spec names a checkpoint of them all: its tensors have our addresses."""

    @property
    def label(self) -> str:
        """Neither a family nor a graph."""
        return "whole"


@dataclass(frozen=True)
class Component(Part):
    """A part that a family states; `config` has every field, `written` those the spec sets."""

    family_name: str
    config: Mapping[str, Any]
    written: frozenset[str]
    architecture: str | None = None
    rows: Rows | None = None

    @property
    def label(self) -> str:
        """The family's name."""
        return self.family_name

    @property
    def family(self) -> Family:
        """The family's statement of itself."""
        return family(self.family_name)

    @cached_property
    def view(self) -> View:
        """The config with every field's address."""
        return View(self.config, f"{self.role}.config", self.architecture)


@dataclass(frozen=True, eq=False)
class Spec:
    """A checked spec. Frozen; `load_spec` and `import_spec` make it.

    Attributes:
        name: the model's name.
        kind: model, pair, encoder, decoder or graph.
        file: the spec file, or None for an imported spec.
        data: the resolved spec as plain data, `extends` applied, only what was written.
        components: the parts that are families, by role: `model`, or `encoder` and `decoder`.
        graphs: the parts that are free graphs, by role.
        whole: the one checkpoint of a model that is put together, where `weights:` at the top names it.
    """

    name: str
    kind: Kind
    file: Path | None
    data: Mapping[str, Any]
    language: SpecFile
    components: Mapping[str, Component]
    graphs: Mapping[str, GraphPart] = field(default_factory=dict)
    whole: Whole | None = None
    origins: Mapping[str, Span] = field(default_factory=dict, repr=False)
    processing: Processing = field(default_factory=Processing)

    def origin(self, address: str) -> Span | None:
        """Where a value was written: `model.config.d_model` -> file, line, column; None for a default."""
        return self.origins.get(address)

    def to_yaml(self) -> str:
        """The resolved spec as YAML that means the same."""
        return yaml.safe_dump(dict(self.data), sort_keys=False, allow_unicode=True, width=100)

    @property
    def parts(self) -> Mapping[str, Part]:
        """Every part by role, the encoder before the decoder."""
        found: dict[str, Part] = {**self.components, **self.graphs}
        return {role: found[role] for role in ("model", *HALVES) if role in found}

    @property
    def checkpoints(self) -> Mapping[str, Part]:
        """What the spec names a checkpoint of, by role: the whole as `model`, or each part that has one."""
        if self.whole is not None:
            return {self.whole.role: self.whole}
        return {role: part for role, part in self.parts.items() if part.weights is not None}

    @property
    def flows(self) -> tuple[Flow, ...]:
        """What leads from a person's input to a person's output; none where the families do not say it."""
        whole = self.components.get("model")
        if whole is not None and whole.family.flows is not None:
            searched = {name: one for name, one in self.generation.items() if name in SEARCH_IDS}
            fields = {**self.config, **searched}  # what follows a text goes by the ids it was searched with
            return whole.family.flows(View(fields, "model.config", whole.architecture))
        stated = self.processing
        if self.kind not in ("model", "pair") or stated.takes is None or stated.tokenizer is None:
            return ()
        return (FLOWS[stated.takes],)

    @property
    def flow(self) -> Flow | None:
        """The usual one of them."""
        return next(iter(self.flows), None)

    @property
    def config(self) -> Mapping[str, Any]:
        """Config of the component that decides tokens: the model's, or the decoder's; settled tokens win."""
        component = self.components.get("model") or self.components.get("decoder")
        config = dict(component.config) if component else {}
        tokens = self.language.tokens
        if tokens is not None:
            for name, value in tokens.model_dump(exclude_none=True).items():
                config[f"{name}_token_id"] = value
        return config

    @property
    def maximum_target(self) -> int | None:
        """Longest sequence the decoder takes, as its family states it; None where nothing bounds it."""
        component = self.components.get("model") or self.components.get("decoder")
        return component.family.maximum_target(component.view) if component else None

    @property
    def maximum_source(self) -> int | None:
        """Most positions of the encoder, as its family states it; None where nothing bounds it."""
        component = self.components.get("model") or self.components.get("encoder")
        return component.family.maximum_source(component.view) if component else None

    @property
    def generation(self) -> Mapping[str, Any]:
        """Options of `generate` that the spec sets."""
        options = self.data.get("generation")
        return dict(options) if isinstance(options, Mapping) else {}

    @property
    def long_input(self) -> Literal["error", "grow", "chunk"]:
        """What happens to input beyond the encoder's positions: error, grow or chunk."""
        return self.language.long_input

    @property
    def weights(self) -> str | None:
        """Where the checkpoint of the whole is, as written."""
        part = self.whole or self.parts.get("model")
        return part.weights if part else None

    @property
    def explicit(self) -> frozenset[str]:
        """Addresses of config fields that were written and differ from their default."""
        different = set()
        for component in self.components.values():
            defaults = component.family.config().model_dump()
            different |= {
                f"{component.role}.config.{name}"
                for name in component.written
                if component.config[name] != defaults[name]
            }
        graphs = tuple(f"{part.address}." for part in self.graphs.values())
        written = {address for address in self.origins if address.startswith((*graphs, "dims."))}
        return frozenset(different | written)
