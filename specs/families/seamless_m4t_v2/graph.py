"""SeamlessM4T v2 as a graph: the parts of a published class, and the methods that run them."""

from __future__ import annotations

from collections.abc import Iterator

from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2 import speech_encoder, text, units, vocoder
from specs.families.seamless_m4t_v2.architectures import parts
from specs.family import Side
from specs.graph import Graph, Method
from specs.initialisation import Initialisation, normal_initialisation
from specs.values import View


def graph(g: GraphBuilder, c: View, long_input: str) -> Graph:
    """One encoder or two, the text decoder, and where a class speaks the unit model and the vocoder."""
    sides = dict(_encoders(g, c, long_input))
    if len(sides) > 1:
        source = Side(
            g.input("encoder_hidden_states", "hidden", ("batch", "states", c.hidden_size)),
            g.input("encoder_attention_mask", "mask", ("batch", "states"), "int64", optional=True),
        )
    else:
        (source,) = sides.values()
    states, decoder = text.text_decoder(g, c, source.output, source.mask)
    speaks = "vocoder" in parts(c)
    return g.graph(
        {"logits": decoder.output} | ({"states": states} if speaks else {}),
        (source.output, source.mask),
        ties=decoder.ties,
        tokens=decoder.tokens,
        initialisations=tuple(_initialisations(c)),
        encoders=tuple(_encoder_methods(sides)) if len(sides) > 1 else (),
        methods=(*_unit_methods(g, c), *_vocoder_methods(g, c)) if speaks else (),
    )


def _encoders(g: GraphBuilder, c: View, long_input: str) -> Iterator[tuple[str, Side]]:
    """The encoders of a class by their input; both read a mask of the same name."""
    found = parts(c)
    mask = g.input("attention_mask", "mask", ("batch", "source"), "int64", optional=True)
    if "speech_encoder" in found:
        width = c.feature_projection_input_dim
        features = g.input("input_features", "features", ("batch", "source", width))
        yield "input_features", speech_encoder.speech_encoder(g, c, features, mask)
    if "text_encoder" in found:
        ids = g.input("input_ids", "token_ids", ("batch", "source"), "int64")
        yield "input_ids", text.text_encoder(g, c, ids, mask, long_input)


_ENCODERS = {"input_features": ("encode_speech", "speech"), "input_ids": ("encode_text", "text")}
"""Input -> the method that reads it, and what it is."""


def _encoder_methods(sides: dict[str, Side]) -> Iterator[Method]:
    for given, side in sides.items():
        name, what = _ENCODERS[given]
        outputs = {"hidden": side.output} | ({"mask": side.mask} if side.mask else {})
        yield Method(name, f"Run the encoder of {what}.", (given, "attention_mask"), outputs)


def _unit_methods(g: GraphBuilder, c: View) -> Iterator[Method]:
    """From the decoder's states and the characters of its tokens to scores of units."""
    hidden = g.input("token_states", "hidden", ("batch", "tokens", c.hidden_size))
    mask = g.input("token_mask", "mask", ("batch", "tokens"), "int64")
    ids = g.input("character_ids", "token_ids", ("batch", "characters"), "int64")
    counts = g.input("character_counts", "lengths", ("batch", "tokens"), "int64")
    states, durations = units.predict_durations(g, c, hidden, mask, ids, counts)
    yield Method(
        "predict_durations",
        "States of the characters of decoded tokens, and how many units each lasts.",
        ("token_states", "token_mask", "character_ids", "character_counts"),
        {"states": states, "durations": durations},
    )
    hidden = g.input("character_states", "hidden", ("batch", "characters", c.hidden_size))
    lasting = g.input("character_durations", "lengths", ("batch", "characters"), "int64")
    logits, mask = units.decode_units(g, c, hidden, lasting)
    yield Method(
        "decode_units",
        "Scores of the unit at every place, all at once, and which places there are.",
        ("character_states", "character_durations"),
        {"unit_logits": logits, "mask": mask},
    )


def _vocoder_methods(g: GraphBuilder, c: View) -> Iterator[Method]:
    """From units, a language and a speaker to a waveform."""
    ids = g.input("unit_ids", "units", ("batch", "units"), "int64")
    mask = g.input("unit_mask", "mask", ("batch", "units"), "int64", optional=True)
    states, durations = vocoder.unit_durations(g, c, ids, mask)
    yield Method(
        "predict_unit_durations",
        "States of the units, and how many frames each lasts.",
        ("unit_ids", "unit_mask"),
        {"states": states, "durations": durations},
    )
    hidden = g.input("unit_states", "hidden", ("batch", "units", c.unit_embed_dim))
    lasting = g.input("unit_durations", "lengths", ("batch", "units"), "int64")
    pad = int(c.t2u_pad_token_id)
    spoken = g.input("spoken_unit_ids", "units", ("batch", "units"), "int64", fill=pad)
    language = g.input("language_id", "token_ids", ("batch",), "int64")
    speaker = g.input("speaker_id", "token_ids", ("batch",), "int64")
    waveform, lengths = vocoder.vocode(g, c, hidden, lasting, spoken, language, speaker)
    yield Method(
        "vocode",
        "The waveform of units that last so long, and how many samples of each row are speech.",
        ("unit_states", "unit_durations", "spoken_unit_ids", "language_id", "speaker_id"),
        {"waveform": waveform, "lengths": lengths},
    )


def _initialisations(c: View) -> Iterator[Initialisation]:
    """The rules of the parts that differ, and the one that holds everywhere else."""
    found = parts(c)
    if "speech_encoder" in found:
        yield from speech_encoder.initialisations()
    if "units" in found:
        yield from units.initialisations(c)
    if "vocoder" in found:
        yield from vocoder.initialisations()
    yield from normal_initialisation(c.initializer_range, "nn.Linear", "nn.Embedding", "nn.LayerNorm")


def maximum_target(c: View) -> int:
    """Longest decoder input: its table has two rows more than positions, which begin behind padding's."""
    return min(int(c.max_position_embeddings), int(c.max_position_embeddings) + 1 - int(c.pad_token_id))


def maximum_source(c: View) -> int | None:
    """Most ids of a source text; the speech encoder has no table of positions."""
    return maximum_target(c) if "text_encoder" in parts(c) else None


def longest_audio(_: View) -> float:
    """Seconds of a recording that the published models are for.

    They take any length, and leave out most of a longer recording: they were trained on utterances. Their
    authors advise to cut at silence into 15 to 20 seconds (seamless_communication, issue 164).
    """
    return 20.0
