"""A space of networks: its open choices, and what each of its layers costs, as tables over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sepcalc.document import Document
from sepcalc.document.choosing import in_order
from sepcalc.document.head import Head
from sepcalc.document.inputs_outputs import read_inputs
from sepcalc.document.loading import Text
from sepcalc.document.pieces import BRACES, unbraced
from sepcalc.document.problems import Notes
from sepcalc.document.root import Plan, planned, read_document
from sepcalc.errors import bad_input, quoted
from sepcalc.expression import Value as Number
from sepcalc.expression import as_text, evaluate, parse
from sepcalc.layer import SUMS
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Scalar, read
from sepcalc.spaces.cases import Record
from sepcalc.spaces.memory import moments
from sepcalc.spaces.tables import Table, combine, constant
from sepcalc.spaces.tracing import Around, Tracer

Assignment = Sequence[int | None]  # for each variable the number of its value; None where it does not occur


class Space:
    """Networks with open choices. An assignment gives the number of a value for each variable, None where the choice
    does not occur."""

    def __init__(self, tracer: Tracer, ends: Sequence[Table], network: Callable[[Assignment], Document]) -> None:
        self.variables = tuple(tracer.variables)
        self.occurs = tracer.occurs
        self.reasons = tuple([table for table in tracer.reasons if table.values != ("",)])
        self.slots = tuple(tracer.slots)
        self.inputs = tuple(tracer.inputs)
        self.ends = tuple(ends)
        self.document = network

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the variables."""
        return tuple([variable.name for variable in self.variables])

    @cached_property
    def fits(self) -> tuple[Table, ...]:
        """Tables of truth: where all hold, there is a network."""
        return tuple([combine(lambda reason: not reason, table) for table in self.reasons])

    def summed(self, metric: str) -> tuple[Table, ...]:
        """Tables that add up to a metric that is a sum over layers."""
        at = [*SUMS].index(metric)
        tables = [combine(_count(at), slot.record) for slot in self.slots]
        return tuple([table for table in tables if table.values != (0,)])

    @cached_property
    def moments(self) -> tuple[Table, ...]:
        """Tables of the bytes that are live while each layer runs: the largest is the peak memory. Raises TooLarge."""
        return tuple([table for table in moments(self.inputs, self.slots, self.ends) if table.values != (0,)])

    @cached_property
    def gaps(self) -> frozenset[str]:
        """What the layers are called of which not every count is known, in some network."""
        return frozenset([one.gap for slot in self.slots for one in slot.record.values if one is not None and one.gap])

    def __iter__(self) -> Iterator[tuple[int | None, ...]]:
        """All assignments, also those that make no network."""
        yield from self._grown([])

    def _grown(self, known: list[int | None]) -> Iterator[tuple[int | None, ...]]:
        number = len(known)
        if number == len(self.variables):
            yield tuple(known)
            return
        occurs = self.occurs.get(number)
        there = occurs is None or occurs.at([at or 0 for at in known])
        for at in range(self.variables[number].size) if there else (None,):
            yield from self._grown([*known, at])

    def reason(self, assignment: Assignment) -> str:
        """Why an assignment makes no network, or nothing."""
        numbers = [at or 0 for at in assignment]
        return next((reason for table in self.reasons if (reason := table.at(numbers))), "")

    def settings(self, assignment: Assignment) -> dict[str, Number]:
        """The values of the variables that occur, by name."""
        numbers = [at or 0 for at in assignment]
        both = zip(self.names, self.variables, assignment, strict=True)
        return {name: variable.values.at(numbers) for name, variable, at in both if at is not None}


def of_text(
    text: Text, settings: Mapping[str, str], inputs: Mapping[str, str], vary: Mapping[str, Sequence[Number]]
) -> Space:
    """The space of a document: its choices, its parameters without a value, and those of ``vary`` with the values
    there (none: those that the document has for it). Raises InputError; TooLarge where a layer depends on too much."""
    root = read(text.source)
    plan = planned(text.source, root, settings, inputs, text.opened)
    if plan.notes.problems or plan.entries is None:
        read_document(text.source, root, settings, inputs, text.opened)  # says what is wrong
    tracer = Tracer(plan.library, {}, {})
    outer = _parameters(plan, tracer, vary)
    first = tracer.variables
    if asked := sorted(plan.head.asked & {name for name, table in outer.items() if table.variables}):
        hint = "give the option to each layer, or set the parameter"
        raise bad_input(f"defaults depend on {asked[0]}, which is open: a space needs defaults that stay", hint)
    asked_for = [name for name in outer if name in _names_of_inputs(plan)]
    tables = [outer[name] for name in asked_for]
    shapes = {name: combine(_shape_of(plan, name, asked_for), *tables, constant(0)) for name in plan.shapes}
    tracer = Tracer(plan.library, outer, shapes)
    tracer.variables, parameters = first, len(first)
    begin = tracer.inputs[0]
    end = tracer.walk(plan.entries or (), begin, Around(outer, plan.file, tracer.scope))
    there = [combine(lambda record: record is not None, slot.record) for slot in tracer.slots]
    if all(table.values != (True,) for table in there):
        tracer.reasons.append(
            combine(lambda *some: "" if any(some) else "the network has no layers", *there, constant(False))
        )
    ends = [end]
    if plan.outputs:
        found = [(node.text, tracer.find(tracer.scope, node.text)) for node in plan.outputs.values()]
        ends = [table for _, table in found if table is not None]
        if len(ends) < len(found):
            missing = next(name for name, table in found if table is None)
            raise bad_input(f"the output {quoted(missing)}: in a space, an output needs a layer with a name of its own")

    def document(assignment: Assignment) -> Document:
        numbers = [at or 0 for at in assignment]
        values = {variable.name: as_text(variable.values.at(numbers)) for variable in tracer.variables[:parameters]}
        picks = [at for at in assignment[parameters:] if at is not None]
        given = {**plan.settings, **values}
        return read_document(text.source, root, given, inputs, text.opened, in_order(picks))

    return Space(tracer, ends, document)


def _count(at: int) -> Callable[[Record | None], int]:
    return lambda record: 0 if record is None else record.counts[at]


def _parameters(plan: Plan, tracer: Tracer, vary: Mapping[str, Sequence[Number]]) -> dict[str, Table]:
    """The tables of the document's parameters."""
    tables: dict[str, Table] = {}
    for name, parameter in plan.own.items():
        if name in plan.settings:
            tables[name] = constant(plan.head.parameters[name])
        elif name in vary or parameter.open:
            values = vary.get(name, ()) or parameter.tried()
            if not values:
                hint = f"--vary {name}=1,2,4, or choices: [1, 2, 4] in the file"
                raise bad_input(f"the file has no choices for {name}", hint)
            for value in values:
                if refusal := parameter.refusal(value):
                    raise bad_input(f"{name} is {as_text(value)}: {refusal}")
            tables[name] = tracer.vary(name, len(values), constant(tuple(values)))
        else:
            text = unbraced(parameter.node.text)
            names = sorted(parse(text).names & tables.keys())
            if any(tables[one].variables for one in names):
                tables[name] = combine(_evaluated(text, names), *[tables[one] for one in names])
            else:
                tables[name] = constant(plan.head.parameters[name])
    return tables


def _evaluated(text: str, names: Sequence[str]) -> Callable[..., Number]:
    return lambda *values: evaluate(text, dict(zip(names, values)))


def _names_of_inputs(plan: Plan) -> set[str]:
    """The names that the shapes of the inputs ask for."""
    node = plan.root.values.get("inputs", plan.root.values.get("input"))
    nodes = [*node.values.values()] if isinstance(node, MappingNode) else [node]
    texts = [text for one in nodes if isinstance(one, Scalar) for text in BRACES.findall(one.text)]
    return {name for text in texts for name in parse(text).names}


def _shape_of(plan: Plan, name: str, names: Sequence[str]) -> Callable[..., Any]:
    """The shape of an input, by the values of the parameters."""

    def shape(*values: Number) -> Any:
        notes = Notes(plan.source)
        head = Head(notes)
        head.parameters = dict(zip(names, values))
        found = read_inputs(head, plan.root, plan.given)[name]
        return None if notes.problems else found

    return shape
