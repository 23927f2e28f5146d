"""What else a saved pair's folder may hold: older names and fields, and what contradicts the pair."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import SpeechEncoderDecoderModel

import crossloom
from crossloom import CrossloomError, CrossloomWarning
from tests.oracle import respelt, stored_differently
from tests.pairs import oracle
from tests.pairs.cases import joined
from tests.pairs.saved import Saved, logits, save, saved
from tests.parity.cases import LOGITS, difference
from tests.speech import oracle as speech

SPEECH = ("speech", "wav2vec2", "bert")
TEXT = ("text", "bert", "gpt2")

BASE = {
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "torchscript": False,
    "torch_dtype": None,
    "use_bfloat16": False,
    "tf_legacy_loss": False,
    "pruned_heads": {},
    "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0,
    "is_encoder_decoder": False,
    "cross_attention_hidden_size": None,
    "tie_encoder_decoder": False,
    "max_length": 20,
    "min_length": 0,
    "do_sample": False,
    "early_stopping": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "num_return_sequences": 1,
    "output_scores": False,
    "return_dict_in_generate": False,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "remove_invalid_values": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "architectures": None,
    "finetuning_task": None,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "tokenizer_class": None,
    "prefix": None,
    "sep_token_id": None,
    "task_specific_params": None,
    "problem_type": None,
    "_name_or_path": "somewhere",
}
"""What older releases wrote of the base class into the config of each half, with its defaults."""


def copied(case: Saved, folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """The folder of a case, its config.json changed."""
    shutil.copytree(case.folder, folder)
    if change is not None:
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config, indent=1))
    return folder


def renamed(name_of: Callable[[str], str]) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """All tensors under other names."""
    return lambda stored: {name_of(name): tensor for name, tensor in stored.items()}


def gamma(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def magnitude(name: str) -> str:
    older = name.replace("parametrizations.weight.original0", "weight_g")
    return older.replace("parametrizations.weight.original1", "weight_v")


@pytest.mark.parametrize("spellings", [(gamma,), (magnitude,), (gamma, magnitude)])
def test_each_half_in_its_own_spelling(spellings: tuple[Callable[[str], str], ...], tmp_path: Path) -> None:
    case = saved(*SPEECH, 1)
    folder = copied(case, tmp_path / "in")
    for spelling in spellings:
        respelt(folder, renamed(spelling))
    ours = crossloom.from_pretrained(folder)
    assert difference(logits(ours, case), logits(case.theirs, case)) <= LOGITS
    crossloom.export(ours, tmp_path / "out")
    assert stored_differently(case.folder, tmp_path / "out") == []


def test_unused_tensors_of_a_half_in_the_older_spelling(tmp_path: Path) -> None:
    """A conformer never reads its convolutional positions; their older names are known below its role."""
    case = saved("speech", "wav2vec2-conformer", "bert", 1)
    folder = copied(case, tmp_path / "in")
    respelt(folder, renamed(magnitude))
    older = "encoder.encoder.pos_conv_embed.conv.weight_g"
    assert older in load_file(folder / "model.safetensors")
    ours = crossloom.from_pretrained(folder)
    assert difference(logits(ours, case), logits(case.theirs, case)) <= LOGITS


@pytest.mark.parametrize("spelling", [gamma, magnitude])
def test_half_a_spelling_is_refused(spelling: Callable[[str], str], tmp_path: Path) -> None:
    folder = copied(saved(*SPEECH, 1), tmp_path / "in")
    changed = [name for name in load_file(folder / "model.safetensors") if spelling(name) != name][::2]
    respelt(folder, renamed(lambda name: spelling(name) if name in changed else name))
    with pytest.raises(CrossloomError, match=r"XL5(01|04|11)"):
        crossloom.from_pretrained(folder)


@pytest.mark.parametrize("cell", [SPEECH, TEXT], ids=["speech", "text"])
def test_the_base_class_in_both_halves(cell: tuple[str, str, str], tmp_path: Path) -> None:
    """Fields that older releases wrote are dropped; the decoder's own options of generation are kept."""
    case = saved(*cell, 0)

    def older(config: dict[str, Any]) -> None:
        for role in ("encoder", "decoder"):
            config[role] = {**BASE, **config[role]}
        config["decoder"] |= {"num_beams": 3, "max_length": 9}
        config |= {"max_length": 12, "transformers_version": None, "tie_word_embeddings": False}

    folder = copied(case, tmp_path / "in", older)
    (folder / "generation_config.json").unlink()
    spec = crossloom.import_spec(folder)
    expected = crossloom.import_spec(case.folder)
    assert {role: spec.data[role] for role in spec.parts} == {
        role: expected.data[role] for role in spec.parts
    }
    assert spec.data["generation"] == {"max_length": 12, "num_beams": 3}
    ours = crossloom.load(spec)
    assert ours.generation_defaults["num_beams"] == 3
    read = type(case.theirs).from_pretrained(folder).generation_config
    assert (read.num_beams, read.max_length) == (3, 12)


def wrong_class(config: dict[str, Any]) -> None:
    config["architectures"] = ["BertModel"]


def no_decoder(config: dict[str, Any]) -> None:
    del config["decoder"]


def text_of_a_half(config: dict[str, Any]) -> None:
    config["encoder"] = "bert"


def unknown_half(config: dict[str, Any]) -> None:
    config["decoder"]["model_type"] = "gpt3"


def encoder_as_decoder(config: dict[str, Any]) -> None:
    config["decoder"]["model_type"] = "wav2vec2"


def whole_as_encoder(config: dict[str, Any]) -> None:
    config["encoder"]["model_type"] = "bart"


def causal_encoder(config: dict[str, Any]) -> None:
    config["encoder"]["is_decoder"] = True


def bidirectional(config: dict[str, Any]) -> None:
    config["decoder"]["is_decoder"] = False


def deaf(config: dict[str, Any]) -> None:
    config["decoder"]["add_cross_attention"] = False


def tied_halves(config: dict[str, Any]) -> None:
    config["tie_encoder_decoder"] = True


def no_pair(config: dict[str, Any]) -> None:
    config["is_encoder_decoder"] = False


def unknown_field(config: dict[str, Any]) -> None:
    config["decoder"]["n_layers_"] = 2


def other_cross_width(config: dict[str, Any]) -> None:
    config["decoder"]["cross_attention_hidden_size"] = 7


def other_kind(config: dict[str, Any]) -> None:
    config["model_type"] = "speech-encoder-decoder"
    config["architectures"] = ["SpeechEncoderDecoderModel"]


def far_start(config: dict[str, Any]) -> None:
    config["decoder_start_token_id"] = 4000


def quantised(config: dict[str, Any]) -> None:
    config["quantization_config"] = {"bits": 4}


WRONG: list[tuple[Callable[[dict[str, Any]], None], str, str]] = [
    (wrong_class, "XL111", '"architectures"'),
    (no_decoder, "XL105", '"model_type"'),
    (text_of_a_half, "XL103", '"encoder"'),
    (unknown_half, "XL110", "gpt3"),
    (encoder_as_decoder, "XL205", "wav2vec2"),
    (whole_as_encoder, "XL205", "bart"),
    (causal_encoder, "XL205", '"is_decoder"'),
    (bidirectional, "XL205", '"is_decoder"'),
    (deaf, "XL205", '"add_cross_attention"'),
    (tied_halves, "XL116", "tie_encoder_decoder"),
    (no_pair, "XL116", "is_encoder_decoder"),
    (unknown_field, "XL115", "n_layers_"),
    (other_cross_width, "XL301", "cross_attention_hidden_size"),
    (other_kind, "XL205", '"model_type"'),
    (far_start, "XL402", "4000"),
    (quantised, "XL116", "quantization_config"),
]


@pytest.mark.parametrize(("change", "code", "shown"), WRONG, ids=[change.__name__ for change, *_ in WRONG])
def test_a_mistake_is_shown_in_the_file(
    change: Callable[[dict[str, Any]], None], code: str, shown: str, tmp_path: Path
) -> None:
    """One error, at its field of config.json, with an edit that helps."""
    folder = copied(saved(*TEXT, 1), tmp_path / "in", change)
    with pytest.raises(CrossloomError) as raised:
        crossloom.import_spec(folder)
    errors = [one for one in raised.value.diagnostics if one.severity.value == "error"]
    assert [one.code for one in errors] == [code]
    assert errors[0].help
    place = errors[0].spans[0]
    assert Path(place.file).name == "config.json"
    assert shown in (folder / "config.json").read_text().splitlines()[place.line - 1]


def test_a_width_that_the_public_pair_mistakes(tmp_path: Path) -> None:
    """Where an adapter ends at another width, the public projection does not fit; ours does, and says so."""
    encoder, decoder = speech.random_model("wav2vec2", 2), oracle.random_half("decoder", "bert", 1)
    hidden, given = encoder.config.hidden_size, encoder.config.output_hidden_size
    assert len({hidden, given, decoder.config.hidden_size}) == 3
    theirs = SpeechEncoderDecoderModel(encoder=encoder, decoder=decoder).eval()
    waveform, mask = speech.random_audio(2)
    inputs = {"attention_mask": mask, "decoder_input_ids": torch.tensor([[3]] * 3)}
    with pytest.raises(RuntimeError):
        theirs(waveform, **inputs)
    folder = save(theirs, "speech", tmp_path / "in")
    with pytest.warns(CrossloomWarning, match=rf"XL301.*width for {hidden}, and it is {given}") as warned:
        spec = crossloom.import_spec(folder)
    finding = warned[0].message.diagnostic  # type: ignore[union-attr]
    assert (
        "output_hidden_size"
        in Path(finding.spans[0].file).read_text().splitlines()[finding.spans[0].line - 1]
    )
    assert [one.code for one in crossloom.verify(spec) if one.severity == "error"] == ["XL503"]
    model = crossloom.build(spec).eval()
    assert model.enc_to_dec_proj.weight.shape[1] == given
    assert model(input_values=waveform, **inputs).logits.shape[0] == 3
    with pytest.raises(CrossloomError, match="XL114"):
        crossloom.export(model, tmp_path / "out")
    crossloom.export(model, tmp_path / "own", format="crossloom")
    assert crossloom.verify(tmp_path / "own" / "spec.yaml") == crossloom.check(tmp_path / "own" / "spec.yaml")


def test_a_decoder_that_the_public_class_takes_for_another_width(tmp_path: Path) -> None:
    """A BERT attends to its own width alone, whatever its config says."""

    def widened(config: dict[str, Any]) -> None:
        config["decoder"]["cross_attention_hidden_size"] = config["encoder"]["hidden_size"]

    folder = copied(saved("text", "bert", "bert", 1), tmp_path / "in", widened)
    with pytest.warns(CrossloomWarning, match=r"XL301.*its own width"):
        spec = crossloom.import_spec(folder)
    with pytest.raises(CrossloomError, match="XL114"):
        crossloom.export(crossloom.build(spec), tmp_path / "out")


def halves_of(case: Saved, root: Path) -> crossloom.Spec:
    """The spec of a pair of two checkpoints, which are the halves of a public pair."""
    folders: dict[oracle.Role, Path] = {"encoder": root / "encoder", "decoder": root / "decoder"}
    case.theirs.encoder.save_pretrained(folders["encoder"])
    case.theirs.decoder.save_pretrained(folders["decoder"])
    return joined(folders)


def test_put_together_from_two_checkpoints_and_written_as_published(tmp_path: Path) -> None:
    """What neither half computes with is carried from its own checkpoint."""
    case = saved(*TEXT, 0)
    model = crossloom.load(halves_of(case, tmp_path))
    crossloom.export(model, tmp_path / "out")
    assert stored_differently(case.folder, tmp_path / "out") == []


def test_a_published_pair_in_place_of_two_checkpoints(tmp_path: Path) -> None:
    """It is given to the spec of its halves, in either layout, and holds the bridge, too."""
    case = saved(*TEXT, 1)
    spec = halves_of(case, tmp_path)
    crossloom.export(case.ours, tmp_path / "own", format="crossloom")
    for given in (case.folder, tmp_path / "own"):
        assert [one.code for one in crossloom.verify(spec, given) if one.severity != "info"] == []
        assert torch.equal(logits(crossloom.load(spec, given), case), logits(case.ours, case))


def test_one_layout_for_the_whole_file(tmp_path: Path) -> None:
    """A file half in our addresses is neither layout."""
    case = saved(*TEXT, 1)
    crossloom.export(case.ours, tmp_path / "own", format="crossloom")
    folder = copied(case, tmp_path / "in")
    own, published = (load_file(one / "model.safetensors") for one in (tmp_path / "own", folder))
    mixed = {name: t for name, t in published.items() if name.startswith("encoder.")}
    mixed |= {name: t for name, t in own.items() if not name.startswith("encoder.")}
    save_file(mixed, folder / "model.safetensors")
    with pytest.raises(CrossloomError, match=r"XL50[124]"):
        crossloom.from_pretrained(folder)


def differing_width(config: dict[str, Any]) -> None:
    config["encoder"]["layer_norm_eps"] = 0.25


def differing_start(config: dict[str, Any]) -> None:
    config["decoder_start_token_id"] = 5


def differing_family(config: dict[str, Any]) -> None:
    config["decoder"]["model_type"] = "roberta"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (differing_width, "`layer_norm_eps` is .* in the spec and 0.25 in config.json"),
        (differing_start, "`decoder_start_token_id` is 3 in the spec and 5"),
        (differing_family, "describes a `roberta`, and the spec a `gpt2`"),
    ],
)
def test_a_checkpoint_of_another_pair(
    change: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    case = saved(*TEXT, 1)
    spec = crossloom.import_spec(case.folder)
    folder = copied(case, tmp_path / "in", change)
    (folder / "generation_config.json").unlink()
    errors = [one for one in crossloom.verify(spec, folder) if one.severity == "error"]
    assert [one.code for one in errors] == ["XL505"]
    assert re.search(message, errors[0].message)


def test_an_id_that_several_files_give_otherwise_is_told_once(tmp_path: Path) -> None:
    """The options of generation, the decoder's config and the pair's may all hold it."""
    case = saved(*TEXT, 1)
    spec = crossloom.import_spec(case.folder)

    def everywhere(config: dict[str, Any]) -> None:
        differing_start(config)
        config["decoder"]["decoder_start_token_id"] = 5

    for change, is_beside in ((differing_start, True), (everywhere, True), (everywhere, False)):
        folder = copied(case, tmp_path / f"{change.__name__} {is_beside}", change)
        beside = folder / "generation_config.json"
        if is_beside:
            beside.write_text(json.dumps({**json.loads(beside.read_text()), "decoder_start_token_id": 5}))
        else:
            beside.unlink()
        errors = [one for one in crossloom.verify(spec, folder) if one.severity == "error"]
        named = [one for one in errors if "`decoder_start_token_id` is" in one.message]
        assert len(named) == 1, errors


def test_a_single_model_is_no_pair(tmp_path: Path) -> None:
    case = saved(*TEXT, 1)
    case.theirs.encoder.save_pretrained(tmp_path / "bert")
    with pytest.raises(CrossloomError, match="XL514"):
        crossloom.load(crossloom.import_spec(case.folder), tmp_path / "bert")


def test_one_half_is_not_taken_alone() -> None:
    with pytest.raises(CrossloomError, match=r"XL114.*holds no encoder by itself"):
        crossloom.import_spec(saved(*TEXT, 1).folder, role="encoder")
