"""Operations called like layers: ``keras.ops`` in a graph of Keras 3, TensorFlow's operations in one of Keras 2."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.elementwise import ELEMENTARY, TRIGONOMETRIC, chain, raised
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE, ROWS, WINDOWED, same_rows
from sepcalc.importers.keras.activation import apply, softmax, unit
from sepcalc.importers.keras.arguments import along, axes_of, dims_of, kept, operands, option, over, single, windows
from sepcalc.importers.keras.build import Call, Tensor, tensors_in
from sepcalc.importers.keras.core import Unknown, free
from sepcalc.importers.keras.formulas import FORMULAS, NO_PAIR, OTHER_RANKS, binary, reduce, scalar
from sepcalc.importers.keras.moves import MOVES
from sepcalc.importers.keras.pool import adaptive as adaptive_layer
from sepcalc.importers.keras.pool import pool as pool_layer
from sepcalc.importers.keras.pool import resample
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.base import Uncounted
from sepcalc.ops.elementwise import Activation, Select, Stored
from sepcalc.ops.move import Copy
from sepcalc.ops.norm import RowNorm
from sepcalc.ops.pool import Reduce
from sepcalc.ops.product import Dense, Einsum, Matmul
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape


def power(call: Call) -> Tensor:
    left, right = operands(call)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return binary(call, "power")
    if isinstance(left, Tensor) and single(right):
        if abs(right) == 1:
            return call.add(Rename("identity") if right == 1 else Activation("reciprocal"), left)
        return raised(call, left, float(right), {0.5: "sqrt", -0.5: "rsqrt"})
    if isinstance(right, Tensor) and single(left):
        return call.add(Stored("power"), right)
    raise Unknown(NO_PAIR)


def unary(call: Call, how: str) -> Tensor:
    return call.add(Activation(how), call.x)


def activation(call: Call, how: str) -> Tensor:
    return apply(call, call.x, how)


def gelu(call: Call, at: int | None = 1, approximate: bool = True) -> Tensor:
    approximate = option(call, "approximate", at=at, default=approximate) is True
    return call.add(Activation("gelu-tanh" if approximate else "gelu"), call.x)


def elu(call: Call, how: str = "elu") -> Tensor:
    return call.add(Activation(how, Settings({"alpha": option(call, "alpha")}).number("alpha", default=1.0)), call.x)


def soft(call: Call, log: bool) -> Tensor:
    default = None if "axis" in call.settings.config else -1  # Keras' null is all axes, TensorFlow's the last one
    axes = axes_of(call, option(call, "axis", at=1, default=default), len(call.x.shape) + 1)
    return softmax(call, call.x, axes, log)


def norm(call: Call) -> Tensor:
    if option(call, "ord", "order") not in (None, 2, "fro", "euclidean"):
        raise Unknown("a norm other than the Euclidean one: use that one")
    (x, axes), keep = over(call, None), kept(call)
    made = chain(
        call, x, Activation("square"), Reduce("sum", axes, keep), Activation("sqrt"), labels=("square", "sum", "")
    )
    return scalar(made, x, axes, keep)


def normalize(call: Call) -> Tensor:
    if option(call, "order") not in (None, 2):
        raise Unknown("a norm other than the Euclidean one: use that one")
    return unit(call, *over(call, 1, -1))


def layer_norm(call: Call) -> Tensor:
    if any(item is not None for item in call.args[1:]):
        raise Unknown("its gain or shift is a tensor: use the layer LayerNormalization")
    x, axes = over(call, None, -1)
    if axes != tuple(range(len(x.shape) - len(axes), len(x.shape))):
        raise Unknown("its axes are not the last ones: normalize over the last axes")
    how = "rms" if option(call, "rms_scaling") is True else "layer"
    return call.add(RowNorm(how, axes=len(axes), gain=False, bias=False), x)


def where(call: Call) -> Tensor:
    if len(call.args) == 1 and not {"x", "x1", "y", "x2"} & set(call.kwargs):
        raise Unknown("the positions of true elements depend on the data: use the form with two values to choose from")
    return call.add(Select(), *call.alike(call.tensors))


def _by_stored(call: Call, left: Any, right: Any) -> Tensor:
    """The product with a stored matrix: a dense layer without bias."""
    dims = [] if isinstance(right, Tensor) else dims_of(right)
    turned = option(call, "transpose_b") is True or option(call, "adjoint_b") is True
    if len(dims) != 2 or not isinstance(left, Tensor) or option(call, "transpose_a") is True or not left.shape:
        raise Unknown("a product with stored numbers: use the layer Dense or EinsumDense")
    rows, out = dims[::-1] if turned else dims
    x = call.plain(left)
    if x.shape[-1] != rows:
        raise Invalid(f"it multiplies {x.shape[-1]} features by a matrix of {rows} rows")
    return call.add(Dense(out, False), x)


def dot(call: Call) -> Tensor:
    """The product over one axis with a stored matrix."""
    left, right = operands(call)
    axes = option(call, "axes", at=2)
    if isinstance(left, Tensor) and axes not in (None, 1, [[len(left.shape)], [0]], [[-1], [0]]):
        raise Unknown("a product over axes other than the last: use the layer EinsumDense")
    if isinstance(right, Tensor):
        raise Unknown("a product across the examples of a batch: use matmul or einsum")
    return _by_stored(call, left, right)


def matmul(call: Call) -> Tensor:
    left, right = operands(call)
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return _by_stored(call, left, right)
    left, right = call.plain(left), call.plain(right)
    for name, at in (("transpose_a", 0), ("transpose_b", 1), ("adjoint_b", 1)):
        if option(call, name) is True:
            one = (left, right)[at]
            turned = call.free("permute", one, (*one.shape[:-2], *one.shape[:-3:-1]), "transpose" + "ab"[at])
            left, right = (turned, right) if at == 0 else (left, turned)
    if len(left.shape) != len(right.shape):
        raise Unknown(OTHER_RANKS)
    return call.add(Matmul(), left, right)


def einsum(call: Call) -> Tensor:
    equation, tensors = option(call, "subscripts", "equation"), call.tensors
    if isinstance(call.args[0], str):
        equation = call.args[0]
    if not isinstance(equation, str) or len(tensors) != 2:
        raise Unknown("an einsum of one tensor, or of more than two: use einsums of two tensors")
    left, arrow, output = equation.replace(" ", "").partition("->")
    one, _, other = left.partition(",")
    if not arrow or not one or not other or not one[0] == other[0] == output[:1] or "." in equation:
        raise Unknown("an einsum without the batch as the first index everywhere: use the batch first, and no dots")
    made = call.add(Einsum(f"{one[1:]},{other[1:]}->{output[1:]}"), *[call.plain(tensor) for tensor in tensors])
    return made if len(output) > 1 else made._replace(shape=())


SORTED = "the number of compares depends on the data and the library"


def _compared(call: Call, x: Tensor, shape: Shape, axis: int = -1) -> Tensor:
    """A layer of compares only along an axis, whose number depends on the data."""
    op = Uncounted(call.class_name, SORTED, shape or (1,), counts=("compares",)).along(axis, (x.shape or (1,),))
    return call.add(op, x)._replace(shape=shape)


def sort(call: Call) -> Tensor:
    """Sorts along an axis other than the batch."""
    x, axis = along(call, 1, -1)
    return _compared(call, x, x.shape, axis=axis)


def top(call: Call) -> list[Tensor]:
    """The largest elements along the last axis, and their indices."""
    x = call.plain(call.x)
    axes_of(call, -1, len(x.shape) + 1)
    many = Settings({"k": option(call, "k", at=1, default=1)}).size("k")
    if many > x.shape[-1]:
        raise Invalid(f"the {many} largest of {x.shape[-1]} elements")
    shape = (*x.shape[:-1], many)
    largest = _compared(call, x, shape)
    return [largest, call.add(Copy.alongside(shape), largest, link="indices")]


def search(call: Call) -> Tensor:
    """The position in a sorted row for each element of the second operand, or of the only tensor."""
    x = call.plain(call.tensors[-1])
    return _compared(call, x, x.shape)


def resize(call: Call) -> Tensor:
    size = Settings({"size": option(call, "size", at=1)}).sizes("size", rank=2)
    if option(call, "antialias") is True or option(call, "crop_to_aspect_ratio") is True:
        raise Unknown("a resize that crops or antialiases: use the layer Resizing")
    how = option(call, "interpolation", "method")
    if option(call, "data_format") == "channels_first":
        raise Unknown("a resize with channels first: use channels last")
    x = call.plain(call.x)
    if len(x.shape) != 3:
        raise Invalid("it needs an image")
    return resample(call, x, size, how if isinstance(how, str) else "bilinear")


def as_pool(call: Call, layer: Callable[..., Tensor], how: str, names: Sequence[str]) -> Tensor:
    """The operation as the equivalent pooling layer, whose settings are its arguments of these names."""
    config = {name: option(call, name, at=at) for at, name in enumerate(names, 1)}
    if option(call, "data_format") == "channels_first":
        raise Unknown("a pool with channels first: use a pooling layer")
    if config[names[0]] is None:
        raise Invalid(f"{names[0]} is missing")
    return layer(call.inside("", call.class_name, config, call.x), rank=len(call.x.shape) - 1, how=how)


def tf_pool(call: Call, how: str) -> Tensor:
    """TensorFlow's pool, whose sizes may include the batch and the channels."""
    rank, padding = len(call.x.shape) - 1, option(call, "padding", at=3)
    if option(call, "data_format") not in (None, "NHWC", "NWC", "NDHWC"):
        raise Unknown("a pool with channels first: use a pooling layer")
    if padding not in ("SAME", "VALID"):
        raise Unknown("a pool with explicit padding: use a pooling layer")
    kernel, strides = windows(call, rank, "ksize", at=1), windows(call, rank, "strides", at=2)
    config = {"pool_size": kernel, "strides": strides, "padding": padding}
    return pool_layer(call.inside("", call.class_name, config, call.x), rank, how)


def attention(call: Call) -> Tensor:
    """Scaled dot-product attention of ``n x heads x d`` tensors, as inside an attention layer."""
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


# Activations by Keras' names: those with the same name in TensorFlow, then the others.
_IN_TENSORFLOW = ("relu", "relu6", "sigmoid", "softplus", "softsign", "selu", "log_sigmoid", "leaky_relu")
_IN_KERAS = (
    *("mish", "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "threshold"),
    *("sparse_plus", "sparse_sigmoid", "squareplus", "glu"),
)


def _class_of(name: str) -> str:
    """The class name of a keras.ops operation: its name in camel case."""
    return name.title().replace("_", "")


# Operations by the class names of keras.ops.
_compare, _logical = partial(binary, how="compare"), partial(binary, how="logical")
OPERATIONS: dict[str, Operator] = {
    "Add": Operator(partial(binary, how="add"), KEEPS, tensorflow="add radd bias_add"),
    "Subtract": Operator(partial(binary, how="subtract"), KEEPS, tensorflow="subtract sub rsub"),
    "Multiply": Operator(partial(binary, how="multiply"), KEEPS, tensorflow="multiply mul rmul scalar_mul"),
    "Divide": Operator(partial(binary, how="divide"), KEEPS),
    "TrueDivide": Operator(partial(binary, how="divide"), KEEPS, tensorflow="divide truediv rtruediv div realdiv"),
    "Maximum": Operator(partial(binary, how="maximum"), KEEPS, tensorflow="maximum"),
    "Minimum": Operator(partial(binary, how="minimum"), KEEPS, tensorflow="minimum"),
    "Greater": Operator(_compare, KEEPS, tensorflow="greater gt"),
    "GreaterEqual": Operator(_compare, KEEPS, tensorflow="greater_equal ge"),
    "Less": Operator(_compare, KEEPS, tensorflow="less lt"),
    "LessEqual": Operator(_compare, KEEPS, tensorflow="less_equal le"),
    "Equal": Operator(_compare, KEEPS, tensorflow="equal eq"),
    "NotEqual": Operator(_compare, KEEPS, tensorflow="not_equal ne"),
    "LogicalAnd": Operator(_logical, KEEPS, tensorflow="logical_and and"),
    "LogicalOr": Operator(_logical, KEEPS, tensorflow="logical_or or"),
    "LogicalXor": Operator(_logical, KEEPS, tensorflow="logical_xor xor"),
    "Power": Operator(power, KEEPS, tensorflow="pow"),
    **{how.capitalize(): Operator(partial(unary, how=how), KEEPS, tensorflow=how) for how in ELEMENTARY},
    **{
        how.replace("a", "arc", 1).capitalize() if how[0] == "a" else how.capitalize(): Operator(
            partial(unary, how=how), KEEPS, tensorflow=how
        )
        for how in TRIGONOMETRIC
    },
    "Absolute": Operator(partial(unary, how="abs"), KEEPS, tensorflow="abs"),
    "Abs": Operator(partial(unary, how="abs"), KEEPS),
    "Negative": Operator(partial(unary, how="neg"), KEEPS, tensorflow="negative neg"),
    "Rint": Operator(partial(unary, how="round"), KEEPS, tensorflow="rint"),
    "LogicalNot": Operator(partial(unary, how="not"), KEEPS, tensorflow="logical_not invert"),
    **{_class_of(how): Operator(partial(activation, how=how), KEEPS, tensorflow=how) for how in _IN_TENSORFLOW},
    "Silu": Operator(partial(activation, how="silu"), KEEPS, tensorflow="silu swish"),
    **{_class_of(how): Operator(partial(activation, how=how), KEEPS) for how in _IN_KERAS},
    "Gelu": Operator(gelu, KEEPS),
    "Elu": Operator(elu, KEEPS, tensorflow="elu"),
    "Celu": Operator(partial(elu, how="celu"), KEEPS),
    "Softmax": Operator(partial(soft, log=False), KEEPS, tensorflow="softmax"),
    "LogSoftmax": Operator(partial(soft, log=True), KEEPS, tensorflow="log_softmax"),
    "Clip": Operator(partial(unary, how="clip"), KEEPS, tensorflow="clip_by_value"),
    "Identity": Operator(
        free, KEEPS, tensorflow="identity stop_gradient cast ensure_shape no_op convert_to_tensor real"
    ),
    **same_rows(
        Operator(free, KEEPS), "Cast", "StopGradient", "Copy", "SaturateCast", "ConvertToTensor", "View", "Real"
    ),
    **{
        how.capitalize(): Operator(partial(reduce, how=how), NONE, tensorflow=f"reduce_{how}")
        for how in ("mean", "sum", "prod", "max", "min")
    },
    **{how.capitalize(): Operator(partial(reduce, how=how), NONE, tensorflow=how) for how in ("argmax", "argmin")},
    **{f"A{how}": Operator(partial(reduce, how=how), NONE) for how in ("max", "min")},
    "Norm": Operator(norm, NONE, tensorflow="reduce_euclidean_norm norm"),
    "Normalize": Operator(normalize, KEEPS, tensorflow="l2_normalize"),
    "LayerNorm": Operator(layer_norm, KEEPS),
    "Where": Operator(where, KEEPS, tensorflow="where where_v2"),
    "Matmul": Operator(matmul, ROWS, tensorflow="matmul"),
    "Dot": Operator(dot, NONE),
    "Tensordot": Operator(dot, NONE, tensorflow="tensordot"),
    "Einsum": Operator(einsum, NONE, tensorflow="einsum"),
    "DotProductAttention": Operator(attention, NONE),
    **MOVES,
    **FORMULAS,
    "Sort": Operator(sort, KEEPS, tensorflow="sort"),
    "Argsort": Operator(sort, KEEPS, tensorflow="argsort"),
    "Argpartition": Operator(sort, KEEPS),
    "TopK": Operator(top, KEEPS, tensorflow="top_k"),
    "Digitize": Operator(search, KEEPS),
    "SearchSorted": Operator(search, NONE, tensorflow="searchsorted"),
    "Resize": Operator(resize, IMAGES, tensorflow="image.resize"),
    **{
        f"{prefix}{name}Pool": Operator(partial(as_pool, layer=layer, how=how, names=names), WINDOWED)
        for name, how in (("Average", "avg"), ("Max", "max"))
        for prefix, layer, names in (
            ("", pool_layer, ("pool_size", "strides", "padding")),
            ("Adaptive", adaptive_layer, ("output_size",)),
        )
    },
}
