"""`crossloom run` of a model that hears and reads, writes and speaks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import crossloom as crossloom_api
from runtime.audio.writing import clipped, write_speech
from runtime.reading import kinds_of
from runtime.transcription import Transcript
from runtime.translation import translate
from tests.cli.runner import AUDIO, crossloom, result_of
from tests.seamless.folders import SPEAKERS, save_translator

NINE, SIX = str(AUDIO / "nine.wav"), str(AUDIO / "six_zero_two_two.wav")
TEXT = "the quick brown fox"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of all five tasks, as on the Hub; treat it as read-only."""
    return save_translator(tmp_path_factory.mktemp("translator"))


@pytest.fixture(scope="module")
def spec(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `import` makes of it."""
    file = tmp_path_factory.mktemp("spec") / "translator.yaml"
    assert crossloom("import", folder, "-o", file).exit_code == 0
    return file


@pytest.fixture(scope="module")
def expected(spec: Path) -> Any:
    """The model and its processor, to run step by step."""
    model = crossloom_api.load(spec)
    return model, crossloom_api.load_processor(model.spec)


def translated(expected: Any, *, spoken: bool = False, **given: Any) -> tuple[str, Any]:
    """A recording's path or a text in French, by the public interface."""
    model, processor = expected
    if "audio" in given:
        given = {"audio": crossloom_api.read_audio(given["audio"], 16000), "sampling_rate": 16000}
    made = crossloom_api.translate(model, **processor(**given), tgt_lang="fra", generate_speech=spoken)
    text: str = processor.batch_decode(made.sequences)[0]
    if made.waveform is None or made.waveform_lengths is None:
        return text, None
    return text, made.waveform[0, : made.waveform_lengths[0]]


def test_text_and_recordings_keep_their_order(spec: Path, expected: Any) -> None:
    inputs = [TEXT, NINE, "hello world", SIX]
    outcome = crossloom("run", spec, *inputs, "--to", "fra", "--batch-size", "1")
    given: list[dict[str, Any]] = [{"audio" if Path(one).exists() else "text": one} for one in inputs]
    texts = [translated(expected, **one)[0] for one in given]
    assert outcome.stdout.splitlines() == [f"{one}\t{text}" for one, text in zip(inputs, texts, strict=True)]
    assert len(set(texts)) == len(inputs)
    assert crossloom("run", spec, NINE, "--tgt-lang", "fra").stdout == f"{texts[1]}\n"


def test_languages_change_what_is_written(spec: Path) -> None:
    def run(*options: str) -> str:
        return crossloom("run", spec, TEXT, *options).stdout

    assert run("--to", "fra") != run("--to", "deu")
    assert run("--to", "fra") == run("--to", "__fra__", "--from", "eng")
    assert run("--to", "fra", "--from", "deu") == run("--to", "fra", "--src-lang", "__deu__")
    assert run("--to", "fra", "--from", "deu") != run("--to", "fra")


def test_speech_is_written_beside_the_text(spec: Path, expected: Any, tmp_path: Path) -> None:
    for given in ({"audio": NINE}, {"text": TEXT}):
        (source,), target = given.values(), tmp_path / f"{next(iter(given))}.wav"
        outcome = crossloom("run", spec, source, "--to", "fra", "--speech", target)
        text, waveform = translated(expected, spoken=True, **given)
        assert outcome.stdout == f"{text}\n"
        assert f"wrote {target}" in outcome.stderr
        samples, rate = soundfile.read(target)
        assert rate == 16000
        assert soundfile.info(target).subtype == "PCM_16"
        assert np.abs(samples - waveform.numpy()).max() <= 2**-16 + 1e-7
        assert np.abs(samples).max() > 0.01


def test_several_inputs_are_files_of_a_folder(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    again = tmp_path / "again" / "nine.wav"
    again.parent.mkdir()
    shutil.copy(NINE, again)
    told = result_of("run", spec, NINE, TEXT, again, "--to", "fra", "--speech", out, "--format", "json")
    names = ["nine.wav", "the-quick-brown-fox.wav", "nine-2.wav"]
    assert [one["speech"] for one in told] == [str(out / name) for name in names]
    for one in told:
        info = soundfile.info(one["speech"])
        assert (info.frames, info.samplerate) == (one["samples"], one["sampling_rate"])
        assert one["seconds"] == one["samples"] / 16000
    assert {*told[0]} == {"input", "text", "speech", "samples", "sampling_rate", "seconds"}


def test_a_speaker_is_another_voice(spec: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{speaker}.wav" for speaker in range(SPEAKERS)]
    for speaker, file in enumerate(files):
        crossloom("run", spec, TEXT, "--to", "fra", "--speech", file, "--speaker", str(speaker))
    assert len({file.read_bytes() for file in files}) == SPEAKERS
    default = tmp_path / "default.wav"
    crossloom("run", spec, TEXT, "--to", "fra", "--speech", default)
    assert default.read_bytes() == files[0].read_bytes()


def test_nothing_is_written_over_without_force(spec: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.wav"
    target.write_bytes(b"mine")
    arguments = ("run", spec, TEXT, "--to", "fra", "--speech", target)
    outcome = crossloom(*arguments)
    assert (outcome.exit_code, outcome.stdout, target.read_bytes()) == (1, "", b"mine")
    assert "error[XL602]" in outcome.stderr
    assert crossloom(*arguments, "--force").exit_code == 0
    assert soundfile.info(target).samplerate == 16000


def test_an_input_is_never_written_over(spec: Path, tmp_path: Path) -> None:
    heard = tmp_path / "nine.wav"
    shutil.copy(NINE, heard)
    before = heard.read_bytes()
    for inputs, target in (([heard], heard), ([heard, TEXT], tmp_path)):
        outcome = crossloom("run", spec, *inputs, "--to", "fra", "--speech", target, "--force")
        assert outcome.exit_code == 1
        assert "error[XL602]" in outcome.stderr
    assert heard.read_bytes() == before


@pytest.mark.parametrize(
    ("inputs", "target", "told"),
    [
        ([TEXT], "folder", "is a folder"),
        ([TEXT], "speech.mp3", "`speech.wav`"),
        ([TEXT, NINE], "out.wav", "names a folder"),
    ],
)
def test_a_target_that_fits_no_such_inputs_is_wrong_usage(
    spec: Path, tmp_path: Path, inputs: list[str], target: str, told: str
) -> None:
    (tmp_path / "folder").mkdir()
    outcome = crossloom("run", spec, *inputs, "--to", "fra", "--speech", tmp_path / target)
    assert outcome.exit_code == 2
    assert told in outcome.stderr
    assert crossloom("run", spec, TEXT, "--to", "fra", "--speaker", "1").exit_code == 2


def test_what_an_input_is() -> None:
    both = ("audio", "text")
    assert kinds_of([NINE, TEXT, "a.b", "and/or", "gone.WAV", "./gone", "x" * 5000], both) == [
        *("audio", "text", "text", "text", "audio", "audio", "text")
    ]
    words = ["talk.wv", "notes.TXT", "3.14", "etc.", "U.S.A", "3.30 pm", "Wait.Now we go"]
    assert kinds_of(words, both) == ["audio"] * 2 + ["text"] * 5
    assert kinds_of([NINE, "gone.wav"], both, "text") == ["text", "text"]
    assert kinds_of([TEXT], ("audio",)) == ["audio"]


def test_what_looks_like_a_recording_is_never_translated(spec: Path) -> None:
    outcome = crossloom("run", spec, "gone.wav", TEXT, "--to", "fra")
    assert outcome.exit_code == 1
    assert outcome.stdout.startswith(f"{TEXT}\t")
    assert "error[XL117]: `gone.wav`" in outcome.stderr
    assert "--as text" in outcome.stderr
    assert crossloom("run", spec, "gone.wav", "--to", "fra", "--as", "text").exit_code == 0


def test_a_misspelt_recording_is_told_with_the_one_meant(spec: Path) -> None:
    """Whatever else was asked for: what `--from` is about may be among the others."""
    inputs = [str(AUDIO / "nine.wv"), str(AUDIO / "none" / "a.wav")]
    outcome = crossloom("run", spec, *inputs, "--from", "eng", "--to", "fra")
    assert outcome.exit_code == 1
    assert outcome.stderr.count("error[XL117]") == 2
    assert f"did you mean `{NINE}`?" in " ".join(outcome.stderr.split())
    assert "help: check the path" in outcome.stderr
    assert "XL112" in crossloom("run", spec, NINE, "--from", "eng", "--to", "fra").stderr


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder of recordings that cannot be used, and one at another rate that can."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000 * 21)
    made = {
        "stereo": (noise[:9000].reshape(-1, 2), 16000),
        "empty": (noise[:0], 16000),
        "short": (noise[:300], 16000),
        "long": (noise, 16000),
        "slow": (noise[:9000], 8000),
    }
    for name, (samples, rate) in made.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, rate)
    (tmp_path / "text.wav").write_text(TEXT)
    return tmp_path


def test_bad_recordings_are_told_and_the_rest_go_on(spec: Path, recordings: Path) -> None:
    names = ["stereo", "empty", "short", "text", "long", "slow"]
    inputs = [str(recordings / f"{name}.wav") for name in names]
    outcome = crossloom("run", spec, *inputs, "", "--to", "fra")
    assert outcome.exit_code == 1
    assert [line.partition("\t")[0] for line in outcome.stdout.splitlines()] == [inputs[-1]]
    for code, path in zip(["XL410", "XL411", "XL412", "XL414", "XL413"], inputs, strict=False):
        assert f"error[{code}]: `{path}`" in outcome.stderr
    assert "error[XL417]" in outcome.stderr
    assert "by the file it is in" in outcome.stderr


def test_a_long_recording_is_refused_or_split_and_joined(spec: Path, recordings: Path) -> None:
    long = recordings / "long.wav"
    refused = crossloom("run", spec, long, "--to", "fra")
    assert refused.exit_code == 1
    assert "trained for up to 320,000 samples (20 s)" in refused.stderr
    chunking = recordings / "chunking.yaml"
    chunking.write_text(f"long_input: chunk\n{spec.read_text()}")
    target = recordings / "said.wav"
    options = ("--to", "fra", "--format", "json", "--batch-size", "1")
    (told,) = result_of("run", chunking, long, *options, "--speech", target)
    processor = crossloom_api.load_processor(chunking)
    parts = processor.split(crossloom_api.read_audio(long, 16000))
    assert len(parts) == 2
    alone = []
    for number, part in enumerate(parts):
        soundfile.write(recordings / f"{number}.wav", part.numpy(), 16000, subtype="FLOAT")
        files = (recordings / f"{number}.wav", recordings / f"{number}.said.wav")
        (one,) = result_of("run", spec, files[0], "--to", "fra", "--speech", files[1], "--format", "json")
        alone.append(one)
    assert told["text"] == " ".join(one["text"] for one in alone)
    assert told["samples"] == sum(one["samples"] for one in alone)
    whole = np.concatenate([soundfile.read(one["speech"])[0] for one in alone])
    assert np.abs(soundfile.read(target)[0] - whole).max() < 1e-3


def test_a_text_that_stops_at_its_limit_is_told(spec: Path) -> None:
    """As many ids as it needs to its end, and one less."""
    model = crossloom_api.load(spec)
    processor = crossloom_api.load_processor(model.spec)
    made = crossloom_api.translate(
        model, **processor(text=TEXT), tgt_lang="fra", generate_speech=False, max_new_tokens=100
    )
    assert made.sequences is not None
    (row,) = made.sequences.tolist()
    enough = row.index(3, 1) - 1  # behind the start and the language
    whole = crossloom("run", spec, TEXT, "--to", "fra", "-g", f"max_new_tokens={enough}")
    cut = crossloom("run", spec, TEXT, "--to", "fra", "-g", f"max_new_tokens={enough - 1}")
    assert (whole.exit_code, cut.exit_code) == (0, 0)
    assert "XL423" not in whole.stderr
    assert f"warning[XL423]: the text of `{TEXT}` stops" in cut.stderr
    assert cut.stdout.strip()
    with pytest.warns(crossloom_api.CrossloomWarning, match="XL423"):
        crossloom_api.transcribe(model, NINE, tgt_lang="fra", max_new_tokens=2)


def test_a_text_beyond_the_positions_is_an_error(spec: Path) -> None:
    outcome = crossloom("run", spec, "the quick brown fox " * 200, "--to", "fra")
    assert outcome.exit_code == 1
    assert "error[XL405]" in outcome.stderr
    assert outcome.stderr.count("quick") < 5, "a text is told by its beginning"
    assert "…` has" in " ".join(outcome.stderr.split())


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ([], "XL105", "--to"),
        (["--to", "frb"], "XL112", "did you mean `fra`?"),
        (["--to", "deu", "--speech", "o.wav"], "XL112", "`t2u_lang_code_to_id`"),
        (["--to", "fra", "--speech", "o.wav", "--speaker", "9"], "XL402", "0 to 2"),
        (["--to", "fra", "-g", "beams=3"], "XL406", "`beams`"),
        (["--to", "fra", "-g", "speech_seed=1"], "XL406", "this gives text"),
        (["--to", "fra", "--speech", "o.wav", "-g", "speech_beams=1"], "XL406", "speech_do_sample"),
        (["--to", "fra", "--mono", "mix"], "XL112", "--mono"),
        (["--to", "fra", "--as", "audio"], "XL117", TEXT),
        (["--to", "fra", "--from", "xx"], "XL112", "xx"),
    ],
)
def test_a_mistake_is_one_finding(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = crossloom("run", spec, TEXT, *options)
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.count("error[") == 1
    assert f"error[{code}]" in outcome.stderr
    assert told in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_language_is_looked_up_before_weights_are_read(folder: Path, spec: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "cut")
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"")
    outcome = crossloom("run", spec, TEXT, "--to", "frb", "--weights", tmp_path / "cut")
    assert "error[XL112]" in outcome.stderr
    assert outcome.stderr.count("error[") == 1


def test_without_its_tables_a_model_says_what_is_missing(folder: Path, spec: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "generation_config.json").unlink()
    outcome = crossloom("run", spec, TEXT, "--to", "fra", "--weights", tmp_path / "bare")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "error[XL422]: the checkpoint's generation_config.json has no" in outcome.stderr


def test_a_class_does_its_own_task_alone(tmp_path: Path) -> None:
    save_translator(tmp_path / "listener", "SeamlessM4Tv2ForSpeechToText")
    spec = tmp_path / "listener.yaml"
    assert crossloom("import", tmp_path / "listener", "-o", spec).exit_code == 0
    assert crossloom("run", spec, NINE, "--to", "fra").exit_code == 0
    for options, code in (
        ([TEXT], "XL117"),
        ([NINE, "--speech", str(tmp_path / "o.wav")], "XL114"),
        ([TEXT, "--as", "text"], "XL112"),
    ):
        outcome = crossloom("run", spec, *options, "--to", "fra")
        assert outcome.exit_code == 1
        assert f"error[{code}]" in outcome.stderr


def test_from_python_a_recording_gives_its_text(spec: Path, expected: Any) -> None:
    model, _ = expected
    text, _ = translated(expected, audio=NINE)
    assert crossloom_api.transcribe(model, NINE, tgt_lang="fra") == text
    assert crossloom_api.transcribe(spec, [NINE, NINE], tgt_lang="fra") == [text, text]
    with pytest.raises(crossloom_api.CrossloomError, match="XL105"):
        crossloom_api.transcribe(model, NINE)
    with pytest.raises(crossloom_api.CrossloomError, match="XL117"):
        crossloom_api.transcribe(model, TEXT, tgt_lang="fra")


def test_samples_are_written_as_they_are_and_cut_off_beyond_full_volume(tmp_path: Path) -> None:
    waveform = np.array([-1.5, -1.0, -0.25, 0.0, 2**-15, 0.5, 1.0, 1.5], dtype=np.float32)
    write_speech(tmp_path / "out.wav", waveform, 8000)
    read, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    largest = 1 - 2**-15
    assert rate == 8000
    assert read.tolist() == [-1.0, -1.0, -0.25, 0.0, 2**-15, 0.5, largest, largest]
    assert clipped(waveform) == 2


def test_what_is_cut_off_is_told(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loud(*_: Any, **__: Any) -> Any:
        waveform = np.array([0.0, 2.0, -2.0, 0.5], dtype=np.float32)
        yield Transcript(TEXT, "loud", waveform=waveform, sampling_rate=16000)

    monkeypatch.setattr("runtime.transcription.transcribe", loud)
    outcome = crossloom("run", spec, TEXT, "--to", "fra", "--speech", tmp_path / "out.wav")
    assert outcome.exit_code == 0
    assert "2 of 4 samples" in outcome.stderr


def test_what_fails_in_a_batch_is_told_of_its_input_alone(
    expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime import transcription

    model, processor = expected
    bad = processor(text="hello")["input_ids"][0]

    def failing(model: Any, **given: Any) -> Any:
        made = translate(model, **given)
        assert made.waveform is not None
        spoilt = (given["input_ids"][:, : len(bad)] == bad).all(1)
        made.waveform[spoilt, 0] = float("nan")
        return made

    monkeypatch.setattr(transcription, "translate", failing)
    inputs = [TEXT, "hello", "the quick brown fox jumps"]
    found = list(transcription.transcribe(model, processor, inputs, tgt_lang="fra", speech=True))
    assert [[finding.code for finding in one.findings] for one in found] == [[], ["XL409"], []]
    assert found[0].text == translated(expected, text=TEXT)[0]
