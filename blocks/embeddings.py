"""From ids or features to the hidden states a stack starts from."""

from torch import Tensor, nn

from blocks.drop_out import drop_out


class ScaledEmbedding(nn.Module):
    """Token embedding, multiplied by a constant (the root of the width, or one)."""

    def __init__(self, vocabulary: int, width: int, padding_row: int, scale: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=padding_row)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] -> [B, T, D]."""
        return self.tokens(ids) * self.scale


class AddTypes(nn.Module):
    """Sum of hidden states and the embedding of each token's type, type 0 where none are given."""

    def __init__(self, types: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(types, width)

    def forward(self, hidden: Tensor, types: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], types [B, T] -> [B, T, D]."""
        return hidden + (self.table.weight[0] if types is None else self.table(types))


class AddTokens(nn.Module):
    """Sum of hidden states and the embedding of the token at each, multiplied by a constant."""

    def __init__(self, vocabulary: int, width: int, scale: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.scale = scale

    def forward(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """hidden [B, T, D], ids [B, T] -> [B, T, D]."""
        return hidden + self.tokens(ids) * self.scale


class Scale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, hidden: Tensor) -> Tensor:
        """Any shape, unchanged."""
        return hidden * self.scale


class AddPositions(nn.Module):
    """Sum of hidden states and their positions, then dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, hidden: Tensor, positions: Tensor) -> Tensor:
        """Two of [B, T, D] -> [B, T, D]."""
        return drop_out(hidden + positions, self.dropout, self.training)
