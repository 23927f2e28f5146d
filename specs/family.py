"""What a model family states about itself. A family is data: no torch, no input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from specs.graph import Graph
from specs.problems import Problem
from specs.values import View
from specs.weights import WeightMap


class FamilyConfig(BaseModel):
    """Base of every family's config: fields named as in its Hub config.json, nothing coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Lowering:
    """What decides a graph beside the config: the policy for long inputs."""

    name: str
    long_input: str
    address: str


@dataclass(frozen=True, slots=True)
class Family:
    """One published model family.

    Attributes:
        name: `model_type` in config.json.
        architectures: published class names; the first is the default.
        config: the strict schema of config.json, class defaults frozen.
        rules: config -> problems that no single field shows.
        graph: config, lowering -> graph. A pure function.
        weights: config -> table of stored tensors.
        leaked: fields that published config.json files carry without meaning, with the reason;
            the value is dropped and counted on import.
        aliases: published second names of fields; a file that gives both must agree.
        inert: config fields that change nothing the emitted model computes, so a checkpoint may differ in them.
        processing: the module that states front end and tokenizer, imported on demand.
        constants: fields of config.json that export writes beside the config's own.
    """

    name: str
    architectures: tuple[str, ...]
    config: type[FamilyConfig]
    rules: Callable[[View], Iterable[Problem]]
    graph: Callable[[View, Lowering], Graph]
    weights: Callable[[View], WeightMap]
    leaked: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    inert: frozenset[str] = frozenset()
    processing: str | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    maximum_target: Callable[[View], int | None] = lambda _: None
    maximum_source: Callable[[View], int | None] = lambda _: None
