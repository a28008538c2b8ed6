"""The inputs and outputs of a network: ``input`` or ``inputs``, and ``outputs``."""

import re
from collections.abc import Container, Mapping

from sepcalc.document.entries import MAX_AXES, is_entry_name, key_of
from sepcalc.document.head import Head
from sepcalc.document.pieces import listed
from sepcalc.document.problems import Notes
from sepcalc.document.scopes import INPUT, PREVIOUS
from sepcalc.errors import Invalid, Problem, near_miss, quoted
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.shape import Shape, channels_first, read_shape, show

MAX_ENDS = 1000  # inputs, outputs


def read_inputs(head: Head, root: MappingNode, given: Mapping[str, str]) -> dict[str, Shape | None]:
    """The shapes of the inputs by name, in order; shapes given from outside replace the file's own. None after a
    mistake."""
    values, notes = root.values, head.notes
    if "input" in values and "inputs" in values:
        notes.add(
            "input and inputs cannot both stand there",
            "inputs: {image: 224x224x3, mask: 224x224x1}",
            root.keys["input"],
        )
    if "inputs" not in values:
        if "input" not in values and not given:
            notes.add("the key input is missing", "", root)
        shapes = {INPUT: head.shape(values.get("input"), "input")}
    else:
        shapes = _several(head, values["inputs"])
    for name, text in given.items():
        target = name or (next(iter(shapes), INPUT) if len(shapes) < 2 else "")
        if target not in shapes:
            known = f"it has {listed(shapes)}"
            if name:
                notes.outside(f"the network has no input {quoted(name)}: {known}", near_miss(name, shapes), name)
            else:
                hint = f"for example {next(iter(shapes))}={text}"
                notes.outside(
                    f"the network has several inputs: the shape {quoted(text)} needs a name, {known}", hint, name
                )
            continue
        try:
            shapes[target] = read_shape(text, MAX_AXES)
        except Invalid as fact:
            notes.outside(f"the input {fact.message}", fact.hint, f"input {target}")
            shapes[target] = None
    return shapes


def _several(head: Head, node: Node) -> dict[str, Shape | None]:
    notes = head.notes
    shapes: dict[str, Shape | None] = {}
    for name, value in notes.mapping(node, "inputs").items():
        if not is_entry_name(name) or name == PREVIOUS:
            notes.add(f"{quoted(name)} cannot be the name of an input", "", key_of(node, name))
        if len(shapes) < MAX_ENDS:
            shapes[name] = head.shape(value, f"the input {name}")
    if isinstance(node, MappingNode) and len(node.values) > MAX_ENDS:
        notes.add(f"a network has at most {MAX_ENDS} inputs", "", node)
    if not shapes and not notes.problems:
        notes.add("inputs is empty: expected names and shapes", "inputs: {image: 224x224x3, mask: 224x224x1}", node)
    return shapes or {INPUT: None}


def own_inputs(head: Head, values: Mapping[str, Node]) -> dict[str, Shape | None]:
    """The inputs as the document has them."""
    if "inputs" in values:
        return _several(head, values["inputs"])
    return {INPUT: head.shape(values["input"], "input") if "input" in values else None}


_SIZES = re.compile(r"\{[^{}]*\}|[0-9]+")


def channels_given(values: Mapping[str, Node], given: Mapping[str, str], known: Container[str]) -> dict[str, str]:
    """The parameters that a given input sets: for ``input: 224x224x{channels}``, the input ``64x64x4`` sets
    ``channels`` to 4."""
    several = values.get("inputs")
    own = several.values if isinstance(several, MappingNode) else {INPUT: values["input"]} if "input" in values else {}
    found: dict[str, str] = {}
    for name, text in given.items():
        node = own.get(name or next(iter(own), ""))
        written = _SIZES.findall(node.text) if isinstance(node, Scalar) else []
        sizes = text.split("x")
        if len(sizes) != len(written) or not sizes[-1].isdigit():
            continue
        parameter = written[-1].strip("{} ")
        if written[-1].startswith("{") and parameter in known:
            found.setdefault(parameter, sizes[-1])
    return found


def reshaped(file: str, own: Mapping[str, Shape | None], given: Mapping[str, Shape]) -> tuple[Problem, ...]:
    """A problem for each given input that has other channels, or another number of axes, than the file's own, with what
    may have been meant."""
    found = []
    for name, shape in given.items():
        before = own[name]
        if before is None or (len(before) == len(shape) and before[-1] == shape[-1]):
            continue
        what = f"the input {show(shape)} has {{}}, the network's own {show(before)} has {{}}"
        if len(before) != len(shape):
            told = what.format(_count(len(shape), "axis", "axes"), len(before))
        else:
            told = what.format(_count(shape[-1], "channel", "channels"), before[-1])
        key = "input" if name == INPUT else name
        wish = f"a file which wants this writes {key}: {show((*before[:-1],))}{'x' * (len(before) > 1)}{{channels}}"
        found.append(Problem(told, wish, file))
        if note := channels_first(shape):
            found.append(Problem(note, "", file))
    return tuple(found)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def read_outputs(notes: Notes, node: Node | None) -> dict[str, Scalar]:
    """The layers under ``outputs`` by the names of the outputs: one layer, a list, or names with layers."""
    if node is None:
        return {}
    if isinstance(node, MappingNode):
        pairs = [(name, value) for name, value in node.values.items()]
    else:
        items = node.items if isinstance(node, SequenceNode) else [node]
        pairs = [(item.text if isinstance(item, Scalar) else "", item) for item in items]
    found: dict[str, Scalar] = {}
    for name, value in pairs:
        if notes.scalar(value, "an output") is None or not isinstance(value, Scalar):
            continue
        if not is_entry_name(name):
            notes.add(f"{quoted(name)} cannot be the name of an output", "", value)
        elif name in found:
            notes.add(f"the output {quoted(name)} stands there twice", "", value)
        elif len(found) < MAX_ENDS:
            found[name] = value
    if not pairs:
        notes.add("outputs is empty: expected the names of layers", "outputs: [head, aux]", node)
    elif len(pairs) > MAX_ENDS:
        notes.add(f"a network has at most {MAX_ENDS} outputs", "", node)
    return found
