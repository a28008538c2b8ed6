"""Variants of a convolution: the chain must give what the normal convolution with the composed kernel gives."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from sepcalc.cost import Cost
from sepcalc.network import Network
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.ops.rename import Rename
from sepcalc.rewrite import VARIANTS
from sepcalc.verification.bench import Bench
from sepcalc.verification.conv import correlate
from sepcalc.verification.counting import Array
from sepcalc.verification.executors import run_op
from sepcalc.verification.layers import Run, agree
from sepcalc.verification.move import rename_reference
from sepcalc.verification.sums import GATHERED
from sepcalc.verification.verdicts import Check, RewriteCheck

COMPOSED = 2**21  # elements of a composed kernel


def check_variant(name: str, conv: Conv, settings: Any, network: Network, run: Run) -> tuple[list[Check], RewriteCheck]:
    """Runs a chain on one input, each link on the output of the one before, and compares it with the normal convolution
    with the composed kernel. A spatial chain runs in slabs of outputs: its middle has outputs times inputs channels,
    and every output has its own part of them."""
    (shape,) = network.inputs.values()
    channels, per_group = shape[-1], conv.out // conv.groups
    within = 1 if name != "spatial" else channels
    area = prod(network.layers[-1].output[:-1])
    composed = channels * conv.groups * prod(conv.kernel)
    slab = max(1, min(4 * GATHERED // max(1, area * within), COMPOSED // composed)) if name == "spatial" else per_group
    sums = [Cost()] * len(network.layers)
    right = [True] * len(network.layers)
    whole_right = True
    numbers = {layer.name: at for at, layer in enumerate(network.layers)}  # a slab of one output needs no shuffle
    start = run.bench(name, small=True).data("input", shape, 1)
    for low in range(0, per_group, slab):
        part = conv._replace(out=min(slab, per_group - low) * conv.groups)
        chain = VARIANTS[name].build(part, channels, settings)
        array, kernels = start, []
        for link in chain:
            at = numbers[link.name]
            bench = run.bench(f"{name}/{link.name}/{low}", small=True)
            output = link.op.output((array.shape,))
            array = array.astype(np.int64 if at and array.size and abs(array).max() > 2**12 else np.int32)
            found, reference = run_op(link.op, [array], output, bench)
            right[at] &= agree(found, reference, near=False)
            sums[at] = sums[at] + bench.tally.cost()
            run.finish(bench.tally.cost())
            kernels.append((link.op, bench, array.shape[-1]))
            array = np.asarray(found)
        if len(chain) > 1:  # a chain of one link is the normal convolution, and has its own reference
            expected = _composed_reference(part, kernels, start)
            whole_right &= agree(array, expected, near=False)
    checks = []
    for layer, executed, fine in zip(network.layers, sums, right, strict=True):
        label = f"{name}/{layer.name}" if len(network.layers) > 1 else name
        checks.append(Check(label, layer.kind, layer.cost, executed, fine, True, 0.0))
    return checks, RewriteCheck(name, whole_right)


def _composed_reference(conv: Conv, links: Sequence[tuple[Op, Bench, int]], start: Array) -> Array:
    """The normal convolution with the one kernel that the chain's kernels make together."""
    channels, axes = start.shape[-1], len(conv.kernel)
    # at first every channel is itself: it sees one input channel, its origin, through one tap
    kernel, origins = np.ones((channels, 1, *[1] * axes)), np.arange(channels)[:, None]
    bias = None
    for op, bench, before in links:
        if isinstance(op, Rename):
            order = rename_reference(op, [np.arange(before)], (before,), bench)
            kernel, origins = kernel[order], origins[order]
            continue
        if not isinstance(op, Conv):
            raise TypeError(f"{type(op).__name__} is no link of a convolution's rewrite")
        each, per_group = before // op.groups, op.out // op.groups
        stored = bench.weights("kernel", (op.out, prod(op.kernel) * each)).look().astype(np.float64)
        own = stored.reshape(op.groups, per_group, *op.kernel, each)
        below = kernel.reshape(op.groups, each, -1, *kernel.shape[2:])
        seen = origins.reshape(op.groups, each, -1)
        alike = bool((seen == seen[:, :1]).all())  # then the kernels add up; else they stand beside each other
        taps, inner = "stuv"[:axes], "wxyz"[:axes]
        both = ("i" if alike else "ci") + "".join(a + b for a, b in zip(taps, inner))
        made = np.einsum(f"go{taps}c,gci{inner}->go{both}", own, below, optimize=True)
        kernel = made.reshape(op.out, -1, *[k * size for k, size in zip(op.kernel, kernel.shape[2:])])
        seen = seen[:, 0] if alike else seen.reshape(op.groups, -1)
        origins = np.repeat(seen, per_group, axis=0)
        if op.bias:
            bias = bench.weights("bias", (op.out,)).look()
    dense = np.zeros((conv.out, prod(conv.kernel), channels))
    outs = np.arange(conv.out)[:, None, None]
    np.add.at(dense, (outs, np.arange(prod(conv.kernel))[:, None], origins[:, None]), _taps_first(kernel, conv.out))
    whole, flat = conv._replace(groups=1, bias=False), dense.reshape(conv.out, -1)
    result = correlate(whole, start, whole.output((start.shape,)), lambda low, high: flat[low:high])
    return result if bias is None else result + bias


def _taps_first(kernel: Array, outs: int) -> Array:
    return np.moveaxis(kernel, 1, -1).reshape(outs, -1, kernel.shape[1])
