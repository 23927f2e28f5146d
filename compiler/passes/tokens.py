"""Pass 4: ids, lengths and front ends against the config, before any file of a checkpoint is seen."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.spec import Spec
from specs.generation_layers import check_section
from specs.graph import Graph
from specs.problems import Problem
from specs.processing import check_vocabulary


def token_problems(spec: Spec) -> Iterable[Problem]:
    """Generation options, start and pad ids of a pair, tokenizer size, mel bins."""
    back = spec.components.get("model") or spec.components.get("decoder")
    generation = spec.language.generation
    if generation is not None:
        yield from check_section(generation.model_dump(exclude_unset=True), spec.config)
    vocabulary = spec.config.get("vocab_size")
    size = (spec.data.get("tokenizer") or {}).get("vocab_size")
    if back is not None and isinstance(vocabulary, int) and isinstance(size, int):
        at = (
            ("tokenizer.vocab_size", f"{size} ids"),
            (f"{back.role}.config.vocab_size", f"{vocabulary} ids"),
        )
        yield from check_vocabulary(size, vocabulary, None, at)


def front_end_problems(spec: Spec, graph: Graph) -> Iterable[Problem]:
    """The front end's feature width against what the graph takes."""
    front_end = spec.processing.front_end
    features = next((t for t in graph.inputs.values() if t.role == "features"), None)
    if front_end is None or features is None or features.dims[-1].names():
        return
    width = features.dims[-1].evaluate({})
    if width != front_end.mel_bins:
        origin = features.origins[-1] or ""
        yield Problem(
            "XL401",
            f"the model takes {width} features a frame, "
            f"and the front end gives {front_end.mel_bins} mel bins",
            ((origin, f"{width} wanted"), ("processor.num_mel_bins", f"{front_end.mel_bins} given")),
            info=("a frame of the filter bank is one input vector",),
            help=f"set processor: {{num_mel_bins: {width}, feature_size: {width}}}, "
            f"or take {front_end.mel_bins} features",
        )


def missing_ids(spec: Spec, graph: Graph) -> Iterable[Problem]:
    """A graph that decodes needs its start and pad ids."""
    decodes = "decoder_input_ids" in graph.inputs
    if decodes and graph.tokens is None:
        yield Problem(
            "XL404",
            "a decoder needs a start id and a pad id",
            (("tokens", "decoder_start and pad are needed"),),
            info=("labels are shifted with the start id, and ignored labels become pads",),
            help="add `tokens: {decoder_start: ..., pad: ...}`",
        )
