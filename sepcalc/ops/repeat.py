"""Ops that run others several times with the same weights: over the slices of a first axis, or step by step."""

from typing import Any, NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Written
from sepcalc.ops.base import Op, Ties, Width, Window
from sepcalc.shape import Shape, Shapes, show


class _Each(NamedTuple):
    op: Op


class Each(_Each, Op):
    """An op on each slice of its inputs' first axis, with the same weights: n times its cost, its params once.

    Source: it is the op, n times; Keras' TimeDistributed.
    """

    __slots__ = ()
    holds = True

    @property
    def writes(self) -> bool:  # type: ignore[override]  # a class constant in most ops
        """Whether the inner op writes."""
        return self.op.writes

    @property
    def least(self) -> int:  # type: ignore[override]  # as above
        """The smallest number of inputs of the inner op."""
        return self.op.least

    @property
    def most(self) -> int:  # type: ignore[override]  # as above
        """The largest number of inputs of the inner op."""
        return self.op.most

    def kind(self, inputs: Shapes) -> str:
        return self.op.kind(_slices(inputs))

    def detail(self, inputs: Shapes) -> str:
        return f"{inputs[0][0]} x {self.op.detail(_slices(inputs))}".rstrip()

    def output(self, inputs: Shapes) -> Shape:
        if any(len(shape) < 2 or shape[0] != inputs[0][0] for shape in inputs):
            raise Invalid(f"{' and '.join(map(show, inputs))} have no first axis in common")
        return (inputs[0][0], *self.op.output(_slices(inputs)))

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        times = name("slices", output[0])
        one = self.op.cost(_slices(inputs), output[1:], name)
        many = Cost(*[times * count for count in one])
        return many._replace(params=one.params, buffers=one.buffers)

    def effective_macs(self, inputs: Shapes, output: Shape, macs: int) -> int:
        return output[0] * self.op.effective_macs(_slices(inputs), output[1:], macs // output[0])

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        windows = self.op.windows(_slices(inputs), output[1:])
        return (Window(1), *windows) if windows else windows

    def written(self, inputs: Shapes) -> Written:
        one = self.op.written(_slices(inputs))
        return one._replace(each=one.each + 1)

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return self.op.ties(_slices(inputs), output[1:])

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return Each(self.op.resized(_slices(old), _slices(new), wider))


def _slices(inputs: Shapes) -> Shapes:
    return tuple([shape[1:] for shape in inputs])


class Part(NamedTuple):
    """One op of a step. ``sources`` are numbers: the step's input first, then the states, then the earlier parts."""

    op: Op
    sources: tuple[int, ...]


class _Scan(NamedTuple):
    called: str
    states: Shapes
    body: tuple[Part, ...]
    carried: tuple[int, ...]
    last: bool = False


class Scan(_Scan, Op):
    """A recurrent layer as the ops of one step, which runs for each slice of the input's first axis with the same
    weights. ``carried`` are the tensors of a step that become the states of the next; the first of them is the output.

    The cost of a step, once per slice; its params once. The inner tensors of a step are not written; y elements are.
    The zero states of the first step count like any others.
    """

    __slots__ = ()
    holds = True
    windows = Op.everywhere
    ties = Op.untied
    resized = Op.unchanged  # its states keep their sizes

    def kind(self, inputs: Shapes) -> str:
        return self.called

    def detail(self, inputs: Shapes) -> str:
        return f"{show(inputs[0][1:])} -> {show(self.states[0])}"

    def tensors(self, inputs: Shapes) -> Shapes:
        """The shapes of a step: its input, the states, the result of every part."""
        shapes = [inputs[0][1:], *self.states]
        for op, sources in self.body:
            shapes.append(op.output(tuple([shapes[source] for source in sources])))
        return tuple(shapes)

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if len(shape) < 2:
            raise Invalid(f"{self.called} needs a sequence, not {show(shape)}")
        shapes = self.tensors(inputs)
        for state, carried in zip(self.states, self.carried):
            if shapes[carried] != state:
                raise Invalid(f"{self.called} makes {show(shapes[carried])} of a state {show(state)}")
        return shapes[self.carried[0]] if self.last else (shape[0], *shapes[self.carried[0]])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        shapes = self.tensors(inputs)
        runs = name("steps", inputs[0][0])
        counts: list[Any] = [0] * len(Cost._fields)
        for at, (op, sources) in enumerate(self.body, 1 + len(self.states)):
            part = op.cost(tuple([shapes[source] for source in sources]), shapes[at], name)
            counts = [count + more for count, more in zip(counts, part)]
        one = Cost(*counts)
        many = Cost(*[runs * count for count in one])
        return many._replace(params=one.params, buffers=one.buffers, activations=name("outputs", *output))

    def effective_macs(self, inputs: Shapes, output: Shape, macs: int) -> int:
        shapes, found = self.tensors(inputs), 0
        for at, (op, sources) in enumerate(self.body, 1 + len(self.states)):
            own = tuple([shapes[source] for source in sources])
            found += op.effective_macs(own, shapes[at], op.cost(own, shapes[at]).macs)
        return inputs[0][0] * found

    def written(self, inputs: Shapes) -> Written:
        raise Invalid(f"{self.called} has no spec")  # a document writes out the ops of a step


def each(op: Op, output: Shape) -> Op:
    """An op with this output on each slice. For a scan it is a scan with independent steps, since documents can express
    that."""
    return Scan(op.called, (output,), (Part(op, (0,)),), (2,)) if isinstance(op, Scan) else Each(op)
