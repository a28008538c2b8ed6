"""Through a graph, node by node: constants are prepared, operators become layers, functions are unfolded, branches
taken, loops unrolled."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from sepcalc.errors import InputError, Invalid, Problem, printable, quoted
from sepcalc.importers.growing import MOST_NODES
from sepcalc.importers.onnx.constants import MOST_COMPUTED, SMALL, array, evaluate, known, numeric
from sepcalc.importers.onnx.elements import ELEMENTS
from sepcalc.importers.onnx.graph import Builder, Call, Refused, Unknown, Value
from sepcalc.importers.onnx.layers import LAYERS
from sepcalc.importers.onnx.microsoft import MICROSOFT
from sepcalc.ops.move import Copy, Slice
from sepcalc.shape import Shape, show

Handler = Callable[[Builder, Call], Sequence[Value]]
OPERATORS: dict[str, Handler] = {**LAYERS, **ELEMENTS, **MICROSOFT}
CONTROL = ("If", "Loop", "Scan")
DEEPEST = 40  # functions and branches within each other
DOMAINS = ("", "ai.onnx", "com.microsoft")

# Why an operator is not counted, and what it would take.
REASONS = {
    "NonMaxSuppression": "how many boxes are left, and what that takes, depends on the data",
    "NonZero": "how many elements it finds depends on the data",
    "Unique": "how many elements it finds depends on the data",
    "Compress": "how many elements it keeps depends on the data",
    "TopK": "what sorting takes depends on the data and the library",
    "RoiAlign": "its samples per region depend on the data where the file leaves them open",
    "MaxRoiPool": "its windows depend on the data",
    "GridSample": "sampling at computed places has no count here",
    "Mod": "a remainder of computed numbers has no count here",
    "Col2Im": "its windows are added where they overlap: such sums have no count here",
    "LpPool": "a pool of powers has no count here",
    "GlobalLpPool": "a pool of powers has no count here",
    "MaxUnpool": "where it puts what depends on the data",
    "GroupQueryAttention": "how many keys its cache holds depends on the data",
    "DecoderMaskedMultiHeadAttention": "how many keys its cache holds depends on the data",
    "com.microsoft.nchwc": "its channels are padded and blocked for one processor: save the model at ONNX Runtime's "
    "level extended instead",
    "Shape": "the sizes of what it measures depend on the data",
    "Size": "the sizes of what it measures depend on the data",
}

# Whose stored inputs become what they give; of the others only the first does.
_JOINING = {
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Concat",
    "MatMul",
    "Gemm",
    "Where",
    "Sum",
    "Einsum",
    "Pow",
    "Max",
    "Min",
    "Conv",
}
# What counts of stored tensors alone, too.
_PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "Attention", "FusedConv", "FusedGemm", "FusedMatMul"}
# What these give is a table of places or angles, no weight, whatever it was made from.
_TABLES = {"Sin", "Cos", "CumSum"}
# Operators through which the wish for channels last goes back to their inputs.
_WINDOWED = {
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization",
    "InstanceNormalization", "GroupNormalization", "LRN", "QLinearConv", "ConvInteger", "DepthToSpace", "SpaceToDepth",
    "Resize", "Upsample", "LpPool", "GlobalLpPool", "GridSample", "RoiAlign", "MaxRoiPool", "MaxUnpool", "FusedConv",
    "QLinearAveragePool", "QLinearGlobalAveragePool",
}  # fmt: skip
_THROUGH = {
    "Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Identity", "Dropout",
    "Cast", "Add", "Sub", "Mul", "Div", "Concat", "Split", "Slice", "Pad", "Gelu", "Mish", "Softplus", "Selu", "Sum",
    "QuantizeLinear", "DequantizeLinear", "Max", "Min", "Pow", "Where", "Expand", "Tile", "Swish", "QLinearAdd",
    "QLinearMul", "QLinearConcat", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearWhere",
}  # fmt: skip


def wishes(graphs: Sequence[Any]) -> set[str]:
    """The tensors that are read by convolutions and their like, at once or through what keeps the order of axes."""
    wanted = set[str]()
    for graph in graphs:
        for node in reversed(graph.node):
            if node.op_type in _WINDOWED:
                if not any(one.name == "channels_last" and one.i for one in node.attribute):
                    wanted.update(node.input[:1])
            elif node.op_type in _THROUGH and any(output in wanted for output in node.output):
                wanted.update(node.input)
    return wanted


class Walk:
    """One file on its way to a network."""

    def __init__(
        self,
        builder: Builder,
        functions: Mapping[tuple[str, str], Any],
        opsets: Mapping[str, int],
        declared: Callable[[str], tuple[Shape | None, int]],
    ) -> None:
        self.builder = builder
        self.functions = functions
        self.opsets = opsets
        self.declared = declared  # what shape the file, or ONNX's own inference, says that a tensor has
        self.steps = 0
        self.seen: dict[Any, Any] = {}  # constants computed, and from what
        self.computed = 0  # elements of constants read and made

    def graph(
        self, nodes: Sequence[Any], scope: dict[str, Value], read: set[str], depth: int = 0, prefix: str = ""
    ) -> None:
        """Every node in order; ``scope`` holds the values by name, and gains theirs. ``read`` names what the graph
        gives."""
        if depth > DEEPEST:
            raise Invalid(f"functions and branches stand in each other more than {DEEPEST} deep")
        used = read | {name for node in nodes for name in node.input}
        used |= {name for node in nodes for attribute in node.attribute for name in _outer(attribute)}
        for node in nodes:
            self.steps += 1
            if self.steps > MOST_NODES:
                raise Invalid(f"it unfolds to more than {MOST_NODES:,} nodes")
            name = prefix + _named(node)
            try:
                for output, value in zip(node.output, self.node(node, name, scope, used, depth)):
                    if output:
                        scope[output] = value._replace(name=output)
                missing = [output for output in node.output if output and output not in scope]
                scope.update((output, Value(None, name=output)) for output in missing)
            except (Invalid, ValueError, IndexError, ArithmeticError) as error:
                fact = (
                    error if isinstance(error, Invalid) else Invalid("its inputs and attributes do not fit each other")
                )
                raise Misfit(f"{quoted(name)} ({printable(node.op_type)[:100]})", fact) from error

    def node(self, node: Any, name: str, scope: dict[str, Value], used: set[str], depth: int) -> Sequence[Value]:
        inputs = []
        for source in node.input:
            if source and source not in scope:
                raise Invalid(
                    f"it reads {quoted(source)}, which nothing before it gives",
                    "a graph runs in its order: it may have a cycle, or lack an input",
                )
            inputs.append(scope[source] if source else None)
        kind = node.op_type
        if node.domain not in DOMAINS or (node.domain, kind) in self.functions:
            return self.function(node, name, inputs, depth)
        opset = self.opsets.get("" if node.domain == "com.microsoft" else node.domain, self.opsets.get("", 17))
        if kind in CONTROL:
            return self.control(node, name, inputs, scope, depth)
        if f"{node.domain}.{kind}" in OPERATORS:  # not what ONNX calls so
            kind = f"{node.domain}.{kind}"
        outputs = tuple([output if output in used else "" for output in node.output])
        self.builder.at = name
        call = Call(name, kind, tuple(inputs), outputs, attributes(node), opset)
        if kind == "Constant":
            return (self.constant(call, node),)
        if kind in ("Shape", "Size") and (shaped := call.input(0)).shape is not None:
            return (_measured(call, shaped.shape),)
        if "Sequence" in kind and kind != "ReverseSequence":
            try:
                return self.sequence(call)
            except Refused as refused:
                return self.gap(call, str(refused))
        if all(value is None or value.constant for value in inputs) and kind not in _RANDOM:
            return self.prepared(call)
        return self.counted(call)

    def constant(self, call: Call, node: Any) -> Value:
        """A Constant node: weights may stand in one, too."""
        for attribute in node.attribute:
            if attribute.name == "value":
                return stored_value(attribute.t, f"{call.outputs[0] or call.name}", self.builder)
        for name, kind in (("value_int", 7), ("value_ints", 7), ("value_float", 1), ("value_floats", 1)):
            given = call.attributes.get(name)
            if given is not None:
                return known(array(kind, given) if isinstance(given, tuple) else array(kind, (given,), ()))
        raise Invalid("a constant that is no tensor of numbers")

    def prepared(self, call: Call) -> Sequence[Value]:
        """What does not depend on the inputs is prepared beforehand, free: only its shape matters, and its elements
        where they are few. Products alone count, as the file computes them."""
        inputs = [value for value in call.inputs if value is not None]
        joined = inputs if call.type in _JOINING else inputs[:1]
        roots = () if call.type in _TABLES else tuple(dict.fromkeys(root for value in joined for root in value.roots))
        self.computed += sum(value.data.size for value in inputs if value.data is not None)
        data = evaluate(call, self.seen) if len(call.outputs) == 1 and self.computed <= MOST_COMPUTED else None
        if data is not None:
            self.computed += data.size
            return (known(data, roots),)
        try:
            handler = OPERATORS.get(call.type)
            if call.type == "ConstantOfShape" and inputs and inputs[0].data is not None:
                return (
                    Value(tuple(int(size) for size in inputs[0].data.reshape(-1)), self.declared(call.outputs[0])[1]),
                )
            if call.type == "Range" and all(value.data is not None for value in inputs):
                start, end, step = [value.data.item() for value in inputs]
                return (Value((max(0, int(-((start - end) // step))),), inputs[0].kind),)
            if handler is None:
                raise Refused("")
            scratch = Builder(1, self.builder.stored, lambda name: False)
            fed = [_fed(scratch, value) for value in call.inputs]
            results = handler(scratch, call._replace(inputs=tuple(fed)))
            if scratch.cost_since(0).macs:
                self.stored_product(call)
            return [Value(value.shape, value.kind, None, None, False, None, roots) for value in results]
        except (Refused, Unknown, Invalid, ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError) as error:
            if isinstance(error, Refused) and call.type in _PRODUCTS:
                self.builder.uncounted(call, str(error), None)
            shapes = [self.declared(output) if output else (None, 1) for output in call.outputs]
            return [Value(shape, kind, roots=roots) for shape, kind in shapes]

    def stored_product(self, call: Call) -> None:
        """The layers of a product on stored tensors alone, whose first operand stands for the input. What it gives
        stays a constant for those who read it."""
        builder, mark = self.builder, len(self.builder.nodes)
        try:
            first = builder.standing(call.name, call.input(0))
            OPERATORS[call.type](builder, call._replace(inputs=(first, *call.inputs[1:])))
        except Refused as refused:
            builder.back(mark)
            builder.uncounted(call, str(refused), None)

    def counted(self, call: Call) -> Sequence[Value]:
        mark = len(self.builder.nodes)
        try:
            handler = OPERATORS.get(call.type)
            if handler is None:
                raise Refused(REASONS.get(call.type, "no count is known for this operator"))
            return _as_they_lay(call, handler(self.builder, call))
        except Refused as refused:
            self.builder.back(mark)
            return self.gap(call, str(refused))
        except Unknown as unknown:
            self.builder.back(mark)
            if call.type in _PLUMBING:
                return [self.again(call, output) for output in call.outputs]
            return self.gap(call, f"the shape of what it reads, {quoted(str(unknown))}, depends on the data")

    def again(self, call: Call, output: str) -> Value:
        """What is made, for free, of a tensor whose shape depends on the data: the file may say what shape that has."""
        shape, kind = self.declared(output) if output else (None, 1)
        lost = next(value.number for value in call.inputs if value is not None and value.number is not None)
        if not shape or min(shape) < 1:
            return Value(None, kind, None, lost, name=output)
        value = Value(shape, kind, None, None, False, 0 if shape[0] == self.builder.batch else None)
        return value._replace(number=self.builder.add(call.name, Copy(self.builder.shape(value)), [lost]))

    def gap(self, call: Call, reason: str) -> Sequence[Value]:
        """A layer that is not counted, and each of its outputs."""
        results = []
        for at, output in enumerate(call.outputs or ("",)):
            shape, kind = self.declared(output) if output else (None, 1)
            if at == 0:
                first = self.builder.uncounted(call, reason, shape)
                results.append(first._replace(kind=kind))
                continue
            results.append(self.again(call._replace(name=f"{call.name}/{at}", inputs=(first,)), output))
        return results

    # --- sequences --------------------------------------------------------------------------------------------------

    def sequence(self, call: Call) -> Sequence[Value]:
        """Lists of tensors: what older exporters make of a split. Nothing is computed."""
        items = list(call.inputs[0].items or ()) if call.inputs and call.inputs[0] is not None else []
        match call.type:
            case "SequenceEmpty":
                items = []
            case "SequenceConstruct":
                items = [value for value in call.inputs if value is not None]
            case "SequenceInsert":
                at = self._position(call, 2, len(items) + 1) if call.maybe(2) is not None else len(items)
                items.insert(at, call.input(1))
            case "SequenceErase":
                del items[self._position(call, 1, len(items)) if call.maybe(1) is not None else -1]
            case "SequenceAt":
                return (items[self._position(call, 1, len(items))],)
            case "SequenceLength":
                return (known(array(7, (len(items),), ())),)
            case "ConcatFromSequence":
                if call.whole("new_axis", 0):
                    raise Refused("a sequence stacked along a new axis has no count here")
                joined = call._replace(type="Concat", inputs=tuple(items))
                return self.prepared(joined) if all(item.constant for item in items) else self.counted(joined)
            case "SplitToSequence":
                items = self._split_up(call)
        if len(items) > 10_000:
            raise Invalid(f"a sequence of {len(items):,} tensors: at most 10,000 are read")
        return (Value(None, items=tuple(items)),)

    def _position(self, call: Call, at: int, count: int) -> int:
        where = call.input(at)
        if where.data is None or where.data.size != 1:
            raise Refused("a place in a sequence is computed from the data")
        place = int(where.data.reshape(-1)[0])
        if not -count <= place < count:
            raise Invalid(f"place {place} is none of a sequence of {count}")
        return place % count

    def _split_up(self, call: Call) -> list[Value]:
        value, sizes = call.input(0), call.maybe(1)
        axis = range(len(value.sizes))[call.whole("axis", 0)]
        whole = value.sizes[axis]
        if sizes is not None and sizes.data is None:
            raise Refused("the parts are computed from the data")
        if sizes is not None and sizes.sizes:
            parts = [int(part) for part in sizes.data.reshape(-1)]
        else:
            each = 1 if sizes is None else int(sizes.data.reshape(-1)[0])
            if each < 1:
                raise Invalid(f"parts of {each}")
            parts = [min(each, whole - at) for at in range(0, whole, each)]
        outputs = tuple([f"{call.outputs[0]}/{at}" for at in range(len(parts))])
        split = call._replace(
            type="Split", outputs=outputs, inputs=(value,), opset=11, attributes={"axis": axis, "split": tuple(parts)}
        )
        pieces = list(self.prepared(split) if value.constant else self.counted(split))
        if sizes is None and not call.whole("keepdims", 1):
            squeezed = split._replace(type="Squeeze", opset=13, attributes={})
            for at, piece in enumerate(pieces):
                one = squeezed._replace(inputs=(piece, known(array(7, (axis,)))), outputs=(outputs[at],))
                pieces[at] = (self.prepared(one) if piece.constant else self.counted(one))[0]
        return pieces

    # --- functions and control flow ---------------------------------------------------------------------------------

    def function(self, node: Any, name: str, inputs: Sequence[Value | None], depth: int) -> Sequence[Value]:
        function = self.functions.get((node.domain, node.op_type))
        if function is None:
            call = Call(name, f"{node.domain}.{node.op_type}", tuple(inputs), tuple(node.output), {}, 0)
            if all(value is None or value.constant for value in inputs) and inputs:
                return [Value(*self.declared(output)) for output in node.output]
            return self.gap(call, REASONS.get(node.domain, "no count is known for this operator"))
        scope = {inner: value for inner, value in zip(function.input, inputs) if value is not None}
        given = {attribute.name: attribute for attribute in node.attribute}
        defaults = {attribute.name: attribute for attribute in function.attribute_proto}
        body = [_bound(inner, {**defaults, **given}) for inner in function.node]
        before, self.opsets = self.opsets, {**self.opsets, **{one.domain: one.version for one in function.opset_import}}
        self.graph(body, scope, set(function.output), depth + 1, f"{name}/")
        self.opsets = before
        return [self._given(scope, output) for output in function.output]

    def _given(self, scope: Mapping[str, Value], output: str) -> Value:
        if output not in scope:
            raise Invalid(f"nothing gives its output {quoted(output)}")
        return scope[output]

    def control(
        self, node: Any, name: str, inputs: Sequence[Value | None], scope: dict[str, Value], depth: int
    ) -> Sequence[Value]:
        graphs = {attribute.name: attribute.g for attribute in node.attribute if attribute.type == 5}
        call = Call(name, node.op_type, tuple(inputs), tuple(node.output), attributes(node), self.opsets.get("", 17))
        if node.op_type == "If":
            return self.branch(call, graphs, scope, depth)
        if "body" not in graphs:
            raise Invalid("it lacks its body")
        mark = len(self.builder.nodes)
        steps = self.steps
        try:
            unrolled = self.loop if node.op_type == "Loop" else self.scan
            return unrolled(call, graphs["body"], scope, depth)
        except (Refused, Unknown) as refused:
            self.builder.back(mark)
            self.steps = steps
            reason = str(refused) if isinstance(refused, Refused) else "its shapes depend on the data"
            return self.gap(call, reason)

    def branch(self, call: Call, graphs: Mapping[str, Any], scope: dict[str, Value], depth: int) -> Sequence[Value]:
        """The branch that a constant condition takes; else the one that costs most, which is said."""
        if set(graphs) != {"then_branch", "else_branch"}:
            raise Invalid("it needs two branches")
        condition = call.input(0)
        if condition.data is not None and condition.data.size == 1:
            return self.body(
                graphs["then_branch" if condition.data.reshape(-1)[0] else "else_branch"], scope, call, depth
            )
        mark = len(self.builder.nodes)
        costs = {}
        for which, graph in graphs.items():
            self.body(graph, scope, call, depth)
            gaps = len(self.builder.nodes)
            costs[which] = (self.builder.cost_since(mark), gaps)
            self.builder.back(mark)
        worst = max(costs, key=lambda which: costs[which])
        chosen = worst.partition("_")[0]
        name = printable(call.name)
        self.builder.note(f"{name}: its branch depends on the data; counted is {chosen}, which costs most")
        return self.body(graphs[worst], scope, call, depth)

    def body(
        self, graph: Any, scope: Mapping[str, Value], call: Call, depth: int, given: Mapping[str, Value] = {}
    ) -> list[Value]:
        """A graph within a graph, which sees all around it."""
        inner = {**scope, **initial(graph, self.builder), **given}
        outputs = [output.name for output in graph.output]
        self.graph(graph.node, inner, set(outputs), depth + 1, f"{call.name}/")
        return [self._given(inner, output) for output in outputs]

    def loop(self, call: Call, graph: Any, scope: dict[str, Value], depth: int) -> Sequence[Value]:
        trips, condition = call.maybe(0), call.maybe(1)
        if trips is None or trips.data is None or trips.data.size != 1:
            raise Refused("how often it runs depends on the data")
        count = int(trips.data.reshape(-1)[0])
        if condition is not None and condition.data is not None and not condition.data.reshape(-1)[0]:
            count = 0
        if not 0 < count <= 10_000 or count * max(1, len(graph.node)) > MOST_NODES // 2:
            raise Refused(f"it runs {count:,} times: unrolling is for 1 to 10,000")
        if condition is None or condition.data is None:
            self.builder.note(f"{printable(call.name)}: it may stop early; counted are all {count} runs")
        names = [one.name for one in graph.input]
        carried = [value for value in call.inputs[2:] if value is not None]
        if len(names) != len(carried) + 2:
            raise Invalid("its body takes other inputs than it is given")
        scanned: list[Value] = []
        for at in range(count):
            fixed = {names[0]: known(array(7, (at,), ())), names[1]: known(array(9, (True,), ()))}
            outputs = self.body(graph, scope, call, depth, {**fixed, **dict(zip(names[2:], carried))})
            going, carried = outputs[0], outputs[1 : 1 + len(carried)]
            scanned = outputs[1 + len(carried) :]
            if going.data is not None and not going.data.reshape(-1)[0]:
                count = at + 1
                break
            if going.data is None and at == 0:
                self.builder.note(f"{printable(call.name)}: it may stop early; counted are all {count} runs")
        return [*carried, *[self.gathered(call, value, count) for value in scanned]]

    def scan(self, call: Call, graph: Any, scope: dict[str, Value], depth: int) -> Sequence[Value]:
        count = call.whole("num_scan_inputs", 0)
        if (
            any(call.attributes.get(name) for name in ("scan_input_axes", "scan_output_axes"))
            or self.opsets.get("", 17) < 9
        ):
            raise Refused("a scan along other axes than the first has no count here")
        states, sequences = list(call.inputs[: len(call.inputs) - count]), call.inputs[len(call.inputs) - count :]
        if not sequences or any(value is None for value in sequences):
            raise Invalid("it has nothing to scan")
        whole = [value for value in sequences if value is not None]
        length = whole[0].sizes[0]
        if length * max(1, len(graph.node)) > MOST_NODES // 2:
            raise Refused(f"it runs {length:,} times, which is too much to unroll")
        names = [one.name for one in graph.input]
        parts = []
        for value in whole:
            if value.constant:
                parts.append(value._replace(shape=value.sizes[1:], data=None))
                continue
            if value.batch == 0:
                value = self.builder.along(value, 0)
            part = value._replace(
                shape=value.sizes[1:], first=False, batch=None if value.batch is None else value.batch - 1
            )
            natural = self.builder.laid(value, False)
            shape = self.builder.shape(natural)
            number = self.builder.add(f"{call.name}/step", Slice((1, *shape[1:])), [natural.number])
            parts.append(part._replace(number=self.builder.view(number, self.builder.shape(part))))
        outputs: list[Value] = []
        for _ in range(length):
            outputs = self.body(graph, scope, call, depth, dict(zip(names, [*states, *parts])))  # type: ignore[list-item]
            states = list(outputs[: len(states)])
        results = [value for value in states if value is not None]
        return [*results, *[self.gathered(call, value, length) for value in outputs[len(states) :]]]

    def gathered(self, call: Call, value: Value, count: int) -> Value:
        """What every run gives, one after the other."""
        if value.constant:
            return value._replace(shape=(count, *value.sizes), data=None)
        value = self.builder.laid(value, False)
        result = value._replace(
            shape=(count, *value.sizes), first=False, batch=None if value.batch is None else value.batch + 1
        )
        number = self.builder.add(f"{call.name}/runs", Copy(self.builder.shape(result)), [value.number])
        return result._replace(number=number)


class Misfit(Exception):
    """A fact with the node that it is about."""

    def __init__(self, where: str, fact: Invalid) -> None:
        super().__init__(where)
        self.where = where
        self.fact = fact


_RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")
_PLUMBING = {
    "Shape", "Size", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Identity", "Slice", "Gather", "Concat",
    "Expand", "Flatten", "Split", "Dropout", "ConstantOfShape", "Range", "Not",
}  # fmt: skip


def _as_they_lay(call: Call, results: Sequence[Value]) -> Sequence[Value]:
    """The results, with the examples within their axis as they lay in an operand's axis of that size."""
    apart = {
        value.sizes[value.batch]: value.outer
        for value in call.inputs
        if value is not None and value.batch is not None and value.outer > 1
    }
    if not apart:
        return results
    return [
        value._replace(outer=apart[value.sizes[value.batch]])
        if value.batch is not None and value.outer == 1 and value.sizes[value.batch] in apart
        else value
        for value in results
    ]


def _measured(call: Call, shape: Shape) -> Value:
    if call.type == "Size":
        return known(array(7, (prod(shape),), ()))
    start, end = call.whole("start", 0), call.whole("end", len(shape))
    return known(array(7, shape[start:end]))


def _fed(scratch: Builder, value: Value | None) -> Value | None:
    """A constant as if it were an input."""
    if value is None:
        return None
    shape = value.sizes
    scratch.tensors.append(shape or (1,))
    return value._replace(number=len(scratch.tensors) - 1, roots=())


def stored_value(tensor: Any, name: str, builder: Builder) -> Value:
    """An initializer: its shape and type; its elements only where they are few and in the file."""
    shape = tuple(int(size) for size in tensor.dims)
    if any(size < 0 or size >= 2**63 for size in shape) or len(shape) > 64:
        raise Invalid(f"the stored tensor {quoted(name)} has the shape {show(shape)}")
    elements = prod(shape)
    builder.stored[name] = (elements, tensor.data_type)  # type: ignore[index]
    data = None
    if elements <= SMALL and tensor.data_location != 1:
        from onnx.numpy_helper import to_array

        try:
            data = to_array(tensor)
        except Exception as error:  # its own checks are many
            raise Invalid(
                f"the stored tensor {quoted(name)} does not hold the {elements:,} elements it says"
            ) from error
        if not numeric(data):
            data = None
    return Value(shape, tensor.data_type, data, roots=(name,), name=name)


def initial(graph: Any, builder: Builder) -> dict[str, Value]:
    """The stored tensors of a graph."""
    values = {tensor.name: stored_value(tensor, tensor.name, builder) for tensor in graph.initializer}
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        shape = tuple(int(size) for size in sparse.dims)
        builder.stored[name] = (int(prod(sparse.values.dims)), sparse.values.data_type)  # type: ignore[index]
        values[name] = Value(shape, sparse.values.data_type, roots=(name,), name=name)
    return values


def attributes(node: Any) -> dict[str, Any]:
    """The attributes as plain values: numbers, texts, tuples of them, small tensors as arrays."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        match attribute.type:
            case 1:
                found[attribute.name] = attribute.f
            case 2:
                found[attribute.name] = attribute.i
            case 3:
                found[attribute.name] = attribute.s.decode("utf-8", "replace")
            case 4:
                from onnx.numpy_helper import to_array

                if prod(attribute.t.dims) <= SMALL and attribute.t.data_location != 1 and node.op_type != "Constant":
                    try:
                        found[attribute.name] = to_array(attribute.t)
                    except Exception as error:
                        raise Invalid(f"the attribute {quoted(attribute.name)} holds no tensor") from error
            case 6:
                found[attribute.name] = tuple(attribute.floats)
            case 7:
                found[attribute.name] = tuple(attribute.ints)
            case 8:
                found[attribute.name] = tuple(text.decode("utf-8", "replace") for text in attribute.strings)
    return found


def _bound(node: Any, given: Mapping[str, Any]) -> Any:
    """A function's node with the attributes that its caller gives."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    bound = type(node)()
    bound.CopyFrom(node)
    del bound.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            bound.attribute.append(attribute)
        elif attribute.ref_attr_name in given:
            copy = bound.attribute.add()
            copy.CopyFrom(given[attribute.ref_attr_name])
            copy.name = attribute.name
    return bound


def _outer(attribute: Any) -> list[str]:
    """Names that a branch or a body reads from around it."""
    graphs = [attribute.g] if attribute.type == 5 else []
    return [name for graph in graphs for node in graph.node for name in (*node.input, *_within(node))] + [
        output.name for graph in graphs for output in graph.output
    ]


def _within(node: Any) -> list[str]:
    return [name for attribute in node.attribute if attribute.type == 5 for name in _outer(attribute)]


def _named(node: Any) -> str:
    """What to call a node: the module whose weights it has, else its own name, else what it gives."""
    for source in node.input[1:3]:
        path, dot, last = str(source).rpartition(".")
        if dot and last in ("weight", "bias") and "::" not in path:
            return path
    name = str(node.name).strip("/")
    if not name:
        return str(node.op_type).lower() or "layer"
    return name.removeprefix("node_")


def problems(path: str, misfit: Misfit) -> InputError:
    fact = misfit.fact
    return InputError([Problem(f"{printable(path)}: {misfit.where}: {fact.message}", fact.hint)])
