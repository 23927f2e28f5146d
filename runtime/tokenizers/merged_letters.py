"""Words as letters merged pair by pair, with ids from a table (Sennrich et al. 2016, "BPE"; fastBPE)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from runtime.failures import failure
from runtime.tokenizers.tables import TableTokenizer
from specs.processing.tokenizers import FileProblem, MergedLetters, text_of

Pair = tuple[str, str]

END = "</w>"
"""Ends the last letter of a word where pairs are looked up."""

GOES_ON = "@@"
"""Ends every piece but the last of a word in the table of ids."""

WORDS = 2**16
"""How many words keep their pieces."""


class MergedLettersTokenizer(TableTokenizer):
    """Encode the words of a text as pieces, nothing around them, and decode ids."""

    def __init__(self, kind: MergedLetters, files: Mapping[str, bytes]) -> None:
        """`files` are the contents of the kind's files by name; without merges nothing is encoded.

        Raises CrossloomError (XL403) where they cannot be used.
        """
        super().__init__(kind, files)
        self.kind = kind
        self._ranks = _read_ranks(files[kind.merges_file], kind) if kind.merges_file in files else None
        self._word = lru_cache(WORDS)(self._split)

    def pieces(self, text: str) -> Sequence[str]:
        """The pieces of each word. Raises CrossloomError (XL117) where there are no merges."""
        if self._ranks is None:
            raise failure(
                "XL117",
                f"the tokenizer has no `{self.kind.merges_file}`, so texts cannot be encoded",
                info=("ids can be decoded without it",),
                help=f"add `{self.kind.merges_file}` to the folder of the tokenizer",
            )
        return [piece for word in text.split() for piece in self._word(word)]

    def text(self, tokens: list[str]) -> str:
        """The tokens with spaces between them, and none inside a word."""
        return " ".join(tokens).replace(f"{GOES_ON} ", "")

    def framed(self, ids: list[int], language: str | None) -> list[int]:
        """The ids as they are. Raises CrossloomError (XL112) for a language: there is none."""
        if language is not None:
            self.language_id(language)
        return ids

    def _split(self, word: str) -> tuple[str, ...]:
        *inside, last = merged([*word[:-1], word[-1] + END], self._ranks or {})
        return *(f"{piece}{GOES_ON}" for piece in inside), last.removesuffix(END)


def merged(letters: list[str], ranks: Mapping[Pair, int]) -> list[str]:
    """Merge every occurrence of the pair of the lowest rank, until no pair has one."""
    pieces = letters
    while known := [pair for pair in pairwise(pieces) if pair in ranks]:
        best = min(known, key=lambda pair: ranks[pair])
        joined: list[str] = []
        for piece in pieces:
            # A piece that was just merged is longer than the first of the pair, so none is merged twice.
            if joined and (joined[-1], piece) == best:
                joined[-1] += piece
            else:
                joined.append(piece)
        pieces = joined
    return pieces


def _read_ranks(contents: bytes, kind: MergedLetters) -> dict[Pair, int]:
    """Pair -> rank: a line each, the first and second part, and further ones that say how frequent it is."""
    try:
        lines = text_of(contents).split("\n")
    except FileProblem as error:
        raise failure(
            "XL403", f"`{kind.merges_file}` cannot be used: {error}", help="download it again"
        ) from None
    parts = [line.split() for line in lines if not line.startswith("#version")]
    return {(line[0], line[1]): rank for rank, line in enumerate(parts) if len(line) > 1}
