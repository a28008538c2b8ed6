"""Weights that several layers share: params and buffers once, work per use."""

from collections.abc import Callable
from functools import partial

from sepcalc.cost import Cost, derivation, named
from sepcalc.document.entries import Modifiers
from sepcalc.document.graph import Frame, Graph
from sepcalc.document.pieces import Piece
from sepcalc.document.scopes import Named, Tensor
from sepcalc.expression import as_text
from sepcalc.nodes import Scalar
from sepcalc.ops.base import Op
from sepcalc.shape import MAX_SIZE, Shape, Shapes

Text = Callable[[], str]


def share(run: Graph, node: Scalar, owner: Named, user: Named, frame: Frame) -> None:
    """Ties the layers of ``user``, one after another, to those of ``owner``; notes why they cannot be tied."""
    ours, theirs = _weighted(run, user), _weighted(run, owner)

    def refuse(told: Text, hint: str = "") -> None:
        run.later(lambda: frame.note(f"weights: {told()}", hint, node))

    if not theirs:
        refuse(lambda: f"{node.text} has none")
    elif len(ours) != len(theirs):
        counts = [f"{len(layers)} layer{'' if len(layers) == 1 else 's'}" for layers in (theirs, ours)]
        refuse(lambda: f"{node.text} has {counts[0]} with weights, this has {counts[1]}")
    else:
        for mine, other in zip(ours, theirs, strict=True):
            shared = _shared(run, mine, other)
            if shared is None:
                refuse(partial(_unlike, run, mine, other), "they must be of one kind, with params of one shape")
                return
            root = run.ties.get(other, (other, 0))
            run.ties[mine] = (other if root[1] else root[0], shared)


def _unlike(run: Graph, mine: int, other: int) -> str:
    return f"{_told(run, mine)} cannot have those of {_told(run, other)}"


def counted_elsewhere(run: Graph, modifiers: Modifiers, named: Named, frame: Frame, tensor: Tensor | None) -> None:
    """Notes which params of a layer others count, which are stored nowhere, and what it has besides."""
    at = named.first
    alone = named.last == at + 1
    own = cost_of(run, at).params if alone else 0
    owners, taken = [], 0
    for name, piece in modifiers.shared:
        owner = run.find(name, frame, "layer")
        if owner is None:
            return
        has = counted_by(run, owner.first) if owner.last == owner.first + 1 else 0
        what = f"shared-params: {name.text}"
        told = f" to the {has:,} params that {name.text}, one layer, counts"
        count = _count(run, frame, piece, what, has, told, tensor)
        if count is None:
            return
        owners.append((owner.first, count))
        taken += count
    if taken > own:
        message = f"shared-params: {taken:,} are more than the {own:,} params of one layer"
        frame.note(message, "", modifiers.shared[0][1].node)
        return
    others = 0
    if modifiers.constant is not None:
        left = own - taken
        told = f" to the {left:,} params of one layer"
        others += _count(run, frame, modifiers.constant, "constant-params", left, told, tensor) or 0
    most = MAX_SIZE if alone else 0
    if modifiers.more is not None:
        others -= _count(run, frame, modifiers.more, "more-params", most, ", of one layer", tensor) or 0
    if modifiers.fixed is not None:
        fixed = _count(run, frame, modifiers.fixed, "more-buffers", most, ", of one layer", tensor)
        if fixed is not None:
            run.fixed[at] = fixed
    if owners:
        run.shares[at] = tuple(owners)
    if others:
        run.others[at] = others


def _count(
    run: Graph, frame: Frame, piece: Piece, what: str, most: int, told: str, tensor: Tensor | None
) -> int | None:
    """How many, or None and a problem."""
    count = run.compute(piece, frame, tensor)
    if count is None:
        return None
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= most:
        frame.note(f"{what} is {as_text(count)}: expected a whole number from 1{told}", "", piece.node)
        return None
    return count


def counted_by(run: Graph, at: int) -> int:
    """The params that are counted where a layer stands: those besides what its spec says, too, but none that others
    count or that are stored nowhere."""
    own = int(cost_of(run, at).params)
    if at in run.ties:
        return own - (run.ties[at][1] or own)
    return own - sum([count for _, count in run.shares.get(at, ())]) - run.others.get(at, 0)


def _weighted(run: Graph, what: Named) -> list[int]:
    """Those of its layers that have weights."""
    return [at for at in range(what.first, what.last) if cost_of(run, at).params or cost_of(run, at).buffers]


def _placed(run: Graph, at: int) -> tuple[Op, Shapes]:
    _, _, _, op, sources, _ = run.emitted[at]
    inputs = [*run.inputs.values()]
    shapes = [inputs[source] if source < len(inputs) else run.emitted[source - len(inputs)][-1] for source in sources]
    return op, tuple([shape for shape in shapes if shape is not None])


def cost_of(run: Graph, at: int) -> Cost:
    """What a layer of the graph costs, every count with its derivation."""
    op, inputs = _placed(run, at)
    return op.cost(inputs, run.emitted[at][-1], named)


def _shared(run: Graph, mine: int, other: int) -> int | None:
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


def _told(run: Graph, at: int) -> str:
    """A layer, and what its weights are made of."""
    op, inputs = _placed(run, at)
    name = run.told(Tensor(at + len(run.inputs), ()))
    return f"{name} ({op.kind(inputs)}, {derivation(cost_of(run, at).params)})"
