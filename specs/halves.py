"""What the configs of families that fill a role of a spec share: an encoder's or a decoder's."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from specs.family import FamilyConfig
from specs.fields import Size, ids_in_vocabulary
from specs.problems import Problem
from specs.values import Value, View, plain

BY_ROLE = {"is_decoder": frozenset({"decoder"}), "add_cross_attention": frozenset({"decoder"})}
"""Fields that a spec settles by the role it gives the family, and the roles in which they are true."""

WHOLE_BY_ROLE = {**BY_ROLE, "is_encoder_decoder": frozenset({"model", "encoder"})}
"""The same of a family that is published as a whole model too."""


CROSS_WIDTH = "cross_attention_hidden_size"
"""The field of a config.json that says the width a decoder attends to."""


class RoleConfig(FamilyConfig):
    """Switches of a family that can take several roles."""

    is_decoder: bool | None = Field(None, description="whether tokens see none after them; by its role")
    add_cross_attention: bool | None = Field(
        None, description="whether it attends to an encoder; by its role"
    )


class HalfConfig(RoleConfig):
    """Fields of a family that is published as an encoder and as a decoder that may attend to another."""

    cross_attention_hidden_size: Size | None = Field(
        None, description="width of what a decoder attends to, if not its own"
    )


_WORDS = {"model": "a whole model", "encoder": "an encoder", "decoder": "a decoder"}


def half_rules(c: View) -> Iterable[Problem]:
    """What no single field shows: the role, and ids against the vocabulary."""
    yield from role_as_stated(c)
    yield from _nothing_to_attend_to(c)
    yield from ids_in_vocabulary(c)


def _nothing_to_attend_to(c: View) -> Iterable[Problem]:
    """XL205 for the width of cross-attention in an encoder, which has none."""
    width = c.cross_attention_hidden_size
    if c.role == "encoder" and plain(width) is not None:
        yield Problem(
            "XL205",
            "`cross_attention_hidden_size` is what a decoder attends to, and this one is an encoder",
            ((width.origin or "", "nothing reads it"),),
            info=("an encoder attends to its own states",),
            help="remove `cross_attention_hidden_size`, or write it under `decoder:`",
        )


def role_as_stated(c: View) -> Iterable[Problem]:
    """XL205 for switches that contradict the role the spec gives a family: encoder or decoder.

    Left out, they follow from the role: a decoder masks the future and attends to an encoder.
    """
    is_decoder = c.role == "decoder"
    for name, effect in (
        ("is_decoder", "sees the whole text" if is_decoder else "sees no token after its own"),
        ("add_cross_attention", "attends to no encoder" if is_decoder else "attends to an encoder"),
    ):
        field = getattr(c, name)
        stated = plain(field)
        if stated is not None and stated is not is_decoder:
            yield Problem(
                "XL205",
                f"`{name}: {str(stated).lower()}` makes a model that {effect}, and this one is "
                f"{_WORDS[c.role]}",
                ((field.origin or "", "contradicts its role"),),
                info=("both switches follow from where the family stands in the spec",),
                help=f"remove `{name}`",
            )


def cross_width(c: View, width: Value) -> Value:
    """The width that cross-attention reads: the one written, or the decoder's own."""
    stated = c.cross_attention_hidden_size
    return width if plain(stated) is None else stated
