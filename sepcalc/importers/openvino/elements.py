"""Operators on each element, and reductions over axes."""

from functools import partial

from sepcalc.importers.common.elementwise import TRIGONOMETRIC, bounded, chain
from sepcalc.importers.common.layout import KEEPS, KEEPS_FIRST, same_rows
from sepcalc.importers.onnx.activations import ACTIVATIONS
from sepcalc.importers.onnx.arithmetic import ARITHMETIC, combined
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.moves import moved
from sepcalc.importers.onnx.pools import POOLS
from sepcalc.importers.onnx.reductions import REDUCTIONS
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_all, as_first
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.importers.openvino.derived import reduced, said_in, unread
from sepcalc.importers.openvino.rows import as_onnx, settings
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.elementwise import Activation, Stored
from sepcalc.ops.pool import Cumulate

_POWER = "a power whose exponent stands in the .bin file, which is not read: a square is a product, a root a special"
_LENGTH = "the axes whose squares it sums stand in the .bin file, which is not read"
_ALONG = "the axis along which it sums stands in the .bin file, which is not read"


def _partly(builder: Builder, call: Call, value: Value, reason: str, *counts: str) -> Results:
    """The layer of an operator some of whose counts are not known."""
    op = Uncounted(call.type, reason, builder.shape(value), counts=counts)
    sources = [one.number for one in call.inputs if one is not None]
    return (value._replace(number=builder.add(call.name, op, sources), data=None),)


def _act(how: str, builder: Builder, call: Call) -> Results:
    value = call.input(0)
    return (Named(builder, call.name).emit(Activation(how), value),)


def _clamp(builder: Builder, call: Call) -> Results:
    """act clip, or relu6 from 0 to 6"""
    op = bounded(call.number("min", default=0.0), call.number("max", default=0.0))
    return (call.input(0),) if op is None else (Named(builder, call.name).emit(op, call.input(0)),)


def _swish(builder: Builder, call: Call) -> Results:
    """act swish; with a second input also times that"""
    beta = call.maybe(1)
    if beta is not None and not beta.constant:
        scaled = combined(builder, call.part("beta"), "multiply", [call.input(0), beta])
        gate = Named(builder, call.name).emit(Activation("sigmoid"), scaled, label="sigmoid")
        return (combined(builder, call, "multiply", [call.input(0), gate]),)
    return (Named(builder, call.name).emit(Activation("swish", 1.0 if beta is None else 2.0), call.input(0)),)


def _gelu(builder: Builder, call: Call) -> Results:
    """act gelu, exact or by tanh"""
    tanh = str(call.get("approximation_mode") or "erf").lower() == "tanh"
    return (Named(builder, call.name).emit(Activation("gelu-tanh" if tanh else "gelu"), call.input(0)),)


def _slope(builder: Builder, call: Call) -> Results:
    """act prelu"""
    slope, rank = call.input(1), len(call.input(0).sizes)
    if len(slope.sizes) == 1 and rank > 2:  # one per channel
        slope = slope._replace(shape=(*slope.sizes, *(1,) * (rank - 2)))
    return ACTIVATIONS["PRelu"](builder, call._replace(inputs=(call.input(0), slope)))


def _power(builder: Builder, call: Call) -> Results:
    """power of two tensors; by a stored exponent the counts are not known"""
    x, exponent = call.input(0), call.input(1)
    if exponent.constant and not x.constant:
        return _partly(builder, call, x, _POWER, "mults", "divs", "specials")
    return ARITHMETIC["Pow"](builder, call)


def _squared_difference(builder: Builder, call: Call) -> Results:
    """subtract, square"""
    (value,) = ARITHMETIC["Sub"](builder, call.part("subtract"))
    return (Named(builder, call.name).emit(Activation("square"), value),)


def _remainder(builder: Builder, call: Call) -> Results:
    """divide, multiply, subtract"""
    return ARITHMETIC["Mod"](builder, settings(call))


def _fake(builder: Builder, call: Call) -> Results:
    """clip to a range, shift and scale to whole numbers, scale and shift back"""
    clip: Op = Activation("clip")
    steps = {"clip": clip, "from": Stored("shift"), "scale": Stored("scale")}
    every: dict[str, Op] = {**steps, "back": Stored("scale"), "shift": Stored("shift")}
    return (chain(Named(builder, call.name), call.input(0), *every.values(), labels=[*every]),)


def _reduce(name: str, builder: Builder, call: Call) -> Results:
    keep = call.flag("keep_dims", False)
    axes = reduced(call, keep)
    if not axes:
        return (call.input(0),)
    rank = len(call.input(0).sizes)
    if name == "ReduceMean" and keep and call.input(0).channels_first and axes == (*range(2, rank),):
        return POOLS["GlobalAveragePool"](builder, settings(call))
    return REDUCTIONS[name](builder, settings(call, axes=axes, keepdims=int(keep))._replace(inputs=call.inputs[:1]))


def _any(builder: Builder, call: Call) -> Results:
    """copy: choosing is free"""
    keep = call.flag("keep_dims", False)
    axes, value = reduced(call, keep), call.input(0)
    if value.batch in axes and builder.batch > 1:
        raise builder.mixed
    sizes = [1 if axis in axes else size for axis, size in enumerate(value.sizes)]
    shape = tuple([size for axis, size in enumerate(sizes) if keep or axis not in axes])
    batch = None if value.batch is None or (value.batch in axes and not keep) else value.batch
    return (moved(builder, call, value, shape, batch if keep or batch in (0, None) else None),)


def _cumulated(builder: Builder, call: Call) -> Results:
    """cumsum"""
    value = call.input(0)
    apart = value.batch if builder.batch > 1 else None
    long = [axis for axis, size in enumerate(value.sizes) if size > 1 and axis != apart]
    if len(long) > 1:
        return _partly(builder, call, value, _ALONG, "adds")
    at = long[0] if long else len(value.sizes) - 1
    value = builder.along(value, at)
    return (value._replace(number=builder.add(call.name, Cumulate(builder.place(value, at), "sum"), [value.number])),)


def _length(builder: Builder, call: Call) -> Results:
    """x divided by the root of a sum of squares"""
    count, value = said_in(call, 1) or (1,), call.input(0)
    long = [axis for axis, size in enumerate(value.sizes) if size > 1 and axis != value.batch]
    if count[0] not in (1, len(long)) or (count[0] == 1 and len(long) != 1):
        return _partly(builder, call, value, _LENGTH, "adds", "specials", "mults", "divs")
    if len(long) != 1:
        raise unread("which axes it reduces")
    from sepcalc.importers.onnx.norms import NORMS

    return NORMS["LpNormalization"](builder, settings(call, axis=long[0]))


_SAME = (
    *("Sigmoid", "Tanh", "Elu", "Erf", "Exp", "Log", "Abs", "Sign", "Floor", "Sqrt", "Mish", "Sin", "Cos", "Selu"),
    *("Add", "Equal", "Greater", "Less", "Mod"),
)
_NAMES = {
    "ReLU": "Relu",
    "Negative": "Neg",
    "Ceiling": "Ceil",
    "Round": "Round",
    "HSwish": "HardSwish",
    "HSigmoid": "HardSigmoid",
    "HardSigmoid": "HardSigmoid",
    "SoftPlus": "Softplus",
    "SoftSign": "Softsign",
    "LogicalNot": "Not",
    "IsNaN": "IsNaN",
    "IsInf": "IsInf",
    "IsFinite": "IsNaN",
    "BitwiseNot": "BitwiseNot",
}
_BINARY = {
    "Multiply": "Mul",
    "Subtract": "Sub",
    "Divide": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
    "LogicalAnd": "And",
    "LogicalOr": "Or",
    "LogicalXor": "Xor",
    "GreaterEqual": "GreaterOrEqual",
    "LessEqual": "LessOrEqual",
    "NotEqual": "Equal",
    "Select": "Where",
    "BitwiseAnd": "BitwiseAnd",
    "BitwiseOr": "BitwiseOr",
    "BitwiseXor": "BitwiseXor",
    **same_rows("BitShift", "BitwiseLeftShift", "BitwiseRightShift"),
}
ELEMENTS: dict[str, Operator] = {
    **{name: as_onnx(name) for name in _SAME},
    **{name: as_onnx(other) for name, other in {**_NAMES, **_BINARY}.items()},
    **{how.title(): as_onnx(how.title()) for how in TRIGONOMETRIC},
    "Clamp": Operator(_clamp, KEEPS),
    "Swish": Operator(_swish, KEEPS, settings=(1,)),
    "Gelu": Operator(_gelu, KEEPS),
    "PReLU": Operator(_slope, KEEPS, shape=as_first),
    "Power": Operator(_power, KEEPS, settings=(1,)),
    "SquaredDifference": Operator(_squared_difference, KEEPS),
    "FloorMod": Operator(_remainder, KEEPS, shape=as_all),
    "FakeQuantize": Operator(_fake, KEEPS_FIRST, settings=(1, 2, 3, 4)),
    **{
        f"Reduce{name}": Operator(partial(_reduce, f"Reduce{name}"), KEEPS_FIRST, settings=(1,))
        for name in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2")
    },
    **same_rows(Operator(_any, KEEPS_FIRST, settings=(1,)), "ReduceLogicalAnd", "ReduceLogicalOr"),
    "CumSum": Operator(_cumulated, KEEPS_FIRST, settings=(1,), table=True, shape=as_first),
    "NormalizeL2": Operator(_length, KEEPS_FIRST, settings=(1,), shape=as_first),
    "FakeConvert": Operator(partial(_act, "clip"), KEEPS_FIRST, settings=(1, 2)),
}
