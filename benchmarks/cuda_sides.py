"""Both implementations on one device, in one process: what each does for a task, and how long that takes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

import crossloom
from benchmarks import inputs
from benchmarks.checkpoints import RECORDING
from benchmarks.cuda_rows import Row
from benchmarks.sides.common import cast

LEAST_SECONDS = 0.05
"""What a sample lasts at least, by repetition."""
Run = Callable[[], Any]


class Device:
    """Where all of it computes."""

    def __init__(self, name: str) -> None:
        self.device = torch.device(name)
        self.is_cuda = self.device.type == "cuda"

    def wait(self) -> None:
        """Return when nothing is running there."""
        if self.is_cuda:
            torch.cuda.synchronize(self.device)

    def seconds(self, run: Run, repeats: int = 1) -> float:
        """Of one call, the device waited for before and after."""
        self.wait()
        started = time.perf_counter()
        for _ in range(repeats):
            run()
        self.wait()
        return (time.perf_counter() - started) / repeats

    def repeats(self, run: Run, warm_ups: int) -> int:
        """How many calls make a sample that is long enough, after some to warm up: recorded, and replayed."""
        for _ in range(warm_ups if self.is_cuda else min(warm_ups, 1)):
            run()
        return max(1, round(LEAST_SECONDS / max(self.seconds(run), 1e-6)))

    def peak(self, run: Run, model: Any) -> int | None:
        """Most bytes that a call holds, a model's own tensors counted once; of the CPU None."""
        if not self.is_cuda:
            return None
        gc.collect()
        torch.cuda.empty_cache()
        self.wait()
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        run()
        self.wait()
        own = {one.data_ptr(): one.nbytes for one in (*model.parameters(), *model.buffers())}
        held: int = torch.cuda.max_memory_allocated(self.device) - before + sum(own.values())
        return held

    def peaks(self) -> dict[str, float]:
        """Memory read in bytes a second, and products in operations a second, by dtype."""
        large = torch.ones((256 << 20) if self.is_cuda else (16 << 20), device=self.device)
        found = {"bandwidth": large.nbytes / min(self.seconds(large.sum, 5) for _ in range(5))}
        size = 8192 if self.is_cuda else 512
        for name in ("float32", "bfloat16"):
            square = torch.rand(size, size, device=self.device).to(getattr(torch, name))
            spent = min(self.seconds(partial(torch.mm, square, square), 3) for _ in range(3))
            found[name] = 2 * size**3 / spent
        return found


class Task:
    """A row's work on a device."""

    def __init__(self, row: Row, folder: Path, device: Device) -> None:
        self.row, self.folder, self.device = row, folder, device

    @cached_property
    def batch(self) -> dict[str, Tensor]:
        """What both are given."""
        made = inputs.make(**self.row.given) if self.row.given else {}
        return {name: cast(one, self.row.dtype).to(self.device.device) for name, one in made.items()}

    def ours(self, side: str) -> Any:
        """Our model, compiled as a side says."""
        mode: Any = {"eager": False, "fused": False}.get(side, side)
        if mode == "max" and not self.device.is_cuda:
            mode = False  # a dry run tries this script, and `max` of a CPU takes minutes
        place: Any = {"device": self.device.device, "dtype": getattr(torch, self.row.dtype)}
        model = crossloom.from_pretrained(str(self.folder), compile=mode, **place)
        if side == "fused" and self.device.is_cuda:
            from compiler.compilation.cuda import compile_graphs

            compile_graphs(model, crossloom.lower(model.spec), fused=True)
        return model

    def theirs(self) -> Any:
        """The public model in its published class."""
        (name,) = transformers.AutoConfig.from_pretrained(self.folder).architectures
        published = getattr(transformers, name)
        model = published.from_pretrained(self.folder, dtype=getattr(torch, self.row.dtype))
        return model.to(self.device.device).eval()

    def run(self, model: Any, is_ours: bool, **more: Any) -> Run:
        """What is timed, of a model of either."""
        made: Run = getattr(self, f"_{self.row.task}")(model, is_ours, **more)
        return made

    def _generate(self, model: Any, is_ours: bool, **more: Any) -> Run:
        options = {**self.row.options, **more}
        if is_ours:
            return lambda: crossloom.generate(model, **self.batch, **options)
        return lambda: model.generate(**self.batch, **options)

    def _encode(self, model: Any, is_ours: bool) -> Run:
        encode = model.encode if is_ours else model.get_encoder()

        def run() -> Tensor:
            with torch.inference_mode():
                states: Tensor = encode(**self.batch)[0]
                return states

        return run

    def _transcribe(self, model: Any, is_ours: bool) -> Run:
        audio = str(self.folder / RECORDING)
        if is_ours:
            return lambda: crossloom.transcribe(model, audio, **self.row.options)
        import soundfile

        processor = transformers.Speech2TextProcessor.from_pretrained(self.folder)

        def run() -> str:
            samples, rate = soundfile.read(audio, dtype="float32")
            batch = processor(samples, sampling_rate=rate, return_tensors="pt").to(self.device.device)
            ids = model.generate(**batch, **self.row.options)
            return str(processor.batch_decode(ids, skip_special_tokens=True)[0])

        return run

    def _translate(self, model: Any, is_ours: bool) -> Run:
        if is_ours:
            return lambda: crossloom.translate(model, **self.batch, **self.row.options).waveform
        more = {"return_intermediate_token_ids": True}
        return lambda: model.generate(**self.batch, **self.row.options, **more).waveform

    def _load(self, model: Any, is_ours: bool) -> Run:
        return (lambda: self.ours("eager")) if is_ours else self.theirs

    def _train(self, model: Any, is_ours: bool) -> Run:
        labels = inputs.labels(self.row.given["batch"], self.row.options["labels"]).to(self.device.device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)

        def step() -> None:
            optimizer.zero_grad()
            model.train()(**self.batch, labels=labels).loss.backward()
            optimizer.step()

        return step


def agreement(row: Row, ours: Any, theirs: Any) -> str | None:
    """Why the sides do not agree, or None; what is trained or loaded is compared by the tests."""
    if row.task in ("train", "load"):
        return None
    if not isinstance(ours, Tensor):
        return None if ours == theirs else "the texts differ"
    ours, theirs = ours.float().flatten(), theirs.float().flatten()
    if ours.shape != theirs.shape:
        return f"{len(ours)} values, and theirs are {len(theirs)}"
    if row.task == "generate":
        share = float((ours == theirs).float().mean())
        return None if share == 1 or row.dtype != "float32" else f"{share:.1%} of the ids agree"
    error = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1))
    allowed = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}[row.dtype]
    return None if error <= allowed else f"they differ by {error:.2g} of the largest"
