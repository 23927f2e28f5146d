"""A CUDA device that is pretended on the CPU: what runs on it, what waits for it, and what it records.

Its tensors say that they are on `cuda:0` and compute with a tensor of the CPU inside. A product of tensors
of both places is refused, as there. Questions that stall a device (`item`, `bool`, copies) are noted. While
it records, they are refused, and every operation is kept with the very tensors it read and wrote, so that a
replay has the rules of a CUDA graph: addresses are fixed, the host's code does not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

from compiler.compilation.recordings import Recording

CUDA = torch.device("cuda", 0)
WARM_UPS = 2
ASKING = frozenset(
    (
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "_unique2",
        "unique_dim",
        "equal",
        "multinomial",
        "bincount",
    )
)
"""Operations whose kernels or checks there make the host wait for a number."""


class StalledCapture(RuntimeError):
    """Something that waits for the device, while it records."""


@dataclass
class Device:
    """What a pretended device was asked.

    `stalls` are the questions in order. `tape` is what it records, None when it does not.
    """

    stalls: list[str] = field(default_factory=list)
    tape: list[_Operation] | None = None

    def stall(self, what: str) -> None:
        """Note a question; refuse it while recording."""
        if self.tape is not None:
            raise StalledCapture(f"{what} waits for the device, which is recording")
        self.stalls.append(what)


DEVICE = Device()
"""The only one, as its tensors find it."""


class OnDevice(Tensor):
    """A tensor that says it is on the device."""

    content: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnDevice:
        made: Any = Tensor._make_wrapper_subclass(  # private
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=inner.device,
        )
        made.content = inner
        tensor: OnDevice = made
        return tensor

    def __init__(self, inner: Tensor) -> None:
        pass

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _executed(func, args, kwargs or {})

    device = property(lambda self: CUDA)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"OnDevice({self.content!r})"

    def data_ptr(self) -> int:
        return self.content.data_ptr()

    def item(self) -> Any:
        DEVICE.stall("item")
        return self.content.item()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        return int(self.item())

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def cpu(self, *_: Any, **__: Any) -> Tensor:
        return self.to("cpu")

    def new_tensor(self, data: Any, **kwargs: Any) -> OnDevice:  # type: ignore[override]
        DEVICE.stall("numbers of the host")
        return OnDevice(self.content.new_tensor(data, **kwargs))

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        device, dtype, *_ = torch._C._nn._parse_to(*args, **kwargs)
        if device is not None and device.type == "cpu":
            DEVICE.stall("copy to the host")
            return self.content.to(dtype or self.dtype).clone()
        if dtype in (None, self.dtype):
            return self
        cast: Tensor = torch.ops.aten._to_copy(self, dtype=dtype)
        return cast


class _Operation:
    """An operation with the very tensors it read and wrote."""

    def __init__(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        self._call = func, args, kwargs
        self._result = result

    def again(self) -> None:
        """Do it once more, into the tensors that it wrote before."""
        func, args, kwargs = self._call
        made = func(*args, **kwargs)
        for old, new in zip(tree_leaves(self._result), tree_leaves(made), strict=True):
            if isinstance(old, Tensor) and not _is_same_memory(old, new):
                old.copy_(new)

    def memory_read(self) -> set[int]:
        """Where its arguments lie."""
        return _memory(self._call)

    def memory_written(self) -> set[int]:
        """Where its results lie."""
        return _memory(self._result)


def _memory(values: Any) -> set[int]:
    return {one.untyped_storage().data_ptr() for one in tree_leaves(values) if isinstance(one, Tensor)}


def _is_same_memory(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _chooses_by_mask(args: Any) -> bool:
    """Whether places are given by booleans, which the device has to count."""
    return any(one is not None and one.dtype == torch.bool for one in args[1])


def _is_there(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


def _executed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU what was asked of either place."""
    leaves = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    ours = [one for one in leaves if isinstance(one, OnDevice)]
    others = [one for one in leaves if not isinstance(one, OnDevice) and one.dim()]
    name = func.overloadpacket.__name__
    device = kwargs.get("device")
    if name in ("_to_copy", "copy_") and (
        (ours and others) or (device is not None and _is_there(device) != bool(ours))
    ):
        DEVICE.stall("copy")
    elif ours and others:
        raise RuntimeError(f"{func} was given tensors on {CUDA} and on the CPU")
    if ours and (name in ASKING or (name in ("index", "index_put_") and _chooses_by_mask(args))):
        DEVICE.stall(name)
    there = _is_there(device) or (bool(ours) and device is None)
    if name == "copy_":
        there = isinstance(args[0], OnDevice)
    wrapped = {id(one.content): one for one in ours}
    inner_args, inner_kwargs = tree_map(
        lambda one: one.content if isinstance(one, OnDevice) else one, (args, kwargs)
    )
    if _is_there(device):
        inner_kwargs["device"] = torch.device("cpu")
    with torch.inference_mode(False), torch.no_grad(), _disable_current_modes():
        result = func(*inner_args, **inner_kwargs)
        if DEVICE.tape is not None and there:
            DEVICE.tape.append(_Operation(func, inner_args, inner_kwargs, result))
        if not there:
            return result
        return tree_map_only(
            Tensor, lambda one: wrapped[id(one)] if id(one) in wrapped else OnDevice(one), result
        )


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees operations that make tensors of nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _executed(func, args, kwargs or {})


class _Moves(TorchFunctionMode):
    """Sees tensors of the CPU, and Python's numbers, brought to the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.tensor and _is_there(kwargs.get("device")):
            DEVICE.stall("numbers of the host")
            return OnDevice(torch.tensor(*args, **{**kwargs, "device": "cpu"}))
        if func is Tensor.to and not isinstance(args[0], OnDevice):
            device, dtype, *_ = torch._C._nn._parse_to(*args[1:], **kwargs)
            if _is_there(device):
                DEVICE.stall("copy to the device")
                with torch.inference_mode(False), torch.no_grad():
                    return OnDevice(args[0].detach().to(dtype or args[0].dtype).clone())
        return func(*args, **kwargs)


class PretendedGenerator(torch.Generator):
    """A generator of the device that is pretended."""

    def __new__(cls, device: Any = "cpu") -> PretendedGenerator:
        return super().__new__(cls, "cpu")  # type: ignore[call-arg]  # unlike its C code's


class PretendedRecorder:
    """Records on the pretended device, with one memory for all: results last until another replay."""

    def __init__(self) -> None:
        self._results: list[list[Tensor]] = []
        self.replays = 0

    def record(self, run: Callable[[], Any], undo: Callable[[], None]) -> Recording:
        for _ in range(WARM_UPS):
            run()
            undo()
        assert DEVICE.tape is None, "one records at a time"
        tape: list[_Operation] = []
        DEVICE.tape = tape
        try:
            result = run()
        finally:
            DEVICE.tape = None
        made = _made_by(tape, result)
        self._results.append(made)

        def replay() -> None:
            self.replays += 1
            with torch.inference_mode(False), torch.no_grad(), _disable_current_modes():
                for results in self._results:
                    _spoil(results)
                for operation in tape:
                    operation.again()

        with torch.inference_mode(False), torch.no_grad(), _disable_current_modes():
            _spoil(made)  # to record is not to compute
        return Recording(result, replay)

    def wait(self) -> None:
        pass


def _made_by(tape: list[_Operation], result: Any) -> list[Tensor]:
    """What of a result lies in memory that the recorded operations allocated."""
    given: set[int] = set()
    allocated: set[int] = set()
    for operation in tape:
        given |= operation.memory_read() - allocated
        allocated |= operation.memory_written() - given
    found = [one.content for one in tree_leaves(result) if isinstance(one, OnDevice)]
    return [one for one in found if one.untyped_storage().data_ptr() in allocated]


def _spoil(results: list[Tensor]) -> None:
    for one in results:
        one.fill_(torch.nan if one.is_floating_point() else -7)


@contextmanager
def pretended() -> Iterator[Device]:
    """A CUDA device, while this lasts."""
    conversions = torch.__future__.get_overwrite_module_params_on_conversion()
    DEVICE.stalls.clear()
    with pytest.MonkeyPatch.context() as patch, _Moves(), _Operations():  # type: ignore[no-untyped-call]
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)
        patch.setattr(torch, "Generator", PretendedGenerator)
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            yield DEVICE
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(conversions)
