"""`translate`: from a model's inputs to text and speech in another language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from compiler.diagnostics.model import CrossloomError
from compiler.spec import Spec
from runtime.failures import failure, refuse
from runtime.flows import Host, check_requests, execute, of_text, of_units
from runtime.generation.inputs import INPUT_NAMES, check_inputs, check_model
from runtime.generation.request import read_request
from runtime.placement import placed
from specs.flow import Flow
from specs.problems import Problem

_HEARD, _READ = ("input_features", "input_values"), "input_ids"
"""Inputs that are made of audio, and the one that is made of text."""

_NOT_HERE = {
    "encoder_outputs": "the encoder is run here: give what it takes",
    "return_scores": "`crossloom.generate` gives them",
}
"""Arguments of `generate` that make no translation, and what to do."""

_GONE_BY = ("eos_token_id", "pad_token_id")
"""Options of `generate` that steps behind a text count on."""


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

    Whatever can be refused is refused before anything is computed.

    Raises:
        CrossloomError: XL105 no target language, XL112 one that the model does not write or speak, XL114 a
            model that does not do this, XL402 a speaker out of range, XL406 and XL407 options that are none
            or cannot be followed, XL422 tables that the checkpoint lacks, and what `generate` finds.
    """
    refuse(check_model(model))
    refuse(_check_arguments(generate_speech, arguments))
    inputs = {name: arguments.pop(name) for name in INPUT_NAMES if arguments.get(name) is not None}
    flow = _flow_for(model.spec, inputs, generate_speech)
    speaks = flow.output == "speech"
    text = of_text(arguments)
    values: dict[str, Any] = {"inputs": inputs, "language": tgt_lang, "speaker": speaker_id}
    values["sampling"] = of_units(arguments, speaks)
    refuse(_check_ids(model.spec, text) if speaks else ())
    prompt = text.pop("decoder_input_ids", None)
    if tgt_lang is None and prompt is not None and not speaks:
        values["prompt"] = prompt
    else:
        values |= check_requests(flow, model, values)
    refuse([*check_inputs(model, inputs), *_check_length(model.spec, inputs)])
    values["inputs"] = placed(model, inputs)
    host = Host(model)
    values |= execute(flow, host, values, ("prompt",), {})
    read_request(model, {**values["inputs"], **text, "decoder_input_ids": values["prompt"]})
    wanted = ["token_ids", *(("units", "speech") if speaks else ())]
    known = execute(flow, host, values, wanted, text)
    if not speaks:
        return Translation(known["token_ids"])
    waveform, lengths = (torch.clone(tensor) for tensor in known["speech"])
    if not return_intermediate_token_ids:
        return Translation(None, None, waveform, lengths)
    return Translation(known["token_ids"], known["units"].sequences, waveform, lengths)


def _flow_for(spec: Spec, inputs: Mapping[str, Any], speaks: bool | None) -> Flow:
    """The flow that begins with what is given, and ends with what is wanted."""
    flows = [flow for flow in spec.flows if "language" in flow.inputs]
    heard = [name for name in _HEARD if name in inputs]
    if heard and _READ in inputs:
        raise failure(
            "XL407",
            f"`{heard[0]}` and `{_READ}` are both given, and only one can be translated",
            help="remove one of the two",
        )
    begins = "audio" if heard else "text" if _READ in inputs else "nothing"
    ends = {flow.output: flow for flow in flows if flow.inputs[0] == begins}
    wanted = ("speech" if "speech" in ends else "text") if speaks is None else "speech" if speaks else "text"
    if wanted not in ends:
        raise _cannot(spec, begins, wanted, flows)
    return ends[wanted]


def _cannot(spec: Spec, begins: str, wanted: str, flows: Sequence[Flow]) -> CrossloomError:
    """XL114 for a translation that a model does not do, XL206 where there is nothing to translate."""
    does = ", ".join(dict.fromkeys(f"{flow.inputs[0]} to {flow.output}" for flow in flows))
    given = {flow.inputs[0] for flow in flows}
    names = [name for kind, name in (("audio", _HEARD[0]), ("text", _READ)) if kind in given]
    if not flows:
        info, help = "its target has one language", "use `crossloom.generate`, or `crossloom.transcribe`"
        return failure("XL114", f"`{spec.name}` does not translate", info=(info,), help=help)
    if begins == "nothing":
        info = f"it translates {does}"
        help = f"pass {' or '.join(f'`{name}=`' for name in names)}"
        return failure("XL206", "nothing to translate is given", info=(info,), help=help)
    help = f"pass `{names[0]}=`" if begins not in given else "leave `generate_speech` out"
    message = f"`{spec.name}` does not translate {begins} to {wanted}"
    return failure("XL114", message, info=(f"it translates {does}",), help=help)


def _check_arguments(speaks: Any, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """XL103 for a switch that is none, XL406 for what `generate` takes and a translation does not."""
    if speaks is not None and not isinstance(speaks, bool):
        message = f"`generate_speech` is {speaks!r}, and neither true nor false"
        yield Problem("XL103", message, (), help="pass True, False, or nothing: speech where there is any")
    for name, help in _NOT_HERE.items():
        if name in arguments:
            yield Problem("XL406", f"`translate` takes no `{name}`", (), help=help)


def _check_ids(spec: Spec, options: Mapping[str, Any]) -> Iterator[Problem]:
    """XL407 for an end or a padding of texts that what makes speech of them does not go by."""
    stated = {**spec.config, **spec.generation}
    for name in _GONE_BY:
        if name in options and options[name] != stated.get(name):
            message = f"`{name}` is {options[name]} in the call, and the model's is {stated.get(name)}"
            info = ("speech is made of what a text has beside them, by the model's own ids",)
            yield Problem("XL407", message, (), info, "leave it out, or ask for text alone")


def _check_length(spec: Spec, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """XL405 for a text that has more ids than the encoder has positions."""
    ids, longest = inputs.get(_READ), spec.maximum_source
    if longest is None or spec.long_input == "grow" or not isinstance(ids, Tensor):
        return
    if ids.shape[-1] > longest:
        message = f"`{_READ}` is {list(ids.shape)}, and the encoder has positions for {longest} ids"
        yield Problem("XL405", message, (), help="split the text, or set `long_input: grow` in the spec")
