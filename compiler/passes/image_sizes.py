"""The pictures a front end gives against the images an encoder takes."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.spec import Spec
from specs.dims import Dim
from specs.graph import Graph
from specs.problems import Problem


def image_size_problems(spec: Spec, graph: Graph) -> Iterable[Problem]:
    """XL419 where they differ in size, or in channels."""
    wanted = next((t for t in graph.inputs.values() if t.role == "image"), None)
    if wanted is None:
        return
    from specs.processing.images import Crop, Image  # models of other inputs start without it

    front_end = spec.processing.front_end
    if not isinstance(front_end, Image):
        return
    channels, sides = wanted.dims[1], wanted.dims[2:]
    yield from _policy_problems(spec, sides)
    if not channels.names() and channels.evaluate({}) != front_end.channels:
        count = channels.evaluate({})
        yield Problem(
            "XL419",
            f"the encoder takes images of {count} channels, and the front end gives {front_end.channels}",
            ((wanted.origins[1] or "", f"{count} channels"),),
            info=("pictures are always made of red, green and blue",),
            help=f"set it to {front_end.channels}, or make its inputs in Python",
            severity="warning",
        )
    if front_end.sizing is None or any(side.names() for side in sides):
        return
    height, width = (side.evaluate({}) for side in sides)
    given = front_end.sizing.size
    if given == (height, width):
        return
    field = "crop_size" if isinstance(front_end.sizing, Crop) else "size"
    size = str(height) if height == width else f"{{height: {height}, width: {width}}}"
    differing = next(i for i in (0, 1) if given[i] != (height, width)[i])
    yield Problem(
        "XL419",
        f"the encoder takes images of {height} x {width} pixels, "
        f"and the front end gives {given[0]} x {given[1]}",
        (
            (wanted.origins[2 + differing] or "", f"{height} x {width} wanted"),
            (f"processor.{field}", f"{given[0]} x {given[1]} given"),
        ),
        info=("a position is learned for every patch of an image of that size",),
        help=f"set processor: {{{field}: {size}}}, or give the encoder images of another size",
    )


def _policy_problems(spec: Spec, sides: tuple[Dim, ...]) -> Iterable[Problem]:
    """XL112 for a policy for long inputs that this encoder has no use for."""
    policy = spec.long_input
    if policy == "chunk":
        yield Problem(
            "XL112",
            "`long_input: chunk` splits recordings at silence, and this encoder takes images",
            (("long_input", "of no use here"),),
            help="remove it",
        )
    if policy == "grow" and not any(side.names() for side in sides):
        yield Problem(
            "XL112",
            "`long_input: grow` stretches positions to other images, and this family has none to stretch",
            (("long_input", "of no use here"),),
            help="remove it, and give images of the encoder's size",
        )
