"""What a file takes and gives, as the file says it or whoever asks; how many examples its first axis holds."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Generic, TypeVar

from sepcalc.errors import InputError, Invalid, Problem, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.branching import most_of
from sepcalc.importers.common.graph_builder import fixed_batch, guessed, never_used, unsuited
from sepcalc.importers.common.input_values import example, named_one
from sepcalc.importers.common.tensorflow.graph import Builder, Misfit, Tensor, Value, seen
from sepcalc.network import Network
from sepcalc.shape import MAX_SIZE, Shape, read_shape, read_size, show

Found = TypeVar("Found", bound=Builder)
Run = Callable[[Found, Sequence[Value]], dict[str, Value]]  # walks a graph on these inputs; gives its outputs by name


def unique(names: Sequence[str]) -> list[str]:
    """Names, each once."""
    found: list[str] = []
    for said in names:
        name = once = printable(said)[:200]
        again = 0
        while once in found:
            again += 1
            once = f"{name}[{again}]"
        found.append(once)
    return found


class Border(Generic[Found]):
    """What a graph takes: ``names`` of its ``tensors``. ``build`` makes an empty network, ``run`` walks the graph into
    it; ``shown`` is the file's name. Raises InputError for sizes that are left open, or do not fit."""

    def __init__(
        self,
        shown: str,
        names: Sequence[str],
        tensors: Sequence[Tensor],
        request: Request,
        build: Callable[[int, bool], Found],
        run: Run[Found],
    ) -> None:
        self.shown, self.request, self.build, self.run = shown, request, build, run
        self.tensors, self.names = tensors, unique(names)
        self.notes: list[str] = []
        self.shapes = self._shapes()

    @property
    def altered(self) -> bool:
        """Whether inputs are of other sizes than the file says."""
        return any(shape != one.shape for shape, one in zip(self.shapes, self.tensors))

    def _shapes(self) -> list[Shape]:
        problems, shapes, asked = list[Problem](), list[Shape](), dict(self.request.inputs)
        if "" in asked and len(self.names) != 1:
            known = ", ".join(map(quoted, self.names[:10])) or "none"
            raise InputError(
                [Problem(f"{self.shown}: it has {len(self.names)} inputs: {known}", named_one(self.names, asked[""]))]
            )
        for name in asked:
            if name and name not in self.names and name not in [one.name for one in self.tensors]:
                hint = near_miss(name, self.names) or f"it has {', '.join(map(quoted, self.names[:10]))}"
                problems.append(Problem(f"{self.shown}: it has no input {quoted(name)}", hint))
        for name, one in zip(self.names, self.tensors) if not problems else ():
            text = asked.get(name, asked.get(one.name, asked.get("")))
            try:
                shapes.append(self._shape(name, one, text))
            except Invalid as fact:
                problems.append(Problem(f"{self.shown}: the input {quoted(name)}: {fact.message}", fact.hint))
        if problems:
            raise InputError(problems)
        return shapes

    def _shape(self, name: str, one: Tensor, text: str | None) -> Shape:
        """The shape of an input: the file's, or the one that was asked for, with the first axis or without it."""
        rank, first = len(one.shape), self.request.batch or 1
        if text is not None:
            many = text.count("x") > 3
            sizes = tuple([read_size(part) for part in text.split("x")]) if many else read_shape(text)
            if len(sizes) == rank - 1:
                sizes = (first if 0 in one.open else one.shape[0], *sizes)
            if len(sizes) != rank:
                raise Invalid(
                    f"{quoted(text)} has {len(sizes)} sizes: expected {rank}, or {rank - 1} without the first"
                )
            return sizes
        left = [axis for axis in one.open if one.shape[axis] == 1 and (axis or rank == 1)]
        if left or (not one.ranked and not one.shape and one.open):
            sizes_said = "x".join("?" if axis in left else str(size) for axis, size in enumerate(one.shape))
            hint = example(name, [None if axis in left else size for axis, size in enumerate(one.shape)])
            raise Invalid(f"its shape {sizes_said} leaves sizes open", f"{hint}, for example")
        if any(not 1 <= size <= MAX_SIZE for size in one.shape):
            raise Invalid(f"it is {show(one.shape)}: expected sizes from 1")
        return (first, *one.shape[1:]) if 0 in one.open and rank > 1 and one.shape[0] == 1 else one.shape

    def network(self, name: str) -> Network:
        """The network of one example. Raises InputError, Misfit and Invalid."""
        batch, guesses, builder, ends = self._walked()
        nodes, ends, size = builder.finished(ends)
        choices = [one.choice for one in builder.pasted if one.choice]
        laid = Network("", builder.inputs, nodes, ends, choices=choices, input_bits=builder.input_bits)
        most = most_of(laid, builder, lambda metric: self._run(batch, metric))
        if zeros := builder.zeros & builder.used:
            some = f"{len(zeros):,} of its {len(builder.biases & builder.used):,} stored biases hold"
            builder.note(f"{some} nothing but zeros, as converters add them: their params count")
        if unused := [root for root in builder.stored if builder.lost(root)]:
            builder.note(never_used(sum(builder.stored[root][0] for root in unused), unused))
        return Network(
            *(name, builder.inputs, nodes, ends),
            param_bytes=size,
            notes=(*self.notes, *builder.notes),
            guesses=guesses,
            most=most,
            choices=choices,
            input_bits=builder.input_bits,
        )

    def _walked(self) -> tuple[int, list[Problem], Found, dict[str, int]]:
        """How many examples lie along the first axes of the inputs, and what had to be guessed of them; the network for
        one of them, and its outputs."""
        firsts = {name: shape[0] for name, shape in zip(self.names, self.shapes) if len(shape) > 1}
        sizes = {size for size in firsts.values() if size > 1}
        images = {shape[0] for shape in self.shapes if len(shape) == 4 and shape[0] > 1}
        batch = self.request.batch or (next(iter(images or sizes)) if len(images or sizes) == 1 else 1)
        whole = self._run(1)
        if batch == 1:
            return 1, [], *whole
        if not any(size % batch == 0 for size in firsts.values()):
            raise unsuited(batch, firsts.values())
        try:
            found = self._run(batch)
            if _mixes(whole[0], found[0], batch):
                raise Invalid(f"it mixes the {batch} examples of a batch: export the model for one example")
        except (Misfit, Invalid):
            if self.request.batch:
                raise
            self.notes.append(f"the first axis of the inputs, {batch}, holds no examples: all of it is counted")
            return 1, [], *whole
        fixed = any(one.shape[:1] == (batch,) for one in self.tensors)
        self.notes.append(
            fixed_batch(batch)
            if fixed and not self.request.batch
            else f"the inputs hold {batch} examples: counts are for one of them"
        )
        divided = [name for name, size in firsts.items() if size == batch]
        return batch, [] if images or self.request.batch else [guessed(divided, batch)], *found

    def _run(self, batch: int, metric: str = "macs") -> tuple[Found, dict[str, int]]:
        """The network for one of ``batch`` examples, of branches those with most of this metric; and its outputs."""
        builder = self.build(batch, self.altered or batch > 1)
        builder.metric = metric
        given = list[Value]()
        for name, one, shape in zip(self.names, self.tensors, self.shapes):
            if batch > 1 and len(shape) > 1 and shape[0] % batch == 0:
                shape = (shape[0] // batch, *shape[1:])
            given.append(Value(shape, one.type, len(builder.tensors), name=one.name, tensor=one))
            builder.tensors.append(seen(shape))
            builder.inputs[name] = seen(shape)
            if bits := one.type.bits:
                builder.input_bits[name] = bits
        values = self.run(builder, given)
        for name, value in values.items():
            if value.shape is None and value.number is None:
                raise Invalid(f"the shape of the output {quoted(name)} is not known")
        held = {name: value for name, value in values.items() if value.shape is None or 0 not in value.shape}
        return builder, {name: builder.standing(value).number or 0 for name, value in held.items()}


def _mixes(whole: Builder, one: Builder, batch: int) -> bool:
    """Whether examples meet each other: some layer does not give for one what it gives for all, divided by them."""
    every, alone = [[node.output for node in builder.nodes if node.op.writes] for builder in (whole, one)]
    return len(every) != len(alone) or any(prod(a) != batch * prod(b) for a, b in zip(every, alone))
