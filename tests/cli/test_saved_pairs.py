"""Every command on pairs that the public classes saved: of texts, recordings and pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    BertConfig,
    BertLMHeadModel,
    BertTokenizer,
    EncoderDecoderModel,
    SpeechEncoderDecoderModel,
    VisionEncoderDecoderModel,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

import crossloom as api
from tests.cli.runner import AUDIO, crossloom, python, result_of
from tests.pairs.folders import decoder, speech_encoder, text_encoder, write_pair
from tests.processing.subword_files import write_vocabulary
from tests.vision.oracle import save as save_vision
from tests.vision.pictures import picture, written

KINDS = ("text", "audio", "image")
PUBLISHED: dict[str, Any] = {
    "text": EncoderDecoderModel,
    "audio": SpeechEncoderDecoderModel,
    "image": VisionEncoderDecoderModel,
}
SHORT = ("-g", "max_new_tokens=12")


def _picture_encoder(folder: Path) -> Path:
    """A tiny ViT with the file of its front end."""
    model = save_vision("vit", 1, folder)
    ViTImageProcessorPil(size=model.config.image_size).save_pretrained(folder)
    return folder


ENCODERS = {"text": text_encoder, "audio": speech_encoder, "image": _picture_encoder}
SENTENCES = ("the cat sat", "cat")


def save_pair(kind: str, folder: Path) -> Path:
    """A pair with a tiny BERT as its decoder, and the files of its front end and of its one tokenizer."""
    encoder = ENCODERS[kind](folder.with_name(f"{folder.name} encoder"))
    texts = encoder if kind == "text" else text_encoder(folder.with_name(f"{folder.name} decoder"))
    config = BertConfig.from_pretrained(texts, is_decoder=True, add_cross_attention=True)
    assert isinstance(config, BertConfig)
    pair = PUBLISHED[kind](encoder=AutoModel.from_pretrained(encoder), decoder=BertLMHeadModel(config))
    vocabulary = (texts / "vocab.txt").read_text().split()
    pair.config.decoder_start_token_id = vocabulary.index("[CLS]")
    pair.config.pad_token_id = vocabulary.index("[PAD]")
    pair.config.eos_token_id = vocabulary.index("[SEP]")
    pair.save_pretrained(folder)
    for place, name in ((texts, "vocab.txt"), (encoder, "preprocessor_config.json")):
        if (place / name).exists():
            shutil.copy(place / name, folder)
    return folder


def inputs(kind: str, folder: Path) -> tuple[str, str]:
    """Two inputs of a kind."""
    if kind == "text":
        return SENTENCES
    if kind == "audio":
        return str(AUDIO / "nine.wav"), str(AUDIO / "six_zero_two_two.wav")
    first, second = (written(picture(seed, size=(20, 30)), folder / f"{seed}.png") for seed in (1, 2))
    return str(first), str(second)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The spec that `import` writes of a saved pair of a kind."""
    root = tmp_path_factory.mktemp("pairs")

    def of(kind: str) -> Path:
        spec = root / f"{kind}.yaml"
        if not spec.exists():
            done = crossloom("import", save_pair(kind, root / kind), "-o", spec)
            assert done.exit_code == 0, done.output
        return spec

    return of


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_and_verified(imported: Callable[[str], Path], kind: str) -> None:
    compiled = crossloom("compile", imported(kind))
    assert compiled.exit_code == 0, compiled.output
    assert "all finite" in compiled.stdout
    verified = crossloom("weights", imported(kind), "--verify")
    assert verified.exit_code == 0, verified.output
    assert "every parameter is fed exactly once" in verified.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_run(imported: Callable[[str], Path], tmp_path: Path, kind: str) -> None:
    given = inputs(kind, tmp_path)
    done = crossloom("run", imported(kind), *given, *SHORT)
    assert done.exit_code == 0, done.output
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == list(given)


@pytest.mark.parametrize("kind", KINDS)
def test_exported_bit_equal_and_run_again(imported: Callable[[str], Path], tmp_path: Path, kind: str) -> None:
    spec = imported(kind)
    done = crossloom("export", spec, "-o", tmp_path / "out", "--to", "transformers")
    assert done.exit_code == 0, done.output
    found, expected = (
        load_file(folder / "model.safetensors") for folder in (tmp_path / "out", spec.parent / kind)
    )
    assert found.keys() == expected.keys()
    assert all(found[name].equal(expected[name]) for name in found)
    assert crossloom("import", tmp_path / "out", "-o", tmp_path / "again.yaml").exit_code == 0
    given, *_ = inputs(kind, tmp_path)
    first, second = (
        result_of("run", one, given, *SHORT, "--format", "json") for one in (spec, tmp_path / "again.yaml")
    )
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
def test_trained_on_rows_of_its_kind(imported: Callable[[str], Path], tmp_path: Path, kind: str) -> None:
    """The manifest's field is of what the encoder takes, the weights change, and the result runs."""
    field = "source" if kind == "text" else kind
    given = inputs(kind, tmp_path)
    rows = [json.dumps({field: one, "text": text}) for one, text in zip(given, SENTENCES, strict=True)]
    manifest = tmp_path / "rows.jsonl"
    manifest.write_text("\n".join(rows) + "\n")
    out = tmp_path / "out"
    done = crossloom(
        "train", imported(kind), "--data", manifest, "-o", out, "--epochs", "2", "--batch-size", "1"
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("4 updates, loss ")
    ran = crossloom("run", out / "spec.yaml", *given, *SHORT)
    assert ran.exit_code == 0, ran.output
    assert len(ran.stdout.splitlines()) == 2
    before, after = (dict(api.load(one).named_parameters()) for one in (imported(kind), out / "spec.yaml"))
    changed = {name.partition(".")[0] for name in before if not after[name].equal(before[name])}
    assert {"encoder", "decoder", "head"} <= changed


def test_pictures_are_learned(imported: Callable[[str], Path], tmp_path: Path) -> None:
    """Two pictures and what to write of each: the texts hang on the pixels."""
    given = inputs("image", tmp_path)
    rows = [{"image": Path(one).name, "text": text} for one, text in zip(given, SENTENCES, strict=True)]
    manifest = tmp_path / "rows.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rate = ("--max-steps", "60", "--learning-rate", "3e-3", "--schedule", "constant")
    done = crossloom("train", imported("image"), "--data", manifest, "-o", tmp_path / "out", *rate)
    assert done.exit_code == 0, done.output
    ran = crossloom("run", tmp_path / "out" / "spec.yaml", *given, *SHORT)
    assert [line.partition("\t")[2] for line in ran.stdout.splitlines()] == list(SENTENCES)


def test_validation_that_could_never_end_is_refused_before_training(
    imported: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = tmp_path / "rows.jsonl"
    manifest.write_text(json.dumps({"source": SENTENCES[0], "text": SENTENCES[1]}) + "\n")
    out = tmp_path / "out"
    done = crossloom("train", imported("text"), "--data", manifest, "--valid", manifest, "-o", out)
    assert done.exit_code == 1
    assert "error[XL408]" in done.stderr
    assert "-g max_new_tokens=" in done.stderr
    assert not out.exists()


def test_a_missing_package_is_no_fault_of_crossloom(imported: Callable[[str], Path], tmp_path: Path) -> None:
    given, _ = inputs("image", tmp_path)
    code = f"""
import sys
sys.modules["PIL"] = None
from crossloom.cli import main
main(["run", {str(imported("image"))!r}, {given!r}, "-g", "max_new_tokens=5"], prog_name="crossloom")
"""
    done = python(code, tmp_path)
    assert done.returncode == 2
    assert "needs PIL, which is not installed: " in done.stderr
    assert "[image]'" in done.stderr
    assert "internal error" not in done.stderr


def test_a_tokenizer_from_elsewhere(imported: Callable[[str], Path], tmp_path: Path) -> None:
    """The public class of pairs writes none: it is told which option takes its place, and that is taken."""
    folder = imported("image").parent
    bare = tmp_path / "bare"
    shutil.copytree(folder / "image", bare, ignore=shutil.ignore_patterns("vocab.txt"))
    assert crossloom("import", bare, "-o", tmp_path / "bare.yaml").exit_code == 0
    given, _ = inputs("image", tmp_path)
    refused = crossloom("run", tmp_path / "bare.yaml", given, *SHORT)
    assert refused.exit_code == 2
    assert "--processor" in refused.stderr
    done = crossloom("run", tmp_path / "bare.yaml", given, *SHORT, "--processor", folder / "image decoder")
    assert done.exit_code == 0, done.output
    assert done.stdout == crossloom("run", imported("image"), given, *SHORT).stdout


def test_two_tokenizers_from_elsewhere(tmp_path: Path) -> None:
    """Each half's by its role, where neither checkpoint has its own."""
    halves = {"encoder": text_encoder(tmp_path / "encoder"), "decoder": decoder(tmp_path / "decoder")}
    spec = write_pair(tmp_path / "pair.yaml", halves["encoder"], halves["decoder"])
    expected = crossloom("run", spec, SENTENCES[0])
    assert expected.exit_code == 0, expected.output
    named = []
    for role, folder in halves.items():
        whole = folder.rename(tmp_path / f"{role} with all")
        folder.mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(whole / name, folder)
        named += ["--processor", f"{role}={whole}"]
    refused = crossloom("run", spec, SENTENCES[0])
    assert refused.exit_code == 2
    assert "--processor encoder=SOURCE" in " ".join(refused.stderr.split())
    done = crossloom("run", spec, SENTENCES[0], *named)
    assert (done.exit_code, done.stdout) == (0, expected.stdout), done.output


def test_the_tokenizer_of_the_other_half_is_refused(tmp_path: Path) -> None:
    """Byte pairs are not made of the `tokenizer.json` of word pieces: what it lacks is told."""
    halves = {"encoder": text_encoder(tmp_path / "encoder"), "decoder": decoder(tmp_path / "decoder")}
    spec = write_pair(tmp_path / "pair.yaml", halves["encoder"], halves["decoder"])
    write_vocabulary(tmp_path / "other", "BertTokenizer")
    BertTokenizer.from_pretrained(tmp_path / "other").save_pretrained(tmp_path / "other")
    done = crossloom("run", spec, SENTENCES[0], "--processor", f"decoder={tmp_path / 'other'}")
    assert done.exit_code == 1
    told = " ".join(done.stderr.split())
    assert "`tokenizer.json` cannot be used: it lacks" in told
    assert "use the files of the tokenizer this model was trained with" in told


def test_a_checkpoint_that_is_not_there_is_told_where_it_is_named(
    imported: Callable[[str], Path], tmp_path: Path
) -> None:
    spec = tmp_path / "gone.yaml"
    text = imported("text").read_text()
    (line,) = [one for one in text.splitlines() if one.startswith("weights: ")]
    spec.write_text(text.replace(line, "weights: ./nowhere"))
    done = crossloom("compile", spec)
    assert done.exit_code == 2
    assert "gone.yaml:3:10" in done.stderr
    assert "help: check the path" in done.stderr


def test_as_many_tensors_are_mapped_as_are_stored(tmp_path: Path) -> None:
    """One stored tensor of three projections is one tensor."""
    spec = write_pair(
        tmp_path / "pair.yaml", text_encoder(tmp_path / "encoder"), decoder(tmp_path / "decoder")
    )
    done = crossloom("weights", spec, "--verify")
    assert done.exit_code == 0, done.output
    stored = len(load_file(tmp_path / "decoder" / "model.safetensors"))
    assert f"names spelt as published, {stored} tensors mapped" in done.stdout
