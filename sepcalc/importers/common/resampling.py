"""Adaptive pooling and resampling. The input is an image with channels last."""

from sepcalc.importers.common.values import Emitter, V
from sepcalc.ops.pool import AdaptivePool, Reduce
from sepcalc.shape import Shape

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def interpolation(mode: str, axes: int) -> str:
    """The ops' name of an interpolation (``nearest``, ``linear``, ``cubic``) over this many spatial axes; empty if they
    have none."""
    words = {"nearest": "nearest", "linear": _LINEAR.get(axes, ""), "cubic": "bicubic" if axes == 2 else ""}
    return words.get(mode, "")


def pooled_to(emitter: Emitter[V], how: str, x: V, to: Shape) -> V:
    """Pools an image (``avg``, ``max``, ``sum``) to these sizes of its last spatial axes. All sizes 1: a global pool,
    with no window that depends on the sizes."""
    lead = emitter.seen(x)[: -len(to) - 1]  # several images of one example
    if set(to) != {1}:
        return emitter.emit(AdaptivePool(how, (*lead, *to)), x)
    axes = tuple(range(len(lead), len(lead) + len(to)))
    called = "reduce" if how == "sum" else "pool"
    return emitter.emit(Reduce("mean" if how == "avg" else how, axes, True, called), x)
