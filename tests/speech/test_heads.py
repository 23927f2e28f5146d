"""Published classes with a head above the encoder: read, kept beside it, and written back unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import crossloom
from specs.families import family as family_of
from tests.oracle import spread, stored_differently
from tests.pairs.cases import spec_of
from tests.parity.cases import LOGITS, difference
from tests.speech.oracle import (
    CLASSES,
    FAMILIES,
    prefix_of,
    random_audio,
    random_settings,
    save_beside_front_end,
)

SEED = 1
HEADS = [(family, head) for family in FAMILIES for head in family_of(family).halves["encoder"].heads]
each = pytest.mark.parametrize(("family", "head"), HEADS, ids=[head for _, head in HEADS])

SMALL = {
    "classifier_proj_size": 7,
    "codevector_dim": 8,
    "num_codevectors_per_group": 4,
    "num_ctc_classes": 9,
    "proj_codevector_dim": 6,
    "tdnn_dim": [6] * 5,
    "vocab_size": 11,
    "xvector_output_dim": 5,
}


def with_head(family: str, head: str, folder: Path) -> Any:
    """Write a random model of a published class with five labels, and give it."""
    torch.manual_seed(SEED)
    config_class = CLASSES[family][0]
    known = config_class().to_dict()
    settings = random_settings(family, SEED) | {name: v for name, v in SMALL.items() if name in known}
    settings["use_weighted_layer_sum"] = True
    if "add_adapter" in known and not head.endswith("ForCTC"):
        settings = {name: value for name, value in settings.items() if name != "output_hidden_size"}
        settings["add_adapter"] = False
    model = getattr(transformers, head)(config_class(**settings, num_labels=5))
    spread(model)
    save_beside_front_end(model, folder)
    return model


def below(model: Any, family: str) -> Any:
    """The public encoder below a head."""
    return getattr(model, prefix_of(family).rstrip("."))


@each
def test_a_head_is_written_back_unchanged(tmp_path: Path, family: str, head: str) -> None:
    theirs = with_head(family, head, tmp_path / "first")
    spec = crossloom.import_spec(tmp_path / "first")
    assert spec.kind == "encoder"
    assert spec.data["encoder"]["architecture"] == head
    assert not crossloom.verify(spec)
    ours = crossloom.load(spec)
    waveform, mask = random_audio(SEED)
    with torch.no_grad():
        published = below(theirs, family)(waveform, attention_mask=mask).last_hidden_state
        assert difference(ours.encode(waveform, mask).hidden, published) <= LOGITS

    crossloom.export(ours, tmp_path / "second", format="transformers")
    assert stored_differently(tmp_path / "first", tmp_path / "second") == []
    head_class: Any = getattr(transformers, head)
    loaded, report = head_class.from_pretrained(tmp_path / "second", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        again = below(loaded.eval(), family)(waveform, attention_mask=mask).last_hidden_state
    assert torch.equal(again, published)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_beside_names_without_the_prefix(tmp_path: Path, family: str) -> None:
    """The encoder's names lack the prefix and the head's never had it; both are written as published."""
    head = next(name for name in family_of(family).architectures if name.endswith("ForCTC"))
    with_head(family, head, tmp_path / "first")
    file = tmp_path / "first" / "model.safetensors"
    first = load_file(file)
    save_file({name.removeprefix(prefix_of(family)): tensor for name, tensor in first.items()}, file)
    ours = crossloom.from_pretrained(tmp_path / "first")
    crossloom.export(ours, tmp_path / "second", format="transformers")
    second = load_file(tmp_path / "second" / "model.safetensors")
    assert second.keys() == first.keys()
    assert all(torch.equal(first[name], tensor) for name, tensor in second.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoder_alone_is_written_without_a_head(tmp_path: Path, family: str) -> None:
    """Where the spec says nothing of a head, it names the bare class."""
    head = next(name for name in family_of(family).architectures if name.endswith("ForCTC"))
    with_head(family, head, tmp_path / "first")
    data = dict(crossloom.import_spec(tmp_path / "first").data)
    data["encoder"] = {name: value for name, value in data["encoder"].items() if name != "architecture"}
    ours = crossloom.load(spec_of(data))
    crossloom.export(ours, tmp_path / "second", format="transformers")
    loaded, report = CLASSES[family][1].from_pretrained(tmp_path / "second", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert isinstance(loaded, CLASSES[family][1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_that_nothing_stores_is_not_made_up(tmp_path: Path, family: str) -> None:
    head = next(name for name in family_of(family).architectures if name.endswith("ForCTC"))
    with_head(family, head, tmp_path)
    spec = crossloom.import_spec(tmp_path)
    with pytest.raises(crossloom.CrossloomError) as refused:
        crossloom.export(crossloom.build(spec), tmp_path / "out", format="transformers")
    (finding,) = refused.value.diagnostics
    assert finding.code == "XL501"
    assert finding.spans[0].line == next(
        number for number, line in enumerate(spec.to_yaml().splitlines(), 1) if "architecture:" in line
    )


def test_a_class_that_is_named_and_not_stored_is_left_out_of_the_spec(tmp_path: Path) -> None:
    """As in a file whose head was taken off, its config.json left as it was."""
    with_head("wav2vec2", "Wav2Vec2ForCTC", tmp_path)
    file = tmp_path / "model.safetensors"
    save_file({n: tensor for n, tensor in load_file(file).items() if n.startswith("wav2vec2.")}, file)
    assert "architecture" not in crossloom.import_spec(tmp_path).data["encoder"]
