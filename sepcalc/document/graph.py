"""The graph that a document grows into: its layers and their names, the values of expressions, and what is wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sepcalc import nodes
from sepcalc.document.entries import (
    AXIS_NAMES,
    File,
    Join,
    Layer,
    Library,
    axes_of,
)
from sepcalc.document.naming import Shown
from sepcalc.document.pieces import WORD, Piece, columns_of
from sepcalc.document.products import weights_of_products
from sepcalc.document.scopes import PREVIOUS, Emitted, Named, Place, Scope, Tensor
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.expression import Expression, ExpressionError
from sepcalc.expression import Value as Number
from sepcalc.kinds import build
from sepcalc.layer import Node as GraphNode
from sepcalc.nodes import Node, Scalar
from sepcalc.ops.base import Op
from sepcalc.shape import Shape, Shapes, show
from sepcalc.spec import Spec, as_links, index_of, linked, output_of, outputs

SLACK, GROWTH = 20_000, 20  # layers that a document may unroll to: SLACK and GROWTH for each that is written


Picker = Callable[[Place, Sequence[Number]], int]


def _first(place: Place, values: Sequence[Number]) -> int:
    return 0


class Frame(NamedTuple):
    """Where entries run: the names for expressions, the file, the scope of their names, and the places that the block
    was used from. ``own_input``: sizes in expressions are those of the block's input; at the top they are those of each
    layer's input."""

    names: Mapping[str, Number]
    file: File
    scope: Scope
    own_input: bool = False
    trail: tuple[str, ...] = ()
    depth: int = 0

    def note(self, message: str, hint: str, node: Node | Piece | None, start: int = 0, end: int | None = None) -> None:
        """Keeps a problem, with the places that the block was used from."""
        self.file.notes.add(message, hint, node, start, end, self.trail)


class Stop(Exception):
    """The network is too large to unroll: nothing more is looked for."""


class Graph:
    """A graph under construction: the layers, from the inputs on, and the weights that they share."""

    def __init__(
        self, file: File, library: Library, parameters: Mapping[str, Number], inputs: Mapping[str, Shape | None]
    ) -> None:
        self.file = file
        self.library = library
        self.parameters = parameters
        self.inputs = inputs
        self.steps = 0
        self.most = SLACK
        self.emitted: list[Emitted] = []
        self.ties: dict[int, tuple[int, int]] = {}  # layers that share weights: with which, and how many of their own
        self.refused = set[int]()  # layers whose words make no spec, once they were told
        self.shares: dict[int, tuple[tuple[int, int], ...]] = {}  # which layers count how many params of a layer
        self.others: dict[int, int] = {}  # params of a layer that are stored nowhere; below 0: that it has besides
        self.fixed: dict[int, int] = {}  # buffers that a layer has besides
        self.late: list[Callable[[], None]] = []  # problems that name layers, whose names are known at the end
        self.pick: Picker = _first  # which value of an open choice holds
        self.chosen: list[tuple[Place, tuple[Number, ...], int]] = []  # the choices that were made, in order
        self.shown = Shown()
        self.remarks: dict[str, None] = {}  # what a reader of the numbers must know
        self.scope = Scope()
        for number, (name, shape) in enumerate(inputs.items()):
            self.scope.name(name, Named(None if shape is None else Tensor(number, shape)))

    def nodes(self) -> list[GraphNode]:
        """The finished graph."""
        graph = [
            GraphNode(scope.spell(label, index), op, sources, output)
            for scope, label, index, op, sources, output in self.emitted
        ]
        for at in weights_of_products(graph, len(self.inputs)):
            graph[at] = graph[at]._replace(op=graph[at].op._replace(learned=True))  # type: ignore[attr-defined]  # a Constant
        for at in {**self.shares, **self.others}:
            owners = tuple([(graph[owner].name, count) for owner, count in self.shares.get(at, ())])
            shared = sum(count for _, count in owners) + self.others.get(at, 0)
            graph[at] = graph[at]._replace(shared=shared, owners=owners)
        for at, fixed in self.fixed.items():
            graph[at] = graph[at]._replace(buffers=fixed)
        for at, (owner, shared) in self.ties.items():
            if shared:
                graph[at] = graph[at]._replace(shared=shared, owners=((graph[owner].name, shared),))
            else:
                name = graph[owner].name
                graph[at], graph[owner] = graph[at]._replace(weights=name), graph[owner]._replace(weights=name)
        return graph

    def outputs(self, named: Mapping[str, Scalar]) -> dict[str, int]:
        """The number of the tensor that each name refers to. An unknown name is noted."""
        numbers = {}
        for name, node in named.items():
            found = self.find(node, Frame(self.parameters, self.file, self.scope), "output")
            if found is not None and found.end is not None:
                numbers[name] = found.end.number
        return numbers

    def find(self, name: Scalar, frame: Frame, what: str) -> Named | None:
        """What a name refers to, or None and a problem."""
        found = self.named(name.text, frame)
        if found is None:
            hint = near_miss(name.text, [*frame.scope.known(), PREVIOUS, *self.shown.known(frame.scope)])
            place = {"output": "here", "step": "in the step"}.get(what, "before this one")
            if name.text in self.library.names:
                line = self.library.names[name.text].line + 1
                hint = f"it is named in line {line}: it must have run before, in the same list or one around it"
                hint += f"; inside another it has a path: block/{name.text}"
            frame.note(f"there is no layer {quoted(name.text)} {place}", hint, name)
        return found

    def named(self, text: str, frame: Frame) -> Named | None:
        """What a name refers to: a name that was given, or one that a report shows."""
        if found := frame.scope.find(text):
            return found
        self.shown.update(self.emitted, len(self.inputs))
        return self.shown.find(frame.scope, text)

    def origin(self, names: Sequence[Scalar], tensor: Tensor | None, frame: Frame) -> list[Tensor | None]:
        """The tensors that an entry starts from."""
        tensors = []
        for name in names:
            if name.text == PREVIOUS and not frame.scope.find(PREVIOUS):
                tensors.append(tensor)
            else:
                found = self.find(name, frame, "layer")
                tensors.append(found.end if found else None)
        return tensors

    def told(self, tensor: Tensor) -> str:
        """The name of the layer that a tensor comes from. It is known once all layers are there."""
        if tensor.number < len(self.inputs):
            return "the input" if len(self.inputs) == 1 else f"the input {[*self.inputs][tensor.number]}"
        scope, label, index, *_ = self.emitted[tensor.number - len(self.inputs)]
        return scope.spell(label, index)

    def later(self, problem: Callable[[], None]) -> None:
        """Keeps a problem that names layers until their names are known."""
        self.late.append(problem)
        if len(self.late) > nodes.MAX_PROBLEMS:
            self.tell_late()

    def tell_late(self) -> None:
        """Notes the problems that were kept."""
        late, self.late = self.late, []
        for problem in late:
            problem()

    def remark(self, text: str, node: Node, frame: Frame) -> None:
        """Keeps a remark on the numbers, once for each place."""
        source = frame.file.notes.source
        self.remarks[f"{source.at(node)}: {text}" if source.name else text] = None

    def count(self, node: Node, frame: Frame) -> None:
        """Counts a step of unrolling. Raises Stop when there are too many."""
        self.steps += 1
        if self.steps > self.most:
            self.too_much(node, frame)

    def too_much(self, node: Node, frame: Frame) -> None:
        """Notes that the network unrolls too far, and raises Stop."""
        message = f"the network unrolls to more than {self.most:,} layers"
        frame.file.notes.add(message, "take a smaller repeat", node, trail=frame.trail[:3])
        raise Stop

    def names(self, frame: Frame, tensor: Tensor | None) -> Mapping[str, Number]:
        """The names that expressions know here, with the sizes of a layer's own input."""
        if frame.own_input or tensor is None:
            return frame.names
        return {**frame.names, **axes_of(tensor.shape)}

    def compute(self, piece: Piece, frame: Frame, tensor: Tensor | None) -> Number | None:
        """The value of a piece that is one expression, or None and a problem."""
        (expression,) = piece.parts
        assert isinstance(expression, Expression)
        try:
            return expression(self.names(frame, tensor) if expression.names else {})
        except ExpressionError as fact:
            fact = self.no_number(fact, expression, self.names(frame, tensor), frame)
            if tensor is not None or not expression.names & AXIS_NAMES:
                frame.file.notes.expression(fact, piece, expression.text, frame.trail)
            return None

    def no_number(
        self, fact: ExpressionError, expression: Expression, names: Mapping[str, Number], frame: Frame
    ) -> ExpressionError:
        """The same mistake, with its reason where a name is that of a layer."""
        layers = sorted(name for name in expression.names - names.keys() if frame.scope.find(name))
        if not layers:
            return fact
        return ExpressionError(f"{layers[0]} is a layer here, not a number", fact.start, fact.end)

    def emit(
        self, spec: Spec, layer: Layer | Join, label: str, tensors: Sequence[Tensor], frame: Frame
    ) -> Tensor | None:
        """Adds the links of a layer to the graph; gives the output of the last."""
        shapes: Shapes = tuple([tensor.shape for tensor in tensors])
        try:
            op = linked(spec, shapes) if spec.each else build(spec.kind, spec.words, spec.options, shapes)
            if isinstance(op, Op) and len(shapes) == 1 and op.least == 1:  # most of all layers
                shape = output_of(op, shapes)
                self.emitted.append((frame.scope, label, frame.scope.take(label), op, (tensors[0].number,), shape))
                return Tensor(len(self.inputs) + len(self.emitted) - 1, shape)
            links = as_links(spec.kind, op, shapes)
            known = outputs(links, shapes)
        except Invalid as fact:
            self.misfit(fact, layer, tensors, frame)
            return None
        scope = frame.scope
        first, count = len(self.inputs) + len(self.emitted), len(tensors)
        if len(links) == 1:
            sources = tuple([tensors[source].number for source in links[0].sources])
            self.emitted.append((scope, label, scope.take(label), links[0].op, sources, known[-1]))
            return Tensor(first, known[-1])
        inner = scope.inner(label)
        end = Tensor(first + len(links) - 1, known[-1])
        inner.done = Named(end, len(self.emitted), len(self.emitted) + len(links))
        for at, link in enumerate(links):
            sources = tuple(
                [tensors[source].number if source < count else first + source - count for source in link.sources]
            )
            self.emitted.append((inner, link.name, inner.take(link.name), link.op, sources, known[count + at]))
        return end

    def misfit(self, fact: Invalid, layer: Layer | Join, tensors: Sequence[Tensor], frame: Frame) -> None:
        """Notes that a layer does not fit its inputs, under the option that is to blame."""
        node: Node = layer.node
        start, end = 0, None
        if isinstance(node, Scalar):
            at = index_of([match.group() for match in WORD.finditer(node.text)], fact.about)
            start, end = columns_of(node.text, at)
        elif layer.pieces:
            words = [piece.parts[0] if isinstance(piece.parts[0], str) else "" for piece in layer.pieces]
            node, start, end = layer.pieces[index_of(words, fact.about)][1:]
        if len(tensors) == 1 or fact.about:
            frame.note(fact.message, fact.hint, node, start, end)
            return

        def tell() -> None:
            sources = [f"{show(tensor.shape)} comes from {self.told(tensor)}" for tensor in tensors[:5]]
            frame.note(f"{fact.message}: {', '.join(sources)}", fact.hint, node, start, end)

        self.later(tell)
