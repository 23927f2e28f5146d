"""Published encoders at full size, without torch: imported, emitted, verified against real key lists.

`python -m tests.speech.full_size FOLDER [DATA]` prints one JSON object: name -> key list -> findings. Weights
are files of the right length with nothing in them, so that only headers can be read.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.parity.full_size import write_header

DATA = Path(__file__).parent.parent / "data" / "speech"


def key_lists(data: Path = DATA) -> dict[str, dict[str, dict[str, Any]]]:
    """Model -> "release class", or "published" -> stored name -> [shape, dtype]."""
    lists: dict[str, dict[str, dict[str, Any]]] = json.loads(
        gzip.decompress((data / "keys.json.gz").read_bytes())
    )
    return lists


def findings(folder: Path, data: Path = DATA) -> dict[str, dict[str, list[str]]]:
    """What import, emission and verification of every model say; nothing, if all is well."""
    import crossloom

    found: dict[str, dict[str, list[str]]] = {}
    for name, lists in key_lists(data).items():
        found[name] = {}
        for index, (label, keys) in enumerate(lists.items()):
            checkpoint = folder / f"{name}-{index}"
            shutil.copytree(data / name, checkpoint)
            write_header(keys, checkpoint / "model.safetensors")
            spec = crossloom.import_spec(checkpoint)
            crossloom.emit(spec, folder / f"{name}-{index}-emitted")
            found[name][label] = [f"{d.code} {d.message}" for d in crossloom.verify(spec)]
    return found


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]
    print(json.dumps(findings(*map(Path, sys.argv[1:]))))
