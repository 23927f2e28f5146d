"""Raw audio for encoders that begin with a waveform: normalised and padded."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

VARIANCE_FLOOR = 1e-7
"""Added to the variance, as published, so that silence stays finite."""


class UnitVariance(nn.Module):
    """Zero mean and unit variance over the last axis (population variance)."""

    def forward(self, waveform: Tensor) -> Tensor:
        """[..., N], unchanged in shape."""
        variance, mean = torch.var_mean(waveform, dim=-1, correction=0, keepdim=True)
        return (waveform - mean) / torch.sqrt(variance + VARIANCE_FLOOR)


class MaskedWaveforms(nn.Module):
    """Every waveform normalised as if it were alone, then padded, with the mask of what is no padding."""

    def __init__(self, normalizers: Sequence[nn.Module], padding_value: float) -> None:
        super().__init__()
        self.normalizers = nn.Sequential(*normalizers)
        self.padding_value = padding_value

    def forward(self, waveforms: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Waveforms [N_i] float32 -> [B, N] float32 and mask [B, N] int64, 1 = valid."""
        rows = [self.normalizers(waveform) for waveform in waveforms]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.padding_value)
        lengths = torch.tensor([len(row) for row in rows], device=padded.device)
        positions = torch.arange(padded.shape[1], device=padded.device)
        return padded, (positions < lengths[:, None]).long()


class PaddedWaveforms(nn.Module):
    """Waveforms padded, then normalised with their padding, for encoders that were trained without a mask.

    As published: padding is no longer zero afterwards, and a recording depends on the longest beside it.
    """

    def __init__(self, normalizers: Sequence[nn.Module], padding_value: float) -> None:
        super().__init__()
        self.normalizers = nn.Sequential(*normalizers)
        self.padding_value = padding_value

    def forward(self, waveforms: Sequence[Tensor]) -> tuple[Tensor, None]:
        """Waveforms [N_i] float32 -> [B, N] float32, and no mask."""
        padded = nn.utils.rnn.pad_sequence(
            list(waveforms), batch_first=True, padding_value=self.padding_value
        )
        return self.normalizers(padded), None
