"""The table of all ATen operators, by name."""

from sepcalc.importers.common.layout import NONE
from sepcalc.importers.torch.elements import ELEMENTS
from sepcalc.importers.torch.layers import LAYERS
from sepcalc.importers.torch.losses import LOSSES
from sepcalc.importers.torch.moves import MOVES
from sepcalc.importers.torch.products import PRODUCTS
from sepcalc.importers.torch.reductions import REDUCTIONS
from sepcalc.importers.torch.rows import Operator
from sepcalc.importers.torch.scatters import SCATTERS
from sepcalc.importers.torch.sorting import SORTING
from sepcalc.importers.torch.uncounted import UNCOUNTED

OPERATORS: dict[str, Operator] = {
    **LAYERS, **PRODUCTS, **ELEMENTS, **REDUCTIONS, **MOVES, **SCATTERS, **SORTING, **LOSSES, **UNCOUNTED,
}  # fmt: skip
UNKNOWN = Operator(None, NONE)


def row_of(name: str) -> Operator:
    """The row of an operator; an empty row for an unknown one."""
    return OPERATORS.get(name, UNKNOWN)
