"""Commands that read a checkpoint: import, weights --verify, compile, export, run, train, demo."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.training.options import TrainingOptions
from tests.check.planted import DECODER, ENCODER, GRAPH, HALVES
from tests.cli.runner import AUDIO, ROOT, crossloom, result_of, write

CHECKPOINT = ROOT / "examples" / "digits" / "checkpoint"
Checkpoints = Callable[[int], Path]


@pytest.fixture(scope="module")
def spec(tiny_checkpoint: Checkpoints, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The imported spec of a tiny checkpoint."""
    path = tmp_path_factory.mktemp("spec") / "tiny.yaml"
    assert crossloom("import", str(tiny_checkpoint(0)), "-o", path).exit_code == 0
    return path


def test_import_prints_a_spec_and_counts_what_it_drops(tiny_checkpoint: Checkpoints, tmp_path: Path) -> None:
    outcome = crossloom("import", str(tiny_checkpoint(0)))
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("crossloom: 1\n")
    assert "fields: a field of the configuration base class (" in outcome.stderr
    checked = crossloom("check", "-", given=outcome.stdout)
    assert (checked.exit_code, checked.stdout) == (0, "1 spec checked: no findings\n")


def test_import_of_one_half(tiny_checkpoint: Checkpoints) -> None:
    assert "\nencoder:\n" in crossloom("import", str(tiny_checkpoint(0)), "--role", "encoder").stdout


def test_import_refuses_an_unknown_field_unless_it_is_ignored(
    tiny_checkpoint: Checkpoints, tmp_path: Path
) -> None:
    folder, out = tmp_path / "copy", tmp_path / "spec.yaml"
    shutil.copytree(tiny_checkpoint(0), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"my_note": 1}))
    outcome = crossloom("import", str(folder), "-o", out)
    assert outcome.exit_code == 1
    assert "error[XL115]" in outcome.stderr
    assert not out.exists()
    assert crossloom("import", str(folder), "-o", out, "--ignore", "my_note").exit_code == 0
    assert "my_note" in out.read_text()


def test_verify_says_what_was_matched(spec: Path, tiny_checkpoint: Checkpoints) -> None:
    outcome = crossloom("weights", spec, "--verify", str(tiny_checkpoint(0)))
    assert outcome.exit_code == 0
    assert "names spelt as published" in outcome.stdout
    assert "every parameter is fed exactly once" in outcome.stdout
    document = result_of("weights", spec, "--verify", "--format", "json")
    assert document["diagnostics"] == []
    (one,) = document["verified"]
    assert one["mapped"] == one["stored"] == sum(row["status"] == "loaded" for row in document["rows"])


def test_verify_of_another_checkpoint_is_findings(spec: Path, tiny_checkpoint: Checkpoints) -> None:
    outcome = crossloom("weights", spec, "--verify", str(tiny_checkpoint(1)))
    assert outcome.exit_code == 1
    assert "error[XL505]: `vocab_size` is " in outcome.stdout
    assert "error[XL503]" not in outcome.stdout
    assert "every parameter is fed" not in outcome.stdout


def test_ignored_tensors_of_many_layers_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "half.yaml"
    assert crossloom("import", CHECKPOINT, "--role", "encoder", "-o", path).exit_code == 0
    lines = crossloom("weights", path, "--verify").stdout.splitlines()
    named = [line for line in lines if line.endswith("named under `ignore:` (2 tensors)")]
    assert "    model.decoder.layers.{0..1}.fc1.weight: named under `ignore:` (2 tensors)" in named
    count = next(int(line.split()[0]) for line in lines if line.endswith(" ignored"))
    assert len(lines) < count


def test_a_wrong_checkpoint_is_a_page_of_findings_and_not_a_screenful_a_layer(tmp_path: Path) -> None:
    outcome = crossloom(
        "run", write(tmp_path), AUDIO / "nine.wav", "--weights", str(CHECKPOINT), "--device", "cpu"
    )
    assert outcome.exit_code == 1
    told = [line for line in outcome.stderr.splitlines() if line.startswith("error[")]
    assert {line[:12] for line in told} == {"error[XL505]"}
    assert len(told) == len(set(told))


def test_compile_runs_every_stage_and_writes_last(spec: Path, tmp_path: Path) -> None:
    outcome = crossloom("compile", spec, "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    rows = dict(line.split(None, 1) for line in outcome.stdout.splitlines())
    assert list(rows) == ["model", "parameters", "weights", "forward", "files", "seconds"]
    assert "tensors mapped, names spelt as published" in rows["weights"]
    assert rows["forward"].endswith("all finite")
    assert (tmp_path / "out" / "modeling.py").is_file()


def test_compile_without_weights_builds_fresh_ones(tmp_path: Path) -> None:
    outcome = crossloom("compile", write(tmp_path))
    assert outcome.exit_code == 0
    assert "fresh: the spec names no checkpoint" in outcome.stdout
    assert "logits [2, 8, 20]" in outcome.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny.yaml"]


def test_compile_with_a_wrong_checkpoint_writes_nothing(
    spec: Path, tiny_checkpoint: Checkpoints, tmp_path: Path
) -> None:
    outcome = crossloom("compile", spec, "--weights", str(tiny_checkpoint(1)), "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert not (tmp_path / "out").exists()


def test_compile_tells_of_values_that_are_not_finite(
    tiny_checkpoint: Checkpoints, spec: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "nan"
    shutil.copytree(tiny_checkpoint(0), folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.encoder.layer_norm.weight"][0] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    outcome = crossloom("compile", spec, "--weights", str(folder))
    assert outcome.exit_code == 1
    assert "NOT FINITE" in outcome.stdout


def test_compile_traces_every_pass(tmp_path: Path) -> None:
    trace = crossloom("compile", write(tmp_path), "--trace").stderr
    assert [line for line in trace.splitlines() if line.startswith("==")] == [
        "== after lower",
        "== after structure",
        "== after dims",
        "== after parameters",
    ]
    assert "  head: vocabulary_head(hidden=decoder.final_norm.hidden) -> logits [batch, target, 20]" in trace


def test_export_writes_what_import_reads(tmp_path: Path) -> None:
    outcome = crossloom("export", "digits", "-o", tmp_path / "out", "--to", "transformers")
    assert outcome.exit_code == 0, outcome.output
    assert str(tmp_path / "out" / "model.safetensors") in outcome.stdout.split()
    assert crossloom("import", str(tmp_path / "out")).exit_code == 0
    assert crossloom("weights", "digits", "--verify", str(tmp_path / "out")).exit_code == 0


def test_run_prints_one_line_an_input_in_order() -> None:
    names = ("three_one_four_one_five", "nine", "two_seven_one_eight")
    files = [AUDIO / f"{name}.wav" for name in names]
    outcome = crossloom("run", "digits", *files, "--batch-size", "2")
    assert outcome.exit_code == 0, outcome.output
    expected = [f"{file}\t{name.replace('_', ' ')}" for file, name in zip(files, names, strict=True)]
    assert outcome.stdout.splitlines() == expected


def test_run_of_one_input_prints_its_text() -> None:
    assert crossloom("run", "digits", AUDIO / "nine.wav").stdout == "nine\n"


def test_run_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    bad, good = write(tmp_path, "no audio", "bad.wav"), AUDIO / "nine.wav"
    outcome = crossloom("run", "digits", bad, good, tmp_path / "gone.wav")
    assert outcome.exit_code == 1
    assert outcome.stdout == f"{good}\tnine\n"
    assert "error[XL414]" in outcome.stderr
    assert "error[XL117]" in outcome.stderr


def test_run_as_json(tmp_path: Path) -> None:
    outcome = crossloom("run", "digits", AUDIO / "nine.wav", tmp_path / "gone.wav", "--format", "json")
    first, second = json.loads(outcome.stdout)
    assert first == {"input": str(AUDIO / "nine.wav"), "text": "nine"}
    assert [finding["code"] for finding in second["findings"]] == ["XL117"]


@pytest.mark.parametrize("option", ["num_beam=2", "mono=mix", "num_return_sequences=2", "num_beams=two"])
def test_run_refuses_options_before_loading(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.load.load", None)
    outcome = crossloom("run", "digits", AUDIO / "nine.wav", "-g", option)
    assert outcome.exit_code == 1
    assert f"`{option.partition('=')[0]}`" in outcome.stderr


def test_run_passes_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def generate(model: Any, **arguments: Any) -> Any:
        import torch

        given.update(arguments)
        return torch.tensor([[2, 2]])

    monkeypatch.setattr("runtime.flows.executor.generate", generate)
    options = ["num_beams=5", "early_stopping=never", "length_penalty=0.5", "suppress_tokens=[4, 5]"]
    crossloom("run", "digits", AUDIO / "nine.wav", *(part for one in options for part in ("-g", one)))
    given.pop("input_features")
    given.pop("attention_mask")
    assert given == {
        "num_beams": 5,
        "early_stopping": "never",
        "length_penalty": 0.5,
        "suppress_tokens": [4, 5],
    }


def test_train_writes_a_model_that_runs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = AUDIO / "manifest.jsonl"
    outcome = crossloom(
        "train", "digits", "--data", rows, "--valid", rows, "-o", out, "--max-steps", "1",
        "--freeze", "encoder.*", "--learning-rate", "1e-9",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    first, second = outcome.stdout.splitlines()
    assert first.startswith("1 update, loss ")
    assert second.startswith("word error rate ")
    assert crossloom("run", "digits", "--weights", str(out), AUDIO / "nine.wav").stdout == "nine\n"
    before = (out / "model.safetensors").read_bytes()
    again = crossloom("train", "digits", "--data", rows, "-o", out, "--max-steps", "1")
    assert again.exit_code == 1
    assert "error[XL421]" in again.stderr
    assert "--force" in again.stderr
    assert (out / "model.safetensors").read_bytes() == before


def test_train_refuses_options_before_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.load.load", None)
    rows = AUDIO / "manifest.jsonl"
    outcome = crossloom("train", "digits", "--data", rows, "-o", tmp_path / "out", "--batch-size", "0")
    assert outcome.exit_code == 1
    assert "error[XL104]: option `batch_size` is 0" in outcome.stderr


def test_train_has_a_flag_for_every_option() -> None:
    import click

    from crossloom.cli import main

    command = main.get_command(click.Context(main), "train")
    assert command is not None
    flags = {parameter.name for parameter in command.params}
    assert flags - {"spec", "data", "valid", "weights", "fresh", "processor", "device"} == set(
        TrainingOptions.model_fields
    )


def test_the_demo_says_what_was_said_and_recognised() -> None:
    outcome = crossloom("demo")
    assert outcome.exit_code == 0, outcome.output
    lines = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines[:5]] == [
        "checked",
        "compiled",
        "verified",
        "loaded",
        "transcribed",
    ]
    assert any(line.split() == ["nine.wav", "nine", "nine"] for line in lines)
    assert lines[-4:] == [
        "next:",
        "  crossloom show digits",
        "  crossloom run digits RECORDING.wav",
        "  crossloom --help",
    ]


def test_the_demo_names_the_command_so_that_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "bin" / "crossloom"
    command.parent.mkdir()
    command.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["bin/crossloom", "demo"])
    assert "\n  bin/crossloom show digits\n" in crossloom("demo").stdout
    monkeypatch.setenv("PATH", str(command.parent), prepend=":")
    assert "\n  crossloom show digits\n" in crossloom("demo").stdout


def test_the_demo_takes_recordings() -> None:
    outcome = crossloom("demo", AUDIO / "nine.wav", "gone.wav")
    assert outcome.exit_code == 1
    assert "error[XL117]" in outcome.stderr
    assert any(line.split() == ["nine.wav", "nine"] for line in outcome.stdout.splitlines())


@pytest.mark.parametrize(
    "text", [HALVES, GRAPH, ENCODER, DECODER], ids=["pair", "graph", "encoder", "decoder"]
)
def test_export_of_what_no_published_class_computes(text: str, tmp_path: Path) -> None:
    """It is told before weights are asked for; crossloom's own layout is another matter."""
    out = tmp_path / "out"
    outcome = crossloom("export", write(tmp_path, text), "-o", out, "--to", "transformers")
    assert outcome.exit_code == 1
    assert "error[XL114]" in outcome.stderr
    assert "--to crossloom" in outcome.stderr
    assert "XL514" not in outcome.stderr
    unweighted = crossloom("export", write(tmp_path, text), "-o", out, "--to", "crossloom")
    assert unweighted.exit_code == 2
    assert "error[XL514]" in unweighted.stderr
    assert not out.exists()


PAIR = f"""\
crossloom: 1
name: pair
encoder:
  family: speech_to_text
  weights: {CHECKPOINT}
  config: CONFIG
decoder: {{family: speech_to_text, config: {{d_model: 24, decoder_layers: 1, vocab_size: 14}}}}
fresh: [decoder.*, enc_to_dec_proj.*]
ignore: {{encoder: [model.decoder.*]}}
generation: {{max_new_tokens: 3}}
"""


def test_a_pair_is_trained_resumed_and_run(tmp_path: Path) -> None:
    from compiler.analysis import analyse

    config = json.dumps(analyse("digits").sound()[0].data["model"]["config"])
    out, rows = tmp_path / "out", AUDIO / "manifest.jsonl"
    spec = write(tmp_path, PAIR.replace("CONFIG", config))
    command: list[str | Path] = ["train", spec, "--data", rows, "-o", out]
    command += ["--max-steps", "2", "--checkpoint-steps", "1"]
    untold = crossloom(*command)
    assert untold.exit_code == 2
    assert "`vocab.json` and `sentencepiece.bpe.model`, and no checkpoint" in untold.stderr
    assert "--processor SOURCE" in untold.stderr
    trained = crossloom(*command, "--processor", CHECKPOINT)
    assert trained.exit_code == 0, trained.output
    before = (out / "model.safetensors").read_bytes()
    shutil.rmtree(out / "checkpoints" / "step-00000002")
    assert crossloom(*command, "--processor", CHECKPOINT, "--resume").exit_code == 0
    assert (out / "model.safetensors").read_bytes() == before
    ran = crossloom("run", out / "spec.yaml", AUDIO / "nine.wav")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == crossloom("run", spec, "--weights", f"{out}/", AUDIO / "nine.wav").stdout
    imported = crossloom("import", f"{out}/")
    assert imported.exit_code == 2
    assert "out/spec.yaml" in imported.stderr


def test_train_from_nothing_says_what_is_missing(tmp_path: Path) -> None:
    rows = AUDIO / "manifest.jsonl"
    outcome = crossloom("train", write(tmp_path), "--fresh", "--data", rows, "-o", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "the tokenizer of `tiny` is made of `vocab.json`" in outcome.stderr
    assert "--processor SOURCE" in outcome.stderr


def test_an_encoder_alone_is_not_trained(tmp_path: Path) -> None:
    rows = AUDIO / "manifest.jsonl"
    spec = write(tmp_path, "crossloom: 1\nname: half\nencoder: {family: speech_to_text}\n")
    outcome = crossloom("train", spec, "--fresh", "--data", rows, "-o", tmp_path / "out")
    assert outcome.exit_code == 1
    assert "error[XL114]: `half` gives no logits" in outcome.stderr


@pytest.mark.parametrize(("text", "says"), [(GRAPH, "a free graph"), (ENCODER, "a lone encoder")])
def test_run_of_what_leads_nowhere_says_how_to_call_it(text: str, says: str, tmp_path: Path) -> None:
    outcome = crossloom("run", write(tmp_path, text), AUDIO / "nine.wav")
    assert outcome.exit_code == 1
    assert f"is {says}: there is nothing to run" in outcome.stderr
    assert "`crossloom.build(spec)` has `encode`" in outcome.stderr


def test_a_warning_is_told_as_a_finding(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    shutil.copytree(CHECKPOINT, folder)
    (folder / "config.json").unlink()
    outcome = crossloom("run", "digits", "--weights", str(folder), AUDIO / "nine.wav")
    assert (outcome.exit_code, outcome.stdout) == (0, "nine\n")
    assert outcome.stderr.startswith("warning[XL505]: ")
    assert "CrossloomWarning" not in outcome.stderr
