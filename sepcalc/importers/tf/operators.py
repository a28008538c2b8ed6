"""The operators of TensorFlow: what is known of each by its name."""

from collections.abc import Sequence
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Attributes
from sepcalc.importers.common.layout import NONE
from sepcalc.importers.common.tensorflow.graph import Value
from sepcalc.importers.common.tensorflow.names import ROWS, SAME, Same
from sepcalc.importers.common.tensorflow.rows import Operator
from sepcalc.importers.common.tensorflow.uncounted import UNCOUNTED
from sepcalc.importers.tf.layers import LAYERS
from sepcalc.importers.tf.model import Node
from sepcalc.importers.tf.own import OWN

OPERATORS: dict[str, Operator] = {
    **{name: ROWS[one.row] for name, one in SAME.items()},
    **LAYERS,
    **OWN,
    **UNCOUNTED,
}
UNKNOWN = Operator(None, NONE, "no count is known for this operator")


class _Options(Attributes):
    """The options of a row, from the attributes of a node."""

    def __init__(self, node: Node, same: Same, axis: int | None) -> None:
        self.node, self.same, self.along = node, same, axis

    def get(self, *keys: str) -> Any:
        if keys[0] == "axis" and self.along is not None:
            return self.along
        if keys[0] in self.same.fixed:
            return self.same.fixed[keys[0]]
        return self.node.attrs.get(*[self.same.renamed.get(key, key) for key in keys])


def given_of(node: Node, inputs: Sequence[Value]) -> tuple[Operator, str, Sequence[Value], Attributes]:
    """What a row is given of a node: the row, its name, the inputs and the options. Raises Invalid."""
    row, same = OPERATORS.get(node.op, UNKNOWN), SAME.get(node.op)
    if same is None or node.op in OWN:
        return row, same.row if same else node.op, inputs, node.attrs
    axis = None
    if same.axis is not None:
        if not inputs or (same.axis > 0 and same.axis >= len(inputs)):
            raise Invalid(f"{node.op} lacks the axis")
        (said, *_) = inputs[same.axis].data or (None,)
        at = same.axis % len(inputs)
        inputs = [value for place, value in enumerate(inputs) if place != at]
        if said is None:
            return UNKNOWN._replace(reason="the axis is not in the file"), same.row, inputs, node.attrs
        axis = int(said)
    return row, same.row, inputs, _Options(node, same, axis)
