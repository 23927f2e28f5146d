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


def pad_id_given(c: View, purpose: str, name: str = "pad_token_id") -> Iterable[Problem]:
    """XL404 where there is no pad id, which is needed to do something with."""
    field = getattr(c, name)
    if plain(field) is None:
        yield Problem(
            "XL404",
            f"no pad id: {name} is null",
            ((field.origin or "", f"needed to {purpose}"),),
            help=f"set {name} to the id the tokenizer uses",
        )


def ids_in_vocabulary(
    c: View, names: Iterable[str] = SPECIAL_IDS, vocabulary: str = "vocab_size"
) -> Iterable[Problem]:
    """XL402 for every special id that the vocabulary does not reach."""
    size = getattr(c, vocabulary)
    for name in names:
        field = getattr(c, name)
        ids = plain(field) if isinstance(plain(field), list) else [plain(field)]
        for id_ in ids:
            if id_ is not None and id_ >= int(size):
                yield Problem(
                    "XL402",
                    f"{name} {id_} is outside the vocabulary of {int(size)} ids",
                    (
                        (field.origin or "", f"at most {int(size) - 1}"),
                        (size.origin or "", "vocabulary"),
                    ),
                    help=f"use an id from 0 to {int(size) - 1}, or raise {vocabulary}",
                )
