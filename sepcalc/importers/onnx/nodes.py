"""Names of nodes: what to call a node, which names it reads, and how its nested graphs are identified."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

MAX_DEPTH = 40  # graphs in graphs


def function_key(node: Any) -> tuple[str, str]:
    """How a node calls a function: its domain, and its name with its overload, where it has one."""
    return node.domain, f"{node.op_type}:{node.overload}" if node.overload else node.op_type


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


def identified(nodes: Sequence[Any]) -> Sequence[str]:
    """What Model Explorer's adapter for ONNX calls the nodes of the main graph: by their names, made unique. Source:
    onnx_ir, passes/common/naming.py."""
    names = [str(node.name) for node in nodes]
    if all(names) and len({*names}) == len(names):
        return names
    counter = dict[str, int]()

    def unique(node: Any, used: set[str]) -> str:
        wanted = name = str(node.name) or "node"
        while name in used:
            counter[wanted] = counter.get(wanted, 0) + 1
            name = f"{wanted}_{counter[wanted]}"
        used.add(name)
        return name

    def every(graph: Sequence[Any], depth: int) -> Iterator[str]:
        used = set[str]()
        for node in graph:
            yield unique(node, used)
            for attribute in node.attribute if depth < MAX_DEPTH else ():
                if attribute.type == 5:
                    deque(every(attribute.g.node, depth + 1), 0)  # they take part in the counting

    return [*every(nodes, 0)]


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
