"""Pieces of words by the `tokenizers` library: by longest match, by merges of bytes, by probability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from compiler.diagnostics.near import near
from runtime.failures import failure
from runtime.tokenizers.files import write_file
from runtime.tokenizers.ids import as_ids, as_rows, check_known, joined_punctuation
from runtime.tokenizers.interface import Errors, replaces
from runtime.tokenizers.pipelines import add_special, built, lacking_bytes
from specs.processing.subwords import LANGUAGE, SERIALIZED, TEXT, Subwords


class SubwordTokenizer:
    """Encode texts as their pieces within a template, and decode ids."""

    def __init__(self, kind: Subwords, files: Mapping[str, bytes]) -> None:
        """`files` are the contents of the files of one reading of the kind.

        Raises CrossloomError (XL403) where they cannot be used.
        """
        self.kind = kind
        self._files = files
        name = SERIALIZED if SERIALIZED in files else kind.readings[-1].ids
        try:
            stated = kind.read_ids(name, files[name])
            self._tokenizer = built(kind, files)
        except KeyError as error:  # such as the merges of pairs, in a file of another kind of pieces
            raise _unusable(name, f"it lacks {error}") from None
        except Exception as error:  # the library raises nothing more special
            raise _unusable(name, str(error)) from None
        add_special(self._tokenizer, kind, files)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.ids: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        if self.ids != stated:
            raise _unusable(name, "its ids leave gaps into which the special tokens it lacks would fall")
        self._known = frozenset(self.ids.values())
        self._unknown: int | None = None if kind.unk_token is None else self.ids[kind.unk_token]
        self._lacking = lacking_bytes(kind, self.ids)

    @property
    def largest_id(self) -> int:
        """The largest id that can be encoded."""
        return max(self.ids.values())

    @property
    def pad_id(self) -> int:
        """The id of padding. Raises CrossloomError (XL404) where the tokenizer has none."""
        token = self.kind.special.get("pad")
        if token is None:
            raise failure(
                "XL404",
                "the tokenizer has no token of padding, and texts of a batch differ in length",
                help="set `pad_token` in its section, to a token of its own or to its `eos_token`",
            )
        return self.ids[token]

    def encode(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text that a decoder writes, within the template.

        Raises CrossloomError: a language this tokenizer does not have (XL112); text without a token
        (XL417), unless `errors="replace"` makes it the unknown one, or leaves out what no byte stands for.
        """
        return self._framed(text, self.kind.template, language or self.kind.target_language, errors)

    def encode_source(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text that an encoder reads, within its template. Raises as `encode`."""
        template = self.kind.source_template or self.kind.template
        return self._framed(text, template, language or self.kind.source_language, errors)

    def _framed(self, text: str, template: Sequence[str], language: str | None, errors: Errors) -> list[int]:
        if not replaces(errors) and not self._covers(text):
            words = [word for word in text.split() if not self._covers(word)]
            named = ", ".join(f"`{word}`" for word in dict.fromkeys(words or [text]))
            raise failure(
                "XL417",
                f"the tokenizer has no token for {named}",
                info=("it would become an unknown token, or vanish",),
                help='correct the text, use a tokenizer whose vocabulary covers it, or pass errors="replace"'
                " (`crossloom run --replace-unknown`)",
            )
        if language is not None:
            self.language_id(language)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=not template).ids
        around = {token: [self.ids[token]] for token in template if token not in (TEXT, LANGUAGE)}
        if LANGUAGE in template:
            around[LANGUAGE] = [self.language_id(language or "")]
        return [index for part in template or (TEXT,) for index in (ids if part == TEXT else around[part])]

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True, errors: Errors = "strict") -> str:
        """The text of ids, a list or a one-dimensional tensor.

        Raises CrossloomError for what are no ids (XL103), and for an id without a token (XL402), unless
        `errors="replace"` makes it the unknown one, or leaves it out.
        """
        numbers = as_ids(ids)
        if not replaces(errors):
            check_known(numbers, self._known)
        else:
            known = (index if index in self._known else self._unknown for index in numbers)
            numbers = [index for index in known if index is not None]
        text: str = self._tokenizer.decode(numbers, skip_special_tokens=skip_special_tokens)
        joins = self.kind.clean_up_spaces and type(self._tokenizer.model).__name__ != "BPE"
        return joined_punctuation(text) if joins else text

    def batch_decode(
        self,
        rows: Iterable[Iterable[int]],
        skip_special_tokens: bool = True,
        errors: Errors = "strict",
    ) -> list[str]:
        """The text of each row of ids, as `decode` gives it."""
        return [self.decode(row, skip_special_tokens, errors) for row in as_rows(rows)]

    def language_id(self, code: str) -> int:
        """The id of a language. Raises CrossloomError (XL112) for one this tokenizer does not have."""
        token = self.kind.language_code(code)
        if token is not None:
            return self.ids[token]
        known = ", ".join(self.kind.languages)
        close = near(code, self.kind.languages)
        raise failure(
            "XL112",
            f"the tokenizer has no language {code!r}",
            info=(f"it has {known}" if known else "it has no languages",),
            help=f"did you mean {' or '.join(close)}?"
            if close
            else f"choose one of {known}"
            if known
            else "leave the language out",
        )

    def save(self, folder: Path) -> list[Path]:
        """Write the files as they were read; returns their paths."""
        for name, contents in self._files.items():
            write_file(folder / name, contents)
        return [folder / name for name in self._files]

    def _covers(self, text: str) -> bool:
        """Whether every part of a text has a token: none becomes unknown, and no byte is left out."""
        if self._lacking:
            splitter = self._tokenizer.pre_tokenizer
            letters = {letter for word, _ in splitter.pre_tokenize_str(text) for letter in word}
            if letters & self._lacking:
                return False
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        unknown = self.kind.unk_token
        return unknown is None or self._unknown not in encoded.ids or unknown in text


def _unusable(name: str, why: str) -> Exception:
    help = "use the files of the tokenizer this model was trained with, or download them again"
    return failure("XL403", f"`{name}` cannot be used: {why}", help=help)
