"""A layer as another counter sees it: what family it belongs to, and how it was called."""

from collections.abc import Callable, Iterator
from math import prod
from typing import NamedTuple

from sepcalc.layer import Layer, Origin
from sepcalc.network import Network
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Embedding
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm, Softmax
from sepcalc.ops.pool import AdaptivePool, Cumulate, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import Each, Scan
from sepcalc.shape import Shape

ACTS = ("relu", "relu6", "leaky-relu", "prelu", "elu", "silu", "gelu")  # those that some counter has a rule for
NORMS = ("layer", "group", "instance", "rms")


def _activation(op: Activation) -> str:
    how = {"gelu-tanh": "gelu", "swish": "silu"}.get(op.how, op.how)
    return how if how in ACTS else "other activation"


def _reduction(op: Reduce) -> str:
    if op.called == "pool":
        return "global average pool" if op.how == "mean" else "global max pool"
    return "mean" if op.how == "mean" else "reduction"


def _sum(op: Elementwise) -> str:
    return op.how if op.how in ("add", "multiply") else "other elementwise"


def _stored(op: Stored) -> str:
    return op.how if op.how in ("scale", "shift") else "other elementwise"


_FAMILY: dict[type, Callable[..., str]] = {
    Conv: lambda op: "convolution",
    Transposed: lambda op: "transposed convolution",
    Dense: lambda op: "linear layer",
    Matmul: lambda op: "matrix product",
    Einsum: lambda op: "einsum",
    Attention: lambda op: "attention",
    Recurrent: lambda op: "recurrent layer",
    BatchNorm: lambda op: "batch norm",
    Normalization: lambda op: "other norm",
    LocalResponseNorm: lambda op: "other norm",
    RowNorm: lambda op: f"{op.how} norm" if op.how in NORMS else "other norm",
    Softmax: lambda op: "softmax",
    Activation: _activation,
    Pool: lambda op: {"max": "max pool", "avg": "average pool"}.get(op.how, "other pool"),
    AdaptivePool: lambda op: "adaptive max pool" if op.how == "max" else "adaptive average pool",
    Reduce: _reduction,
    Cumulate: lambda op: "reduction",
    Upsample: lambda op: f"{op.how} upsampling",
    GridSample: lambda op: "grid sample",
    Elementwise: _sum,
    Stored: _stored,
    Embedding: lambda op: "embedding",
    Each: lambda op: "repeated layer",
    Scan: lambda op: "repeated layer",
    Uncounted: lambda op: "uncounted operator",
}

# Every family that a table has a row for: none has a default.
FAMILIES = (
    *("convolution", "transposed convolution", "linear layer", "matrix product", "einsum", "attention"),
    *("recurrent layer", "batch norm", *[f"{how} norm" for how in NORMS], "other norm", "softmax"),
    *(*ACTS, "other activation", "max pool", "average pool", "other pool"),
    *("adaptive average pool", "adaptive max pool", "global average pool", "global max pool", "mean", "reduction"),
    *("nearest upsampling", "linear upsampling", "bilinear upsampling", "bicubic upsampling", "trilinear upsampling"),
    *("grid sample", "add", "multiply", "other elementwise", "scale", "shift", "embedding"),
    *("repeated layer", "uncounted operator", "move"),
)


def family(op: Op) -> str:
    """The family of an op, one of :data:`FAMILIES`; what only moves or chooses elements is a ``move``."""
    named = _FAMILY.get(type(op))
    return "move" if named is None else named(op)


class Unknown(Exception):
    """A number that cannot be known from this file: why, and from which kind of file it could be."""


TORCH, YAML, KERAS, TFLITE, FILE = "PyTorch", "YAML", "Keras", "TFLite", "file"  # where a network comes from
LIVE = "from the PyTorch module, or its .pt2 file"

# Classes of packages that are a class of PyTorch with more around it: what a counter that asks for subclasses finds.
SUBCLASSES = {"torchvision.models.convnext.LayerNorm2d": "LayerNorm"}
BOUND = ("TransformerEncoderLayer", "TransformerDecoderLayer")
_PREFIX = "torch.nn.modules."


class Seen(NamedTuple):
    """A layer with its family.

    - ``medium``: where its network comes from. ``operator``: PyTorch's own name.
    - ``called``: the class of PyTorch that ran it, empty for a function; ``base``: that, or the class it derives from.
    - ``inside``: it ran in PyTorch's own attention module. ``leaf``: in a module that has no modules in it.
    - ``fast``: in an attention module, ``fused``: in an encoder layer, that runs as one operator without gradients.
    - ``bound``: a function that a module bound when it was made: a patch of PyTorch's functions does not reach it.
    """

    layer: Layer
    family: str
    medium: str
    called: str = ""
    base: str = ""
    inside: bool = False
    leaf: bool = False
    operator: str = ""
    fast: bool = False
    fused: bool = False
    bound: bool = False

    @property
    def x(self) -> int:
        """Elements of the first input."""
        return prod(self.layer.inputs[0])

    @property
    def y(self) -> int:
        """Elements of the output."""
        return prod(self.layer.output)

    @property
    def macs(self) -> int:
        """Exact macs."""
        return self.layer.cost.macs

    @property
    def bias(self) -> int:
        """Elements to which a bias is added."""
        return self.y if getattr(self.layer.op, "bias", False) else 0

    @property
    def affine(self) -> bool:
        """Whether a norm has a scale."""
        return bool(getattr(self.layer.op, "gain", False))

    @property
    def own(self) -> int:
        """Params that the layer reads, its own and shared ones."""
        return self.layer.cost.params + max(0, self.layer.shared)

    @property
    def kernel(self) -> int:
        """The product of the kernel's sizes."""
        return prod(getattr(self.layer.op, "kernel", ()))

    @property
    def channels(self) -> tuple[int, int, int]:
        """The channels of the input and of the output, and the groups, of a convolution."""
        return self.layer.inputs[0][-1], self.layer.output[-1], getattr(self.layer.op, "groups", 1)

    @property
    def spatial(self) -> Shape:
        """The spatial sizes of the first input."""
        return self.layer.inputs[0][:-1]


# The class of PyTorch that a layer of a document is read as; what is not here is a function or an operator.
_USUAL = {
    "convolution": "Conv", "transposed convolution": "ConvTranspose", "linear layer": "Linear",
    "recurrent layer": "LSTM", "batch norm": "BatchNorm", "layer norm": "LayerNorm", "group norm": "GroupNorm",
    "instance norm": "InstanceNorm", "rms norm": "RMSNorm", "softmax": "Softmax", "relu": "ReLU", "relu6": "ReLU6",
    "leaky-relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU", "silu": "SiLU", "gelu": "GELU",
    "other activation": "Activation", "max pool": "MaxPool", "average pool": "AvgPool",
    "adaptive average pool": "AdaptiveAvgPool", "adaptive max pool": "AdaptiveMaxPool",
    "global average pool": "AdaptiveAvgPool", "global max pool": "AdaptiveMaxPool",
    "nearest upsampling": "Upsample", "linear upsampling": "Upsample", "bilinear upsampling": "Upsample",
    "bicubic upsampling": "Upsample", "trilinear upsampling": "Upsample", "embedding": "Embedding",
}  # fmt: skip


def _bare(name: str) -> str:
    """The name of a class without its number of axes: ``Conv2d`` is a ``Conv``."""
    return name.rstrip("d").rstrip("123") if name[-2:] in ("1d", "2d", "3d") else name


def seen(network: Network) -> Iterator[Seen]:
    """Every layer as other counters see it."""
    paths = {layer.origin.module or "" for layer in network.layers if layer.origin}
    deeper = {".".join(parts[:at]) for parts in (path.split(".") for path in paths if path) for at in range(len(parts))}
    fast, fused = _fast(network), _encoders(network)
    fused = tuple([f"{path}." for path in fused if f"{path}.self_attn" in fast])
    for layer in network.layers:
        kind, origin = family(layer.op), layer.origin
        if origin is None:
            called = _USUAL.get(kind, "")
            yield Seen(layer, kind, YAML, called, called, leaf=bool(called))
        elif "::" not in origin.operator:
            yield Seen(layer, kind, _format(origin), operator=origin.operator)
        else:
            name, module = origin.class_name or "", origin.module or ""
            kind = "einsum" if origin.operator.endswith("::einsum") and layer.cost.macs else kind
            own = _bare(name.rpartition(".")[2]) if name.startswith(_PREFIX) else ""
            inside = own == "MultiheadAttention"
            leaf = module not in deeper and not inside
            called = own if leaf and own else ""
            yield Seen(
                layer,
                kind,
                TORCH,
                called,
                called or SUBCLASSES.get(name, ""),
                inside,
                leaf,
                origin.operator.rpartition("::")[2].strip("_"),
                module in fast,
                f"{module}.".startswith(fused),
                own in BOUND,
            )


def _encoders(network: Network) -> tuple[str, ...]:
    """The paths of PyTorch's own encoder layers: something in them runs as a function."""
    origins = [layer.origin for layer in network.layers if layer.origin is not None]
    name = f"{_PREFIX}transformer.TransformerEncoderLayer"
    return tuple(dict.fromkeys([one.module or "" for one in origins if one.class_name == name]))


def _format(origin: Origin) -> str:
    """The format that writes operators so: TFLite in capitals, as ONNX writes recurrent layers alone."""
    if (origin.class_name or "").startswith("keras"):
        return KERAS
    return TFLITE if origin.operator.isupper() and origin.operator not in ("LSTM", "GRU", "RNN", "LRN") else FILE


def _fast(network: Network) -> frozenset[str]:
    """The attention modules that run as one fused operator in evaluation mode without gradients: batch first, one
    projection for queries, keys and values, an even number of heads, a bias."""
    ways: dict[str, set[str]] = {}
    for layer in network.layers:
        origin = layer.origin
        if origin is None or not (origin.class_name or "").startswith(f"{_PREFIX}activation.MultiheadAttention"):
            continue
        found = ways.setdefault(origin.module or "", set())
        if origin.operator.endswith("::transpose") and not found:
            found.add("batch first")
        elif isinstance(layer.op, Dense) and layer.op.bias and layer.op.out == 3 * layer.inputs[0][-1]:
            found.add("packed")
        elif isinstance(layer.op, Attention) and layer.op.heads % 2 == 0:
            found.add("even")
        else:
            found.add("more")
    return frozenset([module for module, found in ways.items() if {"batch first", "packed", "even"} <= found])
