"""A checkpoint's front end and tokenizer files against a spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from compiler.checkpoint.source import Folder, Source
from compiler.checkpoint.subfolder import Subfolder
from compiler.configuration.tables import tables_stated, unlike_tokenizer
from compiler.diagnostics.model import Diagnostic
from compiler.places import id_address, located
from compiler.spec import Component, Spec
from compiler.stated import StatedTokenizer, sections_of, tokenizers_of
from specs.problems import Problem
from specs.processing.files import contradictions
from specs.processing.tokenizers import (
    FileProblem,
    check_special_id,
    check_vocabulary,
    ids_file_of,
    reading_of,
)

SOURCE_FOLDER = "source_tokenizer"
"""Where the tokenizer of the source lies in a folder that holds the target's as well."""


def section_source(spec: Spec, key: str, source: Source) -> Source:
    """Where a source has the files of a section: a folder of two tokenizers has one of them in a folder.

    A published pair has one tokenizer for both.
    """
    if not section_folder(spec, key):
        return source
    inner = Subfolder(source, SOURCE_FOLDER)
    kind = spec.processing.source_tokenizer
    is_inside = kind is not None and reading_of(kind, inner.has) is not None
    return inner if is_inside or source.has("spec.yaml") else source


def section_folder(spec: Spec, key: str) -> str:
    """What the names of a section's files begin with in a folder of the whole model."""
    has_two = spec.processing.tokenizer is not None
    return f"{SOURCE_FOLDER}/" if key == "source_tokenizer" and has_two else ""


def tokenizer_source(spec: Spec, one: StatedTokenizer, sources: Mapping[str, Source]) -> Source | None:
    """Where the files of a tokenizer are: with the weights of the part it is for, or of the whole."""
    source = sources.get(one.component.role) or sources.get("model")
    return None if source is None else section_source(spec, one.key, source)


def vocabulary_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL403 where the checkpoint's own vocabulary is not the model's, or that of its tables.

    It is read from its file of ids alone.
    """
    for one in tokenizers_of(spec):
        held = section_source(spec, one.key, source)
        file = ids_file_of(one.kind, held.has)
        if one.component is not component or file is None:
            continue
        with suppress(FileProblem):  # reported where the file is read as a section of the spec
            ids = one.kind.read_ids(file, file_bytes(held, file))
            if component.rows is not None and len(ids) == component.rows.stored:
                continue  # the checkpoint's own vocabulary, which gives way to another
            yield from tokenizer_findings(spec, one, ids, max(ids.values()), held.label(file))
            yield from unlike_tokenizer(source, tables_stated(spec), ids)


def tokenizer_findings(
    spec: Spec, one: StatedTokenizer, ids: Mapping[str, int], largest: int, origin: str
) -> Iterator[Diagnostic]:
    """XL403 where a tokenizer's ids (token -> id, the largest of all) are not those of the part it is for."""
    role = one.component.role
    config = one.component.config if one.key == "source_tokenizer" else spec.config
    problems: list[Problem] = []
    vocabulary = one.component.config.get("vocab_size")
    if isinstance(vocabulary, int):
        at = ((f"{role}.config.vocab_size", f"{vocabulary} ids"),)
        problems += check_vocabulary(len(ids), vocabulary, largest, at, one.kind.spare)
    for purpose, token in one.kind.special.items():
        at_config = f"{role}.config.{purpose}_token_id"
        address = at_config if one.key == "source_tokenizer" else id_address(spec, role, purpose)
        problems += check_special_id(token, ids[token], config.get(f"{purpose}_token_id"), address)
    for problem in problems:
        told = (*problem.info, f"tokenizer: {origin}")
        yield located(spec, problem._replace(info=told), role)


def processing_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL505 where the checkpoint's own front end or tokenizer files differ from the spec.

    What the files beside one half say about the other is not looked at.
    """
    for one in sections_of(component.role, component.family, component.view):
        found = one.stated.read(
            one.key, file_contents(section_source(spec, one.key, source), one.stated.files)
        )
        if found is None:
            continue
        problems = list(found.problems)
        refused = {address for problem in problems for address, _ in problem.at}
        section = one.stated.section.model_validate(one.fields(spec.data, component.config))
        is_another = component.rows is not None and one.key != "processor"  # than the checkpoint's tokenizer
        differing = [] if is_another else contradictions(section, found.fields, one.stated.free, one.key)
        problems += [problem for problem in differing if problem.at[0][0] not in refused]
        for problem in problems:
            yield located(spec, problem._replace(info=(*problem.info, f"in {source}")), component.role)


def assumed_front_end(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL505, a warning, where neither the checkpoint nor the spec says what the model was trained to hear."""
    for one in sections_of(component.role, component.family, component.view):
        files = spec.processing.files.get(one.key, {})
        if one.key != "processor" or one.key in spec.data or not files:
            continue
        if one.stated.read(one.key, file_contents(source, one.stated.files)) is not None:
            continue
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


def file_contents(source: Source, names: Iterable[str]) -> dict[str, bytes]:
    """Contents of the files of these names that a source has."""
    return {name: file_bytes(source, name) for name in names if source.has(name)}


def file_bytes(source: Source, name: str) -> bytes:
    """Contents of a file that a source has; it is read once."""
    if name not in source.contents:
        source.path(name)  # of the Hub's the whole file, which stays in the cache and is here offline too
        source.contents[name] = source.read_range(name, 0, source.size(name))
    return source.contents[name]
