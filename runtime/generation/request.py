"""Takes the arguments of `generate` apart, and refuses what cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from runtime.failures import refuse
from runtime.generation.inputs import (
    INPUT_NAMES,
    check_encoder_outputs,
    check_inputs,
    check_model,
    check_prefix,
    mismatch,
)
from runtime.generation.interface import Encoded, Model
from specs.counts import counted
from specs.generation import INERT_FIELDS, OPTION_NAMES, REFUSED_FIELDS, GenerationOptions
from specs.generation.layers import resolve
from specs.generation.lengths import Lengths, resolve_lengths
from specs.problems import Problem

OTHER_NAMES = ("encoder_outputs", "decoder_input_ids", "return_scores", "on_step")
"""What a call takes besides inputs and options."""

_OF_TRANSLATIONS = ("tgt_lang", "generate_speech", "speaker_id", "return_intermediate_token_ids")
"""What `translate` takes besides."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call, understood: `encoder_outputs` or `inputs` to encode, what to start with, how to go on.

    `prefix` [batch, P] holds the start token and what was given to follow it.
    """

    options: GenerationOptions
    lengths: Lengths
    prefix: Tensor
    inputs: Mapping[str, Tensor]
    encoder_outputs: Encoded | None


def read_request(model: Model, arguments: Mapping[str, Any], scored: bool = False) -> Request:
    """Sort and check the arguments of a call; `scored` when it asks for scores.

    Raises CrossloomError with the findings: XL103, XL104, XL114, XL206, XL207, XL305, XL411, XL416 for
    the model and the inputs, XL402, XL404 to XL408 for the options.
    """
    refuse(check_model(model))
    inputs = {name: arguments[name] for name in INPUT_NAMES if arguments.get(name) is not None}
    encoded, given_prefix = arguments.get("encoder_outputs"), arguments.get("decoder_input_ids")
    rest = {
        name: value
        for name, value in arguments.items()
        if name not in INPUT_NAMES and name not in OTHER_NAMES
    }
    known = OPTION_NAMES | INERT_FIELDS | REFUSED_FIELDS.keys()
    problems = [_unknown_argument(name) for name in rest if name not in known]
    resolution = resolve(
        {name: value for name, value in rest.items() if name in known},
        spec=model.spec.generation,
        checkpoint=model.generation_defaults,
        scored=scored,
        config={**model.spec.config, "vocab_size": model.vocabulary},
    )
    problems += resolution.problems
    problems += (
        check_inputs(model, inputs) if encoded is None else check_encoder_outputs(model, encoded, inputs)
    )
    options = resolution.options
    if options is not None:
        problems += _check_special_ids(options)
    refuse(problems)
    assert options is not None, "options that could not be read are a problem"

    leading = next(iter(inputs.values())) if encoded is None else encoded.hidden
    if given_prefix is None and options.forced_bos_token_id is None:
        refuse(_check_language(model))
    if given_prefix is not None:
        refuse(check_prefix(given_prefix, model.vocabulary, len(leading)))
    prefix = _start_sequences(options.decoder_start_token_ids, given_prefix, len(leading), leading.device)
    lengths, length_problems = resolve_lengths(options, prefix.shape[1], model.spec.maximum_target)
    refuse(length_problems)
    assert lengths is not None, "a missing limit is a problem"
    return Request(options, lengths, prefix, inputs, encoded)


def _start_sequences(
    start_ids: Sequence[int], given: Tensor | None, batch: int, device: torch.device
) -> Tensor:
    """The start token, then the given prefix; one that has the start token already is taken as it is."""
    if len(start_ids) not in {1, batch}:
        held = f"holds {counted(len(start_ids), 'id')} for a batch of {batch}"
        refuse([mismatch("decoder_start_token_id", held)])
    start = torch.tensor(start_ids, dtype=torch.int64, device=device).expand(batch)[:, None]
    if given is None or given.shape[1] == 0:
        return start
    given = given.to(device)
    started = given[:, :1] == start
    if bool(started.all()):
        return given
    if bool(started.any()):
        refuse([mismatch("decoder_input_ids", "has the start token in some rows and not in others")])
    return torch.cat((start, given), dim=1)


def _check_special_ids(options: GenerationOptions) -> Iterator[Problem]:
    if not options.decoder_start_token_ids:
        yield Problem(
            "XL404",
            "no start token: `decoder_start_token_id` is not set anywhere",
            (),
            help="pass `decoder_start_token_id=`, or set it in the spec",
        )
    if options.eos_token_ids and options.pad_token_id is None:
        yield Problem(
            "XL404",
            "no pad token: `pad_token_id` is not set anywhere",
            (),
            ("sequences that end early are padded with it",),
            "pass `pad_token_id=`, or set it in the spec",
        )


def _check_language(model: Model) -> Iterator[Problem]:
    """XL105 where all that a model does begins with a language, and nothing begins the text."""
    flows = model.spec.flows
    if flows and all("language" in flow.inputs for flow in flows):
        yield Problem(
            "XL105",
            "no target language: a text of this model begins with the id of one",
            (),
            ("`generate` knows ids alone, and without one the text would be in no language",),
            "call `crossloom.translate(model, ..., tgt_lang=...)`, or pass `decoder_input_ids=`",
        )


def _unknown_argument(name: str) -> Problem:
    if name in _OF_TRANSLATIONS:
        message = f"`{name}` says how to translate, and `generate` knows ids alone"
        return Problem("XL406", message, (), help="call `crossloom.translate`")
    near = get_close_matches(name, [*OPTION_NAMES, *INPUT_NAMES, *OTHER_NAMES, *_OF_TRANSLATIONS], n=2)
    advice = "did you mean " + " or ".join(f"`{other}`" for other in near) + "?" if near else "remove it"
    return Problem("XL406", f"`{name}` is neither a generation option nor an input", (), help=advice)
