"""A checkpoint feeds every row exactly once and holds nothing else, or is refused before a byte is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

import crossloom
from blocks.positions import sinusoids
from tests.weights.conftest import TIED, UNTIED, Spoilt

Spoil = Callable[[int], Spoilt]
FC1 = "model.encoder.layers.0.fc1.weight"
EMBED, HEAD = "model.decoder.embed_tokens.weight", "lm_head.weight"
TWO_LAYERS = 5
"""A seed with more than one encoder layer."""
TABLE = "model.encoder.embed_positions.weights"


def codes(found: list[tuple[str, str]]) -> list[str]:
    return [code for code, _ in found]


@pytest.mark.parametrize("seed", [TIED, UNTIED])
def test_a_sound_checkpoint_has_no_findings(spoil: Spoil, seed: int) -> None:
    assert spoil(seed).verified() == []


@pytest.mark.parametrize("seed", [TIED, UNTIED])
def test_every_tensor_is_needed(spoil: Spoil, seed: int) -> None:
    """Whichever is taken away, there is one finding that names it."""
    checkpoint = spoil(seed)
    whole = checkpoint.tensors
    for name in whole:
        checkpoint.tensors = {key: tensor for key, tensor in whole.items() if key != name}
        (finding,) = checkpoint.verified()
        assert finding[0] == "XL501"
        assert name in finding[1]


def test_a_layer_that_is_missing_is_told_in_folded_lines(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    layers = checkpoint.spec.config["decoder_layers"]
    for name in [n for n in checkpoint.tensors if n.startswith("model.decoder.layers.")]:
        del checkpoint.tensors[name]
    found = checkpoint.verified()
    assert set(codes(found)) == {"XL501"}
    assert len(found) == 26, "16 of attention, 6 of norms, 4 of feed-forward"
    shown = f"{{0..{layers - 1}}}" if layers > 1 else "0"
    assert all(f"model.decoder.layers.{shown}." in message for _, message in found)


def test_a_tensor_nobody_reads(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors["model.encoder.layers.0.adapter.weight"] = torch.zeros(3)
    ((code, message),) = checkpoint.verified()
    assert code == "XL502"
    assert "model.encoder.layers.0.adapter.weight" in message


def test_a_layer_beyond_the_last(spoil: Spoil) -> None:
    """The table ends where the config says, not where the file does."""
    checkpoint = spoil(UNTIED)
    layers = checkpoint.spec.config["encoder_layers"]
    for name, tensor in list(checkpoint.tensors.items()):
        if name.startswith("model.encoder.layers.0."):
            checkpoint.tensors[name.replace(".0.", f".{layers}.", 1)] = tensor
    found = checkpoint.verified()
    assert set(codes(found)) == {"XL502"}
    assert len(found) == 16


@pytest.mark.parametrize(
    ("name", "change"),
    [(FC1, lambda t: t.t()), (FC1, lambda t: t[:-1]), (HEAD, lambda t: t[None])],
    ids=["transposed", "short", "rank"],
)
def test_another_shape(spoil: Spoil, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors[name] = change(checkpoint.tensors[name]).contiguous()
    ((code, message),) = checkpoint.verified()
    assert code == "XL503"
    assert name in message
    assert str(list(checkpoint.tensors[name].shape)) in message


def test_a_renamed_tensor_is_one_finding(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors["model.encoder.layers.0.ffc1.weight"] = checkpoint.tensors.pop(FC1)
    ((code, message),) = checkpoint.verified()
    assert code == "XL504"
    assert FC1 in message
    assert "ffc1" in message


def test_two_renamed_kinds_are_paired_with_their_own(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    for name in list(checkpoint.tensors):
        for old, new in ((".fc1.weight", ".fcc1.weight"), (".final_layer_norm.", ".finall_layer_norm.")):
            if old in name and name.startswith("model.encoder.layers."):
                checkpoint.tensors[name.replace(old, new)] = checkpoint.tensors.pop(name)
    found = checkpoint.verified()
    assert codes(found) == ["XL504"] * 3
    for _, message in found:
        wanted, stored = message.split("` is stored as `")
        assert ("fc1" in wanted) is ("fcc1" in stored), message
        assert ("bias" in wanted) is ("bias" in stored), message


def test_one_kind_renamed_in_two_ways_is_two_findings(spoil: Spoil) -> None:
    checkpoint = spoil(TWO_LAYERS)
    for index, spelling in enumerate(("fcx1", "fcy1")):
        name = f"model.encoder.layers.{index}.fc1.weight"
        checkpoint.tensors[name.replace("fc1", spelling)] = checkpoint.tensors.pop(name)
    found = checkpoint.verified()
    assert codes(found) == ["XL504", "XL504"]
    assert all(spelling in message for spelling, (_, message) in zip(("fcx1", "fcy1"), found, strict=True))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.float8_e4m3fn])
def test_a_dtype_of_no_parameter(spoil: Spoil, dtype: torch.dtype) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors[FC1] = checkpoint.tensors[FC1].to(dtype)
    ((code, message),) = checkpoint.verified()
    assert code == "XL517"
    assert FC1 in message


def test_a_file_of_bare_names_loads(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = {n.removeprefix("model."): t for n, t in checkpoint.tensors.items()}
    assert checkpoint.loaded() == []


@pytest.mark.parametrize("respelt", [1, 20, 60])
def test_a_half_respelt_file_is_refused(spoil: Spoil, respelt: int) -> None:
    """One reading for the whole file: what fits the other spelling is a finding, never a fallback."""
    checkpoint = spoil(UNTIED)
    names = [name for name in checkpoint.tensors if name.startswith("model.")]
    assert respelt < len(names)
    for name in names[:respelt]:
        checkpoint.tensors[name.removeprefix("model.")] = checkpoint.tensors.pop(name)
    found = checkpoint.verified()
    assert found
    assert set(codes(found)) <= {"XL501", "XL502", "XL504", "XL511"}


def test_names_of_another_model(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = {f"bert.{n}": t for n, t in checkpoint.tensors.items()}
    assert codes(checkpoint.verified()) == ["XL511"]


def test_two_spellings_that_fit_equally(spoil: Spoil) -> None:
    """A lone head is spelt alike in both."""
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = {HEAD: checkpoint.tensors[HEAD]}
    assert codes(checkpoint.verified()) == ["XL511"]


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize("stored", ["embed", "head", "both"])
def test_one_copy_of_a_tied_tensor_suffices(spoil: Spoil, stored: str, form: str) -> None:
    checkpoint = spoil(TIED)
    weight = checkpoint.tensors.pop(EMBED)
    if stored != "head":
        checkpoint.tensors[EMBED] = weight
    if stored != "embed":
        checkpoint.tensors[HEAD] = weight
    assert checkpoint.loaded(form) == []
    model = crossloom.load(checkpoint.spec, checkpoint.folder)
    assert model.head.weight is model.decoder.embed.tokens.weight
    assert torch.equal(model.head.weight, weight)


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_unequal_copies_of_a_tied_tensor(spoil: Spoil, form: str) -> None:
    checkpoint = spoil(TIED)
    copy = checkpoint.tensors[EMBED].clone()
    copy[3, 1] += 1e-3
    checkpoint.tensors[HEAD] = copy
    assert checkpoint.verified() == [], "headers do not show values"
    ((code, message),) = checkpoint.loaded(form)
    assert code == "XL506"
    assert EMBED in message
    assert HEAD in message


def test_neither_copy_of_a_tied_tensor(spoil: Spoil) -> None:
    checkpoint = spoil(TIED)
    del checkpoint.tensors[EMBED]
    ((code, message),) = checkpoint.verified()
    assert code == "XL501"
    assert EMBED in message


def test_an_untied_model_needs_both(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    del checkpoint.tensors[HEAD]
    ((code, message),) = checkpoint.verified()
    assert code == "XL501"
    assert HEAD in message


@pytest.mark.parametrize("rows", [-7, 0, 9], ids=["shorter", "equal", "longer"])
def test_a_stored_table_that_follows_the_formula(spoil: Spoil, rows: int) -> None:
    checkpoint = spoil(UNTIED)
    config = checkpoint.spec.config
    size = config["max_source_positions"] + 2 + rows
    checkpoint.tensors[TABLE] = sinusoids(size, config["d_model"], config["pad_token_id"])
    assert checkpoint.loaded() == []


@pytest.mark.parametrize("spoilt", ["value", "padding row", "interleaved"])
def test_a_stored_table_that_does_not(spoil: Spoil, spoilt: str) -> None:
    checkpoint = spoil(UNTIED)
    config = checkpoint.spec.config
    table = sinusoids(config["max_source_positions"] + 2, config["d_model"], config["pad_token_id"])
    if spoilt == "value":
        table[12, 2] += 1e-2
    elif spoilt == "padding row":
        table = sinusoids(len(table), config["d_model"], config["pad_token_id"] + 1)
    else:
        table = table.reshape(len(table), 2, -1).transpose(1, 2).flatten(1)
    checkpoint.tensors[TABLE] = table
    ((code, message),) = checkpoint.loaded()
    assert code == "XL512"
    assert TABLE in message


def test_ignored_tensors_are_left_out_by_name(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors["ctc.weight"] = checkpoint.tensors["ctc.bias"] = torch.zeros(2)
    assert codes(checkpoint.verified()) == ["XL502", "XL502"]
    checkpoint.with_section(ignore={"model": ["ctc.*"]})
    assert checkpoint.verified() == []


def test_a_pattern_that_matches_nothing_is_told(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.with_section(ignore={"model": ["ctc.*"]})
    ((code, message),) = checkpoint.verified()
    assert code == "XL518"
    assert "ctc.*" in message
    assert checkpoint.loaded() == [], "a warning refuses nothing"


def test_ignore_does_not_take_what_is_needed(spoil: Spoil) -> None:
    """A pattern over a tensor that a row reads has nothing to ignore, and says so."""
    checkpoint = spoil(UNTIED)
    checkpoint.with_section(ignore={"model": [FC1]})
    assert codes(checkpoint.verified()) == ["XL518"]


def test_fresh_parameters_need_no_tensor(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    for name in [n for n in checkpoint.tensors if ".encoder_attn." in n]:
        del checkpoint.tensors[name]
    assert set(codes(checkpoint.verified())) == {"XL501"}
    checkpoint.with_section(fresh=["decoder.layers.*.cross_attention.*"])
    assert checkpoint.verified() == []
    assert checkpoint.loaded() == []


def test_a_fresh_pattern_that_matches_nothing_is_told(spoil: Spoil, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    data = {**spoil(UNTIED).spec.data, "fresh": ["decoder.layers.*.crossattention.*"]}
    path.write_text(yaml.safe_dump(data))
    ((code, message),) = [(d.code, d.message) for d in crossloom.check(path)]
    assert code == "XL518"
    assert "crossattention" in message


def test_independent_faults_are_all_told(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    del checkpoint.tensors["model.decoder.layer_norm.bias"]
    checkpoint.tensors["surplus"] = torch.zeros(1)
    checkpoint.tensors[FC1] = checkpoint.tensors[FC1][:-1].contiguous()
    assert sorted(codes(checkpoint.verified())) == ["XL501", "XL502", "XL503"]


@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("wanted", [None, torch.float32, torch.bfloat16])
def test_a_stored_table_is_compared_as_precisely_as_it_is_stored(
    spoil: Spoil, stored: torch.dtype, wanted: torch.dtype | None
) -> None:
    """Rounding, of the file's dtype or of the one asked for, is no difference."""
    checkpoint = spoil(UNTIED)
    config = checkpoint.spec.config
    table = sinusoids(config["max_source_positions"] + 2, config["d_model"], config["pad_token_id"])
    checkpoint.tensors = {name: t.to(stored) for name, t in {**checkpoint.tensors, TABLE: table}.items()}
    checkpoint.write()
    crossloom.load(checkpoint.spec, checkpoint.folder, dtype=wanted)
    checkpoint.tensors[TABLE][12, 2] += 0.1
    checkpoint.write()
    with pytest.raises(crossloom.CrossloomError, match="XL512"):
        crossloom.load(checkpoint.spec, checkpoint.folder, dtype=wanted)


def test_tied_copies_of_two_dtypes(spoil: Spoil) -> None:
    """Copies that differ by rounding alone are still two different tensors: neither is chosen silently."""
    checkpoint = spoil(TIED)
    checkpoint.tensors[HEAD] = checkpoint.tensors[EMBED].bfloat16()
    ((code, message),) = checkpoint.loaded()
    assert code == "XL506"
    assert HEAD in message


@pytest.mark.parametrize(
    ("rows", "columns", "dims"), [(0, 0, 2), (30, 1, 2), (30, -1, 2), (0, 0, 0), (30, 0, 1), (30, 0, 3)]
)
def test_a_computed_table_of_another_shape(spoil: Spoil, rows: int, columns: int, dims: int) -> None:
    checkpoint = spoil(TIED)
    width = checkpoint.spec.config["d_model"] + columns
    shape = (rows, width, 1)[:dims]
    checkpoint.tensors[TABLE] = torch.zeros(shape)
    ((code, message),) = checkpoint.verified()
    assert code == "XL503"
    assert TABLE in message
    assert codes(checkpoint.loaded("bin")) == ["XL503"]


def test_a_computed_table_of_whole_numbers(spoil: Spoil) -> None:
    checkpoint = spoil(TIED)
    checkpoint.tensors[TABLE] = torch.zeros((3, checkpoint.spec.config["d_model"]), dtype=torch.int64)
    assert codes(checkpoint.verified()) == ["XL517"]


def test_equal_mistakes_of_many_layers_are_one_finding(spoil: Spoil) -> None:
    checkpoint = spoil(TWO_LAYERS)
    layers = checkpoint.spec.config["encoder_layers"]
    for index in range(layers):
        name = FC1.replace(".0.", f".{index}.")
        checkpoint.tensors[name] = checkpoint.tensors[name][:-1].contiguous()
        name = name.replace("fc1", "fc2")
        checkpoint.tensors[name] = checkpoint.tensors[name].to(torch.int8)
    found = dict(checkpoint.verified())
    assert sorted(found) == ["XL503", "XL517"]
    for finding in crossloom.verify(checkpoint.spec, checkpoint.folder):
        assert finding.info[0] == "in model.safetensors"
    for code, name in (("XL503", FC1), ("XL517", FC1.replace("fc1", "fc2"))):
        assert name.replace(".0.", f".{{0..{layers - 1}}}.") in found[code]
        assert found[code].endswith(f"({layers} tensors)")


def test_layers_misshapen_in_two_ways_are_two_findings(spoil: Spoil) -> None:
    checkpoint = spoil(TWO_LAYERS)
    for index in range(2):
        name = FC1.replace(".0.", f".{index}.")
        checkpoint.tensors[name] = checkpoint.tensors[name][: -1 - index].contiguous()
    assert codes(checkpoint.verified()) == ["XL503", "XL503"]


@pytest.mark.parametrize(
    "fields",
    [
        {"d_model": 48, "encoder_attention_heads": 1, "decoder_attention_heads": 1},
        {"encoder_layers": 7},
        {"vocab_size": 99},
    ],
    ids=str,
)
def test_what_follows_from_a_field_that_differs_is_not_told_again(
    spoil: Spoil, fields: dict[str, int]
) -> None:
    checkpoint = spoil(UNTIED)
    role = checkpoint.spec.data["model"]
    section = {**role, "config": {**role["config"], **fields}}
    different = [name for name, value in fields.items() if checkpoint.spec.config[name] != value]
    checkpoint.with_section(model=section)
    found = checkpoint.verified()
    assert codes(found) == ["XL505"] * len(different)
    checkpoint.tensors["surplus"] = torch.zeros(1)
    checkpoint.tensors[FC1] = checkpoint.tensors[FC1][:-1].contiguous()
    assert sorted(codes(checkpoint.verified())) == [
        "XL502", "XL503", *["XL505"] * len(different)
    ], "what does not follow from it is"  # fmt: skip


def test_values_are_shown_as_a_spec_writes_them(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    stated = checkpoint.spec.config["scale_embedding"]
    role = checkpoint.spec.data["model"]
    section = {**role, "config": {**role["config"], "scale_embedding": not stated}}
    checkpoint.with_section(model=section)
    checkpoint.write()
    (finding,) = crossloom.verify(checkpoint.spec, checkpoint.folder)
    assert finding.help == f"set `scale_embedding: {str(stated).lower()}`"
    assert "True" not in finding.message + finding.spans[0].label
    assert "False" not in finding.message + finding.spans[0].label


def test_names_of_another_model_are_listed_as_names(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = {f"bert.{n}": t for n, t in checkpoint.tensors.items()}
    checkpoint.write()
    (finding,) = crossloom.verify(checkpoint.spec, checkpoint.folder)
    assert finding.info[1] == "expected, for example: `model.encoder.conv.conv_layers.0.weight`"


def test_a_checkpoint_for_a_model_that_takes_nothing_from_it(spoil: Spoil) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.with_section(fresh=["encoder.*", "decoder.*", "head.*"])
    assert set(codes(checkpoint.verified())) == {"XL502", "XL518"}  # what is stored, and that it is in vain
