"""The maps that a generation_config.json of SeamlessM4T v2 holds, for tiny vocabularies.

Four languages are written, three are told apart as units and as voices; codes are a vocabulary's last ids.
Pieces of text are of one to four characters, most with a space in front, some of them punctuation; of their
characters a third are unknown.
"""

from __future__ import annotations

import random
from typing import Any

from transformers import SeamlessM4Tv2Config

SPOKEN = ("eng", "fra", "deu")
"""Languages that can be spoken."""
WRITTEN = (*SPOKEN, "kan")
"""Languages that can be written."""

_SPACE = "▁"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MARKS = ".,!?'"
_UNKNOWN = 1
_SPECIAL = {"pad_token_id": "<pad>", "bos_token_id": "<s>", "eos_token_id": "</s>"}


def language_maps(config: SeamlessM4Tv2Config) -> dict[str, Any]:
    """Codes of languages for text, units and voices; texts of ids; ids of characters."""
    draw = random.Random(config.vocab_size)
    texts = {language: config.vocab_size - len(WRITTEN) + n for n, language in enumerate(WRITTEN)}
    units = {language: config.t2u_vocab_size - len(SPOKEN) + n for n, language in enumerate(SPOKEN)}
    voices = dict(zip(SPOKEN, draw.sample(range(config.vocoder_num_langs), len(SPOKEN)), strict=True))
    return {
        "text_decoder_lang_to_code_id": texts,
        "t2u_lang_code_to_id": units,
        "vocoder_lang_code_to_id": voices,
        "id_to_text": _pieces(config, texts, draw),
        "char_to_id": _characters(config, draw),
    }


def _pieces(config: SeamlessM4Tv2Config, languages: dict[str, int], draw: random.Random) -> dict[str, str]:
    """The text of every id, as it is written in JSON: ids are strings."""
    special = {getattr(config, field): text for field, text in _SPECIAL.items()} | {_UNKNOWN: "<unk>"}
    codes = {code: f"__{language}__" for language, code in languages.items()}
    drawn = {id_: _piece(draw) for id_ in range(config.vocab_size)}
    return {str(id_): text for id_, text in (drawn | special | codes).items()}


def _piece(draw: random.Random) -> str:
    """A mark alone, the space alone, or letters, most of them behind a space."""
    kind = draw.random()
    if kind < 0.2:
        return draw.choice(_MARKS)
    if kind < 0.25:
        return _SPACE
    letters = "".join(draw.choices(_LETTERS, k=draw.randint(1, 3)))
    return letters if kind < 0.5 else _SPACE + letters


def _characters(config: SeamlessM4Tv2Config, draw: random.Random) -> dict[str, int]:
    """Ids of as many characters as there is room for; 0 and 1 are padding and unknown ones."""
    characters = [_SPACE, *_MARKS, *_LETTERS]
    free = [id_ for id_ in range(config.char_vocab_size) if id_ not in (_UNKNOWN, config.pad_token_id)]
    kept = draw.sample(characters, min(len(free), 2 * len(characters) // 3))
    return dict(zip(kept, draw.sample(free, len(kept)), strict=True))
