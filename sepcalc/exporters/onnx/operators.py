"""The table of all ops: how each is written."""

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.convolutions import CONVOLUTIONS
from sepcalc.exporters.onnx.elementwise import ELEMENTWISE
from sepcalc.exporters.onnx.graph import Call, Handler, Tensor
from sepcalc.exporters.onnx.moves import MOVES
from sepcalc.exporters.onnx.norms import NORMS
from sepcalc.exporters.onnx.pools import POOLS
from sepcalc.exporters.onnx.products import PRODUCTS
from sepcalc.exporters.onnx.recurrent import RECURRENT
from sepcalc.ops.base import Op
from sepcalc.ops.repeat import Each, Scan


def _each(call: Call) -> Tensor:
    """The slices of the first axis become examples."""
    times = call.output[0]
    inputs = []
    for one in call.inputs:
        name = call.add("Reshape", call.turned(one, False), call.sizes([-1, *one.shape[1:]]))
        inputs.append(Tensor(name, one.shape[1:], False, one.kind))
    found = OPERATORS[type(call.op.op)](call.within(call.op.op, inputs, call.output[1:]))
    name = call.add("Reshape", call.turned(found, False), call.sizes([-1, times, *call.output[1:]]))
    return call.result(name, kind=found.kind)


def _scan(call: Call) -> Tensor:
    raise Invalid("a step of its own is not written")


OPERATORS: dict[type[Op], Handler] = CONVOLUTIONS | POOLS | NORMS | ELEMENTWISE | MOVES | PRODUCTS | RECURRENT
OPERATORS |= {Each: _each, Scan: _scan}
