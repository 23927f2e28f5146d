"""One graph a shape: no graph break, and as many compilations as there are buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from blocks.cache import BUCKET
from compiler.compilation import regional
from tests.cli.runner import python
from tests.parity.cases import Case, difference, read_case, save

STEPS = 150


class Counter:
    """A compiler back end that counts what it is asked to compile, and runs it as it is."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Every test begins with nothing compiled."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture(scope="module", params=[0, 1, 2])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    seed: int = request.param
    folder = save(seed, tmp_path_factory.mktemp("long"), {"max_target_positions": STEPS + 20})
    return read_case(seed, folder)


def compile_with(counter: Counter, method: Callable[..., Any]) -> Callable[..., Any]:
    """`method` compiled whole; a graph break is an error."""
    compiled: Callable[..., Any] = torch.compile(method, backend=counter, fullgraph=True)
    return compiled


def decode(case: Case, decode_method: Callable[..., torch.Tensor], beams: int = 1) -> torch.Tensor:
    """150 single-token steps, beams reordered in between."""
    model, vocabulary = case.ours, case.theirs.config.vocab_size
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        encoded = model.encode(case.batch["input_features"], case.batch["attention_mask"])
        rows = beams * len(encoded.hidden)
        cache = model.new_cache(rows, STEPS, encoded, beams)
        ids = torch.randint(vocabulary, (rows, STEPS), generator=generator)
        ids[ids == case.pad] = (case.pad + 1) % vocabulary
        steps = []
        for token in range(STEPS):
            steps.append(decode_method(ids[:, token : token + 1], encoded, cache))
            cache.reorder(torch.arange(rows).view(-1, beams).flip(1).flatten())
    return torch.cat(steps, dim=1)


@pytest.mark.parametrize("beams", [1, 3])
def test_decode_compiles_once_a_bucket(case: Case, beams: int) -> None:
    counter = Counter()
    eager = decode(case, case.ours.decode, beams)
    compiled = compile_with(counter, case.ours.decode)
    assert difference(decode(case, compiled, beams), eager) <= 1e-6
    buckets = -(-STEPS * beams // BUCKET)
    print(f"decode: {counter.graphs} compilations in {STEPS} steps, {buckets} buckets")
    assert counter.graphs == buckets if beams == 1 else counter.graphs <= buckets


@pytest.mark.parametrize("beams", [1, 3])
def test_the_decode_step_compiles_once_a_bucket(
    case: Case, beams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Counter()
    eager = decode(case, case.ours.decode, beams)
    step = compile_with(counter, case.ours.decode_step)
    monkeypatch.setitem(case.ours.__dict__, "decode_step", step)
    assert difference(decode(case, case.ours.decode, beams), eager) <= 1e-6
    buckets = -(-STEPS * beams // BUCKET)
    print(f"decode_step: {counter.graphs} compilations in {STEPS} steps, {buckets} buckets")
    assert counter.graphs == buckets if beams == 1 else counter.graphs <= buckets


def test_a_prompt_is_one_shape_more(case: Case) -> None:
    counter = Counter()
    compiled = compile_with(counter, case.ours.decode)
    ids = case.batch["decoder_input_ids"][:, :3]
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        cache = case.ours.new_cache(len(ids), STEPS, encoded)
        compiled(ids, encoded, cache)
        for _ in range(20):
            compiled(ids[:, :1], encoded, cache)
    assert counter.graphs == 2


def test_a_second_utterance_compiles_nothing_more(case: Case) -> None:
    counter = Counter()
    compiled = compile_with(counter, case.ours.decode)
    first = decode(case, compiled)
    graphs = counter.graphs
    assert torch.equal(decode(case, compiled), first)
    assert counter.graphs == graphs


@pytest.mark.parametrize("masked", [True, False])
def test_encode_is_one_graph(case: Case, masked: bool) -> None:
    counter = Counter()
    compiled = compile_with(counter, case.ours.encode)
    mask = case.batch["attention_mask"] if masked else None
    with torch.no_grad():
        ours, eager = (
            compiled(case.batch["input_features"], mask),
            case.ours.encode(case.batch["input_features"], mask),
        )
    assert difference(ours.hidden, eager.hidden) <= 1e-6
    assert counter.graphs == 1


def test_a_teacher_forced_pass_is_one_graph(case: Case) -> None:
    """With labels and a backward pass, as training runs it."""
    counter = Counter()
    compiled = compile_with(counter, case.ours)
    labels = case.batch["decoder_input_ids"]
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    output = compiled(**given, labels=labels)
    output.loss.backward()
    with torch.no_grad():
        assert difference(output.logits, case.ours(**given, labels=labels).logits) <= 1e-6
    with torch.no_grad(), pytest.raises(ValueError, match=r"labels\[0, 1\] is -3"):
        case.ours(**given, labels=labels.index_fill(1, torch.tensor([1]), -3))
    assert counter.graphs == 1


@pytest.fixture
def compiled_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """`"fast"` runs what it compiled, whatever is quicker."""
    monkeypatch.setattr(regional, "is_quicker_eager", lambda parameter: False)


@pytest.mark.nightly
@pytest.mark.usefixtures("compiled_everywhere")
def test_fast_is_as_eager(tmp_path: Path) -> None:
    """The real back end: `compile="fast"` keeps names, state and results."""
    folder = save(1, tmp_path)
    eager, fast = crossloom.from_pretrained(folder), crossloom.from_pretrained(folder, compile="fast")
    case = read_case(1, folder)
    assert list(fast.state_dict()) == list(eager.state_dict())
    with torch.no_grad():
        whole = eager(**case.batch).logits
        encoded = fast.encode(case.batch["input_features"], case.batch["attention_mask"])
        assert difference(encoded.hidden, eager(**case.batch).encoder_last_hidden_state) <= 1e-6
        ids = case.batch["decoder_input_ids"].clamp(min=case.pad + 1)
        expected = eager(**{**case.batch, "decoder_input_ids": ids}).logits
        cache = fast.new_cache(len(ids), ids.shape[1], encoded)
        steps = [fast.decode(ids[:, t : t + 1], encoded, cache) for t in range(ids.shape[1])]
        assert difference(torch.cat(steps, dim=1), expected) <= 1e-6
        assert difference(fast(**case.batch).logits, whole) <= 1e-6


@pytest.mark.usefixtures("compiled_everywhere")
def test_fast_serves_requests_of_many_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More kinds than torch compiles a function for unless it is told to."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    folder = save(0, tmp_path)
    fast = crossloom.from_pretrained(folder, compile="fast")
    case = read_case(0, folder)
    features, mask = case.batch["input_features"], case.batch["attention_mask"]
    for rows, beams, masked, tokens in product((1, 2), (1, 3), (True, False), (4, 12)):
        given: dict[str, Any] = {"input_features": features[:rows]}
        given |= {"attention_mask": mask[:rows]} if masked else {}
        options: dict[str, Any] = {"num_beams": beams, "max_new_tokens": tokens, "eos_token_id": None}
        found, expected = (crossloom.generate(model, **given, **options) for model in (fast, case.ours))
        assert isinstance(found, torch.Tensor)
        assert isinstance(expected, torch.Tensor)
        assert torch.equal(found, expected)


def test_fast_leaves_what_is_quicker_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 on a CPU nothing is compiled but what a gradient goes through."""
    counter = Counter()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    folder = save(0, tmp_path)
    fast, case = crossloom.from_pretrained(folder, compile="fast"), read_case(0, folder)
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    found, expected = (crossloom.generate(model, **given, max_new_tokens=6) for model in (fast, case.ours))
    assert isinstance(found, torch.Tensor)
    assert isinstance(expected, torch.Tensor)
    assert torch.equal(found, expected)
    assert counter.graphs == 0
    fast(**given, labels=case.batch["decoder_input_ids"]).loss.backward()
    assert counter.graphs == 2, "encode and the decode step"


def test_the_compiler_is_imported_where_something_is_compiled(tmp_path: Path) -> None:
    """It takes more memory than decoding does."""
    code = f"""
import sys, torch, crossloom
model = crossloom.from_pretrained({str(save(0, tmp_path))!r}, compile="fast")
bins = model.spec.config["input_feat_per_channel"] * model.spec.config["input_channels"]
crossloom.generate(model, input_features=torch.ones(1, 30, bins), max_new_tokens=2)
print("torch._inductor.compile_fx" in sys.modules, "torch._dynamo.eval_frame" in sys.modules)
"""
    assert python(code, tmp_path).stdout.split() == ["False", "False"]


def test_each_section_goes_by_its_own_dtype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder in float32 is left as it is beside a decoder in bfloat16, and the other way round."""
    counter = Counter()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    folder = save(0, tmp_path)
    features = read_case(0, folder).batch["input_features"]
    for narrow in ("encoder", "decoder"):
        counter.graphs = 0
        model = crossloom.from_pretrained(folder, compile="fast", dtype={narrow: torch.bfloat16})
        with torch.no_grad():
            encoded = model.encode(features.to(next(model.encoder.parameters()).dtype))
            assert counter.graphs == (narrow == "encoder")
            model.decode(torch.ones(len(features), 1, dtype=torch.int64), encoded)
            assert counter.graphs == 1


def test_other_dtypes_are_compiled_for_inference_too() -> None:
    with torch.no_grad():
        assert regional.is_quicker_eager(torch.zeros(1))
        assert not regional.is_quicker_eager(torch.zeros(1, dtype=torch.bfloat16))
        assert not regional.is_quicker_eager(torch.zeros(1, device="meta"))
    assert not regional.is_quicker_eager(torch.zeros(1))
