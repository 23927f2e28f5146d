"""What SeamlessM4T v2 does from end to end: five tasks as steps over its parts."""

from __future__ import annotations

from collections.abc import Iterator

from specs.families.seamless_m4t_v2.architectures import parts
from specs.flow import Flow, Step
from specs.values import View, plain

_TEXT, _UNITS, _VOICES = "text_decoder_lang_to_code_id", "t2u_lang_code_to_id", "vocoder_lang_code_to_id"
"""Tables of the languages that are written, of those with units, of those that are spoken."""

_SPELLING = ("id_to_text", "char_to_id")
"""Tables of the texts of ids, and of the ids of their characters."""

UNKNOWN = 1
"""The id of what has no piece, and of what has no character."""

_NAMES = {
    ("audio", "text"): ("speech recognition", "speech to text translation"),
    ("text", "text"): ("text to text translation",),
    ("text", "speech"): ("text to speech translation",),
    ("audio", "speech"): ("speech to speech translation",),
}
"""What is given and what is wanted -> the tasks; recognition is translation into the language spoken."""


def flows(c: View) -> tuple[Flow, ...]:
    """The tasks that the parts of a class are for."""
    found = parts(c)
    given = [name for name, part in (("audio", "speech_encoder"), ("text", "text_encoder")) if part in found]
    wanted = ["text", *(["speech"] if "vocoder" in found else [])]
    tasks = [(one, other) for one in given for other in wanted]
    return tuple(_flow(c, name, *task) for task in tasks for name in _NAMES[task])


def _flow(c: View, name: str, given: str, wanted: str) -> Flow:
    read = Step("inputs", "host", "front_end" if given == "audio" else "tokenize", (given,))
    if wanted == "text":
        steps = (read, *_asked((_TEXT,)), *_text(), Step("text", "host", "detokenize", ("token_ids",)))
        return Flow(name, (given, "language"), "text", steps)
    steps = (read, *_asked((_TEXT, _UNITS, _VOICES)), *_voice(c), *_text(), *_units(c), *_speech())
    return Flow(name, (given, "language", "speaker", "sampling"), "speech", steps, int(c.sampling_rate))


def _asked(tables: tuple[str, ...]) -> Iterator[Step]:
    """The language asked for, with which texts begin; before anything is computed."""
    yield Step("code", "host", "language_code", ("language",), {"tables": tables})
    yield Step("written_id", "host", "table_entry", ("code",), {"tables": (_TEXT,)})
    yield Step("prompt", "host", "prompt", ("written_id", "inputs"))


def _voice(c: View) -> Iterator[Step]:
    """The voice asked for, as early."""
    yield Step("spoken_id", "host", "table_entry", ("code",), {"tables": (_VOICES,)})
    speakers = {"count": int(c.vocoder_num_spkrs), "what": "speaker"}
    yield Step("voice_id", "host", "bounded_id", ("speaker",), speakers)


def _text() -> Iterator[Step]:
    """The text."""
    yield Step("encoded", "call", "encode", ("inputs",))
    yield Step("token_ids", "generate", "decode", ("encoded", "prompt"))


def _units(c: View) -> Iterator[Step]:
    """Units of the text: its states again, spelt out in characters, each as long as it is spoken."""
    pad = {"pad": plain(c.pad_token_id)}
    yield Step("read_ids", "host", "without_last", ("token_ids",))
    yield Step("heard", "host", "repeat_rows", ("encoded", "token_ids"))
    yield Step("states", "call", "decode_states", ("read_ids", "heard"))
    yield Step("read_mask", "host", "length_mask", ("read_ids",), pad)
    special = {**pad, "unknown": UNKNOWN, "end": plain(c.eos_token_id)}
    spelling = {"tables": _SPELLING, **special}
    yield Step("characters", "host", "subword_to_characters", ("token_ids",), spelling)
    spelt = ("states", "read_mask", "characters.ids", "characters.counts")
    yield Step("predicted", "call", "predict_durations", spelt)
    yield Step("scored", "call", "decode_units", ("predicted.states", "predicted.durations"))
    numbers = {
        "pad": plain(c.t2u_pad_token_id),
        "end": plain(c.t2u_eos_token_id),
        "offset": int(c.vocoder_offset),
        "vocabulary": int(c.unit_hifi_gan_vocab_size),
    }
    read = ("scored.unit_logits", "scored.mask", "sampling")
    yield Step("units", "host", "choose_units", read, numbers)


def _speech() -> Iterator[Step]:
    """The waveform of the units, in the language and the voice asked for."""
    yield Step("voiced", "call", "predict_unit_durations", ("units.ids",))
    yield Step("language_id", "host", "id_for_rows", ("spoken_id", "units.ids"))
    yield Step("speaker_id", "host", "id_for_rows", ("voice_id", "units.ids"))
    read = ("voiced.states", "voiced.durations", "units.ids", "language_id", "speaker_id")
    yield Step("speech", "call", "vocode", read)
