"""Operations called like layers: ``keras.ops`` in a graph of Keras 3, TensorFlow's in one of Keras 2."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.keras.activation import apply, softmax, unit
from sepcalc.importers.keras.build import Call, Tensor, tensors_in
from sepcalc.importers.keras.core import Unknown, target
from sepcalc.importers.keras.merge import concat
from sepcalc.importers.keras.pool import resample
from sepcalc.importers.keras.settings import Settings, whole
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Copy, Pad, Rename, Slice
from sepcalc.ops.norm import RowNorm
from sepcalc.ops.pool import Cumulate, Pool, Reduce
from sepcalc.ops.product import Einsum, Matmul
from sepcalc.shape import Shape

Handler = Callable[[Call], Tensor | list[Tensor]]

BATCH = "it works across the examples of a batch: it would take an axis other than the batch"


def option(call: Call, *names: str, at: int | None = None) -> Any:
    """A setting of an operation: of its config, by name in the call, or by its place there."""
    for name in names:
        if call.kwargs.get(name) is not None:
            return call.kwargs[name]
        if call.settings.config.get(name) is not None:
            return call.settings.config[name]
    return call.args[at] if at is not None and len(call.args) > at else None


def axes_of(call: Call, value: Any, rank: int) -> tuple[int, ...]:
    """Axes without the batch. Raises Unknown where the batch is one of them."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    if None in items or 0 in items or -rank in items:
        raise Unknown(BATCH)
    return Settings({"axis": items}).axes("axis", rank)


def operands(call: Call, count: int = 2) -> list[Any]:
    """The first arguments, tensors or numbers, wherever they stand in the call."""
    args = call.args[0] if len(call.args) == 1 and isinstance(call.args[0], list) else call.args
    found = list(args)
    for name in ("x", "x1", "a", "y", "x2", "b"):
        if name in call.kwargs and len(found) < count:
            found.append(call.kwargs[name])
    if len(found) < count:
        raise Invalid(f"it has {len(found)} operands: expected {count}")
    return found[:count]


STORED = {"add": ("shift", "shift"), "multiply": ("scale", "scale"), "subtract": ("shift", "from")}
STORED |= {"divide": ("scale", "over"), "maximum": ("maximum",) * 2, "minimum": ("minimum",) * 2}
STORED |= {"compare": ("compare",) * 2, "logical": ("logical",) * 2}


def binary(call: Call, how: str) -> Tensor:
    """Of two tensors, or of a tensor and a number, which is stored."""
    left, right = operands(call)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if len(left.shape) != len(right.shape):
            raise Unknown(
                "its operands have different ranks, so one is stretched over the batch: it would take equal ones"
            )
        return call.add(Elementwise(how), *call.alike([left, right]))
    tensor, number, turned = (left, right, False) if isinstance(left, Tensor) else (right, left, True)
    if not isinstance(tensor, Tensor) or not _fits(number, tensor.shape):
        raise Unknown("its operands are not a tensor and a number: it would take one of each, or two tensors")
    return call.add(Stored(STORED[how][turned]), tensor if _single(number) else call.plain(tensor))


def _single(value: Any) -> bool:
    return isinstance(value, int | float)


def _dims(value: Any) -> list[int]:
    """The sizes of a stored constant: a number has none."""
    if isinstance(value, dict):
        config = value.get("config")
        value = config.get("value") if isinstance(config, dict) else None
    dims: list[int] = []
    while isinstance(value, list) and value and len(dims) < 32:
        dims.append(len(value))
        value = value[0]
    if not _single(value):
        raise Unknown("one of its operands is neither a tensor nor a number: it would take either")
    return dims


def _fits(value: Any, shape: Shape) -> bool:
    """Whether a constant is stretched to a shape, batch before it, and does not stretch it."""
    if _single(value):
        return True
    dims = _dims(value)
    whole_shape = (1, *shape)
    tail = whole_shape[len(whole_shape) - len(dims) :]
    return len(dims) <= len(whole_shape) and all(size in (1, full) for size, full in zip(dims, tail))


def power(call: Call) -> Tensor:
    left, right = operands(call)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return binary(call, "power")
    if isinstance(left, Tensor) and _single(right):
        named = {1: None, 2: "square", 3: "cube", 0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}
        if right in named:
            return call.add(Activation(named[right] or "") if named[right] else Rename("identity"), left)
        if right == 4:
            return call.add(Activation("square"), call.add(Activation("square"), left, link="square"))
        return call.add(Activation("pow"), left)
    if isinstance(right, Tensor) and _single(left):
        return call.add(Stored("power"), right)
    raise Unknown("its operands are not a tensor and a number: it would take one of each, or two tensors")


def unary(call: Call, how: str) -> Tensor:
    return call.add(Activation(how), call.x)


def activation(call: Call, how: str) -> Tensor:
    return apply(call, call.x, how)


def gelu(call: Call) -> Tensor:
    approximate = option(call, "approximate", at=1)
    return call.add(Activation("gelu-tanh" if approximate in (None, True) else "gelu"), call.x)


def tf_gelu(call: Call) -> Tensor:
    return call.add(Activation("gelu-tanh" if option(call, "approximate") is True else "gelu"), call.x)


def elu(call: Call, how: str = "elu") -> Tensor:
    return call.add(Activation(how, Settings({"alpha": option(call, "alpha")}).number("alpha", default=1.0)), call.x)


def soft(call: Call, log: bool) -> Tensor:
    value = option(call, "axis", at=1)
    return softmax(call, call.x, axes_of(call, -1 if value is None else value, len(call.x.shape) + 1), log)


def clip(call: Call) -> Tensor:
    return call.add(Activation("clip"), call.x)


def identity(call: Call) -> Tensor:
    return call.add(Rename("identity"), call.x)


def _scalar(made: Tensor, shape: Shape) -> Tensor:
    return made._replace(shape=shape) if not shape else made


def reduce(call: Call, how: str) -> Tensor:
    x = call.plain(call.x)
    axes = axes_of(call, option(call, "axis", at=1), len(x.shape) + 1)
    keep = option(call, "keepdims", "keep_dims") is True
    made = call.add(Reduce(how, axes, keep), x)
    return _scalar(made, made.shape if keep or len(axes) < len(x.shape) else ())


def variance(call: Call, root: bool) -> Tensor:
    """The mean of the squares of what differs from the mean."""
    x = call.plain(call.x)
    axes = axes_of(call, option(call, "axis", at=1), len(x.shape) + 1)
    keep = option(call, "keepdims") is True
    mean = call.add(Reduce("mean", axes, True), x, link="mean")
    square = call.add(Activation("square"), call.add(Elementwise("subtract"), x, mean, link="centred"), link="square")
    made = call.add(Reduce("mean", axes, keep), square, link="variance" if root else "")
    made = call.add(Activation("sqrt"), made) if root else made
    return _scalar(made, made.shape if keep or len(axes) < len(x.shape) else ())


def norm(call: Call) -> Tensor:
    if option(call, "ord", "order") not in (None, 2, "fro", "euclidean"):
        raise Unknown("a norm other than the Euclidean one: it would take that")
    x = call.plain(call.x)
    axes = axes_of(call, option(call, "axis"), len(x.shape) + 1)
    keep = option(call, "keepdims") is True
    total = call.add(Reduce("sum", axes, keep), call.add(Activation("square"), x, link="square"), link="sum")
    made = call.add(Activation("sqrt"), total)
    return _scalar(made, made.shape if keep or len(axes) < len(x.shape) else ())


def normalize(call: Call) -> Tensor:
    if option(call, "order") not in (None, 2):
        raise Unknown("a norm other than the Euclidean one: it would take that")
    x = call.plain(call.x)
    value = option(call, "axis", at=1)
    return unit(call, x, axes_of(call, -1 if value is None else value, len(x.shape) + 1))


def layer_norm(call: Call) -> Tensor:
    if any(item is not None for item in call.args[1:]):
        raise Unknown("its gain or shift is a tensor: it would take the layer LayerNormalization")
    value = option(call, "axis")
    x = call.plain(call.x)
    axes = axes_of(call, -1 if value is None else value, len(x.shape) + 1)
    if axes != tuple(range(len(x.shape) - len(axes), len(x.shape))):
        raise Unknown("its axes are not the last ones: it would take those")
    how = "rms" if option(call, "rms_scaling") is True else "layer"
    return call.add(RowNorm(how, axes=len(axes), gain=False, bias=False), x)


def where(call: Call) -> Tensor:
    tensors = call.alike(call.tensors)
    return call.add(Select(), *tensors)


def matmul(call: Call) -> Tensor:
    left, right = operands(call)
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        raise Unknown("a product with stored numbers: it would take the layer Dense or EinsumDense")
    left, right = call.plain(left), call.plain(right)
    for name, at in (("transpose_a", 0), ("transpose_b", 1), ("adjoint_b", 1)):
        if option(call, name) is True:
            one = (left, right)[at]
            turned = call.free("permute", one, (*one.shape[:-2], *one.shape[:-3:-1]), "transpose" + "ab"[at])
            left, right = (turned, right) if at == 0 else (left, turned)
    if len(left.shape) != len(right.shape):
        raise Unknown("its operands have different ranks, so one is stretched over the batch: it would take equal ones")
    return call.add(Matmul(), left, right)


def einsum(call: Call) -> Tensor:
    equation, tensors = option(call, "subscripts", "equation"), call.tensors
    if isinstance(call.args[0], str):
        equation = call.args[0]
    if not isinstance(equation, str) or len(tensors) != 2:
        raise Unknown("an einsum of other than two tensors: it would take one at a time")
    left, arrow, output = equation.replace(" ", "").partition("->")
    one, _, other = left.partition(",")
    if not arrow or not one or not other or not one[0] == other[0] == output[:1] or "." in equation:
        raise Unknown("an einsum whose first index is not the batch everywhere: it would take that, without dots")
    made = call.add(Einsum(f"{one[1:]},{other[1:]}->{output[1:]}"), *[call.plain(tensor) for tensor in tensors])
    return _scalar(made, () if len(output) == 1 else made.shape)


# --- moves ------------------------------------------------------------------------------------------------------------


def reshape(call: Call) -> Tensor:
    x = call.plain(call.x)
    wanted = option(call, "newshape", "shape", at=1)
    if not isinstance(wanted, list | tuple) or not wanted or any(isinstance(item, Tensor) for item in wanted):
        return moved(call)
    first, *sizes = wanted
    if first not in (-1, None) and not (isinstance(first, int) and sizes.count(-1) == 1):
        raise Unknown(BATCH)
    if first in (-1, None):
        shape = target(list(sizes), x.shape) if sizes else ()
    else:
        shape = target(sizes, x.shape)
    return call.free("reshape", x, shape) if prod(shape) == prod(x.shape) else moved(call)


def flatten(call: Call) -> Tensor:
    raise Unknown(BATCH)


def expand(call: Call) -> Tensor:
    x = call.plain(call.x)
    axis, rank = option(call, "axis", at=1), len(x.shape) + 2
    (at,) = axes_of(call, axis, rank)
    return call.free("reshape", x, (*x.shape[:at], 1, *x.shape[at:]))


def squeeze(call: Call) -> Tensor:
    x = call.plain(call.x)
    axis = option(call, "axis", at=1)
    if axis in (None, []):
        return call.free("reshape", x, tuple([size for size in x.shape if size != 1]))
    axes = axes_of(call, axis, len(x.shape) + 1)
    if any(x.shape[at] != 1 for at in axes):
        raise Invalid("axis names one that is not 1")
    return call.free("reshape", x, tuple([size for at, size in enumerate(x.shape) if at not in axes]))


def transpose(call: Call) -> Tensor:
    x = call.plain(call.x)
    order = option(call, "axes", "perm", at=1)
    if not isinstance(order, list | tuple) or list(order[:1]) != [0]:
        raise Unknown(BATCH)
    return _ordered(call, x, order[1:])


def _ordered(call: Call, x: Tensor, order: Sequence[Any]) -> Tensor:
    if sorted(order) != list(range(1, len(x.shape) + 1)):
        raise Invalid(f"its axes must be 1 to {len(x.shape)} in some order")
    return call.free("permute", x, tuple([x.shape[axis - 1] for axis in order]))


def swapaxes(call: Call) -> Tensor:
    x = call.plain(call.x)
    rank = len(x.shape) + 1
    (one,) = axes_of(call, option(call, "axis1", at=1), rank)
    (other,) = axes_of(call, option(call, "axis2", at=2), rank)
    order = list(range(1, rank))
    order[one], order[other] = order[other], order[one]
    return _ordered(call, x, order)


def moveaxis(call: Call) -> Tensor:
    x = call.plain(call.x)
    rank = len(x.shape) + 1
    (source,) = axes_of(call, option(call, "source", at=1), rank)
    (destination,) = axes_of(call, option(call, "destination", at=2), rank)
    order = list(range(1, rank))
    order.insert(destination, order.pop(source))
    return _ordered(call, x, order)


def concatenate(call: Call) -> Tensor:
    (axis,) = axes_of(call, option(call, "axis", at=1), len(call.x.shape) + 1)
    return concat(call, axis)


def stack(call: Call) -> Tensor:
    """Moves only: all tensors side by side along a new axis."""
    tensors = [call.plain(tensor) for tensor in call.tensors]
    value = option(call, "axis", at=1)
    shape = tensors[0].shape
    (at,) = axes_of(call, value, len(shape) + 2)
    return call.add(Copy((*shape[:at], len(tensors), *shape[at:])), *tensors)


def split(call: Call) -> list[Tensor]:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    parts = option(call, "indices_or_sections", "num_or_size_splits", at=1)
    whole_size = x.shape[axis]
    if isinstance(parts, int):
        if parts < 1 or whole_size % parts or parts > 10_000:
            raise Invalid(f"{parts} parts do not divide {whole_size}")
        sizes = [whole_size // parts] * parts
    elif isinstance(parts, list) and parts and "num_or_size_splits" in call.kwargs:
        sizes = [whole(part) for part in parts]
    elif isinstance(parts, list) and parts:
        marks = [0, *[whole(part) for part in parts], whole_size]
        sizes = [after - before for before, after in pairwise(marks)]
    else:
        raise Invalid("it does not say into what it splits")
    return [
        call.add(Slice((*x.shape[:axis], size, *x.shape[axis + 1 :])), x, link=f"{at}" if at else "")
        for at, size in enumerate(sizes)
    ]


def unstack(call: Call) -> list[Tensor]:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    if x.shape[axis] > 10_000:
        raise Invalid("it has more than 10,000 outputs")
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    return [
        call.add(Copy(rest or (1,)), x, link=f"{at}" if at else "")._replace(shape=rest) for at in range(x.shape[axis])
    ]


def item(call: Call) -> Tensor:
    """A part of a tensor: slices, single elements, new axes."""
    x = call.plain(call.x)
    index = option(call, "slice_spec", "key", at=1)
    index = [_slice(part) for part in (index if isinstance(index, list | tuple) else [index])]
    if not index or any(not isinstance(part, int | slice | None | type(...)) for part in index):
        return moved(call)
    named = sum(part is not None and part is not ... for part in index)
    if ... in index:
        at = index.index(...)
        index[at : at + 1] = [slice(None)] * (len(x.shape) + 1 - named)
    if index[0] != slice(None):
        raise Unknown(BATCH)
    index += [slice(None)] * (len(x.shape) + 1 - sum(part is not None for part in index))
    shape, sizes = [], iter(x.shape)
    for part in index[1:]:
        if part is None:
            shape.append(1)
            continue
        size = next(sizes, None)
        if size is None:
            raise Invalid("it has more indices than axes")
        if isinstance(part, slice):
            if any(not (bound is None or isinstance(bound, int)) for bound in (part.start, part.stop, part.step)):
                return moved(call)
            if part.step == 0:
                raise Invalid("a step is 0")
            shape.append(len(range(*part.indices(size))))
        elif not -size <= part < size:
            raise Invalid(f"there is no element {part} of {size}")
    if 0 in shape:
        raise Invalid("it leaves nothing")
    return call.add(Copy(tuple(shape) or (1,)), x)._replace(shape=tuple(shape))


def _slice(part: Any) -> Any:
    """A slice as Keras 2 has it: an object of start, stop, step."""
    if isinstance(part, dict) and {"start", "stop", "step"} <= set(part):
        return slice(part["start"], part["stop"], part["step"])
    return part


def moved(call: Call, known: Shape | None = None) -> Tensor:
    """What only moves elements, into the shape that the file says."""
    shape = known if known is not None else next(iter(call.expected), None)
    if shape is None:
        raise Unknown("the file does not say the shape of what it moves: it would take a layer, such as Reshape")
    sources = [call.plain(tensor) for tensor in call.tensors]
    return call.add(Copy(shape or (1,)), *sources)._replace(shape=shape)


def tile(call: Call) -> Tensor:
    x = call.plain(call.x)
    repeats = option(call, "repeats", "multiples", at=1)
    if not isinstance(repeats, list | tuple) or len(repeats) != len(x.shape) + 1 or repeats[0] != 1:
        raise Unknown(BATCH)
    return moved(call, tuple([size * whole(times) for size, times in zip(x.shape, repeats[1:])]))


def repeat(call: Call) -> Tensor:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    times = whole(option(call, "repeats", at=1))
    return moved(call, tuple([size * times if at == axis else size for at, size in enumerate(x.shape)]))


def broadcast_to(call: Call) -> Tensor:
    wanted = option(call, "shape", at=1)
    if not isinstance(wanted, list | tuple) or len(wanted) != len(call.x.shape) + 1:
        raise Unknown(BATCH)
    return moved(call, tuple([whole(size) for size in wanted[1:]]))


def same_shape(call: Call) -> Tensor:
    """Elements in another order: flip, roll."""
    return moved(call, call.plain(call.x).shape)


def take(call: Call) -> Tensor:
    x = call.plain(call.x)
    index = option(call, "indices", at=1)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    if isinstance(index, Tensor):
        return moved(call)
    return moved(call, (*x.shape[:axis], *_dims(index), *x.shape[axis + 1 :]))


def pad(call: Call) -> Tensor:
    x = call.plain(call.x)
    width = option(call, "pad_width", "paddings", at=1)
    if isinstance(width, int):
        width = [[width, width]] * (len(x.shape) + 1)
    if not isinstance(width, list) or len(width) != len(x.shape) + 1:
        raise Invalid("pad_width must have two values for each axis")
    pairs = Settings({"pad_width": width}).pairs("pad_width", len(width))
    if pairs[0] != (0, 0):
        raise Unknown(BATCH)
    if pairs[-1] == (0, 0) and len(pairs) > 2:
        return call.add(Pad(pairs[1:-1]), x)
    return moved(call, tuple([size + before + after for size, (before, after) in zip(x.shape, pairs[1:])]))


def cumsum(call: Call) -> Tensor:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=1), len(x.shape) + 1)
    return call.add(Cumulate(axis), x)


def resize(call: Call) -> Tensor:
    size = Settings({"size": option(call, "size", at=1)}).sizes("size", rank=2)
    if option(call, "antialias") is True or option(call, "crop_to_aspect_ratio") is True:
        raise Unknown("a resize that cuts or smooths: it would take the layer Resizing")
    how = option(call, "interpolation", "method")
    if option(call, "data_format") == "channels_first":
        raise Unknown("a resize with channels first: it would take channels last")
    x = call.plain(call.x)
    if len(x.shape) != 3:
        raise Invalid("it needs an image")
    return resample(call, x, size, how if isinstance(how, str) else "bilinear")


def pool(call: Call, how: str) -> Tensor:
    x = call.plain(call.x)
    if option(call, "data_format") == "channels_first":
        raise Unknown("a pool with channels first: it would take a pooling layer")
    rank = len(x.shape) - 1
    settings = Settings({"pool_size": option(call, "pool_size", at=1), "strides": option(call, "strides", at=2)})
    kernel = settings.sizes("pool_size", rank=rank)
    stride = settings.sizes("strides", rank=rank) if settings.get("strides") is not None else kernel
    padding: Any = "same" if option(call, "padding", at=3) == "same" else ((0, 0),) * rank
    return call.add(Pool(how, kernel, stride, padding, (1,) * rank, exclude_pad=how == "avg"), x)


def attention(call: Call) -> Tensor:
    """Scaled dot-product attention of ``n x heads x d`` each: the same as between the projections of a layer."""
    from sepcalc.ops.product import Attention

    three = [call.plain(tensor) for tensor in list(tensors_in([call.args]))[:3]]
    if len(three) < 3 or any(len(tensor.shape) != 3 for tensor in three):
        raise Invalid("it needs queries, keys and values: n x heads x size")
    flat = [
        call.free("reshape", tensor, (tensor.shape[0], prod(tensor.shape[1:])), name)
        for tensor, name in zip(three, ("query", "key", "value"))
    ]
    made = call.add(
        Attention(three[0].shape[1], three[1].shape[1], call.kwargs.get("bias") is not None), *flat, link="attention"
    )
    return call.free("reshape", made, (*three[0].shape[:2], three[2].shape[2]))


def _binary(*names: str, how: str) -> dict[str, Handler]:
    return {name: partial(binary, how=how) for name in names}


# Operations whose formula is one of ours; names as keras.ops' classes have them.
_UNARY = {
    "Exp": "exp",
    "Expm1": "expm1",
    "Log": "log",
    "Log1p": "log1p",
    "Sqrt": "sqrt",
    "Rsqrt": "rsqrt",
    "Reciprocal": "reciprocal",
    "Erf": "erf",
    "Sin": "sin",
    "Cos": "cos",
    "Square": "square",
    "Absolute": "abs",
    "Abs": "abs",
    "Negative": "neg",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "LogicalNot": "not",
    "Tanh": "tanh",
}
_ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Selu": "selu",
    "Mish": "mish",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "HardShrink": "hard_shrink",
    "SoftShrink": "soft_shrink",
    "TanhShrink": "tanh_shrink",
    "Threshold": "threshold",
    "LogSigmoid": "log_sigmoid",
    "LeakyRelu": "leaky_relu",
    "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid",
    "Squareplus": "squareplus",
    "Glu": "glu",
}
OPERATIONS: dict[str, Handler] = {
    **_binary("Add", how="add"),
    **_binary("Subtract", how="subtract"),
    **_binary("Multiply", how="multiply"),
    **_binary("Divide", "TrueDivide", how="divide"),
    **_binary("Maximum", how="maximum"),
    **_binary("Minimum", how="minimum"),
    **_binary("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", how="compare"),
    **_binary("LogicalAnd", "LogicalOr", "LogicalXor", how="logical"),
    "Power": power,
    **{name: partial(unary, how=how) for name, how in _UNARY.items()},
    **{name: partial(activation, how=how) for name, how in _ACTIVATIONS.items()},
    "Gelu": gelu,
    "Elu": elu,
    "Celu": partial(elu, how="celu"),
    "Softmax": partial(soft, log=False),
    "LogSoftmax": partial(soft, log=True),
    "Clip": clip,
    **dict.fromkeys(("Identity", "Cast", "StopGradient", "Copy", "SaturateCast"), identity),
    **{name: partial(reduce, how=how) for name, how in {"Mean": "mean", "Sum": "sum", "Prod": "prod"}.items()},
    **{name: partial(reduce, how=name[-3:].lower()) for name in ("Max", "Amax", "Min", "Amin")},
    "Argmax": partial(reduce, how="argmax"),
    "Argmin": partial(reduce, how="argmin"),
    "Var": partial(variance, root=False),
    "Std": partial(variance, root=True),
    "Norm": norm,
    "Normalize": normalize,
    "LayerNorm": layer_norm,
    "Where": where,
    "Matmul": matmul,
    "Einsum": einsum,
    "DotProductAttention": attention,
    "Reshape": reshape,
    "ExpandDims": expand,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Swapaxes": swapaxes,
    "Moveaxis": moveaxis,
    "Concatenate": concatenate,
    "Stack": stack,
    "Split": split,
    "Unstack": unstack,
    "GetItem": item,
    "Tile": tile,
    "Repeat": repeat,
    "BroadcastTo": broadcast_to,
    "Flip": same_shape,
    "Roll": same_shape,
    "Take": take,
    "Pad": pad,
    "Cumsum": cumsum,
    "Resize": resize,
    "AveragePool": partial(pool, how="avg"),
    "MaxPool": partial(pool, how="max"),
}
