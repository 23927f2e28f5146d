"""Which sections of a spec state its front end and its tokenizers, and for which part of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from compiler.spec import Component, Spec
from specs.family import Family, front_end_of, hears_or_sees, tokenizer_of
from specs.processing.stated import Stated
from specs.values import View

if TYPE_CHECKING:
    from specs.processing.tokenizers import TokenizerKind

PURPOSES = {
    "processor": "is the front end of an encoder of audio or images",
    "source_tokenizer": "is the tokenizer of an encoder of texts",
    "tokenizer": "is the tokenizer of a decoder's family",
}
"""Section -> what it is for."""

SHARED = "tokenizer"
"""The section of the one tokenizer that a whole model has for both its texts."""


class StatedSection(NamedTuple):
    """A section that a family states, for the part in a role."""

    key: str
    role: str
    stated: Stated[Any]

    def fields(self, data: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the section in a spec's data, beside the config of its part."""
        written = data.get(self.key)
        if written is None and self.stated.follows:
            return self.stated.fitting(config)
        return written if isinstance(written, dict) else {}


def sections_of(role: str, family: Family, view: View | None = None) -> Iterator[StatedSection]:
    """The sections of a family in a role: a front end or a tokenizer of source texts, one of target texts.

    `view` is its config: a family of several classes may have a front end that not all of them need.
    """
    front_end, tokenizer = front_end_of(family), tokenizer_of(family)
    if view is not None and not hears_or_sees(family, view):
        front_end = None
    if front_end is not None and role != "decoder":
        yield StatedSection("processor", role, front_end)
    if tokenizer is not None and role == "encoder" and front_end is None:
        yield StatedSection("source_tokenizer", role, tokenizer)
    if tokenizer is not None and role != "encoder":
        yield StatedSection("tokenizer", role, tokenizer)


def stated_sections(components: Mapping[str, Component]) -> list[StatedSection]:
    """The sections of a spec's families, the encoder's first."""
    return [
        section
        for role, component in components.items()
        for section in sections_of(role, component.family, component.view)
    ]


class StatedTokenizer(NamedTuple):
    """A tokenizer of a spec, and the part of the model whose ids it makes."""

    key: str
    kind: TokenizerKind
    component: Component


def tokenizers_of(spec: Spec) -> list[StatedTokenizer]:
    """The spec's tokenizers, each once: of the encoder's texts, and of the decoder's."""
    kinds = {"source_tokenizer": spec.processing.source_tokenizer, "tokenizer": spec.processing.tokenizer}
    return [
        StatedTokenizer(section.key, kind, spec.components[section.role])
        for section in stated_sections(spec.components)
        if (kind := kinds.get(section.key)) is not None
    ]
