"""The row of a layer class, or of an operation of keras.ops or TensorFlow."""

from typing import Any

from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.keras.core import APPLICATIONS
from sepcalc.importers.keras.layers import LAYERS as INNERMOST
from sepcalc.importers.keras.operations import OPERATIONS
from sepcalc.importers.keras.rows import Operator
from sepcalc.importers.keras.wrappers import WRAPPERS

_ELSEWHERE = (
    "it runs a function or a module of another library, which sepcalc does not run: use core layers in its "
    "place, or count the PyTorch module itself"
)
LAYERS: dict[str, Operator] = {
    **INNERMOST,
    **WRAPPERS,
    "Lambda": Operator(
        None,
        NONE,
        "its function is stored as code, which sepcalc does not run: use core layers, or keras.ops, in its place",
    ),
    **same_rows(Operator(None, NONE, _ELSEWHERE), "JaxLayer", "FlaxLayer", "TFSMLayer", "TorchModuleWrapper"),
    "TFOpLambda": Operator(
        None,
        NONE,
        "an operation of TensorFlow that sepcalc does not know: use a Keras layer in its place",
        stores=False,
    ),
    "TensorFlowOpLayer": Operator(
        None, NONE, "an operation of a TensorFlow graph: use a Keras layer in its place", stores=False
    ),
    "SlicingOpLambda": Operator(None, NONE, stores=False),
}
CUSTOM = "a custom class, whose code is not in the file: use core layers in its place, or the model as an ONNX file"
UNKNOWN = "a layer class that sepcalc does not know: use core layers in its place"
OPERATION = "an operation that sepcalc does not know: use a core layer, or other operations, in its place"


def may_store(class_name: str, module: Any, operands: int = 0) -> bool:
    """Whether an uncounted layer may have weights; an operation or a function has none."""
    name = class_name.split(">")[-1]
    home = module if isinstance(module, str) else ""
    ours = not home or home.startswith(("keras", "tensorflow.", "tf_keras"))
    weightless = name in LAYERS and not LAYERS[name].stores
    return not ours or not (weightless or ".ops" in home or (name in OPERATIONS and operands))


def row_of(class_name: str, module: Any, registered: Any, operands: int = 0) -> Operator:
    """The row of a layer class. Where the name may also be an operation, ``operands`` is the number of its operands; a
    layer takes its tensors as one argument."""
    own = registered if isinstance(registered, str) else class_name
    home = module if isinstance(module, str) else ""
    if (">" in own or own != class_name) and not own.startswith(("keras", "Keras")):
        return _unknown(CUSTOM)
    if home and not home.startswith(("keras", "tensorflow.", "tf_keras", "builtins")):
        return _unknown(CUSTOM)
    name = class_name.split(">")[-1]
    row = LAYERS.get(name)
    if ("applications" in home or not home) and name in APPLICATIONS:
        return APPLICATIONS[name]
    if name in OPERATIONS and operands > (row is not None):
        return OPERATIONS[name]
    if ".ops" in home:
        return OPERATIONS.get(name) or _unknown(OPERATION)
    if row is not None and (row.handle or row.shapes) and home != "builtins":
        return row
    if row is not None and row.reason:
        return _unknown(row.reason)
    return _unknown(UNKNOWN if home.startswith("keras") else CUSTOM)


def _unknown(reason: str) -> Operator:
    return Operator(None, NONE, reason)
