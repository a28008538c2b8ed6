"""Weights that several layers share: params and buffers once, work per use."""

from typing import TYPE_CHECKING

from sepcalc.cost import Cost, derivation, named
from sepcalc.document.scopes import Named
from sepcalc.nodes import Scalar
from sepcalc.ops.base import Op
from sepcalc.shape import Shape, Shapes

if TYPE_CHECKING:
    from sepcalc.document.running import Frame, Run


def share(run: "Run", node: Scalar, owner: Named, user: Named, frame: "Frame") -> None:
    """Ties the layers of ``user``, one after another, to those of ``owner``; notes why they cannot be tied."""
    ours, theirs = _weighted(run, user), _weighted(run, owner)

    def refuse(message: str) -> None:
        run.later(lambda: frame.file.notes.add(message, "", node, trail=frame.trail))

    if not theirs:
        refuse(f"weights: {node.text} has none")
    elif len(ours) != len(theirs):
        counts = [f"{len(layers)} layer{'' if len(layers) == 1 else 's'}" for layers in (theirs, ours)]
        refuse(f"weights: {node.text} has {counts[0]} with weights, this has {counts[1]}")
    else:
        for mine, other in zip(ours, theirs, strict=True):
            shared = _shared(run, mine, other)
            if shared is None:
                run.later(
                    lambda mine=mine, other=other: frame.file.notes.add(  # type: ignore[misc]
                        f"weights: {_told(run, mine)} cannot have those of {_told(run, other)}",
                        "they must be of one kind, with params of one shape",
                        node,
                        trail=frame.trail,
                    )
                )
                return
            root = run.ties.get(other, (other, 0))
            run.ties[mine] = (other if root[1] else root[0], shared)


def _weighted(run: "Run", what: Named) -> list[int]:
    """Those of its layers that have weights."""
    return [at for at in range(what.first, what.last) if cost_of(run, at).params or cost_of(run, at).buffers]


def _placed(run: "Run", at: int) -> tuple[Op, Shapes]:
    _, _, _, op, sources, _ = run.emitted[at]
    inputs = [*run.inputs.values()]
    shapes = [inputs[source] if source < len(inputs) else run.emitted[source - len(inputs)][-1] for source in sources]
    return op, tuple([shape for shape in shapes if shape is not None])


def cost_of(run: "Run", at: int) -> Cost:
    """What a layer of the graph costs, every count with its derivation."""
    op, inputs = _placed(run, at)
    return op.cost(inputs, run.emitted[at][-1], named)


def _shared(run: "Run", mine: int, other: int) -> int | None:
    return fit(*_placed(run, mine), run.emitted[mine][-1], *_placed(run, other), run.emitted[other][-1])


def fit(op: Op, inputs: Shapes, output: Shape, other: Op, other_inputs: Shapes, other_output: Shape) -> int | None:
    """Whether one layer can have the weights of another: all of them (0), so many, or not (None). Equal derivations
    are equal shapes of the weights."""
    cost, other_cost = op.cost(inputs, output, named), other.cost(other_inputs, other_output, named)
    if type(op) is type(other) and op.kind(inputs) == other.kind(other_inputs):
        same = [derivation(count) for count in (cost.params, cost.buffers)] == [
            derivation(count) for count in (other_cost.params, other_cost.buffers)
        ]
        return 0 if same else None
    from sepcalc.ops.move import Embedding
    from sepcalc.ops.product import Dense

    if isinstance(op, Dense) and isinstance(other, Embedding) and (op.out, inputs[0][-1]) == other[:2]:
        return other_cost.params if op.bias else 0  # tied: the table, transposed; a bias is the dense layer's own
    return None


def _told(run: "Run", at: int) -> str:
    """A layer, and what its weights are made of."""
    from sepcalc.document.scopes import Tensor

    op, inputs = _placed(run, at)
    name = run.told(Tensor(at + len(run.inputs), ()))
    return f"{name} ({op.kind(inputs)}, {derivation(cost_of(run, at).params)})"
