"""A copy of the sources to spoil, and runs of tests inside it.

The parent imports the slow libraries. Every fault runs in a forked child: where a file was edited it imports
the copy afresh, else it has what its parent imported. A run costs what its tests cost.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from compileall import compile_dir
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCES = ("blocks", "compiler", "crossloom", "runtime", "specs", "tests")
TESTS = (
    "tests/parity/test_forward.py",
    "tests/parity/test_cache.py",
    "tests/parity/test_limits.py",
    "tests/parity/test_storage.py",
    "tests/build/test_training.py",
    "tests/build/test_initialisation.py",
    "tests/weights/test_resolution.py",
    "tests/parity/test_export.py",
    "tests/build/test_compile.py",
    "tests/blocks/test_labels.py",
    "tests/blocks/test_inputs.py",
    "tests/blocks/test_cache.py",
    "tests/blocks/test_lineage.py",
    "tests/blocks/test_linear.py",
    "tests/build/test_emitted.py",
)
"""In the order in which they are tried: the first failure ends a run."""
NEAREST = {
    "labels and loss": ("tests/blocks/test_labels.py", "tests/blocks/test_inputs.py"),
    "cache": ("tests/blocks/test_lineage.py", "tests/parity/test_cache.py"),
    "halves": (
        "tests/build/test_halves.py",
        "tests/check/test_halves.py",
        "tests/weights/test_graph_halves.py",
        "tests/check/test_planted.py",
    ),
    "encoders of audio": (
        "tests/speech/test_parity.py",
        "tests/speech/test_heads.py",
        "tests/speech/test_export.py",
    ),
    "windows": ("tests/vision/test_parity.py", "tests/vision/test_windows.py"),
    "pairs": (
        "tests/pairs/test_bridges.py",
        "tests/pairs/test_saved_files.py",
        "tests/speech/test_heads.py",
        "tests/vision/test_windows.py",
        "tests/pairs/test_halves.py",
        "tests/check/test_planted.py",
        "tests/pairs/test_saved.py",
    ),
    "importing": (
        "tests/check/test_imported_sections.py",
        "tests/check/test_imported.py",
        "tests/cli/test_new.py",
        "tests/catalogue/test_catalogue.py",
        "tests/pairs/test_bare.py",
        "tests/pairs/test_halves.py",
        "tests/pairs/test_saved_files.py",
        "tests/pairs/test_texts.py",
        "tests/full_size/test_published.py",
        "tests/full_size/test_particulars.py",
    ),
    "training": ("tests/build/test_training.py", "tests/build/test_initialisation.py"),
}
"""By group of faults, what is tried before the others."""
_TRIED_AS_TASKS = (
    "padded_batch[greedy-Model-speech-to-speech-1]",
    "padded_batch[several-Model-text-to-speech-2]",
    "options_go_where_their_prefix_says[0]",
    "a_prompt_in_place_of_a_language[Model-text-to-text]",
    "speech_without_the_ids_it_is_made_of[Model-text-to-speech]",
    "a_model_that_can_speak_speaks[Model-text-to-speech]",
    "every_language_is_spoken[1]",
    "every_speaker_has_a_voice[1]",
)
_TRIED_OF_PACKAGES = (
    "other_weights_are_another_package",
    "a_compiler_that_does_not_work_is_told",
    "no_room_for_a_package_is_told",
    "it_serves_where_the_private_loader_is_another",
)
"""Those that compile nothing."""
ALONE = {
    "chunked speech encoder": (
        "tests/seamless/test_speech_encoder.py",
        "tests/seamless/test_speech_encoder_training.py",
    ),
    "durations and units": ("tests/blocks/test_upsampling.py", "tests/seamless/test_units.py"),
    "vocoder": ("tests/seamless/test_vocoder.py",),
    "characters and units": ("tests/seamless/test_characters.py", "tests/seamless/test_sampling.py"),
    "spoken flows": (
        *(f"tests/seamless/test_tasks.py::test_{name}" for name in _TRIED_AS_TASKS),
        "tests/seamless/test_requests.py",
        "tests/seamless/test_sampling.py",
    ),
    "buckets and methods": (
        "tests/checkpoint/test_tables.py",
        "tests/seamless/test_tables.py",
        "tests/seamless/test_compile.py::test_sizes_are_rounded_up_and_nothing_changes",
        "tests/seamless/test_compile.py::test_buckets_hold_what_they_are_for",
        "tests/seamless/test_methods.py",
        "tests/seamless/test_vocoder.py::test_ids_outside_their_table_are_refused",
        "tests/seamless/test_export.py::test_nothing_is_missing_or_too_much[SeamlessM4Tv2Model-1]",
    ),
    "stacked frames and languages": (
        "tests/processing/test_stacked_frames.py",
        "tests/processing/test_translation_tokenizer.py",
        "tests/seamless/test_processor.py",
    ),
    "best continuations": ("tests/generation/test_best.py", "tests/generation/test_long_beams.py"),
    "score options and draws": (
        "tests/generation/test_processors.py",
        "tests/generation/test_chain.py",
        "tests/accelerator/test_fixed_shapes.py",
        "tests/generation/test_requests.py",
        "tests/generation/test_sampling.py",
        "tests/accelerator/test_stalls.py::test_nan_is_found_though_nobody_asks_at_every_step",
    ),
    "compiled packages": (
        "tests/compilation/test_store.py",
        "tests/compilation/test_cpp_compiler.py",
        "tests/compilation/test_frozen.py",
        *(f"tests/compilation/test_packaged.py::test_{name}" for name in _TRIED_OF_PACKAGES),
        "tests/compilation/test_register_blocks.py",
        "tests/compilation/test_steps.py",
        "tests/compilation/test_packaged_steps.py",
        "tests/compilation/test_open_sizes.py",
        "tests/compilation/test_canonical_sizes.py",
        "tests/compilation/test_packaged_encoders.py::test_sizes_that_torch_fixes_are_told_and_no_package",
        "tests/compilation/test_plain_inputs.py",
    ),
}
"""By group of faults that only these can find, all that is tried: files, or single tests."""
_QUICKLY = ("-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:unraisableexception")
"""Up to the first failure, and without what only reports."""
LIMIT = 1800
"""Seconds after which a run counts as killed: a fault may make a loop endless."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the first test that failed, or none."""

    killer: str | None


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """The sources in another folder."""
    tree = folder / "tree"
    for name in (*SOURCES, "examples"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree / "pyproject.toml")
    compile_dir(tree, quiet=2)  # once for all runs; of an edited file the times differ, so it is read anew
    yield tree
    shutil.rmtree(tree)


@contextmanager
def edited(file: Path, find: str, replace: str) -> Iterator[None]:
    """A file with one edit, restored afterwards."""
    text = file.read_text(encoding="utf-8")
    assert text.count(find) == 1, f"{file.name}: {find!r} occurs {text.count(find)} times"
    file.write_text(text.replace(find, replace), encoding="utf-8")
    yield
    file.write_text(text, encoding="utf-8")


def tests_of(group: str) -> tuple[str, ...]:
    """All tests, those nearest to a group first; or those that alone know of it."""
    if group in ALONE:
        return ALONE[group]
    first = NEAREST.get(group, ())
    return (*first, *(name for name in TESTS if name not in first))


def file_of(test: str) -> str:
    """The file of a test, or of all in it."""
    return test.partition("::")[0]


def warm_up() -> None:
    """Import what is slow and not ours."""
    import hypothesis  # noqa: F401
    import pytest  # noqa: F401
    import torch
    import torch._dynamo
    import transformers

    for family in sorted(path.name for path in (ROOT / "specs" / "families").iterdir()):
        with suppress(ImportError):
            import_module(f"transformers.models.{family}.modeling_{family}")
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()


def first_to_fail(tree: Path, prepare: Callable[[], None], tests: tuple[str, ...], word: str) -> str | None:
    """The first test to fail with a fault: those whose names hold a word are tried before all."""
    return run(tree, prepare, ("-k", word, *tests)).killer or run(tree, prepare, tests).killer


def run(tree: Path, prepare: Callable[[], None] | None = None, tests: tuple[str, ...] = TESTS) -> Outcome:
    """Run tests in a fork that sees `tree` alone; `prepare` is called there before them.

    Without it a file was edited, so that all is imported anew there.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(LIMIT)
        killer: str | None = "an error outside of any test"
        try:
            if prepare is None or not _has_entered(tree):
                _enter(tree)
            killer = _first_failure(prepare or _nothing, tests)
        finally:
            os.write(writer, pickle.dumps(killer))
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        sent = stream.read()
    _, status = os.waitpid(child, 0)
    if not sent:
        return Outcome(f"the limit of {LIMIT} s" if os.WIFSIGNALED(status) else "a crash")
    return Outcome(pickle.loads(sent))


def enter(tree: Path, tests: Iterable[str]) -> None:
    """Import a copy and its tests once for all runs to come that edit no file."""
    _enter(tree)
    for file in dict.fromkeys(map(file_of, tests)):
        import_module(file.removesuffix(".py").replace("/", "."))


def _has_entered(tree: Path) -> bool:
    compiler = sys.modules.get("compiler")
    return compiler is not None and str(tree) in str(compiler.__path__)


def _enter(tree: Path) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] in SOURCES and n != __name__]:
        del sys.modules[name]
    os.chdir(tree)
    sys.path[:] = [str(tree), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    sys.dont_write_bytecode = True
    compiler = import_module("compiler")
    assert str(tree) in str(compiler.__path__), "the copy is what is imported"


def _nothing() -> None:
    pass


def _first_failure(prepare: Callable[[], None], tests: tuple[str, ...]) -> str | None:
    import pytest

    recorder = _Recorder()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        prepare()
        pytest.main([*_QUICKLY, *tests], plugins=[recorder])
    return recorder.failed


class _Recorder:
    """A plugin that remembers the first failure, in a test, its fixtures or its module."""

    def __init__(self) -> None:
        self.failed: str | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called for set-up, call and tear-down of every test."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        """Called for every module."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid
