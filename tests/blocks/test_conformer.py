"""What conformer layers attend to and convolve, written out pair by pair."""

from __future__ import annotations

import math

import pytest
import torch

from blocks.chunked_stacks import within_chunks
from blocks.conformer import CausalConvolution
from blocks.masks import first_positions
from blocks.pooling import PoolingEncoderStack
from blocks.positional_attention import RelativeKeySelfAttention


@pytest.mark.parametrize("chunk", [1, 3, 4, 12, 13])
@pytest.mark.parametrize("left_chunks", [-1, 0, 1, 2, 12])
def test_chunks(chunk: int, left_chunks: int) -> None:
    visible = within_chunks(12, chunk, left_chunks, torch.device("cpu"))
    for query in range(12):
        own = query // chunk * chunk
        first = 0 if left_chunks < 0 else max(0, own - left_chunks * chunk)
        assert visible[query].nonzero().flatten().tolist() == list(range(first, min(own + chunk, 12)))


@pytest.mark.parametrize(("left", "right"), [(0, 0), (2, 1), (1, 3), (9, 9)])
def test_scores_of_distances(left: int, right: int) -> None:
    torch.manual_seed(0)
    attention = RelativeKeySelfAttention(6, 2, 0.0, left, right).eval()
    hidden = torch.randn(1, 7, 6)
    visible = torch.rand(7, 7) < 0.6
    visible.fill_diagonal_(True)
    with torch.no_grad():
        query, key, value = (
            project(hidden)[0].view(7, 2, 3)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        given = torch.zeros(7, 2, 3)
        for head in range(2):
            for i in range(7):
                scores = torch.full((7,), -math.inf)
                for j in visible[i].nonzero().flatten().tolist():
                    distance = min(max(j - i, -left), right)
                    vector = key[j, head] + attention.distances.weight[distance + left]
                    scores[j] = query[i, head] @ vector / math.sqrt(3)
                given[i, head] = scores.softmax(0) @ value[:, head]
        expected = attention.out_proj(given.flatten(1))
        assert torch.allclose(attention(hidden, visible[None, None])[0], expected, atol=1e-6)


@pytest.mark.parametrize("kernel", [1, 2, 5])
def test_a_causal_convolution_sees_no_later_position(kernel: int) -> None:
    torch.manual_seed(0)
    convolution = CausalConvolution(4, 4, kernel, groups=4, bias=False)
    given = torch.randn(1, 4, 9)
    expected = torch.zeros(1, 4, 9)
    for place in range(9):
        for tap in range(kernel):
            if place - tap >= 0:
                expected[0, :, place] += convolution.weight[:, 0, kernel - 1 - tap] * given[0, :, place - tap]
    assert torch.allclose(convolution(given), expected, atol=1e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(8, 8), (7, 8), (3, 2), (1, 4), (2, 1)])
def test_lengths_are_shortened_once_by_half_the_kernel(kernel: int, stride: int) -> None:
    lengths = torch.arange(13)
    stack = PoolingEncoderStack([], kernel, stride)
    _, mask = stack(torch.zeros(13, 12, 1), first_positions(lengths, 12))
    for length, given in enumerate(mask.sum(1).tolist()):
        assert given == min(12, math.floor((length + 2 * (kernel // 2) - kernel) / stride) + 1)
