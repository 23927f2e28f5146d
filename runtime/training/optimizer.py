"""Which parameters learn, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

import torch
from torch import nn

from compiler.checkpoint.findings import quoted
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.diagnostics.near import near
from runtime.failures import failure
from runtime.training.options import TrainingOptions


def frozen_addresses(model: nn.Module, patterns: Sequence[str]) -> set[str]:
    """The parameter addresses that the patterns cover; `*` stands for any text, dots included.

    A pattern is an address, a prefix that ends before a dot (`encoder.layers.0`) or a glob (`encoder.*`).
    A tied parameter is frozen under any of its addresses.

    Raises:
        CrossloomError: XL203 for each pattern that covers nothing, with near addresses.
    """
    addresses = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    covered: set[str] = set()
    findings = []
    for pattern in patterns:
        hits = {name for name in addresses if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")}
        if not hits:
            findings.append(_covers_nothing(pattern, addresses))
        covered |= hits
    if findings:
        raise CrossloomError(findings)
    return covered


def _covers_nothing(pattern: str, addresses: Sequence[str]) -> Diagnostic:
    steps = [name.split(".") for name in addresses]
    prefixes = dict.fromkeys(".".join(name[:depth]) for name in steps for depth in range(1, len(name) + 1))
    close = near(pattern.removesuffix(".*"), prefixes)
    help = f"near addresses: {', '.join(close)}" if close else "`crossloom show SPEC` lists the addresses"
    message = f"`freeze` names `{pattern}`, and no parameter has such an address"
    return Diagnostic("XL203", Severity.ERROR, message, help=help)


@contextmanager
def frozen(model: nn.Module, patterns: Sequence[str]) -> Iterator[None]:
    """Within the block, the covered parameters take no gradient; afterwards each is as it was before."""
    covered = frozen_addresses(model, patterns)
    parameters = [p for name, p in model.named_parameters(remove_duplicate=False) if name in covered]
    before = [parameter.requires_grad for parameter in parameters]
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter, requires_grad in zip(parameters, before, strict=True):
            parameter.requires_grad_(requires_grad)


def require_trainable(model: nn.Module) -> None:
    """Have a model say at once what it says to training: one compiled with its weights refuses (XL603)."""
    was_training = model.training
    model.train()
    model.train(was_training)


def require_finite(model: nn.Module) -> None:
    """Refuse a model that has values which are no numbers: every one of its outputs would be none.

    Raises:
        CrossloomError: XL104, with the parameters that have such values.
    """
    broken = [name for name, parameter in model.named_parameters() if not parameter.isfinite().all()]
    if broken:
        message = f"{quoted(broken)} {'holds' if len(broken) == 1 else 'hold'} nan or infinite values"
        help = "load a checkpoint that is whole, or start anew with other options"
        raise failure("XL104", message, help=help)


def make_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) over the parameters that take a gradient.

    Biases and the scales of norms, which have one axis, are not decayed: pulling them to zero moves the
    function's operating point, not its complexity.

    Raises:
        CrossloomError: XL114 where every parameter is frozen, XL112 where one that learns is a half.
    """
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not learning:
        raise failure("XL114", "`freeze` covers every parameter", help="leave something to learn")
    groups = [
        {"params": [p for p in learning if p.dim() > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in learning if p.dim() <= 1], "weight_decay": 0.0},
    ]
    halves = {str(p.dtype) for p in learning if p.dtype in (torch.float16, torch.bfloat16)}
    if halves:
        raise failure(
            "XL112",
            f"the model's weights are {', '.join(sorted(halves))}, too coarse to be trained",
            info=("most updates are smaller than the distance to the next number, and would be lost",),
            help='load the model in float32; `precision="bfloat16"` makes the products faster',
        )
    betas = (options.beta1, options.beta2)
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=betas, fused=True)
