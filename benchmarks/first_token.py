"""A process from its start to its first token: `python -m benchmarks.first_token MODE FOLDER` prints its id.

MODE is eager, fast or max of ours, or transformers.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.inputs import FRAMES, features


def main(mode: str, folder: str) -> None:
    """Import, load, decode one token."""
    options = {**features(1, FRAMES), "max_new_tokens": 1, "min_new_tokens": 1, "num_beams": 1}
    if mode == "transformers":
        from transformers import Speech2TextForConditionalGeneration

        ids = Speech2TextForConditionalGeneration.from_pretrained(folder).generate(**options)
    else:
        import crossloom

        compile: Any = False if mode == "eager" else mode
        model = crossloom.from_pretrained(folder, compile=compile)
        ids = crossloom.generate(model, **options)
    print(ids.tolist())


if __name__ == "__main__":
    main(*sys.argv[1:])
