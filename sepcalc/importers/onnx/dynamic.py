"""An LSTM on small integers: the input is quantized by its own range, and the state by its range at each step.

Source: ONNX Runtime, DynamicQuantizeLSTM (core/providers/cpu/quantization of its sources).
"""

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.quantized import QUANTIZED
from sepcalc.importers.onnx.recurrent import given, sequences_of, usual
from sepcalc.importers.onnx.shapes import hold
from sepcalc.importers.onnx.values import Call, Refused, Results
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Slice
from sepcalc.ops.pool import Reduce
from sepcalc.ops.product import Dense
from sepcalc.ops.repeat import Part, Scan


def _step(hidden: int, bias: bool, peephole: bool) -> tuple[tuple[Part, ...], tuple[int, int]]:
    """One step on the quantized input 0 with the states 1 (h) and 2 (c), and the numbers of the next states. Products
    are multiplied by the product of both scales; the state's range is computed as in DynamicQuantizeLinear."""
    body: list[Part] = []

    def part(op: Op, *sources: int) -> int:
        body.append(Part(op, sources))
        return len(body) + 2

    def gate(at: int, values: int) -> int:
        return part(Slice((hidden,), (at * hidden,) if at else ()), values)

    def seen(values: int, cell: int) -> int:
        """Adds the peephole: the cell, times its weights."""
        return part(Elementwise("add"), values, part(Stored("scale", "channel"), cell)) if peephole else values

    products = part(Stored("scale"), part(Dense(4 * hidden), 0))
    high = part(Stored("maximum"), part(Reduce("max", (0,), True), 1))
    low = part(Stored("minimum"), part(Reduce("min", (0,), True), 1))
    scale = part(Stored("scale"), part(Elementwise("subtract"), high, low))
    zero = part(Activation("clip"), part(Stored("from"), part(Elementwise("divide"), low, scale)))
    state = part(Elementwise("add"), part(Elementwise("divide"), 1, scale), zero)
    state = part(Dense(4 * hidden), part(Activation("clip"), state))
    state = part(Elementwise("multiply"), state, part(Stored("scale"), scale))
    gates = part(Elementwise("add"), products, state)
    if bias:
        gates = part(Stored("shift", "channel"), gates)
    entry, forget = [part(Activation("sigmoid"), seen(gate(at, gates), 2)) for at in (0, 2)]
    candidate = part(Activation("tanh"), gate(3, gates))
    kept = part(Elementwise("multiply"), forget, 2)
    cell = part(Elementwise("add"), kept, part(Elementwise("multiply"), entry, candidate))
    out = part(Activation("sigmoid"), seen(gate(1, gates), cell))
    following = part(Elementwise("multiply"), out, part(Activation("tanh"), cell))
    return tuple(body), (following, cell)


def quantized_lstm(builder: Builder, call: Call) -> Results:
    """The inputs are: sequence, kernels of the input and of the state (directions x inputs x 4·hidden), biases,
    lengths, initial states, peepholes, and scales and zero points of the kernels."""
    kernel, state, bias, peep = call.input(1), call.input(2), call.maybe(3), call.maybe(7)
    read = sequences_of(builder, call, state)
    directions, hidden, outs = state.sizes
    both = call.text("direction", "forward") == "bidirectional"
    if directions != (2 if both else 1) or outs != 4 * hidden or kernel.sizes != (directions, read.x.sizes[2], outs):
        raise Invalid(f"{call.type} has weights for {directions} directions of {outs} gates, {hidden} hidden")
    if not (kernel.constant and state.constant):
        raise Refused("computed weights are not supported")
    hold(call, "a bias", bias, (directions, 2 * outs))
    usual(call, "lstm", directions)
    hold(call, "a peephole", peep, (directions, 3 * hidden))
    quantized, scale, _ = QUANTIZED["DynamicQuantizeLinear"](builder, call._replace(inputs=(read.x,)))
    builder.add(f"{call.name}/scales", Stored("scale"), [scale.number])
    body, carried = _step(hidden, bias is not None, peep is not None)
    op = Scan("lstm", ((hidden,), (hidden,)), body, carried, not any(call.outputs[:1]))
    ways = ("forward", "backward") if both else ("",)
    sizes = kernel.sizes[1:], state.sizes[1:], (8 * hidden,), (3 * hidden,)  # per direction
    weights = [one.cut((1, *size)) for one, size in zip((kernel, state, bias, peep), sizes) if one is not None]
    sequences = builder.view(quantized.number, builder.tensors[read.number])
    numbers = [
        builder.add(f"{call.name}/{way}" if way else call.name, read.each(op), [sequences], weights) for way in ways
    ]
    number = builder.add(f"{call.name}/join", Concat(), numbers) if both else numbers[0]
    return given(builder, call, read, number, directions, hidden)
