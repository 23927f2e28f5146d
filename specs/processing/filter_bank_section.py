"""A section of a spec that states a filter bank, by the field names of its Hub file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specs.problems import Problem
from specs.processing.stated import Section


class FilterBankProcessor(Section):
    """Fields of `preprocessor_config.json` that every such front end has."""

    feature_size: int = Field(80, gt=0, description="Width of a feature vector; equal to num_mel_bins.")
    num_mel_bins: int = Field(80, gt=0, description="Mel filters of the log-mel filter bank.")
    sampling_rate: int = Field(16000, ge=42, description="Samples a second the model was trained on.")
    padding_value: float = Field(0.0, description="What fills the frames after the end of an utterance.")
    padding_side: Literal["right"] = Field("right", description="Where a shorter utterance is padded.")
    return_attention_mask: Literal[True] = Field(
        True, description="Features come with a mask of valid frames."
    )


INERT = {
    "feature_extractor_type": "names the published class",
    "processor_class": "names the published class",
}
"""Fields of `preprocessor_config.json` that change nothing, and why."""


def problems(processor: FilterBankProcessor, address: str) -> list[Problem]:
    """What the fields of a `processor:` section at an address contradict each other in."""
    if processor.feature_size == processor.num_mel_bins:
        return []
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
