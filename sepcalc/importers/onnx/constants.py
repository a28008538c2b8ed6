"""Constants that a graph computes for itself: shapes, indices, bounds. Small ones are computed; large ones keep only
their shape."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any
from warnings import catch_warnings, simplefilter

from sepcalc.importers.onnx import evaluate
from sepcalc.importers.onnx.evaluate import Evaluated
from sepcalc.importers.onnx.shapes import broadcast
from sepcalc.importers.onnx.tensors import TYPES, Elements, of_array, of_numbers
from sepcalc.importers.onnx.values import Call, Value
from sepcalc.shape import Shape

SMALL = 16_384  # the most elements of a constant that is computed
MAX_COMPUTED = 2**22  # elements read and computed per file: bounds the time, and the memory to 32 MiB
FEW = 64  # elements of sizes and axes, which have as much to themselves: large tables cannot use it up

# Computes the results of a call on small constants, or returns None. The dictionary caches results, because blocks
# that repeat compute the same.
Computed = Callable[[Call, dict[Any, Any]], Sequence[Any] | None]
# The largest number of elements of a result on these arrays, and of any intermediate result: known before computing.
Bound = Callable[[Call, Sequence[Any], Sequence[Shape]], float]


def known(data: Elements, roots: tuple[str, ...] = (), name: str = "") -> Value:
    """A constant with known elements."""
    return Value(data.shape, data.kind, data, roots=roots, name=name)


@contextmanager
def strict() -> Iterator[None]:
    """Turns NumPy's warnings into errors, so that nothing is printed and the result counts as unknown."""
    with catch_warnings():
        simplefilter("ignore")
        simplefilter("error", RuntimeWarning)
        yield


def measured(call: Call, shape: Shape) -> Value:
    """The number of elements of this shape, or its sizes from ``start`` to ``end``."""
    if call.type == "Size":
        return known(of_numbers(7, (prod(shape),), ()))
    start, end = call.whole("start", 0), call.whole("end", len(shape))
    return known(of_numbers(7, shape[start:end]))


def elements_of(call: Call, computed: Computed | None, seen: dict[Any, Any]) -> Sequence[Any] | None:
    """The elements of a constant's outputs, if all inputs are known and small. None otherwise, and None if NumPy fails
    or, within :func:`strict`, warns."""
    if computed is None or any(value is not None and value.data is None for value in call.inputs):
        return None
    try:
        results = computed(call, seen)
    except Exception:  # a file may hold anything, and NumPy may raise anything
        return None
    return results if results is not None and all(one.size <= SMALL for one in results) else None


def same(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
    """The first input unchanged."""
    return (call.input(0).data,) if len(call.outputs) == 1 else None


def reshape(reached: Callable[[Call, Shape], Shape]) -> Computed:
    """Computes the first input in the shape that ``reached`` gives."""

    def computed(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
        data = call.input(0).data
        return (data.reshaped(reached(call, data.shape)),) if _volume(data.shape) <= SMALL else None

    return computed


def evaluated(function: Evaluated, bound: Bound, several: bool = False) -> Computed:
    """Computes a function with one result, or ``several``, whose results have at most as many elements as the bound
    says."""

    def computed(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
        arrays = [None if value is None else value.data for value in call.inputs]
        shapes = [data.shape for data in arrays if data is not None]
        fits = (several or len(call.outputs) == 1) and max(map(_volume, shapes)) <= SMALL
        if not fits or not bound(call, arrays, shapes) <= SMALL:
            return None
        settings = [(name, _exact(value)) for name, value in call.attributes.items()]
        key = (call.type, call.opset, len(call.outputs), repr(settings), *map(_exact, arrays))
        if key not in seen:
            seen[key] = _evaluated(function, call, arrays)
        results: Sequence[Elements] | None = seen[key]
        return results

    return computed


def _exact(value: Any) -> Any:
    """A hashable key of the elements; any other value unchanged."""
    return (value.kind, value.shape, value.array.tobytes()) if isinstance(value, Elements) else value


def _evaluated(function: Evaluated, call: Call, given: Sequence[Elements | None]) -> Sequence[Elements] | None:
    if any(data is not None and data.kind not in TYPES for data in given):  # NumPy lacks this type
        return None
    results = function(call, [None if data is None else data.array for data in given])
    found = [of_array(one) for one in results]
    return None if None in found else [one for one in found if one is not None]


# --- bounds -----------------------------------------------------------------------------------------------------------


def _volume(sizes: Sequence[int]) -> int:
    """The number of elements of a shape, with empty axes counted as one."""
    return prod([max(1, size) for size in sizes])


def _together(shapes: Sequence[Sequence[int]]) -> Shape:
    return broadcast([tuple([max(1, size) for size in shape]) for shape in shapes])


def _listed(sizes: Any) -> list[int]:
    if sizes.size > 64:
        raise ValueError("more axes than an array has")
    return [int(size) for size in sizes.numbers]


def _along(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    axis = range(len(shapes[0]))[call.whole("axis", 0)]
    return _volume(shapes[0]) // max(1, shapes[0][axis]) * _volume(shapes[1])


def _ranged(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    start, end, step = [data.item() for data in arrays]
    return float(abs((end - start) / step))


def _joined(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    if not -len(shapes[0]) <= call.whole("axis", 0) < len(shapes[0]):
        raise ValueError("another axis than it has")
    return sum(map(_volume, shapes))


def _split(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    sizes = arrays[1] if len(arrays) > 1 else None
    if sizes is not None and len(sizes.shape) != 1:
        raise ValueError("one number in place of a list")
    parts = call.ints("split") if sizes is None else sizes.numbers
    if parts and (min(parts) < 0 or sum(parts) != shapes[0][call.whole("axis", 0)]):
        raise ValueError("parts that are not the whole")
    return _volume(shapes[0])


def _sliced(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    if len({data.size for data in arrays[1:] if data is not None}) > 1:
        raise ValueError("lists that do not fit each other")
    return _volume(shapes[0])


def _expanded(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    return _volume(_together([shapes[0], _listed(arrays[1])]))


def _by_element(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    if "axis" in call.attributes:  # an old opset: not NumPy's broadcasting
        raise ValueError("another broadcasting")
    return _volume(_together(shapes))


def by_element(function: Evaluated) -> Computed:
    """Computes an elementwise function; the operands broadcast."""
    return evaluated(function, _by_element)


def shrinking(function: Evaluated) -> Computed:
    """Computes a function whose result never has more elements than its first input."""
    return evaluated(function, lambda call, arrays, shapes: _volume(shapes[0]))


SPLIT = evaluated(evaluate.split, _split, several=True)
SLICED = evaluated(evaluate.sliced, _sliced)
RANGED = evaluated(evaluate.ranged, _ranged)
FILLED = evaluated(evaluate.filled, lambda call, arrays, shapes: _volume(_listed(arrays[0])))
TILED = evaluated(evaluate.tiled, lambda call, arrays, shapes: _volume(shapes[0]) * _volume(_listed(arrays[1])))
GATHERED = evaluated(evaluate.gathered, _along)
JOINED = evaluated(evaluate.joined, _joined)
EXPANDED = evaluated(evaluate.expanded, _expanded)
