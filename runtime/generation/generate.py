"""`generate`: from a model's inputs to token ids."""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor

from runtime.generation.beam import search_beams
from runtime.generation.chain import build_chain
from runtime.generation.conditions import Drawable, FiniteCheck
from runtime.generation.decoding import EndTokens, OnStep, StepDecoder
from runtime.generation.finished import BeamSettings
from runtime.generation.greedy import decode_single, take_best
from runtime.generation.inputs import encode
from runtime.generation.interface import Model
from runtime.generation.request import read_request
from runtime.generation.result import Generated
from runtime.generation.sampling import Draw


@overload
def generate(model: Model, *, return_scores: Literal[True], **arguments: Any) -> Generated: ...


@overload
def generate(model: Model, **arguments: Any) -> Tensor: ...


def generate(
    model: Model, *, return_scores: bool = False, on_step: OnStep | None = None, **arguments: Any
) -> Tensor | Generated:
    """Decode the model's inputs into token ids.

    `arguments` are the encoder's inputs, named as on the Hub (`input_features`, `attention_mask`,
    ...) or `encoder_outputs=`; `decoder_input_ids` [batch, P] as a prefix, the start token put in
    front where it is missing; and the options of `specs.generation.GenerationOptions`. An option
    given here goes before the spec's `generation:`, which goes before the checkpoint's own.

    Returns int64 ids [batch * num_return_sequences, length], sentence by sentence, start token first,
    padded after the end; with `return_scores=True` a `Generated` holding them and their scores.
    `on_step` is called with a `Step` after every decoding step.

    Raises CrossloomError: XL404 no start or pad id, XL405 longer than the decoder's positions, XL406
    unknown option, XL407 unusable or contradictory options, XL408 no length limit, XL409 scores that are
    not finite, and others for inputs that do not fit.
    """
    with torch.inference_mode():
        result = _generate(model, arguments, return_scores, on_step)
    # Made outside, the copies are ordinary tensors that may be written to.
    result = Generated(*(tensor.clone() for tensor in result))
    return result if return_scores else result.sequences


def _generate(
    model: Model, arguments: dict[str, Any], return_scores: bool, on_step: OnStep | None
) -> Generated:
    request = read_request(model, arguments, return_scores)
    options, limit = request.options, request.lengths.maximum
    encoded = request.encoder_outputs
    if encoded is None:
        encoded = encode(model, request.inputs)
    device = encoded.hidden.device
    beams = options.num_beams
    copies = beams if beams > 1 else options.num_return_sequences
    batch, prompt_length = request.prefix.shape
    prefix = request.prefix.to(device).repeat_interleave(copies, dim=0)
    draw = Draw(options.seed, Drawable(device)) if options.do_sample else None
    check = None if options.remove_invalid_values else FiniteCheck(device)
    others = () if draw is None else (draw.condition,)
    decoder = StepDecoder(model, encoded, batch * copies, copies, limit, check, others)
    ends = EndTokens(options.eos_token_ids, device)
    chain = build_chain(options, request.lengths, prompt_length, model.vocabulary, device)
    pad = options.pad_token_id or 0
    if beams == 1:
        result = decode_single(
            decoder,
            prefix,
            limit,
            choose=take_best if draw is None else draw.one,
            chain=chain,
            ends=ends,
            pad=pad,
            length_penalty=options.length_penalty,
            return_scores=return_scores,
            on_step=on_step,
        )
    else:
        settings = BeamSettings(
            beams=beams,
            returned=options.num_return_sequences,
            limit=limit,
            # transformers' beam search takes a pad id of 0 for none and pads with the first end token.
            fill=pad or (options.eos_token_ids or (0,))[0],
            length_penalty=options.length_penalty,
            early_stopping=options.early_stopping,
            draw=None if draw is None else draw.several,
            keep_token_scores=return_scores,
        )
        result = search_beams(decoder, prefix, settings, chain=chain, ends=ends, on_step=on_step)
    decoder.finish()
    return result
