"""Control flow of TensorFlow 1 within a graph: choices (Switch, Merge) and loops (Enter, Exit, NextIteration)."""

from collections.abc import Iterable
from typing import NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.tf.model import Body, Node
from sepcalc.importers.tf.outputs import place_of

SWITCH, MERGE, ENTER = ("Switch", "RefSwitch"), ("Merge", "RefMerge"), ("Enter", "RefEnter")
EXIT, NEXT = ("Exit", "RefExit"), ("NextIteration", "RefNextIteration")


class Choice(NamedTuple):
    """A choice: the condition, what each Merge of it reads on either side, the nodes of each side, and what comes
    before."""

    condition: str
    merges: dict[str, tuple[str, str]]
    sides: tuple[set[str], set[str]]
    before: list[str]


class Frame(NamedTuple):
    """A loop: where it is entered; each Merge, what it reads at first and after a step; the Exits, each with its Merge;
    what says whether it goes on; its nodes."""

    enters: list[str]
    merges: dict[str, tuple[str, str]]
    exits: dict[str, str]
    going: str
    members: set[str]


def _source(body: Body, said: str) -> Node:
    return body.node(place_of(body, said)[0])


def condition_of(body: Body, said: str) -> str:
    """A condition, without the names that repeat it."""
    for _ in range(100):
        name, at = place_of(body, said)
        node = body.node(name) if name in body.nodes else None
        if node is None or node.op != "Identity" or at:
            break
        said = node.inputs[0]
    return said


def _walk(body: Body, ends: Iterable[str]) -> tuple[set[str], list[tuple[Node, int]]]:
    """The nodes between references and the Switches before them; these, each with the side that is read."""
    found, switches, ahead = set[str](), list[tuple[Node, int]](), [*ends]
    while ahead:
        name, at = place_of(body, ahead.pop())
        if name in body.nodes and (node := body.node(name)).op in SWITCH:
            switches.append((node, at))
        elif name in body.nodes and name not in found:
            found.add(name)
            ahead += node.inputs or node.waits
    return found, switches


def choice_of(body: Body, merge: Node) -> Choice:
    """The choice whose result a Merge is. Raises Invalid where it is none."""
    if len(merge.inputs) != 2:
        raise Invalid(f"it merges {len(merge.inputs)} tensors: expected 2")
    ends: list[list[str]] = [[said] for said in merge.inputs]
    for _ in range(20):  # a Switch of an inner choice leads on to those before it
        found = [_walk(body, side)[1] for side in ends]
        sides = [{(condition_of(body, node.inputs[1]), at) for node, at in one} for one in found]
        for condition, at in sides[0] or {(condition, 1 - at) for condition, at in sides[1]}:
            other = (condition, 1 - at)
            if other not in sides[0] and (other in sides[1] or not sides[1]) and (condition, at) not in sides[1]:
                return _choice(body, merge, condition, at)
        ends = [[node.inputs[0] for node, _ in one] for one in found]
    raise Invalid("it merges what no condition tells apart")


def _choice(body: Body, merge: Node, condition: str, first: int) -> Choice:
    folder = merge.name.rpartition("/")[0]
    order = (1, 0) if first else (0, 1)
    merges = {
        one.name: (one.inputs[order[0]], one.inputs[order[1]])
        for one in body
        if one.op in MERGE
        and len(one.inputs) == 2
        and one.name.rpartition("/")[0] == folder
        and not any(_source(body, said).op in NEXT for said in one.inputs)
    }
    sides, before = (set[str](), set[str]()), [condition]
    for side, names in enumerate(sides):
        ahead = [ends[side] for ends in merges.values()]
        while ahead:
            found, switches = _walk(body, ahead)
            names |= found
            ahead = []
            for node, _ in switches:
                if node.name not in names:
                    names.add(node.name)
                    own = condition_of(body, node.inputs[1]) == condition
                    before += node.inputs if own else []
                    ahead += [] if own else [*node.inputs]
    return Choice(condition, merges, sides, before)


def frames_of(body: Body) -> dict[str, Frame]:
    """The loops of a body, by each of their Exits. Raises Invalid."""
    readers: dict[str, list[str]] = {}
    for node in body:
        for said in node.inputs:
            readers.setdefault(place_of(body, said)[0], []).append(node.name)
    named: dict[str, Frame] = {}
    for node in body:
        if node.op in ENTER:
            named.setdefault(node.attrs.text("frame_name", ""), Frame([], {}, {}, "", set())).enters.append(node.name)
    made: dict[str, Frame] = {}
    for frame in named.values():
        for name in [one for enter in frame.enters for one in readers.get(enter, ())]:
            merge = body.node(name)
            if merge.op in MERGE and len(merge.inputs) == 2 and _source(body, merge.inputs[1]).op in NEXT:
                frame.merges[name] = (merge.inputs[0], _source(body, merge.inputs[1]).inputs[0])
        going = ""
        for name in frame.merges:
            for switch in [one for one in readers.get(name, ()) if body.node(one).op in SWITCH]:
                going = body.node(switch).inputs[1]
                frame.exits.update((one, name) for one in readers.get(switch, ()) if body.node(one).op in EXIT)
        ahead = [one for enter in frame.enters for one in readers.get(enter, ())]
        while ahead:
            if (name := ahead.pop()) not in frame.members and name not in frame.exits:
                frame.members.add(name)
                ahead += readers.get(name, ())
        made |= dict.fromkeys(frame.exits, frame._replace(going=going))
    return made
