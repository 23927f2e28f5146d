"""What a whole sequence is to be like, such as a speaker or a language, said at every position."""

import torch
from torch import Tensor, nn


class SurroundingChannels(nn.Module):
    """Channels that stay the same over time, before and behind those of the states."""

    def forward(self, hidden: Tensor, before: Tensor, behind: Tensor) -> Tensor:
        """hidden [B, T, D], before [B, P], behind [B, Q] -> [B, T, P + D + Q], the padding's too."""
        length = hidden.shape[1]
        constant = [vector.unsqueeze(1).expand(-1, length, -1) for vector in (before, behind)]
        return torch.cat([constant[0], hidden, constant[1]], dim=2)
