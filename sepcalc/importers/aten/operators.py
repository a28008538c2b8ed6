"""The table of all ATen operators, by name."""

from sepcalc.importers.aten.elements import ELEMENTS
from sepcalc.importers.aten.layers import LAYERS
from sepcalc.importers.aten.losses import LOSSES
from sepcalc.importers.aten.moves import MOVES
from sepcalc.importers.aten.products import PRODUCTS
from sepcalc.importers.aten.quantized import QUANTIZED
from sepcalc.importers.aten.reductions import REDUCTIONS
from sepcalc.importers.aten.rows import Operator
from sepcalc.importers.aten.scatters import SCATTERS
from sepcalc.importers.aten.sorting import SORTING
from sepcalc.importers.aten.uncounted import UNCOUNTED
from sepcalc.importers.common.layout import NONE

OPERATORS: dict[str, Operator] = {
    **LAYERS, **PRODUCTS, **ELEMENTS, **REDUCTIONS, **MOVES, **SCATTERS, **SORTING, **LOSSES, **QUANTIZED, **UNCOUNTED,
}  # fmt: skip
UNKNOWN = Operator(None, NONE)


def row_of(name: str) -> Operator:
    """The row of an operator; an empty row for an unknown one."""
    return OPERATORS.get(name, UNKNOWN)
