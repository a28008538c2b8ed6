"""Where the examples of a batch are: which operators keep them apart, and where they lie in the results."""

from collections.abc import Sequence

from sepcalc.importers.common.layout import SEQUENCES
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Value

CONTROL = ("If", "Loop", "Scan")


def keeps_apart(row: Operator, call: Call) -> bool:
    """Whether an operator is known to work on each example separately."""
    given = [value for value in call.inputs if value is not None and value.batch is not None]
    if row.axis is not None and given:
        return call.whole("axis", row.axis) % len(given[0].sizes) != given[0].batch
    if row.layout is SEQUENCES and given:
        return given[0].batch == (0 if call.whole("layout", 0) else 1)
    return row.apart or not (given or call.type in CONTROL)


def as_they_lay(call: Call, results: Sequence[Value]) -> Sequence[Value]:
    """The results, with the examples at the same place within their axis as in an operand whose axis has the same
    size."""
    apart = {
        value.sizes[value.batch]: value.outer
        for value in call.inputs
        if value is not None and value.batch is not None and value.outer > 1
    }
    if not apart:
        return results
    return [
        value._replace(outer=apart[value.sizes[value.batch]])
        if value.batch is not None and value.outer == 1 and value.sizes[value.batch] in apart
        else value
        for value in results
    ]
