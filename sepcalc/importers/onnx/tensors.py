"""The elements of constants: stored ones, decoded on first use, and computed ones, as NumPy arrays. Only computed ones
import NumPy.

Source: onnx.proto, "TensorProto".
"""

from collections.abc import Sequence
from math import prod
from struct import iter_unpack, pack, unpack
from typing import TYPE_CHECKING, Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.protobuf import Payload
from sepcalc.shape import Shape

if TYPE_CHECKING:
    import numpy as np

# The struct format and the NumPy name of each readable element type.
TYPES = {
    1: ("<f", "float32"),
    2: ("<B", "uint8"),
    3: ("<b", "int8"),
    4: ("<H", "uint16"),
    5: ("<h", "int16"),
    6: ("<i", "int32"),
    7: ("<q", "int64"),
    9: ("<?", "bool"),
    10: ("<e", "float16"),
    11: ("<d", "float64"),
    12: ("<I", "uint32"),
    13: ("<Q", "uint64"),
}
# The names of the types by number, as Cast uses them before opset 6.
NAMES = (
    *("UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16"),
    *("DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"),
)
BFLOAT16 = 16  # the upper half of a float32, and an array of these
_KINDS = {name: kind for kind, (_, name) in TYPES.items()}
_FLOAT16 = 10
EXTERNAL = 1  # the data location of a tensor whose elements are in another file
_TYPED = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}  # else int32_data
_FLOATING = (1, _FLOAT16, 11, BFLOAT16)
# The width of an element in bits, for all types.
FLOATS = {1: 32, 10: 16, 11: 64, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 23: 4, 24: 8}
BITS = FLOATS | {
    2: 8,
    3: 8,
    4: 16,
    5: 16,
    6: 32,
    7: 64,
    9: 8,
    12: 32,
    13: 64,
    14: 64,
    15: 128,
    21: 4,
    22: 4,
    25: 2,
    26: 2,
}


class Elements:
    """The elements of a constant in row-major order. ``kind`` is ONNX's number of their type. They are given as Python
    numbers, as an array, or as bytes of the file."""

    __slots__ = ("_array", "_bytes", "_numbers", "kind", "shape")

    def __init__(
        self,
        shape: Shape,
        kind: int,
        numbers: Sequence[Any] | None = None,
        array: "np.ndarray[Any, Any] | None" = None,
        given: Payload | None = None,
    ) -> None:
        self.shape = shape
        self.kind = kind
        self._numbers = numbers
        self._array = array
        self._bytes = given

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def floating(self) -> bool:
        """Whether the elements are floating-point numbers."""
        return self.kind in _FLOATING

    @property
    def numbers(self) -> Sequence[Any]:
        """The elements as Python numbers."""
        if self._numbers is None:
            if self._bytes is not None:
                self._numbers = [number for (number,) in iter_unpack(TYPES[self.kind][0], self._bytes.read())]
            else:
                self._numbers = self.array.reshape(-1).tolist()
        return self._numbers

    @property
    def array(self) -> "np.ndarray[Any, Any]":
        """The elements as a NumPy array."""
        if self._array is None:
            import numpy as np

            name = "float32" if self.kind == BFLOAT16 else TYPES[self.kind][1]
            self._array = np.array(self.numbers, name).reshape(self.shape)
        return self._array

    def item(self) -> Any:
        """The only element. Raises ValueError if there are several or none."""
        (number,) = self.numbers
        return number

    def reshaped(self, shape: Shape) -> "Elements":
        """The same elements in another shape. Raises ValueError if the number of elements differs."""
        if prod(shape) != self.size:
            raise ValueError("another number of elements")
        array = None if self._array is None else self._array.reshape(shape)
        return Elements(shape, self.kind, self._numbers, array, self._bytes)


def of_array(array: "np.ndarray[Any, Any]") -> Elements | None:
    """The elements of an array; None if they are not numbers of an ONNX type."""
    kind = _KINDS.get(array.dtype.name)
    return None if kind is None else Elements(array.shape, kind, array=array)


def of_numbers(kind: int, numbers: Sequence[Any], shape: Shape | None = None) -> Elements:
    """Numbers as elements of ONNX's type ``kind``, on one axis by default. Raises Invalid."""
    elements = Elements((len(numbers),) if shape is None else shape, kind, numbers)
    try:
        if elements.size == len(numbers):
            assert elements.array is not None
            return elements
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise Invalid("its constant has a value that no tensor of numbers can hold")


def stored_elements(tensor: Any, shape: Shape) -> Elements | None:
    """The elements that a tensor message holds; None if Python cannot represent their type. Raises ValueError if their
    number does not match the shape."""
    kind, count = tensor.data_type, prod(shape)
    raw = tensor.raw_data if tensor.has("raw_data") else None
    if raw is not None and len(raw) != -(-count * BITS.get(kind, 0) // 8) and kind in BITS:
        raise ValueError(f"{len(raw)} bytes for {count} elements")
    if kind == BFLOAT16:
        halves = tensor.int32_data if raw is None else [half for (half,) in iter_unpack("<H", raw.read())]
        numbers = [unpack("<f", pack("<I", (half & 0xFFFF) << 16))[0] for half in halves]
    elif kind not in TYPES:
        return None
    elif raw is not None:
        return Elements(shape, kind, given=raw)
    elif kind == _FLOAT16:
        numbers = [unpack("<e", pack("<H", half & 0xFFFF))[0] for half in tensor.int32_data]
    else:
        numbers = getattr(tensor, _TYPED.get(kind, "int32_data"))
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} elements for {count}")
    return Elements(shape, kind, numbers)
