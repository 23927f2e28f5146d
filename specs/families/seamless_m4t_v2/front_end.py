"""The front end of SeamlessM4T-v2, by the field names of its Hub file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from specs.processing import filter_bank_section
from specs.processing.files import FRONT_END_FILES, ImportedSection, read_front_end
from specs.processing.filter_bank_section import FilterBankProcessor, problems
from specs.processing.stated import Files, FilterBank, Stated


class Processor(FilterBankProcessor):
    """Those of every filter bank, and how many frames are stacked; defaults are the published class's."""

    stride: Literal[2] = Field(2, description="Frames that are one vector; only 2 is supported.")


INERT = {
    **filter_bank_section.INERT,
    "language_code": "the languages are those of the tokenizer",
}
"""Fields of `preprocessor_config.json` that change nothing, and why."""


def front_end(processor: Processor) -> FilterBank:
    """The front end these fields describe."""
    return FilterBank(
        sampling_rate=processor.sampling_rate,
        mel_bins=processor.num_mel_bins,
        normalizers=("sample_variance",),
        padding_value=processor.padding_value,
        stride=processor.stride,
    )


def written(processor: Processor) -> Files:
    """The Hub file for these fields."""
    contents = {
        **processor.model_dump(),
        "feature_extractor_type": "SeamlessM4TFeatureExtractor",
        "processor_class": "SeamlessM4TProcessor",
    }
    return {"preprocessor_config.json": contents}


def fitting(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `processor:` section of a checkpoint that states none: as many bins as its model takes."""
    bins, rest = divmod(config.get("feature_projection_input_dim", 160), Processor().stride)
    return {} if rest or bins == Processor().num_mel_bins else {"feature_size": bins, "num_mel_bins": bins}


def read(address: str, contents: Mapping[str, bytes]) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    return read_front_end(Processor, address, contents, INERT)


FRONT_END = Stated(Processor, FRONT_END_FILES, read, front_end, written, problems, fitting)
"""What the family states of its front end."""
