"""Decoding with one hypothesis a row: greedy search and plain sampling."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from runtime.generation.chain import Chain
from runtime.generation.decoding import EndTokens, OnStep, StepDecoder, look_interval
from runtime.generation.result import Generated, Step


def take_best(scores: Tensor) -> Tensor:
    """Scores [rows, V] -> the best token of each row."""
    return scores.argmax(dim=-1)


def decode_single(
    decoder: StepDecoder,
    prefix: Tensor,
    limit: int,
    *,
    choose: Callable[[Tensor], Tensor],
    chain: Chain,
    ends: EndTokens,
    pad: int,
    length_penalty: float = 1.0,
    return_scores: bool = False,
    on_step: OnStep | None = None,
) -> Generated:
    """Extend `prefix` [rows, P] token by token to at most `limit`; `choose` maps scores to tokens.

    A row that has ended goes on as padding until all have. The scores are empty unless asked for.
    """
    rows, prompt_length = prefix.shape
    sequences = prefix.new_full((rows, limit), pad)
    sequences[:, :prompt_length] = prefix
    token_scores = torch.zeros((rows, limit if return_scores else 0), device=prefix.device)
    ended = torch.zeros(rows, dtype=torch.bool, device=prefix.device)
    interval = look_interval(prefix.device)
    newest = prefix
    length = prompt_length
    while length < limit:
        scores = chain(decoder(newest), sequences, length)
        tokens = choose(scores)
        if return_scores:
            chosen = scores.log_softmax(dim=-1).gather(1, tokens[:, None])[:, 0]
            token_scores[:, length] = chosen.masked_fill(ended, 0.0)
        if ends.count:
            tokens = tokens.masked_fill(ended, pad)
            ended |= ends(tokens)
        sequences[:, length] = tokens
        newest = tokens[:, None]
        length += 1
        if on_step is not None:
            on_step(Step(length, limit, tokens))
        if (length - prompt_length) % interval == 0 and decoder.settled(ended.all()):
            break
    new_tokens = _count_new_tokens(sequences[:, prompt_length:length], ends)
    length = prompt_length + int(new_tokens.max())
    token_scores = token_scores[:, :length]
    return Generated(
        sequences[:, :length], token_scores.sum(dim=1) / new_tokens**length_penalty, token_scores
    )


def _count_new_tokens(generated: Tensor, ends: EndTokens) -> Tensor:
    """How many tokens of each row [rows, n] were generated, its end token included."""
    ending = ends(generated)
    return torch.where(ending.any(dim=1), ending.int().argmax(dim=1) + 1, generated.shape[1])
