"""The front end of Speech2Text, by the field names of its Hub file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from specs.problems import Problem
from specs.processing.files import FRONT_END_FILES, ImportedSection, read_front_end
from specs.processing.stated import Files, FilterBank, Section, Stated


class Processor(Section):
    """Fields of `preprocessor_config.json`; defaults are those of the published class."""

    feature_size: int = Field(80, gt=0, description="Width of a feature vector; equal to num_mel_bins.")
    num_mel_bins: int = Field(80, gt=0, description="Mel filters of the log-mel filter bank.")
    sampling_rate: int = Field(16000, ge=42, description="Samples a second the model was trained on.")
    do_ceptral_normalize: bool = Field(True, description="Normalise each bin over the utterance.")
    normalize_means: bool = Field(True, description="Subtract the mean of each bin.")
    normalize_vars: bool = Field(True, description="Divide by the standard deviation of each bin.")
    padding_value: float = Field(0.0, description="What fills the frames after the end of an utterance.")
    padding_side: Literal["right"] = Field("right", description="Where a shorter utterance is padded.")
    return_attention_mask: Literal[True] = Field(
        True, description="Features come with a mask of valid frames."
    )
    dither: float = Field(0.0, ge=0, le=0, description="Noise added to the samples; only 0 is supported.")


INERT = {
    "feature_extractor_type": "names the published class",
    "processor_class": "names the published class",
}
"""Fields of `preprocessor_config.json` that change nothing, and why."""


def problems(processor: Processor, address: str) -> list[Problem]:
    """What the fields of a `processor:` section at an address contradict each other in."""
    if processor.feature_size != processor.num_mel_bins:
        return [
            Problem(
                "XL401",
                f"feature_size {processor.feature_size} is unlike num_mel_bins {processor.num_mel_bins}",
                (
                    (f"{address}.feature_size", f"features are {processor.feature_size} wide"),
                    (f"{address}.num_mel_bins", f"{processor.num_mel_bins} bins"),
                ),
                info=("each mel bin is one feature",),
                help=f"set `feature_size` to {processor.num_mel_bins}",
            )
        ]
    return []


def front_end(processor: Processor) -> FilterBank:
    """The front end these fields describe."""
    return FilterBank(
        sampling_rate=processor.sampling_rate,
        mel_bins=processor.num_mel_bins,
        normalize_means=processor.do_ceptral_normalize and processor.normalize_means,
        normalize_vars=processor.do_ceptral_normalize and processor.normalize_vars,
        padding_value=processor.padding_value,
    )


def written(processor: Processor) -> Files:
    """The Hub file for these fields."""
    contents = {
        **processor.model_dump(),
        "feature_extractor_type": "Speech2TextFeatureExtractor",
        "processor_class": "Speech2TextProcessor",
    }
    return {"preprocessor_config.json": contents}


def fitting(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `processor:` section of a checkpoint that states none: as many bins as its model takes."""
    width = config.get("input_feat_per_channel", 80) * config.get("input_channels", 1)
    return {} if width == Processor().num_mel_bins else {"feature_size": width, "num_mel_bins": width}


def read(address: str, contents: Mapping[str, bytes]) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    return read_front_end(Processor, address, contents, INERT)


FRONT_END = Stated(
    Processor,
    FRONT_END_FILES,
    read,
    front_end,
    written,
    problems,
    fitting,
)
"""What the family states of its front end."""
