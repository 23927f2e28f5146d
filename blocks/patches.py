"""From images to a sequence of patches, and the places of patches (Dosovitskiy et al. 2021)."""

import torch
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """An affine map of every patch: an image is cut into a grid, row by row from the top left corner.

    What is left of an image beyond its last whole patch is not read.
    """

    def __init__(self, channels: int, width: int, patch_height: int, patch_width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, width, (patch_height, patch_width), (patch_height, patch_width))

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, height, width] -> [B, S, D], S the number of whole patches."""
        return self.projection(image).flatten(2).transpose(1, 2)


class LeadingToken(nn.Module):
    """A learned state put before a sequence, the same for every input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.empty(1, 1, width))

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B, 1 + S, D]."""
        return torch.cat((self.token.expand(hidden.shape[0], -1, -1), hidden), dim=1)


class AddPositionTable(nn.Module):
    """Sum of hidden states and a learned row for each of a fixed number of them, then dropout."""

    def __init__(self, states: int, width: int, dropout: float) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(1, states, width))
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, states, D], unchanged in shape."""
        return nn.functional.dropout(hidden + self.table, self.dropout, self.training)


class AddGridPositions(nn.Module):
    """Sum of hidden states and learned rows: one for each leading state, the others a grid.

    For an image of another grid of patches it is interpolated by cubics.
    """

    def __init__(
        self,
        leading: int,
        grid_rows: int,
        grid_columns: int,
        width: int,
        patch_height: int,
        patch_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(1, leading + grid_rows * grid_columns, width))
        self.leading = leading
        self.grid = (grid_rows, grid_columns)
        self.patch = (patch_height, patch_width)
        self.dropout = dropout

    def forward(self, image: Tensor, hidden: Tensor) -> Tensor:
        """image [B, C, height, width] and its states [B, leading + patches, D] -> of the states' shape."""
        grid = (image.shape[2] // self.patch[0], image.shape[3] // self.patch[1])
        table: Tensor = self.table
        if grid != self.grid:
            leading, places = table[:, : self.leading], table[:, self.leading :]
            places = places.view(1, *self.grid, -1).permute(0, 3, 1, 2)  # [1, D, rows, columns]
            stretched = nn.functional.interpolate(places, size=grid, mode="bicubic", align_corners=False)
            table = torch.cat((leading, stretched.flatten(2).transpose(1, 2)), dim=1)
        return nn.functional.dropout(hidden + table, self.dropout, self.training)
