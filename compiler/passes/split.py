"""Pass 5 for free graphs: what runs once, in encode, and what runs at every step, in decode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from compiler.diagnostics.near import near
from compiler.passes.connections import WORDS, role_of
from compiler.passes.findings import key_of
from compiler.passes.written import IDS, Written
from specs.graph import OF_DECODING, Graph, Node, Ref
from specs.problems import Problem
from specs.signatures import SIGNATURES

_CROSSING = {"hidden": "hidden states", "mask": "masks"}


def output_problems(written: Written) -> Iterator[Problem]:
    """XL210 and XL205 where what leaves the graph is not what a model, or such a half of one, gives."""
    graph, expected = written.graph, written.expected_outputs()
    kind = f"a model {'with' if IDS in graph.inputs else 'without'} `{IDS}`"
    kind = {"encoder": "an encoder", "decoder": "a decoder"}.get(written.role, kind)
    gives = " and ".join(f"`{name}`" for name in expected)
    ids = [name for name, type_ in graph.inputs.items() if type_.role == "token_ids"]
    if written.role == "model" and IDS not in graph.inputs and "logits" in graph.outputs and len(ids) == 1:
        yield Problem(
            "XL210",
            f"`logits` are computed from `{ids[0]}`, and decoding starts from `{IDS}`",
            ((key_of(written.input(ids[0])), "this name"),),
            help=f"call it `{IDS}`",
        )
        return
    unknown = [name for name in graph.outputs if name not in expected]
    for name in unknown:
        close = near(name, [one for one in expected if one not in graph.outputs])
        yield Problem(
            "XL210",
            f"{kind} does not give `{name}`",
            ((key_of(written.output(name)), "nobody reads this"),),
            (f"it gives {gives}",),
            f"did you mean `{close[0]}`?" if close else f"remove it; the outputs are {gives}",
        )
    first = next(iter(expected))
    if first not in graph.outputs and not unknown:
        # The output is named too: where it was reported, its absence follows from that.
        yield Problem(
            "XL210",
            f"no output is called `{first}`",
            ((f"{written.address}.outputs", f"{kind} gives {gives}"), (written.output(first), "missing")),
            help=f"add `{first}:` with the port that gives it",
        )
    for name, role in expected.items():
        held = role_of(graph, graph.outputs[name]) if name in graph.outputs else None
        if held not in (role, None):
            yield Problem(
                "XL205",
                f"the output `{name}` holds {WORDS[held]}",
                ((written.output(name), f"this is {WORDS[held]}"),),
                help=f"connect a port that holds {WORDS[role]}",
            )


def split(written: Written, graph: Graph) -> tuple[Graph, list[Problem]]:
    """The graph with what crosses from encode to decode, and why it cannot be divided there (XL210).

    `graph` is the written one as its structure leaves it.
    """
    decode = [node for node in graph.order() if node.name in graph.decode_nodes()]
    if not decode:
        hidden, mask = graph.outputs.get("hidden"), graph.outputs.get("mask")
        encoded = None if hidden is None else (hidden, mask)
        return replace(graph, encoded=encoded), list(_early(written, graph, decode))
    problems = [*_early(written, graph, decode), *_stacks(written, decode), *_across_time(written, decode)]
    found = _crossing(written, decode)
    problems += list(_unfit(written, graph, found))
    hidden, mask = (next((ref for ref in found if role_of(graph, ref) == role), None) for role in _CROSSING)
    if hidden is None:
        return graph, problems
    return replace(graph, encoded=(hidden, mask)), problems


def _crossing(written: Written, decode: list[Node]) -> dict[Ref, list[str]]:
    """What decode reads of encode and of encode's inputs, with the addresses that read it."""
    inside = {node.name for node in decode}
    found: dict[Ref, list[str]] = {}
    for node in decode:
        for port, ref in node.inputs.items():
            if ref.node not in inside and (ref.node or not ref.port.startswith(OF_DECODING)):
                found.setdefault(ref, []).append(f"{written.node(node.name)}.inputs.{port}")
    return found


def _unfit(written: Written, graph: Graph, found: dict[Ref, list[str]]) -> Iterator[Problem]:
    by_role: dict[str, list[Ref]] = {role: [] for role in _CROSSING}
    for ref, places in found.items():
        role = str(role_of(graph, ref))
        if role in by_role:
            by_role[role].append(ref)
            continue
        yield Problem(
            "XL210",
            f"decode reads `{ref}`, which is given to encode alone",
            tuple((place, "read here") for place in places),
            help="let a node of encode read it, and attend to that",
        )
    for role, refs in by_role.items():
        if len(refs) > 1:
            yield Problem(
                "XL210",
                f"decode reads {len(refs)} different {_CROSSING[role]} of encode",
                tuple((found[ref][0], str(ref)) for ref in reversed(refs)),
                ("encode hands over hidden states and, where there is one, their mask",),
                f"connect all of them to `{refs[0]}`",
            )
    if not by_role["hidden"]:
        yield Problem(
            "XL210",
            "decode reads no hidden states of encode",
            ((written.output("logits"), "does not depend on an encoder"),),
            help="connect a decoder stack to hidden states of the encoder as its `source:`",
        )


def _early(written: Written, graph: Graph, decode: list[Node]) -> Iterator[Problem]:
    """Nodes of encode that read what is only given to decode."""
    inside = {node.name for node in decode}
    for node in graph.nodes.values():
        for port, ref in node.inputs.items():
            if node.name not in inside and not ref.node and ref.port.startswith(OF_DECODING):
                yield Problem(
                    "XL210",
                    f"`{node.name}` is part of encode, and `{ref}` is given to decode",
                    ((f"{written.node(node.name)}.inputs.{port}", "not known yet"),),
                    (f"encode is every node that does not depend on `{IDS}`",),
                    "connect an input of encode, whose name does not begin with `decoder_`",
                )


def _stacks(written: Written, decode: list[Node]) -> Iterator[Problem]:
    stacks = [node.name for node in decode if SIGNATURES[node.kind].input("source") is not None]
    if len(stacks) > 1:
        yield Problem(
            "XL210",
            f"a model has one decoder stack, and this one has {' and '.join(f'`{name}`' for name in stacks)}",
            tuple((written.node(name), "a decoder stack") for name in reversed(stacks)),
            ("the decode cache belongs to one stack",),
            "join them: give one stack all the `layers`",
        )


def _across_time(written: Written, decode: Iterable[Node]) -> Iterator[Problem]:
    for node in decode:
        if SIGNATURES[node.kind].mixes_time and not SIGNATURES[node.kind].keeps_state:
            yield Problem(
                "XL210",
                f"`{node.name}` looks across positions, and decode gives it one at a time",
                ((written.node(node.name), "runs at every decode step"),),
                ("only blocks with a decode cache know the positions before",),
                "use a block of decoders in its place, or move it to the encoder",
            )
