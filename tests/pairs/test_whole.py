"""Text families that are published whole, and each of their sides taken from such a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    BartForConditionalGeneration,
    BartForSequenceClassification,
    BartModel,
    MBartForConditionalGeneration,
    MBartForQuestionAnswering,
    MBartModel,
)

import crossloom
from crossloom import CrossloomError
from tests.oracle import respelt, searched, spread, stored_differently
from tests.pairs import oracle
from tests.pairs.test_halves import outputs
from tests.parity.cases import LOGITS, LOSS, difference

CLASSES: dict[str, tuple[Any, Any, Any]] = {
    "bart": (BartForConditionalGeneration, BartModel, BartForSequenceClassification),
    "mbart": (MBartForConditionalGeneration, MBartModel, MBartForQuestionAnswering),
}
each = pytest.mark.parametrize("family", CLASSES)
every_seed = pytest.mark.parametrize("seed", oracle.SEEDS)
roles = pytest.mark.parametrize("role", ["encoder", "decoder"])


def config_of(family: str, seed: int, **changes: Any) -> Any:
    """A tiny configuration of a whole model; the embeddings are tied but for seed 1."""
    config = oracle.random_half("encoder", family, seed).config
    config.update({"decoder_start_token_id": 3, **changes})
    return config


def saved(family: str, seed: int, folder: Path, published: int = 0, **changes: Any) -> Any:
    theirs = spread(CLASSES[family][published](config_of(family, seed, **changes)))
    if hasattr(theirs, "final_logits_bias"):
        theirs.final_logits_bias.normal_(generator=torch.Generator().manual_seed(seed))
    theirs.save_pretrained(folder)
    return theirs


def texts_and_target(theirs: Any, seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return oracle.random_texts(theirs.config, seed), oracle.random_target(theirs.config, seed)


@each
@every_seed
def test_parity_and_export(family: str, seed: int, tmp_path: Path) -> None:
    theirs = saved(family, seed, tmp_path / "in")
    ours = crossloom.from_pretrained(tmp_path / "in")
    assert ours.spec.kind == "model"
    texts, target = texts_and_target(theirs, seed)
    with torch.no_grad():
        assert difference(ours(**texts, **target).logits, theirs(**texts, **target).logits) <= LOGITS
    crossloom.export(ours, tmp_path / "out")
    assert stored_differently(tmp_path / "in", tmp_path / "out") == []
    again, report = type(theirs).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert all(not names for names in report.values()), report
    with torch.no_grad():
        assert difference(again.eval()(**texts, **target).logits, ours(**texts, **target).logits) <= LOGITS


@each
@every_seed
def test_labels_are_shifted_as_published(family: str, seed: int, tmp_path: Path) -> None:
    """Behind the start id, or in a circle, ignored ones as pads."""
    theirs = saved(family, seed, tmp_path)
    ours = crossloom.from_pretrained(tmp_path)
    texts, target = texts_and_target(theirs, seed)
    labels = target["decoder_input_ids"].roll(-1, dims=1)
    labels[1, -2:] = labels[-1, 1:] = -100
    if seed == 2:
        labels[labels == theirs.config.pad_token_id] = -100
    with torch.no_grad():
        out, expected = (model(**texts, labels=labels) for model in (ours, theirs))
    assert difference(out.logits, expected.logits) <= LOGITS
    assert float(out.loss) == pytest.approx(float(expected.loss), rel=LOSS)


@each
@every_seed
@pytest.mark.parametrize("beams", [1, 4])
def test_ids(family: str, seed: int, beams: int, tmp_path: Path) -> None:
    theirs = saved(family, seed, tmp_path)
    texts = oracle.random_texts(theirs.config, seed)
    ids, expected = searched(crossloom.from_pretrained(tmp_path), theirs, texts, length=10, beams=beams)
    assert ids == expected


@each
@roles
@every_seed
@pytest.mark.parametrize("published", [0, 1, 2])
def test_each_side_of_any_class(family: str, role: Any, seed: int, published: int, tmp_path: Path) -> None:
    """Of the model with its head, the bare one, and one with another head."""
    theirs = saved(family, seed, tmp_path, published)
    if role == "decoder" and published and seed == 1:  # no head is stored, and none is tied
        spec = crossloom.import_spec(tmp_path, role=role, tokens={"decoder_start": 3})
        assert spec.data["fresh"] == ["head.*"], "what starts untrained is said"
        silent = tmp_path / "silent.yaml"
        silent.write_text(spec.to_yaml().replace("- head.*", "- decoder.embed_norm.*"), encoding="utf-8")
        with pytest.raises(CrossloomError, match="XL501"):
            crossloom.load(silent)
        crossloom.load(spec)
        return
    ours = crossloom.load(crossloom.import_spec(tmp_path, role=role))
    side = getattr(getattr(theirs, "model", theirs), role)
    if role == "encoder":
        found, expected = outputs(role, side, ours, seed)
    else:
        wrapped = oracle.random_half("decoder", family, seed).__class__(config_of(family, seed))
        wrapped.model.decoder = side
        wrapped.lm_head.weight = getattr(theirs, "lm_head", side.embed_tokens).weight
        found, expected = outputs(role, wrapped.eval(), ours, seed)
    assert difference(found, expected) <= LOGITS


@each
def test_a_bare_model_gets_a_head(family: str, tmp_path: Path) -> None:
    """Tied, with nothing added to its scores; exported it is the class that has one."""
    theirs = saved(family, 0, tmp_path / "in", published=1)
    ours = crossloom.from_pretrained(tmp_path / "in")
    assert ours.spec.data["fresh"] == ["head_bias.bias"]
    crossloom.export(ours, tmp_path / "out")
    again, report = CLASSES[family][0].from_pretrained(tmp_path / "out", output_loading_info=True)
    assert all(not names for names in report.values()), report
    texts, target = texts_and_target(theirs, 0)
    with torch.no_grad():
        scores = theirs(**texts, **target).last_hidden_state @ theirs.shared.weight.T
        assert difference(ours(**texts, **target).logits, scores) <= LOGITS
        assert difference(again.eval()(**texts, **target).logits, scores) <= LOGITS


COPIES = {
    "model.encoder.embed_tokens.weight": "model.shared.weight",
    "model.decoder.embed_tokens.weight": "model.shared.weight",
    "lm_head.weight": "model.shared.weight",
}


@each
@pytest.mark.parametrize("role", [None, "encoder", "decoder"])
@pytest.mark.parametrize("names", [[*COPIES], ["lm_head.weight"]])
def test_stored_copies_of_the_embedding(family: str, role: Any, names: list[str], tmp_path: Path) -> None:
    saved(family, 0, tmp_path)
    spec = crossloom.import_spec(tmp_path, role=role)
    expected = crossloom.load(spec).state_dict()
    respelt(tmp_path, lambda stored: stored | {name: stored[COPIES[name]].clone() for name in names})
    state = crossloom.load(crossloom.import_spec(tmp_path, role=role)).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    respelt(tmp_path, lambda stored: stored | {name: stored[COPIES[name]] + 1 for name in names})
    spec = crossloom.import_spec(tmp_path, role=role)
    if role == "encoder" and names == ["lm_head.weight"]:
        crossloom.load(spec)  # it has no head
        return
    with pytest.raises(CrossloomError, match="XL506"):
        crossloom.load(spec)


@each
def test_half_a_prefix_is_refused(family: str, tmp_path: Path) -> None:
    saved(family, 0, tmp_path)
    respelt(
        tmp_path,
        lambda stored: {
            name.removeprefix("model.") if name.endswith("fc1.weight") else name: tensor
            for name, tensor in stored.items()
        },
    )
    with pytest.raises(CrossloomError, match=r"XL5(01|04|11)"):
        crossloom.from_pretrained(tmp_path)


@each
def test_a_decoder_may_be_deeper_than_the_encoder(family: str, tmp_path: Path) -> None:
    """The public search fails, its cache made of `encoder_layers`; ours follows the scores of whole texts."""
    theirs = saved(family, 0, tmp_path, encoder_layers=1, decoder_layers=3)
    ours = crossloom.from_pretrained(tmp_path)
    texts = oracle.random_texts(theirs.config, 0)
    found = crossloom.generate(ours, **texts, max_new_tokens=6, eos_token_id=None, forced_eos_token_id=None)
    ids = torch.full((3, 1), 3)
    for _ in range(6):
        with torch.no_grad():
            scores = theirs(**texts, decoder_input_ids=ids, use_cache=False).logits[:, -1]
        ids = torch.cat((ids, scores.argmax(-1, keepdim=True)), dim=1)
    assert isinstance(found, torch.Tensor)
    assert found.tolist() == ids.tolist()


@each
def test_the_end_is_forced_as_the_config_says(family: str, tmp_path: Path) -> None:
    """By the class default, or by config.json where no file of generation options says otherwise."""
    saved(family, 0, tmp_path)
    for name, stated, expected in (
        ("generation_config.json", {"forced_eos_token_id": None}, None),
        ("config.json", {"forced_eos_token_id": 5}, 5),
        ("config.json", {}, 2),
    ):
        path = tmp_path / name
        fields = json.loads(path.read_text())
        fields.pop("forced_eos_token_id")
        path.write_text(json.dumps(fields | stated))
        if name == "config.json":
            (tmp_path / "generation_config.json").unlink(missing_ok=True)
        model = crossloom.from_pretrained(tmp_path)
        ids = crossloom.generate(
            model,
            input_ids=torch.tensor([[4, 5]]),
            max_new_tokens=3,
            eos_token_id=None,
            suppress_tokens=[i for i in range(24) if i not in (4, expected)],
        )
        assert isinstance(ids, torch.Tensor)
        assert ids[0, -1].item() == (expected or 4)
