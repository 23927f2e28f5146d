"""The processor: audio, images and texts to the tensors a model takes, by the model's input names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.configuration.processing import SOURCE_FOLDER
from compiler.installing import require
from runtime.audio.limits import AudioLimits, check_length
from runtime.failures import failure
from runtime.processing.rows import Encode, check_rows, check_texts, encoded, padded
from runtime.tokenizers import Tokenizer
from runtime.tokenizers.files import write_file
from runtime.tokenizers.interface import Errors
from specs.processing.images import Image
from specs.processing.stated import AudioFrontEnd, FrontEnd

if TYPE_CHECKING:
    from torch import Tensor, nn

IGNORED_LABEL = -100
"""Fills labels after the end of a text; the loss leaves it out."""


class Processor:
    """Front end and tokenizers of one model; any may be absent.

    The source's tokenizer makes the encoder's input, the other is of what the decoder reads and writes.

    Importing and constructing need no torch; the first call does.
    """

    def __init__(
        self,
        front_end: FrontEnd | None = None,
        tokenizer: Tokenizer | None = None,
        limits: AudioLimits | None = None,
        files: Mapping[str, Mapping[str, Any]] | None = None,
        source_tokenizer: Tokenizer | None = None,
        longest_source: int | None = None,
        ends: Sequence[int] = (),
    ) -> None:
        """`files` are the JSON files that `save` writes beside the tokenizers' own, by name.

        `longest_source` is how many ids of a text the encoder has positions for, `ends` the ids at which the
        decoder stops.
        """
        self.front_end = front_end
        self.limits = limits or AudioLimits()
        self._tokenizer = tokenizer
        self._source_tokenizer = source_tokenizer
        self._longest_source = longest_source
        self._ends = tuple(ends)
        self._files = files or {}

    def __call__(
        self,
        *,
        audio: Any = None,
        sampling_rate: int | None = None,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        text_target: str | Sequence[str] | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        errors: Errors = "strict",
    ) -> dict[str, Tensor]:
        """Tensors for one example or a batch (a list), a row for each.

        audio: waveform [N] (tensor, array or list of numbers from -1 to 1), or a list of them ->
            input_features [B, F, M] or input_values [B, N] float32, and attention_mask [B, F] or [B, N]
            int64 (1 = valid), which models trained without one do without.
        sampling_rate: of the audio; required with it, and equal to the model's.
        images: a picture (path, image of Pillow, 8-bit colours [height, width, 3]), or a list of them ->
            pixel_values [B, 3, height, width] float32.
        text -> input_ids [B, T] int64, padded, and attention_mask [B, T].
        text_target -> labels [B, T] int64, -100 after the end. Where the tokenizer writes no end, the first
            id at which the decoder stops is added, or it would never learn to.
        src_lang, tgt_lang: languages of the source and of the target, where a tokenizer has several.
        errors: "replace" makes what the tokenizer has no token for unknown tokens.

        Raises CrossloomError: sampling rate missing or unlike (XL415); audio with channels (XL410),
        empty (XL411), too short (XL412), too long (XL413), not samples (XL414); no image
        (XL418); a language unknown or not needed (XL112); text without a token, or an empty one to
        read (XL417); nothing to do (XL105); rows that differ in number (XL104).
        """
        self._refuse_unusable(audio, images, text, text_target, src_lang)
        require("a processor", "torch")
        inputs: dict[str, Tensor] = {}
        if audio is not None:
            inputs |= self._features(audio, sampling_rate)
        if images is not None:
            inputs |= self._pixels(images)
        if text is not None:
            reader = self._source_tokenizer or self.tokenizer
            is_source = self._source_tokenizer is not None
            encode, language = (reader.encode_source, src_lang) if is_source else (reader.encode, tgt_lang)
            rows = self._source_rows(encode, text, language, errors)
            inputs["input_ids"] = padded(rows, reader.pad_id)
            inputs["attention_mask"] = padded([[1] * len(row) for row in rows], 0)
        if text_target is not None:
            rows = encoded(self.tokenizer.encode, text_target, tgt_lang, errors)
            inputs["labels"] = padded([self._ended(row) for row in rows], IGNORED_LABEL)
        check_rows(inputs)
        return inputs

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer. Raises CrossloomError (XL105) where the model has none."""
        if self._tokenizer is None:
            raise failure(
                "XL105", "this model has no tokenizer", help="add a `tokenizer:` section to its spec"
            )
        return self._tokenizer

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it makes the model's inputs of: what its front end takes, `text`, or either."""
        seen = () if self.front_end is None else (self.front_end.takes,)
        reads = self.front_end is None or self._source_tokenizer is not None
        return (*seen, *(("text",) if reads else ()))

    @property
    def padding(self) -> dict[str, int]:
        """Inputs that are not filled with zeros -> what fills them."""
        return {} if self._source_tokenizer is None else {"input_ids": self._source_tokenizer.pad_id}

    @property
    def ends(self) -> tuple[int, ...]:
        """The ids at which the decoder stops."""
        return self._ends

    @property
    def sampling_rate(self) -> int:
        """The rate of the audio this model takes. Raises CrossloomError (XL105) where it takes none."""
        return self._require_front_end().sampling_rate

    def require_end(self) -> None:
        """Refuse a decoder that stops at no id: it would not learn to. CrossloomError, XL404."""
        if self._tokenizer is None or self._ends:
            return
        token = self._tokenizer.kind.special.get("eos")
        index = "..." if token is None else self._tokenizer.ids[token]
        own = "has no token for it" if token is None else f"ends a text with `{token}`, {index}"
        raise failure(
            "XL404",
            "nothing says which id ends a text",
            info=("the decoder's config and `tokens:` name none", f"the tokenizer {own}"),
            help=f"add `tokens: {{eos: {index}}}` to the spec",
        )

    def encode(self, text: str, tgt_lang: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text, special tokens included.

        Text without a token is refused (CrossloomError, XL417); errors="replace" makes it unknown tokens.
        """
        return self.tokenizer.encode(text, tgt_lang, errors)

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True, errors: Errors = "strict") -> str:
        """The text of ids, a list or a one-dimensional tensor.

        An id without a token is refused (CrossloomError, XL402); errors="replace" makes it the unknown token.
        """
        return self.tokenizer.decode(ids, skip_special_tokens, errors)

    def batch_decode(
        self,
        rows: Iterable[Iterable[int]],
        skip_special_tokens: bool = True,
        errors: Errors = "strict",
    ) -> list[str]:
        """The text of each row of ids, as `decode` gives it."""
        return self.tokenizer.batch_decode(rows, skip_special_tokens, errors)

    def split(self, audio: Any) -> list[Tensor]:
        """A waveform in parts the model can take: one, unless it is too long and the policy is `chunk`.

        Joined, the parts are the waveform. Raises CrossloomError as a call does.
        """
        from runtime.audio.splitting import split_at_silence
        from runtime.processing.waveforms import as_waveform

        waveform = as_waveform(audio)
        longest = self.limits.maximum_samples
        if self.limits.long_input != "chunk" or longest is None or len(waveform) <= longest:
            return [waveform]
        slices = split_at_silence(waveform.numpy(), self.sampling_rate, longest, self._minimum_samples())
        return [waveform[part] for part in slices]

    def save(self, folder: str | Path) -> list[Path]:
        """Write the files from which the public implementation makes the same processor; their paths."""
        folder = Path(folder)
        paths = [] if self._tokenizer is None else self._tokenizer.save(folder)
        if self._source_tokenizer is not None and self._source_tokenizer is not self._tokenizer:
            paths += self._source_tokenizer.save(folder / SOURCE_FOLDER if paths else folder)
        for name, contents in self._files.items():
            text = json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            write_file(folder / name, text.encode())
            paths.append(folder / name)
        return paths

    def _refuse_unusable(self, audio: Any, images: Any, text: Any, text_target: Any, src_lang: Any) -> None:
        """XL105 or XL112 for arguments of a call of which there are too few, or too many."""
        if src_lang is not None and (text is None or self._source_tokenizer is None):
            reason = "no text to read is given" if text is None else "the tokenizer marks no source language"
            raise failure(
                "XL112",
                f"`src_lang` is {src_lang!r}, but {reason}",
                help="leave `src_lang` out",
            )
        given = {"audio": audio, "images": images, "text": text}
        several = [f"`{name}`" for name, value in given.items() if value is not None]
        if not several and text_target is None:
            raise failure(
                "XL105", "nothing to process", help="pass `audio`, `images`, `text` or `text_target`"
            )
        if len(several) > 1:
            raise failure(
                "XL112",
                f"{' and '.join(several)} are all inputs, and a model takes one of them"
                if len(several) > 2
                else f"{' and '.join(several)} are both inputs, and a model takes one of them",
                help="pass the text to be produced as `text_target`",
            )

    def _features(self, audio: Any, sampling_rate: int | None) -> dict[str, Tensor]:
        from runtime.processing.waveforms import as_waveforms

        expected = self.sampling_rate
        if sampling_rate != expected:
            raise failure(
                "XL415",
                f"the audio's sampling rate is {sampling_rate} Hz, the model's {expected} Hz"
                if sampling_rate is not None
                else f"the audio's sampling rate is not given; the model's is {expected} Hz",
                info=("at another rate every frequency would be heard as a different one",),
                help=f"pass `sampling_rate={expected}` with audio read by `read_audio(path, {expected})`",
            )
        waveforms = as_waveforms(audio)
        limits = replace(self.limits, minimum_samples=self._minimum_samples())
        for index, waveform in enumerate(waveforms):
            name = "the audio" if len(waveforms) == 1 else f"audio {index}"
            check_length(len(waveform), expected, limits, name)
        features, mask = self._front_end_module(waveforms)
        inputs = {self._require_front_end().input_name: features}
        return inputs if mask is None else {**inputs, "attention_mask": mask}

    def _pixels(self, images: Any) -> dict[str, Tensor]:
        import torch

        from runtime.images import as_pictures, prepared

        if not isinstance(self.front_end, Image):
            raise failure("XL105", "this model takes no images", help=f"pass {self._taken()}")
        arrays = prepared(as_pictures(images), self.front_end)
        if not arrays:
            raise failure("XL105", "there is no image to process", help="pass one, or a list of them")
        pixels = torch.stack([torch.tensor(array) for array in arrays])
        return {self.front_end.input_name: self._pixel_module(pixels)}

    def _taken(self) -> str:
        """What this model takes, as an argument of a call."""
        if self.front_end is None:
            return "`text`"
        return "`images`" if isinstance(self.front_end, Image) else "`audio`"

    def _source_rows(
        self, encode: Encode, texts: str | Sequence[str], language: str | None, errors: Errors
    ) -> list[list[int]]:
        """Ids of source texts: each says something, else XL417, and has positions, else XL405."""
        rows = encoded(encode, texts, language, errors)
        check_texts(encode, texts, rows, language)
        longest = self._longest_source
        for index, row in enumerate(rows):
            if longest is not None and len(row) > longest:
                name = "the text" if len(rows) == 1 else f"text {index}"
                raise failure(
                    "XL405",
                    f"{name} has {len(row)} ids, and the encoder positions for {longest}",
                    help="split it, or use a model that reads longer texts",
                )
        return rows

    def _ended(self, row: list[int]) -> list[int]:
        """Ids of a target text, with an end: the decoder's, where the tokenizer writes none."""
        written = any(one in self._ends for one in (*row[1:], *row[-1:]))
        return row if written or not self._ends else [*row, self._ends[0]]

    def _minimum_samples(self) -> int:
        return max(self.limits.minimum_samples, self._require_front_end().frame_length)

    def _require_front_end(self) -> AudioFrontEnd:
        if self.front_end is None or isinstance(self.front_end, Image):
            raise failure("XL105", "this model takes no audio", help=f"pass {self._taken()}")
        return self.front_end

    @cached_property
    def _front_end_module(self) -> nn.Module:
        from runtime.processing.front_ends import build_front_end

        return build_front_end(self._require_front_end())

    @cached_property
    def _pixel_module(self) -> nn.Module:
        from runtime.processing.front_ends import build_pixel_front_end

        assert isinstance(self.front_end, Image), "asked for after the images were taken"
        return build_pixel_front_end(self.front_end)
