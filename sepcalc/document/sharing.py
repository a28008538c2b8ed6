"""Weights that several layers share: params and buffers once, work per use."""

from typing import TYPE_CHECKING

from sepcalc.cost import Cost, derivation, named
from sepcalc.document.scopes import Named
from sepcalc.nodes import Scalar
from sepcalc.ops.base import Op
from sepcalc.shape import Shapes

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
    return [at for at in range(what.first, what.last) if _cost(run, at).params or _cost(run, at).buffers]


def _placed(run: "Run", at: int) -> tuple[Op, Shapes]:
    _, _, _, op, sources, _ = run.emitted[at]
    inputs = [*run.inputs.values()]
    shapes = [inputs[source] if source < len(inputs) else run.emitted[source - len(inputs)][-1] for source in sources]
    return op, tuple([shape for shape in shapes if shape is not None])


def _cost(run: "Run", at: int) -> Cost:
    op, inputs = _placed(run, at)
    return op.cost(inputs, run.emitted[at][-1], named)


def _shared(run: "Run", mine: int, other: int) -> int | None:
    """Whether one layer can have the weights of the other: all of them (0), so many, or not (None)."""
    (op, inputs), (other_op, other_inputs) = _placed(run, mine), _placed(run, other)
    cost, other_cost = _cost(run, mine), _cost(run, other)
    if type(op) is type(other_op) and op.kind(inputs) == other_op.kind(other_inputs):
        same = all(
            derivation(getattr(cost, name)) == derivation(getattr(other_cost, name)) for name in ("params", "buffers")
        )
        return 0 if same else None
    from sepcalc.ops.move import Embedding
    from sepcalc.ops.product import Dense

    if isinstance(op, Dense) and isinstance(other_op, Embedding) and (op.out, inputs[0][-1]) == other_op[:2]:
        return other_cost.params if op.bias else 0  # tied: the table, transposed; a bias is the dense layer's own
    return None


def _told(run: "Run", at: int) -> str:
    """A layer, and what its weights are made of."""
    from sepcalc.document.scopes import Tensor

    op, inputs = _placed(run, at)
    name = run.told(Tensor(at + len(run.inputs), ()))
    return f"{name} ({op.kind(inputs)}, {derivation(_cost(run, at).params)})"
