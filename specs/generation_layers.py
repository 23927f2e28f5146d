"""Merges the places where generation options are written, and checks what comes out.

Precedence, highest first: the call, the spec's `generation:`, the checkpoint's generation defaults,
the special ids of the model's config. A length given higher up replaces both of a pair below it, so a
call's `max_length` is not overruled by a spec's or a checkpoint's `max_new_tokens`; in transformers the
latter would win. The call and the spec are explicit: what they set and nothing would follow is refused. A
checkpoint's file may hold options that wait for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from specs.generation import (
    BEAM_NAMES,
    INERT_FIELDS,
    LENGTH_PAIRS,
    OPTION_NAMES,
    REFUSED_FIELDS,
    SAMPLING_NAMES,
    GenerationOptions,
)
from specs.problems import Problem
from specs.values import plain

CALL = "the call"
SPEC = "the spec's `generation:`"
CHECKPOINT = "the checkpoint's generation defaults"
CONFIG = "the model's config"

SEARCH_IDS = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
"""The special ids that a search reads; a text's beginning is no affair of it."""

CONFIG_OPTIONS = (*SEARCH_IDS, "forced_eos_token_id")
"""Options that a model's config may state."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The merged options, and every problem found; the options are None if one could not be read."""

    options: GenerationOptions | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Sequence lengths, prefix included: no end token before `minimum`, none after `maximum`."""

    minimum: int
    maximum: int


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
    problems = [*_unknown(call, CALL), *_unknown(spec or {}, SPEC), *_unsupported(checkpoint or {})]
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
        for pair in LENGTH_PAIRS:
            if any(known.get(name) is not None for name in pair):
                for name in pair:
                    merged.pop(name, None)
        merged |= known
        origins |= dict.fromkeys(known, origin)
        if origin in (SPEC, CALL):
            idle += _doubled_lengths(known, origin)
            if merged.get("num_beams", 1 if complete else None) == 1:
                idle += _without_beams(known, origin, beam_names)
    try:
        options = GenerationOptions.model_validate(merged)
    except ValidationError as error:
        return Resolution(None, (*problems, *_invalid(error, merged, origins)))
    problems += [*idle, *_contradictions(options, origins, call)]
    vocab_size = config.get("vocab_size")
    if vocab_size is not None:
        problems += _outside_vocabulary(options, origins, vocab_size)
    return Resolution(options, tuple(problems))


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
        problems += _sampling_without_draws(section, SPEC)
    if options.max_length is not None or options.max_new_tokens is not None:
        problems += resolve_lengths(options, 1, positions)[1]
    return problems


def resolve_lengths(
    options: GenerationOptions, prompt_length: int, positions: int | None
) -> tuple[Lengths | None, list[Problem]]:
    """The sequence lengths for a prefix of `prompt_length` tokens, start token included.

    Problems: XL408 no limit, XL405 limit beyond the decoder's positions, XL407 limits that leave
    no room or exclude each other.
    """
    if options.max_new_tokens is not None:
        maximum, name = prompt_length + options.max_new_tokens, "max_new_tokens"
    elif options.max_length is not None:
        maximum, name = options.max_length, "max_length"
    else:
        return None, [
            Problem(
                "XL408",
                "no length limit is set anywhere: generation could run forever",
                _at("max_new_tokens", "missing"),
                ("neither the call, the spec's `generation:` nor the checkpoint sets one",),
                "set `generation: {max_new_tokens: ...}` in the spec, or pass `max_new_tokens=...`, on the "
                "command line `-g max_new_tokens=...`",
            )
        ]
    minimum = options.min_length
    minimum_name = "min_length"
    if options.min_new_tokens is not None:
        minimum, minimum_name = prompt_length + options.min_new_tokens, "min_new_tokens"
    problems = []
    if maximum <= prompt_length:
        problems.append(
            _contradiction(
                name,
                f"`{name}` allows a sequence of {maximum}, and the prefix already has {prompt_length} tokens",
                "raise it, or limit `max_new_tokens` instead",
            )
        )
    if positions is not None and maximum > positions:
        problems.append(
            Problem(
                "XL405",
                f"`{name}` allows a sequence of {maximum} tokens, and the decoder has {positions} positions",
                _at(name, f"reaches {maximum}"),
                help=f"lower it to {positions - (maximum - getattr(options, name))}",
            )
        )
    if minimum > maximum:
        problems.append(
            _contradiction(
                minimum_name,
                f"`{minimum_name}` asks for a sequence of {minimum} tokens, and `{name}` allows {maximum}",
                f"lower `{minimum_name}` or raise `{name}`",
            )
        )
    return Lengths(minimum, maximum), problems


def _at(name: str, label: str) -> tuple[tuple[str, str], ...]:
    return ((f"generation.{name}", label),)


def _contradiction(name: str, message: str, advice: str, info: tuple[str, ...] = ()) -> Problem:
    return Problem("XL407", message, _at(name, "contradicts"), info, advice)


def _unknown(values: Mapping[str, Any], origin: str) -> Iterator[Problem]:
    for name in values:
        if name in OPTION_NAMES:
            continue
        near = get_close_matches(name, OPTION_NAMES, n=2)
        reason = "is not a generation option"
        advice = "remove it"
        if name in INERT_FIELDS:
            reason = "changes nothing here"
        elif name in REFUSED_FIELDS:
            reason = "is not supported"
        elif near:
            advice = "did you mean " + " or ".join(f"`{other}`" for other in near) + "?"
        yield Problem("XL406", f"`{name}` {reason}", _at(name, "unknown"), (f"set in {origin}",), advice)


def _unsupported(checkpoint: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in checkpoint.items():
        if name in REFUSED_FIELDS and value not in REFUSED_FIELDS[name]:
            message = f"the checkpoint asks for `{name}: {value!r}`, which is not supported"
            advice = f"remove `{name}` from its generation_config.json to generate without it"
            yield Problem("XL406", message, _at(name, "unsupported"), help=advice)
        elif name not in REFUSED_FIELDS and name not in INERT_FIELDS:
            yield from _unknown({name: value}, CHECKPOINT)


def _invalid(error: ValidationError, merged: Mapping[str, Any], origins: Mapping[str, str]) -> list[Problem]:
    expected: dict[str, list[str]] = {}
    for finding in error.errors(include_url=False, include_context=False, include_input=False):
        messages = expected.setdefault(str(finding["loc"][0]), [])
        message = finding["msg"].removeprefix("Input should be ")
        if message not in messages:
            messages.append(message)
    return [
        Problem(
            "XL407",
            f"`{name}` cannot be {merged[name]!r}: expected {', or '.join(messages)}",
            _at(name, "cannot be used"),
            (f"set in {origins[name]}", GenerationOptions.model_fields[name].description or ""),
            f"correct `{name}`",
        )
        for name, messages in expected.items()
    ]


def _contradictions(
    options: GenerationOptions, origins: Mapping[str, str], call: Mapping[str, Any]
) -> Iterator[Problem]:
    returned, beams = options.num_return_sequences, options.num_beams
    if returned > 1 and beams == 1 and not options.do_sample:
        yield _contradiction(
            "num_return_sequences",
            f"greedy search has one result a sentence, and `num_return_sequences` asks for {returned}",
            f"set `num_beams` to {returned} or more, or `do_sample`",
        )
    if returned > beams > 1:
        yield _contradiction(
            "num_return_sequences",
            f"`num_return_sequences` asks for {returned} sequences of {beams} beams",
            f"set `num_beams` to {returned} or more",
        )
    suppressed = set(options.suppress_tokens or ())
    forced = {
        "forced_bos_token_id": () if options.forced_bos_token_id is None else (options.forced_bos_token_id,),
        "forced_eos_token_id": options.forced_eos_token_ids,
    }
    for name, ids in forced.items():
        if ids and suppressed.issuperset(ids):
            yield _contradiction(
                name,
                f"`{name}` forces {', '.join(map(str, ids))}, and `suppress_tokens` forbids the same",
                "remove it from one of the two",
                tuple(f"`{each}` is set in {origins[each]}" for each in (name, "suppress_tokens")),
            )
    if options.exponential_decay_length_penalty is not None and not options.eos_token_ids:
        yield _contradiction(
            "exponential_decay_length_penalty",
            "`exponential_decay_length_penalty` raises the end token's score, and no end token is set",
            "set `eos_token_id`",
        )
    if not options.do_sample:
        yield from _sampling_without_draws(call, CALL)


def _sampling_without_draws(values: Mapping[str, Any], origin: str) -> Iterator[Problem]:
    fields = GenerationOptions.model_fields
    for name in sorted(SAMPLING_NAMES.intersection(values)):
        if values[name] is not None and values[name] != fields[name].default:
            yield _contradiction(
                name,
                f"`{name}` only acts on draws, and `do_sample` is not set",
                f"set `do_sample`, or remove `{name}`",
                (f"set in {origin}",),
            )


def _doubled_lengths(values: Mapping[str, Any], origin: str) -> Iterator[Problem]:
    for name, other in LENGTH_PAIRS:
        if values.get(name) is not None and values.get(other) is not None:
            yield Problem(
                "XL407",
                f"`{name}` and `{other}` are both given, and only one can be followed",
                (*_at(name, "counts the start token and a prefix"), *_at(other, "counts new tokens")),
                (f"set in {origin}",),
                f"remove one of them; `{other}: null` removes what a spec extends"
                if origin == SPEC
                else "remove one of them",
            )


def _without_beams(values: Mapping[str, Any], origin: str, beam_names: frozenset[str]) -> Iterator[Problem]:
    for name in sorted(beam_names.intersection(values)):
        if values[name] is not None and values[name] != GenerationOptions.model_fields[name].default:
            yield _contradiction(
                name,
                f"`{name}` only acts on beams, and `num_beams` is 1",
                f"set `num_beams`, or remove `{name}`",
                (f"set in {origin}",),
            )


def _outside_vocabulary(
    options: GenerationOptions, origins: Mapping[str, str], vocab_size: int
) -> Iterator[Problem]:
    forced = options.forced_bos_token_id
    named: dict[str, tuple[int, ...]] = {
        "forced_bos_token_id": () if forced is None else (forced,),
        "forced_eos_token_id": options.forced_eos_token_ids,
        "pad_token_id": () if options.pad_token_id is None else (options.pad_token_id,),
        "eos_token_id": options.eos_token_ids,
        "decoder_start_token_id": options.decoder_start_token_ids,
        "suppress_tokens": tuple(options.suppress_tokens or ()),
        "begin_suppress_tokens": tuple(options.begin_suppress_tokens or ()),
        "bad_words_ids": tuple(i for word in options.bad_words_ids or () for i in word),
        "sequence_bias": tuple(i for word, _ in options.sequence_bias or () for i in word),
    }
    for name, ids in named.items():
        outside = sorted({i for i in ids if i >= vocab_size})
        if outside:
            yield Problem(
                "XL402",
                f"`{name}` holds {', '.join(map(str, outside))}, and the vocabulary has {vocab_size} ids",
                _at(name, "outside the vocabulary"),
                (f"set in {origins[name]}",),
                f"use an id below {vocab_size}",
            )
