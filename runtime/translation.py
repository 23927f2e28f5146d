"""`translate`: from a model's inputs to text and speech in another language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from compiler.spec import Spec
from runtime.failures import failure
from runtime.flows import Host, execute
from runtime.generation.inputs import INPUT_NAMES
from specs.flow import Flow

_HEARD = ("input_features", "input_values")
"""Inputs that are made of audio."""

_OF_UNITS = ("do_sample", "temperature", "seed")
"""Options that also say how units are chosen."""


class Translation(NamedTuple):
    """What became of a batch; None where a flow does not give it.

    Attributes:
        sequences: token ids [R, T], as `generate` gives them.
        unit_sequences: the units as they were chosen, [R, U].
        waveform: speech [R, N].
        waveform_lengths: how many samples of each row are speech, [R].
    """

    sequences: Tensor | None
    unit_sequences: Tensor | None = None
    waveform: Tensor | None = None
    waveform_lengths: Tensor | None = None


def translate(
    model: Any,
    *,
    tgt_lang: str | None = None,
    generate_speech: bool | None = None,
    speaker_id: int = 0,
    return_intermediate_token_ids: bool = True,
    **arguments: Any,
) -> Translation:
    """Translate the model's inputs into text, and speech where the model speaks.

    `arguments` are the encoder's inputs by the names of the Hub (`input_ids` or `input_features`,
    `attention_mask`), and options of `generate`: those that begin with `text_` are for the text alone, those
    that begin with `speech_` for the units alone (`do_sample`, `temperature`, `seed`), others for both.
    `generate_speech` left out means speech where the model can. Without `return_intermediate_token_ids`
    speech comes without the ids it was made of.

    Raises:
        CrossloomError: XL105 no target language, XL112 one that the model does not write or speak, XL114 a
            model that does not do this, XL402 a speaker out of range, XL406 an option that is none, XL422 a
            table that the checkpoint lacks, and what `generate` finds.
    """
    inputs = {name: arguments.pop(name) for name in INPUT_NAMES if arguments.get(name) is not None}
    flow = _flow_for(model.spec, inputs, generate_speech)
    text, units = _options(arguments)
    speaks = flow.output == "speech"
    if tgt_lang is None and (speaks or "decoder_input_ids" not in text):
        raise failure(
            "XL105",
            "no target language: `tgt_lang` is missing",
            help='pass `tgt_lang=`, such as "eng"',
        )
    if units and not speaks:
        name = next(iter(units))
        raise failure("XL406", f"`speech_{name}` is about speech, and this gives text", help="leave it out")
    values: dict[str, Any] = {"inputs": inputs, "language": tgt_lang, "speaker": speaker_id}
    values["sampling"] = {name: text[name] for name in _OF_UNITS if name in text} | units
    if tgt_lang is None:
        values["prompt"] = text.pop("decoder_input_ids")
    else:
        text.pop("decoder_input_ids", None)
    wanted = ["token_ids", *(("units", "speech") if speaks else ())]
    known = execute(flow, Host(model), values, wanted, text)
    if not speaks:
        return Translation(known["token_ids"])
    waveform, lengths = (torch.clone(tensor) for tensor in known["speech"])
    if not return_intermediate_token_ids:
        return Translation(None, None, waveform, lengths)
    return Translation(known["token_ids"], known["units"].sequences, waveform, lengths)


def _flow_for(spec: Spec, inputs: Mapping[str, Any], speaks: bool | None) -> Flow:
    """The flow that begins with what is given, and ends with what is wanted."""
    heard = [name for name in _HEARD if name in inputs]
    if heard and "input_ids" in inputs:
        raise failure(
            "XL407",
            f"`{heard[0]}` and `input_ids` are both given, and only one can be translated",
            help="remove one of the two",
        )
    begins = "audio" if heard else "text"
    fitting = [flow for flow in spec.flows if flow.inputs[0] == begins]
    ends = {flow.output: flow for flow in fitting}
    wanted = ("speech" if "speech" in ends else "text") if speaks is None else "speech" if speaks else "text"
    if wanted in ends and "language" in ends[wanted].inputs:
        return ends[wanted]
    known = [f"{flow.inputs[0]} to {flow.output}" for flow in spec.flows]
    raise failure(
        "XL114",
        f"`{spec.name}` does not translate {begins} to {wanted}",
        info=(f"it does {', '.join(known)}" if known else "it states no flow of its own",),
        help="use `generate` where there is one language" if fitting else "give what its encoder takes",
    )


def _options(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the text, and of the units alone."""
    both = {n: v for n, v in arguments.items() if not n.startswith(("text_", "speech_"))}
    text = {n.removeprefix("text_"): v for n, v in arguments.items() if n.startswith("text_")}
    units = {n.removeprefix("speech_"): v for n, v in arguments.items() if n.startswith("speech_")}
    for name in units:
        if name not in _OF_UNITS:
            raise failure(
                "XL406",
                f"`speech_{name}` is no option of units",
                info=("units are chosen all at once: by score, or drawn",),
                help=f"use one of {', '.join(f'`speech_{one}`' for one in _OF_UNITS)}",
            )
    return both | text, units
