"""The operators of the ONNX files that sepcalc writes, as calls of PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Any

Tensor = Any  # torch.Tensor
Options = Mapping[str, Any]
Make = Callable[[Options, Sequence[Any]], Callable[..., Tensor]]  # attributes, stored inputs -> what runs
TYPES = {1: "float32", 7: "int64", 9: "bool"}


def _cast(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch

    kind = getattr(torch, TYPES[options["to"]])
    return lambda x: x.to(kind)


def _shape(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch

    start, end = options.get("start", 0), options.get("end")
    return lambda x: torch.tensor([*x.shape][start:end])


def _padded(pads: Sequence[int], value: float = 0.0) -> tuple[Sequence[int], Callable[[Tensor], Tensor]]:
    """The padding that PyTorch's windows take, and what must be done before: they pad both ends alike."""
    import torch.nn.functional as f

    half = len(pads) // 2
    before, after = pads[:half], pads[half:]
    if [*before] == [*after]:
        return before, lambda x: x
    turned = [side for pair in zip(reversed(before), reversed(after)) for side in pair]
    return [0] * half, lambda x: f.pad(x, turned, value=value)


def _conv(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    rank = stored[1].dim() - 2
    run = (f.conv1d, f.conv2d, f.conv3d)[rank - 1]
    strides, dilations = options.get("strides", [1] * rank), options.get("dilations", [1] * rank)
    padding, before = _padded(options.get("pads", [0] * 2 * rank))
    groups = options.get("group", 1)

    def call(x: Tensor, weight: Tensor, bias: Tensor = None) -> Tensor:
        return run(before(x), weight, bias, strides, padding, dilations, groups)

    return call


def _transposed(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    rank = stored[1].dim() - 2
    run = (f.conv_transpose1d, f.conv_transpose2d, f.conv_transpose3d)[rank - 1]
    strides, dilations = options.get("strides", [1] * rank), options.get("dilations", [1] * rank)
    pads, extra = options.get("pads", [0] * 2 * rank), options.get("output_padding", [0] * rank)
    before, after = pads[:rank], pads[rank:]

    def call(x: Tensor, weight: Tensor, bias: Tensor = None) -> Tensor:
        y = run(x, weight, bias, strides, 0, 0, options.get("group", 1), dilations)
        for at in range(rank):
            y = _grown(y, at + 2, extra[at] - after[at]).narrow(
                at + 2, before[at], y.shape[at + 2] + extra[at] - after[at] - before[at]
            )
        if bias is not None and any(more > less for more, less in zip(extra, after)):
            raise RuntimeError("an output padding beyond the kernel, with a bias, is not in the table of PyTorch")
        return y

    return call


def _grown(x: Tensor, axis: int, more: int) -> Tensor:
    import torch.nn.functional as f

    return f.pad(x, [0, 0] * (x.dim() - 1 - axis) + [0, more]) if more > 0 else x


def _max_pool(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    kernel = options["kernel_shape"]
    run = (f.max_pool1d, f.max_pool2d, f.max_pool3d)[len(kernel) - 1]
    ones = [1] * len(kernel)
    padding, before = _padded(options.get("pads", [0] * 2 * len(kernel)), -float("inf"))
    if any(2 * pad > size for pad, size in zip(padding, kernel)):
        raise RuntimeError("PyTorch pads a pool by half its kernel at most")
    strides, dilations = options.get("strides", ones), options.get("dilations", ones)
    ceil = bool(options.get("ceil_mode", 0))
    return lambda x: run(before(x), kernel, strides, padding, dilations, ceil)


def _avg_pool(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch
    import torch.nn.functional as f

    kernel = options["kernel_shape"]
    rank = len(kernel)
    run = (f.avg_pool1d, f.avg_pool2d, f.avg_pool3d)[rank - 1]
    strides, pads = options.get("strides", [1] * rank), options.get("pads", [0] * 2 * rank)
    counted = bool(options.get("count_include_pad", 0))
    if options.get("ceil_mode") or any(size != 1 for size in options.get("dilations", [])):
        raise RuntimeError("a pool with ceil or a dilation is not in the table of PyTorch")
    padding, before = _padded(pads)
    if before is not _same and not counted and [*pads[:rank]] != [*pads[rank:]]:  # a mean over what is there

        def call(x: Tensor) -> Tensor:
            there = before(torch.ones_like(x[:1, :1]))
            return run(before(x), kernel, strides) / run(there, kernel, strides)

        return call
    return lambda x: run(before(x), kernel, strides, padding, False, counted)


def _same(x: Tensor) -> Tensor:
    return x


def _batch_norm(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    epsilon = options.get("epsilon", 1e-5)
    return lambda x, gain, shift, mean, variance: f.batch_norm(x, mean, variance, gain, shift, False, 0.0, epsilon)


def _layer_norm(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    axis, epsilon = options.get("axis", -1), options.get("epsilon", 1e-5)

    def call(x: Tensor, gain: Tensor, shift: Tensor = None) -> Tensor:
        shape = x.shape[axis:]
        return f.layer_norm(x, shape, gain.expand(shape), None if shift is None else shift.expand(shape), epsilon)

    return call


def _reshape(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    def call(x: Tensor, sizes: Tensor) -> Tensor:
        return x.reshape([size or x.shape[at] for at, size in enumerate(sizes.tolist())])

    return call


def _slice(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    def call(x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor = None, steps: Tensor = None) -> Tensor:
        index = [slice(None)] * x.dim()
        at = range(len(starts)) if axes is None else axes.tolist()
        by = [1] * len(starts) if steps is None else steps.tolist()
        for axis, start, end, step in zip(at, starts.tolist(), ends.tolist(), by):
            index[axis] = slice(start, end, step)
        return x[tuple(index)]

    return call


def _gemm(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    if options.get("alpha", 1.0) != 1.0 or options.get("beta", 1.0) != 1.0 or options.get("transA"):
        raise RuntimeError("a Gemm with factors is not in the table of PyTorch")
    import torch.nn.functional as f

    turned = options.get("transB", 0)
    return lambda x, weight, bias=None: f.linear(x, weight if turned else weight.t(), bias)


def _reduce(name: str, every: bool = False) -> Make:
    def make(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
        import torch

        keep = bool(options.get("keepdims", 1))

        def call(x: Tensor, axes: Tensor = None) -> Tensor:
            over = options.get("axes") or (range(x.dim()) if axes is None else axes.tolist())
            if name == "prod":
                for axis in sorted((axis % x.dim() for axis in over), reverse=True):
                    x = torch.prod(x, axis, keepdim=keep)
                return x
            return getattr(torch, name)(x, tuple(over), keepdim=keep)

        return call

    return make


def _plain(name: str) -> Make:
    """A function of torch, or of its ``nn.functional``, of as many inputs."""

    def make(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
        import torch

        found: Callable[..., Tensor] = getattr(torch, name, None) or getattr(torch.nn.functional, name)
        return found

    return make


def _with(name: str, **renamed: tuple[str, Any]) -> Make:
    """The same with attributes: the keyword of each, its name in ONNX, and its default."""

    def make(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
        import torch

        given = {ours: options.get(theirs, default) for ours, (theirs, default) in renamed.items()}
        found = getattr(torch, name, None) or getattr(torch.nn.functional, name)
        return partial(found, **given)

    return make


def _many(name: str) -> Make:
    """A function of two inputs, over any number of them."""

    def make(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
        run = _plain(name)(options, stored)
        return lambda *inputs: reduce(run, inputs)

    return make


def _clip(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    low, high = [None if one is None else float(one) for one in [*stored[1:], None, None][:2]]
    import torch

    return lambda x, *_: torch.clamp(x, low, high)


def _gelu(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    how = options.get("approximate", "none")
    return lambda x: f.gelu(x, approximate=how)


def _hard_sigmoid(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    alpha, beta = options.get("alpha", 0.2), options.get("beta", 0.5)
    import torch

    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return _plain("hardsigmoid")(options, stored)
    return lambda x: torch.clamp(alpha * x + beta, 0, 1)


def _instance_norm(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch.nn.functional as f

    epsilon = options.get("epsilon", 1e-5)
    return lambda x, gain, shift: f.instance_norm(x, None, None, gain, shift, eps=epsilon)


def _prelu(options: Options, stored: Sequence[Any]) -> Callable[..., Tensor]:
    import torch

    return lambda x, slope: torch.where(x < 0, x * slope, x)


OPERATORS: Mapping[str, Make] = {
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "MaxPool": _max_pool,
    "AveragePool": _avg_pool,
    "GlobalAveragePool": lambda options, stored: lambda x: x.mean(tuple(range(2, x.dim())), keepdim=True),
    "GlobalMaxPool": lambda options, stored: lambda x: x.amax(tuple(range(2, x.dim())), keepdim=True),
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "Gemm": _gemm,
    "MatMul": _plain("matmul"),
    "Transpose": lambda options, stored: lambda x: x.permute(options["perm"]),
    "Reshape": _reshape,
    "Unsqueeze": lambda options, stored: lambda x, axes: reduce(lambda y, at: y.unsqueeze(at), axes.tolist(), x),
    "Squeeze": lambda options, stored: lambda x, axes: x.squeeze(tuple(axes.tolist())),
    "Concat": lambda options, stored: lambda *inputs: _plain("cat")({}, ())(inputs, options["axis"]),
    "Slice": _slice,
    "Expand": lambda options, stored: lambda x, sizes: x * _plain("ones")({}, ())(sizes.tolist(), dtype=x.dtype),
    "Shape": _shape,
    "Gather": lambda options, stored: lambda x, at: _gathered(x, at, options.get("axis", 0)),
    "Identity": lambda options, stored: _same,
    "Cast": _cast,
    "Where": _plain("where"),
    "Softmax": _with("softmax", dim=("axis", -1)),
    "LogSoftmax": _with("log_softmax", dim=("axis", -1)),
    "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("amax"),
    "ReduceMin": _reduce("amin"),
    "ReduceProd": _reduce("prod"),
    "Clip": _clip,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain("hardswish"),
    "LeakyRelu": _with("leaky_relu", negative_slope=("alpha", 0.01)),
    "Elu": _with("elu", alpha=("alpha", 1.0)),
    "Celu": _with("celu", alpha=("alpha", 1.0)),
    "PRelu": _prelu,
    "Max": _many("maximum"),
    "Min": _many("minimum"),
    **{
        kind: _plain(name)
        for kind, name in {
            "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "Sqrt": "sqrt", "Exp": "exp",
            "Log": "log", "Abs": "abs", "Neg": "neg", "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh",
            "Mish": "mish", "Selu": "selu", "Softplus": "softplus", "Softsign": "softsign", "Erf": "erf",
            "Reciprocal": "reciprocal", "Greater": "gt", "And": "logical_and", "Not": "logical_not", "Sin": "sin",
            "Cos": "cos", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sign": "sign",
        }.items()
    },
}  # fmt: skip
"""A row per operator of ONNX: its function in PyTorch."""


def _gathered(x: Tensor, at: Tensor, axis: int) -> Tensor:
    if at.dim() == 0:
        return x.select(axis, int(at))
    found = x.index_select(axis, at.reshape(-1))
    return found.reshape(*x.shape[:axis], *at.shape, *x.shape[axis + 1 :])
