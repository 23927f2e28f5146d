"""The four files of an emission."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from compiler.emission.modeling import modeling_source
from compiler.emission.readme import readme
from compiler.resolved import digest, resolved_yaml
from compiler.spec import Spec
from compiler.weights.table import table_of
from compiler.writing.files import replace_all, text_writer
from compiler.writing.overwriting import MARK, refuse_overwriting
from specs.flow import Flow
from specs.graph import Graph


def render_folder(spec: Spec, graph: Graph, folder: Path | None = None) -> dict[str, str]:
    """File name -> contents. The same spec always gives the same bytes.

    `folder` is where they are meant for: spec.yaml names a relative folder of weights as seen from there.
    """
    table = {"about": f"{MARK}: where every parameter comes from"} | table_of(spec, graph).to_dict()
    return {
        "modeling.py": modeling_source(graph, digest(spec), spec.explicit),
        "weights.json": json.dumps(table, indent=1) + "\n",
        "spec.yaml": f"# The resolved spec, {MARK}: every field is written out.\n"
        + "".join(_flow(flow) for flow in spec.flows)
        + resolved_yaml(spec, folder),
        "README.md": readme(spec, graph),
    }


def _flow(flow: Flow) -> str:
    """The steps of a flow as comments: they follow from the family, and nothing here changes them."""
    steps = "".join(f"#   {step}\n" for step in flow.steps)
    return f"# Flow: {flow.name}, {flow.inputs[0]} to {flow.output}\n{steps}"


def emit_folder(spec: Spec, graph: Graph, folder: Path, force: bool = False) -> list[Path]:
    """Write the four files, each replaced in one step, and none unless all can be.

    Raises:
        CrossloomError: XL602 where that would write over the spec itself or a file that was not emitted,
            unless `force`.
    """
    contents = placed(render_folder(spec, graph, folder), folder)
    if not force:
        refuse_overwriting(contents, spec.file)
    return write_texts(contents)


def placed(files: Mapping[str, str], folder: Path) -> dict[Path, str]:
    """Path -> contents of files by name, in a folder."""
    return {folder / name: text for name, text in files.items()}


def write_texts(contents: Mapping[Path, str]) -> list[Path]:
    """Write texts, each in one step, and none unless all can be."""
    return replace_all({path: text_writer(text) for path, text in contents.items()})
