"""Position-wise feed-forward network (Vaswani et al. 2017, section 3.3)."""

import torch.nn.functional as F
from torch import Tensor, nn

from blocks.linear import Projection


class FeedForward(nn.Module):
    """Expand, activate, contract."""

    def __init__(
        self, width: int, inner: int, activation: nn.Module, dropout: float, output_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.up_proj = Projection(width, inner)
        self.activation = activation
        self.down_proj = Projection(inner, width)
        self.dropout = dropout
        self.output_dropout = output_dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]; dropout acts on the activations, and on what comes out."""
        activated = self.activation(self.up_proj(hidden))
        if self.training:
            activated = F.dropout(activated, self.dropout)
        contracted = self.down_proj(activated)
        return F.dropout(contracted, self.output_dropout) if self.training else contracted
