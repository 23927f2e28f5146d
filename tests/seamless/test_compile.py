"""Compiled methods: no graph break, as many compilations as buckets, and what is computed eagerly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from blocks.cache import BUCKET
from compiler.compilation.padding import bucket
from runtime.flows.buckets import call_in_buckets
from tests.build.test_compile import Counter
from tests.parity.cases import difference
from tests.seamless.conftest import Folders, Live, Published
from tests.seamless.oracle import decoder_ids, speech_batch, text_batch
from tests.seamless.settings import SEEDS, random_config

METHODS = ("predict_durations", "decode_units", "predict_unit_durations", "vocode")
Shapes = tuple[tuple[int, ...], ...]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Every test begins with nothing compiled."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Compiled:
    """A method compiled whole for every shape; a graph break is an error."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.counter = Counter()
        self.shapes: set[Shapes] = set()
        self._method = torch.compile(method, backend=self.counter, fullgraph=True, dynamic=False)

    def __call__(self, length: int = 0, **inputs: Tensor) -> Any:
        self.shapes.add((*(tuple(tensor.shape) for tensor in inputs.values()), (length,)))
        return self._method(**inputs, length=length) if length else self._method(**inputs)


def spoken(model: Any, batch: dict[str, Tensor], language: str) -> tuple[Tensor, Tensor, Tensor]:
    """Units, lengths and waveform of a translation into speech."""
    found = crossloom.translate(model, **batch, tgt_lang=language)
    assert found.unit_sequences is not None
    assert found.waveform_lengths is not None
    assert found.waveform is not None
    return found.unit_sequences, found.waveform_lengths, found.waveform


def same_speech(model: Any, eager: Any, config: Any) -> int:
    """Translate recordings and texts with both, and compare; how many batches there were."""
    language = next(iter(model.tables["vocoder_lang_code_to_id"]))
    batches = (speech_batch(config, 0), text_batch(config, 1), text_batch(config, 2))
    for batch in batches:
        units, lengths, waveform = spoken(model, batch, language)
        expected = spoken(eager, batch, language)
        assert torch.equal(units, expected[0])
        assert torch.equal(lengths, expected[1])
        assert waveform.shape == expected[2].shape
        assert difference(waveform, expected[2]) <= 1e-6
    return len(batches)


class Rounded:
    """A method that is not compiled, and is given what a compiled one would be."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.sizes: set[int] = set()
        self._method = method

    def __call__(self, *given: Any, length: int = 0, **inputs: Tensor) -> Any:
        tensors = [one for one in (*given, *inputs.values()) if isinstance(one, Tensor)]
        self.sizes |= {tensor.shape[1] for tensor in tensors if tensor.dim() > 1}
        if not length:
            return self._method(*given, **inputs)
        self.sizes.add(length)
        return self._method(**inputs, length=length)


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_are_rounded_up_and_nothing_changes(folders: Folders, live: Live, seed: int) -> None:
    model = crossloom.from_pretrained(folders(seed))
    methods = {name: Rounded(getattr(model, name)) for name in METHODS}
    model.__dict__.update(methods)
    same_speech(model, live(seed), random_config(seed))
    for name, method in methods.items():
        assert method.sizes, name
        assert all(size == bucket(size) for size in method.sizes), name


def test_sizes_stay_where_nothing_is_compiled(folders: Folders, live: Live) -> None:
    """Of `compile="fast"` in float32 on a CPU, a bucket would only be more to compute."""
    model = crossloom.from_pretrained(folders(0))
    methods = {name: Rounded(getattr(model, name)) for name in METHODS}
    for method in methods.values():
        method.__dict__["runs_as_it_is"] = lambda: True
    model.__dict__.update(methods)
    same_speech(model, live(0), random_config(0))
    sizes = set().union(*(method.sizes for method in methods.values()))
    assert any(size != bucket(size) for size in sizes)


def test_counts_of_nothing_are_rounded_up_as_well(live: Live) -> None:
    """Characters that do not last are one position of padding, whatever it is padded to."""
    model = live(1)
    graph = crossloom.lower(model.spec)
    (method,) = (one for one in graph.methods if one.name == "decode_units")
    width = model.spec.config["hidden_size"]
    given = {
        "character_states": torch.ones(2, 5, width),
        "character_durations": torch.zeros(2, 5, dtype=torch.int64),
    }
    with torch.no_grad():
        made, expected = call_in_buckets(model, graph, method, given), model.decode_units(**given)
    assert made.unit_logits.shape == expected.unit_logits.shape
    assert difference(made.unit_logits, expected.unit_logits) <= 1e-6
    assert torch.equal(made.mask, expected.mask)


@pytest.mark.parametrize("seed", [0, 3])
def test_speech_is_that_of_the_eager_methods(folders: Folders, published: Published, seed: int) -> None:
    folder, config = folders(seed), published(seed).config
    eager, model = (crossloom.load(crossloom.import_spec(folder), folder) for _ in range(2))
    methods = {name: Compiled(getattr(model, name)) for name in METHODS}
    model.__dict__.update(methods)
    calls = same_speech(model, eager, config)
    for name, method in methods.items():
        sizes = {size for shapes in method.shapes for shape in shapes for size in shape[1:2]}
        print(f"{name}: {method.counter.graphs} compilations in {calls} calls")
        assert method.counter.graphs == len(method.shapes)
        assert all(size == bucket(size) for size in sizes), "every free size is a bucket"


def test_the_text_decoder_compiles_once_a_bucket(folders: Folders, published: Published) -> None:
    folder, config = folders(0), published(0).config
    model = crossloom.load(crossloom.import_spec(folder), folder)
    counter = Counter()
    step: Any = torch.compile(model.decode_step, backend=counter, fullgraph=True)
    length = config.max_position_embeddings
    ids = decoder_ids(config, 0).repeat(1, length)[:, :length]
    with torch.no_grad():
        encoded = model.encode(**text_batch(config, 0))
        eager = model.decode(ids, encoded)
        model.__dict__["decode_step"] = step
        cache = model.new_cache(len(ids), length, encoded)
        steps = [model.decode(ids[:, place : place + 1], encoded, cache) for place in range(length)]
    valid = (ids == config.pad_token_id).cumsum(1) == 0  # positions count cached padding, too
    assert difference(torch.cat(steps, 1)[valid], eager[valid]) <= 1e-5
    assert counter.graphs <= -(-length // BUCKET) + 1  # the first step has no cached keys
    print(f"decode_step: {counter.graphs} compilations in {length} steps")


@pytest.mark.parametrize("size", [1, 31, 32, 33, 48, 49, 64, 65, 96, 97, 500])
def test_buckets_hold_what_they_are_for(size: int) -> None:
    assert bucket(size) >= size
    assert bucket(bucket(size)) == bucket(size)
    assert bucket(size) <= max(32, size * 1.5)
