"""A recurrent layer by its step, as it is written."""

from collections.abc import Callable, Sequence

from sepcalc.document.entries import Entry, Scan, is_entry_name, key_of
from sepcalc.document.modifiers import Modifying
from sepcalc.document.pieces import listed
from sepcalc.document.scopes import INPUT, PREVIOUS
from sepcalc.errors import quoted
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar

Read = Callable[[Node, str], Sequence[Entry] | None]  # a list of entries, and what it is called


def read_scan(reader: Modifying, node: MappingNode, value: Node, entries: Read) -> Scan | None:
    """``scan: conv lstm``, with ``states``, ``step``, ``next`` and perhaps ``last`` beside it; None and a problem
    where it cannot be read. ``entries`` reads a list of layers."""
    values, called = node.values, reader.notes.scalar(value, "scan")
    if called is not None and not is_entry_name(called):
        reader.notes.add("scan needs what it is to be called", "scan: conv lstm", value)
        called = None
    missing = [part for part in ("states", "step", "next") if part not in values]
    if missing:
        reader.notes.add(f"scan needs {listed(missing)} beside it", "", node.keys["scan"])
        return None
    states = []
    given = reader.notes.mapping(values["states"], "states")
    for name, shape in given.items():
        pieces = reader.words(shape) if reader.notes.scalar(shape, name) and isinstance(shape, Scalar) else ()
        if not is_entry_name(name) or name in (INPUT, PREVIOUS):
            reader.notes.add(f"{quoted(name)} cannot be the name of a state", "", key_of(values["states"], name))
        elif len(pieces) == 1:
            states.append((name, pieces[0]))
        elif pieces:
            reader.notes.add(f"the state {name} needs a shape", "for example 8x8x16", shape)
    if not given and isinstance(values["states"], MappingNode):
        reader.notes.add("states are none: expected names with shapes", "for example {h: 8x8x16}", values["states"])
    step, carried = entries(values["step"], "step"), reader.origin(values["next"], "next")
    last = reader.notes.scalar(values["last"], "last") if "last" in values else "false"
    if last not in ("true", "false"):
        reader.notes.add("last needs true or false", "", values["last"])
    if called is None or step is None or not carried or not states or len(states) < len(given):
        return None
    if len(carried) != len(states):
        message = f"next names {len(carried)} of a step's layers, but there are {len(states)} states"
        reader.notes.add(message, "one for each, in their order", values["next"])
        return None
    return Scan(node, called, tuple(states), step, carried, last == "true")
