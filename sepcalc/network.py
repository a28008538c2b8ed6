"""A network: a graph of named ops in the order in which they run, and what it costs, layer by layer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from sepcalc.cost import COSTS, Cost, derivation, named, total
from sepcalc.errors import InputError, Problem, near_miss, quoted
from sepcalc.ops.base import Op, Uncounted, Window
from sepcalc.rewrite import Chain
from sepcalc.shape import Shape, Shapes, volume
from sepcalc.spec import Spec, outputs

ELEMENT_BYTES = 4  # float32


class Node(NamedTuple):
    """One op of the graph. Tensors are numbered: the network's inputs first, then the output of each node;
    ``sources`` are those that it reads. ``weights`` names weights that several nodes share, all of them; ``shared``
    is how many params of this node earlier nodes have counted already, where it shares some (tied embeddings)."""

    name: str
    op: Op
    sources: tuple[int, ...]
    output: Shape
    weights: str | None = None
    shared: int = 0


class Gap(NamedTuple):
    """A layer that could not be counted: the operator's name, and why."""

    name: str
    kind: str
    reason: str


class Step(NamedTuple):
    """A way back from a tensor towards the input, along one axis: ``count`` neighbours see
    ceil(((count - 1)·stride + offset) / upscale) + span positions. Windows after one another are one step; only what
    scales up begins another, as its neighbours may lie on either side of an input position's border."""

    stride: int = 1
    offset: int = 0
    upscale: int = 1
    span: int = 1


class Reach(NamedTuple):
    """What part of the network's input a tensor's elements see, per spatial axis of that input: where ``steps`` lead
    back to (None once positions are lost), and what any element sees, ``whole`` positions."""

    whole: tuple[int, ...]
    steps: tuple[tuple[Step, ...], ...] | None

    @property
    def extents(self) -> tuple[int, ...]:
        """Input positions that one element sees."""
        if self.steps is None:
            return self.whole
        return tuple([max(whole, _seen(steps, 1)) for whole, steps in zip(self.whole, self.steps)])


class Layer(NamedTuple):
    """One row of a report: an op where it stands."""

    name: str
    op: Op
    inputs: Shapes
    output: Shape
    cost: Cost
    weights: str | None = None

    @property
    def kind(self) -> str:
        """What it is, however it was written."""
        return self.op.kind(self.inputs)

    @property
    def detail(self) -> str:
        """Its settings in a few words."""
        return self.op.detail(self.inputs)

    @property
    def effective_macs(self) -> int:
        """Macs whose input element is not padding."""
        return self.op.effective_macs(self.inputs, self.output, self.cost.macs)

    def explain(self) -> dict[str, str]:
        """How every count that is not zero came about, from the one formula that computes it."""
        counts = self.op.cost(self.inputs, self.output, named)._asdict()
        return {name: derivation(counts[name]) for name, value in self.cost._asdict().items() if value}

    def traffic(self, element_bytes: int = ELEMENT_BYTES) -> int:
        """Bytes that it must move at least: inputs, params and outputs once each; none where it only renames."""
        if not self.op.writes:
            return 0
        moved = sum(map(volume, self.inputs)) + self.cost.params + volume(self.output)
        return moved * element_bytes


LAYER_FIELDS = ("name", "kind", "inputs", "output", *COSTS, "effective_macs", "traffic", "receptive_field", "weights")


class Network:
    """A graph of named ops with its inputs and outputs, and the report on it (computed when first asked for).

    ``inputs`` are shapes by name, ``outputs`` numbers of tensors by name. ``macs``, ``params`` and the other counts
    are those of :attr:`cost`. ``param_bytes`` is what its params take where its file says so (None: 4 bytes each),
    ``notes`` are sentences that a reader of its numbers must know.
    """

    def __init__(
        self,
        name: str,
        inputs: Mapping[str, Shape],
        nodes: Sequence[Node],
        outputs: Mapping[str, int] | None = None,
        *,
        param_bytes: int | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.inputs = dict(inputs)
        self.nodes = tuple(nodes)
        self.notes = tuple(notes)
        self._param_bytes = param_bytes
        self._outputs = dict(outputs) if outputs else {"output": len(self.inputs) + len(self.nodes) - 1}

    @cached_property
    def tensors(self) -> Shapes:
        """The shape of every tensor."""
        return (*self.inputs.values(), *[node.output for node in self.nodes])

    @property
    def outputs(self) -> dict[str, Shape]:
        """The output shapes by name."""
        return {name: self.tensors[tensor] for name, tensor in self._outputs.items()}

    @property
    def ends(self) -> dict[str, int]:
        """The numbers of the output tensors by name."""
        return dict(self._outputs)

    def replaced(
        self, nodes: Sequence[Node], moved: Sequence[int], inputs: Mapping[str, Shape] | None = None
    ) -> "Network":
        """This network with other nodes, and perhaps other inputs; ``moved`` are the new numbers of its tensors."""
        ends = {name: moved[tensor] for name, tensor in self._outputs.items()}
        return Network(self.name, inputs or self.inputs, nodes, ends, notes=self.notes)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """A row for each op, in order. Shared weights count where they are used first."""
        tensors, seen = self.tensors, set[str]()
        layers = []
        for name, op, sources, output, weights, shared in self.nodes:
            inputs = tuple([tensors[source] for source in sources])
            cost = op.cost(inputs, output)
            if weights is not None:
                if weights in seen:
                    cost = cost._replace(params=0, buffers=0)
                seen.add(weights)
            if shared:
                cost = cost._replace(params=cost.params - shared)
            layers.append(Layer(name, op, inputs, output, cost, weights))
        return tuple(layers)

    @cached_property
    def cost(self) -> Cost:
        """The sum of all layers."""
        return total(layer.cost for layer in self.layers) if self.nodes else Cost()

    @cached_property
    def uncounted(self) -> tuple[Gap, ...]:
        """The layers whose cost is not known: with any of them, the totals are incomplete."""
        return tuple([Gap(node.name, *node.op[:2]) for node in self.nodes if isinstance(node.op, Uncounted)])

    @property
    def complete(self) -> bool:
        """Whether every layer was counted."""
        return not self.uncounted

    @property
    def param_bytes(self) -> int:
        """Bytes that the params take, at their own widths where the network's file has them."""
        return self.params * ELEMENT_BYTES if self._param_bytes is None else self._param_bytes

    @property
    def macs(self) -> int:
        return self.cost.macs

    @property
    def params(self) -> int:
        return self.cost.params

    @property
    def flops(self) -> int:
        """mults + adds + divs."""
        return self.cost.flops

    def __getitem__(self, name: str) -> Layer:
        """The layer of this name. Raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    def select(self, pattern: str) -> tuple[Layer, ...]:
        """The layers whose names match a glob. Raises InputError when none does."""
        chosen = tuple([layer for layer in self.layers if matches(layer.name, pattern)])
        if not chosen:
            names = [layer.name for layer in self.layers]
            hint = near_miss(pattern, names) or f"the first layer is {quoted(names[0])}" if names else ""
            raise InputError([Problem(f"no layer matches {quoted(pattern)}", hint)])
        return chosen

    def peak_memory(self, element_bytes: int = ELEMENT_BYTES) -> int:
        """Bytes of the largest sum of live tensors while the graph runs in its order: a tensor lives from its layer
        to its last reader (inputs from the start, outputs to the end); a renamed one is the same tensor."""
        first = len(self.inputs)
        owner = list(range(first))
        for at, node in enumerate(self.nodes, first):
            owner.append(at if node.op.writes else owner[node.sources[0]])
        last = dict[int, int]()
        for at, node in enumerate(self.nodes, first):
            last[owner[at]] = at
            for source in node.sources:
                last[owner[source]] = at
        end = first + len(self.nodes)
        for tensor in self._outputs.values():
            last[owner[tensor]] = end
        sizes = list(map(volume, self.tensors))
        ends: dict[int, list[int]] = {}
        for tensor, at in last.items():
            ends.setdefault(at, []).append(tensor)
        live = sum(sizes[tensor] for tensor in range(first) if tensor in last)
        peak = live
        for at in range(first, end):
            if owner[at] == at:
                live += sizes[at]
                peak = max(peak, live)
            live -= sum(sizes[tensor] for tensor in ends.get(at, ()))
        return peak * element_bytes

    def receptive_fields(self) -> list[tuple[int, ...]]:
        """For each layer, per spatial axis of the input, how many input positions an output element can depend on
        (not clipped at the input's edge; where a stride or a dilated transposed convolution meets what was scaled
        up, an estimate).
        Source: Araujo et al., "Computing Receptive Fields", Distill 2019."""
        ranks = [len(shape) - 1 for shape in self.inputs.values()]
        reaches = [Reach((1,) * rank, ((Step(),),) * rank) for rank in ranks]
        tensors = self.tensors
        for node in self.nodes:
            inputs = tuple([tensors[source] for source in node.sources])
            windows = node.op.windows(inputs, node.output)
            seen = [_through(reaches[source], tensors[source], windows) for source in node.sources]
            reaches.append(seen[0] if len(seen) == 1 else _joined(seen))
        return [reach.extents for reach in reaches[len(self.inputs) :]]


def of_chain(name: str, links: Chain, inputs: Shapes) -> Network:
    """The links of one layer as a network of their own."""
    names = ["input"] if len(inputs) == 1 else [f"input{at}" for at in range(len(inputs))]
    shapes = outputs(links, inputs)[len(inputs) :]
    nodes = [Node(link.name, link.op, link.sources, shape) for link, shape in zip(links, shapes, strict=True)]
    return Network(name, dict(zip(names, inputs, strict=True)), nodes)


def of_spec(spec: Spec) -> Network:
    """A layer spec as a network: its one op, or its links. Raises InputError when it does not fit its inputs."""
    return of_chain(spec.kind, spec.links, spec.inputs)


def whole(network: Network, element_bytes: int = ELEMENT_BYTES) -> dict[str, Any]:
    """A network's links as the fields of one LAYER: counts and traffic added up, the field that the last one sees."""
    layers = network.layers
    return {
        "name": network.name,
        "kind": layers[0].kind if len(layers) == 1 else network.name,
        "inputs": tuple(network.inputs.values()),
        "output": layers[-1].output,
        **network.cost._asdict(),
        "effective_macs": sum(layer.effective_macs for layer in layers),
        "traffic": sum(layer.traffic(element_bytes) for layer in layers),
        "receptive_field": network.receptive_fields()[-1],
        "weights": None,
    }


def matches(name: str, pattern: str) -> bool:
    """Whether a glob is about this layer; ``[2]`` in it is the index of a name, not a set of characters."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def records(network: Network, element_bytes: int = ELEMENT_BYTES) -> Iterator[dict[str, Any]]:
    """Every layer as the fields of LAYER that machines read, in their order."""
    for layer, field in zip(network.layers, network.receptive_fields(), strict=True):
        yield record(layer, field, element_bytes)


def record(layer: Layer, receptive_field: tuple[int, ...], element_bytes: int = ELEMENT_BYTES) -> dict[str, Any]:
    """One layer as the fields of LAYER."""
    return {
        "name": layer.name,
        "kind": layer.kind,
        "inputs": layer.inputs,
        "output": layer.output,
        **layer.cost._asdict(),
        "effective_macs": layer.effective_macs,
        "traffic": layer.traffic(element_bytes),
        "receptive_field": receptive_field,
        "weights": layer.weights,
    }


class Share(NamedTuple):
    """A group of layers and what they cost together."""

    name: str
    layers: int
    cost: Cost


def by_kind(layers: Iterable[Layer]) -> list[Share]:
    """The layers grouped by kind, in the order of their first appearance."""
    groups: dict[str, list[Cost]] = {}
    for layer in layers:
        groups.setdefault(layer.kind, []).append(layer.cost)
    return [Share(kind, len(costs), total(costs)) for kind, costs in groups.items()]


def _through(reach: Reach, shape: Shape, windows: Sequence[Window] | None) -> Reach:
    """What the output of an op sees, given what its input does."""
    if windows == () or reach.steps is None:
        return reach
    if windows is None or len(windows) != len(reach.steps):
        return Reach(tuple([_seen(steps, size) for steps, size in zip(reach.steps, shape)]), None)
    return Reach(reach.whole, tuple([_back(steps, window) for steps, window in zip(reach.steps, windows)]))


def _back(steps: tuple[Step, ...], window: Window) -> tuple[Step, ...]:
    """The way back from behind a window."""
    if window.upscale > 1:
        return (*steps, Step(window.stride, 0, window.upscale, window.span))
    stride, offset, upscale, span = steps[-1]
    return (*steps[:-1], Step(stride * window.stride, offset + (window.span - 1) * stride, upscale, span))


def _seen(steps: tuple[Step, ...], count: int) -> int:
    """Input positions that so many neighbours see."""
    for stride, offset, upscale, span in reversed(steps):
        count = -(-((count - 1) * stride + offset) // upscale) + span
    return count


def _joined(reaches: Sequence[Reach]) -> Reach:
    """What the result of several inputs sees: the most that any of them does."""
    axes = max(len(reach.whole) for reach in reaches)
    widest = [reach for reach in reaches if len(reach.whole) == axes]
    whole = tuple([max(sizes) for sizes in zip(*[reach.whole for reach in widest], strict=True)])
    ways = [reach.steps for reach in widest if reach.steps is not None]
    if not ways:
        return Reach(whole, None)
    return Reach(whole, tuple([max(axis, key=lambda steps: _seen(steps, 1)) for axis in zip(*ways, strict=True)]))
