"""TFLite: a graph of a ``.tflite`` file as a network. Weights are not read, only their sizes.

Every shape stands in the file, and is held to what its operators give; of inputs of other sizes these are followed
through the graph.
"""

import os
from collections.abc import Mapping, Sequence
from math import prod

from sepcalc.errors import InputError, Invalid, Problem, bad_input, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.branching import most_of
from sepcalc.importers.common.graph_builder import fixed_batch, guessed, never_used, unsuited
from sepcalc.importers.common.input_values import example, named_one
from sepcalc.importers.tflite.graph import Builder, Misfit, Value, seen
from sepcalc.importers.tflite.model import Graph, Model, Signature, Tensor, opened
from sepcalc.importers.tflite.operators import OPERATORS
from sepcalc.importers.tflite.schema import TYPES
from sepcalc.importers.tflite.walk import Walk
from sepcalc.network import Network
from sepcalc.shape import MAX_SIZE, Shape, read_shape, read_size, show

__all__ = ["OPERATORS", "read"]


def read(path: str, request: Request = Request()) -> Network:
    """The network of a TFLite file. Raises InputError: for a file that is none, for sizes that it leaves open, for a
    graph that does not fit together."""
    with opened(path) as model:
        try:
            return _network(model, path, request)
        except Misfit as misfit:
            fact = misfit.fact
            raise bad_input(f"{printable(path)}: {misfit.where}: {fact.message}", fact.hint) from misfit
        except Invalid as fact:
            if type(fact).__name__ == "Damaged":
                raise
            raise InputError([Problem(f"{printable(path)}: {fact.message}", fact.hint)]) from fact


def _network(model: Model, path: str, request: Request) -> Network:
    shown, notes = printable(path), list[str]()
    if not model.count:
        raise bad_input(f"{shown}: it holds no graph of operators")
    signature = _signature(model, shown, request.signature, notes)
    graph = model.graph(signature.graph if signature else 0)
    if not len(graph):
        raise bad_input(f"{shown}: it holds no graph of operators")
    border = _Border(shown, graph, signature, request)
    batch, guesses, builder, ends = _walked(model, border, request, notes)
    nodes, ends, size = builder.finished(ends)
    choices = [one.choice for one in builder.pasted if one.choice]
    laid = Network("", builder.inputs, nodes, ends, choices=choices, input_bits=builder.input_bits)
    most = most_of(laid, builder, lambda metric: _run(model, border, batch, metric))
    if zeros := builder.zeros & builder.used:
        some = f"{len(zeros):,} of its {len(builder.biases & builder.used):,} stored biases hold"
        builder.note(f"{some} nothing but zeros, as converters add them: their params count")
    if unused := [root for root in builder.stored if builder.lost(root)]:
        builder.note(never_used(sum(builder.stored[root][0] for root in unused), unused))
    name = printable(os.path.splitext(os.path.basename(path))[0])
    return Network(
        *(name, builder.inputs, nodes, ends),
        param_bytes=size,
        notes=(*notes, *builder.notes),
        guesses=guesses,
        most=most,
        choices=choices,
        input_bits=builder.input_bits,
    )


def _signature(model: Model, shown: str, wanted: str, notes: list[str]) -> Signature | None:
    """The signature that was asked for; the one of the first graph where none was."""
    every = model.signatures()
    names = [one.name for one in every]
    if wanted:
        for one in every:
            if one.name == wanted:
                return one
        known = f"it has {', '.join(map(quoted, names[:10]))}" if names else "it has none"
        raise InputError([Problem(f"{shown}: it has no signature {quoted(wanted)}", near_miss(wanted, names) or known)])
    first = next((one for one in every if one.graph == 0), None)
    if len(every) > 1:
        which = f"the signature {quoted(first.name)}" if first else "its first graph"
        notes.append(f"the file has {len(every)} signatures, {', '.join(map(quoted, names[:10]))}: counted is {which}")
    return first


class _Border:
    """What a graph takes, as the file says it or whoever asks."""

    def __init__(self, shown: str, graph: Graph, signature: Signature | None, request: Request) -> None:
        self.shown, self.graph, self.request = shown, graph, request
        self.said = (signature.inputs, signature.outputs) if signature else ({}, {})
        self.tensors: list[Tensor] = [graph.tensor(at) for at in graph.inputs]
        self.names = self.named(graph.inputs, self.said[0])
        self.shapes = self._shapes()

    def named(self, tensors: Sequence[int], said: Mapping[int, str]) -> list[str]:
        """Names of tensors, each once: those of the signature, else the tensors' own."""
        found: list[str] = []
        for at in tensors:
            name = unique = printable(said.get(at) or self.graph.tensor(at).name)[:200]
            again = 0
            while unique in found:
                again += 1
                unique = f"{name}[{again}]"
            found.append(unique)
        return found

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


def _walked(
    model: Model, border: _Border, request: Request, notes: list[str]
) -> tuple[int, list[Problem], Builder, dict[str, int]]:
    """How many examples lie along the first axes of the inputs, and what had to be guessed of them; the network for one
    of them, and its outputs."""
    firsts = {name: shape[0] for name, shape in zip(border.names, border.shapes) if len(shape) > 1}
    sizes = {size for size in firsts.values() if size > 1}
    images = {shape[0] for shape in border.shapes if len(shape) == 4 and shape[0] > 1}
    batch = request.batch or (next(iter(images or sizes)) if len(images or sizes) == 1 else 1)
    whole = _run(model, border, 1)
    if batch == 1:
        return 1, [], *whole
    if not any(size % batch == 0 for size in firsts.values()):
        raise unsuited(batch, firsts.values())
    try:
        found = _run(model, border, batch)
        if _mixes(whole[0], found[0], batch):
            raise Invalid(f"it mixes the {batch} examples of a batch: export the model for one example")
    except (Misfit, Invalid):
        if request.batch:
            raise
        notes.append(f"the first axis of the inputs, {batch}, is not one of examples: counted whole")
        return 1, [], *whole
    notes.append(
        f"the inputs hold {batch} examples: counts are for one of them" if request.batch else fixed_batch(batch)
    )
    divided = [name for name, size in firsts.items() if size == batch]
    return batch, [] if images or request.batch else [guessed(divided, batch)], *found


def _mixes(whole: Builder, one: Builder, batch: int) -> bool:
    """Whether examples meet each other: some layer does not give for one what it gives for all, divided by them."""
    every, alone = [[node.output for node in builder.nodes if node.op.writes] for builder in (whole, one)]
    return len(every) != len(alone) or any(prod(a) != batch * prod(b) for a, b in zip(every, alone))


def _run(model: Model, border: _Border, batch: int, metric: str = "macs") -> tuple[Builder, dict[str, int]]:
    """The network for one of ``batch`` examples, of branches those with most of this metric; and its outputs."""
    builder = Builder(batch, border.altered or batch > 1)
    builder.metric = metric
    given = []
    for name, one, shape in zip(border.names, border.tensors, border.shapes):
        if batch > 1 and len(shape) > 1 and shape[0] % batch == 0:
            shape = (shape[0] // batch, *shape[1:])
        given.append(Value(shape, one.kind, len(builder.tensors), name=one.name, tensor=one))
        builder.tensors.append(seen(shape))
        builder.inputs[name] = seen(shape)
        if bits := TYPES[one.kind].bits:
            builder.input_bits[name] = bits
    values = Walk(builder, model).graph(border.graph, given)
    names = border.named(border.graph.outputs, border.said[1])
    return builder, {name: builder.standing(value).number or 0 for name, value in zip(names, values)}
