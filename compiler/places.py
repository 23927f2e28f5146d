"""Where in a spec a finding about something beside it is shown."""

from __future__ import annotations

from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.spec import Spec
from specs.problems import Problem


def id_address(spec: Spec, role: str, purpose: str) -> str:
    """Where a special id (`pad`, `bos`, `eos`, `decoder_start`) is set: `tokens:`, or the config."""
    tokens = spec.language.tokens
    settled = tokens is not None and getattr(tokens, purpose) is not None
    return f"tokens.{purpose}" if settled else f"{role}.config.{purpose}_token_id"


def weights_address(spec: Spec, role: str) -> str:
    """Where a spec names the checkpoint of a role: that of a whole which is put together, at the top."""
    return f"{role}.weights" if role in spec.data else "weights"


def located(spec: Spec, problem: Problem, role: str) -> Diagnostic:
    """A problem at the first of its places, or at the component's where nothing there is written."""
    address, label = problem.at[0] if problem.at else (weights_address(spec, role), "this checkpoint")
    return Diagnostic(
        problem.code,
        Severity(problem.severity),
        problem.message,
        spans_of(spec, address, label) or spans_of(spec, role, label),
        problem.info,
        problem.help,
    )


def spans_of(spec: Spec, address: str, label: str) -> tuple[Span, ...]:
    """The place of an address, or of the nearest one that encloses it and was written."""
    steps = address.split(".")
    for length in range(len(steps), 0, -1):
        span = spec.origins.get(".".join(steps[:length]))
        if span is not None:
            is_default = length < len(steps) and "config" in steps
            told = f"`{steps[-1]}` is not written here: {label}" if is_default else label
            return (span._replace(label=told),)
    return ()
