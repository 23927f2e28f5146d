"""Types and rules that the configs of many families share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from specs.problems import Problem
from specs.values import View, plain

Size = Annotated[int, Field(ge=1, le=2**24)]
Sizes = Annotated[list[Size], Field(min_length=1)]
Count = Annotated[int, Field(ge=0, le=2**24)]
Depth = Annotated[int, Field(ge=1, le=1024)]
Id = Annotated[int, Field(ge=0)]
Ids = Annotated[list[Id], Field(min_length=1)]
Rate = Annotated[FiniteFloat, Field(ge=0, le=1)]

Activation = Literal[
    "gelu",
    "gelu_accurate",
    "gelu_fast",
    "gelu_new",
    "gelu_python",
    "gelu_pytorch_tanh",
    "leaky_relu",
    "linear",
    "mish",
    "quick_gelu",
    "relu",
    "relu2",
    "relu6",
    "sigmoid",
    "silu",
    "swish",
    "tanh",
]
Deviation = Annotated[FiniteFloat, Field(ge=0)]

SPECIAL_IDS = ("decoder_start_token_id", "pad_token_id", "bos_token_id", "eos_token_id")


def pad_id_given(c: View, purpose: str) -> Iterable[Problem]:
    """XL404 where there is no pad id, which is needed to do something with."""
    if plain(c.pad_token_id) is None:
        yield Problem(
            "XL404",
            "no pad id: pad_token_id is null",
            ((c.pad_token_id.origin or "", f"needed to {purpose}"),),
            help="set pad_token_id to the id the tokenizer uses",
        )


def ids_in_vocabulary(c: View, names: Iterable[str] = SPECIAL_IDS) -> Iterable[Problem]:
    """XL402 for every special id that the vocabulary does not reach."""
    vocabulary = int(c.vocab_size)
    for name in names:
        field = getattr(c, name)
        ids = plain(field) if isinstance(plain(field), list) else [plain(field)]
        for id_ in ids:
            if id_ is not None and id_ >= vocabulary:
                yield Problem(
                    "XL402",
                    f"{name} {id_} is outside the vocabulary of {vocabulary} ids",
                    (
                        (field.origin or "", f"at most {vocabulary - 1}"),
                        (c.vocab_size.origin or "", "vocabulary"),
                    ),
                    help=f"use an id from 0 to {vocabulary - 1}, or raise vocab_size",
                )
