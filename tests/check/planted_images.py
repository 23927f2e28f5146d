"""Mistakes in encoders of images, alone and beside decoders."""

from __future__ import annotations

from tests.check.planted import Planted, head, planted
from tests.check.planted_pairs import TOKENS, pair


def encoder(half: str, processor: str = "") -> str:
    """A spec of a lone encoder, `family: fields`, and the fields of its front end."""
    name, _, fields = half.partition(": ")
    front_end = f"processor: {{{processor}}}\n" if processor else ""
    return f"{head()}encoder:\n  family: {name}\n  config: {{{fields}}}\n{front_end}"


PAGES = "image_size: [2560, 1920], window_size: 10"


CASES: list[Planted] = [
    planted(
        "patches-that-do-not-divide",
        "XL309",
        encoder("vit: patch_size: ⟦15⟧"),
        "14",
        says="or other patches",
    ),
    planted(
        "image-not-divided",
        "XL309",
        pair("vit: image_size: ⟦230⟧", "gpt2"),
        "224",
    ),
    planted(
        "widths-of-stages-and-heads",
        "XL302",
        pair("swin: embed_dim: ⟦100⟧", "bert"),
        "96",
        says="a width that is a multiple of 3",
    ),
    planted(
        "heads-of-the-last-stage",
        "XL302",
        encoder("swin: num_heads: [3, 6, 12, ⟦25⟧]"),
        "24",
    ),
    planted(
        "window-beyond-the-last-grid",
        "XL104",
        encoder("swin: window_size: ⟦8⟧"),
        "7",
    ),
    planted(
        "image-below-a-window",
        "XL104",
        pair("donut-swin: image_size: ⟦112⟧", "mbart"),
        "224",
        says="a larger image",
    ),
    planted(
        "fewer-depths-than-heads",
        "XL303",
        encoder("swin: depths: ⟪[2, 2, 6]⟫, num_heads: ⟦[3, 6, 12, 24]⟧"),
        "[3, 6, 12]",
        says="in both",
    ),
    planted(
        "heads-of-one-stage-only",
        "XL303",
        encoder("donut-swin: num_heads: ⟦[3]⟧"),
        "[3, 6, 12, 24]",
        says="list 4 numbers",
    ),
    planted(
        "width-that-does-not-follow",
        "XL116",
        pair("swin: hidden_size: ⟦700⟧", "gpt2"),
        says="remove `hidden_size`",
        edit=("hidden_size: 700", ""),
    ),
    planted(
        "stages-that-do-not-follow",
        "XL116",
        encoder("swin: num_layers: ⟦5⟧, depths: ⟪[2, 2, 6, 2]⟫"),
        says="remove `num_layers`",
        edit=("num_layers: 5, ", ""),
    ),
    planted(
        "positions-of-cut-patches",
        "XL116",
        encoder("swin: use_absolute_embeddings: ⟦true⟧, image_size: ⟪226⟫"),
        says="a multiple of 4",
        edit=("226", "224"),
    ),
    planted(
        "positions-of-pages",
        "XL116",
        encoder("donut-swin: use_absolute_embeddings: ⟦true⟧"),
        "false",
    ),
    planted(
        "no-width-inside",
        "XL104",
        encoder("swin: mlp_ratio: ⟦0.001⟧"),
        "4.0",
        says="a larger ratio",
    ),
    planted(
        "one-side-of-an-image",
        "XL104",
        encoder("swin: image_size: ⟦[224]⟧"),
        "[224, 224]",
        says="at least 2",
    ),
    planted(
        "three-sides-of-a-patch",
        "XL104",
        encoder("swin: patch_size: ⟦[4, 4, 3]⟧"),
        "[4, 4]",
        says="at most 2",
    ),
    planted(
        "part-of-a-pixel",
        "XL103",
        encoder("swin: image_size: [224, ⟦224.5⟧]"),
        "224",
        says="a whole number",
    ),
    planted(
        "width-of-another-encoder",
        "XL301",
        pair("swin: embed_dim: ⟪128⟫, num_heads: [4, 8, 16, 32]", "gpt2: cross_attention_hidden_size: ⟦768⟧"),
        "1024",
    ),
    planted(
        "images-without-a-bridge",
        "XL301",
        pair("swin: embed_dim: ⟪192⟫", "gpt2: n_embd: ⟦768⟧", TOKENS + "bridge: none\n"),
        says="`bridge: auto`",
        edit=("bridge: none", "bridge: auto"),
    ),
    planted(
        "images-decode-nothing",
        "XL205",
        pair("bert", "⟦swin⟧"),
        says="under `encoder:`",
    ),
    planted(
        "front-end-of-larger-images",
        "XL419",
        encoder("swin", "size: ⟦384⟧"),
        "224",
        says="processor: {size: 224}",
    ),
    planted(
        "front-end-of-smaller-images",
        "XL419",
        encoder("vit: image_size: ⟦384⟧", "size: ⟪224⟫"),
        "224",
        says="processor: {size: 384}",
    ),
    planted(
        "middle-of-another-size",
        "XL419",
        encoder("swin", "do_center_crop: true, crop_size: ⟦192⟧"),
        "224",
        says="processor: {crop_size: 224}",
    ),
    planted(
        "sides-of-pages-exchanged",
        "XL419",
        encoder(f"donut-swin: {PAGES}".replace("2560", "⟦2560⟧", 1), "⟪size⟫: {height: 1920, width: 2560}"),
        says="{height: 2560, width: 1920}",
        edit=("height: 1920, width: 2560", "height: 2560, width: 1920"),
    ),
    planted(
        "colours-left-out",
        "XL104",
        encoder("swin", "image_mean: ⟦[0.5, 0.5]⟧"),
        "[0.5, 0.5, 0.5]",
        says="at least 3",
    ),
]
"""An error each."""

WARNINGS: list[Planted] = [
    planted(
        "patches-filled-with-zeros",
        "XL309",
        encoder("swin: image_size: [224, ⟦222⟧]"),
        "224",
        says="a multiple of 4",
    ),
    planted(
        "windows-filled-with-zeros",
        "XL309",
        pair("donut-swin: image_size: ⟦256⟧, window_size: ⟪7⟫", "bert"),
        "224",
        says="a multiple of the window",
    ),
    planted(
        "channels-unlike-the-front-end",
        "XL419",
        encoder("swin: num_channels: ⟦1⟧"),
        "3",
    ),
    planted(
        "pages-of-many-sizes",
        "XL419",
        encoder(f"donut-swin: {PAGES}", "do_pad: false").replace("processor", "⟦processor⟧"),
        says="do_pad: true",
        edit=("do_pad: false", "do_pad: true"),
    ),
    planted(
        "pictures-of-many-sizes",
        "XL419",
        encoder("swin", "⟦size⟧: {shortest_edge: 224}"),
        says="size: {height: H, width: W}",
        edit=("shortest_edge: 224", "height: 224, width: 224"),
    ),
]
"""A warning each: what is not divided is filled with zeros, or inputs have to be made in Python."""
