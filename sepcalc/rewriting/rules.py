"""Rules that rewrite the layers of a network: ``stage*/conv*=depthwise-separable -m2``."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.errors import InputError, Invalid, Problem, bad_input, near_miss, quoted
from sepcalc.layer import Layer, Node
from sepcalc.network import Network, matches
from sepcalc.ops.base import Chain
from sepcalc.ops.conv import Conv
from sepcalc.option_words import spelled
from sepcalc.options import OPTIONS, Option, Value
from sepcalc.rewrite import VARIANTS, Settings, chain
from sepcalc.shape import Shape, show
from sepcalc.shown import shown, telling
from sepcalc.spec import outputs

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


@telling
class Rewritten(NamedTuple):
    """A network before and after, and its layers one by one, in the order of the first; ``spans`` are the numbers of
    the layers after that each has become, ``remark`` says what was done to the whole."""

    before: Network
    after: Network
    layers: tuple[Change, ...]
    spans: tuple[range, ...]
    remark: str = ""

    def __str__(self) -> str:
        return shown(self)

    def pairs(self) -> Iterator[tuple[Change, Layer, tuple[Layer, ...]]]:
        """Every layer before, and those that it has become."""
        for change, old, span in zip(self.layers, self.before.layers, self.spans, strict=True):
            yield change, old, self.after.layers[span.start : span.stop]


def read_rule(text: str) -> Rule:
    """``GLOB=VARIANT [OPTION…]``. Raises InputError with a caret under what is wrong."""
    pattern, equals, wanted = text.partition("=")
    start = len(pattern) + 1
    if not equals or not pattern.strip() or not wanted.strip():
        raise bad_input(
            f"{quoted(text)} is not a rule: expected GLOB=VARIANT",
            "for example '*=depthwise-separable' or 'stage2/*=factorized --rank 1/2'",
        )
    words = wanted.split()
    target = words[0]
    if target not in _TAKEN:
        at = text.index(target, start)
        expected = f"unknown variant {quoted(target)}: expected {', '.join(_TAKEN)}"
        raise bad_input(expected, near_miss(target, _TAKEN), source=text, start=at, end=at + len(target))
    value = _option(text, start, target, words[1:])
    if target == CONV and value is None:
        at = text.index(target, start)
        message = "conv needs -g (--groups): the groups to cut it into"
        raise bad_input(message, "for example -g4", source=text, start=at, end=at + len(target))
    rule = Rule(text.strip(), pattern.strip(), target)
    settings: dict[str, Any] = {} if value is None else {_TAKEN[target][0]: value}
    return rule._replace(**settings)


def read_rules(texts: Iterable[str]) -> list[Rule]:
    """Several rules. Raises InputError with what is wrong in each."""
    rules, problems = list[Rule](), list[Problem]()
    for text in texts:
        try:
            rules.append(read_rule(text))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return rules


def _option(text: str, start: int, target: str, words: Sequence[str]) -> Value | Fraction | None:
    """The value of the one option that a target takes, spelled as in a layer spec; a rank may also be a fraction."""
    allowed = [OPTIONS[name] for name in _TAKEN[target]]
    takes = f"it takes {spelled(allowed[0])}" if allowed else "it takes no options"
    value: Value | Fraction | None = None
    rest = list(words)
    while rest:
        word = rest.pop(0)
        at = text.index(word, start)
        start, end = at + len(word), at + len(word)
        option, given = next(((option, _given(option, word)) for option in allowed), (None, None))
        if option is None or given is None:
            raise bad_input(f"unexpected {quoted(word)} after {target}", takes, source=text, start=at, end=end)
        if not given and rest:
            given = rest.pop(0)
            at = text.index(given, start)
            start = end = at + len(given)
        if value is not None:
            raise bad_input(f"{spelled(option)} is given twice", source=text, start=at, end=end)
        try:
            value = _part(given) if option.name == "rank" and "/" in given else option.type.read(given)
        except Invalid as fact:
            message = f"{spelled(option)}: {fact.message}"
            raise bad_input(message, fact.hint, source=text, start=at, end=end) from fact
    return value


def _given(option: Option, word: str) -> str | None:
    """The value that stands in the word with the option's name, or nothing when it follows; None for another name."""
    if word.startswith(f"--{option.name}"):
        rest = word.removeprefix(f"--{option.name}")
        return rest.removeprefix("=") if rest[:1] in ("", "=") else None
    short = f"-{option.short}"
    return word.removeprefix(short).removeprefix("=") if option.short and word.startswith(short) else None


def _part(value: str) -> Fraction:
    """``1/2``: a part of the outputs. Raises Invalid."""
    above, _, below = value.partition("/")
    plain = value.isascii() and above.isdigit() and below.isdigit() and len(value) < 20
    if plain and 0 < int(above) <= int(below):
        return Fraction(int(above), int(below))
    raise Invalid(
        f"{quoted(value)} is no part of the outputs: expected a number, or a fraction up to 1",
        "for example --rank 8, or --rank 1/2",
    )


# --- a network -> a rewritten network --------------------------------------------------------------------------------


def rewrite(network: Network, rules: Sequence[Rule], exclude: Iterable[str] = ()) -> Rewritten:
    """Every layer by the first rule that its name matches; those that match an ``exclude`` glob stay.

    Rewritten layers keep their outer shapes. Raises InputError for a rule or an exclusion that no layer matches.
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
    """Layers that share weights are rewritten alike, or not at all; a bias alone that is shared stays on the last
    link."""
    users: dict[str, list[int]] = {}
    for at, node in enumerate(network.nodes):
        if node.weights is not None:
            users.setdefault(node.weights, []).append(at)
        elif plans[at].links is not None and not keeps_shared(node):
            plans[at] = Plan(reason="shares a part of its params with another layer")
    for name, numbers in users.items():
        wanted = {tuple(link.op for link in plans[at].links or ()) for at in numbers}
        if len(wanted) > 1:
            for at in numbers:
                if plans[at].links is not None:
                    plans[at] = Plan(reason=f"shares the weights {name} with a layer that is not rewritten so")


def keeps_shared(node: Node) -> bool:
    """Whether a convolution, rewritten, still has the params that layers before it have counted: none, or its bias; one
    with a kernel or a mask that is stored as it is has not."""
    if node.buffers:
        return False
    return not node.shared or (isinstance(node.op, Conv) and node.op.bias and node.shared == node.op.out)


def carry_out(network: Network, plans: Sequence[Plan]) -> Rewritten:
    """The network with every node as planned. A node of several links becomes as many, ``name/link``."""
    moved = list(range(len(network.inputs)))  # the new number of every tensor
    nodes: list[Node] = []
    spans: list[range] = []
    renamed: dict[str, str] = {}
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
                shared, owners = (node.shared, node.owners) if link is links[-1] else (0, ())
                nodes.append(
                    node._replace(
                        name=f"{node.name}/{link.name}",
                        op=link.op,
                        sources=reads,
                        output=output,
                        weights=weights,
                        shared=shared,
                        owners=owners,
                        buffers=0,
                    )
                )
            renamed[node.name] = nodes[-1].name  # its bias is there, which others may share
        spans.append(range(first - len(network.inputs), len(nodes)))
        moved.append(len(network.inputs) + len(nodes) - 1)
    nodes = [
        node._replace(owners=tuple([(renamed.get(name, name), count) for name, count in node.owners]))
        if node.owners
        else node
        for node in nodes
    ]
    after = network.replaced(nodes, moved)
    layers = tuple(
        [
            Change(layer.name, layer.cost, total(after.layers[at].cost for at in span), plan.rule, plan.reason)
            for layer, span, plan in zip(network.layers, spans, plans, strict=True)
        ]
    )
    return Rewritten(network, after, layers, tuple(spans))


def resized_and_rewritten(
    network: Network,
    resized: Network,
    said: str,
    heads: Collection[int],
    rules: Sequence[Rule],
    exclude: Iterable[str] = (),
) -> Rewritten:
    """The rules on a network of another size, beside the network as it was. Both have the same layers; ``said`` is how
    the size was changed, and ``heads`` are the numbers of those that keep their outputs."""
    result = rewrite(resized, rules, exclude)
    layers = []
    for at, (change, old) in enumerate(zip(result.layers, network.layers, strict=True)):
        change = change._replace(before=old.cost)
        if not change.rule and at in heads:
            change = change._replace(reason="head: it keeps its outputs")
        elif not change.rule and said and change.before != change.after:
            change = change._replace(rule=said, reason="")
        elif not change.rule and not rules:
            change = change._replace(reason=f"the same with {said}")
        layers.append(change)
    return Rewritten(network, result.after, tuple(layers), result.spans)
