"""A network: a graph of named ops in the order in which they run, and its cost per layer."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from sepcalc.analysis.live_memory import live_sizes, live_tensors
from sepcalc.analysis.receptive_field import Reach, Stride, reached
from sepcalc.branches import Choice, more, renamed
from sepcalc.cost import Cost, total
from sepcalc.errors import Problem, bad_input, near_miss, quoted
from sepcalc.layer import ELEMENT_BYTES, Gap, gap, lacking, size_in_bytes
from sepcalc.layer import SUMS as SUMS
from sepcalc.layer import Layer as Layer
from sepcalc.layer import Node as Node
from sepcalc.layer import Origin as Origin
from sepcalc.ops.base import Chain, Uncounted
from sepcalc.shape import Shape, Shapes, volume
from sepcalc.shown import missing, shown, telling
from sepcalc.spec import Spec, outputs

DRAWN = "random numbers are drawn: the cost of drawing them is not known and not counted"


@telling
class Network:
    """An immutable graph of named ops, and its cost. Everything is computed on first use.

    ``inputs`` are shapes by name (channels last, no batch), ``outputs`` numbers of tensors by name. ``macs``,
    ``params`` and the other counts are those of :attr:`cost`: exact integers for one example.

    - ``own_notes``: sentences that a reader of its numbers must know.
    - ``stated_bytes``: the bytes of its weights, if its file states them (None: 4 bytes each).
    - ``guesses``: what an importer had to guess. A gate asks about these.
    - ``choices``: where one of several branches runs. ``most``: the metrics that are larger with other branches, and
      their largest totals. ``rewritten``: a rewrite left the branches outside the network unchanged.
    - ``claimed``: None for a network that was not written by hand. Else the names of the constants that a product reads
      and that the document declares not to be weights; a note tells of them.
    - ``document``: the document that it was loaded from, with its budget and its published numbers.
    - ``input_bits``: the element widths of the inputs in bits, by name, if its file states them.
    - ``file_size``: the bytes of its file, None without a file.
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
        file_size: int | None = None,
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
            file_size=file_size,
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
    file_size: int | None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Network does not change: {name} is given when it is made")

    def _with(self, **fields: object) -> "Network":
        """A copy with other values of these fields, which keeps what was computed from the graph."""
        copy = object.__new__(type(self))
        copy.__dict__.update({**self.__dict__, **fields})
        copy.__dict__.pop("_claims", None)
        return copy

    def noted(self, *notes: str) -> "Network":
        """The same network with more notes."""
        return self._with(own_notes=(*self.own_notes, *notes)) if notes else self

    def guessed(self, *guesses: Problem) -> "Network":
        """The same network with guesses of an importer added."""
        return self._with(guesses=guesses)

    def of_document(self, document: Any) -> "Network":
        """The same network with the document that it was loaded from: its budget, and its published numbers."""
        return self._with(document=document)

    def of_file(self, size: int) -> "Network":
        """The same network with the size in bytes of its file."""
        return self._with(file_size=size)

    def stored_in(self, size: int, of: int) -> "Network":
        """The same network, with its weights stored at the mean width of ``of`` numbers in ``size`` bytes."""
        return self._with(stated_bytes=-(-size * self.weights // of)) if of else self

    def __str__(self) -> str:
        return shown(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a reader of its numbers must know, each once: its own, then those on random numbers, on what
        its document excludes from counts, and on larger totals with other branches."""
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
        return (f"another branch may run and cost more, in total {numbers}{as_it_was}: limits apply to these totals",)

    def larger(self, metric: str, covers: Callable[[str], bool]) -> int:
        """How much a metric of the layers with covered names can grow when other branches run. The metric must be a sum
        over layers."""
        return more(self.choices, self._by_name, metric, SUMS[metric], covers) if self.choices else 0

    def most_summed(self) -> dict[str, int]:
        """The largest total of every metric that is a sum over layers and larger with other branches."""
        found = {metric: self.larger(metric, lambda name: True) for metric in SUMS}
        return {metric: sum(map(SUMS[metric], self.layers)) + more for metric, more in found.items() if more}

    @cached_property
    def _claims(self) -> tuple[str, ...]:
        if self.claimed is None:
            return ()
        from sepcalc.claims import claim_notes, may_claim  # only a network that was written by hand has any

        if not (self.stated_bytes or any(map(may_claim, self.nodes))):
            return ()
        owned = {node.name: sum(count for _, count in node.owners) for node in self.nodes if node.owners}
        owned |= {layer.name: layer.shared for layer in self.layers if layer.weights is not None}
        return claim_notes(self.layers, owned, self.claimed, self.param_bytes, self.weights * ELEMENT_BYTES)

    @cached_property
    def tensors(self) -> Shapes:
        """The shape of every tensor."""
        return (*self.inputs.values(), *[node.output for node in self.nodes])

    @cached_property
    def tensor_bits(self) -> tuple[int | None, ...]:
        """The element width of every tensor in bits; None if no file states it."""
        return (*map(self.input_bits.get, self.inputs), *[node.element_bits for node in self.nodes])

    @property
    def outputs(self) -> dict[str, Shape]:
        """The output shapes by name."""
        return {name: self.tensors[tensor] for name, tensor in self.ends.items()}

    def replaced(
        self, nodes: Sequence[Node], moved: Sequence[int], inputs: Mapping[str, Shape] | None = None
    ) -> "Network":
        """The same network with other nodes, and with other inputs if given. ``moved`` are the new numbers of its
        tensors, in their old order."""
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
            file_size=self.file_size,
        )
        if self.choices:
            network = network._with(most=network.most_summed())
        return network if self.stated_bytes is None else network.stored_in(self.stated_bytes, self.weights)

    @cached_property
    def weights(self) -> int:
        """The number of stored numbers that its layers read as weights: its params, and the buffers in place of params.
        The statistics of a norm do not count: they are part of its prepared scale and shift."""
        return sum([layer.stored for layer in self.layers])

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """A row for each op, in order. Shared weights count in the first layer that uses them."""
        return tuple(self._rows())

    def _rows(self) -> Iterator[Layer]:
        tensors, widths, seen = self.tensors, self.tensor_bits, set[str]()
        for name, op, sources, output, weights, shared, _, fixed, origin, bits, stored, zeros in self.nodes:
            inputs = tuple([tensors[source] for source in sources])
            cost = op.cost(inputs, output)
            if weights is not None and weights in seen:
                cost, shared, fixed = cost._replace(params=0, buffers=0), cost.params, 0
            elif shared or fixed:
                cost = cost._replace(params=cost.params - shared, buffers=cost.buffers + fixed)
            if weights is not None:
                seen.add(weights)
            read = tuple([widths[source] for source in sources])
            yield Layer(name, op, inputs, output, cost, weights, shared, fixed, origin, bits, read, stored, zeros)

    @cached_property
    def cost(self) -> Cost:
        """The sum of all layers."""
        return total(layer.cost for layer in self.layers) if self.nodes else Cost()

    @cached_property
    def uncounted(self) -> tuple[Gap, ...]:
        """The layers whose cost is not known, or known only in part."""
        return tuple([gap(node.name, node.op) for node in self.nodes if isinstance(node.op, Uncounted)])

    @property
    def complete(self) -> bool:
        """Whether every layer was counted, at least in some counts."""
        return not any(one.whole for one in self.uncounted)

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The counts that are missing for some layer."""
        return lacking(self.uncounted)

    @cached_property
    def stopped(self) -> Gap | None:
        """The layer at which counting stopped, because nothing is known of what runs after it. None if it did not
        stop."""
        gaps = [gap(node.name, node.op) for node in self.nodes if isinstance(node.op, Uncounted) and node.op.stops]
        return gaps[0] if gaps else None

    def accepted(self, allow_uncounted: bool = False) -> bool:
        """Whether its totals cover the whole network: every layer was counted, or ``allow_uncounted`` accepts gaps. A
        network in which counting stopped is never accepted."""
        return self.complete or (allow_uncounted and self.stopped is None)

    @property
    def param_bytes(self) -> int:
        """Bytes of the params, and of the buffers in place of params: at the file's own widths, else at 4 bytes
        each."""
        return self.weights * ELEMENT_BYTES if self.stated_bytes is None else self.stated_bytes

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers, for one example."""
        return self.cost.macs

    @property
    def params(self) -> int:
        """The number of trained numbers. A weight that several layers share counts once."""
        return self.cost.params

    @property
    def flops(self) -> int:
        """mults + adds + divs."""
        return self.cost.flops

    def __getitem__(self, name: str) -> Layer:
        """The layer of this name, or the one layer whose name ends with it: ``net["stage[1]/conv"]``. Raises
        KeyError."""
        if not isinstance(name, str):
            raise missing("layer", name, self._by_name)
        if name in self._by_name:
            return self._by_name[name]
        ends = [known for known in self._by_name if known.endswith(f"/{name}")]
        if len(ends) == 1:
            return self._by_name[ends[0]]
        if ends:
            raise KeyError(f"{len(ends)} layers end with {name!r}: {', '.join(ends[:20])}")
        raise missing("layer", name, self._by_name)

    def summary(self) -> None:
        """Print the table that ``sepcalc network`` prints; ``str(net)`` is its text."""
        print(self)  # noqa: T201 # this is what whoever calls it asks for

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The numbers of the nodes by name."""
        return {node.name: at for at, node in enumerate(self.nodes)}

    @cached_property
    def owners(self) -> dict[str, int]:
        """The first node of each set of shared weights."""
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
        """Bytes of the largest sum of live tensors, while the graph runs in its order.

        A tensor lives from its layer to its last reader; an input lives from the start, an output to the end. A renamed
        tensor is the same tensor. Weights and constants are not counted. Elements have the widths that
        :meth:`Layer.traffic` takes."""
        return max(self.live(element_bytes), default=sum(self._sizes(element_bytes)))

    def live(self, element_bytes: int | None = None) -> list[int]:
        """Bytes of the live tensors while each layer runs."""
        graph = [(node.sources, node.op.writes) for node in self.nodes]
        return live_sizes(self._sizes(element_bytes), graph, self.ends.values())

    def live_at(self, layer: int) -> list[int]:
        """The numbers of the tensors that are live while a layer runs, the inputs' first."""
        graph = [(node.sources, node.op.writes) for node in self.nodes]
        return live_tensors(len(self.inputs), graph, self.ends.values(), layer)

    def _sizes(self, element_bytes: int | None) -> list[int]:
        """Bytes of every tensor."""
        both = zip(self.tensors, self.tensor_bits)
        return [size_in_bytes(volume(shape), bits, element_bytes) for shape, bits in both]

    def fold_norm(self) -> "Network":
        """The same network with batch norms folded into the convolution before them: its kernels are scaled, the shift
        becomes its bias, the statistics are no longer stored. A norm folds if it is the only reader of a convolution,
        transposed convolution or dense layer whose weights are not shared, or shared only together with the norm.
        ``notes`` tell what was folded and what stayed. Params are those of the folded network. Source: Jacob et al.,
        arXiv:1712.05877, section 3.2."""
        from sepcalc.analysis.folded_norms import folded

        nodes, numbers, notes = folded(self.nodes, len(self.inputs), self.ends.values())
        return self.replaced(nodes, numbers).noted(*notes)

    def receptive_fields(self) -> list[tuple[int, ...]]:
        """For each layer, per spatial axis of the input, the number of input positions that an output element can
        depend on. It is not clipped at the input's edge, and it is an estimate if a stride or a dilated transposed
        convolution follows an upscaling. Source: Araujo et al., "Computing Receptive Fields", Distill 2019."""
        extents = {id(reach): reach.extents for reach in {id(reach): reach for reach in self.reaches}.values()}
        return [extents[id(reach)] for reach in self.reaches]

    def strides(self) -> list[tuple[Stride, ...] | None]:
        """For each layer, per spatial axis of the input, the number of input positions per output step; None if the
        output no longer has the input's positions."""
        return [reach.strides for reach in self.reaches]

    @cached_property
    def reaches(self) -> list[Reach]:
        """For each layer, the input positions that its output depends on. ``extents`` are the layer's entry in
        :meth:`receptive_fields`, ``strides`` that in :meth:`strides`."""
        layers = [(node.op, node.sources, node.output) for node in self.nodes]
        return reached(tuple(self.inputs.values()), layers)


def of_chain(name: str, links: Chain, inputs: Shapes) -> Network:
    """The links of one layer as a network."""
    names = ["input"] if len(inputs) == 1 else [f"input{at}" for at in range(len(inputs))]
    shapes = outputs(links, inputs)[len(inputs) :]
    nodes = [Node(link.name, link.op, link.sources, shape) for link, shape in zip(links, shapes)]
    return Network(name, dict(zip(names, inputs)), nodes)


def of_spec(spec: Spec) -> Network:
    """A layer spec as a network: its one op, or its links. Raises InputError if it does not fit its inputs."""
    return of_chain(spec.kind, spec.links, spec.inputs).noted(*spec.notes)


def matches(name: str, pattern: str) -> bool:
    """Whether a glob matches this layer; ``[2]`` in it is the index of a name, not a set of characters."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))
