"""The speech encoder by itself against the public implementation: states, masks, lengths, padding."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import _compute_new_attention_mask

from specs.families.seamless_m4t_v2.speech_encoder import rules
from tests.parity.cases import LOGITS, difference
from tests.seamless.parts import inferred, view
from tests.seamless.speech_encoders import (
    SEEDS,
    config_of,
    graph_of,
    ours_of,
    published,
    random_batch,
    random_settings,
)

each = pytest.mark.parametrize("seed", SEEDS)


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def both(seed: int, **changes: Any) -> tuple[Any, Any]:
    """The public encoder of a seed, and ours with its parameters."""
    theirs = published(seed, **changes)
    return theirs, ours_of(theirs)


def handed_on(theirs: Any, states: Tensor, mask: Tensor) -> Tensor:
    """The mask by which the public decoder attends to the states."""
    lengths = theirs._compute_sub_sample_lengths_from_attention_mask(mask)
    kept: Tensor = _compute_new_attention_mask(states, lengths).long()
    return kept


def agree(theirs: Any, ours: Any, features: Tensor, mask: Tensor) -> Tensor:
    """Compare states and mask of a batch; the states."""
    encoded = ours.encode(features, mask)
    expected = theirs(features, attention_mask=mask).last_hidden_state
    assert difference(encoded.hidden, expected) <= LOGITS
    assert torch.equal(encoded.mask, handed_on(theirs, expected, mask))
    hidden: Tensor = encoded.hidden
    return hidden


@each
def test_padded_batch(seed: int) -> None:
    theirs, ours = both(seed)
    features, mask = random_batch(seed)
    hidden = agree(theirs, ours, features, mask)
    unmasked = ours.encode(features)
    assert unmasked.mask is None
    assert difference(unmasked.hidden, theirs(features).last_hidden_state) <= LOGITS
    assert difference(unmasked.hidden, hidden) > 1e-3, "the mask has an effect to be right about"


@each
def test_padding_before_and_between(seed: int) -> None:
    """No front end makes such a mask, but only here do valid positions see what the convolutions zero."""
    theirs, ours = both(seed)
    features, mask = random_batch(seed)
    generator = torch.Generator().manual_seed(seed)
    agree(theirs, ours, features, mask.flip(1))
    agree(theirs, ours, features, torch.randint(2, mask.shape, generator=generator))


@each
def test_a_row_that_is_all_padding_leaves_the_others_alone(seed: int) -> None:
    theirs, ours = both(seed)
    features, mask = random_batch(seed)
    mask[1] = 0
    encoded = ours.encode(features, mask)
    expected = theirs(features, attention_mask=mask).last_hidden_state
    assert torch.equal(encoded.mask, handed_on(theirs, expected, mask))
    assert encoded.hidden.isfinite().all()
    others = [0, 2, 3]
    assert difference(encoded.hidden[others], expected[others]) <= LOGITS
    assert ours.encode(features, torch.zeros_like(mask)).hidden.isfinite().all()


@pytest.mark.parametrize("chunk", [1, 2, 4, 9, 20, 21, 36])
@pytest.mark.parametrize("left_chunks", [-1, 0, 1, 2, 128])
@pytest.mark.parametrize("kind", ["relative_key", "rotary"])
def test_chunks(chunk: int, left_chunks: int, kind: str) -> None:
    """A name of positions that is not known means none, as published."""
    changes = {
        "speech_encoder_chunk_size": chunk,
        "speech_encoder_left_chunk_num": left_chunks,
        "position_embeddings_type": kind,
    }
    agree(*both(0, **changes), *random_batch(0))


@pytest.mark.parametrize("left", [0, 1, 5, 35, 36])
@pytest.mark.parametrize("right", [0, 1, 5, 35, 36])
def test_clipped_distances(left: int, right: int) -> None:
    changes = {
        "left_max_position_embeddings": left,
        "right_max_position_embeddings": right,
        "speech_encoder_chunk_size": 20,
        "speech_encoder_left_chunk_num": 1,
        "position_embeddings_type": "relative_key",
    }
    agree(*both(1, **changes), *random_batch(1))


STRIDES = [(1, 1), (2, 1), (1, 2), (3, 8), (8, 3), (7, 8), (8, 7), (8, 8), (9, 8), (1, 8), (8, 1), (2, 3)]
"""Kernels and strides whose halves are equal, or one of them the larger."""


@pytest.mark.parametrize(("kernel", "stride"), STRIDES)
@pytest.mark.parametrize("layers", [1, 2])
def test_strides(kernel: int, stride: int, layers: int) -> None:
    """The mask is shortened once, by a formula that is not that of the convolutions."""
    changes = {
        "add_adapter": True,
        "num_adapter_layers": layers,
        "adaptor_kernel_size": kernel,
        "adaptor_stride": stride,
    }
    theirs, ours = both(1, **changes)
    features, _ = random_batch(1)
    frames = features.shape[1]
    for longest in range(
        max(frames - 3, inferred(graph_of(view(theirs.config))).minimums["frames"]), frames + 1
    ):
        lengths = torch.tensor([longest, longest - 1, longest // 2, 1])
        mask = (torch.arange(longest) < lengths.unsqueeze(1)).long()
        agree(theirs, ours, features[:, :longest], mask)


@pytest.mark.parametrize("changes", [{"add_adapter": False}, {"add_adapter": True, "num_adapter_layers": 0}])
@each
def test_without_adapter(seed: int, changes: dict[str, Any]) -> None:
    """The states are as many as the frames, and the mask is that of an adapter all the same."""
    theirs, ours = both(seed, **changes)
    features, mask = random_batch(seed)
    assert agree(theirs, ours, features, mask).shape[1] == features.shape[1]
    assert not any(name.startswith("speech_encoder.adapter") for name in ours.state_dict())


def test_lengths_of_the_published_adapter() -> None:
    """Kernel 8, stride 8: 49 frames give 7 states, 40 give 6, 23 give 3."""
    _, ours = both(0, add_adapter=True, num_adapter_layers=1, adaptor_kernel_size=8, adaptor_stride=8)
    features = torch.randn(3, 49, random_settings(0)["feature_projection_input_dim"])
    encoded = ours.encode(features, (torch.arange(49) < torch.tensor([[49], [40], [23]])).long())
    assert encoded.hidden.shape[1] == 7
    assert encoded.mask.sum(1).tolist() == [7, 6, 3]


@pytest.mark.parametrize(("kernel", "stride", "layers", "least"), [(8, 8, 1, 1), (8, 3, 1, 6), (8, 3, 2, 21)])
def test_the_shortest_recording_is_derived(kernel: int, stride: int, layers: int, least: int) -> None:
    changes = {
        "add_adapter": True,
        "num_adapter_layers": layers,
        "adaptor_kernel_size": kernel,
        "adaptor_stride": stride,
    }
    theirs, ours = both(0, **changes)
    assert inferred(graph_of(view(theirs.config))).minimums["frames"] == least
    features, _ = random_batch(0)
    agree(theirs, ours, features[:, :least], torch.ones(len(features), least, dtype=torch.int64))
    if least > 1:
        for encode in (theirs, ours.encode):
            with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
                encode(features[:, : least - 1])


def padded_otherwise(features: Tensor, mask: Tensor) -> Tensor:
    """The same features with other numbers behind the end of each row."""
    return torch.where(mask.bool().unsqueeze(-1), features, features.square() * 3 + 5)


@each
def test_what_is_padded_is_never_seen(seed: int) -> None:
    """It is set to zero before anything mixes positions, so what a front end pads with has no effect."""
    _, ours = both(seed)
    features, mask = random_batch(seed)
    other = padded_otherwise(features, mask)
    assert torch.equal(ours.encode(features, mask).hidden, ours.encode(other, mask).hidden)


def seen_alone(ours: Any, features: Tensor, mask: Tensor, valid: Tensor) -> float:
    """The largest change of the first `valid` states of a row where it is alone, without padding."""
    hidden = ours.encode(features, mask).hidden
    changes = []
    for row, (length, count) in enumerate(zip(mask.sum(1).tolist(), valid.tolist(), strict=True)):
        alone = ours.encode(features[row : row + 1, :length], mask[row : row + 1, :length]).hidden
        changes.append(difference(hidden[row : row + 1, :count], alone[:, :count]))
    return max(changes)


@each
def test_without_adapter_a_batch_changes_nothing(seed: int) -> None:
    """Attention and convolutions of the conformer are blind to padding."""
    _, ours = both(seed, add_adapter=False)
    features, mask = random_batch(seed)
    assert seen_alone(ours, features, mask, valid=mask.sum(1)) <= LOGITS


@pytest.mark.parametrize(("kernel", "stride", "leaks"), [(8, 8, True), (5, 4, True), (1, 4, False)])
def test_how_much_padding_there_is_shows_where_the_adapter_reads_it(
    kernel: int, stride: int, leaks: bool
) -> None:
    """Padded positions have states, if not of what was padded, and the last window may reach them."""
    changes = {
        "add_adapter": True,
        "num_adapter_layers": 1,
        "adaptor_kernel_size": kernel,
        "adaptor_stride": stride,
    }
    _, ours = both(1, **changes)
    features, _ = random_batch(1)
    lengths = torch.tensor([features.shape[1], 15, 14, 10])
    mask = (torch.arange(features.shape[1]) < lengths.unsqueeze(1)).long()
    valid = ours.encode(features, mask).mask.sum(1)
    assert (seen_alone(ours, features, mask, valid) > 1e-3) is leaks


@each
def test_every_tensor_has_its_row(seed: int) -> None:
    """With an adapter and without, with distances and without."""
    for adapter, kind in itertools.product((True, False), ("relative_key", "none")):
        both(seed, add_adapter=adapter, position_embeddings_type=kind)


def test_an_even_kernel_is_refused() -> None:
    (problem,) = rules(view(config_of(0, conv_depthwise_kernel_size=4)))
    assert problem.code == "XL104"
    assert problem.at[0][0] == "model.config.conv_depthwise_kernel_size"
    assert not list(rules(view(config_of(0, conv_depthwise_kernel_size=5))))
    with pytest.raises(ValueError, match="odd"):
        published(0, conv_depthwise_kernel_size=4)
