"""Products by Einstein's convention."""

from sepcalc.importers.common.layout import NONE
from sepcalc.importers.common.products import sizes_of, spelled
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused
from sepcalc.importers.common.tensorflow.layers import contracted
from sepcalc.importers.common.tensorflow.moves import renamed
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.importers.common.tensorflow.sums import reduction
from sepcalc.ops.product import Einsum


def _einsum(builder: Builder, call: Call) -> Results:
    """einsum: matmul; with a stored operand, dense; of one operand, a sum over axes"""
    values = call.given
    parts, out = spelled(call.text("equation", ""), [len(value.sizes) for value in values])
    if any(len(set(part)) != len(part) for part in parts) or len(parts) > 2:
        raise Refused(f"the equation {call.text('equation', '')} is not supported")
    if len(parts) == 1:
        (value,), (part,) = values, parts
        gone = {at for at, letter in enumerate(part) if letter not in out}
        value = reduction(builder, value, "sum", gone, False) if gone else value
        sizes = dict(zip(part, call.input(0).sizes))
        return (renamed(builder, value, tuple([sizes[letter] for letter in out])),)
    first, second = map(set, parts)
    if not (first & second) - {*out} or (first ^ second) - {*out}:
        numbers = [builder.view(builder.standing(value).number, value.sizes or (1,)) for value in values]
        shape = tuple([sizes_of(parts, [value.sizes for value in values])[letter] for letter in out])
        return (builder.give(builder.add(Einsum(f"{','.join(parts)}->{out}"), numbers), shape),)
    if values[0].constant and values[1].constant:
        values[0] = builder.standing(values[0])
    return (contracted(builder, (values[0], parts[0]), (values[1], parts[1]), out),)


EINSUMS: dict[str, Operator] = {"EINSUM": Operator(_einsum, NONE, multiplies=True)}
