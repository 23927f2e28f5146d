"""Decode steps from packages: equal to the model's own, made once, opened without a compiler."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from compiler.compilation import kept as kept_module
from compiler.compilation import packages
from compiler.compilation.store import Store, store_folder
from compiler.diagnostics import CrossloomError
from tests.compilation.models import decoded, model_and_inputs
from tests.pairs.tiny import DECODERS
from tests.parity.cases import difference

FACTS = ("threads", "torch", "instructions", "options")


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any, dict[str, Any]]:
    """A model whose packages are made, the same in eager mode, and inputs."""
    packaged, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    decoded(packaged, inputs, 1, packaged.decode_step)
    return packaged, model_and_inputs("wav2vec2", "gpt2")[0], inputs


@pytest.mark.parametrize("beams", [1, 3])
def test_a_package_computes_what_the_model_does(pair: Any, beams: int) -> None:
    packaged, eager, inputs = pair
    found = decoded(packaged, inputs, beams, packaged.decode_step)
    assert difference(found, decoded(eager, inputs, beams, eager.decode_step)) <= 1e-6


def test_ids_are_equal_and_a_prompt_is_fed_token_by_token(pair: Any) -> None:
    packaged, eager, inputs = pair
    prompt = torch.tensor([[2, 5, 7], [2, 6, 4]])
    for beams in (1, 3):
        options = {"decoder_input_ids": prompt, "num_beams": beams, "max_new_tokens": 12}
        found, expected = (crossloom.generate(model, **inputs, **options) for model in (packaged, eager))
        assert isinstance(found, torch.Tensor)
        assert isinstance(expected, torch.Tensor)
        assert torch.equal(found, expected)


def test_teacher_forcing_and_masks_are_the_models_own(pair: Any) -> None:
    packaged, eager, inputs = pair
    ids = torch.tensor([[2, 5, 7], [2, 6, 4]])
    mask = torch.tensor([[1, 1, 1], [1, 0, 1]])
    with torch.no_grad():
        encoded = eager.encode(**inputs)
        given = {"encoder_outputs": encoded, "decoder_input_ids": ids, "decoder_attention_mask": mask}
        assert torch.equal(packaged(**given).logits, eager(**given).logits)


def test_the_next_process_needs_no_compiler(pair: Any, without_compiler: None) -> None:
    packaged, _, inputs = pair
    again, _ = model_and_inputs("wav2vec2", "gpt2", compile="max")
    expected = decoded(packaged, inputs, 1, packaged.decode_step)
    assert torch.equal(decoded(again, inputs, 1, again.decode_step), expected)


def test_other_weights_are_another_package(pair: Any, without_compiler: None) -> None:
    other, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    with torch.no_grad():
        other.head.weight.data.neg_()
    with pytest.raises(CrossloomError) as raised:
        decoded(other, inputs, 1, other.decode_step)
    (found,) = raised.value.diagnostics
    assert (found.code, found.message) == (
        "XL606",
        '`compile="max"` needs a C++ compiler, and there is no g++ or clang++',
    )


def test_a_compiler_that_does_not_work_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        output = "in a.cpp:\na.cpp: error: no room\nb.cpp: error: no room"
        raise RuntimeError from torch._inductor.exc.CppCompileError(["g++"], output)

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", fail)
    monkeypatch.setenv("CROSSLOOM_CACHE", str(tmp_path))
    model, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    with pytest.raises(CrossloomError, match="g\\+\\+ does not compile") as raised:
        decoded(model, inputs, 1, model.decode_step)
    assert raised.value.diagnostics[0].info == ("a.cpp: error: no room",)
    assert not list(store_folder().iterdir())


@pytest.mark.parametrize("told", ["FileNotFoundError: ", ""])
def test_what_the_system_refuses_torch_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Not what torch has seen to itself before another failure."""

    def fail(*_: object, **__: object) -> None:
        try:
            raise FileNotFoundError(2, "No such file or directory", "openssl")
        except FileNotFoundError as error:
            raise RuntimeError(f"{told}{error}" if told else "of torch") from None

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", fail)
    monkeypatch.setenv("CROSSLOOM_CACHE", str(tmp_path))
    model, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    with pytest.raises(CrossloomError if told else RuntimeError, match="openssl" if told else "of torch"):
        decoded(model, inputs, 1, model.decode_step)
    assert not list(store_folder().iterdir())


def test_a_package_that_cannot_be_opened_is_told(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, inputs = pair

    def fail(file: Path) -> None:
        raise RuntimeError("Error generating temporary directory: No such file or directory\nand more")

    monkeypatch.setattr(kept_module, "open_package", fail)
    again, _ = model_and_inputs("wav2vec2", "gpt2", compile="max")
    with pytest.raises(CrossloomError, match="cannot be opened: Error generating") as raised:
        decoded(again, inputs, 1, again.decode_step)
    assert [one.code for one in raised.value.diagnostics] == ["XL605"]


@pytest.mark.parametrize("method", ["encode", "decode_step"])
def test_no_room_for_a_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Nor is it a reason to be slow."""

    def make(*_: object, package_path: str, **__: object) -> None:
        Path(package_path).write_bytes(b"code")

    def copy(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", make)
    monkeypatch.setattr(shutil, "copyfile", copy)
    monkeypatch.setenv("CROSSLOOM_CACHE", str(tmp_path))
    model, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    eager, _ = model_and_inputs("wav2vec2", "gpt2")
    other = "encode" if method == "decode_step" else "decode_step"
    setattr(model, other, getattr(eager, other))
    with pytest.raises(CrossloomError, match=r"takes no package of 0\.0 MB: No space left") as raised:
        decoded(model, inputs, 1, model.decode_step)
    assert [found.code for found in raised.value.diagnostics] == ["XL605"]


def test_the_documented_loader_computes_the_same(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged, _, inputs = pair
    expected = decoded(packaged, inputs, 1, packaged.decode_step)
    monkeypatch.setattr(kept_module, "open_package", packages._opened_by_inductor)
    again, _ = model_and_inputs("wav2vec2", "gpt2", compile="max")
    assert torch.equal(decoded(again, inputs, 1, again.decode_step), expected)


def test_it_serves_where_the_private_loader_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def loader(file: str) -> None:
        raise AssertionError(file)

    monkeypatch.setattr(torch._C._aoti, "AOTIModelPackageLoader", loader)
    opened: list[Path] = []
    monkeypatch.setattr(packages, "_opened_by_inductor", opened.append)
    packages.open_package(tmp_path)
    assert opened == [tmp_path]


def test_an_option_that_torch_does_not_have_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    options = packages.options_for(1, {torch.float32})
    assert packages._known(options) == options
    monkeypatch.setattr(torch._inductor, "list_options", lambda: ["freezing"])
    assert packages._known({**options, "aot_inductor.metadata": {}}) == {"freezing": True}
    assert packages._notes({}) == {}


def test_what_is_kept_says_what_it_depends_on(pair: Any) -> None:
    packaged, _, inputs = pair
    decoded(packaged, inputs, 1, packaged.decode_step)
    records = [record.read_text() for record in store_folder().glob("*.json")]
    assert records
    assert all(f'"{fact}"' in one for one in records for fact in FACTS)
    assert Store().folder == store_folder()


@pytest.mark.nightly
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_can_be_packaged(decoder: str) -> None:
    packaged, inputs = model_and_inputs("bert", decoder, compile="max")
    eager, _ = model_and_inputs("bert", decoder)
    for beams in (1, 2):
        found = decoded(packaged, inputs, beams, packaged.decode_step)
        assert difference(found, decoded(eager, inputs, beams, eager.decode_step)) <= 1e-6
