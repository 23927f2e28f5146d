"""Whole branches dropped in training (Huang et al. 2016, "Deep Networks with Stochastic Depth")."""

import torch.nn.functional as F
from torch import Tensor, nn

from blocks.drop_out import drop_out


class StochasticDepth(nn.Module):
    """In training: dropout of single elements, and of all that a sample of the batch adds.

    What survives is scaled up, as after any dropout.
    """

    def __init__(self, dropout: float, rate: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """[B, S, D], unchanged in shape."""
        return self.thinned(branch) if self.training else branch

    def thinned(self, branch: Tensor) -> Tensor:
        """The branch without some of its elements and samples."""
        samples = F.dropout(branch.new_ones(branch.shape[0], 1, 1), self.rate)
        return drop_out(branch, self.dropout) * samples
