"""The operators of all rooms: what is known of each by its name."""

from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.common.tensorflow.control import CONTROL
from sepcalc.importers.common.tensorflow.elements import ELEMENTS
from sepcalc.importers.common.tensorflow.graph import Call
from sepcalc.importers.common.tensorflow.layers import LAYERS as IMAGES
from sepcalc.importers.common.tensorflow.moves import MOVES
from sepcalc.importers.common.tensorflow.rows import Operator
from sepcalc.importers.common.tensorflow.sums import SUMS
from sepcalc.importers.tflite.custom import CUSTOM
from sepcalc.importers.tflite.layers import LAYERS
from sepcalc.importers.tflite.quantized import QUANTIZED
from sepcalc.importers.tflite.recurrent import RECURRENT
from sepcalc.importers.tflite.schema import NAMES
from sepcalc.importers.tflite.state import STATE
from sepcalc.shape import Shape

_DATA = "how many elements it keeps depends on the data"
_TEXT = "it works on texts, whose lengths are not known"
_TABLE = "how long it looks for a key in a table depends on the table"
_DRAWN = "what drawing random numbers takes is not known"
_FOURIER = "how many operations a Fourier transform takes is the library's choice"
_COMPLEX = "complex numbers have no count here"
_GRAPH = "it runs a graph of its own, which has no count here"
_OTHER = "no count is known for this operator"


def _frequencies(call: Call) -> Shape | None:
    """One side of those of the last axis."""
    shape, lengths = call.input(0).sizes, call.input(1).data
    return (*shape[:-2], int(lengths[0]), int(lengths[1]) // 2 + 1) if lengths and len(shape) > 1 else None


def _kept(call: Call) -> Shape:
    return call.input(0).sizes


def _drawn(call: Call) -> Shape | None:
    said = call.input(0).data
    return None if said is None else tuple([int(size) for size in said])


UNCOUNTED: dict[str, Operator] = {
    **same_rows(Operator(None, NONE, _DATA), "WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"),
    **same_rows(Operator(None, NONE, _TEXT), "SKIP_GRAM", "LSH_PROJECTION"),
    **same_rows(
        Operator(None, NONE, _TABLE),
        *("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "HASHTABLE_LOOKUP"),
    ),
    **same_rows(Operator(None, NONE, _DRAWN, shape=_drawn), "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"),
    "MULTINOMIAL": Operator(None, NONE, _DRAWN),
    "RFFT2D": Operator(None, NONE, _FOURIER, shape=_frequencies),
    **same_rows(Operator(None, NONE, _COMPLEX, shape=_kept), "REAL", "IMAG", "COMPLEX_ABS"),
    "BUCKETIZE": Operator(None, NONE, "how often it compares with its boundaries is the library's choice", shape=_kept),
    "EMBEDDING_LOOKUP_SPARSE": Operator(None, NONE, "how many rows it adds depends on the data"),
    **same_rows(Operator(None, NONE, _GRAPH), "DELEGATE", "STABLEHLO_COMPOSITE"),
}
_EVERY = (LAYERS, IMAGES, ELEMENTS, QUANTIZED, MOVES, SUMS, RECURRENT, STATE, CONTROL, UNCOUNTED)
BUILTIN: dict[str, Operator] = {name: row for table in _EVERY for name, row in table.items() if name in NAMES}
OPERATORS: dict[str, Operator] = {**BUILTIN, **CUSTOM}
UNKNOWN = Operator(None, NONE, _OTHER)
OWN = Operator(None, NONE, "it is a custom operator: what it computes, the file does not say")


def row_of(name: str, custom: bool) -> Operator:
    """What is known of an operator."""
    return CUSTOM.get(name, OWN) if custom else BUILTIN.get(name, UNKNOWN)
