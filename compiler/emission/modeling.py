"""A graph as one Python file: block classes copied, the factory and the forward written out."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterator, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from compiler.block_source import BlockLibrary, Definition, library
from compiler.emission.expressions import INDENT, LINE_WIDTH, Factory, literal
from specs.graph import Graph, Initialisation, Node, Ref
from specs.signatures import SIGNATURES
from specs.values import plain

ALWAYS_IMPORTED = {
    "NamedTuple": "from typing import NamedTuple",
    "torch": "import torch",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}

VALUE_CHECKS = {
    **dict.fromkeys(("waveform", "features", "image", "hidden"), "check_numbers"),
    "mask": "check_mask",
    "token_ids": "check_ids",
}
"""The block function that looks at an input, by its role."""


@cache
def environment() -> Environment:
    """The templates of this package."""
    return Environment(
        loader=PackageLoader("compiler.emission"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


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
        self._locals = self._local_names()

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
                imports=list(self._imports(definitions)),
                definitions=[definition.source for definition in definitions],
                summary=f"{len(self._encode)} encode and {len(self._decode)} decode nodes, in order.",
                construction=list(self._construction()),
                initialises_by_name=any(rule.below for rule in graph.initialisations),
                initialisation=[line for rule in graph.initialisations for line in _initialisation(rule)],
                ties=graph.ties,
                tied_modules=_tuple([_member(tie.tied.rpartition(".")[0]) for tie in graph.ties]),
                encode_parameters=[self._parameter(name) for name in encode_inputs],
                encode_lines=[
                    *self._value_checks(encode_inputs),
                    *self._shape_checks(encode_inputs),
                    *self._calls(self._encode, inside_decode=False),
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
                decode_lines=list(self._calls(self._decode, inside_decode=True)),
                logits=self._variable(graph.outputs["logits"], True) if decoding else "",
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
                forward_decode=_wrapped(
                    "logits = self.decode",
                    ["decoder_input_ids", "encoder_outputs"]
                    + [f"{n}={n}" for n in decode_inputs if n != "decoder_input_ids"],
                ),
                vocabulary=self._vocabulary() if decoding else None,
                embedded=(self._limit("decoder_input_ids") or self._vocabulary()) if decoding else None,
                length_masks=_tuple(self._length_masks()),
                start=plain(graph.tokens.decoder_start) if graph.tokens else None,
                pad=plain(graph.tokens.pad) if graph.tokens else None,
            )
        )

    def _definitions(self, decoding: bool) -> list[Definition]:
        roles = {type_.role for type_ in self._graph.inputs.values()}
        used = [check for role, check in VALUE_CHECKS.items() if role in roles]
        used += ["shift_right", "label_loss", "Cache"] if decoding else []
        for node in self._graph.nodes.values():
            used += [block.name for block in node.block.walk()]
        return self._blocks.closure(list(dict.fromkeys(used)))

    def _imports(self, definitions: list[Definition]) -> Iterator[str]:
        """Import lines, standard library first, sorted and joined as a formatter would."""
        lines = dict(ALWAYS_IMPORTED)
        for definition in definitions:
            available = self._blocks.imports[definition.module]
            lines |= {name: available[name] for name in definition.uses if name in available}
        plain_imports = sorted({line for line in lines.values() if line.startswith("import ")})
        members: dict[str, set[str]] = {}
        for line in lines.values():
            if line.startswith("from "):
                module, _, name = line.removeprefix("from ").partition(" import ")
                members.setdefault(module, set()).add(name)
        froms = {
            module: f"from {module} import {', '.join(sorted(names, key=_import_order))}"
            for module, names in members.items()
        }
        ours = [line for line in plain_imports if line.startswith("import torch")]
        standard = [line for line in plain_imports if line not in ours]
        standard += [froms[m] for m in sorted(froms) if not m.startswith("torch")]
        ours += [froms[m] for m in sorted(froms) if m.startswith("torch")]
        yield from standard
        yield ""
        yield from ours

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

    def _calls(self, nodes: list[Node], inside_decode: bool) -> Iterator[str]:
        for node in nodes:
            signature = SIGNATURES[node.kind]
            arguments = []
            for port in signature.inputs:
                ref = node.inputs.get(port.name)
                if ref is not None:
                    text = self._variable(ref, inside_decode)
                    arguments.append(f"{port.name}={text}" if port.optional else text)
            if signature.keeps_state and inside_decode:
                arguments.append("cache=cache")
            used = self._used_ports(node)
            targets = [
                self._local(Ref(node.name, port.name)) if port.name in used else "_"
                for port in signature.outputs
            ]
            call = f"{', '.join(targets)} = self.{node.name}({', '.join(arguments)})"
            type_ = self._graph.types.get(Ref(node.name, signature.outputs[0].name))
            comment = f"  # {type_}" if type_ else ""
            if comment and len(call) + len(comment) + 2 * len(INDENT) > LINE_WIDTH:
                yield comment.strip()
                comment = ""
            lines = _wrapped(f"{', '.join(targets)} = self.{node.name}", arguments)
            yield from lines if len(lines) > 1 else [lines[0] + comment]

    def _used_ports(self, node: Node) -> set[str]:
        used = {ref.port for ref in self._graph.outputs.values() if ref.node == node.name}
        used |= {ref.port for ref in self._graph.encoded or () if ref and ref.node == node.name}
        for other in self._graph.nodes.values():
            used |= {ref.port for ref in other.inputs.values() if ref.node == node.name}
        return used

    def _variable(self, ref: Ref, inside_decode: bool) -> str:
        if not ref.node and (not inside_decode or ref.port.startswith("decoder_")):
            return ref.port
        if inside_decode and self._graph.encoded:
            hidden, mask = self._graph.encoded
            if ref == hidden:
                return "encoded.hidden"
            if ref == mask:
                return "encoded.mask"
        return self._local(ref)

    def _local(self, ref: Ref) -> str:
        """Local name of a port."""
        return self._locals[ref]

    def _local_names(self) -> dict[Ref, str]:
        """A local name for every port, no two alike: the node's last word where that is free."""
        names: dict[Ref, str] = {}
        for method in (self._encode, self._decode):
            taken = {*self._graph.inputs, *keyword.kwlist, "self", "encoded", "cache", "Encoded", "_"}
            for node in method:
                ports = [port.name for port in SIGNATURES[node.kind].outputs]
                for port in ports:
                    suffix = "" if len(ports) == 1 else f"_{port}"
                    name = node.name.rpartition(".")[2] + suffix
                    if name in taken:
                        name = node.name.replace(".", "_") + suffix
                    while name in taken:
                        name += "_"
                    taken.add(name)
                    names[Ref(node.name, port)] = name
        return names

    def _shape_checks(self, inputs: list[str]) -> Iterator[str]:
        """Statements that refuse inputs of another shape than the graph's, masks unlike what they mask."""
        types = {name: self._graph.inputs[name] for name in inputs}
        for name, type_ in types.items():
            rank = len(type_.dims)
            masked = next(
                (
                    n
                    for n, t in types.items()
                    if n != name and len(t.dims) >= rank and t.dims[:rank] == type_.dims
                ),
                None,
            )
            if masked is not None and type_.role == "mask":
                test = f"{name}.shape != {masked}.shape[:{rank}]"
            else:
                fixed = {i: dim.value for i, dim in enumerate(type_.dims) if dim.value is not None}
                sizes = [f"{name}.shape[{i}] != {size}" for i, size in fixed.items()]
                test = " or ".join([f"{name}.dim() != {rank}", *sizes])
            if name in self._graph.optional_inputs:
                test = (
                    f"{name} is not None and ({test})" if " or " in test else f"{name} is not None and {test}"
                )
            yield f"if {test}:"
            yield f'{INDENT}raise ValueError(f"{name} is {type_} here, not {{list({name}.shape)}}")'

    def _value_checks(self, inputs: list[str]) -> Iterator[str]:
        """Statements that refuse inputs of another dtype, masks and ids that are none."""
        for name in inputs:
            match VALUE_CHECKS.get(self._graph.inputs[name].role):
                case "check_mask":
                    yield f'check_mask("{name}", {name})'
                    continue
                case "check_numbers":
                    call = f'check_numbers("{name}", {name}, self)'
                case "check_ids" if (limit := self._limit(name)) is not None:
                    call = f'check_ids("{name}", {name}, {limit})'
                case _:
                    continue
            if name in self._graph.optional_inputs:
                yield f"if {name} is not None:"
                call = f"{INDENT}{call}"
            yield call

    def _length_masks(self) -> list[str]:
        """The names, as literals, of the inputs of which only the number of ones in a row is read."""
        read = {
            node.inputs[port.name].port
            for node in self._graph.nodes.values()
            for port in SIGNATURES[node.kind].inputs
            if port.lengths_only and port.name in node.inputs and not node.inputs[port.name].node
        }
        return [literal(name) for name in sorted(read)]

    def _vocabulary(self) -> int:
        """How many ids the logits tell apart."""
        return self._graph.types[self._graph.outputs["logits"]].dims[-1].evaluate({})

    def _limit(self, ids: str) -> int | None:
        """How many ids the model takes at an input of them; None where no table holds them."""
        source = Ref("", ids)
        limits = [
            int(node.numbers[port.below])
            for node in self._graph.nodes.values()
            for port in SIGNATURES[node.kind].inputs
            if port.below is not None and node.inputs.get(port.name) == source
        ]
        return min(limits, default=None)

    def _encoded(self) -> str:
        assert self._graph.encoded is not None
        hidden, mask = self._graph.encoded
        return f"Encoded({self._variable(hidden, False)}, {self._variable(mask, False) if mask else None})"

    def _parameter(self, name: str) -> str:
        optional = " | None = None" if name in self._graph.optional_inputs else ""
        return f"{name}: Tensor{optional}"


def _member(address: str) -> str:
    """The expression for what has an address: numbers index lists."""
    return "self" + "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in address.split("."))


def _tuple(items: Sequence[str]) -> str:
    """A tuple of expressions."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _wrapped(head: str, arguments: list[str]) -> list[str]:
    """A call in a method's body, on one line or with its arguments on their own."""
    line = f"{head}({', '.join(arguments)})"
    if len(line) + 2 * len(INDENT) <= LINE_WIDTH:
        return [line]
    return [f"{head}(", f"{INDENT}{', '.join(arguments)}", ")"]


def _import_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, as import sorters have it."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


_DRAWS = {
    "normal": "nn.init.normal_({target}, 0.0, {0}, generator=generator)",
    "normal_but_padding": "nn.init.normal_({target}, 0.0, {0}, generator=generator)",
    "zeros": "nn.init.zeros_({target})",
    "ones": "nn.init.ones_({target})",
}


def _initialisation(rule: Initialisation) -> Iterator[str]:
    indent = INDENT * 4
    scope = f' if name.startswith("{rule.below}.")' if rule.below else ""
    yield f"{indent}case {rule.constructor}(){scope}:"
    for parameter, (distribution, numbers) in rule.parameters.items():
        target = f"module.{parameter}"
        text = _DRAWS[distribution].format(*(literal(plain(n)) for n in numbers), target=target)
        if parameter == "bias":
            yield f"{indent}{INDENT}if module.bias is not None:"
            yield f"{indent}{INDENT * 2}{text}"
        else:
            yield f"{indent}{INDENT}{text}"
        if distribution == "normal_but_padding":
            yield f"{indent}{INDENT}if module.padding_idx is not None:"
            yield f"{indent}{INDENT * 2}{target}[module.padding_idx].zero_()"
