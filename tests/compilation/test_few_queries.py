"""Attention in loops computes what torch's does, and takes the place of that of few queries alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from compiler.compilation import few_queries
from compiler.compilation.few_queries import FEW, AttentionInLoops, attend_in_loops

SENTENCES, HEADS, SLOTS, WIDTH = 3, 2, 11, 8


def states(queries: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(queries)
    return (
        torch.randn(SENTENCES, HEADS, queries, WIDTH),
        torch.randn(SENTENCES, HEADS, SLOTS, WIDTH),
        torch.randn(SENTENCES, HEADS, SLOTS, WIDTH),
    )


def masks(queries: int) -> dict[str, Tensor | None]:
    """Additive; of the last, a row is blocked altogether."""
    lowest = torch.finfo(torch.float32).min
    by_source = torch.zeros(SENTENCES, 1, 1, SLOTS)
    by_source[1, :, :, 4:] = lowest
    by_query = torch.where(torch.rand(SENTENCES, 1, queries, SLOTS) < 0.5, 0.0, lowest)
    by_query[2, :, 0] = lowest
    return {"none": None, "source": by_source, "query": by_query}


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("mask", ["none", "source", "query"])
@pytest.mark.parametrize("queries", [1, 5])
def test_it_computes_what_torch_does(queries: int, mask: str, scale: float | None) -> None:
    given, hidden = states(queries), masks(queries)[mask]
    expected = scaled_dot_product_attention(*given, attn_mask=hidden, scale=scale)
    found = attend_in_loops(*given, hidden, scale)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_large_scores_do_not_overflow() -> None:
    query, key, value = states(1)
    expected = scaled_dot_product_attention(query * 1e3, key, value)
    assert torch.allclose(attend_in_loops(query * 1e3, key, value, None, None), expected, atol=1e-6)


def test_it_serves_few_queries_without_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[int] = []

    def attend(query: Tensor, *_: object) -> Tensor:
        served.append(query.shape[2])
        return query

    monkeypatch.setattr(few_queries, "attend_in_loops", attend)
    with AttentionInLoops():
        for queries in (1, FEW, FEW + 1):
            scaled_dot_product_attention(*states(queries))
        scaled_dot_product_attention(*states(1), dropout_p=0.5)
        scaled_dot_product_attention(*states(2), dropout_p=0.0)
        scaled_dot_product_attention(*states(1), is_causal=True)
        scaled_dot_product_attention(*states(1), torch.zeros(1, SLOTS))
        scaled_dot_product_attention(*states(1), attn_mask=torch.ones(1, SLOTS, dtype=torch.bool))
    scaled_dot_product_attention(*states(1))
    assert served == [1, FEW, 2]


def test_narrow_states_are_summed_in_float32() -> None:
    query, key, value = (state.bfloat16() for state in states(1))
    exact = scaled_dot_product_attention(query.float(), key.float(), value.float())
    found = attend_in_loops(query, key, value, None, None)
    assert found.dtype is torch.bfloat16
    assert torch.equal(found, exact.bfloat16())
