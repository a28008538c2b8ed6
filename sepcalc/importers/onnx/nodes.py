"""A node as the file has it: what it is called, what it reads, and what the graphs in it are called."""

from collections.abc import Iterator
from typing import Any


def named(node: Any) -> str:
    """What to call a node: the module whose weights it has, else its own name, else what it gives."""
    for source in node.input[1:3]:
        path, dot, last = str(source).rpartition(".")
        if dot and last in ("weight", "bias") and "::" not in path:
            return path
    name = str(node.name).strip("/")
    if not name:
        return str(node.op_type).lower() or "layer"
    return name.removeprefix("node_")


def reads(node: Any) -> Iterator[str]:
    """The names that a node and the graphs in it read: these may read from around them."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.type == 5:
            for inner in attribute.g.node:
                yield from reads(inner)
            yield from (output.name for output in attribute.g.output)


def place(owner: str, node: Any, part: str) -> str:
    """What a graph in a node of another is called: it has stored tensors of its own, whose names others may have."""
    return f"{owner}{node.name or next(iter(node.output), '')}/{part}/"
