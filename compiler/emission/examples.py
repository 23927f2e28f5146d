"""The committed emissions: a few in full for reviewers, and a hash of every file of the whole catalogue.

python -m compiler.emission.examples           writes generated/
python -m compiler.emission.examples --check   fails where it differs
"""

from __future__ import annotations

import difflib
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from compiler.analysis import analyse
from compiler.catalogue import names
from compiler.emission.folder import render_folder
from compiler.writing.files import replace_text

FULL = (
    "bart-base",
    "s2t-small-librispeech-asr",
    "small-conformer-gpt2",
    "small-pictures-bart",
    "small-speech-graph",
    "small-translator",
    "small-wavlm-speech-to-text-2",
    "swin-roberta",
    "vit-distilbert",
    "wav2vec2-xls-r-300m-en-to-15",
)
"""Emitted in full: together they use every block."""

LOCK = "LOCK"


def rendered(folder: Path) -> dict[str, str]:
    """Path below `folder` -> contents."""
    files: dict[str, str] = {}
    hashes = []
    for name in names():
        for file, text in render_folder(*analyse(name).sound(), folder / name).items():
            hashes.append(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}/{file}")
            if name in FULL:
                files[f"{name}/{file}"] = text
    files[LOCK] = "\n".join(hashes) + "\n"
    return files


def drift(folder: Path) -> Iterator[str]:
    """What differs between the committed files and a fresh emission, a few lines for each file."""
    expected = rendered(folder)
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    for extra in sorted(present - expected.keys()):
        yield f"{extra}: not emitted by any spec of the catalogue"
    for name, text in expected.items():
        old = (folder / name).read_text(encoding="utf-8") if name in present else ""
        if old != text:
            diff = difflib.unified_diff(
                old.splitlines(), text.splitlines(), "committed", "emitted", lineterm="", n=0
            )
            yield f"{name}:\n" + "\n".join(list(diff)[:12])


def main(arguments: list[str]) -> int:
    """Write or check generated/ in the working directory."""
    folder = Path("generated")
    if "--check" in arguments:
        found = list(drift(folder))
        print("\n".join(found) if found else f"{folder}: as emitted")
        if found:
            print("run `make generated` and commit the result", file=sys.stderr)
        return 1 if found else 0
    for name, text in rendered(folder).items():
        print(replace_text(folder / name, text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
