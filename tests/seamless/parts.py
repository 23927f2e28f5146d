"""One part of SeamlessM4T v2 by itself, as it is emitted, with the parameters of the public one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor
from transformers import SeamlessM4Tv2Config

from compiler.build import execute
from compiler.emission.modeling import modeling_source
from compiler.passes.dims import infer
from compiler.passes.initialisation import initialised
from compiler.passes.parameters import parameters
from specs.families.seamless_m4t_v2.config import SeamlessM4Tv2Config as OurConfig
from specs.graph import Graph
from specs.values import View
from specs.weights import Row, WeightMap


def view(config: SeamlessM4Tv2Config, architecture: str | None = None) -> View:
    """A public configuration as a family reads it."""
    written = json.loads(config.to_json_string(use_diff=False))
    fields = {name: written[name] for name in OurConfig.model_fields}
    return View(OurConfig(**fields).model_dump(), "model.config", architecture)


def inferred(graph: Graph) -> Graph:
    """A graph after the passes that a spec goes through."""
    graph, problems = infer(initialised(graph))
    assert not problems
    return parameters(graph)


def loaded(graph: Graph, rows: Iterable[Row], stored: Mapping[str, Tensor]) -> Any:
    """The emitted model of a graph in eval mode; every parameter has its row, and none is fed twice."""
    graph = inferred(graph)
    model = execute(modeling_source(graph, "0")).Model().eval()
    table, tied = WeightMap(tuple(rows)), {tie.tied: tie.kept for tie in graph.ties}
    feeds = {}
    for address in model.state_dict():
        found = table.find(tied.get(address, address))
        assert found is not None, address
        (feeds[address],) = found[1]
    sources = [source for address, source in feeds.items() if address not in tied]
    assert len(sources) == len(set(sources)), "a stored tensor feeds one parameter"
    model.load_state_dict({address: stored[source] for address, source in feeds.items()})
    return model
