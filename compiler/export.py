"""The inverse of loading: a folder that the public implementation reads."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Mapping, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.diagnostics.model import CrossloomError
from compiler.files import Write, replace_all, text_writer
from compiler.processing_files import left_behind
from compiler.spec import Component, Spec
from compiler.weights.operations import invert
from compiler.weights.table import table_of
from specs.generation import GenerationOptions
from specs.graph import Graph
from specs.values import plain

if TYPE_CHECKING:
    from torch import Tensor

MODEL_FILE = "model.safetensors"
"""Where the tensors of an exported model are."""


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
    component = spec.components.get("model")
    if component is None:
        raise ValueError(f"a {spec.kind} spec has no published class to export to")
    tensors = stored_tensors(model, spec, graph)
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    copied = _copied(model, spec)
    texts = {
        "config.json": configuration(component, dtype),
        "generation_config.json": generation_configuration(model, spec, graph),
        **_processor_files(spec, copied.keys()),
    }
    files: dict[str, Write] = {MODEL_FILE: partial(_save, tensors)}
    for name, contents in texts.items():
        files[name] = text_writer(json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    files |= copied
    if stale := left_behind(spec, component, folder, files.keys()):
        raise CrossloomError(stale)
    return replace_all({folder / name: write for name, write in files.items()})


def stored_tensors(model: Any, spec: Spec, graph: Graph) -> dict[str, Tensor]:
    """The checkpoint's tensors by stored name, in the published spelling."""
    state = model.state_dict()
    tensors: dict[str, Tensor] = {}
    for row in table_of(spec, graph):
        if row.status in ("tied", "computed"):
            continue
        sources = row.sources or _sources_of_fresh(spec, row.address)
        for name, tensor in zip(sources, invert(row.operation, state[row.address]), strict=True):
            tensors[name] = tensor.detach().cpu().contiguous()
    return tensors


def _save(tensors: dict[str, Tensor], file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, file, metadata={"format": "pt"})
    except SafetensorError as error:  # the tensors are sound, so the disk is full or gone
        raise OSError(errno.EIO, str(error)) from error


def _sources_of_fresh(spec: Spec, address: str) -> tuple[str, ...]:
    component = spec.components["model"]
    found = component.family.weights(component.view).find(address)
    assert found is not None, f"the family's table has a row for {address}"
    return found[1]


def configuration(component: Component, dtype: str) -> dict[str, Any]:
    """config.json: every field of the family, its constants, and the published class."""
    return {
        **component.config,
        **component.family.constants,
        "architectures": [component.architecture or component.family.architectures[0]],
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


def _processor_files(spec: Spec, copied: Set[str]) -> dict[str, Mapping[str, Any]]:
    """Configuration of the front end, and of the tokenizer where all its own files go along."""
    stated = spec.processing
    whole = stated.tokenizer is not None and copied >= set(stated.tokenizer.files)
    return {**stated.front_end_files, **(stated.tokenizer_files if whole else {})}


def _copied(model: Any, spec: Spec) -> dict[str, Write]:
    """Tokenizer files of the checkpoint the model came from, as they are."""
    source = getattr(model, "sources", {}).get("model")
    if source is None or spec.processing.tokenizer is None:
        return {}
    paths = {name: source.path(name) for name in spec.processing.tokenizer.files if source.has(name)}
    return {name: partial(shutil.copyfile, path) for name, path in paths.items()}
