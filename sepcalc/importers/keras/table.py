"""Which function counts a layer class, and which an operation of keras.ops or TensorFlow."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sepcalc.importers.keras import (
    activation,
    attention,
    conv,
    core,
    encoding,
    merge,
    operations,
    pool,
    recurrent,
    signals,
    wrappers,
)
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.shape import Shape

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
    **encoding.LAYERS,
    **signals.LAYERS,
}
# The shapes of what some give that are not counted.
SHAPES: dict[str, Callable[[Call], list[Shape]]] = {**encoding.SHAPES, **signals.SHAPES}
OPERATIONS: dict[str, Handler] = operations.OPERATIONS

# Why a class that is Keras' own is not counted, and what it would take.
REASONS = {
    "Lambda": "its function is stored as code, which is not run: it would take core layers, or keras.ops, in its place",
    **dict.fromkeys(
        ("JaxLayer", "FlaxLayer", "TFSMLayer", "TorchModuleWrapper"),
        "its work is in a function or a module of another library, which is not run: it would take core layers in its "
        "place, or the module itself where it is PyTorch's",
    ),
    **dict.fromkeys(
        ("Hashing", "HashedCrossing"),
        "a hash of the characters of a text, as which integers are written first, so that its work depends on how many "
        "they are: it would take integers as the model's input",
    ),
    "TextVectorization": (
        "text is cut into words, and its work depends on its length: it would take integers as the model's input"
    ),
    "TFOpLambda": "an operation of TensorFlow that sepcalc does not know: it would take a Keras layer in its place",
    "TensorFlowOpLayer": "an operation of a TensorFlow graph: it would take a Keras layer in its place",
    "MelSpectrogram": (
        "a fast Fourier transform, whose operations depend on the library that has it: it would take STFTSpectrogram, "
        "which is convolutions, or the spectrogram as the model's input"
    ),
}
CUSTOM = (
    "a class of someone's own, whose work is in code that the file does not hold: it would take core layers in its "
    "place, or the model as an ONNX file"
)
UNKNOWN = "a layer class that sepcalc does not know: it would take core layers in its place"
OPERATION = "an operation that sepcalc does not know: it would take a core layer, or other operations, in its place"


# What stores no weights: functions, and layers that only look up, hash or transform.
_FUNCTIONS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
_WEIGHTLESS = {*_FUNCTIONS, *SHAPES, *encoding.LAYERS}


def may_store(class_name: str, module: Any, operands: int = 0) -> bool:
    """Whether a layer that is not counted may have weights. That of an operation or a function has none."""
    name = class_name.split(">")[-1]
    home = module if isinstance(module, str) else ""
    ours = not home or home.startswith(("keras", "tensorflow.", "tf_keras"))
    return not ours or not (name in _WEIGHTLESS or ".ops" in home or (name in OPERATIONS and operands))


def handler(class_name: str, module: Any, registered: Any, operands: int = 0) -> tuple[Handler | None, str]:
    """What counts a layer of this class, or None and why nothing does. Where it may as well be an operation,
    ``operands`` are those that it is called on; a layer takes its tensors as one."""
    own = registered if isinstance(registered, str) else class_name
    home = module if isinstance(module, str) else ""
    if (">" in own or own != class_name) and not own.startswith(("keras", "Keras")):
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
    if name in SHAPES and home != "builtins":
        return partial(_uncounted, reason=REASONS[name], shapes=SHAPES[name]), ""
    return None, REASONS.get(name, UNKNOWN if home.startswith("keras") else CUSTOM)


def _uncounted(call: Call, reason: str, shapes: Callable[[Call], list[Shape]]) -> list[Tensor]:
    return call.uncounted(reason, shapes(call), stores=False)
