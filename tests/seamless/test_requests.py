"""What `translate` refuses, and how it is told: before anything is computed, and with what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import SeamlessM4Tv2Config

import crossloom
from compiler.diagnostics.model import CrossloomError, Diagnostic
from specs.families.seamless_m4t_v2.tables import TABLES
from tests.seamless.conftest import Folders, Live, Published
from tests.seamless.oracle import model_of, speech_batch, text_batch
from tests.seamless.settings import random_config

Given = dict[str, Any]
Change = Callable[[Given, Given], Given]
"""(a batch of texts, a batch of speech) -> what is translated."""


@pytest.fixture
def idle(live: Live) -> Iterator[Any]:
    """The multi-task model of a seed, in which nothing is computed."""
    model = live(1)
    called: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, __, name=name: called.append(name))
        for name, module in model.named_modules()
        if name
    ]
    yield model
    for hook in hooks:
        hook.remove()
    assert called == [], "it was computed with before it was refused"


@pytest.fixture(scope="session")
def batches(published: Published) -> tuple[Given, Given]:
    """A batch of texts and one of speech."""
    config = published(1).config
    return text_batch(config, 1), speech_batch(config, 1)


def translate(model: Any, **arguments: Any) -> Any:
    """What becomes of a batch."""
    return crossloom.translate(model, **arguments)


def refused(model: Any, **arguments: Any) -> Diagnostic:
    """The one finding of a translation that is refused."""
    with pytest.raises(CrossloomError) as raised:
        translate(model, **arguments)
    (finding,) = raised.value.diagnostics
    assert finding.help
    return finding


LANGUAGES: dict[str, tuple[Any, str, str, str]] = {
    "misspelt": ("fre", "XL112", "`fre` is not among the 3 target languages", "did you mean `fra`?"),
    "in capitals": ("FRA", "XL112", "`FRA` is not", "did you mean `fra`?"),
    "unlike any": ("xyz", "XL112", "`xyz` is not", "use one of deu, eng, fra"),
    "written only": ("kan", "XL112", "can be written here, but not spoken", "deu, eng, fra"),
    "a number": (3, "XL103", "is 3, and no code", '"eng"'),
    "several": (["fra", "eng"], "XL103", "no code", '"eng"'),
    "none": (None, "XL105", "`tgt_lang` is missing", "pass `tgt_lang=`"),
}


@pytest.mark.parametrize("case", LANGUAGES)
def test_languages(idle: Any, batches: tuple[Given, Given], case: str) -> None:
    language, code, message, help = LANGUAGES[case]
    for batch in batches:
        finding = refused(idle, **batch, tgt_lang=language)
        assert finding.code == code
        assert message in finding.message
        assert help in str(finding.help)


def test_more_languages_are_written_than_spoken(idle: Any, batches: tuple[Given, Given]) -> None:
    finding = refused(idle, **batches[0], tgt_lang="xyz", generate_speech=False)
    assert "among the 4 target languages" in finding.message
    assert finding.help == "use one of deu, eng, fra, kan"
    finding = refused(idle, **batches[0], tgt_lang="kan", generate_speech=True)
    assert "`t2u_lang_code_to_id`" in finding.info[0]


@pytest.mark.parametrize(
    ("speaker", "code"), [(8, "XL402"), (-1, "XL402"), ("1", "XL103"), (1.0, "XL103"), (True, "XL103")]
)
def test_speakers(idle: Any, batches: tuple[Given, Given], speaker: Any, code: str) -> None:
    finding = refused(idle, **batches[0], tgt_lang="fra", speaker_id=speaker)
    assert finding.code == code
    assert finding.help == "use a whole number from 0 to 7"


def without_row(given: Given) -> Given:
    mask = given["attention_mask"].clone()
    mask[1] = 0
    return {**given, "attention_mask": mask}


def texts(*shape: int) -> Given:
    return {"input_ids": torch.ones(shape, dtype=torch.int64)}


INPUTS: dict[str, tuple[Change, str, str]] = {
    "nothing": (lambda _, __: {}, "XL206", "nothing to translate is given"),
    "a mask": (lambda text, _: {"attention_mask": text["attention_mask"]}, "XL206", "nothing to translate"),
    "both": (lambda text, speech: {**speech, **text}, "XL407", "`input_features` and `input_ids`"),
    "no rows": (lambda _, __: texts(0, 3), "XL305", "holds no sentence"),
    "empty texts": (lambda _, __: texts(2, 0), "XL411", "nothing to generate from"),
    "empty audio": (lambda _, __: {"input_features": torch.zeros(1, 0, 14)}, "XL411", "nothing to generate"),
    "an empty text": (lambda text, _: without_row(text), "XL411", "row 1 of `attention_mask` is all 0"),
    "an empty recording": (lambda _, speech: without_row(speech), "XL411", "row 1 of `attention_mask`"),
    "a long text": (lambda _, __: texts(1, 39), "XL405", "positions for 38 ids"),
    "lists": (lambda _, __: {"input_ids": [[5, 6]]}, "XL103", "is a list, not a torch tensor"),
    "doubles": (lambda _, speech: {"input_features": speech["input_features"].double()}, "XL103", "float64"),
    "nan": (lambda _, speech: {"input_features": speech["input_features"] / 0}, "XL104", "is"),
    "padding": (lambda text, _: {"input_ids": text["input_ids"]}, "XL416", "no mask was given"),
    "waveforms": (lambda _, speech: {"input_values": speech["input_features"]}, "XL207", "`input_values`"),
    "states": (lambda text, _: {**text, "encoder_outputs": 1}, "XL406", "takes no `encoder_outputs`"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs(idle: Any, batches: tuple[Given, Given], case: str) -> None:
    change, code, message = INPUTS[case]
    given = change(*batches)
    finding = first_refused(idle, **given, tgt_lang="fra")
    assert (finding.code, message in finding.message) == (code, True), finding
    finding = first_refused(idle, **given, tgt_lang="fra", generate_speech=False)
    assert finding.code == code


def first_refused(model: Any, **arguments: Any) -> Diagnostic:
    """The first finding of a translation that is refused; what an input lacks may be several."""
    with pytest.raises(CrossloomError) as raised:
        translate(model, **arguments)
    assert all(one.help for one in raised.value.diagnostics)
    return raised.value.diagnostics[0]


OPTIONS: dict[str, tuple[Given, str, str]] = {
    "misspelt": ({"num_beam": 3}, "XL406", "`num_beam`"),
    "misspelt, of text": ({"text_num_beam": 3}, "XL406", "`num_beam`"),
    "of text, of units": ({"speech_num_beams": 3}, "XL406", "`speech_num_beams` is no option of units"),
    "of the source": ({"src_lang": "eng"}, "XL406", "`src_lang`"),
    "too long": ({"max_new_tokens": 37}, "XL405", "38 positions"),
    "nothing drawn": ({"speech_temperature": 0.5}, "XL407", "`speech_temperature` is about drawing"),
    "a seed of nothing": ({"speech_seed": 1}, "XL407", "`speech_seed` is about drawing"),
    "zero": (
        {"speech_do_sample": True, "speech_temperature": 0},
        "XL407",
        "`speech_temperature` cannot be 0",
    ),
    "no switch": ({"speech_do_sample": "yes"}, "XL407", "`speech_do_sample` cannot be 'yes'"),
    "scores": ({"return_scores": True}, "XL406", "`translate` takes no `return_scores`"),
    "no choice": ({"generate_speech": "no"}, "XL103", "`generate_speech` is 'no'"),
    "speech of text": ({"speech_do_sample": True, "generate_speech": False}, "XL406", "this gives text"),
    "a prompt, no language": (
        {"decoder_input_ids": torch.ones(3, 1).long(), "tgt_lang": None},
        "XL105",
        "`tgt_lang` is missing",
    ),
    "a prompt outside": (
        {"decoder_input_ids": torch.full((3, 1), 37), "tgt_lang": None, "generate_speech": False},
        "XL402",
        "the vocabulary has 37",
    ),
}


def test_a_misspelt_option_of_translations_is_told_with_the_one_meant(
    idle: Any, batches: tuple[Given, Given]
) -> None:
    finding = refused(idle, **batches[0], tgt_lang="fra", speakerid=1)
    assert (finding.code, finding.help) == ("XL406", "did you mean `speaker_id` or `seed`?")


@pytest.mark.parametrize("case", OPTIONS)
def test_options(idle: Any, batches: tuple[Given, Given], case: str) -> None:
    options, code, message = OPTIONS[case]
    finding = refused(idle, **batches[0], **{"tgt_lang": "fra", **options})
    assert finding.code == code
    assert message in finding.message


def test_recordings_too_short_for_a_state(published: Published, tmp_path: Path) -> None:
    """Two strided kernels over so few frames; the public class fails in a convolution."""
    config = SeamlessM4Tv2Config(
        **{
            **random_config(1).to_dict(),
            "num_adapter_layers": 2,
            "adaptor_kernel_size": 7,
            "adaptor_stride": 2,
        }
    )
    theirs = model_of(config, 1)
    theirs.save_pretrained(tmp_path)
    model = crossloom.from_pretrained(tmp_path)
    least = crossloom.lower(model.spec).minimums["source"]
    assert least > 1
    enough = {"input_features": torch.ones(2, least, config.feature_projection_input_dim)}
    short = {"input_features": enough["input_features"][:, 1:]}
    with pytest.raises(RuntimeError, match="Kernel size"):
        theirs.generate(**short, tgt_lang="fra")
    for speaks in (True, False):
        assert translate(model, **enough, tgt_lang="fra", generate_speech=speaks).sequences is not None
        finding = refused(model, **short, tgt_lang="fra", generate_speech=speaks)
        assert finding.code == "XL412"
        assert f"no state is left of fewer than {least}" in finding.message
    with pytest.raises(CrossloomError, match="XL412"):
        crossloom.generate(model, **short, decoder_input_ids=torch.ones(2, 1).long())


def test_tasks_that_a_class_does_not_do(live: Live, batches: tuple[Given, Given]) -> None:
    text, speech = batches
    writer, reader = live(1, "SeamlessM4Tv2ForTextToText"), live(1, "SeamlessM4Tv2ForSpeechToText")
    for model, given, wanted, help in (
        (writer, {**text, "generate_speech": True}, "text to speech", "leave `generate_speech` out"),
        (writer, speech, "audio to text", "pass `input_ids=`"),
        (reader, text, "text to text", "pass `input_features=`"),
    ):
        finding = refused(model, **given, tgt_lang="fra")
        assert finding.code == "XL114"
        assert f"does not translate {wanted}" in finding.message
        assert finding.help == help
    finding = refused(crossloom.build("digits"), input_features=torch.zeros(1, 9, 80), tgt_lang="eng")
    assert (finding.code, "`crossloom.generate`" in str(finding.help)) == ("XL114", True)
    assert refused(3, **text, tgt_lang="fra").code == "XL103"


def without_tables(folder: Path, to: Path, *names: str) -> Any:
    """The model of a folder whose generation_config.json lacks some tables."""
    shutil.copytree(folder, to)
    file = to / "generation_config.json"
    contents = json.loads(file.read_text())
    file.write_text(json.dumps({name: one for name, one in contents.items() if name not in names}))
    with pytest.warns(crossloom.CrossloomWarning, match="XL422"):
        return crossloom.from_pretrained(to)


def test_without_the_tables_of_speech_a_text_is_a_text(
    folders: Folders, live: Live, batches: tuple[Given, Given], tmp_path: Path
) -> None:
    big = ("id_to_text", "char_to_id", "t2u_lang_code_to_id")
    model = without_tables(folders(1), tmp_path / "model", *big)
    given = {**batches[0], "tgt_lang": "fra"}
    made, expected = (translate(one, **given, generate_speech=False) for one in (model, live(1)))
    assert torch.equal(made.sequences, expected.sequences)
    finding = refused(model, **given)
    assert finding.code == "XL422"
    assert all(f"`{name}`" in finding.message for name in big), "all of them at once"
    assert any(str(tmp_path / "model") in line for line in finding.info), "where they are missing"


def test_without_languages_a_prompt_does(
    folders: Folders, live: Live, batches: tuple[Given, Given], tmp_path: Path
) -> None:
    model = without_tables(folders(1), tmp_path / "model", "text_decoder_lang_to_code_id")
    prompt = torch.full((3, 1), live(1).tables["text_decoder_lang_to_code_id"]["fra"])
    made = translate(model, **batches[0], decoder_input_ids=prompt, generate_speech=False)
    expected = translate(live(1), **batches[0], tgt_lang="fra", generate_speech=False)
    assert torch.equal(made.sequences, expected.sequences)
    assert refused(model, **batches[0], tgt_lang="fra", generate_speech=False).code == "XL422"


def test_a_model_that_was_built_has_no_tables(live: Live, batches: tuple[Given, Given]) -> None:
    finding = refused(crossloom.build(live(1).spec), **batches[0], tgt_lang="fra")
    assert finding.code == "XL422"
    assert "this model has no checkpoint" in finding.message
    assert all(f"`{name}`" in finding.message for name in TABLES)


def test_ids_alone_need_a_language(idle: Any, batches: tuple[Given, Given]) -> None:
    for options, code, help in (
        ({}, "XL105", "`crossloom.translate("),
        ({"tgt_lang": "fra"}, "XL406", "call `crossloom.translate`"),
    ):
        with pytest.raises(CrossloomError) as raised:
            crossloom.generate(idle, **batches[0], **options)
        (finding,) = raised.value.diagnostics
        assert (finding.code, help in str(finding.help)) == (code, True)


def test_ids_alone_of_a_prompt_are_those_of_a_language(live: Live, batches: tuple[Given, Given]) -> None:
    model = live(1)
    code = model.tables["text_decoder_lang_to_code_id"]["fra"]
    expected = translate(model, **batches[0], tgt_lang="fra", generate_speech=False).sequences
    for options in ({"decoder_input_ids": torch.full((3, 1), code)}, {"forced_bos_token_id": code}):
        ids: Any = crossloom.generate(model, **batches[0], **options)
        assert torch.equal(ids[:, :3], expected[:, :3])


@pytest.mark.parametrize("names", [(), ("input_features", "input_ids")])
def test_ids_alone_of_one_input(idle: Any, batches: tuple[Given, Given], names: tuple[str, ...]) -> None:
    given = {name: one for batch in batches for name, one in batch.items() if name in names}
    with pytest.raises(CrossloomError, match="XL407" if names else "XL206"):
        crossloom.generate(idle, **given, decoder_input_ids=torch.ones(3, 1).long())


def test_the_longest_texts_are_translated(live: Live, published: Published) -> None:
    """Both sides to the last position, where padding's row is not the first."""
    model, config = live(1), published(1).config
    assert config.pad_token_id > 1
    longest = {"min_new_tokens": 36, "max_new_tokens": 36}
    made = translate(model, **texts(1, 38), tgt_lang="fra", generate_speech=False, **longest)
    assert made.sequences is not None
    assert made.sequences.shape == (1, 38)
