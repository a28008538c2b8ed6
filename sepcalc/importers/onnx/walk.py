"""Walks through a graph node by node: computes constants, adds layers for operators, unfolds functions, takes branches,
unrolls loops."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.graph_builder import MAX_NODES, Broken
from sepcalc.importers.common.layout import WINDOWED, WINDOWED_LAST
from sepcalc.importers.onnx.constants import FEW, MAX_COMPUTED, elements_of, known, measured
from sepcalc.importers.onnx.control import branch, loop, scan
from sepcalc.importers.onnx.examples import CONTROL, as_they_lay, keeps_apart
from sepcalc.importers.onnx.graph import Builder, Unrun
from sepcalc.importers.onnx.nodes import function_key, identified, named, place, reads
from sepcalc.importers.onnx.operators import TABLE, UNKNOWN, Table
from sepcalc.importers.onnx.provenance import origin
from sepcalc.importers.onnx.rows import NO_COUNT, Operator
from sepcalc.importers.onnx.sequences import sequence
from sepcalc.importers.onnx.stored import attached, attributes, bound, constants, initial, listed
from sepcalc.importers.onnx.tensors import BITS, of_numbers
from sepcalc.importers.onnx.values import Call, Misfit, Refused, Unknown, Value
from sepcalc.importers.onnx.weighing import made_from, note_scales, weights_of
from sepcalc.ops.move import Constant, Copy
from sepcalc.shape import Shape

MAX_DEPTH = 40  # the deepest nesting of functions and branches


class Walk:
    """The walk through one file."""

    def __init__(
        self,
        builder: Builder,
        functions: Mapping[tuple[str, str], Any],
        opsets: Mapping[str, int],
        declared: Mapping[str, tuple[Shape | None, int]],
        table: Table,
    ) -> None:
        self.builder = builder
        self.functions = functions
        self.opsets = opsets
        self.table = table
        self.stated = declared  # the shapes and element types that the file states
        self.owner = ""  # the identifier of the current graph, which owns its stored tensors
        self.calling: list[tuple[str, str]] = []  # the functions that are being unfolded
        self.fed = set[str]()  # the names that nodes read, or that may be read from outside the current graph
        self.place: str | None = None  # the node of the main graph that is on its way
        self.steps = 0
        self.seen: dict[Any, Any] = {}  # computed constants, by operator and inputs
        self.computed = [0, 0]  # the elements of constants read and computed so far: of few, and of many elements

    def graph(
        self, nodes: Sequence[Any], scope: dict[str, Value], read: set[str], depth: int = 0, prefix: str = ""
    ) -> None:
        """Walks through every node in order. ``scope`` holds the values by name, and gains the new ones. ``read`` names
        the outputs of the graph."""
        if depth > MAX_DEPTH:
            raise Broken(f"functions and branches are nested more than {MAX_DEPTH} deep")
        fed = {name for node in nodes for name in reads(node)}
        self.builder.scores |= {node.input[0] for node in nodes if node.op_type.title() == "Softmax" and node.input}
        used = read | fed
        places = identified(nodes) if depth == 0 and self.table is TABLE else ()
        for at, node in enumerate(nodes):
            self.place = places[at] if places else self.place
            self.fed = used if depth else fed
            self.steps += 1
            if self.steps > MAX_NODES:
                raise Broken(f"it unfolds to more than {MAX_NODES:,} nodes")
            name = prefix + named(node)
            try:
                for output, value in zip(node.output, self.node(node, name, scope, used, depth)):
                    if output:
                        scope[output] = value._replace(name=output)
                missing = [output for output in node.output if output and output not in scope]
                scope.update((output, Value(None, name=output)) for output in missing)
            except (Invalid, ValueError, IndexError, ArithmeticError) as error:
                fact = error if isinstance(error, Invalid) else Invalid("its inputs and attributes do not match")
                raise Misfit(f"{quoted(name)} ({printable(node.op_type)[:100]})", fact) from error

    def node(self, node: Any, name: str, scope: dict[str, Value], used: set[str], depth: int) -> Sequence[Value]:
        """The values of one node's outputs."""
        inputs = []
        for source in node.input:
            if source and source not in scope:
                raise Broken(
                    f"it reads {quoted(source)}, which nothing before it gives",
                    "nodes run in the order of the file: the graph may have a cycle, or lack an input",
                )
            inputs.append(scope[source] if source else None)
        kind = node.op_type
        self.builder.origin, self.builder.element_bits = origin(node, self.place), None
        if node.domain not in self.table.domains or function_key(node) in self.functions:
            return self.function(node, name, inputs, depth)
        opset = self.opsets.get("" if node.domain == "com.microsoft" else node.domain, self.opsets.get("", 17))
        if kind in CONTROL:
            return self.control(node, name, inputs, scope, depth)
        kind = self.table.name(node.domain, kind)
        outputs = tuple([output if output in used else "" for output in node.output])
        self.builder.at = name
        call = Call(name, kind, tuple(inputs), outputs, attributes(node), opset)
        changed, modern = self.table.of(kind).older or (0, None)
        if modern and opset < changed:
            call = modern(self.builder, call)._replace(opset=changed)
        if kind == "Constant":
            return (self.constant(call, node),)
        if self.table.of(kind).measures and (shaped := call.input(0)).shape is not None:
            return (measured(call, shaped.shape),)
        if kind.startswith("Sequence") or kind.endswith(("ToSequence", "FromSequence")):
            try:
                return sequence(call, self.made)
            except Refused as refused:
                return self.gap(call, str(refused))
        return self.made(call)

    def made(self, call: Call) -> Sequence[Value]:
        """The results of an operator: computed beforehand if all inputs are stored, else counted."""
        row = self.table.of(call.type)
        note_scales(self.builder, row, call)
        if all(value is None or value.constant for value in call.inputs) and not row.random:
            angles = frozenset[str]().union(*[value.angles for value in call.inputs if value is not None])
            angles = angles.union(call.input(0).roots) if row.table else angles
            return [value._replace(angles=angles) for value in self.prepared(call)] if angles else self.prepared(call)
        given = [value for value in call.inputs if value is not None and value.as_given and value.batch == 0]
        if given and given[0] is call.inputs[0] and row.layout in (WINDOWED, WINDOWED_LAST):
            self.builder.windowed = True
        ranks = {len(value.sizes) for value in given}
        return [
            value._replace(as_given=value.batch == 0 and value.shape is not None and len(value.shape) in ranks)
            for value in self.counted(call)
        ]

    def constant(self, call: Call, node: Any) -> Value:
        """A Constant node, which may also hold weights."""
        for value in constants(node, self.builder, self.owner).values():
            return value
        for name, kind in (("value_int", 7), ("value_ints", 7), ("value_float", 1), ("value_floats", 1)):
            given = call.attributes.get(name)
            if given is not None:
                if not isinstance(given, tuple):
                    return known(of_numbers(kind, (given,), ()))
                return listed(of_numbers(kind, given), call.outputs[0] or call.name, self.builder, self.owner)
        raise Invalid("a constant that is not a tensor of numbers")

    def declared(self, output: str) -> tuple[Shape | None, int]:
        """The shape and element type that the file states for a tensor; None and float if it states none."""
        return self.stated.get(output, (None, 1))

    def prepared(self, call: Call) -> Sequence[Value]:
        """The results of an operator on stored tensors. They are computed beforehand and cost nothing; only their
        shapes matter, and the elements of small ones. Products do count, as the file computes them in each run."""
        row = self.table.of(call.type)
        inputs = [value for value in call.inputs if value is not None]
        roots, some = made_from(self.builder, row, call)
        given = [value.data.size for value in inputs if value.data is not None]
        many = max(given, default=0) > FEW
        self.computed[many] += sum(given)
        results = elements_of(call, row.computed, self.seen) if self.computed[many] <= MAX_COMPUTED else None
        if results is not None:
            self.computed[many] += sum(data.size for data in results)
            return [known(data)._replace(roots=roots, some=some(data.shape)) for data in results]
        try:
            if call.type == "ConstantOfShape" and inputs and inputs[0].data is not None:
                return (Value(tuple(int(size) for size in inputs[0].data.numbers), self.declared(call.outputs[0])[1]),)
            if call.type == "Range" and all(value.data is not None for value in inputs):
                start, end, step = [value.data.item() for value in inputs]
                return (Value((max(0, int(-((start - end) // step))),), inputs[0].kind),)
            scratch = Builder(1, self.builder.stored, lambda name: False)
            fed = [_fed(scratch, value) for value in call.inputs]
            made = row(scratch, call._replace(inputs=tuple(fed)))
            cost = scratch.cost_since(0)
            if cost.macs:
                self.stored_product(call)
            elif cost.buffers:  # the statistics of a norm are not weights of the next layer
                self.builder.add(f"{call.name}/statistics", Constant((cost.buffers,), False, True), ())
            return [Value(value.shape, value.kind, roots=roots, some=some(value.sizes)) for value in made]
        except (Refused, Unknown, Invalid, ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError) as error:
            reason = str(error) if isinstance(error, Refused) else ""
            if reason and row.multiplies:
                return self.gap(call, reason)
            return self.opaque(call, reason or NO_COUNT)

    def opaque(self, call: Call, reason: str, more: Sequence[Value] = ()) -> Sequence[Value]:
        """The results of an unknown operator on stored tensors: constants of the shapes that the file states. Without a
        stated shape, the operator is listed as uncounted with its weights."""
        row = self.table.of(call.type)
        roots, some = made_from(self.builder, row, call)
        shapes = [self.declared(output) if output else (None, 1) for output in call.outputs]
        lost = any(shape is None for output, (shape, _) in zip(call.outputs, shapes) if output)
        if more or (lost and weights_of(self.builder, row, call)):
            return self.gap(call, reason, more)
        return [Value(shape, kind, roots=roots, some=some(shape)) for shape, kind in shapes]

    def stored_product(self, call: Call) -> None:
        """Adds the layers of a product of stored tensors, with the first operand as the input (for one example, if it
        is equal for each). The result stays a constant for its readers."""
        builder, row, mark = self.builder, self.table.of(call.type), len(self.builder.nodes)
        try:
            first = builder.standing(call.name, builder.for_each(call.input(0)))
            row(builder, call._replace(inputs=(first, *call.inputs[1:])))
        except Refused as refused:
            builder.back(mark)
            builder.uncounted(call, str(refused), None, weights_of(self.builder, row, call))

    def counted(self, call: Call) -> Sequence[Value]:
        """Adds the layers of an operator on tensors of the network, or a gap."""
        row, mark = self.table.of(call.type), len(self.builder.nodes)
        try:
            if row.handle is None:
                raise Refused(row.reason or NO_COUNT)
            for value in call.inputs:
                if value is not None and not value.constant and value.shape is None and value.items is None:
                    raise Unknown(value.name)
            self.builder.element_bits = next(
                (BITS.get(value.kind) for value in call.inputs if value is not None and not value.constant), None
            )
            results = as_they_lay(call, row(self.builder, call))
            for value, output in zip(results, call.outputs):
                if output and value.number is not None:
                    self.builder.widen(value.number, BITS.get(value.kind), mark)
            self.builder.keep(mark, weights_of(self.builder, row, call))
            return results
        except Refused as refused:
            self.builder.back(mark)
            return self.gap(call, str(refused))
        except Unknown as unknown:
            self.builder.back(mark)
            if row.free and not weights_of(self.builder, row, call):
                return [self.again(call, output) for output in call.outputs]
            return self.gap(call, f"the shape of what it reads, {quoted(str(unknown))}, is not known")

    def again(self, call: Call, output: str) -> Value:
        """A tensor from a free operator on one whose shape depends on the data; the file may state its shape."""
        shape, kind = self.declared(output) if output else (None, 1)
        lost = next(value.number for value in call.inputs if value is not None and value.number is not None)
        if not shape or min(shape) < 1:
            return Value(None, kind, None, lost, name=output)
        value = Value(shape, kind, None, None, False, 0 if shape[0] == self.builder.batch else None)
        return value._replace(number=self.builder.add(call.name, Copy(self.builder.shape(value)), [lost]))

    def gap(self, call: Call, reason: str, more: Sequence[Value] = ()) -> Sequence[Value]:
        """Adds a layer that is not counted, and returns its outputs. ``more`` are stored tensors that it reads beside
        its inputs. Outputs have no batch if the operator may mix examples, unless the user stated the batch."""
        results, row = [], self.table.of(call.type)
        if self.builder.batch > 1 and not self.builder.asked and not keeps_apart(row, call):
            raise self.builder.mixed
        weights = [
            *weights_of(self.builder, row, call),
            *weights_of(self.builder, UNKNOWN, call._replace(inputs=tuple(more))),
        ]
        for at, output in enumerate(call.outputs or ("",)):
            shape, kind = self.declared(output) if output else (None, 1)
            if at == 0:
                shape = _reached(row, call) or shape
                mark = len(self.builder.nodes)
                first = self.builder.uncounted(call, reason, shape, weights)
                results.append(first._replace(kind=kind))
                self.builder.widen(first.number or 0, BITS.get(kind), mark)
                continue
            results.append(self.again(call._replace(name=f"{call.name}/{at}", inputs=(first,)), output))
        return results

    # --- functions and control flow ---------------------------------------------------------------------------------

    def function(self, node: Any, name: str, inputs: Sequence[Value | None], depth: int) -> Sequence[Value]:
        """Unfolds the call of a function."""
        key = function_key(node)
        function = self.functions.get(key)
        if function is None:
            call = Call(name, f"{node.domain}.{node.op_type}", tuple(inputs), tuple(node.output), {}, 0)
            reason = self.table.of(node.domain).reason or NO_COUNT
            more = attached(node, self.builder, self.owner)
            stored = all(value is None or value.constant for value in inputs) and inputs
            return self.opaque(call, reason, more) if stored else self.gap(call, reason, more)
        if key in self.calling:
            raise Broken("a function that calls itself never ends")
        scope = {inner: value for inner, value in zip(function.input, inputs) if value is not None}
        given = {attribute.name: attribute for attribute in node.attribute}
        defaults = {attribute.name: attribute for attribute in function.attribute_proto}
        body = [bound(inner, {**defaults, **given}) for inner in function.node]
        owner, self.owner = self.owner, f"{node.domain}.{node.op_type}/"
        before, self.opsets = self.opsets, {**self.opsets, **{one.domain: one.version for one in function.opset_import}}
        self.calling.append(key)
        try:
            self.graph(body, scope, set(function.output), depth + 1, f"{name}/")
        finally:  # the walk may continue after an enclosing loop fails
            self.opsets, self.owner = before, owner
            self.calling.pop()
        return [self._given(scope, output) for output in function.output]

    def _given(self, scope: Mapping[str, Value], output: str) -> Value:
        if output not in scope:
            raise Broken(f"nothing gives its output {quoted(output)}")
        return scope[output]

    def control(
        self, node: Any, name: str, inputs: Sequence[Value | None], scope: dict[str, Value], depth: int
    ) -> Sequence[Value]:
        """The results of an If, a Loop or a Scan."""
        graphs = {attribute.name: attribute.g for attribute in node.attribute if attribute.type == 5}
        call = Call(name, node.op_type, tuple(inputs), tuple(node.output), attributes(node), self.opsets.get("", 17))

        def run(graph: Any, given: Mapping[str, Value]) -> list[Value]:
            with self.inside(node, next(name for name, one in graphs.items() if one is graph)):
                return self.body(graph, scope, call, depth, given)

        def leave(which: str, reason: str) -> None:
            """Records what a branch that does not run stores."""
            if (at := place(self.owner, node, which)) not in self.builder.unrun:
                roots = frozenset(root for value in self._stored_in(node, which, scope) for root in value.roots)
                self.builder.unrun[at] = Unrun(call.name, which.partition("_")[0], reason, roots)

        if node.op_type == "If":
            return branch(self.builder, call, graphs, run, leave, self.fed)
        if "body" not in graphs:
            raise Broken("it lacks its body")
        mark = len(self.builder.nodes)
        steps = self.steps
        try:
            if node.op_type == "Loop":
                return loop(self.builder, call, graphs["body"], run, lambda: leave("body", ""))
            return scan(self.builder, call, graphs["body"], run)
        except (Refused, Unknown) as refused:
            self.builder.back(mark)
            self.steps = steps
            reason = str(refused) if isinstance(refused, Refused) else "its shapes depend on the data"
            return self.gap(call, reason, [*self.held(node, scope)])

    def held(self, node: Any, scope: Mapping[str, Value]) -> Iterator[Value]:
        """The stored tensors of a node's nested graphs, and those that they read from outside."""
        for attribute in node.attribute:
            if attribute.type == 5:
                yield from self._stored_in(node, attribute.name, scope)

    def _stored_in(self, node: Any, part: str, scope: Mapping[str, Value]) -> Iterator[Value]:
        """The stored tensors of one nested graph, and those that it reads."""
        (graph,) = [attribute.g for attribute in node.attribute if attribute.name == part]
        with self.inside(node, part):
            inner = {**scope, **initial(graph, self.builder, self.owner)}
            for one in graph.node:
                inner.update(constants(one, self.builder, self.owner))
                yield from self.held(one, inner)
            names = {name for one in graph.node for name in (*one.input, *one.output)}
            yield from (inner[name] for name in names if name in inner and inner[name].constant)

    @contextmanager
    def inside(self, node: Any, part: str) -> Iterator[None]:
        """Sets the current graph to a nested one."""
        before, self.owner = self.owner, place(self.owner, node, part)
        try:
            yield
        finally:
            self.owner = before

    def body(
        self, graph: Any, scope: Mapping[str, Value], call: Call, depth: int, given: Mapping[str, Value]
    ) -> list[Value]:
        """The results of a nested graph, which sees the values around it."""
        inner = {**scope, **initial(graph, self.builder, self.owner), **given}
        outputs = [output.name for output in graph.output]
        self.graph(graph.node, inner, set(outputs), depth + 1, f"{call.name}/")
        return [self._given(inner, output) for output in outputs]


def _fed(scratch: Builder, value: Value | None) -> Value | None:
    """A constant as an input of a scratch network."""
    if value is None:
        return None
    shape = value.sizes
    scratch.tensors.append(shape or (1,))
    return value._replace(number=len(scratch.tensors) - 1, roots=())


def _reached(row: Operator, call: Call) -> Shape | None:
    """The shape of the first result of an uncounted operator, if its row states it."""
    try:
        return None if row.shape is None else row.shape(call)
    except Refused:
        return None
