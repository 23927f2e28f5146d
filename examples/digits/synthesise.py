"""Speak random digit sequences with espeak-ng and write them as a corpus for `crossloom train`.

    python examples/digits/synthesise.py build/digits

writes `train.jsonl`, `valid.jsonl`, `test.jsonl` (one `{"audio": path, "text": words}` a line) and the WAV
files they name. The three splits share no speaker: accent, voice and speaking rate are each drawn from sets
that do not meet, so the test split measures voices *and* rates that training never saw.

espeak-ng is a speech synthesiser that most systems package (`apt-get install espeak-ng`,
`brew install espeak-ng`). It is needed to train only: the committed checkpoint and recordings do without it.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from tqdm import tqdm

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SAMPLING_RATE = 16_000  # Hz
LONGEST = 5  # digits in one utterance

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Split:
    """The speakers of one split and how many utterances they speak."""

    name: str
    utterances: int
    accents: tuple[str, ...]
    voices: tuple[str, ...]
    """Voice variants of espeak-ng, each with its own formants; laid over every accent."""
    rates: tuple[int, ...]
    """Speaking rates in words a minute."""
    augmented: bool = False


SPLITS = (
    Split(
        "train",
        16000,
        accents=("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029"),
        voices=(
            *("m1", "m2", "m3", "m5", "m6", "m7", "f1", "f2", "f4", "f5", "klatt", "klatt2", "klatt4"),
            *("Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee"),
            *("Marco", "Mario", "Michael", "Mike", "Storm", "Tweaky", "adam", "anika", "announcer"),
            *("antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "grandma"),
            *("grandpa", "gustave", "iven", "iven2", "iven3", "linda", "marcelo", "max", "michel"),
            *("miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro"),
            *("steph", "steph2", "steph3", "travis", "victor", "zac"),
        ),
        rates=(80, 95, 110, 125, 140, 155, 170, 185, 200, 220, 240),
        augmented=True,
    ),
    Split(
        "valid",
        200,
        accents=("en-gb-x-gbcwmd",),
        voices=("m8", "Alicia", "john"),
        rates=(103, 148, 193),
    ),
    Split(
        "test",
        500,
        accents=("en-us-nyc", "en-gb-x-gbclan"),
        voices=("m4", "f3", "Alex", "Andrea", "edward", "shelby"),
        rates=(88, 117, 132, 162, 177, 210, 230),
    ),
)


@dataclass(frozen=True)
class Utterance:
    """One thing to say, by whom and how."""

    text: str
    voice: str
    rate: int
    pitch: int
    """From 0 to 99, espeak-ng's own scale."""
    gap: int
    """Extra pause between words, in units of 10 ms at the default rate."""


SAMPLES = (
    Utterance("three one four one five", "en-us-nyc+m4", rate=162, pitch=50, gap=2),
    Utterance("two seven one eight", "en-gb-x-gbclan+f3", rate=132, pitch=50, gap=2),
    Utterance("nine", "en-us-nyc+Andrea", rate=177, pitch=40, gap=0),
    Utterance("six zero two two", "en-gb-x-gbclan+Alex", rate=210, pitch=60, gap=0),
)
"""The recordings in `audio/`, by speakers of the test split."""


def draw(split: Split, generator: random.Random) -> Iterator[Utterance]:
    """The utterances of a split; every length from one digit to LONGEST is equally likely."""
    for _ in range(split.utterances):
        words = generator.choices(DIGITS, k=generator.randint(1, LONGEST))
        yield Utterance(
            text=" ".join(words),
            voice=f"{generator.choice(split.accents)}+{generator.choice(split.voices)}",
            rate=generator.choice(split.rates),
            pitch=generator.randint(25, 75),
            gap=generator.randint(0, 6),
        )


def speak(utterance: Utterance) -> Waveform:
    """The waveform of an utterance, [samples] at SAMPLING_RATE, within [-1, 1]."""
    command = ["espeak-ng", "--stdout", "-v", utterance.voice, "-s", str(utterance.rate)]
    command += ["-p", str(utterance.pitch), "-g", str(utterance.gap), utterance.text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    waveform, rate = soundfile.read(BytesIO(spoken), dtype="float32")
    return np.asarray(soxr.resample(waveform, rate, SAMPLING_RATE), dtype=np.float32)


def augment(waveform: Waveform, generator: random.Random) -> Waveform:
    """The utterance as another speaker in another room might say it; [samples] in and out.

    Playing it up to a tenth slower or faster moves formants as a longer or shorter vocal tract does. Then
    there is silence around it, often white noise 15 to 70 dB below it, and gain.
    """
    waveform = soxr.resample(waveform, SAMPLING_RATE, SAMPLING_RATE * generator.uniform(0.9, 1.1))
    before, after = (generator.randint(0, SAMPLING_RATE // 4) for _ in range(2))
    padded = np.pad(waveform, (before, after))
    if generator.random() < 0.7:  # digital silence is common too, and looks quite unlike a quiet room
        source = np.random.default_rng(generator.getrandbits(32))
        white = source.standard_normal(len(padded), dtype=np.float32)
        loudness = float(np.sqrt(np.mean(np.square(waveform))))
        padded = padded + white * loudness * 10 ** (-generator.uniform(15, 70) / 20)
    gain = generator.uniform(0.1, 0.95) / float(np.abs(padded).max())
    return np.asarray(padded * gain, dtype=np.float32)


def write_split(split: Split, folder: Path, seed: int, utterances: Sequence[Utterance]) -> None:
    """Write the recordings of a split and, last, its manifest."""
    (folder / split.name).mkdir(parents=True, exist_ok=True)

    def record(index: int) -> str:
        waveform = speak(utterances[index])
        if split.augmented:
            waveform = augment(waveform, random.Random(f"{seed}/{split.name}/{index}"))
        path = f"{split.name}/{index:05d}.wav"
        soundfile.write(folder / path, waveform, SAMPLING_RATE, subtype="PCM_16")
        return json.dumps({"audio": path, "text": utterances[index].text})

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        rows = workers.map(record, range(len(utterances)))
        lines = list(tqdm(rows, desc=split.name, total=len(utterances), unit="utterance"))
    (folder / f"{split.name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_samples(folder: Path) -> None:
    """Write SAMPLES, each named for what it says, and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for utterance in SAMPLES:
        name = f"{utterance.text.replace(' ', '_')}.wav"
        soundfile.write(folder / name, speak(utterance), SAMPLING_RATE, subtype="PCM_16")
        lines.append(json.dumps({"audio": name, "text": utterance.text}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_corpus(folder: Path, seed: int = 0) -> None:
    """Write the recordings and manifests of all splits into a folder."""
    if shutil.which("espeak-ng") is None:
        sys.exit("espeak-ng is not installed; try: apt-get install espeak-ng")
    for split in SPLITS:
        utterances = list(draw(split, random.Random(f"{seed}/{split.name}")))
        write_split(split, folder, seed, utterances)


@click.command(help=__doc__.split("\n")[0])
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Draws the digits, speakers and noise.")
@click.option("--samples", is_flag=True, help="Write the four recordings of `audio/` instead.")
def main(folder: Path, seed: int, samples: bool) -> None:
    """Write the corpus."""
    if samples:
        write_samples(folder)
    else:
        write_corpus(folder, seed)


if __name__ == "__main__":
    main()
