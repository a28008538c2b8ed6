"""Which function counts a layer class, and which an operation of keras.ops or TensorFlow."""

from collections.abc import Callable
from typing import Any

from sepcalc.importers.keras import activation, attention, conv, core, merge, operations, pool, recurrent, wrappers
from sepcalc.importers.keras.build import Call, Tensor

Handler = Callable[[Call], Tensor | list[Tensor]]

LAYERS: dict[str, Handler] = {
    **core.LAYERS,
    **conv.LAYERS,
    **pool.LAYERS,
    **activation.LAYERS,
    **merge.LAYERS,
    **attention.LAYERS,
    **recurrent.LAYERS,
    **wrappers.LAYERS,
}
OPERATIONS: dict[str, Handler] = operations.OPERATIONS

# Why a class that is Keras' own is not counted, and what it would take.
REASONS = {
    "Lambda": "its function is stored as code, which is not run: it would take core layers, or keras.ops, in its place",
    "LocallyConnected1D": "it has weights of its own at every position, a layer of Keras 2 alone: it would take Conv1D",
    "LocallyConnected2D": "it has weights of its own at every position, a layer of Keras 2 alone: it would take Conv2D",
    "Discretization": "a search whose steps depend on the data: it would take integers as the model's input",
    "CategoryEncoding": "an encoding of categories: it would take encoded numbers as the model's input",
    "Hashing": "a hash of text or integers: it would take integers as the model's input",
    "HashedCrossing": "a hash of text or integers: it would take integers as the model's input",
    "IntegerLookup": "a lookup in a vocabulary: it would take integers as the model's input",
    "StringLookup": "a lookup in a vocabulary: it would take integers as the model's input",
    "TextVectorization": "text is cut into words and looked up: it would take integers as the model's input",
    "TFOpLambda": "an operation of TensorFlow that sepcalc does not know: it would take a Keras layer in its place",
    "TensorFlowOpLayer": "an operation of a TensorFlow graph: it would take a Keras layer in its place",
    "MelSpectrogram": "a Fourier transform: it would take the spectrogram as the model's input",
    "STFTSpectrogram": "a Fourier transform: it would take the spectrogram as the model's input",
}
CUSTOM = (
    "a class of someone's own, whose work is in code that the file does not hold: it would take core layers in its "
    "place, or the model as an ONNX file"
)
UNKNOWN = "a layer class that sepcalc does not know: it would take core layers in its place"
OPERATION = "an operation that sepcalc does not know: it would take a core layer, or other operations, in its place"


def handler(class_name: str, module: Any, registered: Any, operands: int = 0) -> tuple[Handler | None, str]:
    """What counts a layer of this class, or None and why nothing does. Where it may as well be an operation,
    ``operands`` are those that it is called on; a layer takes its tensors as one."""
    own = registered if isinstance(registered, str) else class_name
    home = module if isinstance(module, str) else ""
    if ">" in own and not own.startswith(("keras", "Keras")):
        return None, CUSTOM
    if home and not home.startswith(("keras", "tensorflow.", "tf_keras", "builtins")):
        return None, CUSTOM
    name = class_name.split(">")[-1]
    if ("applications" in home or not home) and name in core.APPLICATIONS:
        return core.APPLICATIONS[name], ""
    if name in OPERATIONS and operands > (name in LAYERS):
        return OPERATIONS[name], ""
    if ".ops" in home:
        return OPERATIONS.get(name), OPERATION
    if name in LAYERS and home != "builtins":
        return LAYERS[name], ""
    return None, REASONS.get(name, UNKNOWN if home.startswith("keras") else CUSTOM)
