"""Published configurations at full size, without torch: imported, emitted, verified against real key lists.

`python -m tests.parity.full_size FOLDER` prints one JSON object: name -> key list -> findings. Weights are
files of the right length with nothing in them, so that only headers can be read.
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data" / "speech_to_text"
BYTES = {"float32": 4, "int64": 8, "uint8": 1}
DTYPES = {"float32": "F32", "int64": "I64", "uint8": "U8"}


def key_lists() -> dict[str, dict[str, dict[str, Any]]]:
    """Model -> "release layout" -> stored name -> [shape, dtype]."""
    lists: dict[str, dict[str, dict[str, Any]]] = json.loads(
        gzip.decompress((DATA / "keys.json.gz").read_bytes())
    )
    return lists


def write_header(keys: dict[str, Any], path: Path) -> None:
    """A safetensors file with these tensors whose data is a hole."""
    header, start = {}, 0
    for name, (shape, dtype) in keys.items():
        stop = start + math.prod(shape) * BYTES[dtype]
        header[name] = {"dtype": DTYPES[dtype], "shape": shape, "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + start)


def findings(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What import, emission and verification of every model say; nothing, if all is well."""
    import crossloom

    found: dict[str, dict[str, list[str]]] = {}
    for name, lists in key_lists().items():
        checkpoint = folder / name
        shutil.copytree(DATA / name, checkpoint)
        spec = crossloom.import_spec(checkpoint)
        crossloom.emit(spec, folder / f"{name}-emitted")
        found[name] = {}
        for label, keys in lists.items():
            write_header(keys, checkpoint / "model.safetensors")
            # That a file is not beside the keys here, such as the front end's, is only warned of.
            errors = [d for d in crossloom.verify(spec, checkpoint) if d.severity == "error"]
            found[name][label] = [f"{d.code} {d.message}" for d in errors]
            loaded = {s for row in crossloom.weight_table(spec) for s in row.sources}
            found[name][label] += [f"no row reads {key}" for key in keys if key not in loaded]
    return found


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]
    print(json.dumps(findings(Path(sys.argv[1]))))
