"""The inverse of loading: a folder that the public implementation reads."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Mapping, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.checkpoint.reader import read_checkpoint
from compiler.diagnostics.model import CrossloomError
from compiler.files import Write, replace_all, text_writer
from compiler.processing_files import left_behind
from compiler.spec import Component, Spec
from compiler.weights.operations import invert
from compiler.weights.table import table_of
from compiler.weights.values import Values
from specs.family import class_of
from specs.generation import GenerationOptions
from specs.graph import Graph
from specs.values import plain
from specs.weights import Operation, split_of

if TYPE_CHECKING:
    from torch import Tensor


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
    if component is None:
        raise ValueError(f"{_NAMES[spec.kind]} has no published class to export to")
    tensors = stored_tensors(model, spec, graph)
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    copied = _copied(model, spec)
    texts = {
        "config.json": configuration(component, dtype),
        "generation_config.json": generation_configuration(model, spec, graph),
        **_processor_files(spec, copied.keys()),
    }
    files: dict[str, Write] = {"model.safetensors": partial(_save, tensors)}
    for name, contents in texts.items():
        files[name] = text_writer(json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    files |= copied
    if stale := left_behind(spec, component, folder, files.keys()):
        raise CrossloomError(stale)
    return replace_all({folder / name: write for name, write in files.items()})


_NAMES = {
    "model": "this model",
    "pair": "a pair",
    "encoder": "a lone encoder of this kind",
    "decoder": "a lone decoder of this kind",
    "graph": "a free graph",
}


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
    prefix = "" if half is None else half.without_prefix
    tensors = {**_computed_with(model, spec, component, graph), **_carried(model, component)}
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


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
    tensors: dict[str, Tensor] = {}
    for names, fed in parts.items():
        (operation, address), *others = sorted(fed, key=lambda part: _index(part[0]))
        stored = invert(operation, state[address], [state[other] for _, other in others])
        for name, tensor in zip(names, stored, strict=True):
            tensors[name] = tensor.detach().cpu().contiguous()
    return tensors


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


def _carried(model: Any, component: Component) -> dict[str, Tensor]:
    """What the published class has beside: as its checkpoint stores it, else as the class begins."""
    import torch

    table = component.family.weights(component.view)
    wanted = {one.pattern: one.carried for one in table.ignored if one.carried}
    source = getattr(model, "sources", {}).get(component.role)
    checkpoint = read_checkpoint(source) if source is not None else None
    like = next(iter(model.parameters()))
    carried = {}
    for name, one in wanted.items():
        if one.role != component.role:
            continue
        spelt = {dialect.spell(name) for dialect in table.dialects}
        stored = next((n for n in spelt if checkpoint is not None and n in checkpoint.tensors), None)
        if checkpoint is not None and stored is not None:
            value = Values(checkpoint)[stored]
        else:
            generator = torch.Generator().manual_seed(0)
            value = torch.zeros(one.shape).normal_(0.0, one.deviation or 1.0, generator=generator)
            value = value if one.deviation else torch.zeros(one.shape)
        carried[name] = value.to(like.dtype).contiguous()
    return carried


def configuration(component: Component, dtype: str) -> dict[str, Any]:
    """config.json: every field of the family, its constants, and the published class."""
    is_decoder = component.role == "decoder"
    return {
        **component.config,
        **dict.fromkeys(component.family.by_role, is_decoder),
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
