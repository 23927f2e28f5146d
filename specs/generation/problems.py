"""What is wrong with options: unknown, of no use, against each other, or outside the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from specs.generation.options import (
    INERT_FIELDS,
    LENGTH_PAIRS,
    OPTION_NAMES,
    REFUSED_FIELDS,
    SAMPLING_NAMES,
    GenerationOptions,
)
from specs.problems import Problem

CALL = "the call"
SPEC = "the spec's `generation:`"
CHECKPOINT = "the checkpoint's generation defaults"
CONFIG = "the model's config"


def at(name: str, label: str) -> tuple[tuple[str, str], ...]:
    """Where a problem of an option is, by its address in a spec."""
    return ((f"generation.{name}", label),)


def contradiction(name: str, message: str, advice: str, info: tuple[str, ...] = ()) -> Problem:
    """XL407 for an option that cannot be followed beside the others."""
    return Problem("XL407", message, at(name, "contradicts"), info, advice)


def unknown(values: Mapping[str, Any], origin: str) -> Iterator[Problem]:
    """XL406 for every name that is no option."""
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
        yield Problem("XL406", f"`{name}` {reason}", at(name, "unknown"), (f"set in {origin}",), advice)


def unsupported(checkpoint: Mapping[str, Any]) -> Iterator[Problem]:
    """XL406 for every field of a checkpoint that would change tokens, or that nobody knows."""
    for name, value in checkpoint.items():
        if name in REFUSED_FIELDS and value not in REFUSED_FIELDS[name]:
            message = f"the checkpoint asks for `{name}: {value!r}`, which is not supported"
            advice = f"remove `{name}` from its generation_config.json to generate without it"
            yield Problem("XL406", message, at(name, "unsupported"), help=advice)
        elif name not in REFUSED_FIELDS and name not in INERT_FIELDS:
            yield from unknown({name: value}, CHECKPOINT)


def invalid(error: ValidationError, merged: Mapping[str, Any], origins: Mapping[str, str]) -> list[Problem]:
    """XL407 for every value that an option cannot have."""
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
            at(name, "cannot be used"),
            (f"set in {origins[name]}", GenerationOptions.model_fields[name].description or ""),
            f"correct `{name}`",
        )
        for name, messages in expected.items()
    ]


def contradictions(
    options: GenerationOptions, origins: Mapping[str, str], call: Mapping[str, Any]
) -> Iterator[Problem]:
    """XL407 for merged options that exclude each other, or that nothing can follow."""
    returned, beams = options.num_return_sequences, options.num_beams
    if returned > 1 and beams == 1 and not options.do_sample:
        yield contradiction(
            "num_return_sequences",
            f"greedy search has one result a sentence, and `num_return_sequences` asks for {returned}",
            f"set `num_beams` to {returned} or more, or `do_sample`",
        )
    if returned > beams > 1:
        yield contradiction(
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
            yield contradiction(
                name,
                f"`{name}` forces {', '.join(map(str, ids))}, and `suppress_tokens` forbids the same",
                "remove it from one of the two",
                tuple(f"`{each}` is set in {origins[each]}" for each in (name, "suppress_tokens")),
            )
    if options.exponential_decay_length_penalty is not None and not options.eos_token_ids:
        yield contradiction(
            "exponential_decay_length_penalty",
            "`exponential_decay_length_penalty` raises the end token's score, and no end token is set",
            "set `eos_token_id`",
        )
    if not options.do_sample:
        yield from sampling_without_draws(call, CALL)


def sampling_without_draws(values: Mapping[str, Any], origin: str) -> Iterator[Problem]:
    """XL407 for options of one place that only act on draws, where there are none."""
    fields = GenerationOptions.model_fields
    for name in sorted(SAMPLING_NAMES.intersection(values)):
        if values[name] is not None and values[name] != fields[name].default:
            yield contradiction(
                name,
                f"`{name}` only acts on draws, and `do_sample` is not set",
                f"set `do_sample`, or remove `{name}`",
                (f"set in {origin}",),
            )


def without_beams(values: Mapping[str, Any], origin: str, beam_names: frozenset[str]) -> Iterator[Problem]:
    """XL407 for options of one place that only act on beams, where there is one."""
    for name in sorted(beam_names.intersection(values)):
        if values[name] is not None and values[name] != GenerationOptions.model_fields[name].default:
            yield contradiction(
                name,
                f"`{name}` only acts on beams, and `num_beams` is 1",
                f"set `num_beams`, or remove `{name}`",
                (f"set in {origin}",),
            )


def outside_vocabulary(
    options: GenerationOptions, origins: Mapping[str, str], vocab_size: int
) -> Iterator[Problem]:
    """XL402 for every option that holds an id the vocabulary does not have."""
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
                at(name, "outside the vocabulary"),
                (f"set in {origins[name]}",),
                f"use an id below {vocab_size}",
            )


def doubled_lengths(values: Mapping[str, Any], origin: str) -> Iterator[Problem]:
    """XL407 where one place says one length in two ways."""
    for name, other in LENGTH_PAIRS:
        if values.get(name) is not None and values.get(other) is not None:
            yield Problem(
                "XL407",
                f"`{name}` and `{other}` are both given, and only one can be followed",
                (*at(name, "counts the start token and a prefix"), *at(other, "counts new tokens")),
                (f"set in {origin}",),
                f"remove one of them; `{other}: null` removes what a spec extends"
                if origin == SPEC
                else "remove one of them",
            )
