"""The inverse of loading: a folder that the public implementation reads, or that crossloom itself does.

A published model goes back into the layout of the Hub, and so does a half alone that was published as such.
What is put together (a pair, a free graph, such a half too) goes into a folder of crossloom's own: spec.yaml,
and the tensors by their addresses.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compiler.carrying import begun_parts, carried, heads, labels
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.files import Write, replace_all, text_writer
from compiler.overwriting import refuse_overwriting
from compiler.passes.forms import KEYS
from compiler.processing_files import left_behind, section_folder, tokenizer_source
from compiler.resolved import whole_yaml
from compiler.sources import Sources
from compiler.spec import FORMS, Component, Spec
from compiler.stated import tokenizers_of
from compiler.weights.operations import invert
from compiler.weights.table import table_of, whole_table
from specs.family import class_of
from specs.generation import GenerationOptions
from specs.graph import Graph
from specs.tokenizers import reading_of
from specs.values import plain
from specs.weights import Operation, WeightMap, split_of

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


def untrained_parts(model: Any) -> list[Diagnostic]:
    """XL520 for what the published layout of a model holds beside it and no checkpoint gave."""
    component = _published(model.spec)
    return [] if component is None else begun_parts(model, component)


def export(model: Any, graph: Graph, folder: Path, layout: Layout | None = None) -> list[Path]:
    """Write a model in a layout that its spec has, by default as it was put together."""
    if layout is None:
        layout = "transformers" if model.spec.kind == "model" else "crossloom"
    return (export_transformers if layout == "transformers" else export_crossloom)(model, graph, folder)


def require_layout(spec: Spec, layout: Layout) -> None:
    """Refuse a layout that the spec's kind does not have.

    Raises:
        CrossloomError: XL114.
    """
    if _published(spec) is not None if layout == "transformers" else spec.kind != "model":
        return
    message = f"`{spec.name}` is {FORMS[spec.kind]}, "
    if layout == "transformers":
        message += "and no published class computes it"
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
    component = _published(spec)
    assert component is not None, "only a published class has a layout of its own"
    tensors = stored_tensors(model, spec, graph)
    dtype = str(next(t for t in tensors.values() if t.is_floating_point()).dtype).removeprefix("torch.")
    files: dict[str, Write] = {
        "config.json": _json_writer(configuration(component, dtype) | labels(model, component)),
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


def _published(spec: Spec) -> Component | None:
    """The one part of a spec that has a published class."""
    if spec.kind == "pair" or not spec.components:
        return None
    (component,) = spec.components.values()
    is_published = component.role == "model" or component.role in component.family.halves
    return component if is_published else None


def stored_tensors(model: Any, spec: Spec, graph: Graph) -> dict[str, Tensor]:
    """The checkpoint's tensors by stored name, in the spelling of the published class."""
    component = _published(spec)
    assert component is not None, "only a published class has stored names"
    half = component.family.halves.get(component.role)
    prefix = "" if half is None or component.architecture in half.heads else half.without_prefix
    tensors = {**_computed_with(model, spec, component, graph), **carried(model, component)}
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()} | heads(model, component)


def _computed_with(model: Any, spec: Spec, component: Component, graph: Graph) -> dict[str, Tensor]:
    """The tensors of the model's own parameters, by the table's names."""
    state = model.state_dict()
    table = component.family.weights(component.view)
    parts: dict[tuple[str, ...], list[tuple[Operation, str]]] = {}
    for row in table_of(spec, graph):
        if row.status not in ("tied", "computed"):
            found = table.find(row.address)
            assert found is not None, f"the family's table has a row for {row.address}"
            parts.setdefault(found[1], []).append((found[0].operation, row.address))
    tensors = dict(_computed_and_stored(model, table, graph))
    for names, fed in parts.items():
        (operation, address), *others = sorted(fed, key=lambda part: _index(part[0]))
        stored = invert(operation, state[address], [state[other] for _, other in others])
        for name, tensor in zip(names, stored, strict=True):
            tensors[name] = tensor.detach().cpu().contiguous()
    return tensors


def _computed_and_stored(model: Any, table: WeightMap, graph: Graph) -> Iterator[tuple[str, Tensor]]:
    """The computed buffers that the published class stores too, by the table's names."""
    for row in table_of(model.spec, graph):
        found = table.find(row.address) if row.status == "computed" else None
        if found is not None and found[0].exported:
            yield found[1][0], model.get_buffer(row.address).detach().cpu().contiguous()


def _index(operation: Operation) -> int:
    """Which part of its stored tensor an operation gives."""
    split = split_of(operation)
    return 0 if split is None else split.index


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


def generation_configuration(model: Any, spec: Spec, graph: Graph) -> dict[str, Any]:
    """generation_config.json: the spec's options over the checkpoint's, and the special ids."""
    known = GenerationOptions.model_fields.keys() - {"seed"}
    merged = {name: value for name, value in model.generation_defaults.items() if name in known}
    merged |= {name: value for name, value in spec.generation.items() if name in known}
    if graph.tokens is not None:
        for name in ("decoder_start", "pad", "bos", "eos"):
            value = plain(getattr(graph.tokens, name))
            if value is not None:
                merged.setdefault(f"{name}_token_id", value)
    return {name: value for name, value in merged.items() if value is not None}
