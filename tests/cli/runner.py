"""Runs commands in this process, and in others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from crossloom.cli import main

ROOT = Path(__file__).parents[2]
AUDIO = ROOT / "examples" / "digits" / "audio"

TINY = """\
crossloom: 1
name: tiny
model:
  family: speech_to_text
  config: {vocab_size: 20, d_model: 8, encoder_layers: 2, decoder_layers: 1, encoder_ffn_dim: 12,
    decoder_ffn_dim: 10, conv_channels: 6, input_feat_per_channel: 5,
    encoder_attention_heads: 2, decoder_attention_heads: 4}
processor: {num_mel_bins: 5, feature_size: 5}
"""


def crossloom(*arguments: str | Path, given: str | bytes | None = None) -> Result:
    """`crossloom ARGUMENTS` with `given` on its standard input."""
    return CliRunner().invoke(main, [str(one) for one in arguments], input=given, prog_name="crossloom")


def result_of(*arguments: str | Path) -> Any:
    """The one JSON document that a command which succeeds prints."""
    outcome = crossloom(*arguments)
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter running `code` in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def write(folder: Path, text: str = TINY, name: str = "tiny.yaml") -> Path:
    """A spec file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
