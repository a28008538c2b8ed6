"""One convolution beside its cheaper variants."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sepcalc.cost import Cost
from sepcalc.errors import Invalid, bad_input, near_miss, quoted
from sepcalc.kinds import KINDS
from sepcalc.layer import Layer
from sepcalc.network import Network, of_chain
from sepcalc.ops.conv import Conv
from sepcalc.quantity import largest
from sepcalc.rewrite import CHAINS, VARIANTS, Settings, settings
from sepcalc.shape import Shape
from sepcalc.shown import missing, shown, telling
from sepcalc.spec import Spec, parse

if TYPE_CHECKING:
    from fractions import Fraction

SHOWN = ("normal", "spatial", "depthwise-separable")
COMPARED = ("conv", "depthwise", "pointwise", *CHAINS)
REWRITE_OPTIONS = ("multiplier", "rank")


@telling
class Variant(NamedTuple):
    """One way to run the convolution: its chain as a network, and its cost relative to the normal one."""

    name: str
    network: Network
    normal: Cost

    def __str__(self) -> str:
        return shown(self)

    @property
    def cost(self) -> Cost:
        """The exact counts of the whole chain."""
        return self.network.cost

    @property
    def output(self) -> Shape:
        """The shape of the output, channels last: equal for all variants."""
        return self.network.layers[-1].output

    @property
    def steps(self) -> tuple[Layer, ...]:
        """The links of the chain, in order."""
        return self.network.layers

    @property
    def ratio(self) -> dict[str, float]:
        """Its cost relative to the normal convolution, with four decimals."""
        return {
            "mults": round(self.cost.mults / self.normal.mults, 4),
            "params": round(self.cost.params / self.normal.params, 4),
        }


@telling
class Comparison:
    """The variants of one convolution: ``comparison["depthwise-separable"].cost.mults``.

    ``not_applicable`` gives the reason for each variant that does not apply.
    """

    def __init__(self, spec: Spec, conv: Conv, variants: Sequence[Variant], not_applicable: dict[str, str]) -> None:
        self.spec = spec
        self.conv = conv
        self.variants = tuple(variants)
        self.not_applicable = not_applicable

    def __str__(self) -> str:
        return shown(self)

    def __getitem__(self, name: str) -> Variant:
        """The variant of this name. Raises KeyError, with the reason where there is one."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        if isinstance(name, str) and name in self.not_applicable:
            raise KeyError(f"{name}: {self.not_applicable[name]}")
        from sepcalc.foreign import variant as meant

        raise missing("variant", name, [one.name for one in self.variants], meant(str(name)))

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)


def compare(spec: Spec | str, variants: Sequence[str] | None = None) -> Comparison:
    """A convolution beside its cheaper variants, of the same input and output shape: those named, or ``["all"]``;
    without names normal, spatial and depthwise-separable.

    ``spec`` is a convolution with its input shape (HxWxC); a depth multiplier and a rank stand in it, too:
    ``12x12x3 -k5 -o256 -m2``. A variant has a ``.cost`` (exact counts for one example), ``.steps`` and a ``.ratio`` to
    the normal one. ``.not_applicable`` says why a variant is missing.
    Raises InputError for what is no convolution, and for an unknown variant.

    >>> variants = sepcalc.compare("12x12x3 conv -k5 -o256")
    >>> {variant.name: variant.cost.mults for variant in variants}
    {'normal': 1228800, 'spatial': 614400, 'depthwise-separable': 53952}
    """
    if isinstance(spec, str):
        spec = parse(spec, also=REWRITE_OPTIONS)
    if spec.each:
        raise bad_input("compare is for one convolution, not for one on each slice", source=str(spec))
    if spec.kind not in COMPARED:
        raise bad_input(
            f"compare is for convolutions ({', '.join(COMPARED)}), not for {spec.kind}", source=str(spec), end=1
        )
    if not spec.inputs:
        raise bad_input("compare needs an input shape first", f"for example 12x12x3 {spec}")
    conv, told = _convolution(spec), settings(spec.options)
    channels = spec.inputs[0][-1]
    names = _chosen(variants)
    normal = of_chain("normal", VARIANTS["normal"].build(conv, channels, told), spec.inputs)
    shown, obstacles = [], dict[str, str]()
    for name in names:
        if obstacle := VARIANTS[name].obstacle(conv, channels):
            obstacles[name] = obstacle
            continue
        try:
            chain = VARIANTS[name].build(conv, channels, told)
            network = normal if name == "normal" else of_chain(name, chain, spec.inputs)
        except Invalid as fact:  # a rank that the groups do not divide, a link of more channels than a size may be
            obstacles[name] = fact.message
            continue
        shown.append(Variant(name, network, normal.cost))
    return Comparison(spec, conv, shown, obstacles)


def variant_spec(spec: Spec, variant: Variant) -> str | None:
    """A variant of a layer as one line that parses back to it; None where no kind is that variant."""
    for kind, name in (("conv", "normal"), *CHAINS.items()):
        if name == variant.name:
            options = {name: value for name, value in spec.options.items() if name in KINDS[kind].options}
            line = Spec(kind, (), options, spec.inputs)
            return str(line) if line.cost == variant.cost else None
    return None


def _chosen(variants: Sequence[str] | None) -> list[str]:
    """The requested variants in the table's order, with the normal one first, as the base of the ratios."""
    if variants is None:
        return list(SHOWN)
    for name in variants:
        if name != "all" and name not in VARIANTS:
            raise bad_input(
                f"unknown variant {quoted(name)}: expected {', '.join(VARIANTS)} or all",
                near_miss(name, [*VARIANTS, "all"]),
            )
    return [name for name in VARIANTS if name == "normal" or name in variants or "all" in variants]


def _convolution(spec: Spec) -> Conv:
    """The normal convolution that a spec of any convolution kind stands for."""
    if spec.kind in ("separable", "spatial", "factorized"):
        spec = Spec("conv", (), {k: v for k, v in spec.options.items() if k not in REWRITE_OPTIONS}, spec.inputs)
    op = spec.links[0].op
    if not isinstance(op, Conv):
        raise TypeError(f"{spec.kind} is in COMPARED, but no convolution")
    return op


class Formula(NamedTuple):
    """The ratio of a variant's mults to the normal convolution's: in general, for this layer, and the break-even
    point."""

    variant: str
    general: str
    here: str
    ratio: "Fraction"
    break_even: str


def formulas(comparison: Comparison) -> list[Formula]:
    """The ratio behind each variant shown, in numbers of this layer and in general."""
    return [
        _FORMULAS[variant.name](comparison, variant) for variant in comparison.variants if variant.name in _FORMULAS
    ]


def _depthwise_separable(comparison: Comparison, variant: Variant) -> Formula:
    """m(g/Co + 1/K): Howard et al., arXiv:1704.04861, section 3.1, with a depth multiplier and groups."""
    from fractions import Fraction
    from math import prod

    conv, m = comparison.conv, settings(comparison.spec.options).multiplier
    area, outs, groups = prod(conv.kernel), conv.out, conv.groups
    plain = f"{'groups' if groups > 1 else '1'}/outputs + 1/kernel area"
    general = f"{plain}; with a multiplier: multiplier x ({plain})"
    here = f"{groups}/{outs} + 1/{area}"
    ratio = m * (Fraction(groups, outs) + Fraction(1, area))
    if area <= m:
        even = f"never cheaper: the multiplier {m} is not below the kernel area {area}"
    else:
        least = m * groups * area // (area - m) + 1
        even = _from(least) + (f" (multiples of {groups})" if groups > 1 else "")
    return Formula(variant.name, general, f"{m} x ({here})" if m > 1 else here, ratio, even)


def _per_link(comparison: Comparison, variant: Variant) -> Formula:
    """Each link's taps and positions against the kernel area and the output's positions."""
    from fractions import Fraction
    from math import prod

    conv = comparison.conv
    ratio = Fraction(variant.cost.mults, variant.normal.mults)
    terms = [(step.op, step.output) for step in variant.steps]
    written = " + ".join(
        f"{prod(op.kernel)}·{'·'.join(map(str, out[:-1]))}" for op, out in terms if isinstance(op, Conv)
    )
    below = f"{prod(conv.kernel)}·{'·'.join(map(str, variant.output[:-1]))}"
    even = "cheaper at any number of outputs" if ratio < 1 else "not cheaper at any number of outputs"
    general = "sum of (kernel size x positions), link by link, / (kernel area x positions)"
    return Formula(variant.name, general, f"({written}) / ({below})", ratio, even)


def _plain_ratio(comparison: Comparison, variant: Variant) -> Formula:
    from fractions import Fraction

    ratio = Fraction(variant.cost.mults, variant.normal.mults)
    here = " + ".join(f"{step.cost.mults:,}" for step in variant.steps if step.cost.mults)
    return Formula(
        variant.name,
        "sum of the links / normal",
        f"({here}) / {variant.normal.mults:,}",
        ratio,
        _even_outputs(comparison),
    )


def _factorized(comparison: Comparison, variant: Variant) -> Formula:
    plain = _plain_ratio(comparison, variant)
    return plain._replace(
        general="sum over the links of (kernel size x inputs x outputs x positions) / normal, growing with the rank",
        break_even=_even_rank(comparison),
    )


def _even_outputs(comparison: Comparison) -> str:
    """The smallest number of outputs from which on the depthwise-spatial chain is cheaper."""
    conv, told = comparison.conv, settings(comparison.spec.options)
    inputs = comparison.spec.inputs

    def mults(outs: int, name: str) -> int:
        chain = VARIANTS[name].build(conv._replace(out=outs), inputs[0][-1], told)
        return of_chain(name, chain, inputs).cost.mults

    step = conv.groups
    # Both costs are linear in the outputs: a + b·outs against c·outs.
    slope = mults(2 * step, "depthwise-spatial") - mults(step, "depthwise-spatial")
    fixed = mults(step, "depthwise-spatial") - slope
    normal = mults(step, "normal")
    if slope >= normal:
        return "never cheaper: the multiplier is not below the kernel area"
    return _from((fixed // (normal - slope) + 1) * step)


def _from(outputs: int) -> str:
    return f"cheaper from {outputs:,} outputs on" if outputs > 1 else "cheaper at any number of outputs"


def _even_rank(comparison: Comparison) -> str:
    """The largest rank at which the factorized chain is still cheaper. Costs grow with the rank."""
    conv, inputs, groups = comparison.conv, comparison.spec.inputs, comparison.conv.groups
    normal = comparison.variants[0].normal.mults

    def cheaper(rank: int) -> bool:
        chain = VARIANTS["factorized"].build(conv, inputs[0][-1], Settings(rank=rank * groups))
        try:
            return of_chain("factorized", chain, inputs).cost.mults < normal
        except Invalid:  # a rank larger than a size may be
            return False

    rank = largest(cheaper)
    return f"cheaper up to rank {rank * groups:,}" if rank else "never cheaper, at any rank"


_FORMULAS = {
    "spatial": _per_link,
    "depthwise-separable": _depthwise_separable,
    "depthwise-spatial": _plain_ratio,
    "factorized": _factorized,
}
