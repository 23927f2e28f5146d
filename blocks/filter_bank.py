"""Log-mel filter bank features as Kaldi computes them, and their normalisation over an utterance.

Kaldi (Povey et al., "The Kaldi Speech Recognition Toolkit", ASRU 2011), without dither. Spectra
are computed in float64 and rounded where published models' features were rounded: each Fourier
coefficient to a single-precision complex number, each logarithm to float32. The rounding is kept
because a bin that hardly varies (a steady tone) is magnified by the normalisation, and its last
bit with it.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

FRAMES_AT_ONCE = 256
"""How many frames are transformed together: what they need then stays in the cache."""

FRAMES_IN_ROW = 128
"""How many frames pairwise summation adds one after another."""

SAMPLE_VARIANCE_FLOOR = 1e-7
"""Added to a sample variance, as published."""


def povey_window(length: int) -> Tensor:
    """(0.5 - 0.5 cos(2 pi t / (length - 1)))^0.85, float64 [length]."""
    angles = torch.arange(length, dtype=torch.float64) * (2 * math.pi / (length - 1))
    return (0.5 - 0.5 * angles.cos()) ** 0.85


def mel_triangles(mel_bins: int, sampling_rate: int, fft_length: int, lowest_frequency: float) -> Tensor:
    """Weights of the mel bins over the bins of the power spectrum, float64 [fft_length // 2 + 1, mel_bins].

    mel = 1127 ln(1 + f / 700). The corners are equally spaced in mel between the lowest frequency
    and half the sampling rate; each triangle is linear in mel, not in hertz.
    """
    frequencies = torch.arange(fft_length // 2 + 1, dtype=torch.float64) * (sampling_rate / fft_length)
    mels = 1127.0 * (1.0 + frequencies / 700.0).log()
    lowest = 1127.0 * math.log(1.0 + lowest_frequency / 700.0)
    highest = 1127.0 * math.log(1.0 + (sampling_rate // 2) / 700.0)
    corners = torch.linspace(lowest, highest, mel_bins + 2, dtype=torch.float64)
    rising = (mels[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - mels[:, None]) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp_min(0.0)


class LogMelFilterBank(nn.Module):
    """Samples in [-1, 1] to log-mel energies of overlapping frames, without centring or padding."""

    window: Tensor
    triangles: Tensor

    def __init__(
        self,
        *,
        sampling_rate: int,
        mel_bins: int,
        frame_length: int,
        frame_shift: int,
        fft_length: int,
        lowest_frequency: float,
        preemphasis: float,
        floor: float,
    ) -> None:
        super().__init__()
        self.register_buffer("window", torch.empty(frame_length), persistent=False)
        self.register_buffer("triangles", torch.empty(fft_length // 2 + 1, mel_bins), persistent=False)
        self.sampling_rate = sampling_rate
        self.mel_bins = mel_bins
        self.frame_length = frame_length
        self.frame_shift = frame_shift
        self.fft_length = fft_length
        self.lowest_frequency = lowest_frequency
        self.preemphasis = preemphasis
        self.floor = floor
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Compute window and triangles from their formulas, on the device where they live."""
        self.window = povey_window(self.frame_length).to(self.window.device)
        self.triangles = mel_triangles(
            self.mel_bins, self.sampling_rate, self.fft_length, self.lowest_frequency
        ).to(self.triangles.device)

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform [N] float32, at least one frame long -> [F, mel_bins] float32.

        F = 1 + (N - frame_length) // frame_shift; samples after the last whole frame are not used.
        """
        # Kaldi reads 16-bit samples, and its floor on energies assumes their scale.
        scaled = waveform.double() * 32768.0
        frames = scaled.unfold(0, self.frame_length, self.frame_shift)
        return torch.cat([self.energies(part) for part in torch.split(frames, FRAMES_AT_ONCE)])

    def energies(self, frames: Tensor) -> Tensor:
        """frames [F, frame_length] float64 -> log-mel energies [F, mel_bins] float32."""
        centred = frames - frames.mean(1, keepdim=True)
        emphasized: Tensor = centred.clone()
        # The first sample has nothing before it, and no weight: the window begins with 0.
        emphasized[:, 1:] -= self.preemphasis * centred[:, :-1]
        spectrum = torch.fft.rfft(emphasized.mul_(self.window), self.fft_length)
        rounded = spectrum.to(torch.complex64)
        power: Tensor = rounded.real.double().square_() + rounded.imag.double().square_()
        return (power @ self.triangles).clamp_min_(self.floor).log_().float()


def sum_over_frames(features: Tensor) -> Tensor:
    """[F, M] float32 -> [M], added frame after frame in float32.

    The order matters: published features were normalised by sums formed in this order, and any
    other differs by far more than their last bit once divided by a small deviation. `index_add_`
    is the operation that keeps it without a loop in Python.
    """
    target = torch.zeros(features.shape[0], dtype=torch.int64, device=features.device)
    return features.new_zeros(1, features.shape[1]).index_add_(0, target, features).squeeze(0)


def pairwise_sum_over_frames(features: Tensor) -> Tensor:
    """[F, M] float32 -> [M], the halves added apart, and up to `FRAMES_IN_ROW` frames in eight running sums.

    Pairwise summation (Higham 1993), in the order in which numpy adds numbers that lie beside each other.
    It is kept for the reason `sum_over_frames` is: there are features that were normalised by such sums.
    """
    frames = features.shape[0]
    if frames > FRAMES_IN_ROW:
        half = frames // 2 // 8 * 8
        return pairwise_sum_over_frames(features[:half]) + pairwise_sum_over_frames(features[half:])
    whole = frames // 8 * 8
    if whole == 0:
        return sum_over_frames(features)
    total = sum_over_frames(features[:whole].reshape(whole // 8, -1)).reshape(8, -1)  # [8, M]
    for _ in range(3):
        total = total[::2] + total[1::2]
    return sum_over_frames(torch.cat([total, features[whole:]]))


def is_constant(features: Tensor) -> Tensor:
    """[F, M] -> [M]: bins with the same value in every frame, such as those of digital silence."""
    return features.amin(0) == features.amax(0)


class UtteranceMean(nn.Module):
    """Subtract from each bin its mean over the utterance."""

    def forward(self, features: Tensor) -> Tensor:
        """[F, M] -> [F, M]; a constant bin becomes zero exactly."""
        mean = sum_over_frames(features) / features.shape[0]
        return features - torch.where(is_constant(features), features[0], mean)


class UtteranceDeviation(nn.Module):
    """Divide each bin by its population standard deviation over the utterance."""

    def forward(self, features: Tensor) -> Tensor:
        """[F, M] -> [F, M]; a constant bin, whose deviation is 0, is left as it is.

        The published computation divides by that 0, and silence becomes nan; here it stays finite.
        """
        frames = features.shape[0]
        centred = features - sum_over_frames(features) / frames
        deviation = (sum_over_frames(centred * centred) / frames).sqrt()
        return features / deviation.masked_fill(is_constant(features), 1.0)


class UnitSampleVariance(nn.Module):
    """Zero mean and unit variance of each bin over the utterance, by the sample variance (of F - 1)."""

    def forward(self, features: Tensor) -> Tensor:
        """[F, M] -> [F, M]; the floor keeps a constant bin finite, and one frame becomes zero."""
        frames = features.shape[0]
        centred = features - pairwise_sum_over_frames(features) / frames
        variance = pairwise_sum_over_frames(centred * centred) / max(frames - 1, 1)
        return centred / (variance + SAMPLE_VARIANCE_FLOOR).sqrt()


class FilterBankFrontEnd(nn.Module):
    """A batch of waveforms to padded features and their mask, every row as if it were alone."""

    def __init__(
        self, filter_bank: nn.Module, normalizers: Sequence[nn.Module], padding_value: float
    ) -> None:
        super().__init__()
        self.filter_bank = filter_bank
        self.normalizers = nn.ModuleList(normalizers)
        self.padding_value = padding_value

    def forward(self, waveforms: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Waveforms [N_i] float32 -> features [B, F, M] float32 and mask [B, F] int64, 1 = valid."""
        rows = [self.filter_bank(waveform) for waveform in waveforms]
        for normalizer in self.normalizers:
            rows = [normalizer(row) for row in rows]
        features = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.padding_value)
        frames = torch.tensor([row.shape[0] for row in rows], device=features.device)
        positions = torch.arange(features.shape[1], device=features.device)
        return features, (positions < frames[:, None]).long()


class FrameStacking(nn.Module):
    """Frames of a front end, `stride` of them side by side as one vector, which has the mask of the last."""

    def __init__(self, front_end: nn.Module, stride: int, padding_value: float) -> None:
        super().__init__()
        self.front_end = front_end
        self.stride = stride
        self.padding_value = padding_value

    def forward(self, waveforms: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Waveforms [N_i] float32 -> [B, S, stride * M] float32 and mask [B, S] int64, S stacks."""
        features, mask = self.front_end(waveforms)  # [B, F, M], [B, F]
        lacking = -features.shape[1] % self.stride
        features = nn.functional.pad(features, (0, 0, 0, lacking), value=self.padding_value)
        mask = nn.functional.pad(mask, (0, lacking))
        batch, frames, bins = features.shape
        stacks = features.reshape(batch, frames // self.stride, self.stride * bins)
        return stacks, mask[:, self.stride - 1 :: self.stride]
