"""A network as YAML that reads back to the same numbers, layer by layer: the flat list of its layers."""

import re
from collections.abc import Sequence
from math import gcd

from sepcalc.document.entries import MAX_NAME_LENGTH, is_entry_name
from sepcalc.document.scopes import INPUT, PREVIOUS
from sepcalc.document.sharing import fit
from sepcalc.errors import InputError, Invalid, Problem, printable
from sepcalc.layer import ELEMENT_BYTES
from sepcalc.network import Network
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.repeat import Part, Scan
from sepcalc.shape import Shape, Shapes, show
from sepcalc.to_spec import spec_of

FROM_NOTHING = "from: []"


def write(network: Network) -> str:
    """The network in the language of documents; what the documents of other networks add (blocks, budgets) it has not.

    Raises InputError, a problem for every layer that the language has no words for.
    """
    problems: list[Problem] = []
    if not network.inputs:
        problems.append(Problem("a network without inputs cannot be written"))
    if not network.nodes:
        problems.append(Problem("a network without layers cannot be written"))
    tensors = network.tensors
    names = names_of(network)
    first = len(network.inputs)
    body = ["layers:"]
    owners: dict[str, int] = {}
    for at, (name, op, sources, output, weights, *_) in enumerate(network.nodes):
        try:
            text, *lines = entry_of(op, tuple([tensors[source] for source in sources]), output).split("\n")
        except Invalid as fact:
            problems.append(Problem(f"{printable(name)} cannot be written: {fact.message}", fact.hint))
            continue
        body += [f"  - {text}{'' if lines else ':'}", *[f"    {line}" for line in lines]]
        body.append(f"    name: {yaml_text(names[first + at])}")
        before = first + at - 1 if at else 0
        if from_nothing(op, sources):
            body.append(f"    {FROM_NOTHING}")
        elif sources not in ((before,), ()):
            body.append(f"    from: {listed_names([names[source] for source in sources])}")
        if weights is not None and weights in owners and weights_fit(network, at, owners[weights]):
            body.append(f"    weights: {yaml_text(names[first + owners[weights]])}")
        else:
            body += [f"    {line}" for line in counted_elsewhere(network, at, names)]
        if weights is not None:
            owners.setdefault(weights, at)
    if problems:
        raise InputError(problems)
    return "\n".join([*heading(network), *outputs_of(network, names), *body, ""])


def from_nothing(op: Op, sources: Sequence[int]) -> bool:
    """Whether it must be said of a layer that it reads nothing: it does not, though others of its kind do."""
    return not sources and isinstance(op, Uncounted)


def counted_elsewhere(network: Network, at: int, names: Sequence[str]) -> list[str]:
    """What says which layers count params of this one, how many of its params are stored nowhere, or how many it has
    besides those of its spec, and how many buffers."""
    node = network.nodes[at]
    if node.weights is None and not node.shared and not node.buffers:
        return []
    owners = owners_of(network, at)
    shared = ", ".join(f"{yaml_text(names[len(network.inputs) + owner])}: {count}" for owner, count in owners)
    lines = [f"shared-params: {{{shared}}}"] if owners else []
    rest = network.layers[at].shared - sum(count for _, count in owners)
    if rest:
        lines.append(f"constant-params: {rest}" if rest > 0 else f"more-params: {-rest}")
    fixed = network.layers[at].fixed
    return [*lines, f"more-buffers: {fixed}"] if fixed else lines


def owners_of(network: Network, at: int) -> list[tuple[int, int]]:
    """The layers before this one that count params of it, and how many: no more than these count, and than it has."""
    node, layer = network.nodes[at], network.layers[at]
    if not layer.shared:
        return []
    if node.weights is not None:
        asked = [(network.owners[node.weights], layer.shared)] if network.owners[node.weights] != at else []
    else:
        numbers = network.numbers
        asked = [
            (_counting(network, numbers[name]), count) for name, count in node.owners if numbers.get(name, at) < at
        ]
    left, found = layer.cost.params + layer.shared, []
    for owner, count in asked:
        taken = min(count, network.layers[owner].cost.params, left)
        left -= taken
        found += [(owner, taken)] if taken else []
    return found


def _counting(network: Network, at: int) -> int:
    """The layer that counts the weights of this one: itself, or the first of those that have the same."""
    weights = network.nodes[at].weights
    return at if weights is None else network.owners[weights]


def weights_fit(network: Network, at: int, owner: int) -> bool:
    """Whether a layer can be said to have the weights of another, all of them."""
    ours, theirs = network.layers[at], network.layers[owner]
    return fit(ours.op, ours.inputs, ours.output, theirs.op, theirs.inputs, theirs.output) == 0


def heading(network: Network) -> list[str]:
    """The lines before the outputs: the name, the notes, the inputs."""
    lines = [f"name: {yaml_text(network.name)}"] if network.name else []
    return [*lines, *[f"# {printable(note)}" for note in network.notes], *_param_bytes(network), *_inputs(network)]


def _param_bytes(network: Network) -> list[str]:
    size = network.stated_bytes
    if size is None or size == network.weights * ELEMENT_BYTES:
        return []
    params = network.weights
    common = gcd(size, params)
    return [f"param-bytes: {size // common}" + (f"/{params // common}" if params > common else "")]


def _inputs(network: Network) -> list[str]:
    if [*network.inputs] == [INPUT]:
        return [f"input: {show(network.inputs[INPUT])}"]
    return ["inputs:", *[f"  {yaml_text(name)}: {show(shape)}" for name, shape in network.inputs.items()]]


def outputs_of(network: Network, names: Sequence[str]) -> list[str]:
    """The lines of ``outputs``; none where the network has the one output that its last layer gives."""
    ends = network.ends
    if ends == {"output": len(names) - 1}:
        return []
    if all(name == names[tensor] for name, tensor in ends.items()):
        return [f"outputs: {listed_names([*ends])}"]
    return ["outputs:", *[f"  {yaml_text(name)}: {yaml_text(names[tensor])}" for name, tensor in ends.items()]]


def names_of(network: Network) -> list[str]:
    """A name for every tensor, each its own."""
    used = {PREVIOUS}
    names = []
    for name in (*network.inputs, *[node.name for node in network.nodes]):
        fitting = printable(name).strip()[: MAX_NAME_LENGTH - 20] if not is_entry_name(name) else name
        chosen, count = fitting or "layer", 1
        while chosen in used:
            count += 1
            chosen = f"{(fitting or 'layer')[: MAX_NAME_LENGTH - 20]} ({count})"
        used.add(chosen)
        names.append(chosen)
    return names


def listed_names(names: Sequence[str]) -> str:
    """One name as it stands, several in brackets."""
    return yaml_text(names[0]) if len(names) == 1 else f"[{', '.join(map(yaml_text, names))}]"


def entry_of(op: Op, inputs: Shapes, output: Shape) -> str:
    """The op as an entry of a list of layers: its spec, or the lines of a scan. Raises Invalid."""
    if not isinstance(op, Scan):
        return str(spec_of(op, inputs, output))
    shapes = op.tensors(inputs)
    first = 1 + len(op.states)
    names = [INPUT, *[f"state{at}" for at in range(1, first)], *[f"t{at}" for at in range(1, 1 + len(op.body))]]
    read = {*op.carried, *[source for at, part in enumerate(op.body, first) for source in _afar(part, at, first)]}
    lines = []
    for at, part in enumerate(op.body, first):
        text, *more = entry_of(part.op, tuple([shapes[source] for source in part.sources]), shapes[at]).split("\n")
        beside = [f"name: {names[at]}"] if at in read else []
        if _afar(part, at, first):
            sources = [names[source] for source in part.sources]
            beside.append(f"from: {sources[0] if len(sources) == 1 else '[' + ', '.join(sources) + ']'}")
        colon = ":" if beside and not more else ""
        lines += [f"  - {text}{colon}", *[f"    {line}" for line in (*more, *beside)]]
    states = ", ".join(f"{name}: {show(shape)}" for name, shape in zip(names[1:], op.states))
    carried = ", ".join(names[source] for source in op.carried)
    last = ["last: true"] if op.last else []
    heading = [f"scan: {yaml_text(op.called)}", f"states: {{{states}}}", f"next: [{carried}]"]
    return "\n".join([*heading, *last, "step:", *lines])


def _afar(part: Part, at: int, first: int) -> tuple[int, ...]:
    """What a part of a step reads, unless that is what stands before it."""
    before = at - 1 if at > first else 0
    return () if part.sources in ((before,), ()) else part.sources


_PLAIN = re.compile(r"[^\W\d][\w./-]*")  # what YAML takes as it stands, also within [ ]
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}  # not for other readers of YAML


def yaml_text(text: str) -> str:
    """The text as YAML has it."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
