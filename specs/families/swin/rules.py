"""What no single field of an encoder with windows shows."""

from __future__ import annotations

from collections.abc import Iterable

from specs.families.swin.config import derived, grids
from specs.patches import sides
from specs.problems import Problem
from specs.values import Value, View, plain


def rules(c: View) -> Iterable[Problem]:
    """Lists of one length, fields that follow from others, and what does not divide an image."""
    stages = len(c.depths)
    if stages != len(c.num_heads):
        yield Problem(
            "XL303",
            f"depths is {stages} long and num_heads {len(c.num_heads)}, for the same stages",
            tuple((field.origin or "", f"{len(field)} long") for field in (c.num_heads, c.depths)),
            info=("every stage has its number of layers and its number of heads",),
            help=f"list {stages} numbers in both",
        )
    yield from _not_derived(c)
    if int(float(c.mlp_ratio) * int(c.embed_dim)) < 1:
        yield Problem(
            "XL104",
            f"mlp_ratio {plain(c.mlp_ratio):g} leaves the feed-forward networks no width",
            ((c.mlp_ratio.origin or "", f"of {int(c.embed_dim)}"), (c.embed_dim.origin or "", "the width")),
            help="use a larger ratio; 4 is usual",
        )
    undivided = list(_patches(c))
    if c.use_absolute_embeddings and undivided:
        yield Problem(
            "XL116",
            "patches with learned positions have to divide the image",
            ((c.use_absolute_embeddings.origin or "", "learned positions"), *undivided[0].at),
            info=("the published table has positions for whole patches alone, and its class fails",),
            help=undivided[0].help,
        )
    else:
        yield from undivided
        yield from _windows(c)


def _not_derived(c: View) -> Iterable[Problem]:
    """XL116 for a field that contradicts those it follows from."""
    for name, value in derived(c).items():
        stated = getattr(c, name)
        if plain(stated) not in (None, value):
            causes = (c.depths,) if name == "num_layers" else (c.embed_dim, c.depths)
            yield Problem(
                "XL116",
                f"{name} is {plain(stated)}, and {value} follows from the other fields",
                (
                    (stated.origin or "", f"not {value}"),
                    *((field.origin or "", "it follows from this") for field in causes),
                ),
                info=("the published class computes it by itself, and a decoder would read this number",),
                help=f"remove `{name}`",
            )


def _patches(c: View) -> Iterable[Problem]:
    """XL309 where patches do not divide the image."""
    for side, cut, name in zip(sides(c.image_size), sides(c.patch_size), ("height", "width"), strict=True):
        if int(side) % int(cut):
            yield _filled(
                f"patches of {int(cut)} pixels do not divide an image's {name} of {int(side)}",
                (side, f"{name} {int(side)}"),
                (cut, f"patches of {int(cut)}"),
                f"use a {name} that is a multiple of {int(cut)}",
            )
            return


def _windows(c: View) -> Iterable[Problem]:
    """XL309 where windows that fit every grid do not divide one."""
    window = int(c.window_size)
    cells = [(int(rows), int(columns)) for rows, columns in grids(c)]
    if window > min(map(min, cells)):
        return
    for stage, (rows, columns) in enumerate(cells):
        if window < min(rows, columns) and (rows % window or columns % window):
            yield _filled(
                f"windows of {window} do not divide the grid of {rows} x {columns} patches of stage {stage}",
                (c.image_size, f"{rows} x {columns} patches"),
                (c.window_size, f"windows of {window}"),
                "use an image of which every stage's grid is a multiple of the window",
            )
            return


def _filled(message: str, first: tuple[Value, str], second: tuple[Value, str], help: str) -> Problem:
    return Problem(
        "XL309",
        message,
        tuple((field.origin or "", label) for field, label in (first, second)),
        info=("the last one is filled with zeros, which take part in attention, as in the published class",),
        help=help,
        severity="warning",
    )
