"""Kernels from files: ``.npy``, ``.csv``, and one tensor of an ONNX, TFLite, torch.export or safetensors file.

Nothing in a file is executed, and no memory is taken before the file is known to hold that much."""

import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import IO, Any
from warnings import catch_warnings

import numpy as np
from numpy.lib import format as npy

from sepcalc.errors import InputError, Invalid, absence, bad_input, near_miss, printable, quoted, why
from sepcalc.factoring.kernel import ELEMENTS, Array, Kernel, of_array
from sepcalc.factoring.matrix import MAX_LENGTH, table
from sepcalc.importers.common.protobuf import Payload
from sepcalc.importers.common.protobuf import read as read_message
from sepcalc.importers.onnx.schema import ONNX
from sepcalc.importers.onnx.tensors import BFLOAT16, EXTERNAL, stored_elements
from sepcalc.shape import show

HEADER = 2**16  # bytes of a .npy header
AXES = 32  # which every NumPy can hold
INDEX = 10**8  # bytes of a safetensors header, as its own library has it
WEIGHTS = (".onnx", ".safetensors", ".tflite", ".pt2", ".xml")  # files of many tensors: which one stands after a colon
SUGGESTED = 5  # names of weights that a message offers


def read(path: str, weight: str | None, layer: bool | None) -> Kernel:
    """The kernel or the weights in a file. Raises InputError."""
    suffix = next((suffix for suffix in _READERS if path.lower().endswith(suffix)), "")
    shown = printable(path)[:500]
    try:
        _require_file(path)
        if not suffix:
            raise Invalid("is no file of kernels", f"expected {', '.join(_READERS)}")
        with open(path, "rb") as file:
            return _READERS[suffix](file, path, weight, layer)
    except Invalid as fact:
        raise bad_input(f"{shown}: {fact.message}", fact.hint) from fact
    except OSError as error:
        raise bad_input(f"{shown}: cannot be read: {error.strerror}") from error


def _require_file(path: str) -> None:
    """Raises Invalid unless this is a plain file: a pipe would block, a device never end."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        folder, name = os.path.split(path)
        beside = os.listdir(folder or ".") if os.path.isdir(folder or ".") and not os.path.islink(path) else []
        raise Invalid(absence(path), near_miss(name, beside)) from None
    except ValueError as error:  # a null character
        raise Invalid(f"cannot be read: {why(error)}") from error
    if not stat.S_ISREG(mode):
        raise Invalid("is a folder" if stat.S_ISDIR(mode) else "is not a plain file")


# --- .csv -------------------------------------------------------------------------------------------------------------


def _csv(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    if layer:
        raise Invalid("a .csv holds a matrix, not a layer's weights", "leave --layer out")
    data = file.read(MAX_LENGTH + 1)
    if len(data) > MAX_LENGTH:
        raise Invalid(f"is larger than {MAX_LENGTH >> 20} MiB", "larger ones as .npy")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("is not UTF-8 text") from None
    return table(text, path)


# --- .npy -------------------------------------------------------------------------------------------------------------


def _npy(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    shape, fortran, dtype = _npy_header(file)
    if dtype.hasobject:
        raise Invalid("holds Python objects, which are code: expected integers or real numbers")
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise Invalid(f"holds {dtype.name} values: expected integers or real numbers of at most 64 bits")
    array = _numbers(file, shape, dtype, file.tell(), "its header")
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return of_array(path, array, layer)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    try:
        version = npy.read_magic(file)
    except ValueError:
        raise Invalid("is not a .npy file: it begins with something else") from None
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise Invalid(f"is of version {version[0]}.{version[1]}: expected 1.0, 2.0 or 3.0")
    start, width = file.tell(), 2 if version == (1, 0) else 4
    length = int.from_bytes(file.read(width), "little")
    if length > HEADER:
        raise Invalid(f"has a header of {length:,} bytes: expected at most {HEADER:,}")
    file.seek(start)
    # Version 3.0 is 2.0 with names of fields that are not Latin-1; what has fields is refused anyway.
    reader = npy.read_array_header_1_0 if width == 2 else npy.read_array_header_2_0
    try:
        with catch_warnings(action="ignore"):  # what Python 2 wrote
            shape, fortran, dtype = reader(file, max_header_size=HEADER)
    except Exception as error:  # NumPy reads it as Python, whose parts each have errors of their own
        raise Invalid("has a damaged header") from error
    if any(size < 0 for size in shape):
        raise Invalid("has a damaged header")
    return shape, fortran, dtype


def _numbers(file: IO[bytes], shape: Iterable[int], dtype: Any, start: int, told: str) -> Array:
    """The numbers from ``start`` on. Raises Invalid where the file holds fewer than it announces."""
    shape = tuple(shape)
    count = prod(shape)
    if not count:  # the other sizes may be any
        raise Invalid(f"is empty: its shape is {show(shape)[:100]}")
    if len(shape) > AXES:
        raise Invalid(f"has {len(shape)} axes by {told}: expected at most 5")
    if count > ELEMENTS:
        raise Invalid(f"has {count:,} elements by {told}: expected at most {ELEMENTS:,}")
    there = os.fstat(file.fileno()).st_size - start
    if count * dtype.itemsize > there:
        raise Invalid(f"ends too soon: {told} announces {count * dtype.itemsize:,} bytes, {max(0, there):,} are there")
    file.seek(start)
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


# --- safetensors ------------------------------------------------------------------------------------------------------

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip


def _safetensors(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    there = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if there < 8 or length > min(INDEX, there - 8):
        raise Invalid("is not a safetensors file: its header would be longer than it is")
    try:
        index = json.loads(file.read(length))
        shapes = {name: tuple(entry["shape"]) for name, entry in index.items() if name != "__metadata__"}
        if not all(type(size) is int and size >= 0 for shape in shapes.values() for size in shape):
            raise TypeError("a size that is none")
        name = _chosen(weight, path, shapes)
        first, last = map(int, index[name]["data_offsets"])
        kind = str(index[name]["dtype"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Invalid("is not a safetensors file: its header is damaged") from None
    if kind not in _DTYPES:
        raise Invalid(f"{quoted(name)} holds {printable(kind[:20])} values: expected {', '.join(_DTYPES)}")
    dtype, shape = np.dtype(_DTYPES[kind]), shapes[name]
    if first < 0 or last - first != prod(shape) * dtype.itemsize:
        raise Invalid(f"{quoted(name)} does not fit its header: {show(shape)} of {kind} in {last - first:,} bytes")
    array = _numbers(file, shape, dtype, 8 + length + first, "the header").reshape(shape)
    if kind == "BF16":  # the upper half of a float32, of which 8 bits are its precision
        array = (array.astype(np.uint32) << 16).view(np.float32)
        return _weights(path, name, array)._replace(epsilon=2.0**-7)
    return _weights(path, name, array)


# --- ONNX -------------------------------------------------------------------------------------------------------------


def _onnx(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    try:
        graph = read_message(file, ONNX, "Model", whole=True).graph
    except ValueError as error:
        raise Invalid("is not an ONNX file: it cannot be decoded") from error
    tensors: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            values = [one.t for one in node.attribute if one.name == "value"]
            tensors |= {name: value for name in node.output for value in values}
    name = _chosen(weight, path, {name: tuple(tensor.dims) for name, tensor in tensors.items()})
    tensor = tensors[name]
    shape = tuple(tensor.dims)
    if prod(shape) > ELEMENTS:
        raise Invalid(f"{quoted(name)} has {prod(shape):,} elements: expected at most {ELEMENTS:,}")
    if tensor.data_location == EXTERNAL:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        try:
            raw = _beside(path, entries, prod(shape))
        except (OSError, ValueError) as error:
            raise Invalid(
                f"the numbers of {quoted(name)} stand in {quoted(entries.get('location', ''))}, which cannot be read",
                "put that file beside the model",
            ) from error
        tensor = tensor.replaced(raw_data=Payload(raw, 0, len(raw)))
    try:
        elements = stored_elements(tensor, shape)
    except ValueError:
        elements = None
    if elements is None or min(shape, default=0) < 0:
        raise Invalid(f"{quoted(name)} is damaged: its numbers do not fit its shape or its type")
    kernel = _weights(path, name, elements.array)
    return kernel._replace(epsilon=2.0**-7) if elements.kind == BFLOAT16 else kernel


# --- TFLite -----------------------------------------------------------------------------------------------------------

# Where the outputs and the inputs stand in the kernels of operators; of others they are the first and the last axis.
_KERNELS = {"DEPTHWISE_CONV_2D": (3, 0), "CONV_3D": (4, 3), "CONV_3D_TRANSPOSE": (3, 4)}


def _tflite(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    from sepcalc.importers.tflite.model import Tensor, opened

    try:
        with opened(path) as model:
            tensors: dict[str, Tensor] = {}
            readers: dict[tuple[int, int], str] = {}
            behind: dict[tuple[int, int], tuple[int, int]] = {}  # what stored tensors are made into, before a layer
            for graph in map(model.graph, range(model.count)):
                for one in graph:
                    if one.type in ("DEQUANTIZE", "DENSIFY") and one.inputs and one.outputs:
                        behind[graph.at, one.outputs[0]] = graph.at, one.inputs[0]
                    for at in filter(lambda at: at >= 0, one.inputs):
                        if model.stored((tensor := graph.tensor(at)).buffer)[1]:
                            tensors.setdefault(tensor.name, tensor)
                        place = graph.at, at
                        while place in behind:
                            place = behind.pop(place)
                        readers[place] = one.type
            name = _chosen(weight, path, {name: tensor.shape for name, tensor in tensors.items()})
            tensor = tensors[name]
            if prod(tensor.shape) > ELEMENTS:
                raise Invalid(f"{quoted(name)} has {prod(tensor.shape):,} elements: expected at most {ELEMENTS:,}")
            kind = tensor.type
            model.numbers(tensor, 0)  # says whether the file holds as many as the shape says
            if not kind.letter or tensor.sparse:
                raise Invalid(
                    f"{quoted(name)} holds {'sparse' if tensor.sparse else kind.name} values: expected others"
                )
            start, length = model.stored(tensor.buffer)
            array = np.frombuffer(model.data[start : start + length], f"<{kind.letter}").reshape(tensor.shape)
            scales, zeros, axis = tensor.quantized()
    except InputError as error:
        raise Invalid(error.problems[0].message.removeprefix(f"{printable(path)}: ")) from error
    if scales and kind.letter not in "efd":
        along = [size if at == axis else 1 for at, size in enumerate(tensor.shape)] if len(scales) > 1 else []
        if len(scales) > 1 and (axis >= len(tensor.shape) or len({*map(len, (scales, zeros))} | {prod(along)}) > 1):
            raise Invalid(f"{quoted(name)} is damaged: it has {len(scales)} scales for {show(tensor.shape)}")
        array = (array - np.reshape(zeros, along)) * np.reshape(scales, along)
    outs, ins = _KERNELS.get(readers.get(tensor.at, ""), (0, -1))
    if array.ndim > 2:
        array = np.moveaxis(array, (outs, ins), (0, 1))
    kernel = _weights(path, name, np.ascontiguousarray(array))
    return kernel._replace(epsilon=2.0 ** (1 - kind.bits)) if scales and kind.letter not in "efd" else kernel


# --- torch.export -----------------------------------------------------------------------------------------------------

_SCALARS = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f2", 7: "<f4", 8: "<f8", 12: "?", 13: "<u2"}
_BFLOAT16 = 13


def _pt2(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    from sepcalc.importers.pt2.archive import opened, stored
    from sepcalc.importers.pt2.values import computed, meta_of, shape_of

    payloads = {name: one for name, one in opened(file).payloads.items() if isinstance(one.get("tensor_meta"), dict)}
    metas = {name: meta_of(one["tensor_meta"]) for name, one in payloads.items()}
    name = _chosen(weight, path, {name: shape_of(meta, {}) for name, meta in metas.items()})
    meta, shape, number = metas[name], shape_of(metas[name], {}), payloads[name]["tensor_meta"].get("dtype")
    if number not in _SCALARS or len(meta.strides) != len(shape):
        raise Invalid(f"{quoted(name)} holds other values than integers and real numbers of at most 64 bits")
    if prod(shape) > ELEMENTS:
        raise Invalid(f"{quoted(name)} has {prod(shape):,} elements: expected at most {ELEMENTS:,}")
    dtype = np.dtype(_SCALARS[number])
    steps = [dtype.itemsize * computed(step, {}) for step in meta.strides]
    try:
        data = stored(file, payloads[name], 8 * ELEMENTS)
        array = np.ndarray(shape, dtype, data, dtype.itemsize * computed(meta.offset, {}), steps)
    except Invalid as fact:
        raise Invalid(f"{quoted(name)} {fact.message}", fact.hint) from fact
    except (ValueError, TypeError, OverflowError):
        raise Invalid(f"{quoted(name)} is damaged: its numbers do not fit its shape or its type") from None
    if number == _BFLOAT16:
        wide = (array.astype(np.uint32) << 16).view(np.float32)
        return _weights(path, name, wide)._replace(epsilon=2.0**-7)
    return _weights(path, name, np.ascontiguousarray(array))


def _beside(path: str, entries: Mapping[str, str], count: int) -> bytes:
    """The bytes of a tensor of ``count`` elements that stands in a file of its own, which must be in the folder of the
    model. Raises OSError, and ValueError where it is not."""
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    place = os.path.realpath(os.path.join(folder, entries.get("location", "")))
    if os.path.commonpath([folder, place]) != folder or not os.path.isfile(place):
        raise ValueError("no file beside the model")
    with open(place, "rb") as file:
        file.seek(int(entries.get("offset", 0)))
        return file.read(min(int(entries.get("length", 8 * count)), 8 * count))


def _weights(path: str, name: str, array: Array) -> Kernel:
    """A convolution's weights from a file of many tensors. Raises Invalid."""
    try:
        return of_array(f"{path}:{name}", array, layer=True)
    except Invalid as fact:
        raise Invalid(f"{quoted(name)} {fact.message}", fact.hint) from fact


def _chosen(weight: str | None, path: str, shapes: dict[str, tuple[int, ...]]) -> str:
    """The name of the weight asked for. Raises Invalid."""
    if weight in shapes:
        return weight
    fitting = [name for name, shape in shapes.items() if 3 <= len(shape) <= 5]
    shown = [f"{printable(name)} ({show(shapes[name])})" for name in fitting[:SUGGESTED]]
    listed = ", ".join(shown) + (f" and {len(fitting) - SUGGESTED} more" if len(fitting) > SUGGESTED else "")
    offer = f"it holds {listed}" if fitting else "it holds no convolution's weights"
    if not weight:
        suffix = next(suffix for suffix in WEIGHTS if path.lower().endswith(suffix))
        raise Invalid(f"which weight? write it after a colon: …{suffix}:conv1.weight", offer)
    raise Invalid(f"there is no weight {quoted(weight)}", near_miss(weight, fitting) or offer)


def _ir(file: IO[bytes], path: str, weight: str | None, layer: bool | None) -> Kernel:
    raise Invalid(
        "its weights stand in a .bin file, which is not read", "the model that it was converted from has them"
    )


_READERS: dict[str, Callable[[IO[bytes], str, str | None, bool | None], Kernel]] = {
    ".npy": _npy,
    ".csv": _csv,
    ".safetensors": _safetensors,
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".pt2": _pt2,
    ".xml": _ir,
}
SUFFIXES = (*_READERS,)
"""Of the files that hold kernels."""
