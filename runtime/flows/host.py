"""Operations between the graphs of a flow: what a person gives, ids and languages, what a person wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from compiler.diagnostics.near import near
from runtime.failures import failure
from runtime.processing import Processor
from runtime.speech.characters import Characters, characters_of_sequences
from runtime.speech.units import Units, units_of_logits


@dataclass(frozen=True, slots=True)
class Host:
    """What an operation may use beside the values it reads.

    Attributes:
        reading: how inputs are read: a language, what becomes of text without a token.
    """

    model: Any
    processor: Processor | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> Processor:
        """The processor, where a flow cannot do without."""
        assert self.processor is not None, "a flow from end to end is given a processor"
        return self.processor

    def table(self, name: str) -> Mapping[str, Any]:
        """A table of the checkpoint's generation_config.json. Raises CrossloomError (XL422) without it."""
        found = self.model.tables.get(name)
        if found is None:
            raise failure(
                "XL422",
                f"the checkpoint's generation_config.json has no `{name}`",
                info=("ids of languages, characters and units are looked up there",),
                help="load a folder or repository whose generation_config.json has it",
            )
        table: Mapping[str, Any] = found
        return table


def _front_end(host: Host, audio: Any) -> Any:
    """Waveforms, a list of [N_i], to the model's inputs."""
    return host.files(audio=audio, sampling_rate=host.files.sampling_rate, **host.reading)


def _tokenize(host: Host, texts: Any) -> Any:
    """Texts, a list, to the model's inputs."""
    return host.files(text=texts, **host.reading)


def _image_front_end(host: Host, images: Any) -> Any:
    """Pictures to the model's inputs."""
    return host.files(images=images, **host.reading)


def _detokenize(host: Host, ids: Any) -> list[str]:
    """Token ids [B, T] to texts."""
    return host.files.batch_decode(ids)


def _language_code(host: Host, language: str, tables: tuple[str, ...]) -> str:
    """The language's code without underscores around it, where every table has it (XL112 where not)."""
    code = language.removeprefix("__").removesuffix("__")
    known = [set(host.table(name)) for name in tables]
    if any(code not in one for one in known):
        everywhere = sorted(set.intersection(*known))
        lacking = next(name for name, one in zip(tables, known, strict=True) if code not in one)
        close = near(code, everywhere)
        raise failure(
            "XL112",
            f"`{language}` is not among the {len(everywhere)} target languages here",
            info=(f"`{lacking}` of the checkpoint's generation_config.json does not have it",),
            help=f"did you mean `{close[0]}`?" if close else f"use one of {', '.join(everywhere)}",
        )
    return code


def _table_entry(host: Host, key: str, table: str) -> int:
    """The id of a key that a table is known to have."""
    return int(host.table(table)[key])


def _bounded_id(_: Host, index: int, count: int, what: str) -> int:
    """An id below `count`. Raises CrossloomError (XL402) for another."""
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise failure(
            "XL402",
            f"{what} {index!r} is out of range: this model has {count}",
            help=f"use a whole number from 0 to {count - 1}",
        )
    return index


def _id_for_rows(_: Host, index: int, ids: Tensor) -> Tensor:
    """An id for every row of ids [R, T]: int64 [R]."""
    return torch.full((len(ids),), index, device=ids.device)


def _prompt(_: Host, index: int, encoded: Any) -> Tensor:
    """Decoder inputs that begin with an id, a row a sentence: int64 [B, 1]."""
    return torch.full((len(encoded.hidden), 1), index, device=encoded.hidden.device)


def _length_mask(_: Host, ids: Tensor, pad: int) -> Tensor:
    """As many ones at the start of a row as ids [R, T] in it are no padding: int64 [R, T]."""
    places = torch.arange(ids.shape[1], device=ids.device)
    return (places < (ids != pad).sum(1, keepdim=True)).long()


def _subword_to_characters(host: Host, ids: Tensor, **special: int) -> Characters:
    """The characters of decoded ids [R, T], by the checkpoint's tables of pieces and characters."""
    return characters_of_sequences(ids, host.table("id_to_text"), host.table("char_to_id"), **special)


def _choose_units(_: Host, logits: Tensor, mask: Tensor, sampling: dict[str, Any], **ids: Any) -> Units:
    """The units of logits [R, U, V], as they are asked for."""
    return units_of_logits(logits, mask, **ids, **sampling)


def _without_last(_: Host, ids: Tensor) -> Tensor:
    """Ids [R, T] but the last of each row, after which nothing is read."""
    return ids[:, :-1]


def _repeat_rows(_: Host, encoded: Any, ids: Tensor) -> Any:
    """What an encoder gave, a row for every row of ids [R, T]: R is a multiple of the sentences."""
    times = len(ids) // len(encoded.hidden)
    if times == 1:
        return encoded
    return type(encoded)(*(None if one is None else one.repeat_interleave(times, 0) for one in encoded))


HOST: Mapping[str, Callable[..., Any]] = {
    "bounded_id": _bounded_id,
    "choose_units": _choose_units,
    "detokenize": _detokenize,
    "front_end": _front_end,
    "id_for_rows": _id_for_rows,
    "image_front_end": _image_front_end,
    "language_code": _language_code,
    "length_mask": _length_mask,
    "prompt": _prompt,
    "repeat_rows": _repeat_rows,
    "subword_to_characters": _subword_to_characters,
    "table_entry": _table_entry,
    "tokenize": _tokenize,
    "without_last": _without_last,
}
"""What each of `specs.flow.HOST_OPERATIONS` computes."""
