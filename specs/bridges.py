"""What may stand between an encoder and a decoder, and what of it the two settle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from specs.initialisation import Draws, Initialisation

BRIDGE = "enc_to_dec_proj"
"""The projection from the encoder's width to the decoder's, named as in published pairs."""


class Bridge(NamedTuple):
    """A block that may be a bridge; its kind is its name in a spec.

    Attributes:
        source: the hyper-parameter that is the encoder's output width.
        target: the one that is the width the decoder attends to.
        multiples: hyper-parameter -> its default, in widths of the decoder.
        effect: what it does, in words.
        projections: the classes of those that keep the scale of what they read; none where they start as the
            decoder's do.
    """

    source: str = "source_dim"
    target: str = "target_dim"
    multiples: Mapping[str, int] = {}
    effect: str = "projects"
    projections: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[str, str]:
        """What encoder and decoder settle."""
        return self.source, self.target


BRIDGES: Mapping[str, Bridge] = {
    "linear": Bridge(),
    "mlp": Bridge(multiples={"inner": 1}, projections=("nn.Linear",)),
    "conv_downsample": Bridge(effect="shortens and projects", projections=("nn.Conv1d",)),
    "resampler": Bridge(
        target="width",
        multiples={"inner": 4},
        effect="resamples and projects",
        projections=("nn.Linear",),
    ),
}
"""Kind -> how it joins. A bridge takes hidden states and, where it has such a port, their mask."""


_SCALE_KEPT: Draws = {"weight": ("kaiming_uniform", ()), "bias": ("zeros", ())}


def initialisations(kind: str, below: str) -> tuple[Initialisation, ...]:
    """How a bridge that no published pair has starts: its projections keep the scale of what they read."""
    return tuple(Initialisation(name, _SCALE_KEPT, below) for name in BRIDGES[kind].projections)
