"""The Python interface: thin functions over the compiler and the runtime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compiler.diagnostics.model import CrossloomError, Diagnostic
from compiler.installing import require
from compiler.spec import Spec
from crossloom.arguments import analysis, check_seed, spec_of
from specs.graph import Graph

if TYPE_CHECKING:
    import torch

    from compiler.checkpoint.source import Source as Opened
    from compiler.compilation import CompileMode
    from compiler.precision import Dtypes
    from compiler.weights.table import WeightTable
    from runtime.generation import Generated
    from runtime.processing import Processor
    from runtime.translation import Translation

Source = str | Path
Sources = Source | Mapping[str, "Source | Opened"]


def load_spec(source: Source) -> Spec:
    """Read a spec file or catalogue entry.

    Raises:
        CrossloomError: with every finding, when any is an error.
    """
    return analysis(source).sound()[0]


def import_spec(
    source: Source,
    role: Literal["encoder", "decoder"] | None = None,
    ignore: str | Iterable[str] = (),
    tokens: Mapping[str, int] | None = None,
    **access: Any,
) -> Spec:
    """The shortest spec that means what a checkpoint's config.json says.

    `source` is a folder or a repository id; `generation_config.json`, `preprocessor_config.json` and
    `tokenizer_config.json` beside it are read too. `ignore` names config fields to leave out, one or more.
    `role` makes an encoder or a decoder of it; `tokens` gives ids that its config leaves open, such as
    `{"decoder_start": 101}`.
    `access` may hold revision, token, cache_dir and local_files_only.

    Raises:
        CrossloomError: XL110 unknown family, XL115 unknown field, XL116 refused field, XL518 ignored field
            that config.json does not have, XL5xx no access.
    """
    from compiler.importing.checkpoint import import_with_report
    from compiler.warning import warn

    names = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    imported = import_with_report(source, role=role, ignore=names, tokens=tokens, **access)
    warn(imported.findings, stacklevel=2)
    return imported.spec


def check(spec: Spec | Source) -> list[Diagnostic]:
    """Every finding of a spec, in order; neither `weights:` nor the network is touched."""
    return analysis(spec).diagnostics


def verify(spec: Spec | Source, source: Sources | None = None, **access: Any) -> list[Diagnostic]:
    """Every finding of a checkpoint against a spec, by headers and config.json; torch is not needed.

    `source` defaults to the spec's own weights; a pair takes `{"encoder": ..., "decoder": ...}`.
    """
    from compiler.sources import sources_of, verify_sources

    found = analysis(spec)
    if found.has_errors or found.spec is None or found.graph is None:
        return found.diagnostics
    try:
        sources = sources_of(found.spec, source, **access)
        _, verified = verify_sources(found.spec, found.graph, sources)
    except CrossloomError as error:
        return [*found.diagnostics, *error.diagnostics]
    return [*found.diagnostics, *(d for one in verified for d in one.diagnostics)]


def lower(spec: Spec | Source) -> Graph:
    """The spec's verified graph: `.nodes .edges .parameters() .to_json()`."""
    return analysis(spec).sound()[1]


def weight_table(spec: Spec | Source) -> WeightTable:
    """A row for every parameter and computed buffer: where it comes from, by which operation."""
    from compiler.weights.table import table_of

    return table_of(*analysis(spec).sound())


def emit(spec: Spec | Source, folder: Source, force: bool = False) -> list[Path]:
    """Write modeling.py, weights.json, spec.yaml and README.md; each file is replaced atomically.

    Raises:
        CrossloomError: what `check` finds; XL602 where the spec itself, or a file that was not emitted, would
            be written over, unless `force`.
    """
    from compiler.emission.folder import emit_folder

    return emit_folder(*analysis(spec).sound(), Path(folder), force)


def build(
    spec: Spec | Source,
    seed: int = 0,
    device: torch.device | str | None = None,
    dtype: Dtypes = None,
    compile: CompileMode = False,
) -> Any:
    """A live model with fresh parameters, in training mode.

    Raises:
        CrossloomError: what `check` finds; XL103 or XL104 a seed that is none; XL112 a device that is not
            here, or a dtype that is none of float32, float16, bfloat16, float64.
    """
    from compiler.build import build as build_model
    from compiler.placement import check_placement

    require("`crossloom.build`", "torch")
    check_seed(seed)
    check_placement(device, dtype)
    return build_model(*analysis(spec).sound(), seed, device, dtype, compile)


def load(
    spec: Spec | Source,
    source: Sources | None = None,
    device: torch.device | str | None = None,
    dtype: Dtypes = None,
    compile: CompileMode = False,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
) -> Any:
    """A live model with a checkpoint's weights, in evaluation mode.

    Parameters keep the dtype they are stored in unless `dtype` is given. What `verify` only warns of is
    passed on as a `CrossloomWarning`.

    Raises:
        CrossloomError: everything `verify` finds, and XL112 as `build` does; nothing is loaded then.
    """
    access = {
        "revision": revision,
        "token": token,
        "cache_dir": cache_dir,
        "local_files_only": local_files_only,
    }
    return _loaded(spec, source, device, dtype, compile, access)


def _loaded(
    spec: Spec | Source,
    source: Sources | Opened | None,
    device: torch.device | str | None,
    dtype: Dtypes,
    compile: CompileMode,
    access: Mapping[str, Any],
) -> Any:
    from compiler.configuration.generation import generation_defaults
    from compiler.configuration.tables import read_tables, tables_stated
    from compiler.load import load as load_model
    from compiler.placement import check_placement
    from compiler.sources import sources_of
    from compiler.warning import warn

    require("`crossloom.load`", "torch", "safetensors")
    check_placement(device, dtype)
    checked, graph = analysis(spec).sound()
    sources = sources_of(checked, source, **access)
    found: list[Diagnostic] = []
    model = load_model(checked, graph, sources, device, dtype, compile, found.extend)
    last = sources.get("model") or sources.get("decoder")
    ignore = checked.language.ignore.config
    tables = tables_stated(checked)
    if last is not None:
        model.__dict__["generation_defaults"] = generation_defaults(last, ignore, tables)
        model.__dict__["tables"] = read_tables(last, tables)
    model.__dict__["sources"] = sources
    warn(found, stacklevel=3)  # whoever called `load` or `from_pretrained`
    return model


def from_pretrained(
    source: Source,
    device: torch.device | str | None = None,
    dtype: Dtypes = None,
    compile: CompileMode = False,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
) -> Any:
    """`import_spec` and `load` of a folder or repository."""
    from compiler.checkpoint.resolve import resolve
    from compiler.importing.checkpoint import import_with_report
    from compiler.warning import warn

    access: dict[str, Any] = {
        "revision": revision,
        "token": token,
        "cache_dir": cache_dir,
        "local_files_only": local_files_only,
    }
    opened = resolve(source, **access)
    imported = import_with_report(opened)
    warn(imported.findings, stacklevel=2)
    return _loaded(imported.spec, opened, device, dtype, compile, {})


def export(
    model: Any,
    folder: Source,
    format: Literal["transformers", "crossloom"] = "transformers",
    force: bool = False,
) -> list[Path]:
    """Write a model as a folder.

    A published model goes into the format `transformers`: a folder that it loads with nothing missing or
    unexpected; so does a half alone that has a published class. It, a pair and a free graph go into
    `crossloom`: a folder that is loaded by the spec.yaml in it. A part that the published class has and no
    checkpoint gave is written as it begins, and told as a `CrossloomWarning` (XL520); so are weights that the
    checkpoint stores as magnitude and direction, where they have changed (XL521).

    Raises:
        CrossloomError: XL103 what is no live model; XL114 a format that this kind of model does not have;
            XL403 or XL505 files of another model in the folder, which would stay; XL602 a spec.yaml there
            that would be written over, unless `force`.
    """
    from compiler.exporting.export import export as export_model
    from compiler.exporting.export import keep_spec, require_layout, written_otherwise
    from compiler.warning import warn

    require("`crossloom.export`", "torch", "safetensors")
    if format not in ("transformers", "crossloom"):
        raise ValueError(f"format is 'transformers' or 'crossloom', not {format!r}")
    spec = spec_of(model, "export")
    require_layout(spec, format)
    if format == "crossloom" and not force:
        keep_spec(spec, Path(folder))
    findings = written_otherwise(model) if format == "transformers" else []
    written = export_model(model, analysis(spec).sound()[1], Path(folder), format)
    warn(findings, stacklevel=2)
    return written


def load_processor(spec: Spec | Source, source: Source | None = None, **access: Any) -> Processor:
    """The front end and tokenizer of a spec; files come from `source`, or from the spec's weights."""
    require("`crossloom.load_processor`", "numpy")
    from runtime.processing.loading import load_processor as load_from

    return load_from(analysis(spec), source, **access)


def generate(model: Any, **inputs_and_options: Any) -> torch.Tensor | Generated:
    """Decode token ids; see `runtime.generation.generate` for inputs and options."""
    require("`crossloom.generate`", "torch")
    from runtime.generation import generate as run

    result: torch.Tensor | Generated = run(model, **inputs_and_options)
    return result


def transcribe(
    model: Any,
    audio: Source | Iterable[Source],
    *,
    batch_size: int = 8,
    mono: Literal["mix", "first"] | None = None,
    tgt_lang: str | None = None,
    **options: Any,
) -> str | list[str]:
    """The text of a recording; for several recordings a list of their texts, in order.

    `model` is a live model, or what `load` takes; then what of it nothing has trained is told as a
    `CrossloomWarning` (XL522). `audio` is a file's path, or several. `mono` says what to do with several
    channels, `tgt_lang` which language to write where the model has several; other `options` are those of
    `generate`.

    Raises:
        CrossloomError: what `load`, `load_processor` and `generate` find, and why recordings cannot be used
            (XL117, XL410 to XL415); no text is returned then.
    """
    require("`crossloom.transcribe`", "torch", "safetensors")
    from compiler.untrained import untrained
    from compiler.warning import warn
    from runtime.flows import flows_by_input
    from runtime.processing.loading import processor_of_model
    from runtime.transcription import transcribe as run

    if isinstance(model, (Spec, str, Path)):
        model = load(model)
        warn(untrained(*analysis(model.spec).sound(), model.fresh), stacklevel=2)
    heard = flows_by_input(spec_of(model, "transcribe"), "text")
    is_one = isinstance(audio, (str, Path))
    files = [audio] if isinstance(audio, (str, Path)) else audio
    reading: dict[str, Any] = {"batch_size": batch_size, "mono": mono, "tgt_lang": tgt_lang}
    reading["given_as"] = "audio" if "audio" in heard else None
    transcripts = list(run(model, processor_of_model(model), map(str, files), **reading, **options))
    findings = [finding for transcript in transcripts for finding in transcript.findings]
    if any(transcript.text is None for transcript in transcripts):
        raise CrossloomError(findings)
    warn(findings, stacklevel=2)
    texts = [transcript.text or "" for transcript in transcripts]
    return texts[0] if is_one else texts


def translate(model: Any, **inputs_and_options: Any) -> Translation:
    """Text, and speech where the model speaks, in another language; see `runtime.translation.translate`."""
    require("`crossloom.translate`", "torch")
    from runtime.translation import translate as run

    spec_of(model, "translate")
    return run(model, **inputs_and_options)


def train(model: Any, rows: Any, valid: Any = None, **options: Any) -> Any:
    """Train on rows of an input and the text to write for it; see `runtime.training.train`."""
    require("`crossloom.train`", "torch", "safetensors", "tqdm")
    from runtime.training import train as run

    spec_of(model, "train")
    return run(model, rows, valid, **options)


def read_audio(path: Source, sampling_rate: int, mono: Literal["mix", "first"] | None = None) -> Any:
    """Samples of a WAV or FLAC file at `sampling_rate`: float32 [N]."""
    require("`crossloom.read_audio`", "numpy", extra="audio")
    from runtime.audio import read_audio as read

    return read(path, sampling_rate, mono)
