"""The processor of a spec: its front end and tokenizer, with the checkpoint's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.analysis import Analysis, analysis_of
from compiler.checkpoint.resolve import resolve
from compiler.configuration.processing import section_folder, tokenizer_findings, tokenizer_source
from compiler.diagnostics.model import CrossloomError
from compiler.diagnostics.near import listed as quoted_names
from compiler.sources import Sources, sources_of
from compiler.spec import FORMS, Spec
from compiler.stated import StatedTokenizer, tokenizers_of
from runtime.audio import AudioLimits
from runtime.failures import failure
from runtime.processing.processor import Processor
from runtime.tokenizers import Tokenizer, load_tokenizer
from specs.dims import minimum_input
from specs.graph import Graph
from specs.processing.images import Image
from specs.processing.tokenizers import reading_of
from specs.values import plain

Files = str | Path | Mapping[str, str | Path]
"""Where a processor's files are: one place, or that of each half by role."""


def load_processor(analysis: Analysis, source: Files | None = None, **access: Any) -> Processor:
    """The processor of an analysed spec; files come from `source`, or from the spec's weights.

    Raises:
        CrossloomError: XL114 for a spec that states no front end and no tokenizer; no such source or file
            (XL514), an unreadable one (XL117), or one unlike the model (XL403).
    """
    spec, graph = analysis.sound()
    is_elsewhere = source is not None and not isinstance(source, Mapping)
    sources = {} if is_elsewhere else sources_of(spec, None, **access)
    return processor_of(spec, graph, files_of(source, sources, **access))


def files_of(given: Files | None, sources: Sources, **access: Any) -> Sources:
    """Where a processor's files are: where the call says, else with the weights."""
    if given is None:
        return sources
    if isinstance(given, Mapping):
        return {**sources, **{role: resolve(one, **access) for role, one in given.items()}}
    return {"model": resolve(given, **access)}


def processor_of_model(model: Any) -> Processor:
    """With the files of the checkpoint that a live model was loaded from, or else of its spec's weights.

    Raises as `load_processor`.
    """
    spec, graph = analysis_of(model.spec).sound()
    return processor_of(spec, graph, getattr(model, "sources", None) or sources_of(spec, None))


def processor_of(spec: Spec, graph: Graph, sources: Sources) -> Processor:
    """The processor of a checked spec, files taken from opened sources. Raises as `load_processor`."""
    stated = spec.processing
    if stated.is_empty:
        raise failure(
            "XL114",
            f"`{spec.name}` is {FORMS[spec.kind]}, which states neither a front end nor a tokenizer",
            help="make its inputs in Python, or take the processor of a family's spec",
        )
    tokenizers = {one.key: _tokenizer(spec, one, sources) for one in tokenizers_of(spec)}
    target = tokenizers.get("tokenizer")
    is_shared = spec.components.get("model") is not None and stated.source_tokenizer is not None
    return Processor(
        stated.front_end,
        target,
        audio_limits(spec, graph),
        {
            section_folder(spec, key) + name: text
            for key in stated.files
            for name, text in stated.files[key].items()
        },
        source_tokenizer=target if is_shared else tokenizers.get("source_tokenizer"),
        longest_source=spec.maximum_source,
        ends=_ends(graph),
    )


def _ends(graph: Graph) -> list[int]:
    """The ids at which the decoder stops."""
    ends = None if graph.tokens is None else plain(graph.tokens.eos)
    return ends if isinstance(ends, list) else [] if ends is None else [ends]


def _tokenizer(spec: Spec, one: StatedTokenizer, sources: Sources) -> Tokenizer:
    """A tokenizer of the spec, made of its checkpoint's files and held against the model.

    Raises:
        CrossloomError: XL514 where there is no such checkpoint, or it lacks files; XL403 where it does not
            fit the model.
    """
    source = tokenizer_source(spec, one, sources)
    listed = " or of ".join(quoted_names(reading.files) for reading in one.kind.readings)
    wanted = f"the {one.key.replace('_', ' ')} of `{spec.name}` is made of {listed}"
    named = "SOURCE" if len(tokenizers_of(spec)) == 1 else f"{one.component.role}=SOURCE"
    help = f"name a folder or repository that has them: `--processor {named}`, `load_processor(spec, source)`"
    if source is None:
        message = f"{wanted}, and no checkpoint is named that has them"
        raise failure("XL514", message, info=("they cannot be made from a spec",), help=help)
    reading = reading_of(one.kind, source.has)
    if reading is None:
        best = one.kind.readings[0].files
        lacking = " and no ".join(f"`{name}`" for name in best if not source.has(name))
        raise failure(
            "XL514", f"{wanted}, and `{source}` has no {lacking}", help=f"put them there, or {help}"
        )
    tokenizer = load_tokenizer(one.kind, reading, source.path)
    findings = list(tokenizer_findings(spec, one, tokenizer.ids, tokenizer.largest_id, str(source)))
    if findings:
        raise CrossloomError(findings)
    return tokenizer


def audio_limits(spec: Spec, graph: Graph) -> AudioLimits | None:
    """Shortest and longest audio in samples: what the graph's lengths allow, and what the family states."""
    front_end = spec.processing.front_end
    component = spec.components.get("model") or spec.components.get("encoder")
    heard = [name for name, type_ in graph.inputs.items() if type_.role in ("waveform", "features")]
    states = graph.encoded_of(heard[0]) if heard else None
    if front_end is None or isinstance(front_end, Image) or component is None or states is None:
        return None
    axis = str(graph.inputs[heard[0]].dims[1])
    shortest = front_end.fewest_samples(graph.minimums.get(axis, 1))
    seconds = component.family.longest_audio(component.view)
    if seconds is not None:
        longest_heard = round(seconds * front_end.sampling_rate)
        return AudioLimits(shortest, longest_heard, spec.long_input, trained=True)
    positions = component.family.maximum_source(component.view)
    longest = None
    if positions is not None:
        length = graph.types[states].dims[1]
        frames = minimum_input(length, axis, positions + 1) - 1
        longest = front_end.most_samples(frames)
    return AudioLimits(shortest, longest, spec.long_input)
