"""What is remembered between specs and verifications, and what must not be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

import crossloom
from compiler.analysis import analyse
from compiler.block_source.library import BlockLibrary
from compiler.passes.findings import Findings
from compiler.passes.lower import lower
from compiler.passes.structure import assert_sound
from compiler.weights.table import table_of
from specs.graph import Block, Ref
from specs.processing import tokenizers

ENTRY = "s2t-small-librispeech-asr"


def test_an_unsound_wiring_is_told_after_a_sound_one() -> None:
    analysis = analyse(ENTRY)
    assert analysis.spec is not None
    (written,) = lower(analysis.spec, Findings(analysis.document))
    assert_sound(written)
    norm = written.graph.nodes["encoder.final_norm"]
    nodes = {
        **written.graph.nodes,
        norm.name: norm._replace(inputs={"hidden": Ref("encoder.layers", "mask")}),
    }
    unsound = written._replace(graph=replace(written.graph, nodes=nodes))
    for _ in range(2):  # what was refused once is not remembered as sound
        with pytest.raises(AssertionError, match="families lower to sound graphs"):
            assert_sound(unsound)


def test_a_vocabulary_is_parsed_anew_where_it_changed(
    tiny_checkpoint: Callable[[int], Path], tmp_path: Path
) -> None:
    folder = copytree(tiny_checkpoint(0), tmp_path / "checkpoint")
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *map(str, range(size - 4))]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    parse = tokenizers._parsed_table
    parse.cache_clear()
    spec = crossloom.import_spec(folder)
    assert crossloom.verify(spec, folder) == []
    assert parse.cache_info().misses == 1
    vocabulary.write_text(json.dumps({piece: index for index, piece in enumerate(pieces[:-1])}))
    assert [finding.code for finding in crossloom.verify(spec, folder)] == ["XL403"]
    assert parse.cache_info().misses == 2


def test_a_configuration_that_changed_is_another_spec(
    tiny_checkpoint: Callable[[int], Path], tmp_path: Path
) -> None:
    folder = copytree(tiny_checkpoint(0), tmp_path / "checkpoint")
    first = crossloom.import_spec(folder)
    assert crossloom.import_spec(folder) is first
    config = json.loads((folder / "config.json").read_text())
    config["scale_embedding"] = not config["scale_embedding"]
    (folder / "config.json").write_text(json.dumps(config))
    second = crossloom.import_spec(folder)
    assert second.config["scale_embedding"] is not first.config["scale_embedding"]
    assert crossloom.lower(second).to_json() != crossloom.lower(first).to_json()


def test_the_table_of_a_spec_is_that_of_its_graph() -> None:
    spec, graph = analyse(ENTRY).sound()
    table = table_of(spec, graph)
    assert table_of(spec, graph) is table
    assert any(row.status == "tied" for row in table)
    assert not any(row.status == "tied" for row in table_of(spec, replace(graph, ties=())))


def test_shapes_are_those_of_the_nodes_whichever_is_looked_at_first() -> None:
    first, second = (analyse(ENTRY).graph for _ in range(2))
    assert first is not None
    assert second is not None
    shape = first.shapes["head.weight"]
    assert first.parameters() == second.parameters()
    nodes = [node.name for node in first.order()]
    owners = [next(name for name in nodes if address.startswith(f"{name}.")) for address in first.shapes]
    assert owners == sorted(owners, key=nodes.index)
    assert second.shapes["head.weight"] == shape
    assert len(first.shapes) == len(first.parameters())
    assert "head.weights" not in first.shapes


def test_a_check_works_out_shapes_of_what_is_tied_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    shapes = BlockLibrary.shapes

    def counted(library: BlockLibrary, block: Block) -> Any:
        asked.append(block.name)
        return shapes(library, block)

    monkeypatch.setattr(BlockLibrary, "shapes", counted)
    graph = analyse(ENTRY).sound()[1]
    assert len(graph.ties) == 1
    assert sorted(asked) == sorted(graph.nodes[name].block.name for name in ("decoder.embed", "head"))
