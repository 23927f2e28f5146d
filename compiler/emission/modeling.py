"""A graph as one Python file: block classes copied, the factory and the forward written out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from compiler.block_source import BlockLibrary, Definition, library
from compiler.emission.calls import Calls, wrapped
from compiler.emission.expressions import INDENT, LINE_WIDTH, Factory, literal
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
from compiler.emission.methods import encoded, encoder_text, method_text, parameter
from compiler.emission.rendering import environment
from specs.graph import Graph, Node
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
        self._sections = graph.sections()
        self._calls = Calls(graph)

    def write(self, digest: str) -> str:
        definitions = self._definitions()
        values = {
            "title": literal(self._graph.name)[1:-1],
            "digest": digest,
            "imports": list(import_lines(definitions, self._blocks)),
            "definitions": [definition.source for definition in definitions],
            **self._class(),
            **self._encode(),
            **self._decode(),
            **self._forward(),
        }
        return environment().get_template("modeling.py.j2").render(values)

    def _class(self) -> dict[str, Any]:
        """What the class is, constructs and draws."""
        graph = self._graph
        return {
            "summary": list(_summary(self._sections)),
            "construction": list(self._construction()),
            "initialises_by_name": any(rule.below for rule in graph.initialisations),
            "initialisation": list(initialisation(graph.initialisations)),
            "ties": graph.ties,
            "tied_initialisation": list(tied_initialisation(graph)),
            "tied_modules": _tuple([_member(tie.tied.rpartition(".")[0]) for tie in graph.ties]),
            "length_masks": _masks(length_masks(graph)),
            "methods": [method_text(graph, self._calls, method) for method in graph.methods],
        }

    def _encode(self) -> dict[str, Any]:
        """Encode, or each of several encoders and the choice between them."""
        graph = self._graph
        inputs = sorted(graph.encode_inputs, key=self._is_optional)  # whatever order a spec has: these last
        stated: dict[str, Any] = {
            "encoders": [],
            "encode_inputs": inputs,
            "encode_arguments": ", ".join(inputs),
            "required_inputs": [name for name in inputs if not self._is_optional(name)],
        }
        if graph.encoders:
            chosen = [
                {"main": method.inputs[0], "name": method.name, "arguments": ", ".join(method.inputs)}
                for method in graph.encoders
            ]
            encoders = [encoder_text(graph, self._calls, method) for method in graph.encoders]
            optional = [f"{name}: Tensor | None = None" for name in inputs]
            stated |= {"required_inputs": [], "encode_parameters": optional}
            return {**stated, "encoders": encoders, "chosen": chosen}
        assert graph.encoded is not None
        return {
            **stated,
            "encode_parameters": [parameter(graph, name) for name in inputs],
            "encode_lines": [
                *value_checks(graph, inputs),
                *shape_checks(graph, inputs),
                *self._calls.lines(self._sections["encode"], "encode"),
            ],
            "encoded": wrapped(
                "return Encoded", encoded(self._calls, *graph.encoded, "encode", self._reader())
            ),
        }

    def _reader(self) -> str:
        """The decoder's first parameter: in its dtype the decoder reads the encoder's states."""
        if not self._sections["encode"] or self._graph.methods:
            return ""
        names = {node.name for node in self._sections["decode"]}
        owned = (name for name in self._graph.parameters() if any(name.startswith(f"{n}.") for n in names))
        first = next(owned, None)
        return "" if first is None else _member(first)

    def _decode(self) -> dict[str, Any]:
        """Decode, in two pieces where the states before the head are wanted."""
        graph, nodes = self._graph, self._sections["decode"]
        if not nodes:
            return {"decode_lines": [], "states": ""}
        owner = next((n.name for n in nodes if SIGNATURES[n.kind].input("source")), None)
        others = [name for name in graph.decode_inputs if name != "decoder_input_ids"]
        states = graph.outputs.get("states")
        before = graph.behind([states]) if states else frozenset()
        arguments = ["decoder_input_ids", "encoded", "cache", *others]
        return {
            "cache_owner": owner,
            "decode_parameters": [
                "decoder_input_ids: Tensor",
                "encoded: Encoded",
                "cache: Cache | None = None" if owner else "cache: None = None",
                *(parameter(graph, name) for name in others),
            ],
            "decode_arguments": ", ".join(arguments),
            "states": self._calls.variable(states, "decode") if states else "",
            "states_lines": list(self._calls.lines([n for n in nodes if n.name in before], "decode")),
            "decode_lines": list(self._calls.lines([n for n in nodes if n.name not in before], "decode")),
            "logits": self._calls.variable(graph.outputs["logits"], "decode"),
            "target_mask": "decoder_attention_mask" if "decoder_attention_mask" in others else "",
        }

    def _forward(self) -> dict[str, Any]:
        """The whole, from inputs to a loss."""
        graph = self._graph
        if not self._sections["decode"]:
            return {}
        others = [name for name in graph.decode_inputs if name != "decoder_input_ids"]
        names = [*sorted(graph.encode_inputs, key=self._is_optional), "decoder_input_ids", *others, "labels"]
        given = ["decoder_input_ids", "encoder_outputs", *(f"{name}={name}" for name in others)]
        return {
            "forward_parameters": [
                *(f"{name}: Tensor | None = None" for name in names),
                "encoder_outputs: Encoded | None = None",
            ],
            "forward_decode": wrapped("logits = self.decode", given),
            "vocabulary": vocabulary(graph),
            "embedded": ids_below(graph, "decoder_input_ids") or vocabulary(graph),
            "shifted_labels": shifted_labels(graph),
        }

    def _is_optional(self, name: str) -> bool:
        return name in self._graph.optional_inputs

    def _definitions(self) -> list[Definition]:
        roles = {type_.role for type_ in self._graph.inputs.values()}
        used = [check for role, check in VALUE_CHECKS.items() if role in roles]
        if self._sections["decode"]:
            used += [shifted_labels(self._graph).partition("(")[0], "label_loss", "Cache"]
        for node in self._graph.nodes.values():
            used += [block.name for block in node.block.walk()]
        return self._blocks.closure(list(dict.fromkeys(used)))

    def _construction(self) -> Iterator[str]:
        declared: set[str] = set()
        for node in chain.from_iterable(self._sections.values()):
            parts = node.name.split(".")
            for depth in range(1, len(parts)):
                space = ".".join(parts[:depth])
                if space not in declared:
                    declared.add(space)
                    yield f"{INDENT * 2}self.{space} = nn.Module()"
            yield from self._factory.assignment(f"self.{node.name}", node.block, 2)
        for tie in self._graph.ties:
            yield f"{INDENT * 2}{_member(tie.tied)} = {_member(tie.kept)}"


def _summary(sections: Mapping[str, Sequence[Node]]) -> Iterator[str]:
    """How many nodes every method calls, in the lines of a docstring."""
    counts = [f"{len(nodes)} {name}" for name, nodes in sections.items()]
    text = f"{', '.join(counts[:-1])} and {counts[-1]} nodes, in order."
    if len(text) + 2 * len(INDENT) <= LINE_WIDTH - len(INDENT):
        yield text
        return
    yield "Nodes in order, by the method that calls them."
    yield ""
    yield from (f"{name}: {len(nodes)}" for name, nodes in sections.items())
    yield ""


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


def _masks(found: Mapping[str, Sequence[str]]) -> str:
    """Inputs and the masks that go with them, as a literal."""
    entries = (f"{literal(name)}: {_tuple([literal(m) for m in masks])}" for name, masks in found.items())
    return f"{{{', '.join(entries)}}}"


def _tuple(items: Sequence[str]) -> str:
    """A tuple of expressions."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
