"""The processor of a spec: its front end and tokenizer, with the checkpoint's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compiler.analysis import Analysis
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError
from compiler.load import Sources, no_source, sources_of
from compiler.processing_files import tokenizer_findings
from compiler.spec import Spec
from runtime.audio import AudioLimits
from runtime.processing.processor import Processor, processor_from_files
from specs.dims import minimum_input
from specs.graph import Graph


def load_processor(analysis: Analysis, source: str | Path | None = None, **access: Any) -> Processor:
    """The processor of an analysed spec; files come from `source`, or from the spec's weights.

    Raises:
        CrossloomError: no such source, a file missing (XL117), or unlike the model (XL403).
    """
    spec, graph = analysis.sound()
    opened = sources_of(spec, source, **access)
    return processor_of(spec, graph, tokenizer_source(spec, opened))


def tokenizer_source(spec: Spec, sources: Sources) -> Source:
    """The checkpoint whose tokenizer counts: the decoder's; any other has the files of no tokenizer.

    Raises:
        CrossloomError: XL514 where the decoder has a tokenizer and no checkpoint to take its files from.
    """
    found = sources.get("model") or sources.get("decoder")
    if found is None and spec.processing.tokenizer is not None:
        raise CrossloomError([no_source(spec, "decoder")])
    return found or next(iter(sources.values()))


def processor_of(spec: Spec, graph: Graph, source: Source) -> Processor:
    """The processor of a checked spec, files taken from an opened source. Raises as `load_processor`."""
    processor = processor_from_files(spec.processing, source.path, audio_limits(spec, graph))
    if spec.processing.tokenizer is not None:
        tokenizer = processor.tokenizer
        findings = list(tokenizer_findings(spec, tokenizer.ids, tokenizer.largest_id, str(source)))
        if findings:
            raise CrossloomError(findings)
    return processor


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
