"""Public pairs beside ours: two folders that transformers wrote, imported, joined and loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import yaml
from torch import Tensor

import crossloom
from compiler.analysis import analyse
from compiler.reader import read_text
from tests.pairs import oracle

PAIRS = [(encoder, decoder) for encoder in oracle.ENCODERS for decoder in oracle.DECODERS]
NAMES = ["-".join(pair) for pair in PAIRS]


@dataclass(frozen=True)
class Pair:
    """The public pair, ours with its tensors, and what goes into both; treat it as read-only."""

    seed: int
    theirs: Any
    ours: Any
    texts: dict[str, Tensor]
    target: dict[str, Tensor]
    folders: dict[oracle.Role, Path]


@cache
def pair(encoder: str, decoder: str, seed: int) -> Pair:
    """The pair of a seed."""
    theirs = oracle.random_pair(encoder, decoder, seed)
    root = Path(mkdtemp())
    folders: dict[oracle.Role, Path] = {"encoder": root / "encoder", "decoder": root / "decoder"}
    theirs.encoder.save_pretrained(folders["encoder"])
    theirs.decoder.save_pretrained(folders["decoder"])
    ours = crossloom.load(joined(folders))
    if hasattr(theirs, "enc_to_dec_proj"):
        ours.enc_to_dec_proj.load_state_dict(theirs.enc_to_dec_proj.state_dict())
    return Pair(
        seed,
        theirs,
        ours,
        oracle.random_texts(theirs.config.encoder, seed),
        oracle.random_target(theirs.config.decoder, seed),
        folders,
    )


def joined(folders: dict[oracle.Role, Path], **more: Any) -> crossloom.Spec:
    """The spec of a pair, its halves imported from the folders."""
    data: dict[str, Any] = {"crossloom": 1, "name": "pair"}
    for role, folder in folders.items():
        half = crossloom.import_spec(folder, role=role).data
        data |= {key: half[key] for key in (role, "processor", "generation") if key in half}
        data["fresh"] = [*data.get("fresh", []), *half.get("fresh", [])]
        data["ignore"] = {**data.get("ignore", {}), **half.get("ignore", {})}
    return spec_of({**data, **more})


def spec_of(data: dict[str, Any]) -> crossloom.Spec:
    """The spec that these data are, through its text."""
    spec: crossloom.Spec = analyse(read_text(yaml.safe_dump(data, sort_keys=False), "pair.yaml")).sound()[0]
    return spec
