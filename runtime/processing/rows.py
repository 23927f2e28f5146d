"""Rows of ids and of whatever else a batch holds, a row for every example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from runtime.failures import failure
from runtime.tokenizers.interface import Errors

if TYPE_CHECKING:
    from torch import Tensor


Encode = Callable[[str, str | None, Errors], list[int]]
"""How a tokenizer makes ids of a text in a language."""


def encoded(
    encode: Encode, texts: str | Sequence[str], language: str | None, errors: Errors
) -> list[list[int]]:
    """Ids of every text, special tokens included."""
    rows = [texts] if isinstance(texts, str) else texts
    return [encode(text, language, errors) for text in rows]


def check_texts(
    encode: Encode, texts: str | Sequence[str], rows: Sequence[Sequence[int]], language: str | None
) -> None:
    """XL417 for a text to read that is empty: its row holds what stands around every text, and no more."""
    several = [texts] if isinstance(texts, str) else texts
    nothing = encode("", language, "strict")
    for index, (text, row) in enumerate(zip(several, rows, strict=True)):
        if not text.strip() or list(row) == nothing:
            name = "the text" if len(rows) == 1 else f"text {index}"
            raise failure(
                "XL417",
                f"{name} is empty",
                info=("a model that is given nothing still writes something",),
                help="give a text to read, or leave this one out",
            )


def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Rows of ids, filled on the right: [B, longest] int64."""
    import torch

    width = max((len(row) for row in rows), default=0)
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.int64)


def check_rows(inputs: Mapping[str, Tensor]) -> None:
    """XL104 for inputs that are not as many rows as each other."""
    counts = {name: tensor.shape[0] for name, tensor in inputs.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items())
        raise failure(
            "XL104",
            f"the inputs differ in their number of rows: {listed}",
            help="pass a text for each of the others",
        )
