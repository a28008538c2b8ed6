"""A comparison as a picture: the input, the kernels and the output of each step of each variant."""

from collections.abc import Iterator

from sepcalc.comparison import Comparison, Variant
from sepcalc.ops.conv import Conv
from sepcalc.quantity import exact, times
from sepcalc.reports.figures import Picture, Solid, Strip
from sepcalc.shape import Shape, show


def compared(comparison: Comparison) -> Picture:
    """A strip for each variant."""
    return Picture(str(comparison.spec), [_strip(variant) for variant in comparison])


def _strip(variant: Variant) -> Strip:
    cost = variant.cost
    lines = [f"{exact(cost.mults)} multiplications, {exact(cost.params)} params"]
    if variant.name != "normal" and cost.mults:
        same = cost.mults == variant.normal.mults
        told = "as many as" if same else f"{times(cost.mults, variant.normal.mults)} than"
        lines.append(f"{told} the normal one")
    return Strip(variant.name, list(_solids(variant)), lines)


def _solids(variant: Variant) -> Iterator[Solid]:
    """The blocks from the input to the output; a vector is one position. What only moves elements is left out."""
    one = (1,)
    shape: Shape = variant.steps[0].inputs[0]
    role = "input"
    for step in variant.steps:
        op = step.op
        if not isinstance(op, Conv):
            continue
        yield Solid(role, shape[:-1] or one, shape[-1], (show(shape),), border=op.pads(shape[:-1]) or ((0, 0),))
        depth = shape[-1] // op.groups
        window = [axes or one for axes in (op.kernel, op.dilation, op.stride)]
        yield Solid("kernel", window[0], depth, kernel_lines(op, depth), op.out, (), *window[1:])
        shape, role = step.output, "output"
    yield Solid("output", shape[:-1] or one, shape[-1], (show(shape),))


def kernel_lines(op: Conv, depth: int) -> tuple[str, ...]:
    """What a reader must know of the kernels: how many, how large, and each option that is not the default."""
    options = {
        "stride": op.stride if max(op.stride, default=1) > 1 else (),
        "dilation": op.dilation if max(op.dilation, default=1) > 1 else (),
    }
    told = [f"{name} {show(value) if len({*value}) > 1 else value[0]}" for name, value in options.items() if value]
    told += [f"{exact(op.groups)} groups"] if op.groups > 1 else []
    kernels = "kernel" if op.out == 1 else "kernels"
    return (f"{exact(op.out)} {kernels} of {show((*op.kernel, depth))}", *told)
