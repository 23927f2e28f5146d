"""What generation hands back."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Generated(NamedTuple):
    """Sequences with their scores; N = batch * num_return_sequences, sentence by sentence, best first.

    `sequences` [N, L] int64: start token first, padded after the end.

    `token_scores` [N, L] float32: the log-probability of each generated token at the step that chose
    it, after all score options; 0 at the start token, at a given prefix, and after the end. With one
    beam it is normalised: the probabilities the token was chosen from sum to one. With several beams
    it is what beam search added up: the model's log-probability with the options applied, normalised
    again only by `renormalize_logits`.

    `sequence_scores` [N] float32: the sum of the token scores over n ** length_penalty, where n counts
    the generated tokens, the end token included. Beam search ranks by it.
    """

    sequences: Tensor
    sequence_scores: Tensor
    token_scores: Tensor


class Step(NamedTuple):
    """One finished decoding step, as `on_step` receives it.

    `tokens` [rows] holds the newest ids, one for each running hypothesis; read it before returning.
    """

    length: int
    limit: int
    tokens: Tensor
