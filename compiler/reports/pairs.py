"""Write docs/pairs.md: what every encoder needs beside every decoder.

python -m compiler.reports.pairs           writes docs/pairs.md
python -m compiler.reports.pairs --check   fails where it differs
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from compiler.analysis import analyse
from compiler.passes.written import CROSSING
from compiler.reader import read_text
from compiler.reports.tables import markdown
from compiler.writing.files import replace_text
from specs.bridges import BRIDGE, BRIDGES
from specs.families import FAMILIES, family
from specs.graph import Graph
from specs.values import plain

FILE = Path("docs") / "pairs.md"

_STAND_IN = "tokens: {decoder_start: 0, pad: 0}\n"
"""Ids for decoders whose config has none: sizes do not depend on them."""


@dataclass(frozen=True)
class Cell:
    """What an encoder and a decoder need, each with its family's defaults.

    Attributes:
        widths: of the encoder's output, and of what the decoder attends to.
        is_bridged: whether a projection takes one to the other.
        fresh: patterns of the parameters that checkpoints of the two may lack; the bridge is not among them.
    """

    widths: tuple[int, int]
    is_bridged: bool
    fresh: tuple[str, ...]


@dataclass(frozen=True)
class Half:
    """An encoder or a decoder with its family's defaults.

    Attributes:
        reads: what an encoder is given.
        width: of an encoder's output, or of what a decoder attends to.
        fresh: patterns of the parameters that published checkpoints may lack.
        start: the id a decoder starts from, where its config has one.
        pad: its pad id, where its config has one.
    """

    reads: str
    width: int
    fresh: tuple[str, ...]
    start: int | None = None
    pad: int | None = None


def encoders() -> list[str]:
    """Families that have an encoder."""
    return [name for name in FAMILIES if family(name).encoder is not None]


def decoders() -> list[str]:
    """Families that have a decoder."""
    return [name for name in FAMILIES if family(name).decoder is not None]


def cell(encoder: str, decoder: str) -> Cell:
    """The two together."""
    graph = _graph(f"encoder: {{family: {encoder}}}\ndecoder: {{family: {decoder}}}\n{_STAND_IN}")
    bridge = graph.nodes.get(BRIDGE)
    assert graph.encoded is not None, "a pair encodes"
    width = graph.types[graph.encoded[0]].dims[-1].evaluate({})
    ends = (width, width)
    if bridge is not None:
        ends = (int(bridge.numbers["source_dim"]), int(bridge.numbers["target_dim"]))
    return Cell(
        ends, bridge is not None, _fresh(graph, encoder, "encoder") + _fresh(graph, decoder, "decoder")
    )


def lone_encoder(name: str) -> Half:
    """The encoder of a family."""
    graph = _graph(f"encoder: {{family: {name}}}\n")
    width = graph.types[graph.outputs["hidden"]].dims[-1].evaluate({})
    roles = [type_.role for type_ in graph.inputs.values() if type_.role != "mask"]
    return Half(roles[0].replace("_", " "), width, _fresh(graph, name, "encoder"))


def lone_decoder(name: str) -> Half:
    """The decoder of a family."""
    graph = _graph(f"decoder: {{family: {name}}}\n{_STAND_IN}")
    width = graph.inputs[next(iter(CROSSING))].dims[-1].evaluate({})
    config = family(name).config().model_dump()
    ids = (config.get("decoder_start_token_id"), config.get("pad_token_id"))
    return Half("", width, _fresh(graph, name, "decoder"), *(plain(one) for one in ids))


def _graph(text: str) -> Graph:
    return analyse(read_text(f"crossloom: 1\nname: pair\n{text}", "pair.yaml")).sound()[1]


def _fresh(graph: Graph, name: str, role: str) -> tuple[str, ...]:
    """What published checkpoints of the family may lack of this role; the head is a decoder's."""
    tied = {tie.tied for tie in graph.ties}
    own = [a for a in graph.parameters() if a.startswith("encoder.") is (role == "encoder") and a not in tied]
    return tuple(p for p in family(name).untrained if any(fnmatchcase(address, p) for address in own))


def document() -> str:
    """docs/pairs.md."""
    cells = {(one, other): cell(one, other) for one in encoders() for other in decoders()}
    first = {name: lone_encoder(name) for name in encoders()}
    last = {name: lone_decoder(name) for name in decoders()}
    for (one, other), found in cells.items():
        apart = (first[one].fresh + last[other].fresh, (first[one].width, last[other].width))
        assert apart == (found.fresh, found.widths), f"{one} and {other} together need what they do apart"
    encoding = [("encoder", "reads", "width", "may start `fresh:`")]
    encoding += [(f"`{name}`", h.reads, str(h.width), _patterns(h.fresh)) for name, h in first.items()]
    decoding = [("decoder", "width", "may start `fresh:`", "start id", "pad id")]
    decoding += [
        (f"`{name}`", str(h.width), _patterns(h.fresh), _id(h.start), _id(h.pad)) for name, h in last.items()
    ]
    joining = [("", *(f"`{name}`" for name in last))]
    joining += [(f"`{one}`", *(_bridge(cells[one, other]) for other in last)) for one in first]
    templates = Environment(
        loader=PackageLoader("compiler.reports"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, of names and numbers
    )
    return templates.get_template("pairs.md.j2").render(
        encoders="\n".join(markdown(encoding, right=(2,))),
        decoders="\n".join(markdown(decoding, right=(1, 3, 4))),
        cells="\n".join(markdown(joining)),
        kinds=", ".join(f"`{kind}`" for kind in BRIDGES),
        bridge=BRIDGE,
    )


def _bridge(found: Cell) -> str:
    return f"{found.widths[0]} to {found.widths[1]}" if found.is_bridged else "none"


def _patterns(patterns: tuple[str, ...]) -> str:
    return ", ".join(f"`{pattern}`" for pattern in patterns) or "nothing"


def _id(given: int | None) -> str:
    return "to be given" if given is None else str(given)


def main(arguments: list[str]) -> int:
    """Write or check docs/pairs.md in the working directory."""
    text = document()
    if "--check" not in arguments:
        print(replace_text(FILE, text))
        return 0
    is_current = FILE.exists() and FILE.read_text(encoding="utf-8") == text
    print(f"{FILE}: {'as written' if is_current else 'differs from what the families state'}")
    if not is_current:
        print("run `make generated` and commit the result", file=sys.stderr)
    return 0 if is_current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
