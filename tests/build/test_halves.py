"""A half written as blocks computes what the same half of a family does, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import crossloom
from compiler.analysis import analyse
from compiler.reader import read_text
from specs.graph import Graph
from specs.values import plain
from tests.build import emitted_runner
from tests.check.planted import DECODER, ENCODER, HALVES
from tests.parity.cases import Case

SEEDS = (1, 2, 5)
FORMS = [("graph", "family"), ("family", "graph"), ("graph", "graph")]
HEAD = {"crossloom": 1, "name": "halves"}


def family_half(case: Case) -> dict[str, Any]:
    """A half of the case's model, as its family states it."""
    component = case.ours.spec.components["model"]
    return {"family": component.family_name, "config": dict(component.config)}


def front_end(case: Case, role: str) -> dict[str, Any]:
    """The section of a spec that belongs to the encoder of a family."""
    section = case.ours.spec.data.get("processor")
    return {"processor": section} if section and role == "encoder" else {}


def graph_half(case: Case, role: str) -> dict[str, Any]:
    """The same half, every block and connection written out."""
    graph = crossloom.lower(spec_of({role: family_half(case), **front_end(case, role)}))

    def local(text: str) -> str:
        return text.removeprefix(f"{role}.")

    return {
        "graph": {
            "inputs": {name: _input(graph, name) for name in graph.inputs},
            "nodes": {
                local(node.name): {
                    "block": node.kind,
                    "with": {name: plain(value) for name, value in node.numbers.items()},
                    "inputs": {port: local(str(ref)) for port, ref in node.inputs.items()},
                }
                for node in graph.nodes.values()
            },
            "outputs": {name: local(str(ref)) for name, ref in graph.outputs.items()},
            "ties": {local(tie.tied): local(tie.kept) for tie in graph.ties},
        }
    }


def _input(graph: Graph, name: str) -> dict[str, Any]:
    type_ = graph.inputs[name]
    dims = [dim.value if dim.value is not None else str(dim) for dim in type_.dims]
    return {"role": type_.role, "dims": dims, "optional": name in graph.optional_inputs}


def spec_of(halves: dict[str, Any]) -> crossloom.Spec:
    """A spec of these halves, through its text."""
    return analyse(read_text(yaml.safe_dump({**HEAD, **halves}, sort_keys=False), "spec.yaml")).sound()[0]


def combined(case: Case, encoder: str, decoder: str) -> crossloom.Spec:
    """The case's model as two halves, each of a family or a graph."""
    config = case.ours.spec.config
    halves = {
        role: graph_half(case, role) if form == "graph" else family_half(case)
        for role, form in (("encoder", encoder), ("decoder", decoder))
    }
    tokens = {name: config[f"{name}_token_id"] for name in ("decoder_start", "pad", "bos", "eos")}
    return spec_of(
        {**halves, "tokens": tokens, **(front_end(case, "encoder") if encoder == "family" else {})}
    )


def filled(case: Case, spec: crossloom.Spec) -> Any:
    """A model of `spec` with the tensors of the case's; the graph of a decoder holds the head too."""
    model = crossloom.build(spec).eval()
    state = case.ours.state_dict()
    named = {name if name in model.state_dict() else f"decoder.{name}": state[name] for name in state}
    model.load_state_dict(named)
    return model


@pytest.mark.parametrize("forms", FORMS, ids="-".join)
@pytest.mark.parametrize("seed", SEEDS)
def test_graph_and_family_compute_the_same(
    cases: Callable[[int], Case], seed: int, forms: tuple[str, str]
) -> None:
    case = cases(seed)
    families = filled(case, combined(case, "family", "family"))
    ours = emitted_runner.run(filled(case, combined(case, *forms)), case.batch)
    for name, tensor in emitted_runner.run(families, case.batch).items():
        assert torch.equal(ours[name], tensor), name


def test_the_emitted_file_alone_computes_the_same(cases: Callable[[int], Case], tmp_path: Path) -> None:
    case = cases(SEEDS[0])
    folders = {forms: tmp_path / "-".join(forms) for forms in FORMS}
    models = {forms: filled(case, combined(case, *forms)) for forms in FORMS}
    for forms, folder in folders.items():
        crossloom.emit(models[forms].spec, folder)
        torch.save((models[forms].state_dict(), case.batch), folder / "given.pt")
    command = [sys.executable, "-I", emitted_runner.__file__, *map(str, folders.values())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for forms, folder in folders.items():
        alone = torch.load(folder / "outputs.pt")
        assert alone.pop("keys") == list(models[forms].state_dict())
        for name, tensor in emitted_runner.run(models[forms], case.batch).items():
            assert torch.equal(alone[name], tensor), (forms, name)


def written(folder: Path, text: str) -> Path:
    """A spec file."""
    folder.mkdir(exist_ok=True)
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    return folder / "spec.yaml"


def test_a_pair_of_graphs_generates_trains_and_names_its_parts(tmp_path: Path) -> None:
    model = crossloom.build(written(tmp_path, HALVES))
    assert {name.partition(".")[0] for name in model.state_dict()} == {"encoder", "decoder"}
    assert list(model.state_dict()) == list(crossloom.lower(model.spec).parameters())
    features = torch.randn(2, 40, 80)
    model(features, labels=torch.tensor([[5, 6], [7, -100]])).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    ids = crossloom.generate(model.eval(), input_features=features, max_new_tokens=4)
    assert isinstance(ids, torch.Tensor)
    assert ids.shape[0] == 2
    assert ids[:, 0].tolist() == [2, 2]


def test_a_decoder_alone_reads_what_an_encoder_alone_gives(tmp_path: Path) -> None:
    whole = crossloom.build(written(tmp_path, HALVES)).eval()
    encoder = crossloom.build(written(tmp_path / "encoder", ENCODER)).eval()
    decoder = crossloom.build(written(tmp_path / "decoder", DECODER)).eval()
    for half in (encoder, decoder):
        half.load_state_dict({name: whole.state_dict()[name] for name in half.state_dict()})
    features, ids = torch.randn(2, 40, 80), torch.tensor([[2, 5, 6], [2, 7, 1]])
    with torch.no_grad():
        hidden, mask = encoder.encode(features)
        told = {"encoder_hidden_states": hidden, "encoder_attention_mask": mask}
        assert torch.equal(
            decoder(**told, decoder_input_ids=ids).logits, whole(features, decoder_input_ids=ids).logits
        )


def test_a_block_of_the_decoder_may_come_before_its_stack(tmp_path: Path) -> None:
    """A norm over the encoder's states runs once, in encode, and what it gives is attended to."""
    norm = (
        "      source_norm: {block: layer_norm, with: {width: 64}, inputs: {hidden: encoder_hidden_states}}\n"
    )
    text = HALVES.replace("source: encoder_hidden_states", "source: source_norm.hidden").replace(
        "      embed:\n", f"{norm}      embed:\n"
    )
    model = crossloom.build(written(tmp_path, text)).eval()
    graph = crossloom.lower(model.spec)
    assert str(graph.encoded[0] if graph.encoded else None) == "decoder.source_norm.hidden"
    features = torch.randn(2, 40, 80)
    with torch.no_grad():
        stack = model.encoder.layers.register_forward_hook(lambda *seen: states.append(seen[-1]))
        states: list[Any] = []
        hidden = model.encode(features).hidden
        stack.remove()
        assert torch.equal(hidden, model.decoder.source_norm(states[0]))
