"""The table of all operators."""

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
from sepcalc.importers.tflite.stablehlo import STABLEHLO
from sepcalc.importers.tflite.state import STATE
from sepcalc.shape import Shape

_DATA = "the number of elements that it keeps depends on the data"
_TEXT = "it works on texts, whose lengths are not known"
_TABLE = "the time to find a key in a table depends on the table"
_DRAWN = "the work of drawing random numbers is not known"
_FOURIER = "the library chooses the algorithm of a Fourier transform"
_COMPLEX = "operations on complex numbers are not counted"
_GRAPH = "it runs in another library"
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
    "BUCKETIZE": Operator(None, NONE, "the library chooses how it finds the boundaries", shape=_kept),
    "EMBEDDING_LOOKUP_SPARSE": Operator(None, NONE, "the number of rows that it adds depends on the data"),
    "DELEGATE": Operator(None, NONE, _GRAPH),
}
_EVERY = (LAYERS, IMAGES, ELEMENTS, QUANTIZED, MOVES, SUMS, RECURRENT, STATE, CONTROL, STABLEHLO, UNCOUNTED)
BUILTIN: dict[str, Operator] = {name: row for table in _EVERY for name, row in table.items() if name in NAMES}
OPERATORS: dict[str, Operator] = {**BUILTIN, **CUSTOM}
UNKNOWN = Operator(None, NONE, _OTHER)
OWN = Operator(None, NONE, "it is a custom operator: the file does not say what it computes")


def row_of(name: str, custom: bool) -> Operator:
    """What is known of an operator."""
    return CUSTOM.get(name, OWN) if custom else BUILTIN.get(name, UNKNOWN)
