"""Lengths at which operations are counted: ten seconds of speech, a picture, a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from specs.graph import Graph
from specs.processing.stated import FilterBank, Processing

EXAMPLE_LENGTHS = {
    "waveform": 160_000,
    "features": 1000,
    "image": 224,
    "hidden": 250,
    "token_ids": 50,
    "units": 500,
}
"""By what an input holds: ten seconds of audio, 224 pixels a side, or fifty tokens."""

_NAMED = {"tokens": 50, "characters": 200}
"""Sizes that say themselves what they count, whatever the input of that size holds."""


def example_sizes(graph: Graph, stated: Processing) -> dict[str, int]:
    """Free sizes of a graph; those that a method makes are units of as much speech."""
    sizes = _of_inputs(graph, graph.inputs, stated)
    if graph.encoders:
        hidden = next(iter(graph.encoders[0].outputs.values()))
        source = graph.inputs["encoder_hidden_states"].dims[1]
        sizes |= dict.fromkeys(source.names(), graph.types[hidden].dims[1].evaluate(sizes))
    made = {size for type_ in graph.types.values() for dim in type_.dims for size in dim.names()}
    return sizes | dict.fromkeys(sorted(made - sizes.keys()), EXAMPLE_LENGTHS["units"])


def sizes_by_encoder(graph: Graph, stated: Processing, sizes: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The sizes of each of several encoders, whose inputs may share the name of a length."""
    return {one.name: {**sizes, **_of_inputs(graph, one.inputs, stated)} for one in graph.encoders}


def _of_inputs(graph: Graph, names: Iterable[str], stated: Processing) -> dict[str, int]:
    sizes = {"batch": 1}
    for name in names:
        type_ = graph.inputs[name]
        role = "token_ids" if name.startswith("decoder_") else type_.role
        length = EXAMPLE_LENGTHS.get(role, 1)
        if role == "features" and isinstance(stated.front_end, FilterBank):
            length //= stated.front_end.stride
        for size in sorted({size for dim in type_.dims for size in dim.names()} - {"batch"}):
            least = max(sizes.get(size, 1), graph.minimums.get(size, 1))
            sizes[size] = max(least, _NAMED.get(size, length))
    return sizes
