"""Position-wise feed-forward network (Vaswani et al. 2017, section 3.3)."""

from torch import Tensor, nn

from blocks.drop_out import drop_out
from blocks.linear import Projection


class FeedForward(nn.Module):
    """Expand, activate, contract."""

    def __init__(self, width: int, inner: int, activation: nn.Module, dropout: float) -> None:
        super().__init__()
        self.up_proj = Projection(width, inner)
        self.activation = activation
        self.down_proj = Projection(inner, width)
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]; dropout acts on the activations."""
        activated = self.activation(self.up_proj(hidden))
        if self.training:
            activated = drop_out(activated, self.dropout)
        return self.down_proj(activated)


class DroppedFeedForward(FeedForward):
    """Expand, activate, contract, and drop out what comes out."""

    def __init__(
        self, width: int, inner: int, activation: nn.Module, dropout: float, output_dropout: float
    ) -> None:
        super().__init__(width, inner, activation, dropout)
        self.output_dropout = output_dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]; one dropout acts on the activations, another on the output."""
        return drop_out(super().forward(hidden), self.output_dropout, self.training)


class ResidualFeedForward(FeedForward):
    """x + scale * FeedForward(x)."""

    def __init__(self, width: int, inner: int, activation: nn.Module, dropout: float, scale: float) -> None:
        super().__init__(width, inner, activation, dropout)
        self.scale = scale

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        return hidden + self.scale * super().forward(hidden)


class MultiLayerPerceptron(nn.Module):
    """Two projections from one width to another, an activation between them, the source normalised first."""

    def __init__(
        self,
        source_dim: int,
        inner: int,
        target_dim: int,
        norm: nn.Module,
        activation: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.up_proj = Projection(source_dim, inner)
        self.activation = activation
        self.down_proj = Projection(inner, target_dim)
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, source_dim] -> [B, T, target_dim]; dropout acts on the activations."""
        activated = self.activation(self.up_proj(self.norm(hidden)))
        if self.training:
            activated = drop_out(activated, self.dropout)
        return self.down_proj(activated)
