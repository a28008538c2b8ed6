"""Elementwise functions: of one operand, of several, and of one operand with a stored number."""

from collections.abc import Mapping, Sequence
from math import prod

from sepcalc.importers.common.values import Emitter, V
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Slice
from sepcalc.shape import Shape

# What a binary operator becomes when one operand is stored: the second one, the first one.
_STORED = {
    "add": ("shift", "shift"),
    "subtract": ("shift", "from"),
    "multiply": ("scale", "scale"),
    "divide": ("scale", "over"),
}
# Functions with the same name in all formats.
ELEMENTARY = (
    *("exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal", "erf", "sin", "cos", "tanh", "square"),
    *("sign", "floor", "ceil", "round"),
)
# Circular and hyperbolic functions and their inverses, except sin, cos and tanh, which stand above.
TRIGONOMETRIC = ("tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh")
MAX_POWER = 64  # the largest integer power that is computed by multiplications


def with_stored(how: str, first: bool = False) -> str:
    """What a binary operator becomes when one operand is stored: the ``first`` one, or the second."""
    return _STORED.get(how, (how, how))[first]


def stored(how: str, trained: bool, sizes: Shape, given: Shape, whole: Shape) -> Stored:
    """The op of an operand of shape ``given`` and a stored one of shape ``sizes``, which broadcast to ``whole``."""
    if prod(sizes) == 1:
        return Stored(how, "shape", (1,)) if trained else Stored(how)
    if not trained:
        return Stored(how) if given == whole else Stored(how, "constant", sizes)
    if given == whole and sizes in (whole, whole[-1:]):
        return Stored(how, "channel" if len(sizes) == 1 else "element")
    return Stored(how, "shape", sizes)


def chain(emitter: Emitter[V], x: V, *ops: Op, labels: Sequence[str] = ()) -> V:
    """Applies unary functions one after the other; ``labels`` names their nodes, if given."""
    for at, op in enumerate(ops):
        x = emitter.emit(op, x, label=labels[at] if labels else "")
    return x


def bounded(low: object, high: object) -> Op | None:
    """The function that clips elements to two known bounds, each of which may be None; None if both are."""
    if low is None or high is None:
        return None if low is high else Stored("minimum" if low is None else "maximum")
    return Activation("relu6" if (low, high) == (0, 6) else "clip")


def raised(emitter: Emitter[V], x: V, power: float, roots: Mapping[float, str]) -> V:
    """Raises each element to a known power: an integer power by repeated squaring, a power in ``roots`` by the function
    given there."""
    if not power.is_integer() or abs(power) > MAX_POWER or not power:
        return emitter.emit(Activation(roots.get(power, "pow")), x)
    made = _whole_power(emitter, x, abs(int(power)))
    return emitter.emit(Activation("reciprocal"), made, label="reciprocal") if power < 0 else made


def _whole_power(emitter: Emitter[V], x: V, power: int) -> V:
    if power == 3:
        return emitter.emit(Activation("cube"), x)
    made, square = None, x
    while power:
        if power & 1:
            made = square if made is None else emitter.emit(Elementwise("multiply"), made, square)
        power >>= 1
        if power:
            square = emitter.emit(Activation("square"), square)
    assert made is not None
    return made


def gated(emitter: Emitter[V], x: V, axis: int, labels: tuple[str, str, str], label: str = "") -> V:
    """GLU: the first half along an axis of the network, times the sigmoid of the second half. ``labels`` names the
    nodes of the two halves and of the gate. Source: Dauphin et al., arXiv:1612.08083, section 2."""
    sizes = list(emitter.seen(x))
    sizes[axis] //= 2
    half = Slice(tuple(sizes))
    second = half._replace(start=tuple([size if at == axis else 0 for at, size in enumerate(sizes)]))
    one, other = (emitter.emit(op, x, label=name) for op, name in zip((half, second), labels))
    gate = emitter.emit(Activation("sigmoid"), other, label=labels[2])
    return emitter.emit(Elementwise("multiply"), one, gate, label=label)
