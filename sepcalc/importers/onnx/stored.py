"""Stored tensors and attributes of a file."""

from collections.abc import Mapping
from math import prod
from typing import Any

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.onnx.constants import SMALL, known
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.tensors import EXTERNAL, of_numbers, stored_elements
from sepcalc.importers.onnx.values import Value
from sepcalc.shape import show


def stored_value(tensor: Any, name: str, builder: Builder, owner: str = "") -> Value:
    """An initializer or a constant of the graph ``owner``: its shape and type, and its elements if they are few and in
    the file."""
    shape = tuple(int(size) for size in tensor.dims)
    if any(size < 0 or size >= 2**63 for size in shape) or len(shape) > 64:
        raise Invalid(f"the stored tensor {quoted(name)} has the shape {show(shape)}")
    elements = prod(shape)
    root = builder.root(name, owner)
    builder.stored[root] = (elements, tensor.data_type)
    data = None
    if elements <= SMALL and tensor.data_location != EXTERNAL:
        try:
            data = stored_elements(tensor, shape)
        except ValueError as error:
            raise Invalid(
                f"the stored tensor {quoted(name)} does not hold the {elements:,} elements it says"
            ) from error
    return Value(shape, tensor.data_type, data, roots=(root,), name=name)


def listed(data: Any, name: str, builder: Builder, owner: str = "") -> Value:
    """Numbers in a list attribute, as a value."""
    root = builder.root(name, owner)
    value = known(data, (root,), name)
    builder.stored[root] = (int(data.size), value.kind)
    return value


def attached(node: Any, builder: Builder, owner: str = "") -> list[Value]:
    """The tensors in the attributes of an operator that is not ONNX's own; for ONNX's classical machine-learning
    operators also the lists of numbers, which hold their weights."""
    found = []
    for attribute in node.attribute:
        name = f"{node.name or next(iter(node.output), '')}/{attribute.name}"
        tensors = [attribute.t] if attribute.type == 4 else attribute.tensors if attribute.type == 9 else ()
        found += [stored_value(one, f"{name}/{at}", builder, owner) for at, one in enumerate(tensors)]
        if attribute.type == 6 and node.domain == "ai.onnx.ml":
            found.append(listed(of_numbers(1, tuple(attribute.floats)), name, builder, owner))
    return found


def initial(graph: Any, builder: Builder, owner: str = "") -> dict[str, Value]:
    """The stored tensors of a graph by name."""
    values: dict[str, Value] = {}
    stored = [stored_value(one, one.name, builder, owner) for one in graph.initializer]
    stored += [sparse_value(one, one.values.name, builder, owner) for one in graph.sparse_initializer]
    for value in stored:
        name = value.name
        if values.get(name, value).shape != value.shape:
            raise Invalid(f"several stored tensors of different shapes are called {quoted(name)}")
        values[name] = value
    return values


def sparse_value(sparse: Any, name: str, builder: Builder, owner: str = "") -> Value:
    """A sparse stored tensor: its size counts the elements that are in the file, those that are not zero."""
    shape = tuple(int(size) for size in sparse.dims)
    if any(size < 0 for size in shape) or len(shape) > 64:
        raise Invalid(f"the stored tensor {quoted(name)} has the shape {show(shape)}")
    root = builder.root(name, owner)
    builder.stored[root] = (int(prod(sparse.values.dims)), sparse.values.data_type)
    return Value(shape, sparse.values.data_type, roots=(root,), name=name)


def constants(node: Any, builder: Builder, owner: str = "") -> dict[str, Value]:
    """The tensor of a Constant node by its output name; empty for other nodes."""
    name = next(iter(node.output), "") or node.name
    for attribute in node.attribute if node.op_type == "Constant" else ():
        if attribute.name == "value" and attribute.type == 4:
            return {name: stored_value(attribute.t, name, builder, owner)}
        if attribute.name == "sparse_value" and attribute.type == 11:
            return {name: sparse_value(attribute.sparse_tensor, name, builder, owner)}
    return {}


def attributes(node: Any) -> dict[str, Any]:
    """The attributes as plain values: numbers, texts, tuples of them, and small tensors as arrays."""
    found: dict[str, Any] = dict(getattr(node, "plain", ()))  # of another format
    for attribute in node.attribute:
        match attribute.type:
            case 1:
                found[attribute.name] = attribute.f
            case 2:
                found[attribute.name] = attribute.i
            case 3:
                found[attribute.name] = attribute.s.decode("utf-8", "replace")
            case 4:
                small = prod(attribute.t.dims) <= SMALL and attribute.t.data_location != EXTERNAL
                if small and node.op_type != "Constant":
                    try:
                        found[attribute.name] = stored_elements(attribute.t, tuple(attribute.t.dims))
                    except ValueError as error:
                        raise Invalid(f"the attribute {quoted(attribute.name)} holds no tensor") from error
            case 6:
                found[attribute.name] = tuple(attribute.floats)
            case 7:
                found[attribute.name] = tuple(attribute.ints)
            case 8:
                found[attribute.name] = tuple(text.decode("utf-8", "replace") for text in attribute.strings)
    return found


def bound(node: Any, given: Mapping[str, Any]) -> Any:
    """A node of a function, with the attributes that the caller gives."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    attributes = []
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            attributes.append(attribute)
        elif attribute.ref_attr_name in given:
            attributes.append(given[attribute.ref_attr_name].replaced(name=attribute.name))
    return node.replaced(attribute=attributes)
