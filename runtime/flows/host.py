"""Operations between the graphs of a flow: what a person gives, ids and languages, what a person wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from compiler.diagnostics.model import CrossloomError
from compiler.diagnostics.near import listed, near
from runtime.failures import failure
from runtime.processing import Processor
from runtime.speech.characters import Characters, characters_of_sequences
from runtime.speech.units import Units, units_of_logits
from specs.counts import counted

_LOOKED_UP = "ids of languages, characters and units are looked up there"


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
        self.require((name,))
        table: Mapping[str, Any] = self.model.tables[name]
        return table

    def require(self, names: Collection[str]) -> None:
        """Refuse a model without some of these tables, for all of them together. CrossloomError, XL422."""
        lacking = [name for name in names if self.model.tables.get(name) is None]
        if not lacking:
            return
        source = getattr(self.model, "sources", {}).get("model")
        read = "the checkpoint's generation_config.json has no"
        built = "this model has no checkpoint, whose generation_config.json would have"
        raise failure(
            "XL422",
            f"{read if source else built} {listed(lacking)}",
            info=(_LOOKED_UP, *((f"in {source}",) if source else ())),
            help="load a folder or repository whose generation_config.json has "
            + ("them" if len(lacking) > 1 else "it"),
        )


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


def _language_code(host: Host, language: Any, tables: tuple[str, ...]) -> str:
    """The language's code without underscores around it, where every table has it.

    The first table is of the languages that are written. Raises CrossloomError: XL103 for what is no text,
    XL112 for a language that a table lacks.
    """
    if not isinstance(language, str):
        raise failure(
            "XL103",
            f"the target language is {language!r}, and no code of a language",
            help='pass a text, such as "eng"',
        )
    code = language.removeprefix("__").removesuffix("__")
    known = {name: set(host.table(name)) for name in tables}
    for name, languages in known.items():
        if code not in languages:
            raise _unknown_language(language, name, known, is_written=code in known[tables[0]])
    return code


def _unknown_language(
    language: str, lacking: str, known: Mapping[str, set[str]], is_written: bool
) -> CrossloomError:
    """XL112 for a language that the table `lacking` lacks."""
    everywhere = sorted(set.intersection(*known.values()))
    close = [] if is_written else near(language, everywhere)
    use = f"use one of {', '.join(everywhere)}"
    if is_written:
        message, help = f"`{language}` can be written here, but not spoken", f"ask for text alone, or {use}"
    else:
        message = f"`{language}` is not among the {len(everywhere)} target languages here"
        help = f"did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else use
    info = f"`{lacking}` of the checkpoint's generation_config.json does not have it"
    return failure("XL112", message, info=(info,), help=help)


def _table_entry(host: Host, key: str, tables: tuple[str]) -> int:
    """The id of a key that a table is known to have."""
    (table,) = tables
    return int(host.table(table)[key])


def _bounded_id(_: Host, index: Any, count: int, what: str) -> int:
    """An id below `count`. Raises CrossloomError: XL103 for what is no whole number, XL402 for another."""
    within = f"use a whole number from 0 to {count - 1}"
    if isinstance(index, bool) or not isinstance(index, int):
        raise failure("XL103", f"the {what} is {index!r}, and no whole number", help=within)
    if not 0 <= index < count:
        raise failure(
            "XL402", f"{what} {index} is out of range: this model has {counted(count, what)}", help=within
        )
    return index


def _id_for_rows(_: Host, index: int, ids: Tensor) -> Tensor:
    """An id for every row of ids [R, T]: int64 [R]."""
    return torch.full((len(ids),), index, device=ids.device)


def _prompt(_: Host, index: int, inputs: Mapping[str, Tensor]) -> Tensor:
    """Decoder inputs that begin with an id, a row for every one of the model's inputs: int64 [B, 1]."""
    rows = next(iter(inputs.values()))
    return torch.full((len(rows), 1), index, device=rows.device)


def _length_mask(_: Host, ids: Tensor, pad: int) -> Tensor:
    """As many ones at the start of a row as ids [R, T] in it are no padding: int64 [R, T]."""
    places = torch.arange(ids.shape[1], device=ids.device)
    return (places < (ids != pad).sum(1, keepdim=True)).long()


def _subword_to_characters(host: Host, ids: Tensor, tables: tuple[str, str], **special: int) -> Characters:
    """The characters of decoded ids [R, T], by the tables of the texts of ids and of their characters."""
    texts, characters = tables
    return characters_of_sequences(ids, host.table(texts), host.table(characters), **special)


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
