"""How a model's inputs and texts are made: a closed list of kinds, each named for what it computes.

A family translates its Hub files (`preprocessor_config.json`, `tokenizer_config.json`) into these
kinds; `runtime` implements the kinds and knows no family. Problems found here name addresses of a
spec; a file that cannot be used is a `FileProblem`, which names the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from specs.problems import Problem


class Section(BaseModel):
    """A part of a spec whose fields are named as in a Hub file. Nothing unknown, nothing coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class FilterBank:
    """Log-mel energies of frames, normalised over the utterance. The frame geometry is in samples."""

    sampling_rate: int = 16000
    mel_bins: int = 80
    normalize_means: bool = True
    normalize_vars: bool = True
    padding_value: float = 0.0
    frame_length: int = 400
    frame_shift: int = 160
    fft_length: int = 512
    lowest_frequency: float = 20.0
    preemphasis: float = 0.97
    floor: float = 1.192092955078125e-07
    input_name: ClassVar[str] = "input_features"
    axis: ClassVar[str] = "frames"

    def frames(self, samples: int) -> int:
        """How many frames that many samples give."""
        return max(0, 1 + (samples - self.frame_length) // self.frame_shift)

    def fewest_samples(self, frames: int) -> int:
        """The shortest audio that gives that many frames, at least one."""
        return self.frame_length + (frames - 1) * self.frame_shift

    def most_samples(self, frames: int) -> int:
        """The longest audio that gives no more than that many frames, at least one."""
        return self.fewest_samples(frames + 1) - 1


@dataclass(frozen=True, slots=True)
class Waveform:
    """The samples themselves, normalised or not: alone and with a mask, or padded and without one."""

    sampling_rate: int = 16000
    normalize: bool = True
    with_mask: bool = False
    padding_value: float = 0.0
    frame_length: ClassVar[int] = 1
    input_name: ClassVar[str] = "input_values"
    axis: ClassVar[str] = "samples"

    def fewest_samples(self, samples: int) -> int:
        """The shortest audio that gives that many."""
        return samples

    def most_samples(self, samples: int) -> int:
        """The longest audio that gives no more than that many."""
        return samples


@dataclass(frozen=True, slots=True)
class SentencePieceVocabulary:
    """Pieces from a SentencePiece model, ids from a JSON table of pieces.

    `languages` pairs a language code with its piece, whose id the SentencePiece model gives; where
    there are languages, a text begins with the piece of the target language. Every text ends with
    the end token.
    """

    bos_token: str = "<s>"
    eos_token: str = "</s>"
    unk_token: str = "<unk>"
    pad_token: str = "<pad>"
    lower_case: bool = False
    upper_case: bool = False
    clean_up_spaces: bool = False
    languages: tuple[tuple[str, str], ...] = ()
    target_language: str | None = None
    additional_special_tokens: tuple[str, ...] = ()
    table_file: str = "vocab.json"
    pieces_file: str = "sentencepiece.bpe.model"

    @property
    def files(self) -> tuple[str, ...]:
        """Hub files that the tokenizer is made of; it needs all of them."""
        return (self.table_file, self.pieces_file)

    @property
    def ids_file(self) -> str:
        """The one of them that states the ids."""
        return self.table_file

    @property
    def special(self) -> dict[str, str]:
        """Purpose -> token, of the ids that a model's config states too."""
        return {"pad": self.pad_token, "bos": self.bos_token, "eos": self.eos_token}

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """All tokens that are never split into pieces, each once, in the order they are given ids."""
        named = (self.bos_token, self.eos_token, self.unk_token, self.pad_token)
        pieces = tuple(piece for _, piece in self.languages)
        return tuple(
            dict.fromkeys(token for token in named + pieces + self.additional_special_tokens if token)
        )

    def read_ids(self, text: str) -> dict[str, int]:
        """Token -> id from the text of `ids_file`. Special tokens it lacks are numbered on from its length.

        Raises FileProblem where it is no table of ids, or leaves gaps into which special tokens fall.
        """
        ids = ids_of(read_table(text), self.special_tokens)
        if len(set(ids.values())) != len(ids):
            raise FileProblem("its ids leave gaps into which the special tokens it lacks would fall")
        return ids


class TokenizerKind(Protocol):
    """What every kind of tokenizer states, so that nobody needs to know which kind it is."""

    @property
    def files(self) -> tuple[str, ...]:
        """Hub files that the tokenizer is made of; it needs all of them."""

    @property
    def ids_file(self) -> str:
        """The one of them that states the ids."""

    @property
    def special(self) -> Mapping[str, str]:
        """Purpose (`pad`, `bos`, `eos`) -> token, of the ids that a model's config states too."""

    def read_ids(self, text: str) -> dict[str, int]:
        """Token -> id from the text of `ids_file`. Raises FileProblem where it cannot be used."""


FrontEnd = FilterBank | Waveform
"""Every kind of front end."""


@dataclass(frozen=True)
class Processing:
    """What a family states about a model's inputs: kinds, and the Hub files to write beside them.

    Files are name -> JSON contents, from which the public implementation makes the same front end, and,
    together with the files of the tokenizer's kind, the same tokenizer.
    """

    front_end: FrontEnd | None = None
    tokenizer: TokenizerKind | None = None
    front_end_files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tokenizer_files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class FileProblem(Exception):
    """A file cannot be used; the message stands alone and does not name the file."""


def read_table(text: str) -> dict[str, int]:
    """The vocabulary of a `vocab.json`: piece -> id. Needs neither torch nor sentencepiece.

    Raises FileProblem where the text is no JSON object of distinct, non-negative ids.
    """
    pairs: list[tuple[str, Any]] = []

    def keep(items: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs[:] = items
        return dict(items)

    try:
        table = json.loads(text, object_pairs_hook=keep)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileProblem(f"the vocabulary is not readable as JSON: {error}") from None
    if not isinstance(table, dict) or not table:
        raise FileProblem("the vocabulary is not a JSON object of pieces and their ids")
    if len(pairs) != len(table):
        raise FileProblem("the vocabulary lists a piece twice")
    pieces: dict[int, str] = {}
    for piece, index in table.items():
        if type(index) is not int or index < 0:
            raise FileProblem(
                f"the vocabulary gives {piece!r} the id {index!r}, which is not a whole number >= 0"
            )
        if index in pieces:
            raise FileProblem(f"the vocabulary gives {piece!r} and {pieces[index]!r} the same id {index}")
        pieces[index] = piece
    return table


def ids_of(table: Mapping[str, int], special_tokens: Iterable[str]) -> dict[str, int]:
    """The table and the special tokens it lacks, which are numbered on from its length."""
    ids = dict(table)
    for token in special_tokens:
        ids.setdefault(token, len(ids))
    return ids


def check_vocabulary(
    size: int, vocab_size: int, largest_id: int | None, at: tuple[tuple[str, str], ...]
) -> list[Problem]:
    """XL403 where a tokenizer of `size` ids, the last of them `largest_id`, does not fit the model.

    A larger tokenizer makes ids the model has no embedding for; a smaller one leaves the model able
    to say what cannot be written.
    """
    if size != vocab_size:
        return [
            Problem(
                "XL403",
                f"the tokenizer has {size} ids, the model {vocab_size}",
                at,
                info=(
                    "each id of the model must stand for a piece of the tokenizer, and each piece for an id",
                ),
                help=f"set `vocab_size` to {size}, or use the tokenizer this model was trained with",
            )
        ]
    if largest_id is not None and largest_id >= vocab_size:
        return [
            Problem(
                "XL403",
                f"the tokenizer has the id {largest_id}, but the ids of the model end at {vocab_size - 1}",
                at,
                info=(f"{size} pieces fit, but their ids leave gaps",),
                help="number the pieces of the vocabulary from 0 without gaps",
            )
        ]
    return []


def check_special_id(token: str, index: int, given: Any, address: str) -> list[Problem]:
    """XL403 where a tokenizer's special token has another id than the model's for the same purpose.

    The model's is `given`, one id or several, and stands at `address`; None says nothing.
    """
    if given is None or index == given or (isinstance(given, list) and index in given):
        return []
    name = address.rpartition(".")[2]
    return [
        Problem(
            "XL403",
            f"`{name}` is {given}, and the tokenizer gives `{token}` the id {index}",
            ((address, f"`{token}` is {index}"),),
            info=("what the tokenizer writes as one token the model would read as another",),
            help=f"set `{name}` to {index}, or use the tokenizer this model was trained with",
        )
    ]
