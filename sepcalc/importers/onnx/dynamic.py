"""An LSTM on small integers: the input is quantized by a range of its own, and so is the state at each step.

Source: ONNX Runtime, DynamicQuantizeLSTM (core/providers/cpu/quantization of its sources).
"""

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.graph import Builder, Call, Refused, Results
from sepcalc.importers.onnx.quantized import QUANTIZED
from sepcalc.importers.onnx.recurrent import given, sequence_of, usual
from sepcalc.importers.onnx.shapes import hold
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Slice
from sepcalc.ops.pool import Reduce
from sepcalc.ops.product import Dense
from sepcalc.ops.repeat import Part, Scan


def _step(hidden: int, bias: bool) -> tuple[tuple[Part, ...], tuple[int, int]]:
    """One step on 0, its quantized input, with the states 1 (h) and 2 (c), and the numbers of the next ones. Products
    times what both scales are together; the range of the state as DynamicQuantizeLinear finds it."""
    body: list[Part] = []

    def part(op: Op, *sources: int) -> int:
        body.append(Part(op, sources))
        return len(body) + 2

    def gate(at: int, values: int) -> int:
        return part(Slice((hidden,), (at * hidden,) if at else ()), values)

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
    entry, out, forget = [part(Activation("sigmoid"), gate(at, gates)) for at in range(3)]
    candidate = part(Activation("tanh"), gate(3, gates))
    kept = part(Elementwise("multiply"), forget, 2)
    cell = part(Elementwise("add"), kept, part(Elementwise("multiply"), entry, candidate))
    following = part(Elementwise("multiply"), out, part(Activation("tanh"), cell))
    return tuple(body), (following, cell)


def quantized_lstm(builder: Builder, call: Call) -> Results:
    """Sequence, kernels of the input and of the state (directions x inputs x 4·hidden), biases, lengths, first states,
    peepholes, scales and zero points of the kernels."""
    x, kernel, state, bias = call.input(0), call.input(1), call.input(2), call.maybe(3)
    layout = call.whole("layout", 0)
    x = sequence_of(builder, call, x, state, layout)
    directions, hidden, outs = state.sizes
    both = call.text("direction", "forward") == "bidirectional"
    if directions != (2 if both else 1) or outs != 4 * hidden or kernel.sizes != (directions, x.sizes[2], outs):
        raise Invalid(f"{call.type} has weights for {directions} directions of {outs} gates, {hidden} hidden")
    if not (kernel.constant and state.constant):
        raise Refused("weights that are computed have no count here")
    hold(call, "a bias", bias, (directions, 2 * outs))
    usual(call, "lstm", directions)
    if call.maybe(7) is not None:
        raise Refused("peepholes on small integers have no count here")
    quantized, scale, _ = QUANTIZED["DynamicQuantizeLinear"](builder, call._replace(inputs=(x,)))
    builder.add(f"{call.name}/scales", Stored("scale"), [scale.number])
    body, carried = _step(hidden, bias is not None)
    op = Scan("lstm", ((hidden,), (hidden,)), body, carried, not any(call.outputs[:1]))
    ways = ("forward", "backward") if both else ("",)
    weights = [kernel.cut((1, *kernel.sizes[1:])), state.cut((1, *state.sizes[1:]))]
    weights += [bias.cut((1, 8 * hidden))] if bias is not None else []
    numbers = [builder.add(f"{call.name}/{way}" if way else call.name, op, [quantized.number], weights) for way in ways]
    number = builder.add(f"{call.name}/join", Concat(), numbers) if both else numbers[0]
    return given(builder, call, x, number, directions, hidden)
