"""A graph of the file on its way into a network: the nodes that its outputs need, each after what it reads."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.graph_builder import Broken
from sepcalc.importers.common.tensorflow.control import MAX_TRIPS, either
from sepcalc.importers.common.tensorflow.graph import INT32, NOTHING, Call, Misfit, Value
from sepcalc.importers.common.tensorflow.rows import Operator
from sepcalc.importers.common.tensorflow.walk import MAX_STEPS, Running
from sepcalc.importers.tf.frames import EXIT, MERGE, Choice, Frame, choice_of, frames_of
from sepcalc.importers.tf.graph import Builder
from sepcalc.importers.tf.model import Attrs, Body, Model, Node, Tensor, message_of, numbers, shaped, stored
from sepcalc.importers.tf.operators import given_of
from sepcalc.importers.tf.outputs import place_of
from sepcalc.importers.tf.schema import TENSORFLOW, type_of

MAX_DEPTH = 60  # functions in functions, branches and loops in each other
ARGUMENTS = ("Placeholder", "PlaceholderV2", "_Arg")


class Scope:
    """What the nodes of a body gave so far. Nodes in ``inner`` are of this scope; others of the one around it."""

    def __init__(
        self, body: Body, given: Mapping[str, Value], around: "Scope | None" = None, inner: Iterable[str] = ()
    ) -> None:
        self.body, self.around, self.inner = body, around, frozenset(inner)
        self.values: dict[str, list[Value]] = {name: [value] for name, value in given.items()}
        self.readers: dict[str, int] = around.readers if around else {}

    def get(self, name: str) -> list[Value] | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.around
        return None

    def put(self, name: str, values: list[Value]) -> None:
        scope = self
        while scope.around is not None and name not in scope.inner:
            scope = scope.around
        scope.values[name] = values


_FUNC = TENSORFLOW["Func"]


class Walk(Running):
    """One file on its way into a network."""

    def __init__(self, builder: Builder, model: Model) -> None:
        super().__init__(builder)
        self.model, self.built = model, builder
        builder.model, builder.run = model, self.inner
        self.calling: list[str] = []
        self.prefix = ""
        self.bound: Attrs | None = None
        self.numbers = {} if model.signatures else {one: str(at) for at, one in enumerate(model.graph.nodes)}
        self.choice, self.frames = cache(self._choice), cache(frames_of)

    def graph(self, body: Body, given: Mapping[str, Value], outputs: Sequence[str]) -> list[Value]:
        """What a body gives of these values, by references. Raises Misfit."""
        scope = Scope(body, given)
        for one in body:
            for said in one.inputs:
                name = said.partition(":")[0]
                scope.readers[name] = scope.readers.get(name, 0) + 1
        self.evaluate(scope, [place_of(body, said)[0] for said in outputs])
        return [self.value(scope, said) for said in outputs]

    def inner(self, function: Any, given: Sequence[Value]) -> list[Value]:
        """What a function gives that the node on its way runs."""
        message_of(function or "", "the function that it runs", "Func")
        body = self.model.body(function.name)
        if body.name in self.calling or len(self.calling) > MAX_DEPTH:
            raise Broken("a function that calls itself never ends")
        if len(given) != len(body.inputs):
            raise Broken(f"the function {quoted(body.name)} is given {len(given)} tensors: it takes {len(body.inputs)}")
        before, self.bound = (self.prefix, self.bound), Attrs(function.attr, self.bound)
        origin = self.builder.origin
        wrapped = origin is not None and origin.operator.endswith("Call")  # its names are enough
        self.calling.append(body.name)
        self.prefix = self.prefix if wrapped else f"{self.builder.at}/"
        try:
            return self.graph(body, dict(zip(body.inputs, given)), body.outputs)
        finally:  # a branch may be given up, and the walk go on
            self.calling.pop()
            self.prefix, self.bound = before

    def evaluate(self, scope: Scope, targets: Iterable[str]) -> None:
        """Walks the nodes of these names, and before each what it reads."""
        ahead = [*targets][::-1]
        begun = set[str]()
        while ahead:
            name = ahead[-1]
            if scope.get(name) is not None:
                ahead.pop()
                continue
            node = scope.body.node(name)
            missing = [one for one in self.needs(scope, node) if scope.get(one) is None]
            if missing:
                if name in begun:
                    raise Misfit(printable(name), Broken("it reads what it gives: the graph has a circle"))
                begun.add(name)
                ahead += missing[::-1]
                continue
            self.step(scope, node)
            ahead.pop()

    def needs(self, scope: Scope, node: Node) -> list[str]:
        """The nodes that must come before a node."""
        body, before = scope.body, node.inputs
        if node.op in MERGE:
            before = tuple(self.choice(body, node.name).before)
        elif node.op in EXIT:
            before = tuple(self.frame(body, node.name).enters)
        return [place_of(body, said)[0] for said in before]

    def _choice(self, body: Body, name: str) -> Choice:
        return choice_of(body, body.node(name))

    def frame(self, body: Body, name: str) -> Frame:
        """The loop that an Exit leaves."""
        if (found := self.frames(body).get(name)) is None:
            raise Invalid("it leaves no loop")
        return found

    def choose(self, scope: Scope, node: Node) -> None:
        """What the Merges of a choice give: the side that a stored condition takes; else the one that costs most."""
        choice, builder = self.choice(scope.body, node.name), self.built
        condition = self.value(scope, choice.condition)

        def side(at: int) -> list[Value]:
            inner = Scope(scope.body, {}, scope, choice.sides[at])
            ends = [said[at] for said in choice.merges.values()]
            self.evaluate(inner, [place_of(scope.body, said)[0] for said in ends])
            return [self.value(inner, said) for said in ends]

        if condition.data:
            values = side(int(bool(condition.data[0])))
        else:
            builder.at = self.prefix + node.name
            call = Call(builder.at, node.op, (condition,), (), node.attrs)
            values = either(builder, call, {"false": partial(side, 0), "true": partial(side, 1)})
        for name, value in zip(choice.merges, values):
            scope.put(name, [value, Value((), INT32)])

    def loop(self, scope: Scope, node: Node) -> None:
        """What the Exits of a loop give: its body as often as it runs, where that does not depend on the data."""
        frame = self.frame(scope.body, node.name)
        state = {merge: self.value(scope, first) for merge, (first, _) in frame.merges.items()}
        mark = len(self.built.nodes)
        for _ in range(MAX_TRIPS):
            inner = Scope(scope.body, state, scope, frame.members)
            self.evaluate(inner, [place_of(scope.body, frame.going)[0]])
            going = self.value(inner, frame.going)
            if not going.data:
                break
            if not going.data[0]:
                for name, merge in frame.exits.items():
                    scope.put(name, [state[merge]])
                return
            ends = [after for _, after in frame.merges.values()]
            self.evaluate(inner, [place_of(scope.body, said)[0] for said in ends])
            state = {merge: self.value(inner, said) for merge, said in zip(frame.merges, ends)}
        self.built.back(mark)
        stored = [
            self.constant(scope.body, one) for name in frame.members if (one := scope.body.node(name)).op == "Const"
        ]
        stored += [value for enter in frame.enters for value in scope.get(enter) or ()]
        call = Call(self.prefix + node.name, "While", tuple(stored), (), node.attrs)
        self.built.at = call.name
        made = self.built.uncounted(call, "how often it runs depends on the data", None)
        for name in frame.exits:
            scope.put(name, [made])

    def step(self, scope: Scope, node: Node) -> None:
        """One node, after all that it reads."""
        builder = self.built
        self.place = self.numbers.get(node.name) if scope.body is self.model.graph else self.place
        builder.steps += 1
        builder.reads += len(node.inputs)
        if builder.steps > MAX_STEPS or builder.reads > 10 * MAX_STEPS:
            raise Broken(f"it unfolds to more than {MAX_STEPS:,} operators")
        try:
            if node.op in MERGE:
                self.choose(scope, node)
            elif node.op in EXIT:
                self.loop(scope, node)
            else:
                scope.put(node.name, self.given(scope, node))
        except Invalid as fact:
            raise Misfit(printable(self.prefix + node.name), fact) from fact

    def given(self, scope: Scope, node: Node) -> list[Value]:
        """What a node gives."""
        node = node._replace(attrs=node.attrs.within(self.bound))
        if node.op == "Const":
            return [self.constant(scope.body, node)]
        if node.op in ARGUMENTS:
            raise Broken("it is an input, which the signature does not have")
        inputs: Sequence[Value] = [self.value(scope, said) for said in node.inputs]
        outputs = self.said(node)
        row, does, inputs, options = given_of(node, inputs)
        call = Call(self.prefix + node.name, node.op, tuple(inputs), outputs, options, row=does)
        builder = self.built
        builder.readers = scope.readers.get(node.inputs[0].partition(":")[0], 0) if node.inputs else 0
        values = list(self.operator(call, row))
        builder.learn(call, values)
        return values

    def within(self, call: Call, row: Operator) -> list[Value]:
        found, ahead, done = list[Value](), [call.get(name) for name in row.graphs], set[str]()
        while ahead:
            function = message_of(ahead.pop() or None, "a function that it runs", "Func")
            if function is None or function.name in done:
                continue
            done.add(function.name)
            for node in self.model.body(function.name):
                self.builder.steps += 1
                if self.builder.steps > MAX_STEPS:
                    raise Broken(f"it has more than {MAX_STEPS:,} operators")
                if node.op == "Const":
                    found.append(self.constant(self.model.body(function.name), node))
                ahead += [value for key in node.attrs.every if isinstance(value := node.attrs.get(key), _FUNC)]
        return found

    def constant(self, body: Body, node: Node) -> Value:
        """What a node stores."""
        content = node.attrs.message("value", "Tensor")
        if content is None:
            raise Invalid("it has no value")
        tensor = stored(node.name, content)
        roots = self.built.root((body.name, node.name), tensor)
        return Value(tensor.shape, tensor.type, None, numbers(tensor), roots, tensor.name, tensor)

    def said(self, node: Node) -> tuple[Tensor, ...]:
        """What the file says of what a node gives."""
        shapes = node.attrs.get("_output_shapes")
        shapes = (
            shapes if isinstance(shapes, tuple) and all(isinstance(one, TENSORFLOW["Shape"]) for one in shapes) else ()
        )
        kinds = node.attrs.get("Tout", "output_types", "component_types")
        kinds = kinds if isinstance(kinds, tuple) else ()
        kind = (
            20
            if node.op == "VarHandleOp"
            else node.attrs.get("dtype", "DstT", "out_type", "output_type", "Tparams", "T")
        )
        count = max(
            len(shapes),
            len(kinds),
            node.attrs.get("num_split", "num") or 1 if node.op in ("Split", "SplitV", "Unpack") else 1,
        )
        if not isinstance(count, int) or count > 10_000:
            raise Invalid(f"it gives {count} tensors")
        made = []
        for at in range(count):
            number = kinds[at] if at < len(kinds) else kind
            own = type_of(number) if isinstance(number, int) else NOTHING
            if at < len(shapes):
                made.append(shaped(node.name, shapes[at], own))
            else:
                made.append(Tensor(node.name, (), own, frozenset(), False))
        return tuple(made)

    def value(self, scope: Scope, said: str) -> Value:
        """The tensor that a reference means."""
        name, at = place_of(scope.body, said)
        values = scope.get(name)
        if values is None:
            raise Invalid(f"{quoted(said)} is read before it is given")
        return values[at] if at < len(values) else Value(None, NOTHING, values[0].number if values else None, name=name)
