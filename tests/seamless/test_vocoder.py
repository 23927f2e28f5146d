"""The vocoder against the public one by itself: durations, waveforms and how long they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import SeamlessM4Tv2Config
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import SeamlessM4Tv2CodeHifiGan

from specs.graph import Ref
from tests.seamless.vocoders import (
    SEEDS,
    graph_of,
    loaded,
    model_of,
    published,
    published_durations,
    random_batch,
    random_settings,
    table_of,
    view,
)

seeds = pytest.mark.parametrize("seed", SEEDS)


def spoken(model: Any, batch: dict[str, Tensor], length: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Durations, waveform and lengths that ours makes of units."""
    with torch.no_grad():
        states, durations = model.predict_unit_durations(batch["unit_ids"])
        waveform, lengths = model.vocode(states, durations, **batch, length=length)
    return durations, waveform, lengths


def both(seed: int, rows: int) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Durations, waveform and lengths: ours, and the public vocoder's."""
    theirs, batch = published(seed), random_batch(seed, rows)
    ours = spoken(loaded(theirs, view(**random_settings(seed))), batch)
    with torch.no_grad():
        waveform, lengths = theirs(
            batch["unit_ids"], batch["speaker_id"].unsqueeze(1), batch["language_id"].unsqueeze(1)
        )
        durations = published_durations(theirs, batch["unit_ids"])
    return ours, (durations, waveform, lengths)


@seeds
@pytest.mark.parametrize("rows", [1, 4])
def test_units_sound_as_published(seed: int, rows: int) -> None:
    (durations, waveform, lengths), (their_durations, theirs, their_lengths) = both(seed, rows)
    assert torch.equal(durations, their_durations)
    assert waveform.shape == theirs.shape
    assert float(theirs.std()) > 0.03, "neither silence nor the loudest all along"
    assert float((waveform - theirs).abs().max()) <= 1e-4
    assert torch.equal(lengths, their_lengths.view(-1)), (
        "of one row too, where the public one has no dimension"
    )


def test_the_batches_have_what_may_go_wrong() -> None:
    """Padding, kernels wider than their rates by odd and by even numbers, channels that halve to no half."""
    settings = [random_settings(seed) for seed in SEEDS]
    rests = {
        (kernel - rate) % 2
        for one in settings
        for rate, kernel in zip(one["upsample_rates"], one["upsample_kernel_sizes"], strict=True)
    }
    assert rests == {0, 1}
    assert any(1 in one["upsample_rates"] for one in settings)
    assert {1, 2, 3} <= {len(one["resblock_kernel_sizes"]) for one in settings}
    assert any(one["upsample_initial_channel"] % 2 ** len(one["upsample_rates"]) for one in settings)
    for seed in SEEDS:
        pads = (random_batch(seed)["unit_ids"] == settings[seed]["t2u_pad_token_id"]).sum(1)
        assert pads[0] == 0
        assert pads.sum() > 0


@seeds
def test_a_padded_row_is_a_unit_longer_than_its_units(seed: int) -> None:
    settings, batch = random_settings(seed), random_batch(seed)
    model = loaded(published(seed), view(**settings))
    durations, waveform, lengths = spoken(model, batch)
    ends = durations.cumsum(1)
    units = (batch["unit_ids"] != settings["t2u_pad_token_id"]).sum(1)
    graph, _ = graph_of(view(**settings))
    samples = graph.types[Ref("vocoder.generator", "waveform")].dims[1]
    for row, count in enumerate(units.tolist()):
        frames = int(ends[row, min(count, ends.shape[1] - 1)])
        assert int(lengths[row]) == samples.evaluate({"vocoder_lengthen": frames})
    assert waveform.shape[1] == samples.evaluate({"vocoder_lengthen": int(ends[:, -1].max())})
    assert int(lengths[0]) == samples.evaluate({"vocoder_lengthen": int(ends[0, -1])}), "it has no padding"


@seeds
def test_a_row_without_units_is_its_first_padding(seed: int) -> None:
    settings, batch = random_settings(seed), random_batch(seed)
    batch["unit_ids"][1] = settings["t2u_pad_token_id"]
    durations, waveform, lengths = spoken(loaded(published(seed), view(**settings)), batch)
    graph, _ = graph_of(view(**settings))
    samples = graph.types[Ref("vocoder.generator", "waveform")].dims[1]
    assert int(lengths[1]) == samples.evaluate({"vocoder_lengthen": int(durations[1, 0])})
    assert bool(waveform.isfinite().all())


@seeds
@pytest.mark.parametrize("more", [0, 1, 40])
def test_a_bucket_changes_nothing(seed: int, more: int) -> None:
    batch = random_batch(seed)
    model = loaded(published(seed), view(**random_settings(seed)))
    durations, waveform, lengths = spoken(model, batch)
    longest = int(durations.sum(1).max())
    _, padded, same = spoken(model, batch, longest + more)
    assert torch.equal(same, lengths)
    assert float((padded[:, : waveform.shape[1]] - waveform).abs().max()) <= 1e-6
    assert not padded[:, waveform.shape[1] :].any(), "silence behind"


def test_the_published_generator_makes_320_samples_of_a_frame() -> None:
    graph, problems = graph_of(view())
    assert not problems
    assert str(graph.types[Ref("vocoder.generator", "waveform")].dims[1]) == "320 * vocoder_lengthen"
    lengths = graph.nodes["vocoder.lengths"].block.numbers
    assert (int(lengths["samples"]), int(lengths["extra"])) == (320, 0)


@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_every_stored_tensor_has_one_row(seed: int | None) -> None:
    """Of the published configuration too: names and shapes."""
    settings = {} if seed is None else random_settings(seed)
    graph, _ = graph_of(view(**settings))
    with torch.device("meta"):
        theirs = SeamlessM4Tv2CodeHifiGan(SeamlessM4Tv2Config(**settings))
    expected = {f"vocoder.{name}": tuple(tensor.shape) for name, tensor in theirs.state_dict().items()}
    found = {}
    for address, shape in graph.parameters().items():
        row = table_of(view(**settings)).find(address)
        assert row is not None, address
        (name,) = row[1]
        assert name not in found
        found[name] = shape
    assert found == expected


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Begin with nothing compiled."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Counter:
    """A compiler back end that counts what it is asked to compile, and runs it as it is."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


def compiled(counter: Counter, method: Callable[..., Any]) -> Callable[..., Any]:
    """`method` compiled whole, anew for every shape; a graph break is an error."""
    made: Callable[..., Any] = torch.compile(method, backend=counter, fullgraph=True, dynamic=False)
    return made


@seeds
@pytest.mark.usefixtures("forgotten")
def test_with_a_length_it_is_one_graph(seed: int) -> None:
    """Whatever the durations are: two batches of one bucket are compiled once."""
    counter = Counter()
    model = loaded(published(seed), view(**random_settings(seed)))
    predict, vocode = (compiled(counter, one) for one in (model.predict_unit_durations, model.vocode))
    batch = random_batch(seed)
    with torch.no_grad():
        for units in (batch["unit_ids"], batch["unit_ids"].flip(0)):
            given = {**batch, "unit_ids": units}
            states, durations = predict(units)
            waveform, lengths = vocode(states, durations, **given, length=200)
            expected = spoken(model, given, 200)
            assert torch.equal(durations, expected[0])
            assert float((waveform - expected[1]).abs().max()) <= 1e-6
            assert torch.equal(lengths, expected[2])
    print(f"vocoder: {counter.graphs} compilations")
    assert counter.graphs == 2


@pytest.mark.parametrize(
    ("fields", "code", "places", "says"),
    [
        (
            {"upsample_rates": [5, 4]},
            "XL303",
            ["upsample_rates", "upsample_kernel_sizes"],
            "2 rates and 5 kernels",
        ),
        (
            {"upsample_rates": [5, 4, 9, 2, 2]},
            "XL104",
            ["upsample_kernel_sizes.2", "upsample_rates.2"],
            "kernel 8 leaves gaps between the 9",
        ),
        (
            {"resblock_kernel_sizes": [3, 7]},
            "XL303",
            ["resblock_kernel_sizes", "resblock_dilation_sizes"],
            "2 kernels and 3 lists of dilations",
        ),
        ({"resblock_kernel_sizes": [3, 8, 11]}, "XL305", ["resblock_kernel_sizes.1"], "use an odd kernel"),
        (
            {"upsample_initial_channel": 16},
            "XL104",
            ["upsample_initial_channel", "upsample_rates"],
            "none is left",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_found_where_they_are(
    fields: dict[str, Any], code: str, places: list[str], says: str
) -> None:
    """Before anything is built; what is about two nodes is found at both."""
    _, problems = graph_of(view(**fields))
    assert problems
    for problem in problems:
        assert problem.code == code
        assert [address for address, _ in problem.at] == [f"model.config.{place}" for place in places]
        assert says in f"{problem.message} {problem.help}"


@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (2, 2), (4, 1), (4, 3), (6, 2)])
def test_the_public_vocoder_fails_on_even_kernels(kernel: int, dilation: int) -> None:
    """So they are refused: no checkpoint can have them."""
    settings = {
        **random_settings(0),
        "resblock_kernel_sizes": [kernel],
        "resblock_dilation_sizes": [[dilation]],
    }
    theirs = SeamlessM4Tv2CodeHifiGan(SeamlessM4Tv2Config(**settings)).eval()
    batch = random_batch(0)
    with pytest.raises(RuntimeError, match="must match"):
        theirs(batch["unit_ids"], batch["speaker_id"].unsqueeze(1), batch["language_id"].unsqueeze(1))


@pytest.mark.parametrize("field", ["language_id", "speaker_id", "unit_ids"])
def test_ids_outside_their_table_are_refused(field: str) -> None:
    settings, batch = random_settings(1), random_batch(1)
    model = model_of(view(**settings))
    batch[field].view(-1)[1] = 1000
    states = torch.zeros(*batch["unit_ids"].shape, settings["unit_embed_dim"])
    durations = torch.ones_like(batch["unit_ids"])
    if field == "unit_ids":
        with pytest.raises(ValueError, match=r"unit_ids\[0, 1\] is 1000, and ids go from 0 to 21"):
            model.predict_unit_durations(batch["unit_ids"])
    else:
        with pytest.raises(ValueError, match=rf"{field}\[1\] is 1000, and ids go from 0 to [67]"):
            model.vocode(states, durations, **batch)


def test_parameters_start_as_published() -> None:
    settings = {**random_settings(2), "upsample_initial_channel": 256, "unit_embed_dim": 200}
    model = model_of(view(**settings))
    model.initialise(seed=0)
    torch.manual_seed(0)
    theirs = dict(
        SeamlessM4Tv2CodeHifiGan(SeamlessM4Tv2Config(**settings)).named_parameters(prefix="vocoder")
    )
    table = table_of(view(**settings))
    for address, parameter in model.named_parameters():
        found = table.find(address)
        assert found is not None
        expected = theirs[found[1][0]].detach()
        error = 6 / expected.numel() ** 0.5
        drawn = parameter.detach()
        spread = float(expected.std(correction=0))
        assert float(drawn.std(correction=0)) == pytest.approx(spread, rel=error, abs=1e-7), address
        if address.endswith("bias") and expected.any():  # uniform: the largest tells the bound
            assert float(drawn.abs().max()) == pytest.approx(float(expected.abs().max()), rel=20 / len(drawn))
