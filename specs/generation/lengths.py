"""How long a generated sequence may be."""

from __future__ import annotations

from typing import NamedTuple

from specs.generation.options import GenerationOptions
from specs.generation.problems import at, contradiction
from specs.problems import Problem


class Lengths(NamedTuple):
    """Sequence lengths, prefix included: no end token before `minimum`, none after `maximum`."""

    minimum: int
    maximum: int


def resolve_lengths(
    options: GenerationOptions, prompt_length: int, positions: int | None
) -> tuple[Lengths | None, list[Problem]]:
    """The sequence lengths for a prefix of `prompt_length` tokens, start token included.

    Problems: XL408 no limit, XL405 limit beyond the decoder's positions, XL407 limits that leave
    no room or exclude each other.
    """
    limit = _limit(options, prompt_length)
    if limit is None:
        return None, [
            Problem(
                "XL408",
                "no length limit is set anywhere: generation could run forever",
                at("max_new_tokens", "missing"),
                ("neither the call, the spec's `generation:` nor the checkpoint sets one",),
                "set `generation: {max_new_tokens: ...}` in the spec, or pass `max_new_tokens=...`, on the "
                "command line `-g max_new_tokens=...`",
            )
        ]
    maximum, name = limit
    minimum = options.min_length
    minimum_name = "min_length"
    if options.min_new_tokens is not None:
        minimum, minimum_name = prompt_length + options.min_new_tokens, "min_new_tokens"
    problems = []
    if maximum <= prompt_length:
        problems.append(
            contradiction(
                name,
                f"`{name}` allows a sequence of {maximum}, and the prefix already has {prompt_length} tokens",
                "raise it, or limit `max_new_tokens` instead",
            )
        )
    if positions is not None and maximum > positions:
        problems.append(
            Problem(
                "XL405",
                f"`{name}` allows a sequence of {maximum} tokens, and the decoder has {positions} positions",
                at(name, f"reaches {maximum}"),
                help=f"lower it to {positions - (maximum - getattr(options, name))}",
            )
        )
    if minimum > maximum:
        problems.append(
            contradiction(
                minimum_name,
                f"`{minimum_name}` asks for a sequence of {minimum} tokens, and `{name}` allows {maximum}",
                f"lower `{minimum_name}` or raise `{name}`",
            )
        )
    return Lengths(minimum, maximum), problems


def _limit(options: GenerationOptions, prompt_length: int) -> tuple[int, str] | None:
    """The longest sequence, and the option that says so."""
    if options.max_new_tokens is not None:
        return prompt_length + options.max_new_tokens, "max_new_tokens"
    return None if options.max_length is None else (options.max_length, "max_length")
