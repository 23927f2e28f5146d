"""The pieces of a SentencePiece model file, read without its library.

The file is one protocol buffer message: field 1, repeated, is a piece (1 its text, 2 its score), and field 3
the normaliser (2 its table of characters, compiled). Everything else is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from specs.processing.tokenizers import FileProblem

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class PieceModel:
    """Pieces with their log probabilities in the order of their ids, and the table of characters."""

    pieces: tuple[tuple[str, float], ...]
    characters: bytes


def read_pieces(contents: bytes) -> PieceModel:
    """The model in a file. Raises FileProblem where it is none."""
    pieces: list[tuple[str, float]] = []
    characters = b""
    try:
        for number, value in _fields(contents):
            if number == 1:
                fields = dict(_fields(_message(value)))
                score = struct.unpack("<f", _message(fields.get(2, b"\0\0\0\0")))[0]
                pieces.append((_message(fields[1]).decode(), score))
            elif number == 3:
                characters = _message(dict(_fields(_message(value))).get(2, b""))
    except (IndexError, KeyError, TypeError, ValueError, struct.error):
        pieces = []
    if not pieces:
        raise FileProblem("it is not a SentencePiece model")
    return PieceModel(tuple(pieces), characters)


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where bytes are expected")
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number, and a whole number or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(message):
            raise ValueError("the message ends within a field")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, the lowest first; and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
