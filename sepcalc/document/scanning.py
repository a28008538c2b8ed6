"""A recurrent layer by its step: what the step begins with, and the op that the graph of its layers makes."""

from collections.abc import Sequence

from sepcalc.cost import COUNTS
from sepcalc.document.entries import Scan
from sepcalc.document.graph import Frame, Graph
from sepcalc.document.pieces import fill
from sepcalc.document.products import said_to_be_none
from sepcalc.document.scopes import INPUT, Tensor
from sepcalc.errors import Invalid
from sepcalc.expression import ExpressionError
from sepcalc.ops import repeat
from sepcalc.ops.base import Op, Uncounted
from sepcalc.shape import Shape, read_shape, show
from sepcalc.spec import output_of


def inputs_of(run: Graph, body: Scan, tensor: Tensor | None, frame: Frame) -> dict[str, Shape | None] | None:
    """The inputs of a step, by name: a slice of ``tensor`` along its first axis, then the states; None and a problem
    where they cannot be."""
    inputs: dict[str, Shape | None] = {INPUT: None}
    if tensor is not None:
        if len(tensor.shape) < 2:
            message = f"scan needs a sequence, not {show(tensor.shape)}"
            frame.note(message, "it runs along the first axis, slice by slice", body.node)
            return None
        inputs[INPUT] = tensor.shape[1:]
    for state, piece in body.states:
        try:
            inputs[state] = read_shape(fill(piece, run.names(frame, tensor)), 24)
        except ExpressionError as fact:
            if tensor is not None:
                frame.note(fact.message, fact.hint, piece.node)
            return None
        except Invalid as fact:
            frame.note(f"the state {state}: {fact.message}", fact.hint, piece.node)
            return None
    return inputs


def joined(
    run: Graph, inner: Graph, body: Scan, ends: Sequence[Tensor], name: str, tensor: Tensor | None, frame: Frame
) -> Tensor | None:
    """Adds the layer of which ``inner`` is the step: ``ends`` are the next states, as many as are known."""
    apart = not (inner.ties or inner.shares or inner.others or inner.fixed)
    if not apart:
        frame.note("the layers of a step have weights of their own", "", body.node)
    if tensor is None or not apart or len(ends) < len(body.carried):
        return None
    shapes = [shape for shape in inner.inputs.values() if shape is not None]
    graph = inner.nodes()  # what a product reads is weights here, too
    parts = tuple([repeat.Part(node.op, node.sources) for node in graph])
    for constant in sorted(said_to_be_none(graph, len(inner.inputs))):
        text = f"not counted in params, as the file says: {constant}, which a product reads in a step"
        run.remark(text, body.node, frame)
    op: Op = repeat.Scan(body.called, tuple(shapes[1:]), parts, tuple([end.number for end in ends]), body.last)
    try:
        shape = output_of(op, (tensor.shape,))
    except Invalid as fact:
        frame.note(fact.message, fact.hint, body.node)
        return None
    gaps = [part.op for part in parts if isinstance(part.op, Uncounted)]
    if gaps:  # what is in it is not known, and so neither is the whole
        op = gaps[0]._replace(shape=shape, counts=COUNTS)
    label = name or body.called
    run.emitted.append((frame.scope, label, frame.scope.take(label), op, (tensor.number,), shape))
    return Tensor(len(run.inputs) + len(run.emitted) - 1, shape)
