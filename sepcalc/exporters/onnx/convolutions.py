"""Convolutions, transposed convolutions and folds. Channels come first."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from sepcalc.exporters.onnx.graph import Array, Call, Handler, Tensor
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Fold, Transposed
from sepcalc.shape import Pads


def ends(pads: Pads) -> list[int]:
    """Padding as ONNX has it: that before each axis, then that behind each axis."""
    return [*[before for before, _ in pads], *[after for _, after in pads]]


def window(op: Any, pads: Pads) -> dict[str, Sequence[int]]:
    """The attributes of a window."""
    return {"kernel_shape": op.kernel, "strides": op.stride, "dilations": op.dilation, "pads": ends(pads)}


def _conv(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    each = shape[-1] // op.groups
    kernel = op.kernel or (1,)

    def arrange(array: Array) -> Array:
        return np.moveaxis(array.reshape(op.out, *kernel, each), -1, 1)

    weights = [call.stored("kernel", (op.out, prod(op.kernel) * each), arrange)]
    weights += [call.stored("bias", (op.out,))] if op.bias else []
    if not op.kernel:  # a vector is one position
        found = call.add("Conv", call.reshaped(call.first(), (shape[-1], 1)), *weights, group=op.groups)
        return call.result(call.reshaped(found, (op.out,)))
    found = call.add("Conv", call.first(), *weights, group=op.groups, **window(op, op.pads(shape)))
    return call.result(found, True)


def _transposed(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    groups, each = op.groups, shape[-1] // op.groups
    kernel = op.kernel or (1,)

    def arrange(array: Array) -> Array:
        taps = array.reshape(prod(op.kernel), groups, op.out // groups, each)
        return taps.transpose(1, 3, 2, 0).reshape(shape[-1], op.out // groups, *kernel)

    crops, extra = op.crops()
    weights = [call.stored("kernel", (prod(op.kernel) * op.out, each), arrange)]
    weights += [call.stored("bias", (op.out,))] if op.bias else []
    if not op.kernel:  # a vector is one position
        found = call.add("ConvTranspose", call.reshaped(call.first(), (shape[-1], 1)), *weights, group=groups)
        return call.result(call.reshaped(found, (op.out,)))
    more = {"group": groups, "output_padding": extra}
    return call.result(call.add("ConvTranspose", call.first(), *weights, **more, **window(op, crops)), True)


def _fold(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    call.needs(18)
    columns = call.reshaped(call.first(), (shape[-1], prod(shape[:-1])))
    settings = {"strides": op.stride, "dilations": op.dilation, "pads": ends(op.padding)}
    return call.result(call.add("Col2Im", columns, call.sizes(op.to), call.sizes(op.kernel), **settings), True)


CONVOLUTIONS: dict[type[Op], Handler] = {Conv: _conv, Transposed: _transposed, Fold: _fold}
