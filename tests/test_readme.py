"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
import soundfile
from click.testing import CliRunner

import crossloom
from crossloom.cli import main
from specs.families import FAMILIES, family
from tests.full_size.published import folder_of, key_lists, write_header
from tests.seamless.folders import save_translator

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


REPOSITORIES = {
    "facebook/s2t-small-librispeech-asr": "4.40.2 safetensors",
    "facebook/wav2vec2-base-960h": "as published",
    "google-bert/bert-base-uncased": "as published",
    "openai-community/gpt2": "as published",
}
"""What the specs name -> the list of what is stored there."""


def block(language: str) -> str:
    return next(str(text) for name, text in BLOCKS if name == language)


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tiny.yaml"
    file.write_text(block("yaml"), encoding="utf-8")
    return file


def test_first_spec_has_no_finding(spec: Path) -> None:
    assert crossloom.check(spec) == []


@pytest.mark.parametrize("text", [text for name, text in BLOCKS if name == "yaml"])
def test_every_spec_is_sound_and_compiles(text: str, tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text, encoding="utf-8")
    assert [finding.severity for finding in crossloom.check(file) if finding.severity != "info"] == []
    assert crossloom.emit(file, tmp_path / "out")


def with_folders(text: str, folder: Path) -> str:
    """A text with the repositories it names as folders: tensors by name and shape, and nothing in them."""
    for repository, label in REPOSITORIES.items():
        name = repository.rpartition("/")[2]
        if repository in text:
            shutil.copytree(folder_of(name), folder / name)
            write_header(key_lists(name)[label], folder / name / "model.safetensors")
    return re.sub("|".join(map(re.escape, REPOSITORIES)), lambda found: f"./{Path(found[0]).name}", text)


@pytest.mark.parametrize("text", [text for name, text in BLOCKS if name == "yaml" and "weights:" in text])
def test_what_a_spec_takes_of_its_checkpoints_is_there(text: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(with_folders(text, tmp_path), encoding="utf-8")
    findings = crossloom.verify(tmp_path / "spec.yaml")
    assert [finding for finding in findings if finding.severity != "info"] == []


def test_new_writes_the_pair_that_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = next(text for _, text in BLOCKS if text.startswith("crossloom new "))
    result = CliRunner().invoke(main, shlex.split(with_folders(line, tmp_path))[1:])
    assert result.exit_code == 0, result.output
    written = (tmp_path / "speech-gpt2.yaml").read_text(encoding="utf-8")
    for repository in REPOSITORIES:
        written = written.replace(f"./{Path(repository).name}", repository)
    assert written in [text for name, text in BLOCKS if name == "yaml"]


def test_every_family_is_named() -> None:
    table = {
        row[1]: set(re.findall(r"`([\w-]+)`", row[2]))
        for row in re.finditer(r"^\| ([^|]+) \| (`.*) \|$", README, re.M)
    }
    encoders = set().union(*(named for role, named in table.items() if role.startswith("encoders of")))
    families = {name: family(name) for name in FAMILIES}
    assert encoders == {name for name, one in families.items() if one.encoder is not None}
    assert table["decoders"] == {name for name, one in families.items() if one.decoder is not None}
    assert table["whole models"] == {name for name, one in families.items() if one.is_whole}


@pytest.mark.parametrize(
    "line", [line for name, text in BLOCKS if not name for line in text.splitlines() if "crossloom " in line]
)
def test_every_command_has_such_arguments(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is parsed in full, and stopped where its work would begin."""
    started = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, ctx: started.append(self.name))
    words = shlex.split(line.removeprefix("$ "), comments=True)
    command = main.get_command(click.Context(main), words[1])
    assert command is not None
    command.main(words[2:], standalone_mode=False)
    assert started == [command.name]


def test_error_is_shown_as_it_prints(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    mistaken = text.replace("encoder_layers:", "encoder_layer:").replace("heads: 4", "heads: 6")
    assert mistaken != text
    spec.write_text(mistaken, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "tiny.yaml"])
    assert result.exit_code == 1
    shown = next(text for _, text in BLOCKS if text.startswith("error["))
    assert result.stdout == shown


def test_python_example_uses_public_names() -> None:
    names = re.findall(r"crossloom\.(\w+)\(", block("python"))
    assert set(names) <= set(crossloom.__all__)
    assert len(names) == 5


def test_translation_runs_as_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command and the Python of the section, on a tiny model in place of the published one."""
    monkeypatch.chdir(tmp_path)
    save_translator(tmp_path / "m4t")
    shutil.copy(Path(__file__).parents[1] / "examples" / "digits" / "audio" / "nine.wav", "talk.wav")
    section = README.partition("## Translation, text and speech\n")[2].partition("\n## ")[0]
    blocks = dict(re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    outputs = []
    for line in blocks[""].replace("facebook/seamless-m4t-v2-large", "./m4t").splitlines():
        result = CliRunner().invoke(main, shlex.split(line, comments=True)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        outputs.append(result.stdout)
    _, transcript, several, spoken, *_ = outputs
    assert [len(text.splitlines()) for text in (transcript, several, spoken)] == [1, 2, 1]
    assert sorted(file.name for file in Path("spoken").iterdir()) == ["The-lazy-dog.wav", "talk.wav"]
    assert soundfile.info("talk.fra.wav").samplerate == 16000
    printed: list[Any] = []
    exec(blocks["python"], {"print": lambda *values: printed.append(values)})
    (same,), (texts,), (shape, lengths) = printed
    assert f"{same}\n" == transcript
    assert len(texts) == shape[0] == len(lengths) == 2
    assert 0 < int(lengths.max()) <= shape[1]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (Path(__file__).parent.parent / link).exists()


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_documents_name_files_that_exist(document: str) -> None:
    root = Path(__file__).parent.parent
    named = re.findall(
        r"`((?:specs|blocks|compiler|runtime|crossloom|tests|docs|generated|benchmarks|examples)/[\w./*-]*)`",
        (root / document).read_text(encoding="utf-8"),
    )
    assert [name for name in named if not list(root.glob(name.rstrip("/")))] == []
