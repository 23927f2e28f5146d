"""Pass 5: the graph's structure against a table of rules, each written once."""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from difflib import get_close_matches

from specs.graph import Graph, Node, Ref
from specs.problems import Problem
from specs.signatures import SIGNATURES

RESERVED = frozenset(
    {
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "children",
        "compile",
        "cpu",
        "cuda",
        "decode",
        "decode_step",
        "double",
        "encode",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "initialise",
        "ipu",
        "keys",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "new_cache",
        "parameters",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "spec",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    }
)
"""Names a torch module or the model already has."""


def structure_problems(graph: Graph) -> list[Problem]:
    """Everything wrong with references, roles, reachability and names; no dimension is looked at."""
    problems = [problem for rule in (_names, _connections) for problem in rule(graph)]
    if not problems:
        problems = list(_cycles(graph)) or list(_dead(graph))
    return problems


def place(node: Node, key: str = "") -> str:
    """Address in a spec of a free graph's node."""
    return f"graph.nodes.{node.name}" + (f".{key}" if key else "")


def _names(graph: Graph) -> Iterable[Problem]:
    for node in graph.nodes.values():
        for word in node.name.split("."):
            if word in RESERVED or keyword.iskeyword(word) or word.startswith("_"):
                yield Problem(
                    "XL208",
                    f"a node cannot be called `{node.name}`: `{word}` is taken by Python or torch",
                    ((place(node), "this name"),),
                    help=f"call it `{node.name}_block`",
                )
                break


def _connections(graph: Graph) -> Iterable[Problem]:
    for node in graph.nodes.values():
        signature = SIGNATURES[node.kind]
        for port in signature.inputs:
            if not port.optional and port.name not in node.inputs:
                yield Problem(
                    "XL206",
                    f"`{node.name}` has no `{port.name}`: block {node.kind} needs it",
                    ((place(node), f"`{port.name}` is not connected"),),
                    help=f"add `{port.name}:` under its `inputs:`",
                )
        for name, ref in node.inputs.items():
            expected = signature.input(name)
            at = place(node, f"inputs.{name}")
            if expected is None:
                ports = [p.name for p in signature.inputs]
                near = get_close_matches(name, ports, n=1)
                yield Problem(
                    "XL207",
                    f"block {node.kind} has no input `{name}`",
                    ((at, "not a port of this block"),),
                    (f"its inputs are {', '.join(ports)}",),
                    f"did you mean `{near[0]}`?" if near else None,
                )
                continue
            role = _role(graph, ref)
            if role is None:
                yield dangling(graph, ref, at)
            elif role != expected.role:
                yield Problem(
                    "XL205",
                    f"`{node.name}` takes {_words(expected.role)} as `{name}`, "
                    f"and `{ref}` holds {_words(role)}",
                    ((at, f"this is {_words(role)}"),),
                    help=f"connect {_words(expected.role)}",
                )
    for name, ref in graph.outputs.items():
        if _role(graph, ref) is None:
            yield dangling(graph, ref, f"graph.outputs.{name}")


def dangling(graph: Graph, ref: Ref, at: str) -> Problem:
    """XL203, with the nearest thing that does exist."""
    existing = [*graph.inputs]
    for node in graph.nodes.values():
        existing += [f"{node.name}.{port.name}" for port in SIGNATURES[node.kind].outputs]
    near = get_close_matches(str(ref), existing, n=1)
    return Problem(
        "XL203",
        f"`{ref}` is neither a graph input nor a node's output",
        ((at, "nothing there"),),
        help=f"did you mean `{near[0]}`?" if near else f"existing: {', '.join(existing)}",
    )


def _role(graph: Graph, ref: Ref) -> str | None:
    if not ref.node:
        return graph.inputs[ref.port].role if ref.port in graph.inputs else None
    node = graph.nodes.get(ref.node)
    if node is None:
        return None
    return next((p.role for p in SIGNATURES[node.kind].outputs if p.name == ref.port), None)


def _cycles(graph: Graph) -> Iterable[Problem]:
    from graphlib import CycleError

    try:
        graph.order()
    except CycleError as error:
        path = [str(name) for name in error.args[1]]
        yield Problem(
            "XL202",
            "nodes wait for each other: " + " -> ".join(reversed(path)),
            tuple((f"graph.nodes.{name}", "in the cycle") for name in dict.fromkeys(reversed(path))),
            help="break the cycle; a model is computed from its inputs to its outputs",
        )


def _dead(graph: Graph) -> Iterable[Problem]:
    wanted = {ref.node for ref in graph.outputs.values()}
    for node in reversed(graph.order()):
        if node.name in wanted:
            wanted |= {ref.node for ref in node.inputs.values()}
    for node in graph.nodes.values():
        if node.name not in wanted:
            yield Problem(
                "XL204",
                f"`{node.name}` reaches no output",
                ((place(node), "computed and thrown away"),),
                help="connect it, or remove it",
            )


def _words(role: str) -> str:
    return {"token_ids": "token ids", "hidden": "hidden states"}.get(role, role)
