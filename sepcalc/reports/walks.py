"""The kernel of each variant as it moves over its input: positions, windows, and the multiplications so far."""

from collections.abc import Iterator
from math import prod
from typing import NamedTuple, cast

from sepcalc.comparison import Comparison, Variant
from sepcalc.ops.conv import Conv
from sepcalc.quantity import exact
from sepcalc.reports import Report
from sepcalc.reports.picture import kernel_lines
from sepcalc.shape import Pads, Shape, show


class Walk(NamedTuple):
    """One convolution. ``sizes`` and ``output`` are spatial, ``begins`` and ``ends`` the shapes with their channels;
    ``each`` is how many multiplications one position takes, for all output channels."""

    lines: tuple[str, ...]
    begins: str
    ends: str
    sizes: Shape
    pads: Pads
    kernel: Shape
    stride: Shape
    dilation: Shape
    output: Shape
    each: int

    @property
    def positions(self) -> int:
        """How many positions the kernel has."""
        return prod(self.output)

    @property
    def said(self) -> str:
        """The product that its multiplications are."""
        many = "position" if self.positions == 1 else "positions"
        total = exact(self.positions * self.each)
        return f"{exact(self.positions)} {many} x {exact(self.each)} multiplications = {total}"


class Course(NamedTuple):
    """A variant by its name: its convolutions one after another, and all of their multiplications."""

    name: str
    walks: tuple[Walk, ...]
    total: int


def courses(comparison: Comparison) -> list[Course]:
    """The course of each variant. Its multiplications are those that the report has."""
    return [Course(variant.name, tuple(_walks(variant)), variant.cost.mults) for variant in comparison]


def courses_of(report: Report) -> list[Course]:
    """The courses of a report; most have none."""
    return cast("list[Course]", getattr(report, "courses", list)())


def _walks(variant: Variant) -> Iterator[Walk]:
    for step in variant.steps:
        op = step.op
        if isinstance(op, Conv):
            shape, output = step.inputs[0], step.output
            vector = (1,) if not op.kernel else ()  # a vector is one position
            yield Walk(
                kernel_lines(op, shape[-1] // op.groups),
                show(shape),
                show(output),
                shape[:-1] or vector,
                op.pads(shape) or ((0, 0),) * len(vector),
                op.kernel or vector,
                op.stride or vector,
                op.dilation or vector,
                output[:-1] or vector,
                step.cost.mults // prod(output[:-1]),
            )
