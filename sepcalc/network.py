"""A network: a graph of named ops in the order in which they run, and what it costs, layer by layer."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from sepcalc.analysis.receptive_field import Reach, Stride, joined, of_input, through
from sepcalc.branches import Choice, more, renamed
from sepcalc.cost import COSTS, COUNTS, Cost, derivation, named, total
from sepcalc.errors import Problem, bad_input, near_miss, quoted
from sepcalc.ops.base import Chain, Op, Uncounted
from sepcalc.shape import Shape, Shapes, volume
from sepcalc.shown import shown
from sepcalc.spec import Spec, outputs

ELEMENT_BYTES = 4  # float32


class Origin(NamedTuple):
    """Where a node comes from, as far as its file says: the operator there, the path of the module that ran it, and the
    class of that module."""

    operator: str
    module: str | None = None
    class_name: str | None = None

    def record(self) -> dict[str, str | None]:
        """What machines read."""
        return {"operator": self.operator, "module": self.module, "class": self.class_name}


class Node(NamedTuple):
    """One op of the graph. Tensors are numbered: the network's inputs first, then the output of each node;
    ``sources`` are those that it reads. ``weights`` names weights that several nodes share, all of them; ``shared``
    is how many params of this node do not count with it, where others have counted some (tied embeddings), or fewer
    than 0 where it stores more than its op says; ``owners`` are the names of those others, with how many each counts.
    What of ``shared`` has no owner are constants: repeats of other numbers, or numbers that no one trains; ``buffers``
    are how many of these it stores besides those that its op says: a fixed kernel, a mask of pruned weights.
    ``origin`` is where it comes from, ``element_bits`` the width of an element that it gives, and ``stored_width`` the
    bytes that so many of its stored numbers take; each None where no file says so."""

    name: str
    op: Op
    sources: tuple[int, ...]
    output: Shape
    weights: str | None = None
    shared: int = 0
    owners: tuple[tuple[str, int], ...] = ()
    buffers: int = 0
    origin: Origin | None = None
    element_bits: int | None = None
    stored_width: tuple[int, int] | None = None


def size_in_bytes(elements: int, bits: int | None, element_bytes: int | None = None) -> int:
    """What a tensor of so many elements takes: at ``element_bytes`` each where these are given, else at its own width
    in bits, rounded up to whole bytes; at 4 bytes each where that is not known."""
    bits = 8 * (element_bytes or ELEMENT_BYTES) if element_bytes or bits is None else bits
    return -(-elements * bits // 8)


class Gap(NamedTuple):
    """A layer that could not be counted: the operator's name, why, and in which counts (all, if not said)."""

    name: str
    kind: str
    reason: str
    counts: tuple[str, ...] = COUNTS

    @property
    def whole(self) -> bool:
        """Whether none of its counts is known."""
        return self.counts == COUNTS

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}): {self.reason}"


def gap(name: str, op: Uncounted) -> Gap:
    """What is not known of a layer of this name."""
    return Gap(name, op.called, op.reason, op.counts)


def lacking(gaps: Iterable[Gap]) -> tuple[str, ...]:
    """The counts that are not known in full, in their order."""
    missing = {count for one in gaps for count in one.counts}
    return tuple([count for count in COUNTS if count in missing])


DRAWN = "random numbers are drawn: what drawing them takes is not known, and no arithmetic is counted for it"


class Layer(NamedTuple):
    """One row of a report: an op where it stands."""

    name: str
    op: Op
    inputs: Shapes
    output: Shape
    cost: Cost
    weights: str | None = None
    shared: int = 0  # params that it reads, but that are counted elsewhere
    fixed: int = 0  # of its buffers, those that it reads besides what its op says
    origin: Origin | None = None
    element_bits: int | None = None  # of what it gives
    input_bits: tuple[int | None, ...] = ()  # of what it reads
    stored_width: tuple[int, int] | None = None  # the bytes that so many of its stored numbers take

    def __str__(self) -> str:
        return shown(self)

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

    @property
    def stored(self) -> int:
        """The numbers that count here and are read as weights: params, and buffers that stand where params do."""
        return self.cost.params + self.fixed + (0 if self.op.writes else self.cost.buffers)

    @property
    def elsewhere(self) -> int:
        """The numbers that it reads as weights, but that are none of its params: counted elsewhere, or as buffers."""
        return max(0, self.shared, self.fixed)

    def explain(self) -> dict[str, str]:
        """How every count that is not zero came about, from the one formula that computes it."""
        counts = self.op.cost(self.inputs, self.output, named)._asdict()
        told = {name: derivation(counts[name]) for name, value in self.cost._asdict().items() if value}
        if self.fixed:
            own = f"{derivation(counts['buffers'])} + " if counts["buffers"] else ""
            told["buffers"] = f"{own}{self.fixed} stored, but not trained"
        return told

    def stored_bytes(self, element_bytes: int | None = None) -> int:
        """Bytes of what it stores: its params, or the buffers in their place; a norm's statistics are prepared into
        its scale and shift."""
        stored = self.cost.params + self.elsewhere
        if element_bytes or self.stored_width is None:
            return size_in_bytes(stored, None, element_bytes)
        size, of = self.stored_width
        return -(-stored * size // of)

    def traffic(self, element_bytes: int | None = None) -> int:
        """Bytes that it must move at least: inputs, what it stores and outputs once each; none where it only renames.
        At the widths of its file, or at 4 bytes an element; ``element_bytes`` is another width for all."""
        if not self.op.writes:
            return 0
        widths = self.input_bits or (None,) * len(self.inputs)
        read = [size_in_bytes(volume(shape), bits, element_bytes) for shape, bits in zip(self.inputs, widths)]
        written = size_in_bytes(volume(self.output), self.element_bits, element_bytes)
        return sum(read) + self.stored_bytes(element_bytes) + written


LATER_FIELDS = ("spec", "sources", "origin", "element_bits")  # of a layer, which came after the others
LAYER_FIELDS = (
    *("name", "kind", "inputs", "output", *COSTS, "effective_macs", "traffic", "receptive_field", "weights"),
    *LATER_FIELDS,
)


def _count(at: int) -> Callable[[Layer], int]:
    return lambda layer: layer.cost[at]


SUMS: Mapping[str, Callable[[Layer], int]] = {  # metrics of a network that are the sum over its layers
    **{name: _count(at) for at, name in enumerate(COSTS)},
    "flops": lambda layer: layer.cost.flops,
    "effective_macs": lambda layer: layer.effective_macs,
    "traffic": lambda layer: layer.traffic(),
}


class Network:
    """A graph of named ops with its inputs and outputs, and the report on it (computed when first asked for).

    ``inputs`` are shapes by name, ``outputs`` numbers of tensors by name. ``macs``, ``params`` and the other counts
    are those of :attr:`cost`. A network does not change: what would change it gives another one.

    ``own_notes`` are sentences that a reader of its numbers must know, ``stated_bytes`` what its weights take where its
    file says so (None: 4 bytes each), ``guesses`` what an importer had to guess and a gate must be told, ``most`` the
    metrics of which it has more where it runs otherwise than laid out here, and how much, ``choices`` where that is
    decided, and ``rewritten`` whether their other branches are as they were before. ``claimed`` is None but where
    somebody wrote the network, and says which weights are shared, constants or narrower: that is noted. It has the
    constants that products read and that are said to be no weights. ``document`` is what it was loaded from: its
    budget, and what was published of it. ``input_bits`` are the widths of the inputs' elements by name, where its file
    says so.
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
        guesses: Sequence[Problem] = (),
        most: Mapping[str, int] | None = None,
        choices: Sequence[Choice] = (),
        claimed: Collection[str] | None = None,
        rewritten: bool = False,
        document: Any = None,
        input_bits: Mapping[str, int] | None = None,
    ) -> None:
        ends = outputs or {"output": len(inputs) + len(nodes) - 1}
        self.__dict__.update(
            name=name,
            inputs=dict(inputs),
            nodes=tuple(nodes),
            ends=dict(ends),
            stated_bytes=param_bytes,
            own_notes=tuple(notes),
            guesses=tuple(guesses),
            most=dict(most or {}),
            choices=tuple(choices),
            claimed=claimed,
            rewritten=rewritten,
            document=document,
            input_bits=dict(input_bits or {}),
        )

    name: str
    inputs: dict[str, Shape]
    nodes: tuple[Node, ...]
    ends: dict[str, int]
    stated_bytes: int | None
    own_notes: tuple[str, ...]
    guesses: tuple[Problem, ...]
    most: dict[str, int]
    choices: tuple[Choice, ...]
    claimed: Collection[str] | None
    rewritten: bool
    document: Any
    input_bits: dict[str, int]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Network does not change: {name} is given when it is made")

    def _with(self, **fields: object) -> "Network":
        """A copy with other notes, guesses, widths, choices or another document. What was computed of its graph
        holds."""
        copy = object.__new__(type(self))
        copy.__dict__.update({**self.__dict__, **fields})
        copy.__dict__.pop("_claims", None)
        return copy

    def noted(self, *notes: str) -> "Network":
        """The same network with more notes."""
        return self._with(own_notes=(*self.own_notes, *notes)) if notes else self

    def guessed(self, *guesses: Problem) -> "Network":
        """The same network with what an importer had to guess of it."""
        return self._with(guesses=guesses)

    def of_document(self, document: Any) -> "Network":
        """The same network with the document that it was loaded from: its budget, and what was published of it."""
        return self._with(document=document)

    def stored_in(self, size: int, of: int) -> "Network":
        """The same network, its weights stored at the mean width of ``of`` numbers that take ``size`` bytes."""
        return self._with(stated_bytes=-(-size * self.weights // of)) if of else self

    def __str__(self) -> str:
        return shown(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a reader of its numbers must know, each once: those that it was given, that random numbers
        are drawn, what does not count because its document says so, and what it may have more."""
        return tuple(dict.fromkeys([*self.own_notes, *self._drawn, *self._claims, *self._larger]))

    @cached_property
    def _drawn(self) -> tuple[str, ...]:
        return (DRAWN,) if any(node.op.drawn for node in self.nodes) else ()

    @property
    def _larger(self) -> tuple[str, ...]:
        if not self.most:
            return ()
        numbers = ", ".join(f"{metric.replace('_', '-')} {count:,}" for metric, count in self.most.items())
        as_it_was = ", as the file has it" if self.rewritten else ""
        return (f"another branch may run that has more, in all {numbers}{as_it_was}: limits are held against these",)

    def larger(self, metric: str, covers: Callable[[str], bool]) -> int:
        """How much more of a sum over layers those whose names are covered may have than what is laid out of them."""
        return more(self.choices, self._by_name, metric, SUMS[metric], covers) if self.choices else 0

    def most_summed(self) -> dict[str, int]:
        """The metrics that are sums over layers and of which it has more where it runs otherwise, and how much."""
        found = {metric: self.larger(metric, lambda name: True) for metric in SUMS}
        return {metric: sum(map(SUMS[metric], self.layers)) + more for metric, more in found.items() if more}

    @cached_property
    def _claims(self) -> tuple[str, ...]:
        if self.claimed is None:
            return ()
        from sepcalc.claims import told

        owned = {node.name: sum(count for _, count in node.owners) for node in self.nodes if node.owners}
        owned |= {layer.name: layer.shared for layer in self.layers if layer.weights is not None}
        return told(self.layers, owned, self.claimed, self.param_bytes, self.weights * ELEMENT_BYTES)

    @cached_property
    def tensors(self) -> Shapes:
        """The shape of every tensor."""
        return (*self.inputs.values(), *[node.output for node in self.nodes])

    @cached_property
    def tensor_bits(self) -> tuple[int | None, ...]:
        """The width of the elements of every tensor, None where no file says it."""
        return (*map(self.input_bits.get, self.inputs), *[node.element_bits for node in self.nodes])

    @property
    def outputs(self) -> dict[str, Shape]:
        """The output shapes by name."""
        return {name: self.tensors[tensor] for name, tensor in self.ends.items()}

    def replaced(
        self, nodes: Sequence[Node], moved: Sequence[int], inputs: Mapping[str, Shape] | None = None
    ) -> "Network":
        """The same network with other nodes, and perhaps other inputs; ``moved`` are the new numbers of its tensors."""
        ends = {name: moved[tensor] for name, tensor in self.ends.items()}
        names = [node.name for node in nodes]
        network = Network(
            self.name,
            inputs or self.inputs,
            nodes,
            ends,
            notes=self.own_notes,
            guesses=self.guesses,
            choices=renamed(self.choices, {node.name for node in self.nodes}, names) if self.choices else (),
            claimed=self.claimed,
            rewritten=bool(self.choices),
            input_bits=self.input_bits,
        )
        if self.choices:
            network = network._with(most=network.most_summed())
        return network if self.stated_bytes is None else network.stored_in(self.stated_bytes, self.weights)

    @cached_property
    def weights(self) -> int:
        """The numbers that its layers read as weights: its params, and the buffers that stand where params do. A norm's
        statistics are none of them: they are prepared into its scale and shift."""
        return sum([layer.stored for layer in self.layers])

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """A row for each op, in order. Shared weights count where they are used first."""
        return tuple(self._rows())

    def _rows(self) -> Iterator[Layer]:
        tensors, widths, seen = self.tensors, self.tensor_bits, set[str]()
        for name, op, sources, output, weights, shared, _, fixed, origin, bits, stored in self.nodes:
            inputs = tuple([tensors[source] for source in sources])
            cost = op.cost(inputs, output)
            if weights is not None and weights in seen:
                cost, shared, fixed = cost._replace(params=0, buffers=0), cost.params, 0
            elif shared or fixed:
                cost = cost._replace(params=cost.params - shared, buffers=cost.buffers + fixed)
            if weights is not None:
                seen.add(weights)
            read = tuple([widths[source] for source in sources])
            yield Layer(name, op, inputs, output, cost, weights, shared, fixed, origin, bits, read, stored)

    @cached_property
    def cost(self) -> Cost:
        """The sum of all layers."""
        return total(layer.cost for layer in self.layers) if self.nodes else Cost()

    @cached_property
    def uncounted(self) -> tuple[Gap, ...]:
        """The layers whose cost is not known, or not all of it: these totals are incomplete."""
        return tuple([gap(node.name, node.op) for node in self.nodes if isinstance(node.op, Uncounted)])

    @property
    def complete(self) -> bool:
        """Whether every layer was counted, if perhaps not in each count."""
        return not any(one.whole for one in self.uncounted)

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The counts that some layer is not counted in."""
        return lacking(self.uncounted)

    @cached_property
    def stopped(self) -> Gap | None:
        """Where counting stopped, as nothing is known of what runs after it; None where it went on to the end."""
        gaps = [gap(node.name, node.op) for node in self.nodes if isinstance(node.op, Uncounted) and node.op.stops]
        return gaps[0] if gaps else None

    def accepted(self, allow_uncounted: bool = False) -> bool:
        """Whether its totals may be taken for the network's: every layer was counted, or whoever asks allows for some
        that were not. A network that was counted up to some place only is never accepted."""
        return self.complete or (allow_uncounted and self.stopped is None)

    @property
    def param_bytes(self) -> int:
        """Bytes that the params take, and the buffers that stand where params do, at their own widths where the
        network's file has them."""
        return self.weights * ELEMENT_BYTES if self.stated_bytes is None else self.stated_bytes

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

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The nodes' numbers by name."""
        return {node.name: at for at, node in enumerate(self.nodes)}

    @cached_property
    def owners(self) -> dict[str, int]:
        """The first node of each of the weights that several have."""
        found: dict[str, int] = {}
        for at, node in enumerate(self.nodes):
            if node.weights is not None:
                found.setdefault(node.weights, at)
        return found

    def select(self, pattern: str) -> tuple[Layer, ...]:
        """The layers whose names match a glob. Raises InputError when none does."""
        chosen = tuple([layer for layer in self.layers if matches(layer.name, pattern)])
        if not chosen:
            names = [layer.name for layer in self.layers]
            hint = near_miss(pattern, names) or f"the first layer is {quoted(names[0])}" if names else ""
            raise bad_input(f"no layer matches {quoted(pattern)}", hint)
        return chosen

    def peak_memory(self, element_bytes: int | None = None) -> int:
        """Bytes of the largest sum of live tensors while the graph runs in its order: a tensor lives from its layer
        to its last reader (inputs from the start, outputs to the end); a renamed one is the same tensor, and a constant
        lies with the weights, which are none. Widths are those of :meth:`Layer.traffic`."""
        return max(self.live(element_bytes), default=sum(self._sizes(element_bytes)))

    def live(self, element_bytes: int | None = None) -> list[int]:
        """Bytes of the tensors that live while each layer runs."""
        graph = [(node.sources, node.op.writes) for node in self.nodes]
        return live_sizes(self._sizes(element_bytes), graph, self.ends.values())

    def _sizes(self, element_bytes: int | None) -> list[int]:
        """Bytes of every tensor."""
        both = zip(self.tensors, self.tensor_bits)
        return [size_in_bytes(volume(shape), bits, element_bytes) for shape, bits in both]

    def fold_norm(self) -> "Network":
        """The same network with every batch norm that can be in the convolution before it: its kernels scaled, its
        shift a bias of theirs, its statistics no longer stored. That needs a convolution, transposed one or dense
        layer whose output nothing but the norm reads, and weights that are shared, if at all, together with the norm.
        ``notes`` say what was folded and what stayed. Params are the numbers stored of the folded network.
        Source: Jacob et al., arXiv:1712.05877, section 3.2."""
        from sepcalc.analysis.folded_norms import foldable, told

        owner, stayed = foldable(self.nodes, len(self.inputs), self.ends.values())
        biased = set(owner.values())
        numbers, nodes = list(range(len(self.inputs))), list[Node]()
        for at, node in enumerate(self.nodes):
            if at in owner:  # its tensor is the convolution's
                numbers.append(numbers[node.sources[0]])
                continue
            numbers.append(len(self.inputs) + len(nodes))
            op: Any = node.op
            op = op._replace(bias=True) if at in biased else op
            nodes.append(node._replace(op=op, sources=tuple([numbers[source] for source in node.sources])))
        return self.replaced(nodes, numbers).noted(*told(len(owner), stayed))

    def receptive_fields(self) -> list[tuple[int, ...]]:
        """For each layer, per spatial axis of the input, how many input positions an output element can depend on
        (not clipped at the input's edge; where a stride or a dilated transposed convolution meets what was scaled
        up, an estimate).
        Source: Araujo et al., "Computing Receptive Fields", Distill 2019."""
        extents = {id(reach): reach.extents for reach in {id(reach): reach for reach in self._reaches}.values()}
        return [extents[id(reach)] for reach in self._reaches]

    def reach(self, at: int) -> Reach:
        """What the output of one layer sees of the input, by the layer's number: its ``extents`` are the layer's of
        :meth:`receptive_fields`, its ``strides`` those of :meth:`strides`."""
        return self._reaches[at]

    def strides(self) -> list[tuple[Stride, ...] | None]:
        """For each layer, per spatial axis of the input, how many input positions one output step goes; None where
        the output has no positions of the input's any more."""
        return [reach.strides for reach in self._reaches]

    @cached_property
    def _reaches(self) -> list[Reach]:
        reaches = list(map(of_input, self.inputs.values()))
        tensors = self.tensors
        for node in self.nodes:
            inputs = tuple([tensors[source] for source in node.sources])
            seen = [through(reaches[source], tensors[source], node.op, inputs, node.output) for source in node.sources]
            reaches.append(seen[0] if len(seen) == 1 else joined(seen, node.op.beside(inputs), len(node.output)))
        return reaches[len(self.inputs) :]


def live_sizes(sizes: Sequence[int], graph: Sequence[tuple[Sequence[int], bool]], ends: Iterable[int]) -> list[int]:
    """How much of tensors lives while each layer runs: of the ``sizes`` that tensors have, inputs first;
    ``graph`` is what each layer reads, by number, and whether it writes a tensor of its own; ``ends`` are the outputs.
    A constant, which neither reads nor writes, lies with the weights."""
    first, sizes = len(sizes) - len(graph), list(sizes)
    owner = list(range(first))
    for at, (sources, writes) in enumerate(graph, first):
        owner.append(at if writes or not sources else owner[sources[0]])
    last = dict[int, int]()
    for at, (sources, writes) in enumerate(graph, first):
        if not (writes or sources):
            sizes[at] = 0
        last[owner[at]] = at
        for source in sources:
            last[owner[source]] = at
    end = first + len(graph)
    for tensor in ends:
        last[owner[tensor]] = end
    freed = [0] * (end + 1)
    for tensor, at in last.items():
        freed[at] += sizes[tensor]
    live = sum(sizes[tensor] for tensor in range(first) if tensor in last)
    lives = []
    for at in range(first, end):
        if owner[at] == at:
            live += sizes[at]
        lives.append(live)
        live -= freed[at]
    return lives


def of_chain(name: str, links: Chain, inputs: Shapes) -> Network:
    """The links of one layer as a network of their own."""
    names = ["input"] if len(inputs) == 1 else [f"input{at}" for at in range(len(inputs))]
    shapes = outputs(links, inputs)[len(inputs) :]
    nodes = [Node(link.name, link.op, link.sources, shape) for link, shape in zip(links, shapes)]
    return Network(name, dict(zip(names, inputs)), nodes)


def of_spec(spec: Spec) -> Network:
    """A layer spec as a network: its one op, or its links. Raises InputError when it does not fit its inputs."""
    return of_chain(spec.kind, spec.links, spec.inputs).noted(*spec.notes)


def whole(network: Network, element_bytes: int | None = None, spec: str | None = None) -> dict[str, Any]:
    """A network's links as the fields of one LAYER: counts and traffic added up, the field that the last one sees;
    ``spec`` is the line that it was made of, where there is one and it has several links."""
    from sepcalc.to_spec import line_of  # not before a machine asks

    layers = network.layers
    alone = len(layers) == 1
    return {
        "name": network.name,
        "kind": layers[0].kind if alone else network.name,
        "inputs": tuple(network.inputs.values()),
        "output": layers[-1].output,
        **network.cost._asdict(),
        "effective_macs": sum(layer.effective_macs for layer in layers),
        "traffic": sum(layer.traffic(element_bytes) for layer in layers),
        "receptive_field": network.receptive_fields()[-1],
        "weights": None,
        "spec": spec or (line_of(layers[0].op, layers[0].inputs, layers[0].output) if alone else None),
        "sources": tuple(network.inputs),
        "origin": None,
        "element_bits": layers[-1].element_bits,
    }


def matches(name: str, pattern: str) -> bool:
    """Whether a glob is about this layer; ``[2]`` in it is the index of a name, not a set of characters."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def records(network: Network, element_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """Every layer as the fields of LAYER that machines read, in their order: ``spec`` is the layer as one line that
    parses back to it (None where there is none), ``sources`` are the names of the inputs and layers that it reads,
    ``origin`` and ``element_bits`` what its file says of it."""
    from sepcalc.to_spec import line_of  # not before a machine asks

    names = (*network.inputs, *[node.name for node in network.nodes])
    lines: dict[tuple[type[Op], Op, Shapes], str | None] = {}
    for layer, node, field in zip(network.layers, network.nodes, network.receptive_fields()):
        op, inputs, output = layer.op, layer.inputs, layer.output
        key = (type(op), op, inputs)
        if key not in lines or op.holds:  # ops are tuples: what is in one may be equal to what is of another type
            lines[key] = line_of(op, inputs, output)
        yield {
            "name": layer.name,
            "kind": layer.kind,
            "inputs": inputs,
            "output": output,
            **layer.cost._asdict(),
            "effective_macs": layer.effective_macs,
            "traffic": layer.traffic(element_bytes),
            "receptive_field": field,
            "weights": layer.weights,
            "spec": lines[key],
            "sources": tuple([names[source] for source in node.sources]),
            "origin": layer.origin.record() if layer.origin else None,
            "element_bits": layer.element_bits,
        }


def within(name: str, network: Network, element_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """The same of a layer's links, called by the layer's name and their own."""
    for row in records(network, element_bytes):
        sources = [source if source in network.inputs else f"{name}/{source}" for source in row["sources"]]
        yield {**row, "name": f"{name}/{row['name']}", "sources": tuple(sources)}


class Share(NamedTuple):
    """A group of layers and what they cost together; ``members`` are their numbers."""

    name: str
    layers: int
    cost: Cost
    members: tuple[int, ...] = ()


def by_kind(layers: Iterable[Layer]) -> list[Share]:
    """The layers grouped by kind, in the order of their first appearance."""
    return _grouped((layer.kind, layer.cost) for layer in layers)


def by_block(layers: Iterable[Layer]) -> list[Share]:
    """The layers grouped by the first part of their path, in the order of their first appearance."""
    return _grouped((layer.name.lstrip("/").partition("/")[0], layer.cost) for layer in layers)


def _grouped(costs: Iterable[tuple[str, Cost]]) -> list[Share]:
    groups: dict[str, list[tuple[int, Cost]]] = {}
    for at, (name, cost) in enumerate(costs):
        groups.setdefault(name, []).append((at, cost))
    return [
        Share(name, len(group), total(cost for _, cost in group), tuple([at for at, _ in group]))
        for name, group in groups.items()
    ]
