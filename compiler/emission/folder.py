"""The four files of an emission."""

from __future__ import annotations

from pathlib import Path

from compiler.emission.modeling import modeling_source
from compiler.emission.readme import readme
from compiler.files import replace_all, text_writer
from compiler.resolved import digest, resolved_yaml
from compiler.spec import Spec
from compiler.weights.table import table_of
from specs.graph import Graph


def render_folder(spec: Spec, graph: Graph, folder: Path | None = None) -> dict[str, str]:
    """File name -> contents. The same spec always gives the same bytes.

    `folder` is where they are meant for: spec.yaml names a relative folder of weights as seen from there.
    """
    return {
        "modeling.py": modeling_source(graph, digest(spec), spec.explicit),
        "weights.json": table_of(spec, graph).to_json() + "\n",
        "spec.yaml": resolved_yaml(spec, folder),
        "README.md": readme(spec, graph),
    }


def emit_folder(spec: Spec, graph: Graph, folder: Path) -> list[Path]:
    """Write the four files, each replaced in one step, and none unless all can be."""
    contents = render_folder(spec, graph, folder)
    return replace_all({folder / name: text_writer(text) for name, text in contents.items()})
