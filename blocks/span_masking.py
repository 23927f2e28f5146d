"""Spans of time and of channels hidden in training (Park et al. 2019, "SpecAugment"; Baevski et al. 2020)."""

import torch
from torch import Tensor, nn


def random_spans(lengths: Tensor, size: int, probability: float, span: int, minimum: int) -> Tensor:
    """Which of `size` positions are hidden in each row, spans beginning and ending within its length.

    Of a row of L positions about L * probability / span spans are hidden, rounded up or down at random,
    and at least `minimum`; no two begin at the same place. lengths [B] -> [B, size] bool.
    """
    rows, device = lengths.shape[0], lengths.device
    starts = torch.arange(size, device=device) <= (lengths - span).unsqueeze(1)
    wanted = (probability * lengths / span + torch.rand((), device=device)).long().clamp(min=minimum)
    wanted = torch.minimum(wanted, torch.full_like(wanted, size // span))
    order = torch.rand(rows, size, device=device).masked_fill(~starts, 2.0).argsort(1).argsort(1)
    begun = (starts & (order < wanted.unsqueeze(1))).long().cumsum(1)
    ended = torch.nn.functional.pad(begun, (span, 0))[:, :size]
    return begun > ended


class SpanMasking(nn.Module):
    """In training, spans of time become a learned vector, and spans of channels zero."""

    def __init__(
        self,
        width: int,
        time_probability: float,
        time_span: int,
        time_minimum: int,
        channel_probability: float,
        channel_span: int,
        channel_minimum: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(width))
        self.time = (time_probability, time_span, time_minimum)
        self.channels = (channel_probability, channel_span, channel_minimum)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> [B, S, D]."""
        return self.hidden_in_part(hidden, mask) if self.training else hidden

    def hidden_in_part(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """The states with spans hidden; padding is not counted."""
        rows, size, width = hidden.shape
        full = torch.full((rows,), size, device=hidden.device)
        if self.time[0] > 0:
            lengths = full if mask is None else mask.sum(-1)
            spans = random_spans(lengths, size, *self.time)
            hidden = torch.where(spans.unsqueeze(-1), self.embedding.to(hidden.dtype), hidden)
        if self.channels[0] > 0:
            spans = random_spans(torch.full_like(full, width), width, *self.channels)
            hidden = hidden.masked_fill(spans.unsqueeze(1), 0.0)
        return hidden
