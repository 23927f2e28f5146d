"""Every published model at its real size, in every role: imported, checked, emitted, its tensors placed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

import crossloom
from compiler.build import skeleton
from compiler.weights.table import WeightTable
from tests.full_size.published import CASES, DATA, NAMES, Case, config_of, folder_of

ROOT = Path(__file__).parents[2]
TOLD = {"s2t-small-mustc-en-fr-st": "warning XL505", "seamless-m4t-v2-large": "warning XL422"}
"""What may be told of a folder: one came without the file of its front end, one lacks its long tables."""
OTHER_SIDE = {"encoder": ("decoder.*", "model.decoder.*"), "decoder": ("encoder.*", "model.encoder.*")}
HEADS = (
    "classifier.*",
    "cls.*",
    "cls_classifier.*",
    "distillation_classifier.*",
    "lm_head.*",
)
"""Above an encoder; a decoder has those of its language model itself."""
UNREAD = (
    "*_float_tensor",
    "*embed_positions.weights",
    "*embeddings.position_ids",
    "*h.*attn.bias",
    "*h.*attn.masked_bias",
    "*h.*crossattention.bias",
    "*h.*crossattention.masked_bias",
    "*pooler.*",
    "*relative_position_index",
    "cls.predictions.decoder.bias",
    "cls.seq_relationship.*",
    "final_logits_bias",
    "lm_head.decoder.bias",
    "project_*",
    "quantizer.*",
)
"""Stored, and no parameter here: buffers that are computed, poolers, heads of pre-training."""
COPIES = ("*embed_tokens.weight", "*shared.weight", "t2u_model.lm_head.weight")
"""One embedding under several names."""
FRESH = (
    "decoder.layers.*.cross_attention.*",
    "decoder.layers.*.cross_attention_norm.*",
    "encoder.span_masking.embedding",
    "head_bias.bias",
)
"""Parameters that a file may lack: it is of another head, or was written before there were any."""

each = pytest.mark.parametrize("case", CASES, ids=str)


@cache
def spec_of(case: Case) -> crossloom.Spec:
    """The spec that the configuration alone gives; a half of a pair is first written into a folder."""
    source = folder_of(case.name) if not case.is_half else case.copy(Path(mkdtemp()) / str(case))
    spec: crossloom.Spec = case.imported(source)
    return spec


def test_every_configuration_is_here() -> None:
    """But for one whose vocabulary is not known, which is refused."""
    beside_lists = {file.parent for file in DATA.glob("*/keys.json.gz")}
    folders = {file.parent.name for one in beside_lists for file in one.glob("*/config.json")}
    assert folders - set(NAMES) == {"s2t-small-covost2-en-de-st"}
    with pytest.raises(crossloom.CrossloomError) as refused:
        crossloom.import_spec(DATA / "speech_to_text" / "s2t-small-covost2-en-de-st")
    assert [(d.code, "vocab_size" in d.message) for d in refused.value.diagnostics] == [("XL104", True)]


def test_no_name_is_left_out_that_nothing_stores() -> None:
    stored = {name for case in CASES for keys in case.lists.values() for name in keys}
    idle = {one for one in (*UNREAD, *HEADS, *COPIES) if not any(fnmatchcase(name, one) for name in stored)}
    assert idle == set()


def test_tables_are_total_without_torch(tmp_path: Path) -> None:
    """In every role against everything that was ever stored; nothing but the bridge is told."""
    command = [sys.executable, "-m", "tests.full_size.published", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == list(map(str, CASES))
    for case in CASES:
        lists = found[str(case)]
        assert len(lists) >= 2, case
        may_be_told = (TOLD.get(case.name, "info XL301 the bridge"), "info XL301 the bridge")
        told = [one for problems in lists.values() for one in problems]
        assert all(one.startswith(may_be_told) for one in told), (case, lists)


def names_of(table: WeightTable, sources: Iterable[str]) -> set[str]:
    """Stored names in every spelling."""
    spellings = [dialect.spell for one in table.maps.values() for dialect in one.dialects]
    return {spell(source) for source in sources for spell in spellings}


@each
def test_every_tensor_has_its_place_and_shape(case: Case) -> None:
    """The model on the meta device, its addresses translated by the table, is each of the key lists."""
    spec = spec_of(case)
    table = crossloom.weight_table(spec)
    model = skeleton(spec, crossloom.lower(spec), "meta")
    shapes = {address: tuple(tensor.shape) for address, tensor in model.state_dict().items()}
    rows = [row for row in table if row.status != "computed"]
    assert {row.address for row in table if row.status != "computed" or row.address in shapes} == set(shapes)
    unread = (*UNREAD, *COPIES, *OTHER_SIDE.get(case.role, ()), *(HEADS if case.role == "encoder" else ()))
    for label, keys in case.lists.items():
        placed: set[str] = set()
        for row in rows:
            stored_shapes = row.operation.stored_shapes(shapes[row.address])
            for source, shape in zip(row.sources, stored_shapes, strict=True):
                stored = names_of(table, [source]) & keys.keys()
                assert all(tuple(keys[name][0]) == shape for name in stored), (label, row.address)
                placed |= stored
                can_be_absent = row.status == "tied" or any(fnmatchcase(row.address, one) for one in FRESH)
                assert stored or can_be_absent or any(fnmatchcase(source, one) for one in COPIES), (
                    label,
                    row,
                )
        left = [name for name in keys.keys() - placed if not any(fnmatchcase(name, one) for one in unread)]
        assert left == [], label


@each
def test_the_imported_spec_says_only_what_differs(case: Case) -> None:
    spec = spec_of(case)
    for part in spec.components.values():
        defaults = part.family.config().model_dump()
        assert all(part.config[field] != defaults[field] for field in part.written)
    told = [f"{one.severity} {one.code} {one.message}" for one in crossloom.check(spec)]
    assert all(one.startswith("info XL301 the bridge") for one in told)
    if case.role == "pair":
        assert not any(part.weights for part in spec.components.values())
        stated = config_of(case.name)
        assert spec.config["pad_token_id"] == stated.get("pad_token_id", stated["decoder"]["pad_token_id"])
