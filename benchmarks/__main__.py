"""Measure against transformers: `python -m benchmarks [--rows greedy,load] [--compile max] [--json FILE]`."""

from benchmarks.command import command

if __name__ == "__main__":
    command(prog_name="python -m benchmarks")
