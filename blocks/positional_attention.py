"""Self-attention that knows positions: by a gated bias, by distance vectors, by clipped ones, by rotation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blocks.attention import attend, merge_heads, split_heads
from blocks.linear import Projection


class PositionalSelfAttention(nn.Module):
    """The projections of attention over itself; who inherits says what positions do to it."""

    def __init__(self, target_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.q_proj = Projection(target_dim, target_dim)
        self.k_proj = Projection(target_dim, target_dim)
        self.v_proj = Projection(target_dim, target_dim)
        self.out_proj = Projection(target_dim, target_dim)
        self.heads = heads
        self.dropout = dropout

    def attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        """Three of [B, H, S, K] and a bias that fits [B, H, S, S] -> [B, S, D]."""
        dropout = self.dropout if self.training else 0.0
        return self.out_proj(merge_heads(attend(query, key, value, bias, dropout)))


class GatedBiasSelfAttention(PositionalSelfAttention):
    """Scores get a bias by distance, which each query opens or shuts (Chi et al. 2022; Chen et al. 2022).

    Of a head's input x the gates are r = sigmoid(sum of 4 projections), u = sigmoid(sum of 4 others), and the
    bias of a distance is multiplied by r * (u * gate_scale - 1) + 2.
    """

    def __init__(self, target_dim: int, heads: int, dropout: float) -> None:
        super().__init__(target_dim, heads, dropout)
        self.gate_proj = Projection(target_dim // heads, 8)
        self.gate_scale = nn.Parameter(torch.empty(1, heads, 1, 1))

    def forward(self, hidden: Tensor, mask: Tensor | None, position_bias: Tensor) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S] or None, bias [H, S, S] -> [B, S, D]."""
        gates = self.gate_proj(split_heads(hidden, self.heads)).unflatten(-1, (2, 4)).sum(-1)
        reset, update = torch.sigmoid(gates).chunk(2, dim=-1)  # [B, H, S, 1] each
        bias = (reset * (update * self.gate_scale - 1.0) + 2.0) * position_bias
        if mask is not None:
            bias = bias + mask
        query, key, value = (
            split_heads(project(hidden), self.heads) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.attend(query, key, value, bias)


class RelativeSelfAttention(PositionalSelfAttention):
    """Queries meet keys and, apart from them, distances (Dai et al. 2019, section 3.3).

    The score of query i and key j is ((q_i + content_bias) k_j + (q_i + position_bias) W r_(i-j)) / root(K).
    """

    def __init__(self, target_dim: int, heads: int, dropout: float) -> None:
        super().__init__(target_dim, heads, dropout)
        self.position_proj = Projection(target_dim, target_dim, bias=False)
        self.content_bias = nn.Parameter(torch.empty(heads, target_dim // heads))
        self.position_bias = nn.Parameter(torch.empty(heads, target_dim // heads))

    def forward(self, hidden: Tensor, mask: Tensor | None, positions: Tensor) -> Tensor:
        """hidden [B, S, D], mask [B, 1, 1, S] or None, a vector a distance [2S - 1, D] -> [B, S, D]."""
        query, key, value = (
            split_heads(project(hidden), self.heads) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        distances = split_heads(self.position_proj(positions).unsqueeze(0), self.heads)  # [1, H, 2S - 1, K]
        scores = (query + self.position_bias.unsqueeze(1)) @ distances.transpose(2, 3)
        bias = by_key(scores) * query.shape[-1] ** -0.5
        if mask is not None:
            bias = bias + mask
        return self.attend(query + self.content_bias.unsqueeze(1), key, value, bias)


def by_key(scores: Tensor) -> Tensor:
    """Scores of every query with distances S - 1 .. 1 - S, as scores with keys.

    [B, H, S, 2S - 1] -> [B, H, S, S].
    Key j is at distance i - j from query i, so row i begins S - 1 - i columns further on: rows one number
    longer, read as rows one number shorter, shift that far (Dai et al. 2019, appendix B).
    """
    batch, heads, length, count = scores.shape
    shifted = F.pad(scores, (1, 0)).view(batch, heads, count + 1, length)[:, :, 1:]
    return shifted.reshape(batch, heads, length, count)[..., :length]


class RelativeKeySelfAttention(PositionalSelfAttention):
    """Queries meet keys and a vector of their distance, which all heads share (Shaw et al. 2018).

    The score of query i and key j is q_i (k_j + r_(j-i)) / root(K), distances clipped to -left .. right.
    A query to which nothing is visible attends evenly to all.
    """

    def __init__(self, target_dim: int, heads: int, dropout: float, left: int, right: int) -> None:
        super().__init__(target_dim, heads, dropout)
        self.distances = nn.Embedding(left + right + 1, target_dim // heads)
        self.left = left
        self.right = right

    def forward(self, hidden: Tensor, visible: Tensor) -> Tensor:
        """hidden [B, S, D], pairs that attend [B or 1, 1, S, S] -> [B, S, D]."""
        query, key, value = (
            split_heads(project(hidden), self.heads) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        scores = query @ self.distances.weight.t() * query.shape[-1] ** -0.5  # [B, H, S, left + right + 1]
        places = torch.arange(hidden.shape[1], device=hidden.device)
        rows = (places - places.unsqueeze(1)).clamp(-self.left, self.right) + self.left
        bias = scores.gather(-1, rows.expand(*scores.shape[:2], -1, -1))
        bias = bias.masked_fill(~visible, torch.finfo(bias.dtype).min)
        return self.attend(query, key, value, bias)


class RotarySelfAttention(PositionalSelfAttention):
    """What queries and keys are made of is rotated by its position, before they are projected, as published.

    Channel i of a head turns with channel i + K / 2 (Su et al. 2021, halves in place of neighbours).
    """

    def forward(self, hidden: Tensor, mask: Tensor | None, positions: Tensor) -> Tensor:
        """hidden [B, S, D], mask [B, 1, 1, S] or None, cosines and sines [2, S, K] -> [B, S, D]."""
        heads = split_heads(hidden, self.heads)
        first, second = heads.chunk(2, dim=-1)
        cosine, sine = positions
        rotated = merge_heads(heads * cosine + torch.cat((-second, first), dim=-1) * sine)
        query, key, value = (
            split_heads(states, self.heads)
            for states in (self.q_proj(rotated), self.k_proj(rotated), self.v_proj(hidden))
        )
        return self.attend(query, key, value, mask)
