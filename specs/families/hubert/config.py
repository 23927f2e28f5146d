"""The fields of a HuBERT config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from specs.families.wav2vec2.config import WaveformConfig, convolution_rules
from specs.fields import Size
from specs.problems import Problem
from specs.values import View


class HubertConfig(WaveformConfig):
    """A HuBERT encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size = Field(32, description="number of ids of a transcription head")
    feat_proj_layer_norm: bool = Field(True, description="whether features are normalised before projection")
    conv_pos_batch_norm: bool = Field(False, description="positions normalised over the batch")


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: lists of one length, and what no block computes."""
    yield from convolution_rules(c)
    if c.conv_pos_batch_norm:
        yield Problem(
            "XL116",
            "positions that are normalised over the batch are not supported",
            ((c.conv_pos_batch_norm.origin or "", "normalised over the batch"),),
            info=("such a norm keeps statistics of its training data, which no block does here",),
            help="give a checkpoint whose positions have a weight norm, as all but the distilled ones have",
        )
