"""Audio files to samples, and samples within a model's limits."""

from runtime.audio.limits import AudioLimits, check_length
from runtime.audio.reading import read_audio
from runtime.audio.splitting import split_at_silence

__all__ = ["AudioLimits", "check_length", "read_audio", "split_at_silence"]
