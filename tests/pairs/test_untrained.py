"""A pair that nothing has trained together is run with a warning; one that `train` wrote is not."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import crossloom
from compiler.analysis import analyse
from compiler.reader import read_text
from compiler.untrained import untrained
from tests.cli.runner import crossloom as run
from tests.pairs.folders import decoder, speech_encoder, text_encoder, write_pair
from tests.pairs.tiny import tiny
from tests.processing.subword_files import SENTENCES

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "audio"


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of two checkpoints with fresh cross-attention."""
    root = tmp_path_factory.mktemp("untrained")
    return write_pair(root / "pair.yaml", text_encoder(root / "encoder"), decoder(root / "decoder"))


def test_the_warning_comes_before_the_text(spec: Path) -> None:
    """It names what is in no checkpoint, and where the spec says so; the text is printed all the same."""
    done = run("run", spec, "hello world")
    assert done.exit_code == 0
    assert "warning[XL522]" in done.stderr
    assert "decoder.layers.0.cross_attention.q_proj.weight" in done.stderr
    assert f"{spec}:" in done.stderr.replace("\n", "")
    assert "crossloom train" in done.stderr
    both = done.output
    assert both.index("XL522") < both.index(done.stdout.splitlines()[0] or "\n")


def test_the_warning_comes_before_an_input_that_cannot_be_used(spec: Path) -> None:
    done = run("run", spec, "")
    assert done.stderr.index("XL522") < done.stderr.index("XL417"), done.output


def test_a_bridge_is_as_untrained() -> None:
    """It is in no checkpoint of a half, though no line of the spec names it."""
    spec, graph = analyse(read_text(tiny("bert", "gpt2"), "tiny.yaml")).sound()
    (finding,) = untrained(spec, graph, ["enc_to_dec_proj.weight", "enc_to_dec_proj.bias"])
    assert "2 tensors" in finding.message
    assert "enc_to_dec_proj.weight" in finding.info[0]


def test_a_vector_that_only_training_reads_is_passed_over() -> None:
    """Checkpoints often lack what hides spans, and nothing that is run reads it."""
    text = tiny("wav2vec2", "gpt2") + "fresh: [encoder.span_masking.embedding]\n"
    spec, graph = analyse(read_text(text, "tiny.yaml")).sound()
    assert untrained(spec, graph, ["encoder.span_masking.embedding"]) == []
    (finding,) = untrained(spec, graph, ["encoder.span_masking.embedding", "head.weight"])
    assert "a tensor" in finding.message
    assert finding.spans == ()


def test_what_was_trained_is_run_in_silence(spec: Path, tmp_path: Path) -> None:
    """Its checkpoint holds every parameter, and so it does given to the spec it came from."""
    rows = [{"source": one, "text": one} for one in SENTENCES[:2]]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("train", spec, "--data", tmp_path / "rows.jsonl", "-o", tmp_path / "out", "--max-steps", "2")
    assert done.exit_code == 0, done.output
    for given in ((tmp_path / "out" / "spec.yaml",), (spec, "--weights", tmp_path / "out")):
        done = run("run", *given, "hello world")
        assert done.exit_code == 0
        assert "XL522" not in done.stderr


def test_from_python(tmp_path: Path) -> None:
    """Told where `transcribe` loads the spec; a model that is given was loaded, or trained, by its owner."""
    path = write_pair(
        tmp_path / "pair.yaml", speech_encoder(tmp_path / "encoder"), decoder(tmp_path / "decoder")
    )
    with pytest.warns(crossloom.CrossloomWarning, match="XL522") as told:
        text = crossloom.transcribe(path, DIGITS / "nine.wav")
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*XL522", crossloom.CrossloomWarning)
        assert crossloom.transcribe(crossloom.load(path), DIGITS / "nine.wav") == text
