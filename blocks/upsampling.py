"""Hard upsampling: every position repeated as often as a count says (Ren et al. 2019, length regulator)."""

import torch
from torch import Tensor, nn

from blocks.inputs import look_is_free


def repeated(hidden: Tensor, counts: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """hidden [B, S, D], counts [B, S] -> [B, length, D], zeros behind the last copy, and the mask of copies.

    Slot t holds the position whose copies end behind t: the first with counts[0] + .. + counts[i] > t.
    """
    ends = counts.cumsum(1)
    slots = torch.arange(length, device=counts.device)
    sources = torch.searchsorted(ends, slots.repeat(ends.shape[0], 1), right=True)
    copies = hidden.take_along_dim(sources.clamp(max=ends.shape[1] - 1).unsqueeze(-1), dim=1)
    mask = slots < ends[:, -1:]
    return copies.masked_fill(~mask.unsqueeze(-1), 0.0), mask.long()


def require_slots(hidden: Tensor, counts: Tensor, length: int) -> None:
    """Refuse counts that are not one for each of hidden [B, S, D], or, where looking is free, no counts of
    `length` slots at most."""
    if counts.shape != hidden.shape[:2]:
        raise ValueError(f"counts are {list(hidden.shape[:2])} here, not {list(counts.shape)}")
    if look_is_free(counts):
        least, longest = int(counts.amin()), int(counts.sum(1).amax())
        if least < 0:
            raise ValueError(f"a position is counted {least} times")
        if longest > length:
            raise ValueError(
                f"the counts of a row add up to {longest}, and there are {length} positions for them"
            )


class HardUpsampling(nn.Module):
    """Every position repeated, as long as the longest row or as the caller says."""

    def forward(self, hidden: Tensor, counts: Tensor, length: int | None = None) -> tuple[Tensor, Tensor]:
        """hidden [B, S, D], counts [B, S] -> hidden [B, length, D], mask [B, length] with 1 = a copy.

        Without a length it is that of the longest row, which has to be looked up, and at least one.
        """
        if length is None:
            length = max(int(counts.sum(1).amax()), 1)
        require_slots(hidden, counts, length)
        return repeated(hidden, counts, length)


class AlignedUpsampling(nn.Module):
    """Every position repeated once for each of the ids that it stands for."""

    def forward(self, hidden: Tensor, counts: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """hidden [B, S, D], counts [B, S], ids [B, T] -> hidden [B, T, D], mask [B, T] with 1 = a copy."""
        require_slots(hidden, counts, ids.shape[1])
        return repeated(hidden, counts, ids.shape[1])
