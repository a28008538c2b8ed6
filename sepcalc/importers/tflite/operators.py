"""The operators of all rooms: what is known of each by its name."""

from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.tflite.control import CONTROL
from sepcalc.importers.tflite.custom import CUSTOM
from sepcalc.importers.tflite.elements import ELEMENTS
from sepcalc.importers.tflite.layers import LAYERS
from sepcalc.importers.tflite.moves import MOVES
from sepcalc.importers.tflite.recurrent import RECURRENT
from sepcalc.importers.tflite.rows import Operator
from sepcalc.importers.tflite.state import STATE
from sepcalc.importers.tflite.sums import SUMS

_DATA = "how many elements it keeps depends on the data"
_TEXT = "it works on texts, whose lengths are not known"
_TABLE = "how long it looks for a key in a table depends on the table"
_DRAWN = "what drawing random numbers takes is not known"
_FOURIER = "how many operations a Fourier transform takes is the library's choice"
_COMPLEX = "complex numbers have no count here"
_GRAPH = "it runs a graph of its own, which has no count here"
_OTHER = "no count is known for this operator"
UNCOUNTED: dict[str, Operator] = {
    **same_rows(Operator(None, NONE, _DATA), "WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"),
    **same_rows(Operator(None, NONE, _TEXT), "SKIP_GRAM", "LSH_PROJECTION"),
    **same_rows(
        Operator(None, NONE, _TABLE),
        *("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "HASHTABLE_LOOKUP"),
    ),
    **same_rows(Operator(None, NONE, _DRAWN), "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"),
    "RFFT2D": Operator(None, NONE, _FOURIER),
    **same_rows(Operator(None, NONE, _COMPLEX), "REAL", "IMAG", "COMPLEX_ABS"),
    "BUCKETIZE": Operator(None, NONE, "how often it compares with its boundaries is the library's choice"),
    "EMBEDDING_LOOKUP_SPARSE": Operator(None, NONE, "how many rows it adds depends on the data"),
    **same_rows(Operator(None, NONE, _GRAPH), "DELEGATE", "STABLEHLO_COMPOSITE"),
}
BUILTIN: dict[str, Operator] = {
    **LAYERS,
    **ELEMENTS,
    **MOVES,
    **SUMS,
    **RECURRENT,
    **STATE,
    **CONTROL,
    **UNCOUNTED,
}
OPERATORS: dict[str, Operator] = {**BUILTIN, **CUSTOM}
UNKNOWN = Operator(None, NONE, _OTHER)
OWN = Operator(None, NONE, "it is a custom operator: what it computes, the file does not say")


def row_of(name: str, custom: bool) -> Operator:
    """What is known of an operator."""
    return CUSTOM.get(name, OWN) if custom else BUILTIN.get(name, UNKNOWN)
