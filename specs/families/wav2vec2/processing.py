"""The front end of encoders of raw audio, by the field names of its Hub file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from specs.problems import Problem
from specs.processing import Processing, Section, Waveform
from specs.processing_files import ImportedProcessing, import_section, read_object


class Processor(Section):
    """Fields of `preprocessor_config.json`; defaults are those of the published class."""

    feature_size: Literal[1] = Field(1, description="Channels of the audio.")
    sampling_rate: int = Field(16000, ge=1, description="Samples a second the model was trained on.")
    padding_value: float = Field(0.0, description="What fills the samples after the end of a recording.")
    padding_side: Literal["right"] = Field("right", description="Where a shorter recording is padded.")
    do_normalize: bool = Field(True, description="Give a recording zero mean and unit variance.")
    return_attention_mask: bool = Field(False, description="Recordings come with a mask of valid samples.")


INERT = {
    "feature_extractor_type": "names the published class",
    "processor_class": "names the published class",
}
"""Fields of `preprocessor_config.json` that change nothing, and why."""

FILES = ("preprocessor_config.json", "processor_config.json")
"""Files of a checkpoint that `import_files` reads, where they exist."""


def processor_problems(processor: Processor, address: str) -> Iterable[Problem]:
    """Nothing: no field says anything about another."""
    return ()


def processing(processor: Processor | None, tokenizer: None = None) -> Processing:
    """The front end of a spec's section."""
    if processor is None:
        return Processing()
    front_end = Waveform(
        sampling_rate=processor.sampling_rate,
        normalize=processor.do_normalize,
        with_mask=processor.return_attention_mask,
        padding_value=processor.padding_value,
    )
    contents = {**processor.model_dump(), "feature_extractor_type": "Wav2Vec2FeatureExtractor"}
    return Processing(front_end, front_end_files={"preprocessor_config.json": contents})


def fitting_processor(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `processor:` section of a checkpoint that states none: the published defaults."""
    return {}


def import_files(texts: Mapping[str, str]) -> ImportedProcessing:
    """The section for a checkpoint's files: name (one of FILES) -> contents, absent ones left out."""
    problems: list[Problem] = []
    plain, nested = (read_object(name, texts.get(name), "processor", problems) for name in FILES)
    if nested is not None and "feature_extractor" in nested:
        plain = nested["feature_extractor"]
    if plain is None:
        return ImportedProcessing(None, None, {}, problems)
    section = import_section(Processor, plain, file=FILES[0], inert=INERT, required={}, address="processor")
    return ImportedProcessing(section.fields, None, section.dropped, problems + section.problems)
