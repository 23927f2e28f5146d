"""Generation: greedy and beam search, sampling, and the options that shape them."""

from runtime.generation.generate import generate
from runtime.generation.result import Generated, Step

__all__ = ["Generated", "Step", "generate"]
