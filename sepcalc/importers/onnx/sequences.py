"""Lists of tensors, which older exporters produce for a split. They cost nothing."""

from collections.abc import Callable

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.constants import known
from sepcalc.importers.onnx.tensors import of_numbers
from sepcalc.importers.onnx.values import Call, Refused, Results, Value

Made = Callable[[Call], Results]


def sequence(call: Call, made: Made) -> Results:
    """The results of an operator on lists; ``made`` gives the results of an operator on tensors."""
    items = list(call.inputs[0].items or ()) if call.inputs and call.inputs[0] is not None else []
    match call.type:
        case "SequenceEmpty":
            items = []
        case "SequenceConstruct":
            items = [value for value in call.inputs if value is not None]
        case "SequenceInsert":
            at = _position(call, 2, len(items) + 1) if call.maybe(2) is not None else len(items)
            items.insert(at, call.input(1))
        case "SequenceErase":
            del items[_position(call, 1, len(items)) if call.maybe(1) is not None else -1]
        case "SequenceAt":
            return (items[_position(call, 1, len(items))],)
        case "SequenceLength":
            return (known(of_numbers(7, (len(items),), ())),)
        case "ConcatFromSequence":
            if call.whole("new_axis", 0):
                raise Refused("a sequence stacked along a new axis is not supported")
            return made(call._replace(type="Concat", inputs=tuple(items)))
        case "SplitToSequence":
            items = _split_up(call, made)
    if len(items) > 10_000:
        raise Invalid(f"a sequence of {len(items):,} tensors: at most 10,000 are read")
    return (Value(None, items=tuple(items)),)


def _position(call: Call, at: int, count: int) -> int:
    (place,) = call.input(at).numbers("an index into a sequence is computed from the data", 1)
    if not -count <= place < count:
        raise Invalid(f"index {place} is outside a sequence of {count}")
    return place % count


def _split_up(call: Call, made: Made) -> list[Value]:
    value, sizes = call.input(0), call.maybe(1)
    axis = call.axis_of(value, 0)
    whole = value.sizes[axis]
    if sizes is not None and sizes.data is None:
        raise Refused("the parts are computed from the data")
    if sizes is not None and sizes.sizes:
        parts = [int(part) for part in sizes.data.numbers]
    else:
        each = 1 if sizes is None else int(sizes.data.numbers[0])
        if each < 1:
            raise Invalid(f"parts of size {each}")
        parts = [min(each, whole - at) for at in range(0, whole, each)]
    outputs = tuple([f"{call.outputs[0]}/{at}" for at in range(len(parts))])
    split = call._replace(
        type="Split", outputs=outputs, inputs=(value,), opset=11, attributes={"axis": axis, "split": tuple(parts)}
    )
    pieces = list(made(split))
    if sizes is None and not call.whole("keepdims", 1):
        squeezed = split._replace(type="Squeeze", opset=13, attributes={})
        for at, piece in enumerate(pieces):
            one = squeezed._replace(inputs=(piece, known(of_numbers(7, (axis,)))), outputs=(outputs[at],))
            pieces[at] = made(one)[0]
    return pieces
