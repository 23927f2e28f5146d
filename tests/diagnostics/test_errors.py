"""What a `CrossloomError` says where nothing renders it: in a traceback, a log, another process."""

import pickle
from pathlib import Path

import pytest

import crossloom
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.warning import CrossloomWarning


@pytest.fixture
def error(tmp_path: Path) -> crossloom.CrossloomError:
    path = tmp_path / "speech.yaml"
    config = "{encoder_layer: 4, encoder_attention_heads: 6}"
    path.write_text(f"crossloom: 1\nname: speech\nmodel:\n  family: speech_to_text\n  config: {config}\n")
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.load_spec(path)
    return raised.value


def test_its_text_has_places_reasons_and_repairs(error: crossloom.CrossloomError, tmp_path: Path) -> None:
    text = str(error)
    assert [finding.code for finding in error.diagnostics] == ["XL101", "XL302"]
    assert text.startswith("error[XL101]: unknown key `encoder_layer`")
    assert f"--> {tmp_path / 'speech.yaml'}:5:12\n" in text
    assert "\n 5 |   config: {encoder_layer: 4, " in text
    assert "\n   |            ^^^^^^^^^^^^^ not a key here\n" in text
    assert "\nnote: a key nobody reads" in text
    assert "\nhelp: did you mean `encoder_layers`?\n\nerror[XL302]: 6 attention heads" in text
    assert "\x1b" not in text
    assert not text.endswith("\n")


def test_it_is_the_same_in_another_process(error: crossloom.CrossloomError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert again.diagnostics == error.diagnostics
    assert str(again) == str(error)


def test_a_warning_survives_another_process() -> None:
    found = Diagnostic("XL301", Severity.WARNING, "widths differ")
    again = pickle.loads(pickle.dumps(CrossloomWarning(found)))
    assert str(again) == str(CrossloomWarning(found))
    assert again.diagnostic == found
