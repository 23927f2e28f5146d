"""What several parts have in common: the layers of texts and units, and what predicts durations."""

from __future__ import annotations

from collections.abc import Iterator

from specs.values import Value, View
from specs.weights import Row, affine


def in_layers(c: View) -> dict[str, Value]:
    """Activation and dropouts inside pre-norm layers; a network's output is dropped like its activations."""
    return {
        "activation": c.activation_function,
        "attention_dropout": c.attention_dropout,
        "attention_output_dropout": c.dropout,
        "activation_dropout": c.activation_dropout,
        "output_dropout": c.activation_dropout,
    }


def attention_rows(address: str, stored: str) -> Iterator[Row]:
    """Rows of an attention and of the norm beside it."""
    for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
        yield from affine(f"{address}.{projection}", f"{stored}.{projection}")


def encoder_layer_rows(address: str, stored: str) -> Iterator[Row]:
    """Rows of the pre-norm encoder layers below `address`, stored below `stored`."""
    layer, stored = f"{address}.{{i}}", f"{stored}.{{i}}"
    yield from attention_rows(f"{layer}.self_attention", f"{stored}.self_attn")
    yield from affine(f"{layer}.self_attention_norm", f"{stored}.self_attn_layer_norm")
    yield from affine(f"{layer}.feed_forward_norm", f"{stored}.ffn_layer_norm")
    yield from affine(f"{layer}.feed_forward.up_proj", f"{stored}.ffn.fc1")
    yield from affine(f"{layer}.feed_forward.down_proj", f"{stored}.ffn.fc2")


_DURATIONS = {
    "first.conv": "conv1",
    "first_norm": "ln1",
    "second.conv": "conv2",
    "second_norm": "ln2",
    "log_duration": "proj",
}
"""Our part of a duration predictor -> the published one."""


def duration_rows(address: str, stored: str) -> Iterator[Row]:
    """Rows of a duration predictor."""
    for ours, theirs in _DURATIONS.items():
        yield from affine(f"{address}.{ours}", f"{stored}.{theirs}")
