"""What a model is given, looked at before it computes.

Values are looked at where that is free: eagerly, on the CPU. Anywhere else a look would wait for the
device or break the graph.
"""

import torch
from torch import Tensor, nn


def check_tensor(name: str, value: Tensor) -> None:
    """Refuse (TypeError) what is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is no torch tensor: {type(value).__name__}")


def look_is_free(tensor: Tensor) -> bool:
    """Whether Python may decide by the values of a tensor at no cost."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def check_numbers(name: str, numbers: Tensor, model: nn.Module) -> None:
    """Refuse numbers of another dtype than the model's parameters, unless autocast converts them.

    Raises:
        TypeError: no tensor.
        ValueError: both dtypes.
    """
    check_tensor(name, numbers)
    if torch.compiler.is_compiling() or torch.is_autocast_enabled(numbers.device.type):
        return
    own = next((parameter.dtype for parameter in model.parameters()), numbers.dtype)
    if numbers.dtype != own:
        raise ValueError(f"{name} is {numbers.dtype}, and the model computes in {own}")


def check_mask(name: str, mask: Tensor | None) -> None:
    """Refuse masks that are not 1 and 0, any shape.

    Raises:
        TypeError: no tensor.
        ValueError: the first other value and its place.
    """
    if mask is None:
        return
    check_tensor(name, mask)
    if not look_is_free(mask):
        return
    other = (mask != 0) & (mask != 1)
    if other.any():
        place = other.nonzero()[0].tolist()
        raise ValueError(f"{name}{place} is {mask[tuple(place)].item()}, and a mask is 1 or 0")


def check_ids(name: str, ids: Tensor, vocabulary: int, ignored: int | None = None, rank: int = 2) -> None:
    """Refuse what are not int64 ids [B, T] of a vocabulary, or `ignored`; of rank 1 they are [B].

    Raises:
        TypeError: no tensor.
        ValueError: dtype and shape, or the place of the first id outside.
    """
    check_tensor(name, ids)
    if ids.dtype != torch.int64 or ids.dim() != rank:
        sizes = ", ".join("BT"[:rank])
        raise ValueError(f"{name} are int64 ids [{sizes}], not {ids.dtype} {list(ids.shape)}")
    if not look_is_free(ids):
        return
    outside = (ids < 0) | (ids >= vocabulary)
    if ignored is not None:
        outside &= ids != ignored
    if outside.any():
        place = outside.nonzero()[0].tolist()
        raise ValueError(f"{name}{place} is {int(ids[tuple(place)])}, and ids go from 0 to {vocabulary - 1}")
