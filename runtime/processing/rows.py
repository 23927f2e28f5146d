"""Rows of ids and of whatever else a batch holds, a row for every example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runtime.failures import failure
from runtime.tokenizers import Tokenizer
from runtime.tokenizers.interface import Errors

if TYPE_CHECKING:
    from torch import Tensor


def encoded(
    tokenizer: Tokenizer, texts: str | Sequence[str], tgt_lang: str | None, errors: Errors
) -> list[list[int]]:
    """Ids of every text, special tokens included."""
    rows = [texts] if isinstance(texts, str) else texts
    return [tokenizer.encode(text, tgt_lang, errors) for text in rows]


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
