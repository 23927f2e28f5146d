"""Train the digits model from nothing, and count its errors on speakers and rates it has not heard.

    python examples/digits/train.py build/digits

speaks the corpus into the folder where it is not there yet (two minutes on two cores), trains (about eight),
and leaves the model in `build/digits/model` in the layout of the Hugging Face Hub.
"""

import json
import sys
from pathlib import Path
from typing import Any

import click
import jiwer
from synthesise import write_corpus
from tokenizer import write_processor

import crossloom

RECIPE: dict[str, Any] = {
    "max_steps": 5000,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "warmup_steps": 300,
    "label_smoothing": 0.1,
    "spec_augment": {"bin_masks": 2, "bin_width": 12},
    "checkpoint_steps": 1000,
    "valid_steps": 1000,
}
GOAL = 0.05
"""Word error rate on the test split that the example promises to stay below."""


def word_error_rate(model: Any, processor: Any, manifest: Path) -> float:
    """Wrong, missing and added words over the words spoken, each recording on its own."""
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    texts = []
    for row in rows:
        audio = crossloom.read_audio(manifest.parent / row["audio"], processor.sampling_rate)
        ids = crossloom.generate(model, **processor(audio=audio, sampling_rate=processor.sampling_rate))
        texts += processor.batch_decode(ids)
    return jiwer.wer([row["text"] for row in rows], texts)


@click.command(help=__doc__.split("\n")[0])
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Draws the parameters, the batches and dropout.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint.")
def main(folder: Path, seed: int, resume: bool) -> None:
    """Make what is missing, train, and measure."""
    if not (folder / "test.jsonl").exists():
        write_corpus(folder)
    write_processor(folder / "processor")
    model = crossloom.build("digits", seed=seed)
    processor = crossloom.load_processor("digits", folder / "processor")
    crossloom.train(
        model,
        folder / "train.jsonl",
        folder / "valid.jsonl",
        processor=processor,
        output=folder / "model",
        resume=resume,
        seed=seed,
        **RECIPE,
    )
    errors = word_error_rate(model, processor, folder / "test.jsonl")
    click.echo(f"word error rate on unseen voices and rates: {errors:.2%}")
    if errors > GOAL:
        sys.exit(f"the example promises no more than {GOAL:.0%}")


if __name__ == "__main__":
    main()
