"""Pools, reductions over axes, and resampling."""

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.convolutions import window
from sepcalc.exporters.onnx.graph import FLOAT, Call, Handler, Tensor
from sepcalc.ops.base import Op
from sepcalc.ops.pool import AdaptivePool, Cumulate, GridSample, Pool, Reduce, Upsample


def _pool(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    if op.how == "sum":
        raise Invalid("ONNX has no pool that sums")
    average = op.how == "avg"
    if average and max(op.dilation) > 1:
        call.needs(19)
    settings = window(op, op.pads(shape))
    if average and call.graph.opset < 19:
        del settings["dilations"]
    included = {"count_include_pad": not op.exclude_pad} if average else {}
    kind = "AveragePool" if average else "MaxPool"
    return call.result(call.add(kind, call.real(0, True), ceil_mode=op.ceil, **included, **settings), True)


def _adaptive(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    average = op.how == "avg"
    if max(op.to) == 1:
        return call.result(call.add("GlobalAveragePool" if average else "GlobalMaxPool", call.real(0, True)), True)
    if any(size % to for size, to in zip(shape, op.to)):
        raise Invalid("ONNX has no pool whose windows differ in size")
    steps = [size // to for size, to in zip(shape, op.to)]
    kind = "AveragePool" if average else "MaxPool"
    return call.result(call.add(kind, call.real(0, True), kernel_shape=steps, strides=steps), True)


_REDUCTIONS = {"mean": "ReduceMean", "sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}


def _reduce(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    rank = len(given.shape)
    spatial = op.axes == tuple(range(rank - 1)) and rank > 1
    if spatial and op.how in ("mean", "max"):
        found = call.add("GlobalAveragePool" if op.how == "mean" else "GlobalMaxPool", call.real(0, True))
        return call.result(found if op.keep else call.reshaped(found, call.output), op.keep)
    if op.how in ("argmax", "argmin"):  # what is left keeps the order of its axes: channels last
        name, axis = call.real(0, False), op.axes[0] + 1
        if len(op.axes) > 1:
            if not spatial:
                raise Invalid(f"ONNX finds the position of the {op.how[3:]}imum along one axis")
            name, axis = call.reshaped(name, (-1, given.shape[-1])), 1
        kind = "ArgMax" if op.how == "argmax" else "ArgMin"
        name = call.add("Cast", call.add(kind, name, axis=axis, keepdims=0), to=FLOAT)
        return call.result(call.reshaped(name, call.output))
    first = given.first and rank > 1
    name = call.real(0, first)
    axes = sorted(call.axis(axis, first) for axis in op.axes)
    name = reduced(call, _REDUCTIONS[op.how], name, axes, op.keep or rank == len(op.axes))
    if rank == len(op.axes) and not op.keep:
        return call.result(call.reshaped(name, (1,)))
    return call.result(name, first and (op.keep or rank - 1 not in op.axes))


def reduced(call: Call, kind: str, name: str, axes: list[int], keep: bool = True) -> str:
    """A reduction over axes of the file; opset 18 made the axes an input of all reductions, 13 of the sum."""
    if kind == "ReduceSum" or call.graph.opset >= 18:
        return call.add(kind, name, call.sizes(axes), keepdims=keep)
    return call.add(kind, name, axes=axes, keepdims=keep)


def _cumulate(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    if op.how != "sum":
        raise Invalid(f"ONNX has no running {op.how}")
    axis = call.axis(op.axis, given.first)
    return call.result(call.add("CumSum", call.real(0, given.first), call.sizes([axis])), given.first)


_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def _upsample(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    settings: dict[str, object] = {"mode": _MODES[op.how]}
    if op.how == "nearest":
        settings |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        settings |= {"coordinate_transformation_mode": "half_pixel"}
    if any(to % size for size, to in zip(shape, op.to)):
        call.needs(18)
    if call.graph.opset >= 18:  # only the named axes, so that the batch stays open
        settings["axes"] = [at + 2 for at in range(len(op.to))]
        return call.result(call.add("Resize", call.real(0, True), "", "", call.sizes(op.to), **settings), True)
    scales = call.floats([1, 1, *[to // size for size, to in zip(shape, op.to)]])
    return call.result(call.add("Resize", call.real(0, True), "", scales, **settings), True)


def _grid_sample(call: Call) -> Tensor:
    op = call.op
    if op.stored:
        raise Invalid("the stored grid is not known")
    axes = len(call.shapes[0]) - 1
    if axes == 1:
        raise Invalid("ONNX samples images and volumes, no sequences")
    if axes == 3:
        call.needs(20)
    renamed = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic", "nearest": "nearest"}
    mode = renamed[op.how] if call.graph.opset >= 20 else op.how
    if len(call.shapes[1]) != axes + 1:
        raise Invalid("ONNX takes as many axes of positions as the image has")
    name = call.add("GridSample", call.real(0, True), call.real(1, False), mode=mode, align_corners=op.align_corners)
    return call.result(name, True)


POOLS: dict[type[Op], Handler] = {
    Pool: _pool,
    AdaptivePool: _adaptive,
    Reduce: _reduce,
    Cumulate: _cumulate,
    Upsample: _upsample,
    GridSample: _grid_sample,
}
