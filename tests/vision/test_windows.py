"""What encoders with windows have beside: spellings, stored tables, heads, draws, stochastic depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    DonutSwinForImageClassification,
    SwinForImageClassification,
    SwinForMaskedImageModeling,
)

import crossloom
from blocks.stochastic_depth import StochasticDepth
from blocks.windows import ShiftedWindows
from crossloom import CrossloomError
from tests.oracle import respelt, spread
from tests.parity.cases import LOGITS, difference
from tests.vision.oracle import CLASSES, random_images, random_settings, save

FAMILIES = ("donut-swin", "swin")
PREFIXES = {"donut-swin": "donut.", "swin": "swin."}
INDEX = "attention.self.relative_position_index"
TABLE = "attention.self.relative_position_bias_table"

of_each = pytest.mark.parametrize("family", FAMILIES)


def codes(folder: Path) -> set[str]:
    """Of what is found in a checkpoint."""
    with pytest.raises(CrossloomError) as refused:
        crossloom.from_pretrained(folder)
    return {d.code for d in refused.value.diagnostics}


def index_of(table: Tensor) -> Tensor:
    """The numbers that older releases store beside a table, from the sides of its window."""
    side = (int(table.shape[0] ** 0.5) + 1) // 2
    cells = [(row, column) for row in range(side) for column in range(side)]
    width = 2 * side - 1
    return torch.tensor([[(a - c + side - 1) * width + b - d + side - 1 for c, d in cells] for a, b in cells])


def with_index(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    tables = [name for name in stored if name.endswith(TABLE)]
    return stored | {name.replace(TABLE, INDEX): index_of(stored[name]) for name in tables}


def without_index(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in stored.items() if not name.endswith(INDEX)}


@of_each
@pytest.mark.parametrize("is_prefixed", [False, True])
@pytest.mark.parametrize("tables", [with_index, without_index])
def test_every_spelling_is_read(tmp_path: Path, family: str, is_prefixed: bool, tables: Any) -> None:
    theirs: Any = save(family, 1, tmp_path)
    prefix = PREFIXES[family] if is_prefixed else ""
    respelt(tmp_path, lambda stored: {prefix + name: tensor for name, tensor in tables(stored).items()})
    images = random_images(theirs.config, 1)
    with torch.no_grad():
        hidden = crossloom.from_pretrained(tmp_path).encode(images).hidden
        assert difference(hidden, theirs(images).last_hidden_state) <= LOGITS


@of_each
def test_half_a_spelling_is_refused(tmp_path: Path, family: str) -> None:
    save(family, 1, tmp_path)
    respelt(
        tmp_path,
        lambda stored: {PREFIXES[family] * (i % 2) + n: t for i, (n, t) in enumerate(stored.items())},
    )
    assert codes(tmp_path) <= {"XL504", "XL511"}


@of_each
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda index: index.flip(0).contiguous(), "XL512"),
        (lambda index: index[:-1].contiguous(), "XL503"),
        (lambda index: index.float(), "XL517"),
    ],
)
def test_stored_numbers_of_offsets_are_compared(tmp_path: Path, family: str, spoil: Any, code: str) -> None:
    save(family, 2, tmp_path)

    def spoilt(stored: dict[str, Tensor]) -> dict[str, Tensor]:
        name = f"encoder.layers.1.blocks.0.{INDEX}"
        return with_index(stored) | {name: spoil(with_index(stored)[name])}

    respelt(tmp_path, spoilt)
    assert codes(tmp_path) == {code}


HEADS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "classification": ("swin", SwinForImageClassification, {}),
    "classification of pages": ("donut-swin", DonutSwinForImageClassification, {}),
    "reconstruction, with a mask token": ("swin", SwinForMaskedImageModeling, {"encoder_stride": 4}),
}


@pytest.mark.parametrize("head", HEADS)
def test_an_encoder_is_read_from_below_any_head(tmp_path: Path, head: str) -> None:
    family, model_class, changes = HEADS[head]
    settings = {**random_settings(family, 3), **changes}
    theirs: Any = spread(model_class(CLASSES[family][0](**settings)))
    theirs.save_pretrained(tmp_path)
    spec = crossloom.import_spec(tmp_path)
    assert not crossloom.verify(spec)
    images = random_images(theirs.config, 3)
    body = getattr(theirs, PREFIXES[family][:-1])
    with torch.no_grad():
        hidden = crossloom.load(spec).encode(images).hidden
        assert difference(hidden, body(images).last_hidden_state) <= LOGITS


@of_each
def test_statistics_are_the_published_ones(tmp_path: Path, family: str) -> None:
    torch.manual_seed(0)
    config_class, model_class = CLASSES[family]
    sizes = {"embed_dim": 32, "depths": [2, 2], "num_heads": [2, 4], "image_size": 32, "window_size": 4}
    config = config_class(**sizes, initializer_range=0.07, use_absolute_embeddings=family == "swin")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    spec = crossloom.import_spec(tmp_path)
    model = model_class(config)
    model.save_pretrained(tmp_path)
    theirs, ours = load_file(tmp_path / "model.safetensors"), crossloom.build(spec, seed=1).state_dict()
    drawn = 0
    for row in crossloom.weight_table(spec):
        if row.status == "computed":
            continue
        fresh, published = ours[row.address], theirs[row.sources[0].partition(".")[2]]
        if published.std() == 0:  # biases, norms, offsets, positions
            assert torch.equal(fresh, published), row.address
            continue
        tolerance = 6 / fresh.numel() ** 0.5
        assert fresh.std() == pytest.approx(float(published.std()), rel=tolerance), row.address
        assert abs(float(fresh.mean())) < 6 * 0.07 / fresh.numel() ** 0.5, row.address
        drawn += 1
    assert drawn > 20


@of_each
def test_rates_of_the_branches_are_the_published_ones(tmp_path: Path, family: str) -> None:
    theirs: Any = save(family, 2, tmp_path, drop_path_rate=0.4)
    ours: Any = crossloom.from_pretrained(tmp_path)
    stages = [getattr(ours.encoder, f"stage{stage}") for stage in range(3)]
    rates = [layer.self_attention_branch.rate for stage in stages for layer in stage]
    published = [
        getattr(block.drop_path, "drop_prob", 0.0)
        for stage in theirs.encoder.layers
        for block in stage.blocks
    ]
    assert rates == pytest.approx(published, abs=1e-6)
    assert rates[0] == 0
    assert rates[-1] == 0.4


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    branch = torch.ones(20_000, 2, 3)
    depth = StochasticDepth(dropout=0.0, rate=0.3)
    assert torch.equal(depth.eval()(branch), branch)
    thinned = depth.train()(branch)
    assert torch.equal(thinned, thinned[:, :1, :1].expand_as(thinned))
    assert float((thinned[:, 0, 0] == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(thinned.mean()) == pytest.approx(1.0, abs=0.03)
    assert not StochasticDepth(dropout=0.5, rate=1.0).train()(branch).any()


def test_single_elements_are_dropped_beside_samples() -> None:
    torch.manual_seed(0)
    thinned = StochasticDepth(dropout=0.4, rate=0.0).train()(torch.ones(20_000, 2, 3))
    assert float((thinned == 0).float().mean()) == pytest.approx(0.4, abs=0.02)
    assert float(thinned.mean()) == pytest.approx(1.0, abs=0.03)


@of_each
def test_dropout_stands_where_the_published_class_has_it(tmp_path: Path, family: str) -> None:
    """What attention gives is dropped at the rate of its weights by one class, of all states by the other."""
    theirs: Any = save(family, 1, tmp_path, hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2)
    ours: Any = crossloom.from_pretrained(tmp_path)
    block, layer = theirs.encoder.layers[1].blocks[0], ours.encoder.stage1[0]
    if family == "swin":
        published = [block.attention.attention_dropout, block.dropout.p, block.dropout.p]
    else:
        attention = block.attention
        published = [attention.self.dropout.p, attention.output.dropout.p, block.output.dropout.p]
    stated = layer.self_attention.attention.dropout, layer.self_attention_branch.dropout
    assert [*stated, layer.feed_forward_branch.p] == published
    assert ours.encoder.dropout.p == theirs.embeddings.dropout.p


@of_each
def test_images_of_another_size_are_refused(tmp_path: Path, family: str) -> None:
    theirs: Any = save(family, 1, tmp_path)
    model = crossloom.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"pixel_values is \[batch, 5, 18, 26\] here"):
        model.encode(random_images(theirs.config, 1, size=(26, 18)))


@of_each
def test_an_encoder_runs_at_another_size_that_its_spec_names(tmp_path: Path, family: str) -> None:
    """As the published class does at once: nothing in the weights depends on it."""
    theirs: Any = save(family, 1, tmp_path)
    config = random_settings(family, 1) | {"image_size": [26, 34]}
    spec = tmp_path / "larger.yaml"
    spec.write_text(
        json.dumps(
            {
                "crossloom": 1,
                "name": "larger",
                "encoder": {"family": family, "weights": "./", "config": config},
            }
        )
    )
    images = random_images(theirs.config, 1, size=(26, 34))
    with torch.no_grad():
        hidden = crossloom.load(spec).encode(images).hidden
        assert difference(hidden, theirs(images).last_hidden_state) <= LOGITS


@pytest.mark.parametrize("family", FAMILIES)
def test_fields_that_follow_from_others_are_exported(tmp_path: Path, family: str) -> None:
    """A decoder beside the published class reads its width."""
    save(family, 2, tmp_path / "in")
    crossloom.export(crossloom.from_pretrained(tmp_path / "in"), tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["hidden_size"], config["num_layers"]) == (24, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_bias_between_shifted_cells_is_as_wide_as_the_model(dtype: torch.dtype) -> None:
    """Attention takes scores of one dtype alone."""
    bias = ShiftedWindows(4, 4, 2, 1).biased(torch.zeros(1, 3, 4, 4, dtype=dtype), images=2)
    assert bias.dtype is dtype
    assert bias.shape == (2 * 4, 3, 4, 4)
    assert bias.min() < -1
