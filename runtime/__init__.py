"""Running a compiled model: front ends, tokenizers, generation, flows, training."""
