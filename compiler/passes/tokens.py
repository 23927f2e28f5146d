"""Pass 4: ids, lengths and front ends against the config, before any file of a checkpoint is seen."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from compiler.passes.written import IDS, Written
from compiler.places import id_address
from compiler.spec import Component, Spec
from compiler.stated import tokenizers_of
from specs.graph import Graph
from specs.problems import Problem
from specs.processing.stated import FilterBank


def token_problems(spec: Spec, graph: Graph) -> Iterable[Problem]:
    """Generation options, and the tokenizer's size."""
    back = spec.components.get("model") or spec.components.get("decoder")
    generation = spec.language.generation
    if generation is not None:
        from specs.generation.layers import check_section  # most specs leave generation to the checkpoint

        config = {"vocab_size": _vocabulary(graph)[0], **spec.config}
        given = generation.model_dump(exclude_unset=True)
        has_checkpoint = any(part.weights is not None for part in spec.parts.values())
        for problem in check_section(given, config, spec.maximum_target, has_checkpoint):
            # Ids that come from the config were compared with the vocabulary there.
            if problem.code != "XL402" or problem.at[0][0].removeprefix("generation.") in given:
                yield _with_positions(problem, spec, back) if problem.code == "XL405" else problem
    for one in tokenizers_of(spec):
        vocabulary = one.component.config.get("vocab_size")
        section = spec.data.get(one.key)
        size = section.get("vocab_size") if isinstance(section, dict) else None
        if isinstance(vocabulary, int) and isinstance(size, int):
            from specs.processing.tokenizers import check_vocabulary  # kinds come with the families' modules

            at = (
                (f"{one.key}.vocab_size", f"{size} ids"),
                (f"{one.component.role}.config.vocab_size", f"{vocabulary} ids"),
            )
            yield from check_vocabulary(size, vocabulary, None, at, one.kind.spare)


def _with_positions(problem: Problem, spec: Spec, back: Component | None) -> Problem:
    """A length beyond the positions, with the pad id where they are counted from it.

    An id that was refused then takes the length along: it has no positions to speak of.
    """
    if back is None:
        return problem
    view, pad = copy(back.view), id_address(spec, back.role, "pad")
    back.family.maximum_target(view)
    return problem._replace(at=(*problem.at, (pad, "counted from here"))) if pad in view.read else problem


def front_end_problems(spec: Spec, graph: Graph) -> Iterable[Problem]:
    """The front end's feature width against what the graph takes."""
    front_end = spec.processing.front_end
    features = next((t for t in graph.inputs.values() if t.role == "features"), None)
    if not isinstance(front_end, FilterBank) or features is None or features.dims[-1].names():
        return
    width = features.dims[-1].evaluate({})
    if width != front_end.width:
        origin = features.origins[-1] or ""
        bins, rest = divmod(width, front_end.stride)
        given = f"{front_end.mel_bins} mel bins"
        if front_end.stride > 1:
            given = f"{front_end.stride} frames of {given}"
        take = f"take {front_end.width} features"
        settle = f"set processor: {{num_mel_bins: {bins}, feature_size: {bins}}}, or {take}"
        yield Problem(
            "XL401",
            f"the model takes {width} features a vector, and the front end gives {given}",
            ((origin, f"{width} wanted"), ("processor.num_mel_bins", f"{given} given")),
            info=("each mel bin of a frame is one feature",),
            help=take if rest else settle,
        )


def outside_ids(spec: Spec, graph: Graph) -> Iterable[Problem]:
    """XL402 for ids of `tokens:` that the logits do not reach."""
    stated = spec.language.tokens
    vocabulary, origin = _vocabulary(graph)
    if stated is None or vocabulary is None:
        return
    for name, given in stated.model_dump(exclude_none=True).items():
        for index, id_ in enumerate(given if isinstance(given, list) else [given]):
            if id_ >= vocabulary:
                place = f"tokens.{name}" + (f".{index}" if isinstance(given, list) else "")
                yield Problem(
                    "XL402",
                    f"`{name}` is {id_}, and the vocabulary has {vocabulary} ids",
                    ((place, "outside the vocabulary"), (origin, f"{vocabulary} ids")),
                    help=f"use an id below {vocabulary}",
                )


def _vocabulary(graph: Graph) -> tuple[int | None, str]:
    """How many ids the logits tell apart, where that is known, and the address that settled it."""
    logits = graph.outputs.get("logits")
    type_ = graph.types.get(logits) if logits is not None else None
    if type_ is None or type_.role != "logits":
        return None, ""
    return type_.dims[-1].value, type_.origins[-1] or ""


_PURPOSES = {
    "decoder_start": ("a start id", "labels are shifted with the start id"),
    "pad": ("a pad id", "ignored labels become pads"),
}
"""The ids a decoder needs: what they are called, and what for."""


def missing_ids(spec: Spec, part: Written) -> Iterable[Problem]:
    """A graph that decodes needs its start and pad ids."""
    has_ids = IDS in part.graph.inputs
    if not (has_ids or part.role == "decoder") or part.graph.tokens is not None:
        return
    lost = [name for name in _PURPOSES if spec.config.get(f"{name}_token_id") is None] or [*_PURPOSES]
    names, reasons = zip(*(_PURPOSES[name] for name in lost), strict=True)
    written = ", ".join(f"{name}: ..." for name in lost)
    needed = ("tokens", f"{' and '.join(lost)} {'are' if len(lost) > 1 else 'is'} needed")
    decoded = (part.input(IDS) if has_ids else f"{part.address}.inputs", "these are decoded")
    component = spec.components.get(part.role)
    # A family's inputs are written nowhere: it is shown itself, unless an id of it is, or `tokens:`.
    nulls = [
        (f"{part.role}.config.{name}_token_id", "no id")
        for name in lost
        if component is not None and component.config.get(f"{name}_token_id", 0) is None
    ]
    yield Problem(
        "XL404",
        f"a decoder needs {' and '.join(names)}",
        (needed, decoded) if component is None else (decoded, needed, *nulls),
        info=(", and ".join(reasons),),
        help=f"add `{written}` to `tokens:`" if spec.language.tokens else f"add `tokens: {{{written}}}`",
    )
