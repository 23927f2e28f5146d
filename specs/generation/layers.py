"""Merges the places where generation options are written, and checks what comes out.

Precedence, highest first: the call, the spec's `generation:`, the checkpoint's generation defaults,
the special ids of the model's config. A length given higher up replaces both of a pair below it, so a
call's `max_length` is not overruled by a spec's or a checkpoint's `max_new_tokens`; in transformers the
latter would win. The call and the spec are explicit: what they set and nothing would follow is refused. A
checkpoint's file may hold options that wait for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from specs.generation.lengths import resolve_lengths
from specs.generation.options import (
    BEAM_NAMES,
    LENGTH_PAIRS,
    OPTION_NAMES,
    SEARCH_IDS,
    GenerationOptions,
)
from specs.generation.problems import (
    CALL,
    CHECKPOINT,
    CONFIG,
    SPEC,
    contradictions,
    doubled_lengths,
    invalid,
    outside_vocabulary,
    sampling_without_draws,
    unknown,
    unsupported,
    without_beams,
)
from specs.problems import Problem
from specs.values import plain

CONFIG_OPTIONS = (*SEARCH_IDS, "forced_eos_token_id")
"""Options that a model's config may state."""


class Resolution(NamedTuple):
    """The merged options, and every problem found; the options are None if one could not be read."""

    options: GenerationOptions | None
    problems: tuple[Problem, ...]


def resolve(
    call: Mapping[str, Any],
    *,
    spec: Mapping[str, Any] | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    complete: bool = True,
    scored: bool = False,
) -> Resolution:
    """Merge the four layers into `GenerationOptions`.

    Before a checkpoint is read the layers are not `complete`: what it may set is not missed. With `scored`
    the call asks for scores, which a `length_penalty` shapes with one beam, too.

    `None` in the call or the spec turns an option off that a lower layer sets; in a checkpoint it
    means "not set". Problems: XL402 id outside the vocabulary, XL406 unknown or unsupported option,
    XL407 value or combination that cannot be used.
    """
    config = {name: plain(value) for name, value in (config or {}).items()}
    problems = [*unknown(call, CALL), *unknown(spec or {}, SPEC), *unsupported(checkpoint or {})]
    layers = (
        (CONFIG, {name: config[name] for name in CONFIG_OPTIONS if config.get(name) is not None}),
        (CHECKPOINT, {name: value for name, value in (checkpoint or {}).items() if value is not None}),
        (SPEC, spec or {}),
        (CALL, call),
    )
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    idle: list[Problem] = []
    beam_names = BEAM_NAMES - {"length_penalty"} if scored else BEAM_NAMES
    for origin, values in layers:
        known = {name: plain(value) for name, value in values.items() if name in OPTION_NAMES}
        merged = _over(merged, known)
        origins |= dict.fromkeys(known, origin)
        if origin in (SPEC, CALL):
            idle += doubled_lengths(known, origin)
            if merged.get("num_beams", 1 if complete else None) == 1:
                idle += without_beams(known, origin, beam_names)
    try:
        options = GenerationOptions.model_validate(merged)
    except ValidationError as error:
        return Resolution(None, (*problems, *invalid(error, merged, origins)))
    problems += [*idle, *contradictions(options, origins, call)]
    vocab_size = config.get("vocab_size")
    if vocab_size is not None:
        problems += outside_vocabulary(options, origins, vocab_size)
    return Resolution(options, tuple(problems))


def _over(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """One layer over another; a length of the higher replaces both ways in which the lower says it."""
    replaced = {
        name for pair in LENGTH_PAIRS for name in pair if any(higher.get(one) is not None for one in pair)
    }
    return {name: value for name, value in lower.items() if name not in replaced} | dict(higher)


def check_section(
    section: Mapping[str, Any],
    config: Mapping[str, Any],
    positions: int | None = None,
    has_checkpoint: bool = True,
) -> list[Problem]:
    """Check a spec's `generation:` by itself, against the config of the model it belongs to.

    `positions` is the longest sequence its decoder takes, None without a bound. A limit may still come
    from a checkpoint, and so may the number of beams where the spec names one: their absence is no
    problem then.
    """
    resolution = resolve({}, spec=section, config=config, complete=not has_checkpoint)
    problems = list(resolution.problems)
    options = resolution.options
    if options is None:
        return problems
    if not options.do_sample:
        problems += sampling_without_draws(section, SPEC)
    if options.max_length is not None or options.max_new_tokens is not None:
        problems += resolve_lengths(options, 1, positions)[1]
    return problems
