"""What a person has (audio, text) to what a model takes, and ids back to text."""

from runtime.processing.processor import Processor

__all__ = ["Processor"]
