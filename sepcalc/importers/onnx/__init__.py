"""ONNX importer: reads the graph of a ``.onnx`` file as a network. It reads the sizes of weights, never the weights.

The handlers in :data:`OPERATORS` compute shapes, and the values of small constants, so that a reshape whose target the
graph computes is known. For an operator without a handler, ONNX's own shape inference gives the shape.
"""

import os
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from sepcalc.errors import Invalid, bad_input, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.branching import most_of
from sepcalc.importers.common.graph_builder import MAX_NODES, fixed_batch, never_used
from sepcalc.importers.common.protobuf import read as read_message
from sepcalc.importers.onnx.constants import strict
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.inputs import Inputs
from sepcalc.importers.onnx.layout import Layouts
from sepcalc.importers.onnx.operators import DOMAINS, OPERATORS, TABLE, UNKNOWN, Table
from sepcalc.importers.onnx.provenance import Role, roles
from sepcalc.importers.onnx.schema import ONNX
from sepcalc.importers.onnx.stored import initial
from sepcalc.importers.onnx.tensors import BITS
from sepcalc.importers.onnx.unused import unused
from sepcalc.importers.onnx.values import Misfit, Value
from sepcalc.importers.onnx.walk import Walk
from sepcalc.network import Network, Node
from sepcalc.ops.base import Uncounted
from sepcalc.shape import Shape, show

BOOL = 9  # ONNX's number of this element type
NEWEST = 40  # no opset above this exists
Stated = tuple[Shape | None, int]  # a tensor's shape, if the file states all sizes, and its element type

__all__ = ["OPERATORS", "read"]


def read(path: str, request: Request = Request()) -> Network:
    """The network of an ONNX file. Raises InputError if the file is not ONNX, leaves dimensions open, or holds an
    inconsistent graph."""
    return network(_load(path), path, request, TABLE)


def network(model: Any, path: str, request: Request, table: Table) -> Network:
    """The network of a file whose graph is given as ONNX's messages, with the operators of a table. Raises
    InputError."""
    shown = printable(path)
    graph = model.graph
    if not graph.node:
        raise bad_input(f"{shown}: it holds no graph of operators")
    for what, many in (("nodes", graph.node), ("stored tensors", graph.initializer)):
        if len(many) > MAX_NODES:  # before anything looks at each
            raise bad_input(f"{shown}: it has {len(many):,} {what}", f"expected at most {MAX_NODES:,}")
    opsets = {one.domain: one.version for one in model.opset_import}
    if 0 < model.ir_version < 3:  # such old files state no opset
        opsets.setdefault("", 1)
    for domain, version in opsets.items():
        if domain in ("", "ai.onnx") and not 1 <= version <= NEWEST:
            raise bad_input(f"{shown}: opset {version} is not known", f"expected 1 to {NEWEST}")
    stored = {tensor.name for tensor in graph.initializer} | {one.values.name for one in graph.sparse_initializer}
    _refuse_twice(shown, graph)
    inputs = [one for one in graph.input if one.name not in stored]
    functions = _functions(shown, model)
    layouts = Layouts(graph, functions, table)
    border = Inputs(shown, graph, inputs, request, layouts.graph, layouts.single, table)
    examples = border.examples
    stated = roles(model)
    altered = bool(request.inputs or request.dims or (request.batch or 1) > 1)
    declared = {} if altered else _stated(graph)

    def walked(batch: int, metric: str = "macs") -> tuple[Builder, dict[str, int]]:
        """The network for one of ``batch`` examples, its branches chosen by this metric, and its outputs."""
        builder, scope = _border(border, layouts, batch, stated)
        builder.metric = metric
        walk = Walk(builder, functions, opsets, declared, table)
        stored = initial(graph, builder)
        builder.given = _given(model, stored)
        scope.update(_open(stored, builder.given))
        with strict():
            walk.graph(graph.node, scope, {one.name for one in graph.output})
        return builder, _outputs(builder, graph, scope, declared)

    try:
        which = "second" if border.in_steps else "first"
        builder, outputs = (
            walked(examples.batch) if examples.asked else _examples_or_whole(walked, examples.batch, which)
        )
    except Misfit as misfit:
        raise misfit.refusal(path) from misfit
    except Invalid as fact:
        raise bad_input(f"{shown}: {fact.message}", fact.hint) from fact
    except RecursionError as error:
        raise bad_input(f"{shown}: its graphs are nested too deeply") from error
    batch, found = builder.batch, examples.found
    if batch > 1:
        fixed = border.fixed
        builder.note(fixed_batch(batch) if fixed else f"the inputs hold {batch} examples: counts are for one of them")
    if len(found) > 1:
        sizes = f"{', '.join(map(str, found[:-1]))[:100]} and {found[-1]}"
        builder.note(
            f"the first axes of the inputs, {sizes}, are different, so they are not a batch: everything is counted"
        )
    if not builder.windowed and (note := border.open_note()):
        builder.note(note)
    guesses = [border.guess()] if batch > 1 and not (border.batch_stated or border.in_steps or builder.windowed) else []
    nodes, outputs, size = builder.finished(outputs)
    name = printable(os.path.splitext(os.path.basename(path))[0])
    choices = [one.choice for one in builder.pasted if one.choice]
    laid = Network(name, builder.inputs, nodes, outputs, choices=choices, input_bits=builder.input_bits)
    most = most_of(laid, builder, lambda metric: walked(batch, metric))
    _note_unused(builder, unused(model, functions, builder, builder.used, table))
    if alone := _macs_on_stored(nodes, builder.tensors):
        builder.note(
            f"{alone:,} macs have only stored tensors as operands: they are counted, as every run computes them"
        )
    return Network(
        name,
        builder.inputs,
        nodes,
        outputs,
        param_bytes=size,
        notes=tuple(builder.notes),
        guesses=guesses,
        most=most,
        choices=choices,
        input_bits=builder.input_bits,
    )


def _given(model: Any, stored: Container[str]) -> frozenset[str]:
    """The stored tensors that are also inputs: default values, which the caller may replace. (Before IR version 4,
    files listed all stored tensors as inputs.)"""
    if model.ir_version < 4:
        return frozenset()
    return frozenset([one.name for one in model.graph.input if one.name in stored])


def _open(stored: Mapping[str, Value], given: Container[str]) -> dict[str, Value]:
    """The stored tensors, with unknown values for booleans that the caller may replace."""
    return {
        name: value._replace(data=None) if name in given and value.kind == BOOL else value
        for name, value in stored.items()
    }


def _load(path: str) -> Any:
    """The model without its weights. Raises InputError."""
    shown = printable(path)
    try:
        with open(path, "rb") as file:
            return read_message(file, ONNX, "Model")
    except ValueError as error:
        raise bad_input(f"{shown}: this is not an ONNX model, or it is damaged") from error
    except OSError as error:
        raise bad_input(f"{shown}: cannot be read: {error.strerror}") from error


def _refuse_twice(shown: str, graph: Any) -> None:
    given = Counter(output for node in graph.node for output in node.output if output)
    given.update({one.name for one in graph.initializer} - {one.name for one in graph.input})
    given.update(one.name for one in graph.input)
    for name, count in given.items():
        if count > 1:
            what = "nodes, inputs or stored tensors"
            raise bad_input(f"{shown}: {count} {what} give the tensor {quoted(name)}")


def _functions(shown: str, model: Any) -> dict[tuple[str, str], Any]:
    """The functions of a file. Raises InputError if several have one name, or if one has the name of an operator, since
    runtimes differ in which of them runs."""
    functions: dict[tuple[str, str], Any] = {}
    for one in model.functions:
        called = f"{one.domain or 'ai.onnx'}.{one.name}"
        key = one.domain, f"{one.name}:{one.overload}" if one.overload else one.name
        if key in functions:
            raise bad_input(f"{shown}: several functions are called {quoted(called)}: expected one")
        if one.domain in DOMAINS and TABLE.of(TABLE.name(one.domain, one.name)) is not UNKNOWN:
            message = f"a function is called {quoted(called)}, as an operator is: runtimes differ in which runs"
            raise bad_input(f"{shown}: {message}", "give it another name, or a domain of its own")
        functions[key] = one
    return functions


# --- inputs and outputs -----------------------------------------------------------------------------------------------


def _border(
    border: Inputs, layouts: Layouts, batch: int, stated: Mapping[str, Role]
) -> tuple[Builder, dict[str, Value]]:
    """A network with only the inputs, for ``batch`` examples, and their values by name."""
    builder = Builder(batch, {}, layouts.everywhere.__contains__, stated)
    builder.asked = border.examples.asked
    scope: dict[str, Value] = {}
    for one in border.given:
        shape, at = border.shapes[one.name], border.axes[one.name]
        along = border.examples.axes[one.name]
        if batch != border.examples.batch:  # counted whole
            along = at if at is not None and len(shape) > 1 and shape[at] == batch else None
        channels_first = len(shape) > 2 and at != 1 and one.name in layouts.graph
        number = len(builder.tensors)
        value = Value(
            shape,
            one.type.tensor_type.elem_type,
            None,
            number,
            channels_first,
            along,
            name=one.name,
            as_given=along == 0,
        )
        seen = builder.shape(value)
        if one.name in border.single and len(shape) > 1:  # one image, channels first
            seen = (*shape[1:], shape[0])
        builder.tensors.append(seen)
        builder.inputs[printable(one.name)[:200]] = seen
        if (bits := BITS.get(value.kind)) is not None:
            builder.input_bits[printable(one.name)[:200]] = bits
        scope[one.name] = value._replace(number=builder.view(number, builder.shape(value)))
    return builder, scope


def _examples_or_whole(
    walked: Callable[[int], tuple[Builder, dict[str, int]]], batch: int, which: str
) -> tuple[Builder, dict[str, int]]:
    """The network for one example. If that fails, or leaves more operators uncounted, the network that treats this axis
    of the inputs as data. If both fail, raises the error of the first."""

    def whole() -> tuple[Builder, dict[str, int]] | None:
        try:
            builder, outputs = walked(1)
        except (Misfit, Invalid, RecursionError):
            return None
        builder.note(f"the {which} axis of the inputs, {batch}, does not hold examples: all of it is counted")
        return builder, outputs

    try:
        found = walked(batch)
    except (Misfit, Invalid):
        other = whole() if batch > 1 else None
        if other is None:
            raise
        return other
    gaps = _gaps(found[0])
    other = whole() if batch > 1 and gaps else None
    return other if other is not None and _gaps(other[0]) < gaps else found


def _note_unused(builder: Builder, roots: Sequence[str]) -> None:
    """Adds the notes on stored tensors that no layer uses."""
    used, noted = builder.used, set[str]()
    for name, which, reason, held in builder.unrun.values():
        if reason:
            own = [root for root in held if builder.is_weight(root) and root not in used]
            noted.update(own)
            stored = f"; it stores {_elements(builder, own):,} params, which are not counted" if own else ""
            builder.note(f"{printable(name)}: its branch {which} cannot run on these shapes ({reason}){stored}")
    if partly := {root: rest for root, rest in builder.partly.items() if builder.is_weight(root)}:
        builder.note(never_used(sum(partly.values()), [f"a part of {root}" for root in partly]))
    if roots := [root for root in roots if root not in noted]:
        fixed = [root for root in roots if builder.is_buffer(root)]
        params = _elements(builder, [root for root in roots if root not in fixed])
        builder.note(never_used(params, roots, _elements(builder, fixed)))


def _elements(builder: Builder, roots: Iterable[str]) -> int:
    return sum(builder.stored[root][0] for root in roots)


def _gaps(builder: Builder) -> int:
    return sum(isinstance(node.op, Uncounted) and node.op.whole for node in builder.nodes)


def _macs_on_stored(nodes: Sequence[Node], tensors: Sequence[Shape]) -> int:
    """The macs of layers that do not depend on any input."""
    first, macs = len(tensors) - len(nodes), 0
    alone = [False] * first
    for node in nodes:
        alone.append(all(alone[source] for source in node.sources))
        if alone[-1] and node.sources:
            macs += node.op.cost(tuple([tensors[source] for source in node.sources]), node.output).macs
    return macs


def _stated(graph: Any) -> dict[str, Stated]:
    """The shapes and element types that the file states, by tensor."""
    stated: dict[str, Stated] = dict(getattr(graph, "stated", ()))  # of another format
    for one in (*graph.value_info, *graph.output):
        if not one.type.has("tensor_type"):
            continue
        tensor = one.type.tensor_type
        whole = tensor.has("shape") and all(dim.has("dim_value") and dim.dim_value >= 0 for dim in tensor.shape.dim)
        stated[one.name] = (tuple([dim.dim_value for dim in tensor.shape.dim]) if whole else None, tensor.elem_type)
    return stated


def _outputs(
    builder: Builder, graph: Any, scope: Mapping[str, Value], declared: Mapping[str, Stated]
) -> dict[str, int]:
    """The outputs that depend on the inputs, and those that are weights, by name. Raises Invalid if the file states
    another shape for one."""
    outputs: dict[str, int] = {}
    for one in graph.output:
        if one.name not in scope:
            raise Invalid(f"nothing gives the output {quoted(one.name)}")
        value = scope[one.name]
        if value.number is not None:
            outputs[printable(one.name)[:200]] = value.number
    if not outputs:
        raise Invalid("no output depends on the inputs")
    for one in graph.output:
        value = scope[one.name]
        if (
            value.constant
            and value.shape is not None
            and 0 not in value.shape
            and any(map(builder.is_weight, value.roots))
        ):
            outputs[printable(one.name)[:200]] = builder.standing(one.name, value).number or 0
    for name, (shape, _) in declared.items():
        found = scope.get(name)
        if found is None or shape is None or found.shape is None or found.shape == shape:
            continue
        said, made = show(shape) or "one number", show(found.shape) or "one number"
        raise Invalid(f"the file says that {quoted(name)} is {said}, its operators give {made}")
    return outputs
