"""The processor of a spec: its front end and tokenizer, with the checkpoint's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compiler.analysis import Analysis, analysis_of
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError
from compiler.diagnostics.near import listed
from compiler.processing_files import tokenizer_findings
from compiler.sources import Sources, sources_of
from compiler.spec import FORMS, Spec
from runtime.audio import AudioLimits
from runtime.failures import failure
from runtime.processing.processor import Processor, processor_from_files
from specs.dims import minimum_input
from specs.graph import Graph


def load_processor(analysis: Analysis, source: str | Path | None = None, **access: Any) -> Processor:
    """The processor of an analysed spec; files come from `source`, or from the spec's weights.

    Raises:
        CrossloomError: XL114 for a spec that states no front end and no tokenizer; no such source or file
            (XL514), an unreadable one (XL117), or one unlike the model (XL403).
    """
    spec, graph = analysis.sound()
    opened = sources_of(spec, None, **access) if source is None else {"model": resolve(source, **access)}
    return processor_of(spec, graph, opened)


def processor_of_model(model: Any) -> Processor:
    """With the files of the checkpoint that a live model was loaded from, or else of its spec's weights.

    Raises as `load_processor`.
    """
    spec, graph = analysis_of(model.spec).sound()
    return processor_of(spec, graph, getattr(model, "sources", None) or sources_of(spec, None))


def processor_of(spec: Spec, graph: Graph, sources: Sources) -> Processor:
    """The processor of a checked spec, files taken from opened sources. Raises as `load_processor`."""
    stated = spec.processing
    if stated.front_end is None and stated.tokenizer is None:
        raise failure(
            "XL114",
            f"`{spec.name}` is {FORMS[spec.kind]}, which states neither a front end nor a tokenizer",
            help="make its inputs in Python, or take the processor of a family's spec",
        )
    source = _tokenizer_source(spec, sources)
    path_of = source.path if source is not None else Path
    processor = processor_from_files(stated, path_of, audio_limits(spec, graph))
    if spec.processing.tokenizer is not None:
        tokenizer = processor.tokenizer
        findings = list(tokenizer_findings(spec, tokenizer.ids, tokenizer.largest_id, str(source)))
        if findings:
            raise CrossloomError(findings)
    return processor


def _tokenizer_source(spec: Spec, sources: Sources) -> Source | None:
    """The checkpoint whose tokenizer counts, the decoder's, with every file of it; None without a tokenizer.

    Raises:
        CrossloomError: XL514 where there is no such checkpoint, or it lacks files.
    """
    kind = spec.processing.tokenizer
    if kind is None:
        return None
    source = sources.get("model") or sources.get("decoder")
    wanted = f"the tokenizer of `{spec.name}` is made of {listed(kind.files)}"
    help = "name a folder or repository that has them: `--processor SOURCE`, `load_processor(spec, source)`"
    if source is None:
        message = f"{wanted}, and no checkpoint is named that has them"
        raise failure("XL514", message, info=("they cannot be made from a spec",), help=help)
    lacking = [name for name in kind.files if not source.has(name)]
    if lacking:
        message = f"{wanted}, and `{source}` has no {' and no '.join(f'`{name}`' for name in lacking)}"
        raise failure("XL514", message, help=f"put them there, or {help}")
    return source


def audio_limits(spec: Spec, graph: Graph) -> AudioLimits | None:
    """Shortest and longest audio in samples: what the graph's lengths and the positions allow."""
    front_end = spec.processing.front_end
    component = spec.components.get("model") or spec.components.get("encoder")
    if front_end is None or component is None or graph.encoded is None:
        return None
    shortest = front_end.fewest_samples(graph.minimums.get("frames", 1))
    positions = component.family.maximum_source(component.view)
    longest = None
    if positions is not None:
        length = graph.types[graph.encoded[0]].dims[1]
        frames = minimum_input(length, "frames", positions + 1) - 1
        longest = front_end.most_samples(frames)
    return AudioLimits(shortest, longest, spec.long_input)
