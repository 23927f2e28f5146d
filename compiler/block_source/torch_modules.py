"""The torch.nn constructors that own parameters: their arguments, and the shapes that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = tuple[int, ...]

NN_PARAMETERS: dict[str, tuple[str, ...]] = {
    "nn.Conv1d": (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "bias",
    ),
    "nn.ConvTranspose1d": ("in_channels", "out_channels", "kernel_size", "stride", "padding"),
    "nn.Conv2d": ("in_channels", "out_channels", "kernel_size", "stride"),
    "nn.Embedding": ("num_embeddings", "embedding_dim", "padding_idx"),
    "nn.GroupNorm": ("num_groups", "num_channels", "eps", "affine"),
    "nn.LayerNorm": ("normalized_shape", "eps", "elementwise_affine", "bias"),
    "nn.Linear": ("in_features", "out_features", "bias"),
}
"""Positional parameters of the torch.nn constructors that own tensors."""


def nn_shapes(name: str, given: Mapping[str, Any]) -> dict[str, Shape]:
    """Parameters of a torch.nn constructor, in the order torch registers them; none if not tabulated."""
    match name:
        case "nn.Linear":
            shapes: dict[str, Shape] = {"weight": (given["out_features"], given["in_features"])}
            return shapes | ({"bias": (given["out_features"],)} if given.get("bias", True) else {})
        case "nn.Conv1d":
            inner = given["in_channels"] // given.get("groups", 1)
            shapes = {"weight": (given["out_channels"], inner, given["kernel_size"])}
            return shapes | ({"bias": (given["out_channels"],)} if given.get("bias", True) else {})
        case "nn.ConvTranspose1d":
            shapes = {"weight": (given["in_channels"], given["out_channels"], given["kernel_size"])}
            return shapes | {"bias": (given["out_channels"],)}
        case "nn.Conv2d":
            shapes = {"weight": (given["out_channels"], given["in_channels"], *given["kernel_size"])}
            return shapes | {"bias": (given["out_channels"],)}
        case "nn.Embedding":
            return {"weight": (given["num_embeddings"], given["embedding_dim"])}
        case "nn.GroupNorm":
            return {"weight": (given["num_channels"],), "bias": (given["num_channels"],)}
        case "nn.LayerNorm":
            shapes = {"weight": (given["normalized_shape"],)}
            return shapes | ({"bias": (given["normalized_shape"],)} if given.get("bias", True) else {})
    return {}
