"""The front end of Speech2Text, by the field names of its Hub file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from specs.processing.files import FRONT_END_FILES, ImportedSection, read_front_end
from specs.processing.filter_bank_section import INERT, FilterBankProcessor, problems
from specs.processing.stated import Files, FilterBank, Stated, UtteranceNormalizer


class Processor(FilterBankProcessor):
    """Those of every filter bank, and how it is normalised; defaults are those of the published class."""

    do_ceptral_normalize: bool = Field(True, description="Normalise each bin over the utterance.")
    normalize_means: bool = Field(True, description="Subtract the mean of each bin.")
    normalize_vars: bool = Field(True, description="Divide by the standard deviation of each bin.")
    dither: float = Field(0.0, ge=0, le=0, description="Noise added to the samples; only 0 is supported.")


def front_end(processor: Processor) -> FilterBank:
    """The front end these fields describe."""
    stated: dict[UtteranceNormalizer, bool] = {
        "mean": processor.normalize_means,
        "deviation": processor.normalize_vars,
    }
    return FilterBank(
        sampling_rate=processor.sampling_rate,
        mel_bins=processor.num_mel_bins,
        normalizers=tuple(name for name, is_on in stated.items() if is_on and processor.do_ceptral_normalize),
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
