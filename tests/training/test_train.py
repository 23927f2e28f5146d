from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.diagnostics.model import CrossloomError
from compiler.writing.folders import replace_files, write_folder
from runtime.training import Corpus, evaluate, read_rows, train
from runtime.training.checkpoint import Checkpoints
from tests.training.stand_in import Model, Processor, write_recordings

OPTIONS: dict[str, Any] = {
    "max_steps": 12,
    "batch_size": 4,
    "learning_rate": 0.01,
    "warmup_steps": 3,
    "spec_augment": {"time_masks": 1, "bin_masks": 1, "bin_width": 2},
    "progress": False,
}


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_learns_what_was_said(manifest: Path) -> None:
    model = Model()
    options = {**OPTIONS, "max_steps": 150, "spec_augment": None}
    result = train(model, manifest, valid=manifest, processor=Processor(), **options)
    assert result.evaluation is not None
    assert result.evaluation.word_error_rate == 0.0
    assert result.evaluation.texts[:3] == ["low", "middle", "high"]
    assert result.loss < 0.2
    assert not model.training


def test_validation_counts_wrong_words(manifest: Path) -> None:
    model = Model()
    torch.nn.init.zeros_(model.head.weight)
    model.head.bias.data = torch.tensor([0.0, 0, 0, 0, 9, 0, 0])  # always `low low low`
    corpus = Corpus(read_rows(manifest), Processor(), vocabulary=7)
    evaluation = evaluate(model, corpus)
    wrong = sum(row.text != "low" for row in corpus.rows)
    assert evaluation.word_error_rate == pytest.approx((wrong + 2 * len(corpus)) / len(corpus))
    assert model.training


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_resumed_run_ends_as_an_unbroken_one(manifest: Path, tmp_path: Path, accumulation: int) -> None:
    options = {**OPTIONS, "accumulation": accumulation}
    unbroken = Model()
    train(unbroken, manifest, processor=Processor(), **options)

    output = tmp_path / "run"
    train(Model(), manifest, processor=Processor(), output=output, checkpoint_steps=5, **options)
    shutil.rmtree(output / "checkpoints" / "step-00000010")  # as if the run had been killed at update 9
    resumed = Model(seed=7)
    torch.manual_seed(99)
    train(resumed, manifest, processor=Processor(), output=output, resume=True, **options)
    assert equal(weights(unbroken), weights(resumed))


def test_a_killed_run_leaves_its_last_complete_checkpoint(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[Path] = []

    def write_model(model: Any, processor: Any, folder: Path) -> None:
        saves.append(folder)
        (folder / "half.pt").write_text("")
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("runtime.training.loop.write_model", write_model)
    with pytest.raises(KeyboardInterrupt):
        train(Model(), manifest, processor=Processor(), output=tmp_path, checkpoint_steps=4, **OPTIONS)
    assert [path.name for path in tmp_path.glob("checkpoints/step-*")] == ["step-00000004"]

    monkeypatch.setattr("runtime.training.loop.write_model", lambda *_: None)
    resumed, unbroken = Model(), Model()
    train(resumed, manifest, processor=Processor(), output=tmp_path, resume=True, **OPTIONS)
    train(unbroken, manifest, processor=Processor(), **OPTIONS)
    assert equal(weights(unbroken), weights(resumed))


def test_the_newest_checkpoints_are_kept(manifest: Path, tmp_path: Path) -> None:
    train(
        Model(),
        manifest,
        processor=Processor(),
        output=tmp_path,
        checkpoint_steps=3,
        keep_checkpoints=2,
        **OPTIONS,
    )
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step-00000009", "step-00000012"]
    names = {path.name for path in (tmp_path / "checkpoints" / kept[0]).iterdir()}
    assert names == {"weights.pt", "vocab.json", "training_state.pt"}
    assert {path.name for path in tmp_path.iterdir()} == {"weights.pt", "vocab.json", "checkpoints"}


def test_a_state_that_does_not_fit_on_the_disk(tmp_path: Path) -> None:
    model = torch.nn.Linear(100, 100)
    checkpoints = Checkpoints(tmp_path, keep=2, run={})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (4000, hard)
    )  # of any file; a longer one fails as on a full disk
    try:
        with pytest.raises(OSError, match="could not be written whole") as raised:
            checkpoints.save(1, model, torch.optim.SGD(model.parameters()), lambda _: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Path(raised.value.filename).name == "training_state.pt"
    assert list(tmp_path.iterdir()) == []


def test_another_run_is_not_resumed(manifest: Path, tmp_path: Path) -> None:
    train(Model(), manifest, processor=Processor(), output=tmp_path, checkpoint_steps=5, **OPTIONS)
    changed = {**OPTIONS, "learning_rate": 0.02}
    with pytest.raises(CrossloomError, match=r"XL421.*learning_rate") as raised:
        train(Model(), manifest, processor=Processor(), output=tmp_path, resume=True, **changed)
    assert "0.01 then, 0.02 now" in raised.value.diagnostics[0].info[0]


def test_a_run_does_not_start_among_the_checkpoints_of_another(manifest: Path, tmp_path: Path) -> None:
    train(Model(), manifest, processor=Processor(), output=tmp_path, checkpoint_steps=5, **OPTIONS)
    with pytest.raises(CrossloomError, match=r"XL421.*earlier run"):
        train(Model(), manifest, processor=Processor(), output=tmp_path, checkpoint_steps=5, **OPTIONS)


def test_two_runs_into_one_folder_do_not_mix(tmp_path: Path) -> None:
    """The second one to reach a step is told; what the first wrote stays."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    first, second = (Checkpoints(tmp_path, keep=2, run={"seed": seed}) for seed in (0, 1))

    def export_while_the_first_writes(_: Path) -> None:
        first.save(1, model, optimizer, lambda folder: None)

    with pytest.raises(CrossloomError, match=r"XL421.*another run"):
        second.save(1, model, optimizer, export_while_the_first_writes)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert first.restore(model, optimizer) == 1


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_a_failure_leaves_nothing_begun(tmp_path: Path, failure: type[BaseException]) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise failure

    for write in (write_folder, replace_files):
        with pytest.raises(failure):
            write(tmp_path / "out", fail)
        assert [path for path in tmp_path.rglob("*") if path.name != "out"] == []


def test_a_file_that_cannot_be_moved_leaves_all_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()

    def fill(folder: Path) -> None:
        for name in ("a", "b"):
            (folder / name).write_text("new")

    with pytest.raises(IsADirectoryError):
        replace_files(tmp_path, fill)
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_an_old_checkpoint_goes_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    checkpoints = Checkpoints(tmp_path, keep=1, run={})
    checkpoints.save(1, model, optimizer, lambda folder: None)

    def interrupt(folder: Path, **_: object) -> None:
        if "step-00000001" in folder.name:
            raise KeyboardInterrupt

    monkeypatch.setattr("runtime.training.checkpoint.shutil.rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(2, model, optimizer, lambda folder: None)
    assert [path.name for path in checkpoints.paths()] == ["step-00000002"]


def test_a_state_of_something_else(manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "step-00000001"
    folder.mkdir(parents=True)
    torch.save({"model": {}}, folder / "training_state.pt")
    with pytest.raises(CrossloomError, match="XL509"):
        train(Model(), manifest, processor=Processor(), output=tmp_path, resume=True, **OPTIONS)


def test_an_interrupt_leaves_a_model_that_can_be_used(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Model):
        def forward(self, *args: Any, **inputs: Any) -> Any:
            if self.head.weight.grad is not None:
                raise KeyboardInterrupt
            return super().forward(*args, **inputs)

    model = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        train(model, manifest, processor=Processor(), accumulation=2, **OPTIONS)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_that_are_too_coarse(manifest: Path, dtype: torch.dtype) -> None:
    with pytest.raises(CrossloomError, match=rf"XL112.*{dtype}"):
        train(Model().to(dtype), manifest, processor=Processor(), **OPTIONS)


def test_double_precision_stays_double(manifest: Path) -> None:
    model = Model().double()
    seen = set()
    model.register_forward_hook(lambda _, given, output: seen.add(output.logits.dtype))
    train(model, manifest, valid=manifest, processor=Processor(), label_smoothing=0.1, **OPTIONS)
    assert seen == {torch.float64}


@pytest.mark.parametrize(("labels", "says"), [([4, 9, 2], "the id 9 at position 1"), ([-100], "no ids")])
def test_labels_that_cannot_be_learned(manifest: Path, labels: list[int], says: str) -> None:
    class Odd(Processor):
        def __call__(self, **inputs: Any) -> Any:
            return {**super().__call__(**inputs), "labels": torch.tensor([labels])}

    with pytest.raises(CrossloomError, match=says) as raised:
        train(Model(), manifest, processor=Odd(), **OPTIONS)
    assert {finding.code for finding in raised.value.diagnostics} == {"XL420"}
    assert raised.value.diagnostics[1].spans[0].line == 2


def test_nothing_to_resume_from(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(CrossloomError, match="XL514"):
        train(Model(), manifest, processor=Processor(), output=tmp_path, resume=True, **OPTIONS)


def test_an_unreadable_state(manifest: Path, tmp_path: Path) -> None:
    train(Model(), manifest, processor=Processor(), output=tmp_path, checkpoint_steps=5, **OPTIONS)
    state = tmp_path / "checkpoints" / "step-00000010" / "training_state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CrossloomError, match=r"XL509.*step-00000010"):
        train(Model(), manifest, processor=Processor(), output=tmp_path, resume=True, **OPTIONS)


def test_accumulation_equals_one_large_batch(manifest: Path) -> None:
    """Labels weigh the same whichever batch they are in."""
    whole, halves = Model(), Model()
    for model in (whole, halves):
        model.dropout.p = 0.0
    options = {**OPTIONS, "spec_augment": None, "max_steps": 5, "epochs": None}
    train(whole, manifest, processor=Processor(), **{**options, "batch_size": 22})
    train(halves, manifest, processor=Processor(), **{**options, "batch_size": 5, "accumulation": 5})
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(halves.state_dict()[name], tensor, rtol=1e-3, atol=1e-5)


def test_frozen_parameters_stay_and_thaw(manifest: Path) -> None:
    model = Model()
    before = weights(model)
    train(model, manifest, processor=Processor(), freeze=["encoder.*"], **OPTIONS)
    after = weights(model)
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"head", "positions"}
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_frozen_address_must_exist(manifest: Path) -> None:
    with pytest.raises(CrossloomError, match=r"XL203.*encodr") as raised:
        train(Model(), manifest, processor=Processor(), freeze=["encodr.0", "head"], **OPTIONS)
    assert "encoder.0" in (raised.value.diagnostics[0].help or "")


def test_nothing_left_to_learn(manifest: Path) -> None:
    with pytest.raises(CrossloomError, match="XL114"):
        train(Model(), manifest, processor=Processor(), freeze=["*"], **OPTIONS)


def test_a_text_beyond_the_positions(tmp_path: Path) -> None:
    manifest = write_recordings(tmp_path, 2)
    manifest.write_text(manifest.read_text().replace('"middle"', '"low low low low"'))
    model = Model()
    model.spec.maximum_target = 4
    with pytest.raises(CrossloomError, match="5 ids, and the decoder has 4 positions") as raised:
        train(model, manifest, processor=Processor(), **OPTIONS)
    (finding,) = raised.value.diagnostics
    assert (finding.code, finding.spans[0].line) == ("XL420", 2)


def test_features_are_computed_once(manifest: Path) -> None:
    cached, uncached = Processor(), Processor()
    models = Model(), Model()
    train(models[0], manifest, processor=cached, **OPTIONS)
    train(models[1], manifest, processor=uncached, cache_features=False, **OPTIONS)
    assert cached.recordings == 22
    assert uncached.recordings > 22
    assert equal(weights(models[0]), weights(models[1]))


def test_the_callers_random_state_is_left_alone(manifest: Path) -> None:
    model = Model()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(model, manifest, processor=Processor(), **OPTIONS)
    assert torch.equal(before, torch.get_rng_state())


def test_another_seed_is_another_run(manifest: Path) -> None:
    models = Model(), Model()
    train(models[0], manifest, processor=Processor(), **OPTIONS)
    train(models[1], manifest, processor=Processor(), seed=1, **OPTIONS)
    assert not equal(weights(models[0]), weights(models[1]))


def test_a_loss_that_is_no_number(manifest: Path) -> None:
    model = Model()
    model.head.register_forward_hook(lambda _, given, logits: logits * float("nan"))
    with pytest.raises(CrossloomError, match=r"XL104.*nan at update 1"):
        train(model, manifest, processor=Processor(), **OPTIONS)


@pytest.mark.parametrize("extra", [{"precision": "bfloat16"}, {"label_smoothing": 0.1}])
def test_options_change_the_computation(manifest: Path, extra: dict[str, Any]) -> None:
    plain, other = Model(), Model()
    train(plain, manifest, processor=Processor(), **OPTIONS)
    result = train(other, manifest, processor=Processor(), **OPTIONS, **extra)
    assert result.loss < 2.0
    assert not equal(weights(plain), weights(other))


def test_the_warm_up_holds_back_the_first_updates(manifest: Path) -> None:
    """Adam moves every parameter by the rate in its first step."""
    model = Model()
    before = weights(model)
    train(
        model,
        manifest,
        processor=Processor(),
        **{**OPTIONS, "max_steps": 1, "warmup_steps": 1000, "weight_decay": 0.0},
    )
    after = weights(model)
    largest = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert largest == pytest.approx(
        OPTIONS["learning_rate"] / 1000, rel=0.01
    )  # Adam's first step is the rate


def test_the_gradient_is_clipped(manifest: Path) -> None:
    model = Model()
    before = weights(model)
    train(model, manifest, processor=Processor(), clip_norm=1e-12, weight_decay=0.0, **OPTIONS)
    after = weights(model)  # Adam divides by the root mean square plus 1e-8, which is far larger here
    assert all(torch.allclose(after[name], before[name], atol=1e-4) for name in before)


def test_validation_drops_nothing_out(manifest: Path) -> None:
    model = Model()
    model.dropout.p = 0.9
    corpus = Corpus(read_rows(manifest), Processor(), vocabulary=7)
    assert len({tuple(evaluate(model, corpus).texts) for _ in range(5)}) == 1


def test_masks_need_features_to_cover(manifest: Path) -> None:
    class Waveforms(Processor):
        def __call__(self, **inputs: Any) -> Any:
            made = super().__call__(**inputs)
            return {"input_values": made["input_features"][:, :, 0], "labels": made["labels"]}

    with pytest.raises(CrossloomError, match=r"XL112.*input_features"):
        train(Model(), manifest, processor=Waveforms(), **OPTIONS)


def test_every_update_draws_its_own_masks(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def record(batch: Any, options: Any, generator: torch.Generator) -> Any:
        seeds.append(generator.initial_seed())
        return batch

    monkeypatch.setattr("runtime.training.loop.mask_features", record)
    for seed in (0, 0, 1):
        train(Model(), manifest, processor=Processor(), seed=seed, **OPTIONS)
    assert seeds[:12] == seeds[12:24]
    assert len(set(seeds)) == 24
