"""Statements that give the parameters of an emitted model their initial values."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.emission.expressions import INDENT, literal
from specs.graph import Graph
from specs.initialisation import Initialisation
from specs.values import plain

_DRAWS = {
    "normal": "nn.init.normal_({target}, 0.0, {0}, generator=generator)",
    "normal_but_padding": "nn.init.normal_({target}, 0.0, {0}, generator=generator)",
    "truncated_normal": "nn.init.trunc_normal_({target}, 0.0, {0}, generator=generator)",
    "uniform": "nn.init.uniform_({target}, {0}, {1}, generator=generator)",
    "uniform_by_inputs": "bound = module.weight[0].numel() ** -0.5\n"
    "nn.init.uniform_({target}, -bound, bound, generator=generator)",
    "kaiming_normal": "nn.init.kaiming_normal_({target}, generator=generator)",
    "kaiming_uniform": "nn.init.kaiming_uniform_({target}, 5**0.5, generator=generator)",
    "xavier_uniform": "nn.init.xavier_uniform_({target}, generator=generator)",
    "norm_of_taps": "{target}.copy_(torch.linalg.vector_norm(module.direction, dim=(0, 1), keepdim=True))",
    "interleaved_sinusoids": "rows, width = {target}.shape\n"
    "angles = torch.arange(rows).unsqueeze(1) / 10000 ** (torch.arange(0, width, 2) / width)\n"
    "{target}[:, 0::2] = angles.sin()\n"
    "{target}[:, 1::2] = angles.cos()[:, : width // 2]",
    "sinusoids": "{target}.copy_(module.sinusoids())",
    "constant": "nn.init.constant_({target}, {0})",
    "zeros": "nn.init.zeros_({target})",
    "ones": "nn.init.ones_({target})",
}


def initialisation(rule: Initialisation) -> Iterator[str]:
    """The case of a rule: the constructor it is about, and what draws each of its parameters."""
    indent = INDENT * 4
    scope = f' if f"{{name}}.".startswith("{rule.below}.")' if rule.below else ""
    if rule.named:
        assert rule.below, "a rule for some names is one for some place"
        scope += f" and name.endswith({tuple(f'.{word}' for word in rule.named)!r})".replace("'", '"')
    yield f"{indent}case {rule.constructor}(){scope}:"
    for parameter in rule.parameters:
        yield from _drawn(rule, parameter, indent + INDENT)


def tied_initialisation(graph: Graph) -> Iterator[str]:
    """What draws the rest of a module whose weight is tied to another's: its bias, where it has one."""
    owners = {tie.tied.rpartition(".")[0] for tie in graph.ties}
    biased = [f"{owner}.bias" in graph.shapes for owner in owners]
    if any(biased):
        margin = INDENT * 4
        if not all(biased):
            yield f"{margin}if isinstance(module, nn.Linear):"
            margin += INDENT
        rules = [rule for rule in graph.initialisations if rule.constructor == "nn.Linear" and not rule.below]
        for rule in rules:
            yield from _drawn(rule, "bias", margin)


def _drawn(rule: Initialisation, parameter: str, margin: str) -> Iterator[str]:
    distribution, numbers = rule.parameters[parameter]
    target = f"module.{parameter}"
    text = _DRAWS[distribution].format(*(literal(plain(n)) for n in numbers), target=target)
    if parameter == "bias":
        yield f"{margin}if module.bias is not None:"
        margin += INDENT
    yield from (margin + line for line in text.split("\n"))
    if distribution == "normal_but_padding":
        yield f"{margin}if module.padding_idx is not None:"
        yield f"{margin}{INDENT}{target}[module.padding_idx].zero_()"
