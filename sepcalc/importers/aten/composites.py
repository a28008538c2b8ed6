"""Operators that PyTorch itself composes of others. Where a module runs, PyTorch takes them apart; of those that a file
lists, the parts are made here, in the same order."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from sepcalc.importers.aten.calls import Call, Tensor, every
from sepcalc.importers.aten.defaults import complete
from sepcalc.importers.aten.ledger import Ledger
from sepcalc.importers.common.products import LETTERS
from sepcalc.shape import Shape, broadcast_shape

# Other names of operators that have a row.
_NAMES = {
    "abs": "absolute", "neg": "negative", "trunc": "fix", "pow": "float_power", "transpose": "swapdims",
    "mul": "multiply", "sub": "subtract", "div": "divide true_divide", "movedim": "moveaxis",
    "_cdist_forward": "cdist", "_pdist_forward": "pdist",
    "gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "ne": "not_equal",
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh",
    "atan2": "arctan2", "matmul": "linalg_matmul", "sigmoid": "special_expit",
    "convolution": "_convolution_mode", "linalg_cross": "cross", "linalg_vector_norm": "frobenius_norm linalg_norm",
    "logical_and": "__and__", "logical_or": "__or__", "logical_xor": "__xor__", "conv2d": "thnn_conv2d",
    "conv3d": "slow_conv3d", "lift_fresh": "lift_fresh_copy", "_to_copy": "_cast_Float _cast_Half _cast_Long",
}  # fmt: skip
_SPECIAL = ("erf", "exp2", "expm1", "log1p", "logit", "log_softmax", "logsumexp", "round", "softmax", "xlogy")
ALIASES: Mapping[str, str] = {
    **{other: name for name, others in _NAMES.items() for other in others.split()},
    **{f"special_{name}": name for name in _SPECIAL},
}


class Steps:
    """The calls that take the place of one call."""

    def __init__(self, ledger: Ledger, call: Call) -> None:
        self.ledger, self.call = ledger, call

    def do(self, op: str, shape: Shape, kind: str = "", **arguments: Any) -> Tensor:
        """Adds a call with one result."""
        given = complete(op, {name.removesuffix("_"): value for name, value in arguments.items()})
        live, roots, origins = facts = self.ledger.facts(op, given)
        first = next(every(given.values()))
        made = Tensor(0, shape, kind or first.kind, live and 0 not in shape, roots, origins, first.bits)
        made = self.ledger.new(made, None)
        if self.ledger.matters(op, facts, [made]):
            self.ledger.note(self.call._replace(op=op, arguments=given, outputs=(made,)))
        return made

    def two(self, op: str, a: Tensor, b: Any, kind: str = "", **more: Any) -> Tensor:
        """An operator on two operands that broadcast, or on a tensor and a number."""
        shape = broadcast_shape([a.shape, b.shape]) if isinstance(b, Tensor) else a.shape
        return self.do(op, shape or (), kind, self_=a, other=b, **more)

    def one(self, op: str, a: Tensor, **more: Any) -> Tensor:
        """An operator on one operand, element by element."""
        return self.do(op, a.shape, self_=a, **more)

    def shaped(self, a: Tensor, shape: Shape) -> Tensor:
        """The same elements in another shape."""
        return a if a.shape == shape else self.do("view", shape, self_=a, size=shape)

    def turned(self, a: Tensor, order: Sequence[int]) -> Tensor:
        """The axes in another order."""
        shape = tuple([a.shape[axis] for axis in order])
        return a if [*order] == [*range(len(order))] else self.do("permute", shape, self_=a, dims=[*order])

    def over(self, op: str, a: Tensor, axes: Sequence[int], keep: bool = False, **more: Any) -> Tensor:
        """A reduction over axes; over all of them where none is named."""
        named = {axis % len(a.shape) for axis in axes} if axes else set(range(len(a.shape)))
        sizes = [1 if axis in named else size for axis, size in enumerate(a.shape) if keep or axis not in named]
        dims = {"dim": [*axes]} if axes else {}
        return self.do(op, tuple(sizes), "", self_=a, **dims, keepdim=keep, **more)

    def reduced(self, a: Tensor) -> tuple[Tensor]:
        """A loss per element, reduced as the call says."""
        how = {1: "mean", 2: "sum"}.get(int(self.call.get("reduction", 1)))
        return (self.over(how, a, ()) if how else a,)


Results = Sequence[Tensor] | None  # None for a form that is not known


def _joined(steps: Steps, call: Call, axis: int, least: int) -> Results:
    """Concatenates along an axis, after axes were added up to a number of them."""
    tensors = [_at_least(steps, one, least) for one in call.arguments["tensors"]]
    rank = len(tensors[0].shape)
    axis = min(axis, rank - 1)
    sizes = list(tensors[0].shape)
    sizes[axis] = sum(one.shape[axis] for one in tensors)
    return (steps.do("cat", tuple(sizes), tensors=tensors, dim=axis),)


def _at_least(steps: Steps, one: Tensor, least: int) -> Tensor:
    shape = one.shape
    if len(shape) < least:
        front = (1,) * (min(least, 2) - len(shape)) if len(shape) < 2 else ()
        shape = (*front, *shape)
        shape = (*shape, *(1,) * (least - len(shape)))
    return steps.shaped(one, shape)


def _columns(steps: Steps, call: Call) -> Results:
    tensors = [steps.shaped(one, (*one.shape, 1)) if len(one.shape) < 2 else one for one in call.arguments["tensors"]]
    return _joined(steps, call._replace(arguments={"tensors": tensors}), 1, 0)


def _grown(steps: Steps, call: Call, least: int) -> Results:
    given = call.get("tensors") or [call.given]
    return [_at_least(steps, one, least) for one in given]


def _broadcast(steps: Steps, call: Call) -> Results:
    given = call.arguments["tensors"]
    shape = broadcast_shape([one.shape for one in given]) or ()
    return [steps.do("expand", shape, self_=one, size=shape) for one in given]


def _meshgrid(steps: Steps, call: Call) -> Results:
    given = call.arguments["tensors"]
    sizes = tuple([prod(one.shape) for one in given])
    whole = (sizes[1], sizes[0], *sizes[2:]) if len(sizes) > 1 and call.get("indexing") == "xy" else sizes
    made = []
    for at, one in enumerate(given):
        axis = 1 - at if whole is not sizes and at < 2 else at
        view = steps.shaped(one, tuple([size if place == axis else 1 for place, size in enumerate(whole)]))
        made.append(steps.do("expand", whole, self_=view, size=whole))
    return made


def _difference(steps: Steps, call: Call) -> Results:
    if call.get("n", 1) != 1 or call.maybe("prepend") or call.maybe("append"):
        return None
    given, axis = call.given, int(call.get("dim", -1)) % len(call.given.shape)
    shape = tuple([size - (at == axis) for at, size in enumerate(given.shape)])
    one, two = [steps.do("narrow", shape, self_=given, dim=axis, start=start, length=shape[axis]) for start in (1, 0)]
    return (steps.two("sub", one, two),)


def _similarity(steps: Steps, call: Call) -> Results:
    """x·y / (max(|x|, eps)·max(|y|, eps))."""
    axis, sides = int(call.get("dim", 1)), [call.tensor("x1"), call.tensor("x2")]
    norms = [steps.over("linalg_vector_norm", one, [axis], True, ord=2) for one in sides]
    norms = [steps.one("clamp_min", one, min=call.get("eps", 1e-8)) for one in norms]
    one, two = [steps.two("div", side, norm) for side, norm in zip(sides, norms)]
    return (steps.over("sum", steps.two("mul", one, two), [axis]),)


def _distance(steps: Steps, call: Call) -> Results:
    """The norm of x - y + eps along the last axis."""
    change = steps.two("add", steps.two("sub", call.tensor("x1"), call.tensor("x2")), call.get("eps", 1e-6))
    return (steps.over("norm", change, [-1], bool(call.get("keepdim", False)), p=call.get("p", 2.0)),)


def _outer(steps: Steps, call: Call) -> Results:
    """Kronecker's product."""
    a, b = call.given, call.tensor("other")
    rank = max(len(a.shape), len(b.shape))
    one, other = ((1,) * (rank - len(side.shape)) + side.shape for side in (a, b))
    pairs = list(zip(one, other))
    a = steps.shaped(a, tuple([size for pair in pairs for size in (pair[0], 1)]))
    b = steps.shaped(b, tuple([size for pair in pairs for size in (1, pair[1])]))
    return (steps.shaped(steps.two("mul", a, b), tuple([x * y for x, y in pairs])),)


def _finite(steps: Steps, call: Call) -> Results:
    same = steps.two("eq", call.given, call.given, "b")
    return (steps.two("mul", steps.two("ne", steps.one("abs", call.given), 0.0, "b"), same),)


def _absolute_error(steps: Steps, call: Call) -> Results:
    return steps.reduced(steps.one("abs", steps.two("sub", call.given, call.tensor("target"))))


def _divergence(steps: Steps, call: Call) -> Results:
    """y·(log y - x); y·log y is one operator."""
    x, y = call.given, call.tensor("target")
    if call.get("log_target", False):
        return None
    return steps.reduced(steps.two("sub", steps.two("xlogy", y, y), steps.two("mul", y, x)))


def _cross_entropy(steps: Steps, call: Call) -> Results:
    x, target = call.given, call.tensor("target")
    if target.kind == "f" or call.get("label_smoothing", 0.0):
        return None
    log = steps.one("log_softmax", x, dim=0 if len(x.shape) == 1 else 1)
    return _likelihood(steps, call._replace(arguments={**call.arguments, "self": log}))


def _likelihood(steps: Steps, call: Call) -> Results:
    given, target = call.given, call.tensor("target")
    op = "nll_loss2d_forward" if len(given.shape) == 4 else "nll_loss_forward"
    rest = {name: call.arguments.get(name) for name in ("weight", "ignore_index")}
    how = int(call.get("reduction", 1))
    return (steps.do(op, () if how else target.shape, "", self_=given, target=target, reduction=how, **rest),)


def _dot(steps: Steps, call: Call) -> Results:
    product = steps.two("mul", call.tensor("x"), call.tensor("y"))
    return (steps.over("sum", product, [int(call.get("dim", -1))]),)


def _turned(steps: Steps, a: Tensor) -> Results:
    """The last two axes the other way round."""
    shape = (*a.shape[:-2], a.shape[-1], a.shape[-2])
    return (steps.do("transpose", shape, self_=a, dim0=-2, dim1=-1),)


def _inner(steps: Steps, call: Call) -> Results:
    a, b = call.given, call.tensor("other")
    dims = {"dims_self": [len(a.shape) - 1], "dims_other": [len(b.shape) - 1]}
    return (steps.do("tensordot", (*a.shape[:-1], *b.shape[:-1]), "", self_=a, other=b, **dims),) if a.shape else None


def _chain(steps: Steps, call: Call) -> Results:
    """A product of several matrices, which PyTorch orders by their sizes; here of two or three."""
    given = call.get("tensors") or call.arguments["matrices"]
    if len(given) > 3 or any(len(one.shape) != 2 for one in given):
        return None
    (m, k), n, right = given[0].shape, given[1].shape[1], given[-1].shape[1]

    def mm(a: Tensor, b: Tensor) -> Tensor:
        return steps.do("mm", (a.shape[0], b.shape[1]), self_=a, mat2=b)

    if len(given) == 2:
        return (mm(*given),)
    ahead = m * k * n + m * n * right < k * n * right + m * k * right
    return (mm(mm(given[0], given[1]), given[2]) if ahead else mm(given[0], mm(given[1], given[2])),)


def _einsum(steps: Steps, call: Call) -> Results:
    """One operand after the other, each pair as a matrix product. An axis that only one of two has is summed first."""
    equation, given = str(call.get("equation", "")).replace(" ", ""), call.arguments["tensors"]
    if call.get("path") is not None:
        return None
    sides, arrow, out = equation.partition("->")
    terms = sides.split(",")
    spare = [letter for letter in LETTERS if letter not in equation]
    dots = max(
        [len(one.shape) - len(term.replace("...", "")) for one, term in zip(given, terms) if "..." in term] + [0]
    )
    extra = "".join(spare[:dots])
    terms = [term.replace("...", extra[dots - (len(one.shape) - len(term) + 3) :]) for one, term in zip(given, terms)]
    if not arrow:
        letters = "".join(terms)
        out = extra + "".join(sorted({one for one in letters if letters.count(one) == 1 and one not in extra}))
    out = out.replace("...", extra)
    fits = len(terms) == len(given) and all(
        len(set(term)) == len(term) == len(one.shape) for term, one in zip(terms, given)
    )
    if not fits or len(set(out)) != len(out) or not {*out} <= {*"".join(terms)}:
        return None
    (a, left), *rest = zip(given, terms)
    for at, (b, right) in enumerate(rest):
        later = {*out, *"".join(term for _, term in rest[at + 1 :])}
        a, left = _pair(steps, a, left, b, right, later)
    a, left = _summed(steps, a, left, {*out})
    return (steps.turned(a, [left.index(letter) for letter in out]),)


def _summed(steps: Steps, a: Tensor, letters: str, kept: set[str]) -> tuple[Tensor, str]:
    """Without the axes that are not kept."""
    axes = [axis for axis, letter in enumerate(letters) if letter not in kept]
    return (steps.over("sum", a, axes) if axes else a), "".join(letter for letter in letters if letter in kept)


def _pair(steps: Steps, a: Tensor, left: str, b: Tensor, right: str, kept: set[str]) -> tuple[Tensor, str]:
    """The product of two operands: a matrix product, or element by element where nothing is summed."""
    sizes = [dict(zip(left, a.shape)), dict(zip(right, b.shape))]
    both = {letter for letter in left if letter in right and sizes[0][letter] == sizes[1][letter] > 1}
    a, left = _summed(steps, a, left, {*kept, *both})
    b, right = _summed(steps, b, right, {*kept, *both})
    shared = [letter for letter in left if letter in right and letter in kept]
    summed = [letter for letter in left if letter in right and letter not in kept]
    alone = [[letter for letter in one if letter not in other] for one, other in ((left, right), (right, left))]
    whole = "".join([*shared, *alone[0], *alone[1]])
    if not summed or any(sizes[0][letter] != sizes[1][letter] for letter in shared):
        if summed:
            raise ValueError  # it broadcasts along an axis that is summed, which was excluded
        views = []
        for side, own in ((a, left), (b, right)):
            side = steps.turned(side, [own.index(letter) for letter in whole if letter in own])
            have = dict(zip([letter for letter in whole if letter in own], side.shape))
            views.append(steps.shaped(side, tuple([have.get(letter, 1) for letter in whole])))
        return steps.two("mul", views[0], views[1]), whole
    size = {**sizes[1], **sizes[0]}
    n, m, k, p = (prod(size[letter] for letter in some) for some in (shared, alone[0], summed, alone[1]))
    one = steps.turned(a, [left.index(letter) for letter in (*shared, *alone[0], *summed)])
    other = steps.turned(b, [right.index(letter) for letter in (*shared, *summed, *alone[1])])
    made = steps.do("bmm", (n, m, p), self_=steps.shaped(one, (n, m, k)), mat2=steps.shaped(other, (n, k, p)))
    return steps.shaped(made, tuple([size[letter] for letter in whole])), whole


COMPOSITES: dict[str, Callable[[Steps, Call], Results]] = {
    "hstack": lambda steps, call: _joined(steps, call, 1 if len(call.arguments["tensors"][0].shape) > 1 else 0, 1),
    "vstack": lambda steps, call: _joined(steps, call, 0, 2),
    "row_stack": lambda steps, call: _joined(steps, call, 0, 2),
    "dstack": lambda steps, call: _joined(steps, call, 2, 3),
    "column_stack": _columns,
    "atleast_1d": lambda steps, call: _grown(steps, call, 1),
    "atleast_2d": lambda steps, call: _grown(steps, call, 2),
    "atleast_3d": lambda steps, call: _grown(steps, call, 3),
    "broadcast_tensors": _broadcast,
    "meshgrid": _meshgrid,
    "diff": _difference,
    "cosine_similarity": _similarity,
    "pairwise_distance": _distance,
    "kron": _outer,
    "isfinite": _finite,
    "l1_loss": _absolute_error,
    "kl_div": _divergence,
    "cross_entropy_loss": _cross_entropy,
    "nll_loss": _likelihood,
    "nll_loss2d": _likelihood,
    "nll_loss_nd": _likelihood,
    "mT": lambda steps, call: _turned(steps, call.given),
    "numpy_T": lambda steps, call: (steps.turned(call.given, [*range(len(call.given.shape))][::-1]),),
    "inner": _inner,
    "linalg_vecdot": _dot,
    "linalg_multi_dot": _chain,
    "chain_matmul": _chain,
    "einsum": _einsum,
}


def parts_of(ledger: Ledger, call: Call) -> Results:
    """The results of an operator that is composed of others, whose calls it adds to the ledger; None for any other
    operator, or a form of it that is not known."""
    expand = COMPOSITES.get(call.op)
    if expand is None:
        return None
    mark = len(ledger.calls)
    try:
        made = expand(Steps(ledger, call), call)
    except (LookupError, TypeError, ValueError, AttributeError, AssertionError, StopIteration):
        made = None  # a file may give it anything
    if made is None:
        del ledger.calls[mark:]
    return made
