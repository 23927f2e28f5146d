"""How many samples of a waveform are of a row's own units."""

from torch import Tensor, nn


class UnitWaveformLengths(nn.Module):
    """Samples up to the end of the unit behind a row's last: of one too many, unless no padding follows.

    So it is published: durations are summed up to the position that the number of units says, and that
    position is the first behind them.
    """

    def __init__(self, padding: int, samples: int, extra: int) -> None:
        super().__init__()
        self.padding = padding
        self.samples = samples
        self.extra = extra

    def forward(self, unit_ids: Tensor, durations: Tensor) -> Tensor:
        """unit_ids [B, U], durations [B, U] -> lengths [B] int64."""
        units = (unit_ids != self.padding).sum(1, keepdim=True)
        last = units.clamp(max=unit_ids.shape[1] - 1)
        return durations.cumsum(1).gather(1, last).squeeze(1) * self.samples + self.extra
