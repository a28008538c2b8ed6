"""What convolutions and networks take in real engines, beside what they cost: a measurement, never a prediction."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.layer import Node
from sepcalc.network import Network, of_spec
from sepcalc.ops.move import Embedding
from sepcalc.shown import shown, telling
from sepcalc.spec import parse
from sepcalc.timing.apart import Worker, started
from sepcalc.timing.engines import ENGINES
from sepcalc.timing.loop import Clock, Progress, Run, Seconds, Subject, measured
from sepcalc.timing.machine import Machine
from sepcalc.timing.parts import Part, parts

COPIES = 5  # of a variant in a stack
MOST_BYTES = 2**29  # of the weights of a stack
MOST_ELEMENTS = 2 * 10**7  # that the layers of a stack write, where two copies do not write more
PROFILED = 20  # runs of a profile


class Row(NamedTuple):
    """What one network takes in one engine. ``macs`` are for one example. ``copies`` is the size of the stack whose
    slope was taken, 1 where the network ran alone. ``ratio`` is relative to the engine's first row."""

    name: str
    engine: str
    macs: int
    seconds: Seconds
    copies: int
    macs_per_second: float
    ratio: Mapping[str, float]


class Profile(NamedTuple):
    """What the parts of a network take by the engine's own profile. ``between`` are seconds that belong to no layer:
    the engine turns tensors into other layouts."""

    name: str
    engine: str
    parts: tuple[Part, ...]
    between: float

    @property
    def seconds(self) -> float:
        """All of it together."""
        return sum(part.seconds for part in self.parts) + self.between


@telling
class Timed(NamedTuple):
    """Measured times, of the variants of a layer ``spec`` or of networks. ``engines`` are versions by name, ``floors``
    what an empty network took where it was subtracted, ``busy`` the part of the time in which the engines had a
    core."""

    subject: str
    spec: bool
    rows: tuple[Row, ...]
    profiles: tuple[Profile, ...]
    engines: Mapping[str, str]
    machine: Machine
    threads: int
    batch: int
    on: str
    spread: float
    limit: float
    busy: float
    floors: Mapping[str, float] = {}
    notes: tuple[str, ...] = ()
    not_applicable: Mapping[str, str] = {}

    def __str__(self) -> str:
        return shown(self)


class Settings(NamedTuple):
    """How to measure. ``limit`` are the seconds that it may take, ``spread`` that of the medians, as a part of them."""

    engines: Sequence[str] = ("onnxruntime",)
    threads: int = 1
    batch: int = 1
    on: str = "cpu"
    limit: float = 20.0
    spread: float = 0.03
    floor: bool = False
    seed: int = 0


def checked(settings: Settings) -> Settings:
    """The same settings. Raises InputError for those that are not possible."""
    for name in settings.engines:
        if name not in ENGINES:
            raise bad_input(f"unknown engine {quoted(name)}: expected {', '.join(ENGINES)}", near_miss(name, ENGINES))
        if lacks := ENGINES[name].lacks:
            raise bad_input(f"{name} cannot time this: {lacks}", "--engine onnxruntime")
    if not settings.engines:
        raise bad_input(f"no engine: expected {', '.join(ENGINES)}")
    for what, value in (("threads", settings.threads), ("batch", settings.batch)):
        if value < 1:
            raise bad_input(f"{what} is {value}: expected a whole number from 1")
    if not 0 < settings.limit <= 86_400:
        raise bad_input(f"the time to measure is {settings.limit:g} s: expected more than 0, at most a day")
    return settings._replace(engines=tuple(dict.fromkeys(settings.engines)))


def timed(
    subject: str,
    networks: Mapping[str, Network],
    settings: Settings,
    machine: Machine,
    clock: Clock,
    *,
    spec: bool,
    progress: Progress | None = None,
) -> Timed:
    """The times of networks by name, all of them in turn in every engine. Variants of a ``spec``
    whose input and output have one shape are timed by the slope between one copy and several; networks also by layer,
    where an engine has a profile. Raises InputError where a network cannot be run."""
    with ExitStack() as running:
        workers = [
            running.enter_context(started(ENGINES[name], settings.threads, settings.on)) for name in settings.engines
        ]
        runs: list[Run] = []
        subjects: list[Subject] = []
        models = {name: Model(network, settings.seed) for name, network in networks.items()}
        stacks = {name: stack for name, network in networks.items() if spec and (stack := _stack(network))}
        larger = {name: Model(network, settings.seed) for name, (network, _) in stacks.items()}
        numbers = dict[tuple[str, str], int]()
        for worker in workers:
            for name, model in models.items():
                numbers[name, worker.engine.name] = number = model.load(worker, settings.batch)
                runs.append(worker.runner(number))
                subjects.append(Subject(len(runs) - 1))
                if name in larger:
                    runs.append(worker.runner(larger[name].load(worker, settings.batch)))
                    subjects[-1] = Subject(len(runs) - 2, len(runs) - 1, stacks[name][1])
        if settings.floor:
            empty = Model(of_spec(parse("1 identity")), settings.seed)
            for worker in workers:
                runs.append(worker.runner(empty.load(worker, settings.batch)))
                subjects.append(Subject(len(runs) - 1))
        found = measured(runs, subjects, clock, settings.limit, settings.spread, progress)
        floors = {}
        if settings.floor:
            floors = {name: one.median for name, one in zip(settings.engines, found[-len(workers) :])}
        names = [(name, worker.engine.name) for worker in workers for name in networks]
        rows = _rows(names, networks, subjects, found, floors, settings.batch)
        profiles = []
        for worker in () if spec else workers:
            if worker.engine.profiles:
                for name, network in networks.items():
                    told = worker.profile(numbers[name, worker.engine.name], PROFILED)
                    profiles.append(Profile(name, worker.engine.name, *parts(network, told)))
        busy = sum(worker.busy for worker in workers) / sum(worker.spent for worker in workers)
        versions = {worker.engine.name: worker.version for worker in workers}
    return Timed(
        subject, spec, rows, tuple(profiles), versions, machine, settings.threads, settings.batch, settings.on,
        settings.spread, settings.limit, busy, floors,
    )  # fmt: skip


class Model:
    """A network as an engine loads it."""

    def __init__(self, network: Network, seed: int) -> None:
        from sepcalc.exporters.onnx import export
        from sepcalc.exporters.protobuf import made

        self.data = b"".join(made(export(network, "random", seed)))
        self.seed = seed
        self.below = _tables(network)

    def load(self, worker: Worker, batch: int) -> int:
        """Its number in the process of an engine."""
        return worker.load(self.data, batch, self.below, self.seed)


def _tables(network: Network) -> dict[str, int]:
    """The rows of the table that each input is looked up in, by the input's name."""
    found = dict[str, int]()
    for at, name in enumerate(network.inputs):
        ops = [getattr(node.op, "op", node.op) for node in network.nodes if at in node.sources]
        if rows := [op.vocab for op in ops if isinstance(op, Embedding)]:
            found[name] = min(rows)
    return found


def _stack(network: Network) -> tuple[Network, int] | None:
    """Copies of a network one behind another, and how many; None where its output has not the shape of its input."""
    (given, *more), ends = network.inputs.values(), [*network.ends.values()]
    if more or len(ends) != 1 or network.tensors[ends[0]] != given or not network.macs:
        return None
    written = max(2, MOST_ELEMENTS // max(1, network.cost.activations))
    copies = min(COPIES, MOST_BYTES // max(1, 4 * network.params), written)
    if copies < 2:
        return None
    nodes, begin = list[Node](), 0
    for copy in range(copies):
        shift = len(nodes)
        for node in network.nodes:
            sources = tuple([source + shift if source else begin for source in node.sources])
            nodes.append(node._replace(name=f"{copy}/{node.name}", sources=sources))
        begin = ends[0] + shift
    return Network(network.name, network.inputs, nodes), copies


def _rows(
    names: Sequence[tuple[str, str]],
    networks: Mapping[str, Network],
    subjects: Sequence[Subject],
    found: Sequence[Seconds],
    floors: Mapping[str, float],
    batch: int,
) -> tuple[Row, ...]:
    rows: list[Row] = []
    first = dict[str, tuple[int, float]]()
    for (name, engine), subject, seconds in zip(names, subjects, found, strict=False):
        if subject.stack is None and engine in floors:
            less = [max(0.0, value - floors[engine]) for value in seconds[:3]]
            seconds = Seconds(less[0], less[1], less[2], seconds.runs, seconds.spread)
        macs = networks[name].macs
        base = first.setdefault(engine, (macs, seconds.median))
        ratio = {"macs": _ratio(macs, base[0]), "seconds": _ratio(seconds.median, base[1])}
        speed = macs * batch / seconds.median if seconds.median > 0 else 0.0
        rows.append(Row(name, engine, macs, seconds, subject.copies, speed, ratio))
    return tuple(rows)


def _ratio(value: float, base: float) -> float:
    return round(value / base, 4) if base else 1.0
