"""Constants that a graph computes for itself: shapes, indices, bounds. Only small ones; large ones keep their shape."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from sepcalc.importers.onnx.graph import Call, Value

SMALL = 16_384  # elements

_TYPES: dict[int, Any] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64,
    9: np.bool_, 10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64, 16: np.float32,
}  # fmt: skip
_KINDS = {np.dtype(kind): number for number, kind in _TYPES.items() if number != 16}


def known(data: Any, roots: tuple[str, ...] = (), name: str = "") -> Value:
    """A constant whose elements are known."""
    return Value(data.shape, _KINDS.get(data.dtype, 1), data, roots=roots, name=name)


def _axes(call: Call, at: int = 1) -> tuple[int, ...] | None:
    given = call.maybe(at)
    if given is not None and given.data is not None:
        return tuple(int(axis) for axis in given.data.reshape(-1))
    return call.ints("axes")


def _unsqueeze(call: Call, x: Any, *_: Any) -> Any:
    axes = _axes(call) or ()
    rank = x.ndim + len(axes)
    return np.expand_dims(x, tuple(axis % rank for axis in axes))


def _squeeze(call: Call, x: Any, *_: Any) -> Any:
    return np.squeeze(x, _axes(call))


def _slice(call: Call, x: Any, *rest: Any) -> Any:
    if rest:
        starts, ends = rest[0].reshape(-1), rest[1].reshape(-1)
        axes = rest[2].reshape(-1) if len(rest) > 2 and rest[2] is not None else range(len(starts))
        steps = rest[3].reshape(-1) if len(rest) > 3 and rest[3] is not None else [1] * len(starts)
    else:
        starts, ends = call.ints("starts") or (), call.ints("ends") or ()
        axes, steps = call.ints("axes") or range(len(starts)), [1] * len(starts)
    places = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size, step = x.shape[int(axis)], int(step)
        low, high = int(start), int(end)
        if step < 0 and high < -size:
            places[int(axis)] = slice(low, None, step)
        else:
            places[int(axis)] = slice(low, high, step)
    return x[tuple(places)]


def _reshape(call: Call, x: Any, *rest: Any) -> Any:
    target = [int(size) for size in (rest[0].reshape(-1) if rest else call.ints("shape") or ())]
    if not call.whole("allowzero", 0):
        target = [x.shape[at] if size == 0 else size for at, size in enumerate(target)]
    return x.reshape(target)


def _division(call: Call, a: Any, b: Any) -> Any:
    if np.issubdtype(a.dtype, np.integer):
        return np.floor_divide(np.abs(a), np.abs(b)) * np.sign(a) * np.sign(b)  # towards zero
    return a / b


def _reduce(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(call: Call, x: Any, *_: Any) -> Any:
        axes = _axes(call)
        if not axes:
            axes = None
        return np.asarray(ufunc(x, axis=axes, keepdims=bool(call.whole("keepdims", 1)))).astype(x.dtype)

    return evaluate


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, *arrays: function(*arrays)


def _cast(call: Call, x: Any, *_: Any) -> Any:
    return x.astype(_TYPES[call.whole("to", 1)])


def _concat(call: Call, *arrays: Any) -> Any:
    return np.concatenate(arrays, axis=call.whole("axis", 0))


def _filled(call: Call, shape: Any) -> Any:
    value = call.attributes.get("value", np.zeros(1, np.float32))
    return np.full([int(size) for size in shape], value.reshape(-1)[0], value.dtype)


def _scatter(call: Call, data: Any, indices: Any, updates: Any) -> Any:
    if call.text("reduction", "none") != "none":
        raise KeyError
    result = data.copy()
    for at in np.ndindex(indices.shape[:-1]):
        result[tuple(indices[at])] = updates[at]
    return result


EVALUATORS: dict[str, Callable[..., Any]] = {
    "Identity": lambda call, x, *_: x,
    "Dropout": lambda call, x, *_: x,
    "Cast": _cast,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": lambda call, x: np.transpose(x, call.ints("perm")),
    "Flatten": lambda call, x: x.reshape(prod(x.shape[: call.whole("axis", 1)]), -1),
    "Slice": _slice,
    "Gather": lambda call, x, at: np.take(x, at, axis=call.whole("axis", 0)),
    "Concat": _concat,
    "Range": lambda call, start, end, step: np.arange(start.item(), end.item(), step.item()).astype(start.dtype),
    "ConstantOfShape": _filled,
    "Expand": lambda call, x, shape: x * np.ones([int(size) for size in shape], x.dtype),
    "Tile": lambda call, x, times: np.tile(x, [int(count) for count in times]),
    "ScatterND": _scatter,
    "Where": _plain(np.where),
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": _division,
    "Mod": lambda call, a, b: np.fmod(a, b) if call.whole("fmod", 0) else np.mod(a, b),
    "Pow": lambda call, a, b: np.power(a.astype(np.float64), b).astype(a.dtype),
    "Max": lambda call, first, *rest: np.max(np.broadcast_arrays(first, *rest), axis=0),
    "Min": lambda call, first, *rest: np.min(np.broadcast_arrays(first, *rest), axis=0),
    "Neg": _plain(np.negative),
    "Abs": _plain(np.abs),
    "Sign": _plain(np.sign),
    "Floor": _plain(np.floor),
    "Ceil": _plain(np.ceil),
    "Round": _plain(np.rint),
    "Sqrt": _plain(np.sqrt),
    "Exp": _plain(np.exp),
    "Log": _plain(np.log),
    "Reciprocal": _plain(np.reciprocal),
    "Equal": _plain(np.equal),
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "And": _plain(np.logical_and),
    "Or": _plain(np.logical_or),
    "Xor": _plain(np.logical_xor),
    "Not": _plain(np.logical_not),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
}
_GROWING = ("Range", "ConstantOfShape", "Expand", "Tile")


def evaluate(call: Call) -> Any:
    """The elements of a constant's only output, where they are few and everything it is made from is known; None
    otherwise."""
    evaluator = EVALUATORS.get(call.type)
    if evaluator is None or any(value is not None and value.data is None for value in call.inputs):
        return None
    arrays = [None if value is None else value.data for value in call.inputs]
    try:
        if call.type in _GROWING and _grown(call.type, arrays) > SMALL:
            return None
        with np.errstate(all="ignore"):
            result = np.asarray(evaluator(call, *arrays))
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError, MemoryError):
        return None
    return result if result.size <= SMALL and result.dtype.kind in "biuf" else None


def _grown(operator: str, arrays: list[Any]) -> float:
    """Elements that the result will have."""
    if operator == "Range":
        start, end, step = [float(array.item()) for array in arrays]
        return abs((end - start) / step) if step else SMALL + 1
    if operator == "ConstantOfShape":
        return float(prod(int(size) for size in arrays[0].reshape(-1)))
    if operator == "Tile":
        return float(arrays[0].size * prod(int(size) for size in arrays[1].reshape(-1)))
    return float(max(arrays[0].size, 1) * prod(max(1, int(size)) for size in arrays[1].reshape(-1)))
