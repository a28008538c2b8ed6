"""``time``: what a convolution's variants, or a network, take in real engines."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from time import perf_counter

from sepcalc.commands.subjects import Given, network_of
from sepcalc.commands.whatif import whatif
from sepcalc.comparison import COMPARED, REWRITE_OPTIONS, compare
from sepcalc.errors import bad_input
from sepcalc.network import Network, of_spec
from sepcalc.source import is_network
from sepcalc.spec import Spec, parse
from sepcalc.timing import Settings, Timed, checked, timed
from sepcalc.timing.loop import Progress
from sepcalc.timing.machine import Machine, here


def time(
    target: Spec | Given,
    *,
    engines: Sequence[str] | str = ("onnxruntime",),
    variants: Sequence[str] | None = None,
    rules: Sequence[str] | str = (),
    exclude: Iterable[str] | str = (),
    width: str | float | Fraction | None = None,
    divisor: int = 8,
    resolution: str | int | Sequence[int] | None = None,
    threads: int = 1,
    batch: int = 1,
    on: str = "cpu",
    seconds: float = 20.0,
    floor: bool = False,
    seed: int = 0,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Timed:
    """What a layer spec takes in real engines: each variant of :func:`compare` at the real shapes, or any other layer
    alone. Or what a network takes: the whole, and its layers where an engine has a profile; before and after, where
    ``rules``, ``width`` or ``resolution`` change it as in :func:`whatif`. Weights are random, by ``seed``.

    ``.rows`` have the macs of one example, the seconds of ``batch`` examples (``.seconds.median``) and the ``ratio``
    to the first row. Everything runs in turn until the spread of every median is below 3 %, or ``seconds`` are spent.
    ``threads`` are pinned to as many cores. ``floor`` subtracts what an empty network takes.
    Raises InputError for a layer that ONNX has no equivalent of, and for an engine that is missing, fails or crashes.

    >>> rows = sepcalc.time("8x8x16 -k3 -o16 -p same", seconds=0.1).rows
    >>> [row.name for row in rows]
    ['normal', 'spatial', 'depthwise-separable']
    """
    names = [engines] if isinstance(engines, str) else [*engines]
    settings = checked(Settings(names, threads, batch, on, seconds, floor=floor, seed=seed))
    there = machine or here()
    changes = bool(rules) or width is not None or resolution is not None
    if isinstance(target, Spec) or (isinstance(target, str) and not is_network(target)):
        if changes or exclude:
            raise bad_input("rules, exclude, width and resolution are for a network, not for a layer spec")
        subject, found, apart, reasons = _variants(target, variants)
        result = timed(subject, found, settings, there, perf_counter, spec=True, progress=progress)
        return result._replace(not_applicable=reasons, notes=apart)
    if variants:
        raise bad_input("variants are for a layer spec, not for a network")
    whole = network_of(target)
    networks = {whole.name or "network": whole}
    notes = tuple(whole.notes)
    if changes:
        result_after = whatif(whole, rules, exclude, width=width, divisor=divisor, resolution=resolution)
        networks = {"before": whole, "after": result_after.after}
        notes = (*filter(None, [result_after.remark]), *result_after.after.notes)
    name = whole.name or "network"
    found_times = timed(name, networks, settings, there, perf_counter, spec=False, progress=progress)
    return found_times._replace(notes=tuple(dict.fromkeys(notes)))


def _variants(
    target: Spec | str, variants: Sequence[str] | None
) -> tuple[str, dict[str, Network], tuple[str, ...], dict[str, str]]:
    """The spec as one line, the networks to time, its notes, and why variants are missing."""
    spec = parse(target, also=REWRITE_OPTIONS) if isinstance(target, str) else target
    if spec.kind in COMPARED and not spec.each:
        found = compare(spec, variants)
        return str(spec), {one.name: one.network for one in found}, tuple(spec.notes), found.not_applicable
    if variants:
        raise bad_input(f"variants are for convolutions ({', '.join(COMPARED)}), not for {spec.kind}")
    if not spec.inputs:
        raise bad_input("the spec needs an input shape first", f"for example 12x12x3 {spec}", source=str(spec), end=1)
    return str(spec), {spec.kind: of_spec(spec)}, tuple(spec.notes), {}
