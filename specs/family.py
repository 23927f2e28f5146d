"""What a model family states about itself. A family is data: no torch, no input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from specs.builder import GraphBuilder
from specs.flow import Flow
from specs.graph import Graph, Ref, Tie, Tokens
from specs.initialisation import Initialisation
from specs.problems import Problem
from specs.tables import HostTable
from specs.values import Value, View

if TYPE_CHECKING:
    from specs.processing.stated import FrontEnd, Stated
    from specs.processing.tokenizers import TokenizerKind
    from specs.weights import WeightMap


class FamilyConfig(BaseModel):
    """Base of every family's config: fields named as in its Hub config.json, nothing coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Side(NamedTuple):
    """What an encoder or a decoder leaves behind in the graph.

    Attributes:
        output: hidden states of an encoder, logits of a decoder.
        mask: mask of the hidden states.
        ties: parameters that share a tensor.
        tokens: ids a decoder needs.
    """

    output: Ref
    mask: Ref | None = None
    ties: tuple[Tie, ...] = ()
    tokens: Tokens | None = None
    initialisations: tuple[Initialisation, ...] = ()


def stated_in(module: str) -> Callable[[View], WeightMap]:
    """The table that the `weights` of a module states, which is imported when a table is first asked for."""

    def weights(view: View) -> WeightMap:
        table: WeightMap = import_module(module).weights(view)
        return table

    return weights


def unbounded(_: View) -> int | None:
    """For a half that takes input of any length."""
    return None


def by_positions(_: View) -> float | None:
    """For an encoder whose positions end where its audio does."""
    return None


def unremarked(_: View) -> tuple[str, ...]:
    """For an encoder that public pairs bridge as it is bridged here."""
    return ()


def nothing(_: View) -> Mapping[str, Any]:
    """For a family whose fields are independent of each other."""
    return {}


class PublishedHalf(NamedTuple):
    """The published class of one role.

    Attributes:
        without_prefix: the prefix of the table's names that its files lack.
        width: of an encoder, config -> the width that published pairs take its states for, where it may be
            another.
        attends_to_any_width: of a decoder, whether the class reads the width it attends to from its config.
        heads: published classes that have it below a head -> the names of what they have beside it, in which
            `{i}` is a number. Their files keep the prefix.
    """

    architecture: str
    without_prefix: str = ""
    heads: Mapping[str, tuple[str, ...]] = {}
    width: Callable[[View], Value] | None = None
    attends_to_any_width: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """One published model family.

    Attributes:
        name: `model_type` in config.json.
        architectures: published class names; the first is the default.
        config: the strict schema of config.json, class defaults frozen.
        rules: config -> problems that no single field shows.
        encoder: builder, config, policy for long inputs -> the encoder's side of the graph.
        decoder: builder, config, source states, their width and mask -> the decoder's side.
        whole: builder, config, policy for long inputs -> the graph of a whole model that is more than an
            encoder and a decoder: methods beside them, or several encoders.
        source_width: config -> width the decoder's cross-attention reads; where there is a decoder.
        weights: config -> table of stored tensors.
        maximum_target: config -> longest decoder input, or None.
        maximum_source: config -> most encoder positions, or None; of a model that also reads audio without
            positions, those of its texts.
        longest_audio: config -> seconds of audio that it was trained for, or None where its encoder's
            positions say it.
        leaked: fields that published config.json files carry without meaning, with the reason;
            the value is dropped and counted on import.
        aliases: published second names of fields; a file that gives both must agree.
        is_whole: whether a checkpoint is an encoder and a decoder; else it fills one role of a spec.
        halves: the published class of a role; none for a half that was never published by itself.
        by_role: switches that follow from the role a spec gives the family, whatever a checkpoint says,
            and the roles in which they are on.
        untrained: addresses, `*` for any part, that published checkpoints may have no tensors for.
        inert: fields a checkpoint's config.json may give differently, because they do not change
            what a trained model computes.
        front_end: the module that states how an encoder's input is made of audio or images, imported on
            demand; an encoder of texts has none.
        tokenizer: the module that states the tokenizer of either side's texts, imported on demand.
        constants: fields of config.json that export writes beside the config's own.
        flows: config -> what the whole model does, from a person's input to a person's output, the usual one
            first, where that is more than its front end, its tokenizers and one search say.
        derived: config -> fields of config.json that follow from others; export writes them, and import
            leaves out those that agree.
        tables: fields of a checkpoint's generation_config.json that are tables of host operations.
        bridged: config -> what there is to know of a bridge behind its encoder.
    """

    name: str
    architectures: tuple[str, ...]
    config: type[FamilyConfig]
    rules: Callable[[View], Iterable[Problem]]
    weights: Callable[[View], WeightMap]
    encoder: Callable[[GraphBuilder, View, str], Side] | None = None
    decoder: Callable[[GraphBuilder, View, Ref, Value, Ref | None], Side] | None = None
    whole: Callable[[GraphBuilder, View, str], Graph] | None = None
    source_width: Callable[[View], Value] | None = None
    maximum_target: Callable[[View], int | None] = unbounded
    maximum_source: Callable[[View], int | None] = unbounded
    longest_audio: Callable[[View], float | None] = by_positions
    leaked: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True
    halves: Mapping[str, PublishedHalf] = field(default_factory=dict)
    by_role: Mapping[str, frozenset[str]] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()
    inert: frozenset[str] = frozenset()
    front_end: str | None = None
    tokenizer: str | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    flows: Callable[[View], tuple[Flow, ...]] | None = None
    derived: Callable[[View], Mapping[str, Any]] = nothing
    tables: Mapping[str, HostTable] = field(default_factory=dict)
    bridged: Callable[[View], tuple[str, ...]] = unremarked


def front_end_of(family: Family) -> Stated[FrontEnd] | None:
    """How a family makes an encoder's input of audio or images."""
    if family.front_end is None:
        return None
    stated: Stated[FrontEnd] = _stated(family.front_end, "FRONT_END")
    return stated


def tokenizer_of(family: Family) -> Stated[TokenizerKind] | None:
    """How a family makes ids of texts."""
    if family.tokenizer is None:
        return None
    stated: Stated[TokenizerKind] = _stated(family.tokenizer, "TOKENIZER")
    return stated


@cache
def _stated(module: str, name: str) -> Any:
    """What a module states under a name; it is imported when that is first asked for."""
    return getattr(import_module(module), name)


def reads_text(family: Family, view: View) -> bool:
    """Whether a whole model of a family reads texts: its flows say so, else its having no front end."""
    if family.flows is None:
        return family.front_end is None
    return any(flow.inputs[0] == "text" for flow in family.flows(view))


def hears_or_sees(family: Family, view: View) -> bool:
    """Whether a model of a family reads audio or images: its flows say so, else its having a front end."""
    if family.flows is None:
        return family.front_end is not None
    return any(flow.inputs[0] != "text" for flow in family.flows(view))


def class_of(family: Family, role: str) -> str:
    """The published class that a family is in a role, where a spec names none."""
    half = family.halves.get(role)
    return family.architectures[0] if half is None else half.architecture


def roles_of(family: Family) -> tuple[str, ...]:
    """What a family can be in a spec: a whole model, an encoder, a decoder."""
    halves = {"encoder": family.encoder, "decoder": family.decoder}
    whole = ("model",) if family.is_whole else ()
    return (*whole, *(role for role, side in halves.items() if side is not None))
