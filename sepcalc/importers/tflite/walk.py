"""A graph of the file, operator by operator: each is given to its row, and what it gives is held to the file."""

import re
from collections.abc import Sequence
from functools import cache
from math import prod

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.flatbuffer import Damaged
from sepcalc.importers.common.graph_builder import Broken
from sepcalc.importers.common.layout import KEEPS
from sepcalc.importers.tflite.graph import Builder, Call, Misfit, Refused, Unknown, Value, merged, seen
from sepcalc.importers.tflite.model import SMALL, Graph, Model, Operation, Tensor
from sepcalc.importers.tflite.operators import row_of
from sepcalc.importers.tflite.rows import Numbers, Operator
from sepcalc.importers.tflite.schema import TYPES
from sepcalc.network import Origin
from sepcalc.ops.move import Copy
from sepcalc.shape import Shape, show

MAX_DEPTH, MAX_STEPS = 20, 50_000  # graphs in graphs; operators that are walked, loops unrolled
# What converters call the kernels in the names that they put together for a layer: the layer is called by its folder.
_KERNEL = re.compile(r"(conv|depthwise|matmul|biasadd|einsum)\w*", re.IGNORECASE)


class Walk:
    """One file on its way into a network."""

    def __init__(self, builder: Builder, model: Model) -> None:
        self.builder, self.model = builder, model
        builder.model, builder.run = model, self.inner
        self.kept = cache(self._kept)
        self.calling: list[int] = []
        self.reads = 0

    def graph(self, graph: Graph, given: Sequence[Value], prefix: str = "") -> list[Value]:
        """What a graph gives of these values. Raises Misfit."""
        if graph.at in self.calling or len(self.calling) > MAX_DEPTH:
            raise Broken("a graph that runs itself never ends")
        if len(given) != len(graph.inputs):
            raise Broken(f"the graph {quoted(graph.name)} is given {len(given)} tensors: it takes {len(graph.inputs)}")
        self.calling.append(graph.at)
        try:
            return self.every(graph, given, prefix)
        finally:  # a branch may be given up, and the walk go on
            self.calling.pop()

    def inner(self, graph: int, given: Sequence[Value]) -> list[Value]:
        """What a graph gives that the operator on its way runs."""
        return self.graph(self.model.graph(graph), given, f"{self.builder.at}/")

    def every(self, graph: Graph, given: Sequence[Value], prefix: str) -> list[Value]:
        """Every operator of a graph, and what it gives in the end."""
        scope = dict(zip(graph.inputs, given))
        operations = list(graph)
        made = {tensor for one in operations for tensor in one.outputs}
        for one in operations:
            self.builder.steps += 1
            self.reads += len(one.inputs) + len(one.outputs)
            if self.builder.steps > MAX_STEPS or self.reads > 10 * MAX_STEPS:
                raise Broken(f"it unfolds to more than {MAX_STEPS:,} operators")
            outputs = tuple([graph.tensor(at) for at in one.outputs])
            name = prefix + _named(one.type, outputs)
            for at in one.outputs:
                if at in scope:
                    raise Misfit(printable(name), Broken(f"the tensor {quoted(graph.tensor(at).name)} is given twice"))
            inputs = tuple([None if at == -1 else self.value(graph, scope, made, at) for at in one.inputs])
            scope.update(
                zip(one.outputs, self.operator(Call(name, one.type, inputs, outputs, one.options, one.raw), one))
            )
        return [self.value(graph, scope, made, at) for at in graph.outputs]

    def value(self, graph: Graph, scope: dict[int, Value], made: set[int], at: int) -> Value:
        """A tensor of a graph: what was given, or what the file stores."""
        if at in scope:
            return scope[at]
        tensor = graph.tensor(at)
        if at in made:
            raise Damaged(f"the tensor {quoted(tensor.name)} is read before it is given")
        value = Value(tensor.shape, tensor.kind, name=tensor.name, tensor=tensor)
        if not tensor.variable and TYPES[tensor.kind].bits:
            data = self.model.numbers(tensor)
            root = self.builder.root(tensor, self.model.stored(tensor.buffer)[1] > 0)
            value = value._replace(data=data, roots=((root, prod(tensor.shape)),))
        scope[at] = value
        return value

    # --- one operator -----------------------------------------------------------------------------------------------

    def operator(self, call: Call, one: Operation) -> Sequence[Value]:
        """What an operator gives. Raises Misfit."""
        builder, row = self.builder, row_of(one.type, one.custom)
        builder.at, builder.origin = call.name, Origin(printable(call.type)[:100])
        builder.element_bits = TYPES[call.outputs[0].kind].bits or None if call.outputs else None
        mark = len(builder.nodes)
        try:
            if row.handle is None:
                raise Refused(row.reason)
            if row.measures or row.live or any(not value.constant for value in call.given):
                results = self.counted(call, row)
            elif row.multiplies:
                first = builder.standing(call.given[0])
                results = self.counted(call._replace(inputs=(first, *call.inputs[1:])), row)
            else:
                results = self.prepared(call, row)
            return [self.held(call, value, out) for value, out in zip(results, call.outputs)]
        except Refused as refused:
            builder.back(mark)
            return self.gap(call, str(refused))
        except Unknown as unknown:
            builder.back(mark)
            return self.gap(call, f"the shape of what it reads, {quoted(str(unknown))}, is not known")
        except (ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError) as error:
            raise Misfit(printable(call.name), Invalid(f"{call.type} does not fit what it reads")) from error
        except Invalid as fact:
            raise Misfit(printable(call.name), fact) from fact

    def counted(self, call: Call, row: Operator) -> Sequence[Value]:
        builder, mark = self.builder, len(self.builder.nodes)
        assert row.handle is not None
        for value in call.given:
            if value.shape is None:
                raise Unknown(value.name)
        results = row.handle(builder, call)
        builder.keep(mark, [value for value in call.given if not row.measures])
        return results

    def prepared(self, call: Call, row: Operator) -> Sequence[Value]:
        """What is made of stored tensors alone, beforehand."""
        builder = self.builder
        assert row.handle is not None
        if row.layout is KEEPS and len(call.given) == 1:  # DEQUANTIZE, of many files every other operator
            return [call.given[0]._replace(roots=tuple([one for one in call.given[0].roots if builder.weighs(one[0])]))]
        scratch = Builder(builder.batch, builder.altered)
        scratch.stored, scratch.files = builder.stored, builder.files
        fed = []
        for value in call.inputs:
            if value is not None:
                scratch.tensors.append(seen(value.sizes))
                value = value._replace(number=len(scratch.tensors) - 1, roots=())
            fed.append(value)
        try:
            shapes = [value.shape for value in row.handle(scratch, call._replace(inputs=tuple(fed)))]
        except (Refused, Unknown):
            shapes = [out.shape if not out.open else None for out in call.outputs]
        every: list[Numbers] = []
        if row.computed is not None and call.given and all(value.data is not None for value in call.given):
            computed = row.computed(call)
            every = computed if isinstance(computed, list) else [computed]
        roots = [(root, most) for root, most in merged(call.given) if builder.weighs(root)]
        made = []
        for at, shape in enumerate(shapes):
            count = prod(shape) if shape is not None else 0
            known = every[at] if at < len(every) else None
            if known and (len(known) > SMALL or len(known) != count or any(abs(number) >= 2**63 for number in known)):
                known = None
            kept = tuple([(root, min(most, count) if count else most) for root, most in roots])
            made.append(Value(shape, 0, data=known, roots=kept))
        return made

    def held(self, call: Call, value: Value, out: Tensor) -> Value:
        """What an operator gives, held to what the file says of it."""
        shape, known = value.shape, out.ranked and not self.builder.altered
        if known and shape is not None and not _fits(shape, out):
            raise Invalid(
                f"{call.type} gives {show(shape) or 'one number'}, but the file says {show(out.shape) or 'one number'}"
            )
        return value._replace(kind=out.kind, name=out.name, tensor=out)

    def _kept(self, at: int) -> list[Value]:
        """What a graph stores."""
        graph = self.model.graph(at)
        self.builder.steps += len(graph)
        if self.builder.steps > MAX_STEPS:
            raise Broken(f"it has more than {MAX_STEPS:,} operators")
        operations = list(graph)
        given = {*graph.inputs, *(tensor for one in operations for tensor in one.outputs)}
        read = {tensor for one in operations for tensor in one.inputs if tensor >= 0 and tensor not in given}
        return [self.value(graph, {}, set(), tensor) for tensor in sorted(read)]

    def gap(self, call: Call, reason: str) -> Sequence[Value]:
        """A layer that is not counted, and what it gives as far as the file says it."""
        builder, made = self.builder, list[Value]()
        for at, out in enumerate(call.outputs or (None,)):
            shape = None
            if out is not None and not out.open and not builder.altered and (out.shape or out.ranked):
                shape = out.shape
            builder.element_bits = TYPES[out.kind].bits or None if out is not None else None
            if at == 0:
                row = row_of(call.type, False)
                if row.shape is not None and all(value.shape is not None for value in call.given):
                    shape = row.shape(call)
                within = [value for name in row.graphs for value in self.kept(call.whole(name, 0))]
                made.append(builder.uncounted(call._replace(inputs=(*call.inputs, *within)), reason, shape))
            elif shape is not None and min(shape, default=1) > 0:
                number = builder.add(Copy(seen(shape)), [made[0].number], label=str(at))
                made.append(builder.give(number, shape))
            else:
                made.append(Value(None, 0, made[0].number))
        return [value._replace(kind=out.kind, name=out.name, tensor=out) for value, out in zip(made, call.outputs)]


def _fits(shape: Shape, out: Tensor) -> bool:
    """Whether a shape is what the file says, where it says it."""
    same = len(shape) == len(out.shape)
    return same and all(at in out.open or size == said for at, (size, said) in enumerate(zip(shape, out.shape)))


def _named(kind: str, outputs: Sequence[Tensor]) -> str:
    """What to call an operator: by what it gives. Of the names that a converter put together it is the kernel's."""
    if not outputs:
        return kind.lower()
    parts = [part for part in outputs[0].name.split(";") if part] or [kind.lower()]
    for part in parts:
        folder, _, last = part.strip("/").rpartition("/")
        if folder and _KERNEL.match(last):
            return folder
    return parts[0].strip("/") or kind.lower()
