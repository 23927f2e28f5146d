"""`crossloom run` on files of images: texts in order, bad files told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

import crossloom as crossloom_api
from tests.cli.runner import crossloom
from tests.pairs import oracle as texts
from tests.vision.oracle import save
from tests.vision.pictures import cut_short, picture, written


def captioner(folder: Path) -> Path:
    """The spec of a ViT beside a BERT, both random, and a tokenizer of numbered words."""
    vit = save("vit", 1, folder / "encoder")
    ViTImageProcessorPil(size=vit.config.image_size).save_pretrained(folder / "encoder")
    bert = texts.random_half("decoder", "bert", 0)
    bert.save_pretrained(folder / "decoder")
    special = ["[CLS]", "[PAD]", "[SEP]", "[MASK]", "[UNK]"]
    words = [*special, *(f"w{index}" for index in range(bert.config.vocab_size - len(special)))]
    (folder / "decoder" / "vocab.txt").write_text("\n".join(words) + "\n")
    data: dict[str, Any] = {"crossloom": 1, "name": "captions"}
    for role in ("encoder", "decoder"):
        half = crossloom_api.import_spec(folder / role, role=role).data
        data |= {key: half[key] for key in (role, "processor", "tokenizer") if key in half}
    data["generation"] = {"max_new_tokens": 5}
    path = folder / "captions.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def test_captions_of_files(tmp_path: Path) -> None:
    spec = captioner(tmp_path)
    torch.manual_seed(0)
    good = [written(picture(seed, size=(20, 30)), tmp_path / f"{seed}.png") for seed in (1, 2)]
    broken = cut_short(picture(1, size=(80, 80)), tmp_path / "broken.jpg")
    files = [str(good[0]), str(broken), str(tmp_path / "gone.png"), str(good[1])]
    done = crossloom("run", str(spec), *files)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.partition("\t")[0] for line in lines] == [str(path) for path in good]
    assert "XL418" in done.stderr
    assert "XL117" in done.stderr
