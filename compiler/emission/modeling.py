"""A graph as one Python file: block classes copied, the factory and the forward written out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from compiler.block_source import BlockLibrary, Definition, library
from compiler.emission.calls import Calls, wrapped
from compiler.emission.expressions import INDENT, Factory, literal
from compiler.emission.imports import import_lines
from compiler.emission.initialisation import initialisation, tied_initialisation
from compiler.emission.input_checks import (
    VALUE_CHECKS,
    ids_below,
    length_masks,
    shape_checks,
    value_checks,
    vocabulary,
)
from compiler.emission.rendering import environment
from specs.graph import Graph
from specs.signatures import SIGNATURES
from specs.values import plain


def modeling_source(graph: Graph, digest: str, explicit: Collection[str] = ()) -> str:
    """modeling.py of a verified graph.

    `digest` identifies the resolved spec; `explicit` holds the addresses of fields the spec set to
    something else than their default, which are noted beside their literals.
    """
    return _Writer(graph, library(), explicit).write(digest)


class _Writer:
    def __init__(self, graph: Graph, blocks: BlockLibrary, explicit: Collection[str]) -> None:
        self._graph = graph
        self._blocks = blocks
        self._factory = Factory(blocks, explicit)
        order = graph.order()
        decode = graph.decode_nodes()
        self._encode = [node for node in order if node.name not in decode]
        self._decode = [node for node in order if node.name in decode]
        self._calls = Calls(graph, self._encode, self._decode)

    def write(self, digest: str) -> str:
        graph = self._graph
        decoding = bool(self._decode)
        owner = next((n.name for n in self._decode if SIGNATURES[n.kind].input("source")), None)
        encode_inputs = sorted(
            (name for name in graph.inputs if not name.startswith("decoder_")),
            key=lambda name: name in graph.optional_inputs,  # whatever order a spec has: these come last
        )
        decode_inputs = [name for name in graph.inputs if name.startswith("decoder_")]
        required = [name for name in encode_inputs if name not in graph.optional_inputs]
        definitions = self._definitions(decoding)
        return (
            environment()
            .get_template("modeling.py.j2")
            .render(
                title=literal(graph.name)[1:-1],
                digest=digest,
                imports=list(import_lines(definitions, self._blocks)),
                definitions=[definition.source for definition in definitions],
                summary=f"{len(self._encode)} encode and {len(self._decode)} decode nodes, in order.",
                construction=list(self._construction()),
                initialises_by_name=any(rule.below for rule in graph.initialisations),
                initialisation=list(initialisation(graph.initialisations)),
                ties=graph.ties,
                tied_initialisation=list(tied_initialisation(graph)),
                tied_modules=_tuple([_member(tie.tied.rpartition(".")[0]) for tie in graph.ties]),
                encode_parameters=[self._parameter(name) for name in encode_inputs],
                encode_lines=[
                    *value_checks(graph, encode_inputs),
                    *shape_checks(graph, encode_inputs),
                    *self._calls.lines(self._encode, inside_decode=False),
                ],
                encoded=self._encoded(),
                encode_arguments=", ".join(encode_inputs),
                cache_owner=owner,
                decode_parameters=[
                    "decoder_input_ids: Tensor",
                    "encoded: Encoded",
                    "cache: Cache | None = None" if owner else "cache: None = None",
                    *(self._parameter(name) for name in decode_inputs if name != "decoder_input_ids"),
                ],
                decode_arguments=", ".join(
                    [
                        "decoder_input_ids",
                        "encoded",
                        "cache",
                        *(n for n in decode_inputs if n != "decoder_input_ids"),
                    ]
                ),
                decode_lines=list(self._calls.lines(self._decode, inside_decode=True)),
                logits=self._calls.variable(graph.outputs["logits"], True) if decoding else "",
                forward_parameters=[
                    *(f"{name}: Tensor | None = None" for name in encode_inputs),
                    "decoder_input_ids: Tensor | None = None",
                    *(
                        f"{name}: Tensor | None = None"
                        for name in decode_inputs
                        if name != "decoder_input_ids"
                    ),
                    "labels: Tensor | None = None",
                    "encoder_outputs: Encoded | None = None",
                ],
                required_inputs=required,
                encode_inputs=encode_inputs,
                target_mask="decoder_attention_mask" if "decoder_attention_mask" in decode_inputs else "",
                forward_decode=wrapped(
                    "logits = self.decode",
                    ["decoder_input_ids", "encoder_outputs"]
                    + [f"{n}={n}" for n in decode_inputs if n != "decoder_input_ids"],
                ),
                vocabulary=vocabulary(graph) if decoding else None,
                embedded=(ids_below(graph, "decoder_input_ids") or vocabulary(graph)) if decoding else None,
                length_masks=_tuple(length_masks(graph)),
                shifted_labels=shifted_labels(graph) if decoding else "",
            )
        )

    def _definitions(self, decoding: bool) -> list[Definition]:
        roles = {type_.role for type_ in self._graph.inputs.values()}
        used = [check for role, check in VALUE_CHECKS.items() if role in roles]
        if decoding:
            used += [shifted_labels(self._graph).partition("(")[0], "label_loss", "Cache"]
        for node in self._graph.nodes.values():
            used += [block.name for block in node.block.walk()]
        return self._blocks.closure(list(dict.fromkeys(used)))

    def _construction(self) -> Iterator[str]:
        declared: set[str] = set()
        for node in [*self._encode, *self._decode]:
            parts = node.name.split(".")
            for depth in range(1, len(parts)):
                space = ".".join(parts[:depth])
                if space not in declared:
                    declared.add(space)
                    yield f"{INDENT * 2}self.{space} = nn.Module()"
            yield from self._factory.assignment(f"self.{node.name}", node.block, 2)
        for tie in self._graph.ties:
            yield f"{INDENT * 2}{_member(tie.tied)} = {_member(tie.kept)}"

    def _encoded(self) -> str:
        assert self._graph.encoded is not None
        hidden, mask = self._graph.encoded
        kept = self._calls.variable(mask, False) if mask else None
        return f"Encoded({self._calls.variable(hidden, False)}, {kept})"

    def _parameter(self, name: str) -> str:
        optional = " | None = None" if name in self._graph.optional_inputs else ""
        return f"{name}: Tensor{optional}"


def shifted_labels(graph: Graph) -> str:
    """The expression for decoder inputs that labels give."""
    tokens = graph.tokens
    assert tokens is not None, "a graph that decodes has its ids"
    pad = plain(tokens.pad)
    if tokens.rotate:
        return f"rotate_right(labels, pad={pad})"
    return f"shift_right(labels, start={plain(tokens.decoder_start)}, pad={pad})"


def _member(address: str) -> str:
    """The expression for what has an address: numbers index lists."""
    return "self" + "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in address.split("."))


def _tuple(items: Sequence[str]) -> str:
    """A tuple of expressions."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
