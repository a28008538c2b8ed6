"""An IR file as a graph of ONNX's messages, which ONNX's walk goes through with OpenVINO's table of operators.

Both put the batch and the channels first, and both store weights beside the graph. The ``.bin`` file is never read: of
what it stores, shapes and types stand in the ``.xml`` file. A bias that is added to what a convolution or a product
gives becomes a part of it, as in every other format.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

from sepcalc.errors import printable, quoted
from sepcalc.importers.onnx.provenance import SCOPES
from sepcalc.importers.onnx.schema import ONNX
from sepcalc.importers.onnx.tensors import BITS, EXTERNAL
from sepcalc.importers.openvino.container import Body, Damaged, Layer, Port
from sepcalc.shape import Shape, show

# OpenVINO's element types (of ports, and of constants) -> ONNX's.
KINDS = {
    "F32": 1,
    "FP32": 1,
    "F16": 10,
    "FP16": 10,
    "BF16": 16,
    "F64": 11,
    "FP64": 11,
    "STRING": 8,
    "I64": 7,
    "I32": 6,
    "I16": 5,
    "I8": 3,
    "I4": 22,
    "BOOL": 9,
    "BOOLEAN": 9,
    "U64": 13,
    "U32": 12,
    "U16": 4,
    "U8": 2,
    "U4": 21,
    "U2": 25,
    "NF4": 23,
    "F4E2M1": 23,
    "F8E4M3": 17,
    "F8E5M2": 19,
    "F8E8M0": 24,
}
QUANTIZED = (2, 3, 17, 19, 21, 22, 23, 25)  # types of compressed weights
COMPRESSED = "compressed"  # the domain of what unpacks these: its row names which inputs are scales
_CONVOLUTIONS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData")
WITH_BIAS = (*_CONVOLUTIONS, "MatMul")
_MODULE = re.compile(r"__module\.([\w.]+)(?:/aten::(\w+))?")
_WHOLE = re.compile(r"-?\d{1,18}")

Tensor = tuple[str, str]  # a layer and its port


def message(kind: str, **fields: Any) -> Any:
    """One of ONNX's messages."""
    made = ONNX[kind]()
    made.__dict__.update(fields)
    return made


def stored(name: str, kind: int, shape: Shape, numbers: Sequence[int] | None = None) -> Any:
    """A stored tensor, whose elements are known if ``numbers`` are given."""
    if numbers is None:
        return message("Tensor", dims=[*shape], data_type=kind, name=name, data_location=EXTERNAL)
    return message("Tensor", dims=[*shape], data_type=kind, name=name, int64_data=[*numbers], int32_data=[*numbers])


def tensor_info(name: str, kind: int = 1, dims: Iterable[Any] = ()) -> Any:
    """The name, type and sizes of an input or output."""
    tensor = message("TensorType", elem_type=kind, shape=message("Shape", dim=[*dims]))
    return message("ValueInfo", name=name, type=message("Type", tensor_type=tensor))


def kind_of(said: str, layer: Layer) -> int:
    """ONNX's number of an element type. Raises Damaged."""
    if said.upper() not in KINDS:
        raise Damaged(f"{quoted(layer.name[:100])} is of the element type {quoted(said[:20])}, which is not known")
    return KINDS[said.upper()]


def output_of(layer: Layer) -> Port:
    if not layer.outputs:
        raise Damaged(f"the layer {quoted(layer.name[:100])} ({printable(layer.type)[:50]}) has no output")
    return layer.outputs[0]


class Names:
    """Names of tensors, each once in a file; the shapes and types that the file states for them; and what adds a layer
    that runs graphs of its own."""

    def __init__(self, unfolded: "Callable[[Graph, Layer, Sequence[str]], None]") -> None:
        self.unfolded = unfolded
        self.taken: dict[str, int] = {}
        self.stated: dict[str, tuple[Shape | None, int]] = {}

    def new(self, name: str) -> str:
        """The name, with a number behind it if it is taken."""
        name = name or "tensor"
        while name in self.taken:
            self.taken[name] += 1
            name = f"{name}#{self.taken[name]}"
        self.taken[name] = 1
        return name


class Graph:
    """One graph on its way: ``tensors`` are the names of what its layers give, ``given`` those of its Parameters and
    ``results`` those of its Results, both by the ids of layers."""

    def __init__(self, names: Names, body: Body, given: Mapping[str, str]) -> None:
        self.names, self.body, self.given = names, body, given
        self.results: dict[str, str] = {}
        self.tensors: dict[Tensor, str] = {}
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.kept: dict[str, tuple[int, Shape]] = {}  # the stored tensors: type and shape
        self.places: dict[tuple[str, int, Shape], str] = {}  # those of them, by where they lie in the other file
        self._made: set[str] = set()
        self._seen = 0
        self.depth = 0
        self.readers: dict[Tensor, list[Layer]] = {}
        for (reader, _), source in body.edges.items():
            self.readers.setdefault(source, []).append(body.layers[reader])

    def read(self, order: Iterable[Layer]) -> Any:
        """The message of the graph."""
        for layer in order:
            self.layer(layer)
        return message("Graph", node=self.nodes, initializer=self.initializers)

    # --- layers -------------------------------------------------------------------------------------------------------

    def layer(self, layer: Layer) -> None:
        """Adds one layer."""
        inputs = [self.source(layer, port) for port in layer.inputs]
        match layer.type:
            case "Parameter":
                self.tensors[layer.id, output_of(layer).id] = self.given[layer.id]
            case "Const":
                self.constant(layer)
            case "Result":
                self.results[layer.id] = (inputs or [""])[0]
            case "Convert" if inputs and inputs[0] in self.kept:  # stored in a narrower type
                self.tensors[layer.id, output_of(layer).id] = inputs[0]
            case "If" | "Loop" | "TensorIterator":
                self.names.unfolded(self, layer, inputs)
            case "Add" if (whole := self.with_bias(layer)) is not None:
                self.tensors[layer.id, output_of(layer).id] = whole
            case _:
                self.node(layer, inputs, [self.give(layer, port) for port in layer.outputs])

    def source(self, layer: Layer, port: Port) -> str:
        """The tensor that an input reads. Raises Damaged."""
        edge = self.body.edges.get((layer.id, port.id))
        if edge is None or edge not in self.tensors:
            raise Damaged(f"nothing gives the input {quoted(port.id[:20])} of the layer {quoted(layer.name[:100])}")
        return self.tensors[edge]

    def give(self, layer: Layer, port: Port) -> str:
        """A name for what a port gives."""
        name = layer.name if len(layer.outputs) == 1 else f"{layer.name}.{port.id}"
        if any(reader.type == "Result" for reader in self.readers.get((layer.id, port.id), ())):  # called as the output
            name = (port.names or [name])[0]
        name = self.tensors[layer.id, port.id] = self.names.new(name)
        shape = port.shape if port.sizes and min(port.sizes) >= 0 else None
        self.names.stated[name] = shape, KINDS.get(port.precision, 1)
        return name

    def constant(self, layer: Layer) -> None:
        """A stored tensor. Its bytes in the other file must be those of its shape."""
        port = output_of(layer)
        if (layer.id, port.id) in self.tensors:  # read with the layer whose bias it is
            return
        kind = kind_of(layer.data.get("element_type", port.precision), layer)
        shape, said = port.shape, layer.data.get("size", "")
        if any(size < 0 for size in shape):
            raise Damaged(f"the constant {quoted(layer.name[:100])} is {show(shape)}: expected sizes from 0")
        written = layer.data.get("shape")
        if written is not None and [*filter(None, written.replace(" ", "").split(","))] != [*map(str, shape)]:
            what = f"{quoted(layer.name[:100])} is {show(shape) or 'one number'} at its port"
            raise Damaged(f"the constant {what}: the file stores {printable(written)[:100] or 'one number'}")
        width = -(-prod(shape) * BITS.get(kind, 0) // 8)
        if kind != KINDS["STRING"] and said != str(width) and (width or said != "1"):  # nothing takes one byte
            what = f"{quoted(layer.name[:100])} is {show(shape) or 'one number'} of {port.precision.lower()}"
            raise Damaged(f"the constant {what}, {width:,} bytes: the file says {printable(said)[:30] or 'none'}")
        place = layer.data.get("offset", layer.id), kind, shape
        if place in self.places:  # several constants lie in one place where they are one weight, or equal
            self.tensors[layer.id, port.id] = self.places[place]
            return
        name = (port.names or [layer.name.removesuffix("_compressed")])[0].removeprefix("self.")
        name = self.tensors[layer.id, port.id] = self.places[place] = self.names.new(name)
        self.kept[name] = kind, shape
        self.initializers.append(stored(name, kind, shape))

    def node(self, layer: Layer, inputs: Sequence[str], outputs: Sequence[str], kind: str = "") -> None:
        """Adds the node of a layer."""
        domain = "" if layer.version.startswith("opset") else layer.version[:50]
        bias = self.bias_of(layer) if layer.type in WITH_BIAS else None
        name = layer.name
        if bias is not None:
            inputs, called = [*inputs, bias[1]], bias[0].name
            name = called if re.fullmatch(r"Multiply_\d+(/\w+)?", name) and "/" in called else name
        elif layer.type == "Multiply" and (packed := self.packed(layer, inputs)) is not None:
            domain, inputs = COMPRESSED, packed
        name = name.removesuffix("/WithoutBiases")
        module = _MODULE.match(name)
        if module is not None:
            name = module[1] if layer.type in WITH_BIAS or not module[2] else f"{module[1]}/{module[2]}"
        scopes = f"'{module[1]}', ''" if module is not None else ""
        self.nodes.append(
            message(
                "Node",
                input=[*inputs],
                output=[*outputs],
                name=name,
                op_type=kind or layer.type,
                domain=domain,
                metadata_props=[message("Entry", key=SCOPES, value=scopes)] if scopes else (),
                plain={
                    **{key: _value(text) for key, text in layer.data.items() if text},
                    ".in": tuple([port.shape for port in layer.inputs]),
                    ".out": tuple([port.shape for port in layer.outputs]),
                    ".kinds": tuple([KINDS.get(port.precision, 1) for port in layer.outputs]),
                    ".stored": tuple([one in self.kept for one in inputs]),
                    ".bias": bias is not None,
                    ".version": layer.version,
                },
            )
        )

    # --- what belongs together ----------------------------------------------------------------------------------------

    def given_by(self, tensor: Tensor | None, kinds: Sequence[str]) -> Layer | None:
        """The layer of one of these kinds that gives a tensor."""
        layer = self.body.layers.get(tensor[0]) if tensor is not None else None
        return layer if layer is not None and layer.type in kinds else None

    def bias_of(self, layer: Layer) -> tuple[Layer, str] | None:
        """The Add behind a convolution or a product, and its bias: one stored number per channel."""
        port = output_of(layer)
        readers = self.readers.get((layer.id, port.id), ())
        if len(readers) != 1 or readers[0].type != "Add" or len(readers[0].inputs) != 2:
            return None
        add = readers[0]
        sources = [self.body.edges.get((add.id, one.id)) for one in add.inputs]
        other = next((one for one in sources if one is not None and one[0] != layer.id), None)
        if other is None or add.outputs[0].shape != port.shape or len(port.shape) < 2:
            return None
        origin: Tensor | None = other
        if (narrow := self.given_by(other, ("Convert",))) is not None and narrow.inputs:
            origin = self.body.edges.get((narrow.id, narrow.inputs[0].id))
        constant = self.given_by(origin, ("Const",))
        if constant is None or origin is None:
            return None
        axis = len(port.shape) - 1 if layer.type == "MatMul" else 1
        wanted = [1] * (len(port.shape) - 1)
        wanted.insert(axis, port.shape[axis])
        shape = output_of(constant).shape
        if layer.type == "MatMul" and not self.weighted(layer):
            return None
        if (1,) * (len(wanted) - len(shape)) + shape != tuple(wanted) or port.shape[axis] < 1:
            return None
        if origin not in self.tensors:  # the layer stands before its bias
            self.constant(constant)
        return (add, self.tensors[origin]) if origin in self.tensors else None

    def weighted(self, layer: Layer) -> bool:
        """Whether a product has stored weights, of two axes, as its second operand."""
        weights = self.tensors.get(self.body.edges.get((layer.id, layer.inputs[1].id), ("", "")))
        return len(layer.inputs) == 2 and len(layer.inputs[1].shape) == 2 and self.is_stored(weights)

    def is_stored(self, tensor: str | None) -> bool:
        """Whether a tensor is stored, or made of stored ones alone."""
        return tensor in self.kept or tensor in self.made

    @property
    def made(self) -> set[str]:
        """The tensors that nodes make of stored ones alone."""
        while self._seen < len(self.nodes):
            node = self.nodes[self._seen]
            self._seen += 1
            if node.input and all(one in self.kept or one in self._made for one in node.input if one):
                self._made.update(node.output)
        return self._made

    def with_bias(self, add: Layer) -> str | None:
        """What a layer gives whose bias this Add is."""
        for port in add.inputs:
            source = self.body.edges.get((add.id, port.id))
            layer = self.given_by(source, WITH_BIAS)
            if layer is not None and source is not None and (found := self.bias_of(layer)) and found[0] is add:
                return self.tensors.get(source)
        return None

    def packed(self, layer: Layer, inputs: Sequence[str]) -> list[str] | None:
        """The weights, the scales and the zero points that a product unpacks, if it does."""
        for at, scale in ((0, 1), (1, 0)):
            if len(inputs) != 2 or inputs[scale] not in self.kept:
                continue
            whole = [inputs[at]]
            edge = self.body.edges.get((layer.id, layer.inputs[at].id))
            if (shift := self.given_by(edge, ("Subtract",))) is not None:
                whole = [self.source(shift, port) for port in shift.inputs]
            kinds = [self.kept.get(one, (0, ()))[0] for one in whole]
            if kinds[0] in QUANTIZED and all(kinds) and len(whole) <= 2:
                return [whole[0], inputs[scale], *whole[1:]]
        return None


def _value(text: str) -> Any:
    """A setting as a whole number, a number, several of them, or a text; a flag is 0 or 1."""
    if text in ("true", "false"):
        return int(text == "true")
    parts = [part.strip() for part in text.split(",")]
    if all(map(_WHOLE.fullmatch, parts)):
        return int(parts[0]) if len(parts) == 1 else tuple(map(int, parts))
    try:
        return float(text)
    except ValueError:
        return text
