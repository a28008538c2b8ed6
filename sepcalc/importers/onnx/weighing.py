"""Decides which stored tensors that an operator reads are weights, and which of them are contained in a constant."""

from collections.abc import Callable
from math import prod

from sepcalc.importers.onnx.arithmetic import trained
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Value
from sepcalc.shape import Shape


def note_scales(builder: Builder, row: Operator, call: Call) -> None:
    """Records which stored tensors are scales or zero points (an operator's own, and factors of integer sums), and
    which are quantized elements."""
    unscaled = call.type == "Mul" and any(value is not None and value.unscaled for value in call.inputs)
    for at, value in enumerate(call.inputs):
        if value is None or not value.constant:
            continue
        if unscaled or at in row.scales:
            builder.scales.update(value.roots)
        elif call.type == "DequantizeLinear":
            builder.quantized.update(value.roots)


def weights_of(builder: Builder, row: Operator, call: Call) -> list[Value]:
    """The stored inputs of an operator that are weights, not settings, masks or zero initial states."""
    found = []
    flat = [(at, one) for at, value in enumerate(call.inputs) if value for one in value.items or (value,)]
    for at, value in flat:
        if not value.constant or value.shape is None:
            continue
        if at in row.scales:
            found.append(value._replace(roots=_scales(builder, value)))
            continue
        if at in row.settings or at in row.like:
            continue
        shut = at == row.mask and prod(value.sizes[:-2]) == 1
        zeros = at in row.states and value.data is not None and not any(value.data.numbers)
        if zeros or (shut and not any("." in root for root in value.roots)):
            continue
        counted = row.handle is not None  # an uncounted operator may use a table in any way
        found.append(trained(builder, value if counted else value._replace(angles=frozenset())))
    return [value for value in found if value.roots]


def _scales(builder: Builder, value: Value) -> tuple[str, ...]:
    """The part of a scale or zero point that counts: of floating type with more than one number."""
    return tuple([root for root in value.roots if builder.is_scale(root) and builder.is_weight(root)])


def made_from(
    builder: Builder, row: Operator, call: Call
) -> tuple[tuple[str, ...], Callable[[Shape | None], dict[str, int]]]:
    """The stored tensors that a constant is made from, and a function from its shape to the number of elements of each
    tensor that it only partly contains. Only a selection drops elements; every other operator uses them all."""
    if row.table and _spread(builder, call.input(0)):
        return (), lambda shape: {}
    roots: dict[str, None] = {}
    most: dict[str, int] = {}
    for at, value in enumerate(call.inputs):
        if value is None:
            continue
        if at in row.scales:
            weights = _scales(builder, value)
        elif at in row.settings or at in row.like:
            continue
        else:
            weights = value.roots if at == 0 else tuple(filter(builder.is_weight, value.roots))
        for root in weights:
            whole = builder.stored[root][0]
            most[root] = min(
                whole, value.some.get(root, whole) + most.get(root, 0)
            )  # the sum of both parts, unless they are the whole
            roots[root] = None

    def some(shape: Shape | None) -> dict[str, int]:
        bound = prod(shape) if shape is not None and row.takes else None
        found = {root: elements if bound is None else min(elements, bound) for root, elements in most.items()}
        return {root: elements for root, elements in found.items() if elements < builder.stored[root][0]}

    return tuple(roots), some


def _spread(builder: Builder, value: Value) -> bool:
    """Whether a constant has more elements than the weights that it is made from, as angles do (each frequency at each
    position). An elementwise function of a weight has no more."""
    held = sum(value.some.get(root, builder.stored[root][0]) for root in value.roots if builder.is_weight(root))
    return value.shape is None or prod(value.shape) > held
