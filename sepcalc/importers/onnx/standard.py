"""The table of ONNX's own operators, merged from all families."""

from sepcalc.importers.onnx.activations import ACTIVATIONS
from sepcalc.importers.onnx.arithmetic import ARITHMETIC
from sepcalc.importers.onnx.attention import ATTENTION
from sepcalc.importers.onnx.convolutions import CONVOLUTIONS
from sepcalc.importers.onnx.gathers import GATHERS
from sepcalc.importers.onnx.moves import MOVES
from sepcalc.importers.onnx.norms import NORMS
from sepcalc.importers.onnx.pools import POOLS
from sepcalc.importers.onnx.products import PRODUCTS
from sepcalc.importers.onnx.quantized import QUANTIZED
from sepcalc.importers.onnx.recurrent import RECURRENT
from sepcalc.importers.onnx.reductions import REDUCTIONS
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.sorting import SORTING
from sepcalc.importers.onnx.spectra import SPECTRA

STANDARD: dict[str, Operator] = {
    **CONVOLUTIONS,
    **POOLS,
    **PRODUCTS,
    **ATTENTION,
    **NORMS,
    **RECURRENT,
    **QUANTIZED,
    **ARITHMETIC,
    **ACTIVATIONS,
    **REDUCTIONS,
    **MOVES,
    **GATHERS,
    **SORTING,
    **SPECTRA,
}
