"""Operations that are formulas of others, one node per step: tangents, remainders, log-sum-exp, moments."""

from functools import partial
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.elementwise import chain, with_stored
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE, WINDOWED, same_rows
from sepcalc.importers.keras.arguments import along, dims_of, kept, operands, option, over, single, windows
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.rows import Handler, Operator
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Concat, Slice
from sepcalc.ops.norm import Normalization, RowNorm
from sepcalc.ops.pool import Cumulate, Reduce
from sepcalc.shape import Padding, Shape

OTHER_RANKS = "its operands have different ranks, so one broadcasts over the batch: use equal ranks"
NO_PAIR = "its operands are not a tensor and a number: use one of each, or two tensors"


def pair(call: Call, how: str, left: Any, right: Any, link: str = "") -> Tensor:
    """A binary operation on two tensors, or on a tensor and a stored number."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if len(left.shape) != len(right.shape):
            raise Unknown(OTHER_RANKS)
        return call.add(Elementwise(how), *call.alike([left, right]), link=link)
    tensor, number, turned = (left, right, False) if isinstance(left, Tensor) else (right, left, True)
    if not isinstance(tensor, Tensor) or not _fits(number, tensor.shape):
        raise Unknown(NO_PAIR)
    return call.add(Stored(with_stored(how, turned)), tensor if single(number) else call.plain(tensor), link=link)


def _fits(value: Any, shape: Shape) -> bool:
    """Whether a constant broadcasts to a shape with the batch in front, without enlarging it."""
    if single(value):
        return True
    dims = dims_of(value)
    whole_shape = (1, *shape)
    tail = whole_shape[len(whole_shape) - len(dims) :]
    return len(dims) <= len(whole_shape) and all(size in (1, full) for size, full in zip(dims, tail))


def binary(call: Call, how: str) -> Tensor:
    return pair(call, how, *operands(call))


def _steps(*ops: Op) -> Handler:
    """Applies unary functions one after the other."""
    labels = [*[f"step{at}" for at in range(1, len(ops))], ""]
    return lambda call: chain(call, call.x, *ops, labels=labels)


def rest(call: Call) -> Tensor:
    """a - b·floor(a/b)."""
    a, b = operands(call)
    whole = call.add(Activation("floor"), pair(call, "divide", a, b, "divide"), link="floor")
    return pair(call, "subtract", a, pair(call, "multiply", whole, b, "multiply"))


def whole_quotient(call: Call) -> Tensor:
    a, b = operands(call)
    return call.add(Activation("floor"), pair(call, "divide", a, b, "divide"))


def safe_quotient(call: Call) -> Tensor:
    """a/b, and 0 if b is 0."""
    a, b = operands(call)
    made = pair(call, "divide", a, b, "divide")
    if not isinstance(b, Tensor):
        return call.add(Select(), made)
    return call.add(Select(), *call.alike([call.add(Stored("compare"), b, link="compare"), made]))


def hypotenuse(call: Call) -> Tensor:
    """sqrt(a² + b²)."""
    a, b = [
        call.add(Activation("square"), one, link=f"square{at}") if isinstance(one, Tensor) else one
        for at, one in enumerate(operands(call))
    ]
    return call.add(Activation("sqrt"), pair(call, "add", a, b, "add"))


def log_add(call: Call) -> Tensor:
    """max(a, b) + log(1 + exp(-|a - b|))."""
    a, b = operands(call)
    most = pair(call, "maximum", a, b, "maximum")
    apart = pair(call, "subtract", a, b, "subtract")
    for how in ("abs", "neg", "exp", "log1p"):
        apart = call.add(Activation(how), apart, link=how)
    return call.add(Elementwise("add"), *call.alike([most, apart]))


def squared_difference(call: Call) -> Tensor:
    a, b = operands(call)
    return call.add(Activation("square"), pair(call, "subtract", a, b, "subtract"))


def sinc(call: Call) -> Tensor:
    """sin(πx)/(πx), and 1 if x is 0."""
    turned = call.add(Stored("scale"), call.x, link="scale")
    made = call.add(Elementwise("divide"), call.add(Activation("sin"), turned, link="sin"), turned, link="divide")
    return call.add(Select(), call.add(Stored("compare"), call.x, link="compare"), made)


# --- along axes -------------------------------------------------------------------------------------------------------


def reduced(call: Call) -> tuple[Tensor, tuple[int, ...], bool]:
    """The operand of a reduction, its axes, and whether the result keeps them."""
    return *over(call), kept(call)


def scalar(made: Tensor, x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    """A reduction over all axes leaves one number, which has no axes in Keras."""
    return made if keep or len(axes) < len(x.shape) else made._replace(shape=())


def reduce(call: Call, how: str) -> Tensor:
    x, axes, keep = reduced(call)
    return scalar(call.add(Reduce(how, axes, keep), x), x, axes, keep)


def average(call: Call) -> Tensor:
    if option(call, "weights", at=2) is not None:
        raise Unknown("its average is weighted: use Multiply and a sum")
    return reduce(call, "mean")


def _variance(call: Call, x: Tensor, axes: tuple[int, ...], keep: bool, link: str) -> tuple[Tensor, Tensor]:
    """The mean with its axes kept, and the mean of the squared deviations."""
    mean = call.add(Reduce("mean", axes, True), x, link="mean")
    square = call.add(Activation("square"), call.add(Elementwise("subtract"), x, mean, link="centred"), link="square")
    return mean, call.add(Reduce("mean", axes, keep), square, link=link)


def variance(call: Call, root: bool) -> Tensor:
    x, axes, keep = reduced(call)
    _, made = _variance(call, x, axes, keep, "variance" if root else "")
    return scalar(call.add(Activation("sqrt"), made) if root else made, x, axes, keep)


def moments(call: Call) -> list[Tensor]:
    """The mean and the variance."""
    x, axes, keep = reduced(call)
    mean, made = _variance(call, x, axes, keep, "")
    if not keep:
        mean = call.free("reshape", mean, scalar(made, x, axes, keep).shape, "rows")
    return [mean, scalar(made, x, axes, keep)]


def log_sum_exp(call: Call) -> Tensor:
    """The maximum m, and m + log(sum of exp(x - m))."""
    x, axes, keep = reduced(call)
    most = call.add(Reduce("max", axes, True), x, link="max")
    powers = call.add(Activation("exp"), call.add(Elementwise("subtract"), x, most, link="subtract"), link="exp")
    logs = call.add(Activation("log"), call.add(Reduce("sum", axes, True), powers, link="sum"), link="log")
    made = call.add(Elementwise("add"), logs, most)
    if keep:
        return made
    return call.free("reshape", made, tuple([size for at, size in enumerate(x.shape) if at not in axes]), "rows")


def span(call: Call) -> Tensor:
    """The maximum minus the minimum."""
    x, axes, keep = reduced(call)
    most, least = (call.add(Reduce(how, axes, keep), x, link=how) for how in ("max", "min"))
    return scalar(call.add(Elementwise("subtract"), most, least), x, axes, keep)


def count_nonzero(call: Call) -> Tensor:
    x, axes, keep = reduced(call)
    return scalar(call.add(Reduce("sum", axes, keep), call.add(Stored("compare"), x, link="compare")), x, axes, keep)


def cumulate(call: Call, how: str) -> Tensor:
    x, axis = along(call, 1)
    return call.add(Cumulate(axis, how), x)


def difference(call: Call) -> Tensor:
    """The difference of neighbours along an axis, perhaps several times."""
    x, axis = along(call, 2, -1)
    times = option(call, "n", at=1, default=1)
    if not isinstance(times, int) or not 1 <= times < x.shape[axis]:
        raise Invalid(f"it takes {times} differences of {x.shape[axis]} elements")
    for at in range(times):
        shape = (*x.shape[:axis], x.shape[axis] - 1, *x.shape[axis + 1 :])
        start = tuple([int(one == axis) for one in range(len(shape))])
        after, before = (call.add(Slice(shape, where), x, link=f"{at}/{where}") for where in (start, ()))
        x = call.add(Elementwise("subtract"), after, before, link="" if at == times - 1 else f"{at}")
    return x


def without_nan(call: Call, how: str) -> Tensor:
    """A reduction in which NaN counts as the neutral element."""
    x, axes, keep = reduced(call)
    chosen = call.add(Select(), call.add(Stored("compare"), x, link="is number"), x, link="chosen")
    return scalar(call.add(Reduce(how, axes, keep), chosen), x, axes, keep)


def numbers_only(call: Call) -> Tensor:
    """Replaces NaN and both infinities: three compares and three choices per element."""
    x = call.x
    for what in ("nan", "posinf", "neginf"):
        x = call.add(Select(), call.add(Stored("compare"), call.x, link=f"is {what}"), x, link=what)
    return x


# --- with stored numbers ----------------------------------------------------------------------------------------------


def convolution(call: Call, depthwise: bool) -> Tensor:
    """A convolution with a constant kernel. TensorFlow's strides may include the batch and the channels."""
    x, kernel = call.plain(call.x), option(call, "kernel", "filters", "filter", at=1)
    if isinstance(kernel, Tensor) or kernel is None:
        raise Unknown("its kernel is computed: use a convolution layer")
    if option(call, "data_format") not in (None, "channels_last", "NWC", "NHWC", "NDHWC"):
        raise Unknown("a convolution with channels first: use a convolution layer")
    dims, rank = dims_of(kernel), len(x.shape) - 1
    if rank < 1:
        raise Invalid("it needs a spatial axis")
    channels = x.shape[-1]
    if len(dims) != rank + 2 or channels % dims[-2]:
        raise Invalid(f"its kernel has {len(dims)} axes, for {rank} spatial ones and {channels} channels")
    how = Settings({"padding": option(call, "padding", at=3)}).word("padding", ("valid", "same"), "valid")
    padding: Padding = "same" if how == "same" else ((0, 0),) * rank
    out = channels * dims[-1] if depthwise else dims[-1]
    groups = channels if depthwise else channels // dims[-2]
    strides = windows(call, rank, "strides", at=2, default=1)
    dilation = windows(call, rank, "dilation_rate", "dilations", "rate", at=5, default=1)
    return call.add(Conv(tuple(dims[:-2]), out, strides, padding, dilation, groups), x)


def rms(call: Call) -> Tensor:
    """The RMS norm over the last axis, and a stored gain."""
    (x, axes), scale = over(call, 2, -1), option(call, "scale", at=1)
    if isinstance(scale, Tensor) or axes != (len(x.shape) - 1,):
        raise Unknown("its gain is computed, or its axis is not the last: use the layer RMSNormalization")
    made = call.add(RowNorm("rms", gain=False, bias=False), x, link="" if scale is None else "rms")
    return made if scale is None else pair(call, "multiply", made, scale)


def batch_norm(call: Call) -> Tensor:
    """x·s + t with stored numbers."""
    if len(call.tensors) > 1:
        raise Unknown("its statistics are computed: use the layer BatchNormalization")
    return call.add(Normalization(), call.x)


# --- images, and some of TensorFlow's own -----------------------------------------------------------------------------


def gray(call: Call) -> Tensor:
    """The weighted sum of three colours."""
    x = call.plain(call.x)
    if option(call, "data_format") == "channels_first" or x.shape[-1:] != (3,):
        raise Unknown("it needs three colours, channels last")
    return call.add(Reduce("sum", (len(x.shape) - 1,), keep=True), call.add(Stored("scale"), x, link="weighed"))


def both_signs(call: Call) -> Tensor:
    """relu(x) and relu(-x), concatenated."""
    x = call.plain(call.x)
    up = call.add(Activation("relu"), x, link="relu")
    down = call.add(Activation("relu"), call.add(Activation("neg"), x, link="neg"), link="relu of neg")
    return call.add(Concat(len(x.shape) - 1), up, down)


def add_all(call: Call) -> Tensor:
    tensors = call.alike(call.tensors)
    return call.add(Elementwise("add"), *tensors) if len(tensors) > 1 else call.add(Select(), *tensors)


FORMULAS: dict[str, Operator] = {
    **same_rows(Operator(_steps(Activation("log")), KEEPS), "Log2", "Log10"),
    "Exp2": Operator(_steps(Activation("exp")), KEEPS),
    "Cbrt": Operator(_steps(Activation("pow")), KEEPS),
    **same_rows(Operator(_steps(Activation("floor")), KEEPS), "Trunc", "Fix"),
    "Fabs": Operator(_steps(Activation("abs")), KEEPS),
    **same_rows(Operator(_steps(Activation("not")), KEEPS), "BitwiseNot", "BitwiseInvert"),
    "Isnan": Operator(_steps(Stored("compare")), KEEPS, tensorflow="is_nan"),
    "Isinf": Operator(_steps(Stored("compare")), KEEPS, tensorflow="is_inf"),
    **same_rows(Operator(_steps(Stored("compare")), KEEPS), "Isposinf", "Isneginf", "Signbit"),
    "Isfinite": Operator(_steps(Stored("compare")), KEEPS, tensorflow="is_finite"),
    **same_rows(Operator(_steps(Stored("scale")), KEEPS), "Deg2rad", "Rad2deg"),
    "Erfc": Operator(_steps(Activation("erf"), Stored("from")), KEEPS, tensorflow="erfc"),
    "Sinc": Operator(sinc, KEEPS),
    "Mod": Operator(rest, KEEPS, tensorflow="floormod mod"),
    "Fmod": Operator(rest, KEEPS),
    "FloorDivide": Operator(whole_quotient, KEEPS, tensorflow="floordiv floor_div"),
    "DivideNoNan": Operator(safe_quotient, KEEPS, tensorflow="divide_no_nan"),
    "Hypot": Operator(hypotenuse, KEEPS),
    **same_rows(Operator(log_add, KEEPS), "Logaddexp", "Logaddexp2"),
    "SquaredDifference": Operator(squared_difference, KEEPS, tensorflow="squared_difference"),
    "Fmax": Operator(partial(binary, how="maximum"), KEEPS),
    "Fmin": Operator(partial(binary, how="minimum"), KEEPS),
    "Heaviside": Operator(partial(binary, how="compare"), KEEPS),
    **same_rows(Operator(partial(binary, how="logical"), KEEPS), "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
    "Average": Operator(average, NONE),
    "Var": Operator(partial(variance, root=False), NONE, tensorflow="reduce_variance"),
    "Std": Operator(partial(variance, root=True), NONE, tensorflow="reduce_std"),
    "Moments": Operator(moments, NONE, tensorflow="moments"),
    "Nansum": Operator(partial(without_nan, how="sum"), NONE),
    "Nanprod": Operator(partial(without_nan, how="prod"), NONE),
    "Nanmax": Operator(partial(without_nan, how="max"), NONE),
    "Nanmin": Operator(partial(without_nan, how="min"), NONE),
    "NanToNum": Operator(numbers_only, KEEPS),
    "Conv": Operator(
        partial(convolution, depthwise=False), WINDOWED, tensorflow="conv1d conv2d conv3d convolution convolution_v2"
    ),
    "DepthwiseConv": Operator(partial(convolution, depthwise=True), WINDOWED, tensorflow="depthwise_conv2d"),
    "RMSNorm": Operator(rms, KEEPS),
    "BatchNorm": Operator(batch_norm, KEEPS),
    "Logsumexp": Operator(log_sum_exp, NONE, tensorflow="reduce_logsumexp"),
    "Ptp": Operator(span, NONE),
    "CountNonzero": Operator(count_nonzero, NONE, tensorflow="count_nonzero"),
    "Cumsum": Operator(partial(cumulate, how="sum"), KEEPS, tensorflow="cumsum"),
    "Cumprod": Operator(partial(cumulate, how="prod"), KEEPS, tensorflow="cumprod"),
    "Diff": Operator(difference, NONE),
    "RGBToGrayscale": Operator(gray, IMAGES, tensorflow="image.rgb_to_grayscale"),
    "CRelu": Operator(both_signs, KEEPS, tensorflow="crelu"),
    "AddN": Operator(add_all, KEEPS, tensorflow="add_n"),
}
