"""How each block computes: plain torch modules that take numbers and built parts.

The compiler reads these files as text and copies the classes a graph uses into the emitted
source. Shape letters: B batch, S source, T target, D width, H heads, K head width, F frames,
V vocabulary, C channels, R rows of a decode step (batch x beams).
"""
