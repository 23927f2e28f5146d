"""Specs with one mistake each: where it is, and the edit its help proposes.

`⟦...⟧` marks the token a finding must point at, and `⟪...⟫` the other places it must show, in order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MARK = re.compile(r"[⟦⟧⟪⟫]")


@dataclass(frozen=True)
class Planted:
    """A spec with one mistake.

    Attributes:
        marked: the text with its marks.
        edit: (old, new) texts, a repair in the sense of the help; without any, `right` replaces the token.
        says: words the help must hold.
    """

    name: str
    code: str
    marked: str
    right: str | None
    says: str
    edit: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.code}-{self.name}"

    @property
    def text(self) -> str:
        """The spec as a user has it."""
        return _MARK.sub("", self.marked)

    @property
    def places(self) -> list[tuple[int, int, int, int]]:
        """Line, column, end line and end column of every marked place, the token of the finding first."""
        opened: list[tuple[str, int, int]] = []
        first: list[tuple[int, int, int, int]] = []
        others: list[tuple[int, int, int, int]] = []
        line = column = 1
        for character in self.marked:
            if character in "⟦⟪":
                opened.append((character, line, column))
            elif character in "⟧⟫":
                kind, at_line, at_column = opened.pop()
                (first if kind == "⟦" else others).append((at_line, at_column, line, column))
            elif character == "\n":
                line, column = line + 1, 1
            else:
                column += 1
        return first + others

    @property
    def repaired(self) -> str | None:
        """The spec after the repair, or None where the help leaves the repair to its reader."""
        if self.edit is not None:
            assert self.edit[0] in self.text
            return self.text.replace(self.edit[0], self.edit[1], 1)
        if self.right is None:
            return None
        return _MARK.sub("", re.sub("⟦[^⟧]*⟧", lambda _: str(self.right), self.marked))


def planted(
    name: str,
    code: str,
    marked: str,
    right: str | None = None,
    *,
    says: str | None = None,
    edit: tuple[str, str] | None = None,
) -> Planted:
    """`says` is `right` unless given."""
    assert says or right, "a help says something"
    return Planted(name, code, marked, right, says or str(right), edit)


def head(name: str = "planted") -> str:
    return f"crossloom: 1\nname: {name}\n"


def config(fields: str, more: str = "") -> str:
    """A published model with some fields, and further sections."""
    return f"{head()}model:\n  family: speech_to_text\n  config: {{{fields}}}\n{more}"


def section(text: str) -> str:
    """A published model of defaults, and further sections."""
    return f"{head()}model: {{family: speech_to_text}}\n{text}\n"


GRAPH = """\
crossloom: 1
name: planted
dims: {width: 64}
graph:
  inputs:
    input_features: {role: features, dims: [batch, frames, 80]}
    attention_mask: {role: mask, dims: [batch, frames], optional: true}
    decoder_input_ids: {role: token_ids, dims: [batch, target]}
    decoder_attention_mask: {role: mask, dims: [batch, target], optional: true}
  nodes:
    subsample:
      block: conv_subsampler
      with: {input_width: 80, channels: 128, width: width, kernels: [5, 5]}
      inputs: {features: input_features, mask: attention_mask}
    positions:
      block: frame_positions
      with: {maximum: 600, width: width, padding_row: 1}
      inputs: {hidden: subsample.hidden, mask: subsample.mask}
    add: {block: add_positions, inputs: {hidden: subsample.hidden, positions: positions.positions}}
    encoder:
      block: pre_norm_encoder
      with: {layers: 2, width: width, heads: 4, inner: 128}
      inputs: {hidden: add.hidden, mask: subsample.mask}
    embed:
      block: scaled_embedding
      with: {vocabulary: 100, width: width, padding_row: 1}
      inputs: {ids: decoder_input_ids}
    decoder:
      block: pre_norm_decoder
      with: {layers: 2, width: width, source_dim: width, heads: 4, inner: 120}
      inputs:
        hidden: embed.hidden
        source: encoder.hidden
        source_mask: subsample.mask
        mask: decoder_attention_mask
    head: {block: vocabulary_head, with: {width: width, vocabulary: 100}, inputs: {hidden: decoder.hidden}}
  outputs: {logits: head.logits}
  ties: {head.weight: embed.tokens.weight}
tokens: {decoder_start: 2, pad: 1}
"""
"""A whole model as a free graph, without a mistake."""


HALVES = """\
crossloom: 1
name: planted
dims: {width: 64}
encoder:
  graph:
    inputs:
      input_features: {role: features, dims: [batch, frames, 80]}
      attention_mask: {role: mask, dims: [batch, frames], optional: true}
    nodes:
      subsample:
        block: conv_subsampler
        with: {input_width: 80, channels: 128, width: width, kernels: [5, 5]}
        inputs: {features: input_features, mask: attention_mask}
      positions:
        block: frame_positions
        with: {maximum: 600, width: width, padding_row: 1}
        inputs: {hidden: subsample.hidden, mask: subsample.mask}
      add: {block: add_positions, inputs: {hidden: subsample.hidden, positions: positions.positions}}
      layers:
        block: pre_norm_encoder
        with: {layers: 2, width: width, heads: 4, inner: 128}
        inputs: {hidden: add.hidden, mask: subsample.mask}
    outputs: {hidden: layers.hidden, mask: subsample.mask}
decoder:
  graph:
    inputs:
      decoder_input_ids: {role: token_ids, dims: [batch, target]}
      decoder_attention_mask: {role: mask, dims: [batch, target], optional: true}
      encoder_hidden_states: {role: hidden, dims: [batch, source, width]}
      encoder_attention_mask: {role: mask, dims: [batch, source], optional: true}
    nodes:
      embed:
        block: scaled_embedding
        with: {vocabulary: 100, width: width, padding_row: 1}
        inputs: {ids: decoder_input_ids}
      layers:
        block: pre_norm_decoder
        with: {layers: 2, width: width, source_dim: width, heads: 4, inner: 120}
        inputs:
          hidden: embed.hidden
          source: encoder_hidden_states
          source_mask: encoder_attention_mask
          mask: decoder_attention_mask
      head: {block: vocabulary_head, with: {width: width, vocabulary: 100}, inputs: {hidden: layers.hidden}}
    outputs: {logits: head.logits}
    ties: {head.weight: embed.tokens.weight}
tokens: {decoder_start: 2, pad: 1}
"""
"""An encoder and a decoder, each a free graph, without a mistake."""

ENCODER = HALVES.partition("decoder:\n")[0]
"""The encoder alone."""

DECODER = HALVES.partition("encoder:\n")[0] + "decoder:\n" + HALVES.partition("decoder:\n")[2]
"""The decoder alone."""


def changed(text: str, *changes: tuple[str, str]) -> str:
    """A spec with some of its text replaced."""
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def graph(*changes: tuple[str, str]) -> str:
    """The free graph with some of its text replaced."""
    return changed(GRAPH, *changes)


def halves(*changes: tuple[str, str]) -> str:
    """The encoder and decoder with some of their text replaced."""
    return changed(HALVES, *changes)


def pair(encoder: str, decoder: str, more: str = "") -> str:
    """A combination of two halves of one family."""
    return (
        f"{head()}encoder:\n  family: speech_to_text\n  config: {{{encoder}}}\n"
        f"decoder:\n  family: speech_to_text\n  config: {{{decoder}}}\n{more}"
    )


def names(cases: Sequence[Planted]) -> list[str]:
    return [str(case) for case in cases]
