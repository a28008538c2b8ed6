"""Names of nodes: what to call a node, which names it reads, and how its nested graphs are identified."""

from collections.abc import Iterator
from typing import Any


def named(node: Any) -> str:
    """The name for a node: the module of its weights, else its own name, else its first output."""
    for source in node.input[1:3]:
        path, dot, last = str(source).rpartition(".")
        if dot and last in ("weight", "bias") and "::" not in path:
            return path
    name = str(node.name).strip("/")
    if not name:
        return str(node.op_type).lower() or "layer"
    return name.removeprefix("node_")


def reads(node: Any) -> Iterator[str]:
    """The names that a node and its nested graphs read; nested graphs may read from the graphs around them."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.type == 5:
            for inner in attribute.g.node:
                yield from reads(inner)
            yield from (output.name for output in attribute.g.output)


def place(owner: str, node: Any, part: str) -> str:
    """The identifier of a nested graph. It has its own stored tensors, whose names may also occur elsewhere."""
    return f"{owner}{node.name or next(iter(node.output), '')}/{part}/"
