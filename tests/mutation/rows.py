"""Faults of the families' weight tables: every row dropped, and every row pointed at another's tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from tests.mutation import tree

_ADAPTER = {"conv_bias": True, "add_adapter": True, "output_hidden_size": 8}

FULL: dict[str, dict[str, Any]] = {
    "beit": {
        "use_absolute_position_embeddings": True,
        "use_mean_pooling": False,
        "use_relative_position_bias": True,
    },
    "data2vec-audio": _ADAPTER,
    "donut-swin": {"depths": [1, 1], "num_heads": [3, 6]},
    "hubert": {"conv_bias": True},
    "seamless_m4t_v2": {
        "upsample_rates": [2, 2],
        "upsample_kernel_sizes": [4, 4],
        "resblock_kernel_sizes": [3, 5],
        "resblock_dilation_sizes": [[1], [1]],
    },
    "swin": {"depths": [1, 1], "num_heads": [3, 6], "use_absolute_embeddings": True},
    "unispeech": {"conv_bias": True},
    "wav2vec2": {
        **_ADAPTER,
        "do_stable_layer_norm": True,
        "adapter_attn_dim": 8,
    },
    "wav2vec2-conformer": _ADAPTER,
    "wavlm": _ADAPTER,
}
"""Family -> the fields with which its table has all its rows, where the defaults leave some out, or repeat
one for every stage."""

OTHER: dict[str, dict[str, Any]] = {
    "beit": {"use_mean_pooling": False, "use_shared_relative_position_bias": True},
    "hubert": {"conv_bias": True, "conv_pos_batch_norm": True},
    "wav2vec2-conformer": {**_ADAPTER, "position_embeddings_type": "rotary"},
}
"""Family -> the fields with which its table has rows that it has not with the others."""

_SPEECH = ("tests/speech/test_parity.py", "tests/speech/test_export.py", "tests/speech/test_training.py")

_PATCHES = ("tests/vision/test_parity.py", "tests/vision/test_patches.py")
_WINDOWS = ("tests/vision/test_parity.py", "tests/vision/test_windows.py")

_DECODERS = ("tests/pairs/test_token_decoders.py", "tests/pairs/test_halves.py")

_METHODS = ("tests/seamless/test_methods.py", "tests/seamless/test_weights.py")

_HALVES = ("tests/pairs/test_halves.py", "tests/pairs/test_parity.py")
_WHOLE = ("tests/pairs/test_whole.py", *_HALVES)

TESTS: dict[str, tuple[str, ...]] = {
    "bart": _WHOLE,
    "bert": _HALVES,
    "beit": _PATCHES,
    "data2vec-audio": _SPEECH,
    "distilbert": ("tests/pairs/test_distilbert.py", *_HALVES),
    "deit": _PATCHES,
    "donut-swin": _WINDOWS,
    "gpt2": _HALVES,
    "hubert": _SPEECH,
    "mbart": _WHOLE,
    "roberta": _HALVES,
    "seamless_m4t_v2": _METHODS,
    "speech_to_text": tree.TESTS,
    "speech_to_text_2": _DECODERS,
    "swin": _WINDOWS,
    "trocr": _DECODERS,
    "unispeech": _SPEECH,
    "vit": _PATCHES,
    "wav2vec2": _SPEECH,
    "wav2vec2-conformer": _SPEECH,
    "wavlm": _SPEECH,
    "xglm": _DECODERS,
}
"""Family -> the tests that know its checkpoints, in the order in which they are tried."""
WORDS = {"seamless_m4t_v2": "SeamlessM4Tv2Model"}
"""Family -> what the names of tests hold that are tried first, where it is not the family's name."""
TABLES = "both tables follow one formula, and only the rows that both have are compared"


@dataclass(frozen=True)
class RowFault:
    """What is done to one row, and the tests that are to find it; its group is the family."""

    group: str
    name: str
    prepare: Callable[[], None]
    tests: tuple[str, ...]
    equivalent: str | None = None

    def killer(self, copy: Path) -> str | None:
        """The first test that fails with the row spoilt."""
        word = WORDS.get(self.group, self.group)
        return tree.first_to_fail(copy, self.prepare, self.tests, word)


def row_faults() -> Iterator[RowFault]:
    """Two faults a row."""
    for family, tests in TESTS.items():
        rows = _rows(family)
        for index, row in enumerate(rows):
            name = f"`{row.address}`"
            yield RowFault(family, f"drop {name}", _Dropped(family, row.address), tests)
            equivalent = TABLES if row.computed and "{i}" not in row.address else None  # layers are counted
            if (other := _partner(rows, index)) is not None:
                yield RowFault(
                    family,
                    f"read {name} from `{other.sources[0]}` and the other way round",
                    _Exchanged(family, row.address, other.address),
                    tests,
                    equivalent,
                )
            if type(row.operation).__name__ == "Transpose":
                yield RowFault(family, f"{name} not transposed", _AsStored(family, row.address), tests)


def _partner(rows: Sequence[Any], index: int) -> Any:
    """The next row, in a circle, that is computed or not as this one and has the same last word.

    None where a row is like no other.
    """
    leaf, computed = rows[index].address.rpartition(".")[2], rows[index].computed
    for other in chain(range(index + 1, len(rows)), range(index)):
        if rows[other].address.rpartition(".")[2] == leaf and rows[other].computed == computed:
            return rows[other]
    return None


def family_of(name: str) -> Any:
    """A family, imported only when it is asked for."""
    from specs.families import family

    return family(name)


def _rows(name: str) -> Sequence[Any]:
    """The rows of a family's table, in its first role."""
    from specs.family import roles_of

    stated = family_of(name)
    settings = [FULL.get(name, {}), *([OTHER[name]] if name in OTHER else [])]
    views = [view_of(name, roles_of(stated)[0], one) for one in settings]
    return list({row.address: row for view in views for row in stated.weights(view).rows}.values())


def view_of(name: str, role: str, fields: dict[str, Any] | None = None) -> Any:
    """The config with which a family has all its rows, or other fields, in a role."""
    from specs.values import View

    settings = FULL.get(name, {}) if fields is None else fields
    return View({**family_of(name).config().model_dump(), **settings}, f"{role}.config")


def _install(name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    """Let the family state the changed rows from now on."""
    family = family_of(name)
    weights = family.weights

    def changed(view: Any) -> Any:
        whole = weights(view)
        return replace(whole, rows=tuple(change(list(whole.rows))))

    object.__setattr__(family, "weights", changed)


@dataclass(frozen=True)
class _Dropped:
    family: str
    address: str

    def __call__(self) -> None:
        _install(self.family, lambda rows: [row for row in rows if row.address != self.address])


@dataclass(frozen=True)
class _Exchanged:
    family: str
    first: str
    second: str

    def __call__(self) -> None:
        def exchange(rows: list[Any]) -> list[Any]:
            found = {row.address: row for row in rows}
            others = {self.first: found.get(self.second), self.second: found.get(self.first)}
            return [
                replace(row, sources=other.sources, operation=other.operation)
                if (other := others.get(row.address)) is not None
                else row
                for row in rows
            ]

        _install(self.family, exchange)


@dataclass(frozen=True)
class _AsStored:
    family: str
    address: str

    def __call__(self) -> None:
        def plain(rows: list[Any]) -> list[Any]:
            from specs.weights import Rename

            return [replace(row, operation=Rename()) if row.address == self.address else row for row in rows]

        _install(self.family, plain)
