"""Decoders that embed, add positions, decode and project: their variants, spellings and first values."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import TrOCRConfig, TrOCRForCausalLM, XGLMConfig, XGLMForCausalLM, XGLMModel

import crossloom
from crossloom import CrossloomError
from tests.oracle import read_back, respelt, spread
from tests.pairs.speech2text2 import Speech2Text2ForCausalLM
from tests.pairs.test_halves import saved
from tests.parity.cases import LOGITS, difference

FAMILIES = ("speech_to_text_2", "trocr", "xglm")
each = pytest.mark.parametrize("family", FAMILIES)

_SINUSOIDS = {"use_learned_position_embeddings": False, "layernorm_embedding": False}
VARIANTS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "learned positions, a wider source": (TrOCRForCausalLM, TrOCRConfig, {"cross_attention_hidden_size": 14}),
    "learned positions, no norm": (TrOCRForCausalLM, TrOCRConfig, {"layernorm_embedding": False}),
    "sinusoids and a norm": (TrOCRForCausalLM, TrOCRConfig, _SINUSOIDS | {"layernorm_embedding": True}),
    "sinusoids, another pad id": (TrOCRForCausalLM, TrOCRConfig, _SINUSOIDS | {"pad_token_id": 5}),
    "sinusoids, pad id 0": (TrOCRForCausalLM, TrOCRConfig, _SINUSOIDS | {"pad_token_id": 0}),
    "positions of XGLM, another pad id": (XGLMForCausalLM, XGLMConfig, {"pad_token_id": 5}),
    "positions of XGLM, pad id 0": (XGLMForCausalLM, XGLMConfig, {"pad_token_id": 0}),
}


def tiny(published: Any, configuration: Any, **changes: Any) -> Any:
    """A decoder of two layers, its parameters spread."""
    common = {"vocab_size": 40, "d_model": 12, "max_position_embeddings": 21, "activation_function": "gelu"}
    sizes = (
        {"num_layers": 2, "attention_heads": 3, "ffn_dim": 17}
        if configuration is XGLMConfig
        else {"decoder_layers": 2, "decoder_attention_heads": 3, "decoder_ffn_dim": 17}
    )
    role = {"is_decoder": True, "add_cross_attention": True, "decoder_start_token_id": 3}
    return spread(published(configuration(**{**common, **sizes, **role, **changes})))


def both(theirs: Any, ours: Any, length: int) -> tuple[Tensor, Tensor]:
    """Logits of texts with pads, and of a source with a mask."""
    generator = torch.Generator().manual_seed(length)
    config = theirs.config
    width = getattr(config, "cross_attention_hidden_size", None) or config.hidden_size
    ids = torch.randint(6, theirs.config.vocab_size, (3, length), generator=generator)
    ids[1, 2], ids[2, -2:] = theirs.config.pad_token_id, theirs.config.pad_token_id
    given = {
        "encoder_hidden_states": torch.randn(3, 6, width, generator=generator),
        "encoder_attention_mask": torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5]),
    }
    with torch.no_grad():
        return ours(decoder_input_ids=ids, **given).logits, theirs(ids, **given).logits


@pytest.mark.parametrize("name", VARIANTS)
def test_variants(name: str, tmp_path: Path) -> None:
    published, configuration, changes = VARIANTS[name]
    theirs = tiny(published, configuration, **changes)
    theirs.save_pretrained(tmp_path / "in")
    model = crossloom.from_pretrained(tmp_path / "in")
    ours, expected = both(theirs, model, 9)
    assert difference(ours, expected) <= LOGITS
    ours, expected = both(theirs, model, 21)  # up to the last position
    assert difference(ours, expected) <= LOGITS
    with pytest.raises((CrossloomError, ValueError), match="positions"):
        both(theirs, model, 22)
    crossloom.export(model, tmp_path / "out")
    again, report = read_back(published, tmp_path / "out")
    assert all(not names for names in report.values()), report
    ours, expected = both(again, model, 9)
    assert difference(ours, expected) <= LOGITS


@each
def test_without_the_prefix(family: str, tmp_path: Path) -> None:
    """Of a tied head too, which is then the embedding."""
    theirs = saved("decoder", family, 0, tmp_path)
    respelt(tmp_path, lambda stored: {name.removeprefix("model."): t for name, t in stored.items()})
    ours, expected = both(theirs, crossloom.from_pretrained(tmp_path), 7)
    assert difference(ours, expected) <= LOGITS


@each
def test_half_a_spelling_is_refused(family: str, tmp_path: Path) -> None:
    saved("decoder", family, 1, tmp_path)

    def half(stored: dict[str, Tensor]) -> dict[str, Tensor]:
        changed = list(stored)[::2]
        return {n.removeprefix("model.") if n in changed else n: tensor for n, tensor in stored.items()}

    respelt(tmp_path, half)
    with pytest.raises(CrossloomError, match=r"XL5(01|04|11)"):
        crossloom.from_pretrained(tmp_path)


@each
def test_a_copied_head_must_be_the_embedding(family: str, tmp_path: Path) -> None:
    theirs = saved("decoder", family, 0, tmp_path)
    head = "output_projection.weight" if family == "trocr" else "lm_head.weight"
    embedding = f"model.{'' if family == 'xglm' else 'decoder.'}embed_tokens.weight"
    respelt(tmp_path, lambda stored: {**stored, head: stored[embedding].clone()})
    ours, expected = both(theirs, crossloom.from_pretrained(tmp_path), 7)
    assert difference(ours, expected) <= LOGITS
    respelt(tmp_path, lambda stored: {**stored, head: stored[embedding] + 1})
    with pytest.raises(CrossloomError, match="XL506"):
        crossloom.from_pretrained(tmp_path)
    respelt(tmp_path, lambda stored: {n: t for n, t in stored.items() if n != embedding})
    crossloom.from_pretrained(tmp_path)


def formula(shape: torch.Size) -> Tensor:
    """Sinusoids as they are published, row 1 of padding."""
    rows, width = shape
    table: Tensor = XGLMModel(
        XGLMConfig(
            d_model=width,
            max_position_embeddings=rows - 2,
            pad_token_id=1,
            num_layers=1,
            attention_heads=1,
            ffn_dim=4,
            vocab_size=8,
        )
    ).embed_positions.weights
    return table


def test_stored_rows_of_positions_are_computed_with(tmp_path: Path) -> None:
    """Speech2Text2 has whatever a checkpoint stores, training leaves it, and export writes it back."""
    theirs = saved("decoder", "speech_to_text_2", 1, tmp_path)
    model = crossloom.from_pretrained(tmp_path)
    table = model.get_parameter("decoder.positions.table")
    assert torch.equal(table, theirs.table)
    assert not table.requires_grad
    assert not torch.allclose(table, formula(table.shape), atol=0.05)


def test_rows_of_positions_that_are_not_stored_follow_the_formula(tmp_path: Path) -> None:
    theirs = saved("decoder", "speech_to_text_2", 1, tmp_path)
    respelt(tmp_path, lambda stored: {n: t for n, t in stored.items() if not n.endswith(".weights")})
    theirs.table.copy_(formula(theirs.table.shape))
    spec = crossloom.import_spec(tmp_path)
    assert spec.data["fresh"] == ["decoder.positions.table"]
    ours, expected = both(theirs, crossloom.load(spec), 7)
    assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("change", [0.0, 0.1])
def test_stored_sinusoids_must_be_the_formula(change: float, tmp_path: Path) -> None:
    """XGLM has computed its own in every release; older files keep a copy."""
    theirs = saved("decoder", "xglm", 1, tmp_path)
    table = theirs.model.embed_positions.weights + change
    respelt(tmp_path, lambda stored: {**stored, "model.embed_positions.weights": table})
    if change:
        with pytest.raises(CrossloomError, match="XL512"):
            crossloom.from_pretrained(tmp_path)
        return
    ours, expected = both(theirs, crossloom.from_pretrained(tmp_path), 7)
    assert difference(ours, expected) <= LOGITS


def test_a_number_of_older_releases_is_left_out(tmp_path: Path) -> None:
    theirs = saved("decoder", "trocr", 1, tmp_path)
    name = "model.decoder.embed_positions._float_tensor"
    respelt(tmp_path, lambda stored: {**stored, name: torch.zeros(1)})
    ours, expected = both(theirs, crossloom.from_pretrained(tmp_path), 7)
    assert difference(ours, expected) <= LOGITS


def test_a_checkpoint_without_cross_attention_starts_it_fresh(tmp_path: Path) -> None:
    theirs = tiny(XGLMForCausalLM, XGLMConfig, add_cross_attention=False)
    theirs.save_pretrained(tmp_path)
    spec = crossloom.import_spec(tmp_path, role="decoder")
    assert spec.data["fresh"] == [
        "decoder.layers.*.cross_attention.*",
        "decoder.layers.*.cross_attention_norm.*",
    ]
    state = crossloom.load(spec).state_dict()
    stored = load_file(tmp_path / "model.safetensors")
    assert torch.equal(
        state["decoder.layers.1.feed_forward.up_proj.weight"], stored["model.layers.1.fc1.weight"]
    )


CLASSES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "speech_to_text_2": lambda fields: Speech2Text2ForCausalLM(TrOCRConfig(**fields, **_SINUSOIDS)),
    "trocr": lambda fields: TrOCRForCausalLM(TrOCRConfig(**fields)),
    "xglm": lambda fields: XGLMForCausalLM(
        XGLMConfig(
            **{
                n: v
                for n, v in fields.items()
                if not n.startswith("decoder_") or n == "decoder_start_token_id"
            },
            num_layers=2,
            attention_heads=4,
            ffn_dim=160,
        )
    ),
}


@each
@pytest.mark.parametrize("tied", [True, False])
def test_first_values_are_drawn_as_published(family: str, tied: bool, tmp_path: Path) -> None:
    torch.manual_seed(random.Random(family).randint(0, 99))
    theirs = CLASSES[family](
        {
            "vocab_size": 300,
            "d_model": 64,
            "decoder_layers": 2,
            "decoder_attention_heads": 4,
            "decoder_ffn_dim": 160,
            "max_position_embeddings": 40,
            "pad_token_id": 1,
            "init_std": 0.07,
            "tie_word_embeddings": tied,
            "is_decoder": True,
            "add_cross_attention": True,
        }
    )
    theirs.save_pretrained(tmp_path)
    spec = crossloom.import_spec(tmp_path)
    state = crossloom.build(spec, seed=1).state_dict()
    stored = load_file(tmp_path / "model.safetensors")
    compared = 0
    for row in crossloom.weight_table(spec):
        if row.status in ("tied", "computed"):
            continue
        ours, published = state[row.address], stored[row.sources[0]]
        compared += 1
        if row.address == "decoder.positions.table":
            assert torch.allclose(ours, formula(ours.shape), atol=1e-6)
        elif published.std() == 0:  # biases and norms
            assert torch.equal(ours, published), row.address
        else:
            assert torch.equal((ours == 0).all(-1), (published == 0).all(-1)), row.address  # a padding row
            assert float(ours.std()) == pytest.approx(float(published.std()), rel=0.05), row.address
            assert abs(float(ours.mean())) < 0.005, row.address
    assert compared > 50
