"""Constants that a graph computes for itself: shapes, indices, bounds. ONNX's own reference computes them; only small
ones, large ones keep their shape. Their elements are arrays as that reference has them, of which nobody here asks more
than ``shape``, ``size``, ``dtype`` and ``reshape(-1)``."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from typing import Any
from warnings import catch_warnings, simplefilter

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.shapes import broadcast
from sepcalc.importers.onnx.values import Call, Value
from sepcalc.shape import Shape

SMALL = 16_384  # elements of one
MAX_COMPUTED = 2**22  # elements read and made in one file: bounds time, and memory to 32 MiB

# What becomes of the elements of small constants: the results of a call, or None where they are not. What was computed
# is kept: blocks that repeat compute the same.
Computed = Callable[[Call, dict[Any, Any]], Sequence[Any] | None]
# No result of these arrays has more elements than this, nor a step on the way to it: found before anything is computed.
Bound = Callable[[Call, Sequence[Any], Sequence[Shape]], float]


def array(kind: int, numbers: Sequence[Any], shape: Shape | None = None) -> Any:
    """Numbers as an array of ONNX's element type ``kind``: one axis where no shape is given. Raises Invalid."""
    from onnx.helper import make_tensor
    from onnx.numpy_helper import to_array

    try:
        return to_array(make_tensor("", kind, (len(numbers),) if shape is None else shape, numbers))
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid("it makes a constant of what no tensor of numbers holds") from error


def known(data: Any, roots: tuple[str, ...] = (), name: str = "") -> Value:
    """A constant whose elements are known."""
    return Value(data.shape, _kind(data.dtype), data, roots=roots, name=name)


def numeric(data: Any) -> bool:
    """Whether an array holds numbers or truths that Python can read."""
    return (data.dtype.kind in "biuf" and data.dtype.names is None) or data.dtype.name == "bfloat16"


@contextmanager
def strict() -> Iterator[None]:
    """Within it what the reference warns of is not known, and nothing is printed."""
    with catch_warnings():
        simplefilter("ignore")
        simplefilter("error", RuntimeWarning)
        yield


def evaluate(call: Call, computed: Computed | None, seen: dict[Any, Any]) -> Sequence[Any] | None:
    """The elements of a constant's outputs, where they are few and everything it is made from is known; None otherwise,
    also where the reference fails on it, or warns of it within :func:`strict`."""
    if computed is None or any(value is not None and value.data is None for value in call.inputs):
        return None
    try:
        results = computed(call, seen)
    except Exception:  # what a file may hold that the reference does not take is without end
        return None
    return results if results is not None and all(one.size <= SMALL and numeric(one) for one in results) else None


def same(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
    """The first input as it is."""
    return (call.input(0).data,) if len(call.outputs) == 1 else None


def reshape(reached: Callable[[Call, Shape], Shape]) -> Computed:
    """The elements of the first input in the shape that is reached from theirs."""

    def computed(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
        data = call.input(0).data
        return (data.reshape(reached(call, data.shape)),) if _volume(data.shape) <= SMALL else None

    return computed


def referred(bound: Bound, several: bool = False) -> Computed:
    """What ONNX's reference computes: one result, or ``several``, of no more elements than the bound says."""

    def computed(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
        arrays = _arrays(call)
        shapes = [data.shape for data in arrays if data is not None]
        fits = (several or len(call.outputs) == 1) and max(map(_volume, shapes)) <= SMALL
        if not fits or not bound(call, arrays, shapes) <= SMALL:
            return None
        settings = [(name, _exact(value)) for name, value in call.attributes.items()]
        key = (call.type, call.opset, len(call.outputs), repr(settings), *map(_exact, arrays))
        if key not in seen:
            seen[key] = _referred(call, arrays)
        results: Sequence[Any] = seen[key]
        return results

    return computed


def _arrays(call: Call) -> list[Any]:
    return [None if value is None else value.data for value in call.inputs]


def _exact(value: Any) -> Any:
    """What is equal for equal arrays; anything else as it is."""
    return (value.dtype, value.shape, value.tobytes()) if hasattr(value, "tobytes") else value


def _referred(call: Call, arrays: Sequence[Any]) -> Sequence[Any]:
    """What ONNX's reference computes."""
    from onnx.helper import make_attribute, make_node
    from onnx.numpy_helper import from_array

    names = ["" if data is None else f"x{at}" for at, data in enumerate(arrays)]
    given = [f"y{at}" for at in range(len(call.outputs))]
    node = make_node(call.type, names, given)
    for name, value in call.attributes.items():
        if isinstance(value, tuple) and not value:
            continue  # as if it were not there
        node.attribute.append(make_attribute(name, from_array(value) if hasattr(value, "dtype") else value))
    evaluator = _evaluator(node.SerializeToString(), call.opset)
    results = evaluator.run(given, dict(zip(names, arrays)))
    return [one.reshape(one.shape) for one in results]  # of one number the reference may give no array


@lru_cache(256)
def _evaluator(node: bytes, opset: int) -> Any:
    """ONNX's reference of a graph of this one node."""
    from onnx import GraphProto
    from onnx.reference import ReferenceEvaluator

    graph = GraphProto()
    graph.node.add().ParseFromString(node)
    return ReferenceEvaluator(graph, opsets={"": opset})


@lru_cache(256)
def _kind(dtype: Any) -> int:
    from onnx.helper import np_dtype_to_tensor_dtype

    return int(np_dtype_to_tensor_dtype(dtype))


# --- bounds -----------------------------------------------------------------------------------------------------------


def _volume(sizes: Sequence[int]) -> int:
    """Elements of a shape, of which an empty axis does not hide the others."""
    return prod([max(1, size) for size in sizes])


def _together(shapes: Sequence[Sequence[int]]) -> Shape:
    return broadcast([tuple([max(1, size) for size in shape]) for shape in shapes])


def _listed(sizes: Any) -> list[int]:
    if sizes.size > 64:
        raise ValueError("more axes than an array has")
    return [int(size) for size in sizes.reshape(-1)]


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
    parts = arrays[1].tolist() if len(arrays) > 1 and arrays[1] is not None else call.ints("split")
    if parts and (min(parts) < 0 or sum(parts) != shapes[0][call.whole("axis", 0)]):
        raise ValueError("parts that are not the whole")
    return _volume(shapes[0])


def _sliced(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    if len({data.size for data in arrays[1:] if data is not None}) > 1:
        raise ValueError("lists that do not fit each other")
    return _volume(shapes[0])


def _by_element(call: Call, arrays: Sequence[Any], shapes: Sequence[Shape]) -> float:
    if "axis" in call.attributes:  # of old: not as NumPy broadcasts
        raise ValueError("another broadcasting")
    return _volume(_together(shapes))


BY_ELEMENT = referred(_by_element)
SHRINKING = referred(lambda call, arrays, shapes: _volume(shapes[0]))  # never more elements than the first input
SPLIT = referred(_split, several=True)
SLICED = referred(_sliced)
RANGED = referred(_ranged)
FILLED = referred(lambda call, arrays, shapes: _volume(_listed(arrays[0])))
TILED = referred(lambda call, arrays, shapes: _volume(shapes[0]) * _volume(_listed(arrays[1])))
GATHERED = referred(_along)
JOINED = referred(_joined)
EXPANDED = referred(lambda call, arrays, shapes: _volume(_together([shapes[0], _listed(arrays[1])])))


def quotient(call: Call, seen: dict[Any, Any]) -> Sequence[Any] | None:
    """A quotient; of whole numbers towards zero, where older references go down."""
    a, b = _arrays(call)
    if a.dtype != b.dtype or a.dtype.kind not in "iu":
        return BY_ELEMENT(call, seen)
    if _by_element(call, (a, b), (a.shape, b.shape)) > SMALL:
        return None
    whole = a // b
    return ((whole + ((whole * b != a) & ((a < 0) != (b < 0)))).reshape(whole.shape),)
