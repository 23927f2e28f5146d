"""What no single field of a SeamlessM4T v2 config.json shows, and no block of its graph either."""

from __future__ import annotations

from collections.abc import Iterable

from specs.families.seamless_m4t_v2 import speech_encoder
from specs.families.seamless_m4t_v2.architectures import parts
from specs.families.seamless_m4t_v2.flow import UNKNOWN
from specs.fields import ids_in_vocabulary, pad_id_given
from specs.problems import Problem
from specs.values import View, plain

_UNIT_IDS = ("t2u_pad_token_id", "t2u_bos_token_id", "t2u_eos_token_id")


def rules(c: View) -> Iterable[Problem]:
    """Problems of the parts that the class has; fields of the others are free."""
    present = parts(c)
    yield from pad_id_given(c, "tell padding from tokens")
    yield from ids_in_vocabulary(c)
    if "speech_encoder" in present:
        yield from speech_encoder.rules(c)
    if "units" in present:
        yield from _unit_ids(c)
    if "vocoder" in present:
        yield from _spoken_units(c)


def _unit_ids(c: View) -> Iterable[Problem]:
    """Ids of units, and the one id that ends a text of which units are made."""
    yield from pad_id_given(c, "tell padding from units", "t2u_pad_token_id")
    yield from ids_in_vocabulary(c, _UNIT_IDS, "t2u_vocab_size")
    yield from _unknown_character(c)
    yield from _one_end(c, "eos_token_id", "texts", "before their characters are counted")
    yield from _one_end(c, "t2u_eos_token_id", "units", "before the vocoder embeds them")


def _unknown_character(c: View) -> Iterable[Problem]:
    """XL402 where the id of unknown characters, which no field names, has no embedding."""
    characters = c.char_vocab_size
    if int(characters) <= UNKNOWN:
        yield Problem(
            "XL402",
            f"char_vocab_size is {int(characters)}, and {UNKNOWN} is the id of an unknown character",
            ((characters.origin or "", f"at least {UNKNOWN + 1}"),),
            help=f"use {UNKNOWN + 1} or more",
        )


def _one_end(c: View, name: str, of: str, when: str) -> Iterable[Problem]:
    """XL404 without an end id, XL116 for a list of them: the published code compares with one."""
    field = getattr(c, name)
    if plain(field) is None:
        yield Problem(
            "XL404",
            f"no end id of {of}: {name} is null",
            ((field.origin or "", "needed to speak"),),
            info=(f"the end of {of} is taken out {when}",),
            help=f"set {name} to the id that ends {of}",
        )
    elif isinstance(plain(field), list):
        yield Problem(
            "XL116",
            f"{name} lists ids, and a model that speaks ends {of} with a single one",
            ((field.origin or "", "a list"),),
            info=(f"the end of {of} is taken out {when}, and the published class compares it with one id",),
            help=f"write `{name}: {plain(field)[0]}`",
        )


def _spoken_units(c: View) -> Iterable[Problem]:
    """XL402 where the vocoder embeds padding that it has no row for, or no unit at all."""
    pad, units = c.t2u_pad_token_id, c.unit_hifi_gan_vocab_size
    if plain(pad) is not None and int(pad) >= int(units):
        yield Problem(
            "XL402",
            f"t2u_pad_token_id {int(pad)} is outside the {int(units)} units that the vocoder embeds",
            ((pad.origin or "", f"at most {int(units) - 1}"), (units.origin or "", "its vocabulary")),
            info=("the vocoder embeds padding by its id, and units by theirs without vocoder_offset",),
            help=f"use an id from 0 to {int(units) - 1}, or raise unit_hifi_gan_vocab_size",
        )
    offset, vocabulary = c.vocoder_offset, c.t2u_vocab_size
    if int(offset) >= int(vocabulary):
        yield Problem(
            "XL402",
            f"vocoder_offset {int(offset)} leaves none of the {int(vocabulary)} unit ids to be spoken",
            (
                (offset.origin or "", f"at most {int(vocabulary) - 1}"),
                (vocabulary.origin or "", "vocabulary"),
            ),
            info=("the vocoder embeds a unit by its id without vocoder_offset",),
            help="set vocoder_offset to the number of special ids before the first unit",
        )
