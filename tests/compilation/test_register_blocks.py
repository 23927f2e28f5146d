"""What inductor is told while it compiles products, and that it is told nothing afterwards."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from compiler.compilation import cpp_compiler, packages
from compiler.compilation.register_blocks import CACHED, FLAGS, sums_in_registers


@pytest.fixture(scope="module")
def inductor() -> Any:
    """Its modules, which have to be imported in this order."""
    importlib.import_module("torch._inductor.compile_fx")
    modules = "torch._inductor.cpp_builder", "torch._inductor.codegen.cpp_micro_gemm"
    return tuple(map(importlib.import_module, modules))


def command(builder: Any) -> list[str]:
    """How a kernel is compiled."""
    options = builder.CppTorchDeviceOptions(device_type="cpu", aot_mode=True, compile_only=True)
    line: str = builder.CppBuilder(
        name="kernel", sources=["kernel.cpp"], BuildOption=options
    ).get_command_line()
    return line.split()


def blocks(products: Any) -> list[tuple[int, int, int]]:
    """Rows, columns and depth of the blocks that may be taken."""
    return [tuple(one.register_blocking) for one in products.micro_gemm_configs[products.CppMicroGemmFP32Vec]]


def test_flags_and_blocks_hold_while_it_is_entered(inductor: Any) -> None:
    builder, products = inductor
    before = blocks(products)
    assert any(rows >= columns for rows, columns, _ in before)
    assert not set(FLAGS) & set(command(builder))
    with sums_in_registers():
        assert cpp_compiler.takes(FLAGS) == (set(FLAGS) <= set(command(builder)))
        assert blocks(products) == [one for one in before if one[0] < one[1]] != []
    assert not set(FLAGS) & set(command(builder))
    assert blocks(products) == before


def test_what_a_torch_does_not_have_is_left_out(inductor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    builder, products = inductor
    monkeypatch.delattr(builder, "_get_ffast_math_flags")
    monkeypatch.delattr(products, "micro_gemm_configs")
    with sums_in_registers():
        assert not hasattr(builder, "_get_ffast_math_flags")
        assert not hasattr(products, "micro_gemm_configs")
    monkeypatch.undo()
    monkeypatch.setattr(products, "micro_gemm_configs", {})
    with sums_in_registers():
        assert products.micro_gemm_configs == {}


def test_products_of_float32_are_inductors_own() -> None:
    """Where they are tried, weights lie in a cache, and torch's win; nowhere else."""
    single, half = torch.float32, torch.bfloat16
    kinds = ((1, {half}), (7, {single, half}), (8, {single}), (8, {half}), (8, {single, half}))
    found = [packages.options_for(*kind)["max_autotune_gemm_backends"] for kind in kinds]
    assert found == ["CPP", "CPP", "CPP", "CPP,ATEN", "CPP,ATEN"]


def test_nothing_stays_behind_a_failure(inductor: Any) -> None:
    builder, products = inductor
    before = command(builder), blocks(products)
    with pytest.raises(KeyError), sums_in_registers():
        raise KeyError
    assert (command(builder), blocks(products)) == before


def test_packages_are_made_so_one_at_a_time(
    inductor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    builder, products = inductor
    before = blocks(products)
    inside: list[Path] = []

    def compile_package(program: object, *, package_path: str, inductor_configs: dict[str, Any]) -> None:
        assert not inside
        inside.append(Path(package_path))
        assert inductor_configs.items() >= CACHED.items()
        assert cpp_compiler.takes(FLAGS) == (set(FLAGS) <= set(command(builder)))
        assert blocks(products) != before
        Path(inside.pop()).touch()

    program: Any = SimpleNamespace(state_dict={})
    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compile_package)
    files = [tmp_path / str(number) for number in range(4)]
    options = packages.options_for(1, {torch.float32})
    with ThreadPoolExecutor(len(files)) as pool:
        list(pool.map(lambda file: packages.make_package(lambda: (program, {}), file, options), files))
    assert sorted(tmp_path.iterdir()) == files
    assert blocks(products) == before
