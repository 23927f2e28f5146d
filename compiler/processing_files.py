"""A checkpoint's front end and tokenizer files against a spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from compiler.checkpoint.source import Folder, Source
from compiler.diagnostics.model import Diagnostic
from compiler.places import id_address, located
from compiler.spec import Component, Spec
from specs.problems import Problem
from specs.processing import FileProblem, check_special_id, check_vocabulary

_OTHER_HALF = {"processor": "decoder", "tokenizer": "encoder"}
"""Section of a spec -> the half of a model that has no use for it."""


def vocabulary_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL403 where the checkpoint's own vocabulary is not the model's: read from its file of ids alone."""
    tokenizer = spec.processing.tokenizer
    if tokenizer is None or component.role == _OTHER_HALF["tokenizer"] or not source.has(tokenizer.ids_file):
        return
    (text,) = file_texts(source, [tokenizer.ids_file]).values()
    with suppress(FileProblem):  # reported where the file is read as a section of the spec
        ids = tokenizer.read_ids(text)
        yield from tokenizer_findings(spec, ids, max(ids.values()), source.label(tokenizer.ids_file))


def tokenizer_findings(spec: Spec, ids: Mapping[str, int], largest: int, origin: str) -> Iterator[Diagnostic]:
    """XL403 where a tokenizer's ids (token -> id, the largest of all) are not those of the spec's model."""
    component = spec.components.get("model") or spec.components.get("decoder")
    tokenizer = spec.processing.tokenizer
    if component is None or tokenizer is None:
        return
    problems: list[Problem] = []
    vocabulary = spec.config.get("vocab_size")
    if isinstance(vocabulary, int):
        at = ((f"{component.role}.config.vocab_size", f"{vocabulary} ids"),)
        problems += check_vocabulary(len(ids), vocabulary, largest, at)
    for purpose, token in tokenizer.special.items():
        given = spec.config.get(f"{purpose}_token_id")
        problems += check_special_id(token, ids[token], given, id_address(spec, component.role, purpose))
    for problem in problems:
        told = (*problem.info, f"tokenizer: {origin}")
        yield located(spec, replace(problem, info=told), component.role)


def processing_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL505 where the checkpoint's own front end or tokenizer files differ from the spec.

    The front end belongs to the encoder, and the tokenizer to the decoder: what the files beside one half
    say about the other is not looked at.
    """
    if component.family.processing is None:
        return
    from specs.processing_files import contradictions

    module = import_module(component.family.processing)
    imported = module.import_files(file_texts(source, module.FILES))
    problems = list(imported.problems)
    refused = {address for problem in problems for address, _ in problem.at}
    free = {"processor": frozenset[str](), "tokenizer": module.TOKENIZER_FREE}
    for key, schema in (("processor", module.Processor), ("tokenizer", module.Tokenizer)):
        if component.role == _OTHER_HALF[key]:
            continue
        section = schema.model_validate(spec.data.get(key) or {})
        differing = contradictions(section, getattr(imported, key), free[key], key)
        problems += [problem for problem in differing if problem.at[0][0] not in refused]
    for problem in problems:
        yield located(spec, replace(problem, info=(*problem.info, f"in {source}")), component.role)


def assumed_front_end(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL505, a warning, where neither the checkpoint nor the spec says what the model was trained to hear."""
    files = spec.processing.front_end_files
    stating = component.family.processing
    if not files or stating is None or component.role == _OTHER_HALF["processor"] or "processor" in spec.data:
        return
    module = import_module(stating)
    if module.import_files(file_texts(source, module.FILES)).processor is not None:
        return
    (name,) = files
    problem = Problem(
        "XL505",
        f"{source} has no {name} to compare with the spec",
        ((f"{component.role}.weights", "this checkpoint"),),
        ("the spec has no `processor:` either, so the published defaults are taken",),
        f"add the checkpoint's {name}, or write `processor:`",
        severity="warning",
    )
    yield located(spec, problem, component.role)


def left_behind(spec: Spec, component: Component, folder: Path, written: Collection[str]) -> list[Diagnostic]:
    """What is wrong with the front end and tokenizer files that stay beside a model written to a folder.

    XL403 and XL505 where a file that is not among those written belongs to another model.
    """
    if not folder.is_dir():
        return []
    rest = _Rest(folder, written)
    found = [*vocabulary_findings(spec, component, rest), *processing_findings(spec, component, rest)]
    return [
        replace(
            finding,
            spans=(),
            info=(*finding.info, "files of another model would stay beside the exported one"),
            help="export into another folder, or remove its tokenizer and preprocessor files first",
        )
        for finding in found
    ]


class _Rest(Folder):
    """A folder without some of its files."""

    def __init__(self, root: Path, hidden: Collection[str]) -> None:
        super().__init__(root)
        self._hidden = hidden

    def has(self, name: str) -> bool:
        return name not in self._hidden and super().has(name)


def file_texts(source: Source, names: Iterable[str]) -> dict[str, str]:
    """Contents of the files of these names that a source has."""
    return {name: _text(source, name) for name in names if source.has(name)}


def _text(source: Source, name: str) -> str:
    source.path(name)  # of the Hub's the whole file, which stays in the cache and is here offline too
    return source.read_range(name, 0, source.size(name)).decode("utf-8", errors="replace")
