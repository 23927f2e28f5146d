"""Pass 3: a spec's components as one graph, and the bridge between the two halves of a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from compiler.passes.findings import key_of
from compiler.passes.hypers import numbers_of
from compiler.spec import Component, Spec
from specs.builder import GraphBuilder
from specs.family import Side
from specs.graph import Graph, Initialisation, Ref, Tokens
from specs.language import BridgeBlock
from specs.problems import Problem
from specs.signatures import SIGNATURES
from specs.values import Value, plain

BRIDGE = "enc_to_dec_proj"


@dataclass(frozen=True)
class Lowered:
    """The graph, and what wiring decided or refused."""

    graph: Graph
    problems: tuple[Problem, ...] = ()


def lower_components(spec: Spec) -> Lowered:
    """The graph of a model, a pair, or one half alone. A pure function of the spec."""
    builder = GraphBuilder(spec.name)
    if spec.kind == "model":
        whole = spec.components["model"]
        return _join(builder, spec, whole, whole)
    encoder, decoder = spec.components.get("encoder"), spec.components.get("decoder")
    if encoder and decoder:
        return _join(builder, spec, encoder, decoder)
    if encoder:
        side = _encoder_side(builder, spec, encoder)
        outputs = {"hidden": side.output} | ({"mask": side.mask} if side.mask else {})
        return Lowered(
            builder.graph(outputs, encoded=(side.output, side.mask), initialisations=side.initialisations)
        )
    assert decoder is not None, "a spec without components is a free graph"
    width = decoder.family.source_width(decoder.view)
    hidden = builder.input("encoder_hidden_states", "hidden", ("batch", "source", width))
    mask = builder.input("encoder_attention_mask", "mask", ("batch", "source"), "int64", optional=True)
    side = _decoder_side(builder, decoder, hidden, width, mask)
    tokens = _settled(spec, side.tokens)
    return Lowered(
        builder.graph({"logits": side.output}, (hidden, mask), side.ties, tokens, side.initialisations)
    )


def _join(builder: GraphBuilder, spec: Spec, encoder: Component, decoder: Component) -> Lowered:
    source = _encoder_side(builder, spec, encoder)
    source_dim = decoder.family.source_width(decoder.view)
    hidden: Ref = source.output
    problems: tuple[Problem, ...] = ()
    if spec.kind == "pair":
        hidden, problems = _bridge(builder, spec, source.output, source_dim)
    target = _decoder_side(builder, decoder, hidden, source_dim, source.mask)
    graph = builder.graph(
        {"logits": target.output},
        (hidden, source.mask),
        target.ties,
        _settled(spec, target.tokens),
        _merged(source.initialisations, target.initialisations),
    )
    return Lowered(graph, problems)


def _encoder_side(builder: GraphBuilder, spec: Spec, component: Component) -> Side:
    assert component.family.encoder is not None, f"{component.family_name} has an encoder"
    return component.family.encoder(builder, component.view, spec.long_input)


def _decoder_side(
    builder: GraphBuilder, component: Component, hidden: Ref, width: Value, mask: Ref | None
) -> Side:
    assert component.family.decoder is not None, f"{component.family_name} has a decoder"
    return component.family.decoder(builder, component.view, hidden, width, mask)


def _bridge(builder: GraphBuilder, spec: Spec, hidden: Ref, target: Value) -> tuple[Ref, tuple[Problem, ...]]:
    """What joins the widths: nothing, or a projection named as in published pairs, and a note of it."""
    source = builder.output_width(hidden)
    bridge = spec.language.bridge
    if bridge == "none" or (bridge in (None, "auto") and plain(source) == plain(target)):
        return hidden, ()
    given = bridge.with_ if isinstance(bridge, BridgeBlock) else {}
    problems, numbers = _settings(given)
    numbers |= {"source_dim": source, "target_dim": target}
    joined = builder.node(BRIDGE, "linear", numbers, hidden=hidden)
    note = Problem(
        "XL301",
        f"a linear bridge `{BRIDGE}` projects the encoder's width {plain(source)} to {plain(target)}",
        (
            ("bridge", "inserted here"),
            (target.origin or "", f"`decoder` attends to width {plain(target)}"),
            (source.origin or "", f"`encoder` ends at width {plain(source)}"),
        ),
        info=("its parameters are in no checkpoint: they start fresh",),
        help="write `bridge: none` to have unequal widths refused",
        severity="info",
    )
    return joined, (note, *problems)


def _settings(given: Mapping[str, Any]) -> tuple[list[Problem], dict[str, Value]]:
    """The hyper-parameters of a bridge that its two sides do not settle."""
    known = ("bias",)
    unknown = [
        Problem(
            "XL209",
            f"a linear bridge has no hyper-parameter `{name}`",
            ((key_of(f"bridge.with.{name}"), "not a hyper-parameter"),),
            (f"it has {', '.join(known)}; its widths are those of encoder and decoder",),
            "remove it",
        )
        for name in given
        if name not in known
    ]
    free = replace(
        SIGNATURES["linear"], hypers=tuple(h for h in SIGNATURES["linear"].hypers if h.name in known)
    )
    problems, numbers = numbers_of(free, {name: given[name] for name in known if name in given}, "bridge", {})
    return [*unknown, *problems], {} if problems else numbers


def _settled(spec: Spec, tokens: Tokens | None) -> Tokens | None:
    """The decoder's ids, replaced by those the spec's `tokens:` gives."""
    stated = spec.language.tokens
    if tokens is None or stated is None:
        return tokens

    def settled(name: str, given: Value | None) -> Value | None:
        value = getattr(stated, name)
        return given if value is None else Value(value, f"tokens.{name}")

    start, pad = settled("decoder_start", tokens.decoder_start), settled("pad", tokens.pad)
    assert start is not None, "a family states its start id"
    assert pad is not None, "a family states its pad id"
    return Tokens(start, pad, settled("bos", tokens.bos), settled("eos", tokens.eos))


def _merged(
    encoder: tuple[Initialisation, ...], decoder: tuple[Initialisation, ...]
) -> tuple[Initialisation, ...]:
    """Both halves' rules: one for a class where they agree, else the encoder's for what is below it."""
    rules = {rule.constructor: rule for rule in (*encoder, *decoder)}
    own = [replace(rule, below="encoder") for rule in encoder if not _agree(rule, rules[rule.constructor])]
    return (*own, *rules.values())


def _agree(first: Initialisation, second: Initialisation) -> bool:
    """Whether two rules draw the same, wherever their numbers were written."""

    def numbers(rule: Initialisation) -> dict[str, tuple[str, list[Any]]]:
        return {
            name: (draw, [plain(value) for value in given]) for name, (draw, given) in rule.parameters.items()
        }

    return numbers(first) == numbers(second)
