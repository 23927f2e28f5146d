"""The fields of a RoBERTa config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from specs.families.bert.config import BertConfig
from specs.fields import Id, Ids, pad_id_given
from specs.halves import half_rules
from specs.problems import Problem
from specs.values import View, plain


class RobertaConfig(BertConfig):
    """A RoBERTa encoder or decoder."""

    pad_token_id: Id | None = Field(1, description="id of padding; positions are counted from it on")
    bos_token_id: Id | None = Field(0, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(2, description="id, or ids, that end a sentence")


def rules(c: View) -> Iterable[Problem]:
    """BERT's, and a pad id that leaves positions to count."""
    pad = plain(c.pad_token_id)
    yield from pad_id_given(c, "count positions")
    if pad is not None and pad + 1 >= int(c.max_position_embeddings):
        yield Problem(
            "XL402",
            f"the pad id {pad} leaves no position in a table of {int(c.max_position_embeddings)} rows",
            (
                (c.pad_token_id.origin or "", "the row before the first position"),
                (c.max_position_embeddings.origin or "", "rows of the table"),
            ),
            help=f"use a pad id below {int(c.max_position_embeddings) - 1}, or more positions",
        )
    yield from half_rules(c)
