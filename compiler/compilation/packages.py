"""Packages that AOTInductor makes of a function of tensors: machine code, and weights packed for it."""

from __future__ import annotations

import json
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from compiler.compilation.cpp_compiler import BESIDE, OPTION, no_compiler, require_compiler
from compiler.compilation.few_queries import AttentionInLoops
from compiler.compilation.register_blocks import CACHED, sums_in_registers

Run = Callable[[list[Tensor]], list[Tensor]]

Notes = dict[str, Any]
"""What whoever makes a package tells whoever opens it, as JSON."""
NOTES = "crossloom"
"""What they are called in a package."""


class Package(NamedTuple):
    """A package that is open: the function in it, of a list of tensors, and the notes it was made with."""

    run: Run
    notes: Notes


_MAKING = threading.RLock()
"""Export and inductor keep state of the process, and so does what is changed of them meanwhile."""

FEW_ROWS = 7
"""Up to so many rows a product waits for its weight, whatever its dtype."""


PACKED: dict[str, Any] = {"freezing": True, "cpp.enable_concat_linear": True}
"""Options of torch's inductor for inputs of any size: oneDNN's products of weights laid out for them."""


def options_for(rows: int, weights: Iterable[torch.dtype]) -> dict[str, Any]:
    """Options of torch's inductor for products of so many rows with such weights, none a public promise.

    Weights become constants that are laid out for the products that read them, side by side where several
    read the same states (`concat_linear`). Products are those that inductor writes itself: where they are
    tried torch's look better than they are, for there a weight is cached, and in a step it is not. Torch has
    instructions for fewer bits that inductor does not use, so of those its products are tried as well.
    """
    own = rows <= FEW_ROWS or set(weights) <= {torch.float32}
    return {
        **PACKED,
        **CACHED,
        "max_autotune": True,
        "max_autotune_gemm_backends": "CPP" if own else "CPP,ATEN",
        "autotune_num_choices_displayed": 0,
        "max_autotune_report_choices_stats": False,
    }


def with_torch(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same with torch's own products among those tried: of some dtypes and sizes inductor writes none."""
    return {**options, "max_autotune_gemm_backends": "CPP,ATEN"}


def make_package(
    exported: Callable[[], tuple[ExportedProgram, Notes]], file: Path, options: Mapping[str, Any]
) -> None:
    """Write the package of a program to `file`, and its notes into it; `options` are inductor's.

    Raises CrossloomError (XL606) where the C++ compiler does not work.
    """
    compiler = require_compiler()
    with _MAKING, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own deprecated calls
        program, notes = exported()
        _own_storage(program.state_dict)
        make: Any = torch._inductor.aoti_compile_and_package
        try:
            told = {**options, OPTION: (compiler,), "aot_inductor.metadata": {NOTES: json.dumps(notes)}}
            with sums_in_registers():
                make(program, package_path=str(file), inductor_configs=_known(told))
        except Exception as error:
            chain = "".join(traceback.format_exception(error))  # it may be anywhere in it
            if "NoValidChoicesError" in chain and options != with_torch(options):
                return make_package(exported, file, with_torch(options))
            if any(name in chain for name in ("InvalidCxxCompiler", "CppCompileError")):
                raise no_compiler(f"{compiler} does not compile", output=chain) from error
            if failure := _system_error(error):  # of openssl, or of a full disk
                raise no_compiler(f"what torch does beside it fails: {failure}", BESIDE) from error
            raise


def _system_error(error: Exception) -> OSError | None:
    """What the system refused, where that is what an error tells of: others were seen to by who met them."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, OSError):
        behind = behind.__cause__ or behind.__context__
    return behind if behind is not None and str(behind) in str(error) else None


def _known(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that this torch has: a private one may be gone, and what it asks for is speed alone."""
    known = set(torch._inductor.list_options())
    return {name: value for name, value in options.items() if name in known}


def program_of(function: nn.Module, first: Sequence[Tensor], second: Sequence[Tensor]) -> ExportedProgram:
    """`function` exported, with what it writes to its inputs.

    `first` and `second` are inputs of two calls; the sizes in which they differ are left open, all others
    are fixed. Attention of few queries is exported as `AttentionInLoops` has it.
    """
    sizes = [
        {axis: Dim.DYNAMIC for axis, (a, b) in enumerate(zip(x.shape, y.shape, strict=True)) if a != b}
        for x, y in zip(first, second, strict=True)
    ]
    with AttentionInLoops():
        return export(function, tuple(first), dynamic_shapes=(sizes[0], tuple(sizes[1:])), strict=False)


def _own_storage(state: dict[str, Any]) -> None:
    """Replace tensors that lie in a larger storage, a mapped file say: all of that would be packaged."""
    copies: dict[tuple[object, ...], Any] = {}
    for name, tensor in state.items():
        if tensor.untyped_storage().nbytes() > tensor.nbytes:
            place = tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()  # what is tied stays one
            if place not in copies:
                copies[place] = tensor.detach().clone()
            state[name] = (
                nn.Parameter(copies[place], False) if isinstance(tensor, nn.Parameter) else copies[place]
            )


def open_package(file: Path) -> Package:
    """A package that `make_package` wrote.

    The loader behind `torch._inductor.aoti_load_package` is private; where it is gone, that function
    serves, which takes a second to import.
    """
    try:
        from torch._C._aoti import AOTIModelPackageLoader

        loader = AOTIModelPackageLoader(str(file), "model", False, 1, -1)
        return Package(loader.boxed_run, _notes(loader.get_metadata()))
    except (ImportError, AttributeError, TypeError):
        return _opened_by_inductor(file)


def _opened_by_inductor(file: Path) -> Package:
    load: Any = torch._inductor.aoti_load_package
    package = load(str(file))

    def run(tensors: list[Tensor]) -> list[Tensor]:
        outputs = package(*tensors)
        return [outputs] if isinstance(outputs, Tensor) else list(outputs)

    return Package(run, _notes(package.get_metadata()))


def _notes(metadata: Mapping[str, str]) -> Notes:
    """None where a torch has kept nothing with the code: then nobody knows which sizes it serves."""
    notes: Notes = json.loads(metadata.get(NOTES, "{}"))
    return notes


def machine() -> dict[str, Any]:
    """What a package of this process depends on, besides the function itself."""
    return {
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    """What the processor can do, where the system says; code is made for exactly that."""
    import hashlib
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {hashlib.sha256(told.encode()).hexdigest()[:16]}"
