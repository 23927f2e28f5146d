"""Statements that give the parameters of an emitted model their initial values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from compiler.emission.expressions import INDENT, LINE_WIDTH, literal
from specs.graph import Graph
from specs.initialisation import Initialisation
from specs.values import plain

_DRAWS = {
    "normal": "nn.init.normal_({target}, 0.0, {0}, generator=generator)",
    "normal_but_padding": "nn.init.normal_({target}, 0.0, {0}, generator=generator)",
    "normal_but_row": "nn.init.normal_({target}, 0.0, {0}, generator=generator)\n{target}[{1}].zero_()",
    "truncated_normal": "nn.init.trunc_normal_({target}, 0.0, {0}, generator=generator)",
    "uniform": "nn.init.uniform_({target}, {0}, {1}, generator=generator)",
    "uniform_by_inputs": "bound = module.weight[0].numel() ** -0.5\n"
    "nn.init.uniform_({target}, -bound, bound, generator=generator)",
    "uniform_by_channels_in": "bound = module.weight[:, 0].numel() ** -0.5\n"
    "nn.init.uniform_({target}, -bound, bound, generator=generator)",
    "kaiming_normal": "nn.init.kaiming_normal_({target}, generator=generator)",
    "kaiming_uniform": "nn.init.kaiming_uniform_({target}, 5**0.5, generator=generator)",
    "xavier_uniform": "nn.init.xavier_uniform_({target}, generator=generator)",
    "norm_of_taps": "norms = torch.linalg.vector_norm(module.direction, dim=(0, 1), keepdim=True)\n"
    "{target}.copy_(norms)",
    "interleaved_sinusoids": "rows, width = {target}.shape\n"
    "angles = torch.arange(rows).unsqueeze(1) / 10000 ** (torch.arange(0, width, 2) / width)\n"
    "{target}[:, 0::2] = angles.sin()\n"
    "{target}[:, 1::2] = angles.cos()[:, : width // 2]",
    "sinusoids": "{target}.copy_(module.sinusoids())",
    "constant": "nn.init.constant_({target}, {0})",
    "zeros": "nn.init.zeros_({target})",
    "ones": "nn.init.ones_({target})",
}


def initialisation(rules: Sequence[Initialisation]) -> Iterator[str]:
    """The cases of a graph's rules: the constructors each is about, and what draws every parameter.

    Neighbours that draw the same in the same place are one case.
    """
    for _, group in groupby(rules, _drawing):
        alike = list(group)
        yield from _case(" | ".join(f"{rule.constructor}()" for rule in alike), alike[0])
        for parameter in alike[0].parameters:
            yield from _drawn(alike[0], parameter, INDENT * 5)


def _drawing(rule: Initialisation) -> object:
    draws = {
        name: (draw, [plain(number) for number in numbers])
        for name, (draw, numbers) in rule.parameters.items()
    }
    return draws, rule.below, rule.named


def _case(classes: str, rule: Initialisation) -> Iterator[str]:
    margin = INDENT * 4
    if not rule.below:
        assert not rule.named, "a rule for some names is one for some place"
        yield f"{margin}case {classes}:"
        return
    scope = f'f"{{name}}.".startswith("{rule.below}.")'
    if not rule.named:
        yield f"{margin}case {classes} if {scope}:"
        return
    words = repr(tuple(f".{word}" for word in rule.named)).replace("'", '"')
    line = f"{margin}case {classes} if {scope} and name.endswith({words}):"
    if len(line) <= LINE_WIDTH:
        yield line
        return
    yield line.removesuffix(f"{words}):")
    yield f"{margin}{INDENT}{words}"
    yield f"{margin}):"


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
