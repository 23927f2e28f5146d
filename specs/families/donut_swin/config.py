"""The fields of a Donut encoder's config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable

from specs.families.swin.config import WindowConfig
from specs.families.swin.rules import rules as window_rules
from specs.problems import Problem
from specs.values import View


class DonutSwinConfig(WindowConfig):
    """A Donut encoder: all that encoders with windows share, and nothing else."""


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows, and what the published class cannot compute."""
    if c.use_absolute_embeddings:
        yield Problem(
            "XL116",
            "learned positions are not supported here",
            ((c.use_absolute_embeddings.origin or "", "learned positions"),),
            info=("the published class has one position more than patches, and fails with them",),
            help="set use_absolute_embeddings to false, or use the family `swin`",
        )
    yield from window_rules(c)
