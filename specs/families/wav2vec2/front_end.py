"""The front end of encoders of raw audio, by the field names of its Hub file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from specs.processing.files import FRONT_END_FILES, ImportedSection, read_front_end
from specs.processing.stated import Files, Section, Stated, Waveform


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


def front_end(processor: Processor) -> Waveform:
    """The front end these fields describe."""
    return Waveform(
        sampling_rate=processor.sampling_rate,
        normalize=processor.do_normalize,
        with_mask=processor.return_attention_mask,
        padding_value=processor.padding_value,
    )


def written(processor: Processor) -> Files:
    """The Hub file for these fields."""
    contents = {**processor.model_dump(), "feature_extractor_type": "Wav2Vec2FeatureExtractor"}
    return {"preprocessor_config.json": contents}


def read(address: str, contents: Mapping[str, bytes]) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    return read_front_end(Processor, address, contents, INERT)


FRONT_END = Stated(Processor, FRONT_END_FILES, read, front_end, written)
"""What encoders of raw audio state of their front end."""
