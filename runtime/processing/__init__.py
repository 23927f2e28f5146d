"""What a person has (audio, text) to what a model takes, and ids back to text."""

from runtime.processing.processor import Processor, processor_from_files

__all__ = ["Processor", "processor_from_files"]
