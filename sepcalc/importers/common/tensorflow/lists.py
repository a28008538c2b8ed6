"""Lists of tensors, with which loops read their steps and collect what these give: TensorList and TensorArray."""

from math import prod
from typing import Any, NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.common.tensorflow.graph import INT32, NOTHING, Builder, Call, Refused, Value, seen
from sepcalc.importers.common.tensorflow.moves import renamed, sliced
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.ops.move import Copy
from sepcalc.shape import Shape

# Of each kind: the input that has the list, the index and the element.
_LIST, _ARRAY = {"list": 0, "at": 1, "item": 2}, {"list": -1, "at": 1, "item": 2}


class Items(NamedTuple):
    """What is in a list: how many tensors, the last that was put in, or the tensor that they were cut out of, and the
    shape that each has (None: not known)."""

    length: int
    last: Value | None = None
    whole: Value | None = None
    shape: Shape | None = None


def _places(call: Call) -> dict[str, int]:
    return _ARRAY if call.type.startswith("TensorArray") else _LIST


def _items(call: Call) -> Items:
    found = call.input(_places(call)["list"] % len(call.inputs)).items
    if not isinstance(found, Items):
        raise Refused("what is in its list is not known")
    return found


def _list(builder: Builder, call: Call, items: Items) -> Value:
    return Value((), NOTHING, items=items)


def _said(value: Any) -> Shape | None:
    """A shape of the file or of an input; None where some of it is open."""
    if isinstance(value, Value):
        sizes = tuple(map(int, value.data)) if value.data is not None and len(value.sizes) == 1 else (-1,)
    else:
        dims = getattr(value, "dim", None)
        sizes = (-1,) if dims is None or value.unknown_rank else tuple([one.size for one in dims])
    return sizes if min(sizes, default=0) >= 0 else None


def _number(value: Value, default: int) -> int:
    return int(value.data[0]) if value.data else default


def _reserve(builder: Builder, call: Call) -> Results:
    """free: an empty list"""
    if call.type.startswith("TensorArray"):
        made = _list(builder, call, Items(_number(call.input(0), 0), shape=_said(call.get("element_shape"))))
        return (made, made)
    count = 0 if call.type == "EmptyTensorList" else _number(call.input(1), 0)
    return (_list(builder, call, Items(count, shape=_said(call.input(0)))),)


def _from_tensor(builder: Builder, call: Call) -> Results:
    """free: a tensor as a list"""
    whole = call.input(2) if call.type.startswith("TensorArray") else call.input(0)
    if not whole.sizes:
        raise Invalid("one number is no list")
    return (_list(builder, call, Items(whole.sizes[0], whole=whole, shape=whole.sizes[1:])),)


def _get(builder: Builder, call: Call) -> Results:
    """slice of the tensor that the list was made of"""
    items = _items(call)
    shape = items.last.sizes if items.last is not None else items.shape
    popped = [call.input(0)] if call.type == "TensorListPopBack" else []
    if items.whole is None or items.last is not None:
        if shape is None:
            raise Refused("the shape of what is in its list is not known")
        return (*popped, items.last or Value(shape, NOTHING))
    whole, at = items.whole, _number(call.input(_places(call)["at"]), 0)
    if not 0 <= at < max(1, whole.sizes[0]):
        raise Invalid(f"a list of {whole.sizes[0]} has no place {at}")
    if whole.constant:
        count = prod(whole.sizes[1:])
        roots = tuple([(root, min(most, count)) for root, most in whole.roots])
        return (*popped, whole._replace(shape=whole.sizes[1:], data=None, roots=roots))
    rest = len(whole.sizes) - 1
    one = sliced(builder, whole, (at, *(0,) * rest), (1, *whole.sizes[1:]), (1,) * (rest + 1), "step")
    return (*popped, renamed(builder, one, whole.sizes[1:]))


def _set(builder: Builder, call: Call) -> Results:
    """free: a tensor put into a list"""
    items, back = _items(call), call.type == "TensorListPushBack"
    value = call.input(1 if back else 2)
    known = items.length + 1 if back else max(items.length, _number(call.input(1), 0) + 1)
    return (_list(builder, call, items._replace(length=known, last=value, whole=None)),)


def _stack(builder: Builder, call: Call) -> Results:
    """copy of what was put into a list; the tensor itself that it was made of"""
    items = _items(call)
    if items.whole is not None and items.last is None:
        return (items.whole,)
    shape = items.last.sizes if items.last is not None else items.shape
    if shape is None:
        raise Refused("the shape of what is in its list is not known")
    joined = call.type.startswith(("TensorArrayConcat", "TensorListConcat"))
    to = (items.length * shape[0], *shape[1:]) if joined and shape else (items.length, *shape)
    if items.last is None or items.last.constant:
        return (Value(to, NOTHING, roots=items.last.roots if items.last is not None else ()),)
    return (builder.give(builder.add(Copy(seen(to)), [items.last.number], label="steps"), to),)


def _length(builder: Builder, call: Call) -> Results:
    """free: a number"""
    return (Value((), INT32, data=(_items(call).length,)),)


def _same(builder: Builder, call: Call) -> Results:
    """free: the same list"""
    return (call.input(0),)


LISTS: dict[str, Operator] = {
    **same_rows(
        Operator(_reserve, NONE, live=True), "TensorListReserve", "EmptyTensorList", "TensorArrayV3", "TensorArrayV2"
    ),
    **same_rows(
        Operator(_from_tensor, NONE, live=True),
        *("TensorListFromTensor", "TensorArrayScatterV3", "TensorArrayUnpackV3", "TensorArrayScatterV2"),
    ),
    **same_rows(
        Operator(_get, NONE, live=True),
        *("TensorListGetItem", "TensorListPopBack", "TensorArrayReadV3", "TensorArrayReadV2"),
    ),
    **same_rows(
        Operator(_set, NONE, live=True),
        *("TensorListSetItem", "TensorListPushBack", "TensorArrayWriteV3", "TensorArrayWriteV2"),
    ),
    **same_rows(
        Operator(_stack, NONE, live=True),
        *("TensorListStack", "TensorListGather", "TensorListConcatV2", "TensorArrayGatherV3", "TensorArrayGatherV2"),
        *("TensorArrayConcatV3", "TensorArrayPackV3"),
    ),
    **same_rows(Operator(_length, NONE, live=True), "TensorListLength", "TensorArraySizeV3", "TensorArraySizeV2"),
    **same_rows(Operator(_same, NONE, live=True), "TensorListResize"),
}
