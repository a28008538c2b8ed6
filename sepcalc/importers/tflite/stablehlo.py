"""StableHLO's operators, which converters leave in a file if TFLite has none of its own. Source: the specification of
StableHLO."""

from math import prod
from string import ascii_letters

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import windowed
from sepcalc.importers.common.layout import KEEPS, KEEPS_FIRST, NONE, TURNED, same_rows
from sepcalc.importers.common.tensorflow.control import CONTROL
from sepcalc.importers.common.tensorflow.elements import ELEMENTS
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused
from sepcalc.importers.common.tensorflow.layers import contracted, stored_kernel
from sepcalc.importers.common.tensorflow.moves import MOVES, copied, renamed, sliced, turned
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation
from sepcalc.shape import Shape, show


def _stated(builder: Builder, call: Call) -> Shape:
    """The shape of its result, which the file alone says."""
    out = call.outputs[0]
    if out.open or builder.altered:
        raise Refused("its result has a size that the file leaves open")
    return out.shape


def _copy(builder: Builder, call: Call) -> Results:
    """copy; free if it has as many elements as its input"""
    value, to = call.input(0), _stated(builder, call)
    return (renamed(builder, value, to),) if prod(to) == prod(value.sizes) else copied(builder, call, to, [value])


def _clamp(builder: Builder, call: Call) -> Results:
    """act clip, between two stored bounds"""
    if not (call.input(0).constant and call.input(2).constant):
        raise Refused("its bounds are computed from the data")
    return (builder.emit(Activation("clip"), call.input(1)),)


def _transpose(builder: Builder, call: Call) -> Results:
    """permute: free"""
    return (turned(builder, call.input(0), call.ints("order") or ()),)


def _slice(builder: Builder, call: Call) -> Results:
    """slice, or copy with a stride"""
    value, start, limit = call.input(0), call.ints("start") or (), call.ints("limit") or ()
    step = call.ints("step") or (1,) * len(start)
    if not len(start) == len(limit) == len(step) == len(value.sizes) or min(step, default=1) < 1:
        raise Invalid(f"a slice from {list(start)} to {list(limit)} is not for {show(value.sizes)}")
    if any(not 0 <= first <= last <= size for first, last, size in zip(start, limit, value.sizes)):
        raise Invalid(f"a slice from {list(start)} to {list(limit)} is not a part of {show(value.sizes)}")
    return (sliced(builder, value, start, tuple([len(range(*one)) for one in zip(start, limit, step)]), step),)


def _dot(builder: Builder, call: Call) -> Results:
    """matmul; if one operand is stored, dense"""
    a, b = call.input(0), call.input(1)
    sides, free = [], iter(ascii_letters)  # an operand has 24 axes at most
    shared = [next(free) for _ in call.ints("left_batch") or ()]
    summed = [next(free) for _ in call.ints("left_summed") or ()]
    for side, value in (("left", a), ("right", b)):
        said = dict(zip(call.ints(f"{side}_batch") or (), shared, strict=True))
        said |= dict(zip(call.ints(f"{side}_summed") or (), summed, strict=True))
        sides.append("".join(said[axis] if axis in said else next(free) for axis in range(len(value.sizes))))
    alone = "".join(letter for part in sides for letter in part if letter not in (*shared, *summed))
    return (contracted(builder, (a, sides[0]), (b, sides[1]), "".join(shared) + alone),)


def _convolution(builder: Builder, call: Call) -> Results:
    """conv; depthwise if its groups are the channels"""
    x, kernel = call.input(0), stored_kernel(call, 1)
    axes = call.ints("image_sides") or ()
    ones, groups = (1,) * len(axes), call.whole("groups", 0)
    if any(one != 1 for one in call.ints("image_dilation") or ()) or call.whole("batch_groups", 0) != 1:
        raise Refused("a convolution with gaps in its image, or groups of examples, is not supported")
    order = (call.whole("image_batch", 0), *axes, call.whole("image_channels", 0))
    image = renamed(builder, x, tuple([x.sizes[axis] for axis in order]))
    outs = kernel.sizes[call.whole("kernel_outs", 0)]
    if groups < 1 or kernel.sizes[call.whole("kernel_ins", 0)] * groups != image.sizes[-1]:
        raise Invalid(f"a kernel of {show(kernel.sizes)} in {groups} groups does not fit {show(x.sizes)}")
    window = tuple([kernel.sizes[axis] for axis in call.ints("kernel_sides") or ()])
    sides = call.ints("padding") or (0,) * (2 * len(axes))
    pads = tuple(zip(sides[::2], sides[1::2]))
    op = Conv(window, outs, call.ints("stride") or ones, pads, call.ints("dilation") or ones, groups)
    made = windowed(builder, op, image, [kernel])
    places = (call.whole("out_batch", 0), *(call.ints("out_sides") or ()), call.whole("out_channels", 0))
    by_place = dict(zip(places, made.sizes, strict=True))
    return (renamed(builder, made, tuple([by_place[axis] for axis in range(len(places))])),)


# The operators that are another one's under a name of StableHLO's.
_ALIKE = {"SUBTRACT": "SUB", "MULTIPLY": "MUL", "DIVIDE": "DIV", "AND": "LOGICAL_AND", "OR": "LOGICAL_OR"}
_ALIKE |= {"COMPARE": "EQUAL", "COSINE": "COS", "EXPONENTIAL": "EXP", "NEGATE": "NEG", "POWER": "POW"}
_ALIKE |= {"SELECT": "SELECT_V2", "CONVERT": "CAST", "SHIFT_LEFT": "RIGHT_SHIFT", "REMAINDER": "FLOOR_MOD"}
_ALIKE |= {"CONCATENATE": "CONCATENATION", "COMPOSITE": "CALL"}
_SAME = ("ADD", "MAXIMUM", "MINIMUM", "ABS", "FLOOR", "LOG", "LOGISTIC", "RSQRT", "TANH", "WHILE", "RESHAPE")
_ALIKE |= {name: name for name in (*_SAME, "DYNAMIC_UPDATE_SLICE")}
_BODY = "the function that it combines elements with is a graph of its own"
_COUNTED = {
    **{name: {**ELEMENTS, **MOVES, **CONTROL}[other] for name, other in _ALIKE.items()},
    "CBRT": Operator(lambda builder, call: (builder.emit(Activation("pow"), call.input(0)),), KEEPS),
    "CLAMP": Operator(_clamp, KEEPS),
    "TRANSPOSE": Operator(_transpose, TURNED),
    "SLICE": Operator(_slice, KEEPS_FIRST),
    **same_rows(Operator(_copy, NONE), "BROADCAST_IN_DIM", "PAD", "DYNAMIC_SLICE"),
    "DOT_GENERAL": Operator(_dot, NONE, multiplies=True),
    "CONVOLUTION": Operator(_convolution, NONE, multiplies=True),
    **same_rows(Operator(None, NONE, _BODY), "REDUCE", "REDUCE_WINDOW", "SCATTER"),
    "SORT": Operator(None, NONE, "how often sorting compares depends on the data"),
    "CASE": Operator(None, NONE, "which of its graphs runs depends on the data"),
    "GATHER": Operator(None, NONE, "its form of indices is not supported"),
    "IOTA": Operator(None, NONE, "its form of a range is not supported"),
    "CUSTOM_CALL": Operator(None, NONE, "it calls a function outside the file"),
    "RNG_BIT_GENERATOR": Operator(None, NONE, "the work of drawing random numbers is not known"),
}
STABLEHLO: dict[str, Operator] = {
    **{f"STABLEHLO_{name}": row for name, row in _COUNTED.items()},
    "REDUCE_WINDOW": Operator(None, NONE, _BODY),
    "DILATE": Operator(None, NONE, "its form of gaps between elements is not supported"),
}
