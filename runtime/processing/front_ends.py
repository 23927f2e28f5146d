"""Build the front end of each kind."""

from __future__ import annotations

from torch import nn

from blocks.filter_bank import (
    FilterBankFrontEnd,
    FrameStacking,
    LogMelFilterBank,
    UnitSampleVariance,
    UtteranceDeviation,
    UtteranceMean,
)
from blocks.pixel_front_end import ChannelNormalisation, PixelFrontEnd, Rescale
from blocks.waveform_front_end import MaskedWaveforms, PaddedWaveforms, UnitVariance
from specs.processing.images import Image
from specs.processing.stated import AudioFrontEnd, FilterBank, UtteranceNormalizer, Waveform

_NORMALIZERS: dict[UtteranceNormalizer, type[nn.Module]] = {
    "mean": UtteranceMean,
    "deviation": UtteranceDeviation,
    "sample_variance": UnitSampleVariance,
}


def build_front_end(kind: AudioFrontEnd) -> nn.Module:
    """A module that turns a list of waveforms [N] float32 into what the model reads, and its mask or None."""
    match kind:
        case FilterBank():
            return _filter_bank(kind)
        case Waveform():
            normalizers = [UnitVariance()] if kind.normalize else []
            made = MaskedWaveforms if kind.with_mask else PaddedWaveforms
            return made(normalizers, kind.padding_value)


def build_pixel_front_end(kind: Image) -> PixelFrontEnd:
    """A module that turns images uint8 [B, C, height, width] into what the model reads."""
    normalizers: list[nn.Module] = []
    if kind.factor is not None:
        normalizers.append(Rescale(kind.factor))
    if kind.mean is not None and kind.deviation is not None:
        normalizers.append(ChannelNormalisation(kind.mean, kind.deviation))
    return PixelFrontEnd(normalizers)


def _filter_bank(kind: FilterBank) -> nn.Module:
    filter_bank = LogMelFilterBank(
        sampling_rate=kind.sampling_rate,
        mel_bins=kind.mel_bins,
        frame_length=kind.frame_length,
        frame_shift=kind.frame_shift,
        fft_length=kind.fft_length,
        lowest_frequency=kind.lowest_frequency,
        preemphasis=kind.preemphasis,
        floor=kind.floor,
    )
    normalizers = [_NORMALIZERS[name]() for name in kind.normalizers]
    front_end = FilterBankFrontEnd(filter_bank, normalizers, kind.padding_value)
    return front_end if kind.stride == 1 else FrameStacking(front_end, kind.stride, kind.padding_value)
