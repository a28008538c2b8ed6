"""Layers that both formats have: transposed convolutions, matrix products, resampling of images."""

from collections.abc import Callable
from functools import partial

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import cropped, windowed
from sepcalc.importers.common.layout import IMAGES_LAST, ROWS
from sepcalc.importers.common.products import Operand, matmul_equation, matrix_product, parts_of, sizes_of, weighted
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused, Value
from sepcalc.importers.common.tensorflow.rows import Handler, Operator, Results
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Transposed
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.pool import Upsample
from sepcalc.ops.rename import Rename
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape, show

COMPUTED_KERNEL = "its kernel is computed from the data"
ACTIVATIONS = (None, "relu", "clip", "relu6", "tanh", "sign")  # of TFLite, fused into a layer, by their numbers


def fused(builder: Builder, call: Call, value: Value) -> Results:
    """The result of a layer after its fused activation, which is a row of its own and writes no tensor."""
    number = call.whole("activation", 0)
    if not 0 <= number < len(ACTIVATIONS):
        raise Refused(f"its fused activation {number} is not known")
    if (how := ACTIVATIONS[number]) is None:
        return (value,)
    return (value._replace(number=builder.add(Activation(how, fused=True), [value.number], label=how)),)


def require_rank(call: Call, value: Value, rank: int) -> Shape:
    """The shape of a value that must have this many axes. Raises Invalid."""
    if len(value.sizes) != rank:
        raise Invalid(f"{call.type} reads {show(value.sizes) or 'one number'}: expected {rank} axes")
    return value.sizes


def hold(call: Call, what: str, value: Value | None, *shapes: Shape) -> None:
    """Raises Invalid if a tensor has none of these shapes; ``what`` names it."""
    if value is not None and value.sizes not in shapes:
        raise Invalid(f"{what} is {show(value.sizes)}: expected {show(shapes[0])}")


def stored_kernel(call: Call, at: int) -> Value:
    """A kernel, which must be stored. Raises Refused."""
    if not (kernel := call.input(at)).constant:
        raise Refused(COMPUTED_KERNEL)
    return kernel


def transposed(
    builder: Builder, x: Value, window: Shape, to: Shape, stride: Shape, same: bool, stored: list[Value | None]
) -> Value:
    """A transposed convolution of an image that reaches the sizes ``to``, with a stored kernel, and a bias or None.
    Raises Invalid."""
    kernel, bias = stored
    if kernel is None or len(to) != len(x.sizes) or to[0] != x.sizes[0]:
        raise Invalid(f"a transposed convolution of {show(x.sizes)} does not give {show(to)}")
    pads, more = cropped(to[1:-1], x.sizes[1:-1], window, stride, same)
    op = Transposed(window, to[-1], stride, pads, (1,) * len(window), more, 1, builder.biased(bias))
    return windowed(builder, op, x, [kernel, bias])


def _matmul(builder: Builder, call: Call) -> Results:
    """matmul; if one operand is stored, dense"""
    a, b = call.input(0), call.input(1)
    if a.constant and b.constant:
        a = builder.standing(a)
    left, right, out = parts_of(matmul_equation(len(a.sizes), len(b.sizes)))
    left = f"{left[:-2]}{left[-1]}{left[-2]}" if call.flag("adj_x", False) else left
    right = f"{right[:-2]}{right[-1]}{right[-2]}" if call.flag("adj_y", False) else right
    return (contracted(builder, (a, left), (b, right), out, "ijk"),)


def contracted(builder: Builder, one: tuple[Value, str], other: tuple[Value, str], out: str, kept: str = "") -> Value:
    """The product of two tensors, each with a letter for each axis, summed over the letters that ``out`` lacks; with a
    stored one a dense layer. Axes of 1 that stay are left out of the network, unless ``kept``."""
    (a, left), (b, right) = one, other
    sizes = sizes_of((left, right), (a.sizes, b.sizes))
    alone = {letter for letter in out if sizes[letter] == 1 and letter not in kept}
    operands = []
    for value, part in ((a, left), (b, right)):
        own = {letter: size for letter, size in zip(part, value.sizes, strict=True) if letter not in alone}
        operands.append((value, own))
    named = "".join(letter for letter in out if letter not in alone)
    (first, left_sizes), (second, right_sizes) = operands
    if first.constant or second.constant:
        data, given, stored, held = (
            (second, right_sizes, first, left_sizes) if first.constant else (first, left_sizes, second, right_sizes)
        )
        once = {letter for letter, size in given.items() if size < sizes[letter]}
        held = {letter: size for letter, size in held.items() if size > 1 or letter not in given or letter in once}
        rest = {letter: size for letter, size in given.items() if letter not in once}
        add = partial(builder.add, weights=[stored])
        number = builder.view(data.number, tuple(given.values()) or (1,))
        made = weighted(
            builder, add, Operand(builder.view(number, tuple(rest.values()) or (1,)), rest), held, named, False
        )
    else:
        numbers = [Operand(builder.view(value.number, tuple(own.values()) or (1,)), own) for value, own in operands]
        made = matrix_product(builder, builder.add, numbers[0], numbers[1], named)
    number = builder.view(made.number, tuple(made.sizes.values()) or (1,))
    number = builder.view(number, tuple([sizes[letter] for letter in named]) or (1,))
    return builder.give(number, tuple([sizes[letter] for letter in out]))


def per_image(builder: Builder, call: Call, op: Callable[[Shape], Op]) -> Results:
    """An op applied to each image."""
    x = call.input(0)
    many, *image = require_rank(call, x, 4)
    made = op(tuple(image))
    return (builder.emit(made if many == 1 else Each(made), x),)


def _resize(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        to = call.input(1).numbers("the size to reach is")
        if len(to) != 2:
            raise Invalid(f"the size to reach has {len(to)} values: expected 2")
        if require_rank(call, call.input(0), 4)[1:3] == to:
            return (call.input(0),)
        return per_image(builder, call, lambda image: Upsample(how, to))

    handle.__doc__ = f"upsample {how}"
    return handle


def _pixels(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        block = call.size("block_size")
        return per_image(builder, call, lambda image: Rename(how, scale=block))

    handle.__doc__ = f"{how}: only moved"
    return handle


LAYERS: dict[str, Operator] = {
    "BATCH_MATMUL": Operator(_matmul, ROWS, multiplies=True),
    "RESIZE_BILINEAR": Operator(_resize("bilinear"), IMAGES_LAST),
    "RESIZE_NEAREST_NEIGHBOR": Operator(_resize("nearest"), IMAGES_LAST),
    "RESIZE_BICUBIC": Operator(_resize("bicubic"), IMAGES_LAST),
    "SPACE_TO_DEPTH": Operator(_pixels("pixel-unshuffle"), IMAGES_LAST),
    "DEPTH_TO_SPACE": Operator(_pixels("pixel-shuffle"), IMAGES_LAST),
}
