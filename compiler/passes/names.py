"""Names that a free graph gives: they become identifiers of the emitted source, so none may be taken."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator, Mapping

from compiler.passes.findings import key_of
from compiler.spec import GraphPart
from specs.language import FreeGraph
from specs.problems import Problem

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_SIZE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

MODULE_NAMES = frozenset(
    [
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""What every torch module has."""

MODEL_NAMES = frozenset(
    {
        "cache", "decode", "decode_states", "decode_step", "encode", "encoded", "generation_defaults",
        "initialise", "length_masks", "new_cache", "self", "sources", "spec", "tables", "vocabulary",
    }
)  # fmt: skip
"""What the live model has besides, and what its methods call their own variables."""

ARGUMENT_NAMES = frozenset(
    {
        "cache", "check_ids", "check_mask", "check_numbers", "encoded", "encoder_outputs", "label_loss",
        "labels", "logits", "loss", "math", "nn", "rotate_right", "self", "shift_right", "torch",
    }
)  # fmt: skip
"""What the methods of the live model take or use besides the graph's inputs."""


def name_problems(part: GraphPart, dims: Mapping[str, int]) -> Iterator[Problem]:
    """XL208 for every name of a graph that cannot be used."""
    graph = part.graph
    for name in graph.nodes:
        yield from _node(f"{part.address}.nodes", name, graph)
    for name in graph.inputs:
        yield from _input(f"{part.address}.inputs.{name}", name)
    for name, stated in graph.inputs.items():
        for index, dim in enumerate(stated.dims):
            if isinstance(dim, str) and dim not in dims and not is_size(dim):
                at = f"{part.address}.inputs.{name}.dims.{index}"
                yield _unusable(at, dim, "a size", "this name", key=False)


def size_problems(dims: Mapping[str, int]) -> Iterator[Problem]:
    """XL208 for every name under `dims:` that cannot be used."""
    for name in dims:
        if not is_size(name):
            yield _unusable(f"dims.{name}", name, "a size", "this name")


def is_identifier(name: str) -> bool:
    """Whether a name is a plain lower-case word that Python has no other use for."""
    return _WORD.fullmatch(name) is not None and not keyword.iskeyword(name)


def is_size(name: str) -> bool:
    """Whether a name can stand for a size."""
    return _SIZE.fullmatch(name) is not None and not keyword.iskeyword(name)


def _node(nodes: str, name: str, graph: FreeGraph) -> Iterator[Problem]:
    address, words = f"{nodes}.{name}", name.split(".")
    taken = next((word for word in words if word in MODULE_NAMES | MODEL_NAMES), None)
    around = next((outer for outer in graph.nodes if name.startswith(f"{outer}.")), None)
    if not all(map(is_identifier, words)):
        yield _unusable(address, name, "a node", "this name")
    elif taken is not None:
        yield Problem(
            "XL208",
            f"a node cannot be called `{name}`: the model has a `{taken}` of its own",
            ((key_of(address), "this name"),),
            help=f"call it `{name}_block`",
        )
    elif around is not None:
        yield Problem(
            "XL208",
            f"`{name}` would lie inside the node `{around}`",
            ((key_of(address), "this name"), (key_of(f"{nodes}.{around}"), "this node")),
            ("a node's name is the address of its module",),
            f"call it `{name.replace('.', '_')}`",
        )


def _input(address: str, name: str) -> Iterator[Problem]:
    if not is_identifier(name):
        yield _unusable(address, name, "an input", "this name")
    elif name in ARGUMENT_NAMES or hasattr(builtins, name):
        yield Problem(
            "XL208",
            f"an input cannot be called `{name}`: the model uses a `{name}` of its own",
            ((key_of(address), "this name"),),
            help="name it as on the Hub: input_features, input_values, input_ids, attention_mask, ...",
        )


def _unusable(address: str, name: str, what: str, label: str, key: bool = True) -> Problem:
    suggestion = re.sub(r"[^a-z0-9_.]+", "_", name.lower()).strip("_.")
    words = [word if is_identifier(word) else f"{word}_" for word in suggestion.split(".")]
    suggestion = ".".join(words) if all(map(is_identifier, words)) else ""
    return Problem(
        "XL208",
        f"{name!r} cannot name {what}",
        ((key_of(address) if key else address, label),),
        ("names become identifiers: lower-case letters, digits and _, and no word of Python",),
        f"call it `{suggestion}`"
        if suggestion
        else "begin with a letter, and go on with letters, digits and _",
    )
