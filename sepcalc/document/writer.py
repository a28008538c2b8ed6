"""A network as YAML that reads back to the same numbers, layer by layer: the flat list of its layers."""

from collections.abc import Sequence
from math import gcd

from sepcalc.document.entries import LONGEST_NAME, is_entry_name, quoted
from sepcalc.document.respell import entry_of
from sepcalc.document.scopes import INPUT, PREVIOUS
from sepcalc.document.sharing import fit
from sepcalc.errors import InputError, Invalid, Problem, printable
from sepcalc.network import ELEMENT_BYTES, Network
from sepcalc.ops.base import Op, Uncounted
from sepcalc.shape import show

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
    for at, (name, op, sources, output, weights, shared) in enumerate(network.nodes):
        try:
            text, *lines = entry_of(op, tuple([tensors[source] for source in sources]), output).split("\n")
        except Invalid as fact:
            problems.append(Problem(f"{printable(name)} cannot be written: {fact.message}", fact.hint))
            continue
        body += [f"  - {text}{'' if lines else ':'}", *[f"    {line}" for line in lines]]
        body.append(f"    name: {quoted(names[first + at])}")
        before = first + at - 1 if at else 0
        if from_nothing(op, sources):
            body.append(f"    {FROM_NOTHING}")
        elif sources not in ((before,), ()):
            body.append(f"    from: {listed_names([names[source] for source in sources])}")
        if weights is not None and weights in owners:
            body += _weights(network, at, owners[weights], names[first + owners[weights]])
        elif shared:
            body.append(f"    {counted_elsewhere(shared)}")
        if weights is not None:
            owners.setdefault(weights, at)
    if problems:
        raise InputError(problems)
    return "\n".join([*heading(network), *outputs_of(network, names), *body, ""])


def from_nothing(op: Op, sources: Sequence[int]) -> bool:
    """Whether it must be said of a layer that it reads nothing: it does not, though others of its kind do."""
    return not sources and isinstance(op, Uncounted)


def _weights(network: Network, at: int, owner: int, name: str) -> list[str]:
    """What says that a layer has the weights of another."""
    if weights_fit(network, at, owner):
        return [f"    weights: {quoted(name)}"]
    shared = network.layers[at].shared
    return [f"    {counted_elsewhere(shared)}"] if shared else []


def counted_elsewhere(shared: int) -> str:
    """What says that params of a layer count with others, or that it has more than its own."""
    return f"shared-params: {shared}" if shared > 0 else f"more-params: {-shared}"


def weights_fit(network: Network, at: int, owner: int) -> bool:
    """Whether a layer can be said to have the weights of another, all of them."""
    ours, theirs = network.layers[at], network.layers[owner]
    return fit(ours.op, ours.inputs, ours.output, theirs.op, theirs.inputs, theirs.output) == 0


def heading(network: Network) -> list[str]:
    """The lines before the outputs: the name, the notes, the inputs."""
    lines = [f"name: {quoted(network.name)}"] if network.name else []
    return [*lines, *[f"# {printable(note)}" for note in network.notes], *_param_bytes(network), *_inputs(network)]


def _param_bytes(network: Network) -> list[str]:
    size, params = network.stated_bytes, network.params
    if size is None or size == params * ELEMENT_BYTES:
        return []
    common = gcd(size, params)
    return [f"param-bytes: {size // common}" + (f"/{params // common}" if params > common else "")]


def _inputs(network: Network) -> list[str]:
    if [*network.inputs] == [INPUT]:
        return [f"input: {show(network.inputs[INPUT])}"]
    return ["inputs:", *[f"  {quoted(name)}: {show(shape)}" for name, shape in network.inputs.items()]]


def outputs_of(network: Network, names: Sequence[str]) -> list[str]:
    ends = network.ends
    if ends == {"output": len(names) - 1}:
        return []
    if all(name == names[tensor] for name, tensor in ends.items()):
        return [f"outputs: {listed_names([*ends])}"]
    return ["outputs:", *[f"  {quoted(name)}: {quoted(names[tensor])}" for name, tensor in ends.items()]]


def names_of(network: Network) -> list[str]:
    """A name for every tensor, each its own."""
    used = {PREVIOUS}
    names = []
    for name in (*network.inputs, *[node.name for node in network.nodes]):
        fitting = printable(name).strip()[: LONGEST_NAME - 20] if not is_entry_name(name) else name
        chosen, count = fitting or "layer", 1
        while chosen in used:
            count += 1
            chosen = f"{(fitting or 'layer')[: LONGEST_NAME - 20]} ({count})"
        used.add(chosen)
        names.append(chosen)
    return names


def listed_names(names: Sequence[str]) -> str:
    return quoted(names[0]) if len(names) == 1 else f"[{', '.join(map(quoted, names))}]"
