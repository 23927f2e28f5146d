"""A model that is put together, stored as a whole: its spec.yaml, and tensors named by their addresses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

import crossloom
from tests.check.planted import DECODER, ENCODER, GRAPH, HALVES
from tests.cli.runner import AUDIO, ROOT

DIGITS = ROOT / "examples" / "digits" / "checkpoint"
TINY = "{family: speech_to_text, config: {d_model: 16, vocab_size: 20, %s}}"
FAMILY_ENCODER = f"encoder: {TINY % 'encoder_layers: 1, encoder_ffn_dim: 8, encoder_attention_heads: 2'}\n"
FAMILY_DECODER = f"decoder: {TINY % 'decoder_layers: 1, decoder_ffn_dim: 8, decoder_attention_heads: 2'}\n"
HEAD = "crossloom: 1\nname: whole\n"

FORMS = {
    "pair": HEAD + FAMILY_ENCODER + FAMILY_DECODER.replace("d_model: 16", "d_model: 24"),  # with a bridge
    "encoder": HEAD + FAMILY_ENCODER,
    "decoder": HEAD + FAMILY_DECODER,
    "graph": GRAPH,
    "pair of graphs": HALVES,
    "encoder of blocks": ENCODER,
    "decoder of blocks": DECODER,
}


def written(folder: Path, text: str, name: str = "first.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def findings(spec: Any, source: Any = None) -> list[str]:
    """The codes of what is wrong; what the compiler decided is not."""
    return [finding.code for finding in crossloom.verify(spec, source) if finding.severity != "info"]


def assert_equal(one: Any, other: Any) -> None:
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_is_loaded_again(form: str, tmp_path: Path) -> None:
    model = crossloom.build(written(tmp_path, FORMS[form]), seed=5)
    out = tmp_path / "out"
    crossloom.export(model, out, format="crossloom")
    stored = load_file(out / "model.safetensors")
    assert stored.keys() == dict(model.named_parameters()).keys()  # of tied ones, the one that is kept
    spec = crossloom.load_spec(out / "spec.yaml")
    assert findings(spec) == []
    assert {row.component for row in crossloom.weight_table(spec)} == {"model"}
    again = crossloom.load(spec)
    assert_equal(again, model)
    crossloom.export(again, tmp_path / "again", format="crossloom")
    for file in out.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize("form", FORMS)
def test_no_published_class_computes_it(form: str, tmp_path: Path) -> None:
    model = crossloom.build(written(tmp_path, FORMS[form]))
    with pytest.raises(crossloom.CrossloomError, match="XL114") as raised:
        crossloom.export(model, tmp_path / "out")
    assert "format='crossloom'" in str(raised.value.diagnostics[0].help)
    assert not (tmp_path / "out").exists()


def test_a_published_model_has_its_own_layout(tmp_path: Path) -> None:
    with pytest.raises(crossloom.CrossloomError, match=r"XL114.*published"):
        crossloom.export(crossloom.load("digits"), tmp_path / "out", format="crossloom")


def test_a_whole_is_given_in_place_of_the_parts(tmp_path: Path) -> None:
    """It holds what the spec calls fresh, too."""
    spec = crossloom.load_spec(written(tmp_path, FORMS["pair"] + "fresh: [decoder.*, head.*]\n"))
    model = crossloom.build(spec, seed=5)
    crossloom.export(model, tmp_path / "out", format="crossloom")
    for given in (tmp_path / "out", {"model": tmp_path / "out"}):
        assert findings(spec, given) == []
        assert_equal(crossloom.load(spec, given), model)


def test_one_published_model_is_none_of_a_pair(
    tmp_path: Path, tiny_checkpoint: Callable[[int], Path]
) -> None:
    spec = written(tmp_path, FORMS["pair"])
    with pytest.raises(crossloom.CrossloomError, match=r"XL514.*published model was given for both"):
        crossloom.load(spec, tiny_checkpoint(0))
    with pytest.raises(crossloom.CrossloomError, match=r"XL514.*and others for its parts"):
        crossloom.load(spec, {"model": tiny_checkpoint(0), "encoder": tiny_checkpoint(0)})


def test_a_folder_without_config_is_loaded_by_its_spec(tmp_path: Path) -> None:
    crossloom.export(crossloom.build(written(tmp_path, GRAPH)), tmp_path / "out", format="crossloom")
    with pytest.raises(crossloom.CrossloomError, match="XL514") as raised:
        crossloom.from_pretrained(tmp_path / "out")
    assert f"give `{tmp_path}/out/spec.yaml`" in str(raised.value.diagnostics[0].help)


def test_the_folder_begins_at_the_spec_that_names_it(tmp_path: Path) -> None:
    model = crossloom.build(written(tmp_path, FORMS["pair"]), seed=5)
    crossloom.export(model, tmp_path / "a" / "out", format="crossloom")
    extending = written(tmp_path / "b", "crossloom: 1\nname: more\nextends: ../a/out/spec.yaml\n")
    assert_equal(crossloom.load(extending), model)
    crossloom.emit(extending, tmp_path / "c" / "d")
    emitted = crossloom.load_spec(tmp_path / "c" / "d" / "spec.yaml")
    assert emitted.data["weights"] == "../../a/out"
    assert_equal(crossloom.load(emitted), model)


def test_what_is_fresh_of_a_whole_starts_anew(tmp_path: Path) -> None:
    model = crossloom.build(written(tmp_path, GRAPH), seed=5)
    crossloom.export(model, tmp_path / "out", format="crossloom")
    data = yaml.safe_load((tmp_path / "out" / "spec.yaml").read_text())
    (tmp_path / "out" / "spec.yaml").write_text(yaml.safe_dump({**data, "fresh": ["encoder.0.*"]}))
    assert set(findings(tmp_path / "out" / "spec.yaml")) == {"XL502"}  # stored, and read by nobody any more
    ignoring = {**data, "fresh": ["encoder.0.*"], "ignore": {"model": ["encoder.0.*"]}}
    (tmp_path / "out" / "spec.yaml").write_text(yaml.safe_dump(ignoring))
    assert findings(tmp_path / "out" / "spec.yaml") == []
    again = crossloom.load(tmp_path / "out" / "spec.yaml").state_dict()
    differing = {name for name, tensor in model.state_dict().items() if not torch.equal(again[name], tensor)}
    assert differing
    assert all(name.startswith("encoder.0.") for name in differing)


def test_a_spec_that_a_person_wrote_stays(tmp_path: Path) -> None:
    spec = written(tmp_path, GRAPH, "spec.yaml")
    model = crossloom.build(spec)
    for write in (
        lambda: crossloom.export(model, tmp_path, format="crossloom"),
        lambda: crossloom.train(model, [], output=tmp_path, processor=object(), progress=False),
    ):
        with pytest.raises(crossloom.CrossloomError, match="XL602"):
            write()
    assert spec.read_text() == GRAPH
    assert list(tmp_path.iterdir()) == [spec]
    crossloom.export(model, tmp_path, format="crossloom", force=True)
    crossloom.export(
        crossloom.load(spec), tmp_path, format="crossloom"
    )  # what was written may be written anew


def test_files_of_another_model_do_not_stay_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(DIGITS, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(crossloom.CrossloomError, match="XL403"):
        crossloom.export(crossloom.build(written(tmp_path, FORMS["pair"])), out, format="crossloom")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.fixture
def digits_pair(tmp_path: Path) -> Path:
    """The encoder of the digits, and a small decoder that has learned nothing."""
    config = crossloom.load_spec("digits").data["model"]["config"]
    small = {"d_model": 24, "decoder_layers": 1, "decoder_ffn_dim": 16, "vocab_size": 14}
    data = {
        "crossloom": 1,
        "name": "small-decoder",
        "encoder": {"family": "speech_to_text", "weights": str(DIGITS), "config": config},
        "decoder": {"family": "speech_to_text", "config": small},
        "fresh": ["decoder.*", "enc_to_dec_proj.*"],
        "ignore": {"encoder": ["model.decoder.*"]},
        "generation": {"max_new_tokens": 5},
    }
    return written(tmp_path, yaml.safe_dump(data))


OPTIONS: dict[str, Any] = {"batch_size": 2, "progress": False, "learning_rate": 1e-3, "max_steps": 3}


def test_a_pair_with_a_fresh_decoder_is_trained_saved_loaded_and_resumed(
    digits_pair: Path, tmp_path: Path
) -> None:
    model = crossloom.load(digits_pair)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    processor = crossloom.load_processor(digits_pair, DIGITS)
    rows = AUDIO / "manifest.jsonl"
    out = tmp_path / "out"
    crossloom.train(model, rows, processor=processor, output=out, checkpoint_steps=2, **OPTIONS)
    assert not torch.equal(before["enc_to_dec_proj.weight"], model.enc_to_dec_proj.weight)
    assert not torch.equal(before["decoder.embed.tokens.weight"], model.decoder.embed.tokens.weight)

    again = crossloom.load(out / "spec.yaml")
    assert_equal(again, model)
    samples = crossloom.read_audio(AUDIO / "nine.wav", 16000)
    given = crossloom.load_processor(out / "spec.yaml")(audio=samples, sampling_rate=16000)
    ids = [crossloom.generate(one, **given) for one in (again, model)]
    assert [len(row) for row in ids[0]] == [6]
    assert all(torch.equal(one, other) for one, other in zip(*ids, strict=True))

    step = out / "checkpoints" / "step-00000002"
    assert_equal(crossloom.load(step / "spec.yaml"), crossloom.load(digits_pair, step))
    resumed = crossloom.load(digits_pair)
    crossloom.train(resumed, rows, processor=processor, output=out, resume=True, **OPTIONS)
    assert_equal(resumed, model)


def test_the_options_of_generation_go_along(digits_pair: Path, tmp_path: Path) -> None:
    crossloom.export(crossloom.load(digits_pair), tmp_path / "out", format="crossloom")
    stored = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert stored["max_new_tokens"] == 5
    assert crossloom.load(tmp_path / "out" / "spec.yaml").generation_defaults == stored


def test_the_files_of_a_tokenizer_must_be_somewhere(digits_pair: Path) -> None:
    with pytest.raises(crossloom.CrossloomError, match=r"XL514.*`vocab.json`.*no checkpoint") as raised:
        crossloom.load_processor(digits_pair)
    assert "--processor" in str(raised.value.diagnostics[0].help)


def test_every_file_that_a_tokenizer_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(crossloom.CrossloomError, match=r"XL514.*has no `sentencepiece.bpe.model`") as raised:
        crossloom.load_processor("digits", tmp_path)
    assert "put them there" in str(raised.value.diagnostics[0].help)


def test_a_free_graph_has_no_processor(tmp_path: Path) -> None:
    with pytest.raises(crossloom.CrossloomError, match=r"XL114.*a free graph, which states neither"):
        crossloom.load_processor(written(tmp_path, GRAPH))


def test_a_graph_without_weights_is_called_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(crossloom.CrossloomError, match=r"XL514.*a free graph has no checkpoint"):
        crossloom.load(written(tmp_path, GRAPH))
