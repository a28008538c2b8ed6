"""Which row a layer class has, and which an operation of keras.ops or TensorFlow."""

from typing import Any

from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.keras.core import APPLICATIONS
from sepcalc.importers.keras.layers import LAYERS as INNERMOST
from sepcalc.importers.keras.operations import OPERATIONS
from sepcalc.importers.keras.rows import Operator
from sepcalc.importers.keras.wrappers import WRAPPERS

_ELSEWHERE = (
    "its work is in a function or a module of another library, which is not run: it would take core layers in its "
    "place, or the module itself where it is PyTorch's"
)
LAYERS: dict[str, Operator] = {
    **INNERMOST,
    **WRAPPERS,
    "Lambda": Operator(
        None,
        NONE,
        "its function is stored as code, which is not run: it would take core layers, or keras.ops, in its place",
    ),
    **same_rows(Operator(None, NONE, _ELSEWHERE), "JaxLayer", "FlaxLayer", "TFSMLayer", "TorchModuleWrapper"),
    "TFOpLambda": Operator(
        None,
        NONE,
        "an operation of TensorFlow that sepcalc does not know: it would take a Keras layer in its place",
        stores=False,
    ),
    "TensorFlowOpLayer": Operator(
        None, NONE, "an operation of a TensorFlow graph: it would take a Keras layer in its place", stores=False
    ),
    "SlicingOpLambda": Operator(None, NONE, stores=False),
}
CUSTOM = (
    "a class of someone's own, whose work is in code that the file does not hold: it would take core layers in its "
    "place, or the model as an ONNX file"
)
UNKNOWN = "a layer class that sepcalc does not know: it would take core layers in its place"
OPERATION = "an operation that sepcalc does not know: it would take a core layer, or other operations, in its place"


def may_store(class_name: str, module: Any, operands: int = 0) -> bool:
    """Whether a layer that is not counted may have weights. That of an operation or a function has none."""
    name = class_name.split(">")[-1]
    home = module if isinstance(module, str) else ""
    ours = not home or home.startswith(("keras", "tensorflow.", "tf_keras"))
    weightless = name in LAYERS and not LAYERS[name].stores
    return not ours or not (weightless or ".ops" in home or (name in OPERATIONS and operands))


def row_of(class_name: str, module: Any, registered: Any, operands: int = 0) -> Operator:
    """What is known of a layer of this class. Where it may as well be an operation, ``operands`` are those that it is
    called on; a layer takes its tensors as one."""
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
