"""Activation functions by their published names."""

from __future__ import annotations

from specs.graph import Block
from specs.values import Value, plain

_EXACT_GELU = Block("nn.GELU")
_TANH_GELU = Block("nn.GELU", {"approximate": Value("tanh")})

ACTIVATIONS: dict[str, Block] = {
    "gelu": _EXACT_GELU,
    "gelu_accurate": _TANH_GELU,
    "gelu_fast": _TANH_GELU,
    "gelu_new": _TANH_GELU,
    "gelu_python": _EXACT_GELU,
    "gelu_pytorch_tanh": _TANH_GELU,
    "leaky_relu": Block("nn.LeakyReLU"),
    "linear": Block("nn.Identity"),
    "mish": Block("nn.Mish"),
    "quick_gelu": Block("QuickGELU"),
    "relu": Block("nn.ReLU", {"inplace": Value(True)}),  # what it acts on is always fresh
    "relu2": Block("SquaredReLU"),
    "relu6": Block("nn.ReLU6"),
    "sigmoid": Block("nn.Sigmoid"),
    "silu": Block("nn.SiLU"),
    "swish": Block("nn.SiLU"),
    "tanh": Block("nn.Tanh"),
}


def activation(name: Value) -> Block:
    """The block of an activation, its name's origin kept."""
    block = ACTIVATIONS[plain(name)]
    return Block(block.name, block.numbers)
