"""A recording to its words, with the trained model that the repository holds."""

from __future__ import annotations

from pathlib import Path

import soundfile
from transformers import Speech2TextForConditionalGeneration, Speech2TextProcessor

import crossloom
from benchmarks.rows import Row
from benchmarks.subject import Subject
from runtime.measuring import timed

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
RECORDING = EXAMPLE / "audio" / "three_one_four_one_five.wav"
WORDS = "three one four one five"


def transcribe(subject: Subject) -> Row:
    """File to text: reading, features, encoder, greedy search, tokenizer."""
    checkpoint = EXAMPLE / "checkpoint"
    spec = crossloom.load_spec("digits")
    model, processor = crossloom.load(spec, checkpoint), crossloom.load_processor(spec, checkpoint)
    their_model = Speech2TextForConditionalGeneration.from_pretrained(checkpoint).eval()
    their_processor = Speech2TextProcessor.from_pretrained(checkpoint)

    def ours() -> str:
        inputs = processor(audio=crossloom.read_audio(RECORDING, 16000), sampling_rate=16000)
        return processor.batch_decode(crossloom.generate(model, **inputs))[0]

    def theirs() -> str:
        samples, rate = soundfile.read(RECORDING, dtype="float32")
        inputs = their_processor(samples, sampling_rate=rate, return_tensors="pt")
        return str(their_processor.batch_decode(their_model.generate(**inputs), skip_special_tokens=True)[0])

    assert ours() == theirs() == WORDS
    return Row("WAV to text, 2.4 s, the digits model", timed(ours), timed(theirs))
