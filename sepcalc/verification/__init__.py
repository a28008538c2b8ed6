"""Counts that are observed: every layer runs in NumPy, and what was executed is counted from the operands.

The layers run on arrays of :class:`Counted`, which sees every elementwise call with its operands and refuses all
that multiplies unseen (matmul, dot, einsum …). Beside each stands a reference, formulated another way and free to use
matmul.
Where a layer is made of products, sums and compares, data are small integers and the outputs must be equal; where
a root, an exponential or a stored reciprocal is in it, they agree within :data:`TOLERANCE`.

``sepcalc.verify(spec, claimed=cost)`` takes any claim, and finds it false.
"""

import time
from collections.abc import Sequence

import numpy as np

from sepcalc.comparison import COMPARED, REWRITE_OPTIONS, compare
from sepcalc.cost import Cost, total
from sepcalc.errors import bad_input
from sepcalc.layer import Gap, Layer, gap
from sepcalc.network import Network, of_spec
from sepcalc.ops.base import Uncounted
from sepcalc.spec import Spec, parse
from sepcalc.verification.layers import Progress, Run, check_layer, operations
from sepcalc.verification.rewrites import check_variant
from sepcalc.verification.verdicts import Check, RewriteCheck, Verification, differences

__all__ = ["Check", "Progress", "RewriteCheck", "Verification", "verify"]


BUFFER = 512  # elements: NumPy copies operands that are repeated along an axis shorter than its buffer


def verify(
    target: Spec | Network | str,
    claimed: Cost | None = None,
    *,
    seed: int = 0,
    variants: Sequence[str] | None = None,
    layers: Sequence[str] = (),
    sample: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Runs a layer spec or a network in NumPy: see :func:`sepcalc.verify`. Raises InputError."""
    if sample is not None:
        _check_sample(sample, claimed, variants)
    if isinstance(target, str):
        target = parse(target, also=REWRITE_OPTIONS)
    begun = time.perf_counter()
    buffered = np.setbufsize(BUFFER)
    try:
        checks, rewrites, own, gaps = _verified(target, seed, variants, layers, sample, progress)
    finally:
        np.setbufsize(buffered)
    if progress is not None:
        whole = max(1, sum(operations(check.executed) for check in checks)) if sample is None else len(checks)
        progress(whole, whole, "done")
    executed = total(check.executed for check in checks) if checks else Cost()
    claim = None
    if claimed is not None:
        claim = differences(Cost(*claimed), total(check.executed for check in own) if own else Cost())
    seconds = time.perf_counter() - begun
    found = Verification(tuple(checks), tuple(rewrites), executed, seconds, seed, claim, sample, tuple(gaps))
    title = str(target) if isinstance(target, Spec) else target.name or "network"
    return found._replace(notes=target.notes, title=title)


def _check_sample(sample: int, claimed: Cost | None, variants: Sequence[str] | None) -> None:
    if sample < 1:
        raise bad_input(f"a sample of {sample} positions is none", "take 1 or more, for example 64")
    if claimed is not None:
        raise bad_input("a claim is about all positions, a sample runs only some", "leave out sample")
    if variants:
        raise bad_input("variants run in full: a chain's links read each other's outputs")


def _verified(
    target: Spec | Network,
    seed: int,
    variants: Sequence[str] | None,
    layers: Sequence[str],
    sample: int | None,
    progress: Progress | None,
) -> tuple[Sequence[Check], Sequence[RewriteCheck], Sequence[Check], Sequence[Gap]]:
    """The checks, the rewrites, those checks that are of the target itself, and what cannot run."""
    if isinstance(target, Spec) and target.kind in COMPARED and not target.each and sample is None:
        return *_verify_variants(target, seed, variants, progress), ()
    network = of_spec(target) if isinstance(target, Spec) else target
    chosen = _chosen(network, layers)
    gaps = [gap(layer.name, layer.op) for layer in chosen if isinstance(layer.op, Uncounted)]
    known = [layer for layer in chosen if not isinstance(layer.op, Uncounted)]
    run = Run(seed, len(known) if sample else sum(operations(layer.cost) for layer in known), progress)
    checks = []
    for at, layer in enumerate(known):
        if sample:
            run.reach(at, layer.name)
        checks.append(check_layer(layer, run, sample))
    return checks, [], checks, gaps


def _chosen(network: Network, globs: Sequence[str]) -> Sequence[Layer]:
    """The layers that match any of the globs, in their order; all, without one."""
    if not globs:
        return network.layers
    matching = {layer.name for glob in globs for layer in network.select(glob)}
    return [layer for layer in network.layers if layer.name in matching]


def _verify_variants(
    spec: Spec, seed: int, variants: Sequence[str] | None, progress: Progress | None
) -> tuple[list[Check], list[RewriteCheck], list[Check]]:
    from sepcalc.rewrite import CHAINS, settings

    itself = CHAINS.get(spec.kind, "normal")
    comparison = compare(spec, [*(variants or ["all"]), itself])
    run = Run(seed, sum(operations(variant.cost) for variant in comparison), progress)
    checks, rewrites, own = [], [], []
    for variant in comparison:
        found, rewrite = check_variant(variant.name, comparison.conv, settings(spec.options), variant.network, run)
        checks += found
        if variant.name == itself:
            own = found
        if variant.name != "normal":
            rewrites.append(rewrite)
    return checks, rewrites, own
