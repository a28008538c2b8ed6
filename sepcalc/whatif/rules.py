"""Rules that rewrite the layers of a network: ``stage*/conv*=depthwise-separable -m2``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.errors import InputError, Invalid, Problem, near_miss, quoted
from sepcalc.network import Layer, Network, Node, matches
from sepcalc.ops.conv import Conv
from sepcalc.options import Value
from sepcalc.rewrite import VARIANTS, Chain, Settings, chain
from sepcalc.shape import Shape, show
from sepcalc.spec import Misread, outputs, read

CONV = "conv"  # what a rule may name beside the variants: the convolution itself, with other groups
_TAKEN: Mapping[str, tuple[str, ...]] = {  # the options that each may be given
    CONV: ("groups",),
    "depthwise-separable": ("multiplier",),
    "depthwise-spatial": ("multiplier",),
    "spatial": (),
    "factorized": ("rank",),
}


class Rule(NamedTuple):
    """Layers whose names match ``pattern`` become ``target``, a variant or ``conv``. ``rank`` may be a part of the
    outputs."""

    text: str
    pattern: str
    target: str
    multiplier: int = 1
    rank: int | Fraction | None = None
    groups: int = 1


class Change(NamedTuple):
    """What became of one layer: its cost before and after, and the ``rule`` that rewrote it or the ``reason`` why none
    did."""

    name: str
    before: Cost
    after: Cost
    rule: str = ""
    reason: str = ""


class Rewritten(NamedTuple):
    """A network before and after, and its layers one by one, in the order of the first; ``spans`` are the numbers of
    the layers after that each has become."""

    before: Network
    after: Network
    layers: tuple[Change, ...]
    spans: tuple[range, ...]

    def pairs(self) -> Iterator[tuple[Change, Layer, tuple[Layer, ...]]]:
        """Every layer before, and those that it has become."""
        for change, old, span in zip(self.layers, self.before.layers, self.spans, strict=True):
            yield change, old, self.after.layers[span.start : span.stop]


def read_rule(text: str) -> Rule:
    """``GLOB=VARIANT [OPTION…]``. Raises InputError with a caret under what is wrong."""
    pattern, equals, wanted = text.partition("=")
    start = len(pattern) + 1
    if not equals or not pattern.strip() or not wanted.strip():
        raise InputError(
            [
                Problem(
                    f"{quoted(text)} is not a rule: expected GLOB=VARIANT",
                    "for example '*=depthwise-separable' or 'stage2/*=factorized --rank 1/2'",
                )
            ]
        )
    words = wanted.split()
    target = words[0]
    if target not in _TAKEN:
        at = text.index(target, start)
        expected = f"unknown variant {quoted(target)}: expected {', '.join(_TAKEN)}"
        raise InputError([Problem(expected, near_miss(target, _TAKEN), source=text, start=at, end=at + len(target))])
    options, rank = _options(text, start, target, words[1:])
    if target == CONV and "groups" not in options:
        raise InputError([Problem("conv needs -g (--groups): the groups to cut it into", source=text, start=start)])
    return Rule(
        text.strip(),
        pattern.strip(),
        target,
        int(str(options.get("multiplier", 1))),
        rank,
        int(str(options.get("groups", 1))),
    )


def _options(
    text: str, start: int, target: str, words: Sequence[str]
) -> tuple[Mapping[str, Value], int | Fraction | None]:
    """The options of a rule, by the grammar of the layer spec; a rank may also be a fraction."""
    rest, rank = list(words), None
    for at, word in enumerate(rest):
        name, equals, value = word.partition("=")
        if name == "--rank" and "rank" in _TAKEN[target]:
            value = value if equals else "".join(rest[at + 1 : at + 2])
            if "/" in value:
                rank = _part(text, value)
                del rest[at : at + (1 if equals else 2)]
            break
    kind = "factorized" if "rank" in _TAKEN[target] else "separable" if "multiplier" in _TAKEN[target] else CONV
    given = ["-k1", "-o1"]  # what the kind needs is the layer's own
    try:
        options = dict(read([kind, *given, *rest]).options)
    except Misread as misread:
        raise InputError(
            _misplaced(text, start, rest, at - 1 - len(given), fact) for at, fact in misread.facts
        ) from None
    del options["kernel"], options["out"]
    useless = [name for name in options if name not in _TAKEN[target]]
    if useless:
        takes = ", ".join(f"--{name}" for name in _TAKEN[target]) or "no options"
        raise InputError(
            Problem(
                f"a rule's {target} takes no --{name}", f"it takes {takes}", source=text, start=start, end=len(text)
            )
            for name in useless
        )
    whole = options.get("rank")
    return options, rank if whole is None else int(str(whole))


def _part(text: str, value: str) -> Fraction:
    """``1/2``: a part of the outputs."""
    above, _, below = value.partition("/")
    plain = value.isascii() and above.isdigit() and below.isdigit() and len(value) < 20
    if plain and 0 < int(above) <= int(below):
        return Fraction(int(above), int(below))
    at = text.index(value)
    raise InputError(
        [
            Problem(
                f"--rank: {quoted(value)} is no part of the outputs: expected a number, or a fraction up to 1",
                "for example --rank 8, or --rank 1/2",
                source=text,
                start=at,
                end=at + len(value),
            )
        ]
    )


def _misplaced(text: str, start: int, words: Sequence[str], at: int, fact: Invalid) -> Problem:
    if 0 <= at < len(words):
        begin = text.index(words[at], start)
        return Problem(fact.message, fact.hint, source=text, start=begin, end=begin + len(words[at]))
    return Problem(fact.message, fact.hint, source=text, start=start, end=len(text))


# --- a network -> a rewritten network --------------------------------------------------------------------------------


def rewrite(network: Network, rules: Sequence[Rule], exclude: Iterable[str] = ()) -> Rewritten:
    """Every layer by the first rule that its name matches; those that match an ``exclude`` glob stay.

    Rewritten layers keep their outer shapes. Raises InputError for a rule or an exclusion that no layer matches, and
    for a rule that no layer can follow.
    """
    exclude = tuple(exclude)
    _require_matches(network, [rule.pattern for rule in rules], exclude)
    plans = [_plan(node, network, rules, exclude) for node in network.nodes]
    _keep_shared(network, plans)
    return carry_out(network, plans)


class Plan(NamedTuple):
    """What is to become of a node: a chain by a rule, or nothing for a reason."""

    links: Chain | None = None
    rule: str = ""
    reason: str = ""


def _require_matches(network: Network, patterns: Sequence[str], exclude: Sequence[str]) -> None:
    problems = []
    names = [node.name for node in network.nodes]
    convolutions = [node.name for node in network.nodes if isinstance(node.op, Conv)]
    for pattern in (*patterns, *exclude):
        if not any(matches(name, pattern) for name in names):
            hint = near_miss(pattern, names) or (f"the first layer is {quoted(names[0])}" if names else "")
            inside = f"{pattern}/*"
            hint = f"{quoted(inside)} is what stands in it" if any(matches(name, inside) for name in names) else hint
            problems.append(Problem(f"no layer matches {quoted(pattern)}", hint))
        elif pattern in patterns and not any(matches(name, pattern) for name in convolutions):
            problems.append(Problem(f"no convolution matches {quoted(pattern)}", "rules are for convolutions"))
    if problems:
        raise InputError(problems)


def _plan(node: Node, network: Network, rules: Sequence[Rule], exclude: Sequence[str]) -> Plan:
    if not isinstance(node.op, Conv):
        return Plan(reason="not a convolution")
    if any(matches(node.name, pattern) for pattern in exclude):
        return Plan(reason="excluded")
    rule = next((rule for rule in rules if matches(node.name, rule.pattern)), None)
    if rule is None:
        return Plan(reason="no rule matches")
    shape = network.tensors[node.sources[0]]
    try:
        obstacle, links = _links(rule, node.op, shape)
    except Invalid as fact:
        return Plan(reason=fact.message)
    return Plan(reason=obstacle) if obstacle else Plan(links, rule.text)


def _links(rule: Rule, conv: Conv, shape: Shape) -> tuple[str, Chain]:
    """Why the rule has no use for this convolution (or nothing), and the chain that it becomes."""
    if rule.target != CONV:
        return links_of(rule.target, conv, shape, Settings(rule.multiplier, _rank(rule, conv)))
    if conv.groups > 1:
        return "it is grouped already", ()
    links = chain((CONV, conv._replace(groups=rule.groups)))
    outputs(links, (shape,))  # the groups must divide both sides
    return "", links


def links_of(variant: str, conv: Conv, shape: Shape, settings: Settings) -> tuple[str, Chain]:
    """Why a variant has no use for this convolution (or nothing), and the chain that it becomes. Raises Invalid."""
    channels = shape[-1]
    if conv.groups == channels > 1:
        return "it is depthwise already", ()
    if obstacle := VARIANTS[variant].obstacle(conv, channels):
        return obstacle, ()
    links = VARIANTS[variant].build(conv, channels, settings)
    if outputs(links, (shape,))[-1] != conv.output((shape,)):
        raise AssertionError(f"{variant} does not keep {show(conv.output((shape,)))}")
    return "", links


def _rank(rule: Rule, conv: Conv) -> int | None:
    """A part of the outputs: rounded down to what the groups divide, at least 1 of each."""
    if not isinstance(rule.rank, Fraction):
        return rule.rank
    return max(1, int(conv.out * rule.rank) // conv.groups) * conv.groups


def _keep_shared(network: Network, plans: list[Plan]) -> None:
    """Layers that share weights are rewritten alike, or not at all."""
    users: dict[str, list[int]] = {}
    for at, node in enumerate(network.nodes):
        if node.weights is not None:
            users.setdefault(node.weights, []).append(at)
        elif node.shared and plans[at].links is not None:
            plans[at] = Plan(reason="shares a part of its params with another layer")
    for name, numbers in users.items():
        wanted = {tuple(link.op for link in plans[at].links or ()) for at in numbers}
        if len(wanted) > 1:
            for at in numbers:
                if plans[at].links is not None:
                    plans[at] = Plan(reason=f"shares the weights {name} with a layer that is not rewritten so")


def carry_out(network: Network, plans: Sequence[Plan]) -> Rewritten:
    """The network with every node as planned. A node of several links becomes as many, ``name/link``."""
    moved = list(range(len(network.inputs)))  # the new number of every tensor
    nodes: list[Node] = []
    spans: list[range] = []
    for node, plan in zip(network.nodes, plans, strict=True):
        first = len(network.inputs) + len(nodes)
        sources = tuple([moved[source] for source in node.sources])
        links = plan.links
        if links is None:
            nodes.append(node._replace(sources=sources))
        elif len(links) == 1:
            nodes.append(node._replace(op=links[0].op, sources=sources))
        else:
            shapes = outputs(links, (network.tensors[node.sources[0]],))[1:]
            for link, output in zip(links, shapes, strict=True):
                reads = tuple([sources[0] if source == 0 else first + source - 1 for source in link.sources])
                weights = None if node.weights is None else f"{node.weights}/{link.name}"
                nodes.append(Node(f"{node.name}/{link.name}", link.op, reads, output, weights))
        spans.append(range(first - len(network.inputs), len(nodes)))
        moved.append(len(network.inputs) + len(nodes) - 1)
    after = network.replaced(nodes, moved)
    layers = tuple(
        [
            Change(layer.name, layer.cost, total(after.layers[at].cost for at in span), plan.rule, plan.reason)
            for layer, span, plan in zip(network.layers, spans, plans, strict=True)
        ]
    )
    return Rewritten(network, after, layers, tuple(spans))


def resized_and_rewritten(
    network: Network, resized: Network, rules: Sequence[Rule], exclude: Iterable[str] = ()
) -> Rewritten:
    """The rules on a network of another size, beside the network as it was. Both have the same layers."""
    result = rewrite(resized, rules, exclude)
    layers = tuple(
        [change._replace(before=old.cost) for change, old in zip(result.layers, network.layers, strict=True)]
    )
    return Rewritten(network, result.after, layers, result.spans)
