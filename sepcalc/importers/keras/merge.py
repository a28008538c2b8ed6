"""Layers with several inputs."""

from functools import partial

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import KEEPS, NONE
from sepcalc.importers.keras.activation import unit
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.elementwise import Elementwise, Stored
from sepcalc.ops.move import Concat
from sepcalc.ops.product import Einsum


def merge(call: Call, how: str, link: str = "") -> Tensor:
    tensors = call.alike(call.tensors)
    if len(tensors) < 2:
        raise Invalid("it needs two inputs or more")
    return call.add(Elementwise(how), *tensors, link=link)


def average(call: Call) -> Tensor:
    return call.add(Stored("scale"), merge(call, "add", "sum"))


def concatenate(call: Call) -> Tensor:
    return concat(call, call.settings.axis("axis", len(call.x.shape) + 1))


def concat(call: Call, axis: int) -> Tensor:
    """Concatenates along an axis of Keras' shape."""
    tensors = call.alike(call.tensors)
    rank = len(tensors[0].shape)
    own = (axis - 1) % rank if tensors[0].channels_first else axis
    return call.add(Concat(own), *tensors)


def dot(call: Call) -> Tensor:
    """The product of two tensors over one axis of each; if normalized, of unit vectors along it."""
    if len(call.tensors) != 2:
        raise Invalid("it needs two inputs")
    left, right = [call.plain(tensor) for tensor in call.tensors]
    axes = call.settings.get("axes")
    both = list(axes) if isinstance(axes, list | tuple) else [axes, axes]
    if len(both) != 2:
        raise Invalid("axes must be one axis, or one of each input")
    pair = []
    for tensor, axis in zip((left, right), both):
        rank = len(tensor.shape) + 1
        if isinstance(axis, bool) or not isinstance(axis, int) or not -rank <= axis < rank or axis % rank == 0:
            raise Invalid("axes must be axes of the inputs other than the batch")
        pair.append(axis % rank - 1)
    if call.settings.flag("normalize", False):
        left, right = unit(call, left, (pair[0],), "left"), unit(call, right, (pair[1],), "right")
    letters = "abcdefghijklmnopqrstuvwy"
    if len(left.shape) + len(right.shape) > len(letters):
        raise Invalid("the inputs have too many axes")
    first = list(letters[: len(left.shape)])
    second = list(letters[len(first) : len(first) + len(right.shape)])
    first[pair[0]] = second[pair[1]] = "z"
    output = "".join(c for c in first + second if c != "z")
    return call.add(Einsum(f"{''.join(first)},{''.join(second)}->{output}"), left, right)


LAYERS: dict[str, Operator] = {
    "Add": Operator(partial(merge, how="add"), KEEPS),
    "Subtract": Operator(partial(merge, how="subtract"), KEEPS),
    "Multiply": Operator(partial(merge, how="multiply"), KEEPS),
    "Maximum": Operator(partial(merge, how="maximum"), KEEPS),
    "Minimum": Operator(partial(merge, how="minimum"), KEEPS),
    "Average": Operator(average, KEEPS),
    "Concatenate": Operator(concatenate, KEEPS),
    "Dot": Operator(dot, NONE),
}
