"""Computes the results of operators on small constants, such as the sizes that a graph computes. Elements are in a
tuple, in row-major order."""

import operator
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from sepcalc.importers.common.moves import MASKS, strided
from sepcalc.importers.common.tensorflow.graph import Call
from sepcalc.importers.common.tensorflow.rows import Numbers


def _quotient(a: Any, b: Any) -> Any:
    return a / b if isinstance(a, float) or isinstance(b, float) else int(a / b)


_OPERATORS = (
    "ADD:add SUB:sub MUL:mul FLOOR_DIV:floordiv FLOOR_MOD:mod EQUAL:eq NOT_EQUAL:ne LESS:lt LESS_EQUAL:le GREATER:gt"
    " GREATER_EQUAL:ge LOGICAL_AND:and_ LOGICAL_OR:or_"
)
_BY_ELEMENT: Mapping[str, Callable[[Any, Any], Any]] = {
    **{name: getattr(operator, how) for name, how in (pair.split(":") for pair in _OPERATORS.split())},
    "DIV": _quotient,
    "MAXIMUM": max,
    "MINIMUM": min,
}
_REDUCED: Mapping[str, Callable[[Any], Any]] = {"SUM": sum, "REDUCE_PROD": prod, "REDUCE_MAX": max, "REDUCE_MIN": min}


def by_element(call: Call) -> Numbers:
    """A binary operator on operands of one length, or on a number and a list."""
    if call.row not in _BY_ELEMENT:
        return None
    a, b = [value.data or () for value in call.given[:2]]
    many = max(len(a), len(b))
    if any(len(one) not in (1, many) for one in (a, b)):
        return None
    pairs = zip(a * many if len(a) == 1 else a, b * many if len(b) == 1 else b)
    return tuple([_BY_ELEMENT[call.row](one, other) for one, other in pairs])


def same_numbers(call: Call) -> Numbers:
    """The numbers of the first operand."""
    return call.given[0].data


def joined(call: Call) -> Numbers:
    """Concatenates operands of at most one axis."""
    if any(len(value.sizes) > 1 for value in call.given):
        return None
    return tuple([number for value in call.given for number in value.data or ()])


def reduced(call: Call) -> Numbers:
    """Reduces a list to one number."""
    (data, *_) = [value.data for value in call.given]
    if len(call.given[0].sizes) > 1 or not data or call.row not in _REDUCED:
        return None
    return (_REDUCED[call.row](data),)


def taken(call: Call) -> Numbers:
    """Elements of a list, by a slice or by indices."""
    data, *rest = [value.data or () for value in call.given]
    if len(call.given[0].sizes) != 1:
        return None
    if call.row == "GATHER":
        return tuple([data[int(at)] for at in rest[0]])
    if call.row == "SLICE":
        start, size = int(rest[0][0]), int(rest[1][0])
        return data[start:] if size < 0 else data[start : start + size]
    masks = {what: call.whole(f"{what}_mask", 0) for what in MASKS}
    begin, end, step = [tuple(map(int, one)) for one in rest[:3]]
    (part, *_), _ = strided((len(data),), begin, end, step, masks)
    return tuple([data[at] for at in part])


def cut(call: Call) -> list[Numbers]:
    """The parts of a list; none if there are more axes."""
    at = {"SPLIT": 1}.get(call.row, 0)
    data, many = call.given[at].data or (), len(call.outputs)
    if len(call.given[at].sizes) != 1:
        return []
    each = [len(data) // max(1, many)] * many
    sizes = [int(size) for size in call.given[1].data or ()] if call.row == "SPLIT_V" else each
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = len(data) - sum(size for size in sizes if size > 0)
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    return [data[end - size : end] for end, size in zip(ends, sizes)]


def ranged(call: Call) -> Numbers:
    """The numbers of a range, up to 1,024."""
    start, end, step = [value.data[0] for value in call.given if value.data]
    count = max(0, int(-((start - end) // step)))
    return tuple([start + at * step for at in range(count)]) if count <= 1024 else None


def repeated(call: Call) -> Numbers:
    """One number repeated to a shape, up to 1,024 times."""
    sizes, value = [one.data or () for one in call.given[:2]]
    count = prod(int(size) for size in sizes)
    return value * count if len(value) == 1 and count <= 1024 else None
