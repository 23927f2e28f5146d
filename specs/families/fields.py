"""Types of configuration fields that many families have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

Size = Annotated[int, Field(ge=1, le=2**24)]
Sizes = Annotated[list[Size], Field(min_length=1)]
Depth = Annotated[int, Field(ge=1, le=1024)]
Count = Annotated[int, Field(ge=0, le=2**24)]
Id = Annotated[int, Field(ge=0)]
Ids = Annotated[list[Id], Field(min_length=1)]
Rate = Annotated[FiniteFloat, Field(ge=0, le=1)]
Positive = Annotated[FiniteFloat, Field(ge=0)]

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
