"""The shapes of Fourier transforms. The transforms are not counted; the layers after them are.

Source: ONNX's operators STFT and DFT. STFT gives one side by default, as its documentation says; ONNX's own inference
takes both.
"""

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import NONE
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Value
from sepcalc.shape import Shape, show


def _number(value: Value | None) -> int | None:
    """A stored whole number, if known."""
    if value is None or value.data is None or value.data.size != 1:
        return None
    return int(value.data.numbers[0])


def _windowed(call: Call) -> Shape | None:
    """The shape ``examples x frames x frequencies x 2`` for a signal ``examples x samples (x 1 or 2)``. Without a frame
    length, a frame has the length of the window."""
    signal, window = call.input(0).shape, call.maybe(2)
    step, length = _number(call.maybe(1)), _number(call.maybe(3))
    if call.maybe(3) is None and window is not None and window.shape is not None:
        length = window.sizes[0] if len(window.sizes) == 1 else None
    if signal is None or step is None or length is None:
        return None
    if len(signal) not in (2, 3) or signal[2:] not in ((), (1,), (2,)):
        raise Invalid(f"it transforms signals, not {show(signal)}")
    if not 0 < length <= signal[1] or step < 1:
        raise Invalid(f"frames of {length} every {step} do not fit {signal[1]} samples")
    one_sided = call.whole("onesided", 1)
    if one_sided and signal[2:] == (2,):
        raise Invalid("a complex signal cannot have onesided = 1")
    return signal[0], (signal[1] - length) // step + 1, length // 2 + 1 if one_sided else length, 2


def _transformed(call: Call) -> Shape | None:
    """The input's shape with the number of frequencies along an axis, and 2 numbers for each; a one-sided transform, or
    its inverse, changes that number."""
    shape, length = call.input(0).shape, _number(call.maybe(1))
    given = _number(call.maybe(2)) if call.opset >= 20 else call.whole("axis", 1)
    axis = -2 if given is None else given
    unknown = (call.maybe(1) is not None and length is None) or (call.maybe(2) is not None and given is None)
    if shape is None or unknown:
        return None
    rank = len(shape)
    if rank < 2 or shape[-1] not in (1, 2) or not -rank <= axis < rank or axis % rank == rank - 1:
        raise Invalid(f"it transforms along an axis of {show(shape)} before its last, of 1 or 2, not along {axis}")
    one_sided, back = call.whole("onesided", 0), call.whole("inverse", 0)
    many = length or shape[axis % rank]
    if one_sided and back:
        many = length or 2 * (shape[axis % rank] - 1)
    elif one_sided:
        many = many // 2 + 1
    return (*shape[: axis % rank], many, *shape[axis % rank + 1 : -1], 1 if one_sided and back else 2)


_FOURIER = "the operations of a fast Fourier transform depend on the library"
SPECTRA: dict[str, Operator] = {
    "STFT": Operator(None, NONE, _FOURIER, settings=(1, 2, 3), apart=True, shape=_windowed),
    "DFT": Operator(None, NONE, _FOURIER, shape=_transformed),
}
