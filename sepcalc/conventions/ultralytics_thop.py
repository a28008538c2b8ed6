"""ultralytics-thop: thop's rules mended; it counts subclasses, and products that are called as functions."""

from sepcalc.conventions import thop
from sepcalc.conventions.seen import TORCH, YAML, Seen, Unknown
from sepcalc.conventions.table import Row, all_params, nothing, per, product, unknown, where
from sepcalc.ops.pool import AdaptivePool, Pool
from sepcalc.ops.product import Attention


def _norm(one: Seen) -> int:
    if not one.base and one.leaf and one.own and one.medium == TORCH:
        raise Unknown(f"{one.layer.name}: whether its class derives from PyTorch's is not known")
    return (4 if one.affine else 2) * one.x if one.base else 0


def _scores(one: Seen) -> int:
    """A softmax over the scores, in PyTorch's attention module alone."""
    if one.medium == YAML:
        raise Unknown("whether PyTorch's attention module runs it is not said: known from the PyTorch module")
    op = one.layer.op
    assert isinstance(op, Attention)
    queries, keys, *_ = op.sizes(one.layer.inputs)
    return op.heads * queries * (3 * keys - 1) if one.inside else 0


def _windows(one: Seen) -> int:
    """Every input that a window reads, and a division per output. Padding counts where the pool counts it."""
    op = one.layer.op
    if not one.called:
        return 0
    if isinstance(op, AdaptivePool):
        windows = 1
        for size, to in zip(one.spatial, op.to):
            windows *= sum(-(-(at + 1) * size // to) - at * size // to for at in range(to))
        return windows * one.layer.output[-1] + one.y
    if isinstance(op, Pool):
        read = 1
        axes = zip(one.spatial, one.layer.output, op.kernel, op.stride, op.pads(one.layer.inputs[0]))
        for size, to, kernel, stride, (before, after) in axes:
            low, high = (0, size) if op.exclude_pad else (-before, size + after)
            starts = [at * stride - before for at in range(to)]
            read *= sum(max(0, min(start + kernel, high) - max(start, low)) for start in starts)
        return read * one.layer.output[-1] + one.y
    return one.x + one.y  # a global pool


def _convolutions(text: str) -> Row:
    return where(lambda one: bool(one.base), (), nothing(f"{text} that are called as functions counted 0"))


_POOL = per("average pools at their windows and 1 per output", _windows)

COUNTER = thop.COUNTER._replace(
    name="ultralytics-thop",
    version="2.2.3",
    rows={
        **thop.COUNTER.rows,
        "convolution": _convolutions("convolutions"),
        "transposed convolution": _convolutions("transposed convolutions"),
        "linear layer": (),
        "matrix product": product(()),
        "softmax": where(
            lambda one: one.inside,
            unknown("its number for attention that returns its weights was not tried"),
            thop.COUNTER.rows["softmax"],
        ),
        "einsum": unknown("its rule for einsum was not tried"),
        "attention": per("attention modules: softmax at 3n - 1 per row", _scores),
        **dict.fromkeys(
            ("batch norm", "layer norm", "instance norm", "group norm", "rms norm"),
            per("norms at 4 (affine) or 2 per element", _norm),
        ),
        **dict.fromkeys(("average pool", "adaptive average pool", "global average pool"), _POOL),
        "nearest upsampling": (),
        "trilinear upsampling": where(
            lambda one: bool(one.called), per("trilinear upsampling at 31 per output", lambda one: 31 * one.y)
        ),
    },
    params=all_params,
    by_parents=False,
)
