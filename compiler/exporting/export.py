"""The inverse of loading: a folder that the public implementation reads, or that crossloom itself does.

A published model goes back into the layout of the Hub, and so does a half alone that was published as such,
and a pair that a published class computes. What is put together (a pair, a free graph, such a half too) goes
into a folder of crossloom's own: spec.yaml, and the tensors by their addresses.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compiler.analysis import analysis_of
from compiler.checkpoint.dtypes import holding
from compiler.configuration.processing import left_behind, section_folder, tokenizer_source
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.exporting.carrying import begun_parts, labels
from compiler.exporting.norms import split_anew
from compiler.passes.forms import KEYS
from compiler.quantising import require_unquantised
from compiler.resolved import whole_yaml
from compiler.sources import Sources
from compiler.spec import FORMS, Component, Spec
from compiler.stated import tokenizers_of
from compiler.weights.published_pairs import published_pair, unlike_published
from compiler.weights.storing import part_with_class, stored_tensors
from compiler.weights.table import whole_table
from compiler.writing.files import Write, replace_all, text_writer
from compiler.writing.overwriting import refuse_overwriting
from specs.family import class_of
from specs.generation import GenerationOptions
from specs.graph import Graph
from specs.pairs import PublishedPair
from specs.problems import Problem
from specs.processing.tokenizers import reading_of
from specs.values import plain

if TYPE_CHECKING:
    from torch import Tensor

MODEL_FILE = "model.safetensors"
"""Where the tensors of an exported model are."""

SPEC_FILE = "spec.yaml"
"""What a folder in crossloom's own layout is loaded by."""

Layout = Literal["transformers", "crossloom"]


def keep_spec(spec: Spec, folder: Path) -> None:
    """Refuse a folder in which exporting would write over a spec that a person wrote.

    Raises:
        CrossloomError: XL602.
    """
    if spec.kind != "model":
        refuse_overwriting({folder / SPEC_FILE: whole_yaml(spec)}, spec.file)


def written_otherwise(model: Any) -> list[Diagnostic]:
    """What the published layout of a model does not hold as a checkpoint gave it: XL520 and XL521."""
    return [
        finding
        for part in model.spec.components.values()
        for finding in (*begun_parts(model, part), *split_anew(model, part))
    ]


def export(model: Any, graph: Graph, folder: Path, layout: Layout | None = None) -> list[Path]:
    """Write a model in a layout that its spec has, by default as it was put together.

    Raises:
        CrossloomError: XL604 a model with int8 weights; what each layout raises.
    """
    require_unquantised(model, "be exported")
    if layout is None:
        layout = "transformers" if model.spec.kind == "model" else "crossloom"
    return (export_transformers if layout == "transformers" else export_crossloom)(model, graph, folder)


def require_layout(spec: Spec, layout: Layout) -> None:
    """Refuse a layout that the spec's kind does not have.

    Raises:
        CrossloomError: XL114.
    """
    unlike: list[Problem] = []
    if layout == "crossloom" and spec.kind != "model":
        return
    if layout == "transformers":
        graph = analysis_of(spec).sound()[1]
        unlike = list(unlike_published(spec, graph))
        if not unlike and (part_with_class(spec) is not None or published_pair(spec, graph) is not None):
            return
    message = f"`{spec.name}` is {FORMS[spec.kind]}, "
    if layout == "transformers":
        message += unlike[0].message if unlike else "and no published class computes it"
        help = "write it in crossloom's own layout: `--to crossloom` (format='crossloom')"
    else:
        message += "and has the layout that its family is published in"
        help = "write that: `--to transformers` (format='transformers')"
    place = spec.origins.get(next(iter(spec.data.keys() & KEYS)))
    raise CrossloomError([Diagnostic("XL114", Severity.ERROR, message, (place,) if place else (), help=help)])


def export_crossloom(model: Any, graph: Graph, folder: Path) -> list[Path]:
    """Write spec.yaml, model.safetensors, generation_config.json and the processor's files.

    The spec is whole by itself: `load(folder / "spec.yaml")` gives the model back, bit for bit.

    Raises:
        CrossloomError: XL403 or XL505 where the folder holds files of another model that would stay beside.
        OSError: a file cannot be written.
    """
    spec: Spec = model.spec
    state = model.state_dict()
    stored = [row.address for row in whole_table(graph) if row.status == "loaded"]
    files: dict[str, Write] = {
        SPEC_FILE: text_writer(whole_yaml(spec)),
        MODEL_FILE: partial(_save, {name: state[name].detach().cpu().contiguous() for name in stored}),
        **_beside(model, spec, graph),
    }
    return _write(spec, folder, files)


def export_transformers(model: Any, graph: Graph, folder: Path) -> list[Path]:
    """Write config.json, generation_config.json, model.safetensors and the processor's files.

    Tensors are bit-equal to the checkpoint's for a model loaded without a cast and not trained
    since. A tied tensor is stored once. Each file is replaced in one step, and none unless all can be.

    Raises:
        CrossloomError: XL403 or XL505 where the folder holds a tokenizer or front end of another model that
            this one has no files to replace with.
        OSError: a file cannot be written.
    """
    spec: Spec = model.spec
    tensors = stored_tensors(model, spec, graph)
    dtype = holding({str(t.dtype).removeprefix("torch.") for t in tensors.values() if t.is_floating_point()})
    component, pair = part_with_class(spec), published_pair(spec, graph)
    if component is not None:
        fields = configuration(component, dtype) | labels(model, component)
    else:
        assert pair is not None, "only a published class has a layout of its own"
        fields = pair_configuration(pair, spec, graph, dtype)
    files: dict[str, Write] = {
        "config.json": _json_writer(fields),
        MODEL_FILE: partial(_save, tensors),
        **_beside(model, spec, graph),
    }
    return _write(spec, folder, files)


def _beside(model: Any, spec: Spec, graph: Graph) -> dict[str, Write]:
    """What goes with the tensors: options of generation, front end and tokenizer."""
    files = processor_writers(spec, getattr(model, "sources", {}))
    if graph.tokens is not None:
        files["generation_config.json"] = _json_writer(generation_configuration(model, spec, graph))
    return files


def processor_writers(spec: Spec, sources: Sources) -> dict[str, Write]:
    """Files of the front end, and of each tokenizer whose own files the sources have; these as they are."""
    files = spec.processing.files
    written: dict[str, Write] = {
        name: _json_writer(contents) for name, contents in files.get("processor", {}).items()
    }
    for one in tokenizers_of(spec):
        source = tokenizer_source(spec, one, sources)
        reading = None if source is None else reading_of(one.kind, source.has)
        if source is None or reading is None:
            continue
        folder = section_folder(spec, one.key)
        for name, contents in files[one.key].items():
            written[folder + name] = _json_writer(contents)
        for name in reading.files:
            written[folder + name] = partial(shutil.copyfile, source.path(name))
    return written


def _json_writer(contents: Mapping[str, Any]) -> Write:
    return text_writer(json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _write(spec: Spec, folder: Path, files: Mapping[str, Write]) -> list[Path]:
    """Replace all files, unless others that stay beside them would contradict the model."""
    stale = [
        finding
        for component in spec.components.values()
        for finding in left_behind(spec, component, folder, files.keys())
    ]
    if stale:
        raise CrossloomError(stale)
    return replace_all({folder / name: write for name, write in files.items()})


def _save(tensors: dict[str, Tensor], file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, file, metadata={"format": "pt"})
    except SafetensorError as error:  # the tensors are sound, so the disk is full or gone
        raise OSError(errno.EIO, str(error)) from error


def configuration(component: Component, dtype: str) -> dict[str, Any]:
    """config.json: every field of the family, its constants, and the published class."""
    return {
        **component.config,
        **component.family.derived(component.view),
        **{name: component.role in roles for name, roles in component.family.by_role.items()},
        **component.family.constants,
        "architectures": [component.architecture or class_of(component.family, component.role)],
        "model_type": component.family.name,
        "dtype": dtype,
    }


def pair_configuration(pair: PublishedPair, spec: Spec, graph: Graph, dtype: str) -> dict[str, Any]:
    """config.json of a pair: those of its halves, its class, and the ids it decodes with."""
    halves = {}
    for role, component in spec.components.items():
        fields = configuration(component, dtype)
        switches = dict.fromkeys(("is_decoder", "add_cross_attention"), True) if role == "decoder" else {}
        own = {name: value for name, value in fields.items() if name not in ("architectures", "dtype")}
        halves[role] = {**own, **switches, "is_encoder_decoder": False}
    return {
        **halves,
        **_ids(graph),
        **pair.constants,
        "architectures": list(pair.architectures),
        "model_type": pair.name,
        "tie_word_embeddings": False,
        "dtype": dtype,
    }


def _ids(graph: Graph) -> dict[str, Any]:
    """The special ids that are set, by their names in config.json."""
    names = ("decoder_start", "pad", "bos", "eos") if graph.tokens is not None else ()
    ids = {f"{name}_token_id": plain(getattr(graph.tokens, name)) for name in names}
    return {name: value for name, value in ids.items() if value is not None}


def generation_configuration(model: Any, spec: Spec, graph: Graph) -> dict[str, Any]:
    """generation_config.json: the spec's options over the checkpoint's, the special ids, and the tables."""
    known = GenerationOptions.model_fields.keys() - {"seed"}
    merged = {name: value for name, value in model.generation_defaults.items() if name in known}
    merged |= {name: value for name, value in spec.generation.items() if name in known}
    merged = {**_ids(graph), **merged}
    return {**{name: value for name, value in merged.items() if value is not None}, **model.tables}
