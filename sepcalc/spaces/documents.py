"""The space of a document with open choices."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sepcalc.document.choosing import in_order
from sepcalc.document.head import Head
from sepcalc.document.inputs_outputs import read_inputs
from sepcalc.document.loading import Text
from sepcalc.document.parameters import Parameter
from sepcalc.document.pieces import BRACES, unbraced
from sepcalc.document.problems import Notes
from sepcalc.document.root import Plan, planned, read_document
from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.expression import ExpressionError, as_text, evaluate, parse
from sepcalc.expression import Value as Number
from sepcalc.layer import SUMS
from sepcalc.network import Network, matches
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Scalar, read
from sepcalc.shape import Shape, show
from sepcalc.spaces.asked import Asking
from sepcalc.spaces.cases import Record
from sepcalc.spaces.memory import moments
from sepcalc.spaces.space import Assignment, Space, Variable
from sepcalc.spaces.tables import Table, TooLarge, combine, constant
from sepcalc.spaces.tracing import Around, Slot, Tracer

MAX_TOLD = 5  # names in a message


def of_text(
    text: Text,
    settings: Mapping[str, str],
    inputs: Mapping[str, str],
    vary: Mapping[str, Sequence[Number]],
    shapes: Sequence[Shape] = (),
) -> Space:
    """The space of a document: its choices, its parameters without a value, and those of ``vary`` with the values
    there (none: those that the document has for it). ``shapes`` are those that its one input may have. Raises
    InputError; TooLarge where a layer depends on too much."""
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
    known = {name: combine(_shape_of(plan, name, asked_for), *tables, constant(0)) for name in plan.shapes}
    varied = [*known] if shapes else []
    if len(varied) > 1:
        raise bad_input(f"the network has {len(varied)} inputs: a sweep varies the shape of one")
    for name in varied:
        known[name] = tracer.vary("input", len(shapes), constant(tuple(shapes)))
    tracer = Tracer(plan.library, outer, known)
    tracer.variables, parameters = first, len(first) - len(varied)
    begin = tracer.inputs[0]
    try:
        end = tracer.walk(plan.entries or (), begin, Around(outer, plan.file, tracer.scope))
    except TooLarge as fact:
        names = [tracer.variables[number].name for number in fact.variables]
        told = ", ".join(names[:MAX_TOLD]) + (" …" if len(names) > MAX_TOLD else "")
        message = f"a layer depends on {len(names)} choices at once ({told}): {fact.cells:,} cases"
        raise bad_input(message, "set some of them with --set") from fact
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

    def network(assignment: Assignment) -> Network:
        numbers = [at or 0 for at in assignment]
        tables = [variable.values for variable in tracer.variables]
        values = {variable.name: as_text(variable.values.at(numbers)) for variable in tracer.variables[:parameters]}
        shape = {name: show(tables[parameters + at].at(numbers)) for at, name in enumerate(varied)}
        picks = [at for at in assignment[parameters + len(varied) :] if at is not None]
        given = {**plan.settings, **values}
        return read_document(text.source, root, given, {**inputs, **shape}, text.opened, in_order(picks)).network

    variables = tuple([Variable(variable.name, variable.size, variable.values) for variable in tracer.variables])
    return Space(
        variables,
        tracer.occurs,
        tuple([table for table in tracer.reasons if table.values != ("",)]),
        {metric: partial(_summed, at, tracer.slots) for at, metric in enumerate(SUMS)},
        {"peak_memory": partial(_moments, tracer.inputs, tracer.slots, ends)},
        network,
        frozenset([one.gap for slot in tracer.slots for one in slot.record.values if one is not None and one.gap]),
        _kept(plan, variables[parameters:]),
    )


def _kept(plan: Plan, variables: Sequence[Variable]) -> list[Table]:
    """Where the open choices have the values that were set. Raises InputError."""
    wanted: dict[str, Number] = {}
    for pattern, text in plan.named.items():
        try:
            value = evaluate(text, {})
        except ExpressionError as fact:
            raise bad_input(fact.message, fact.hint) from fact
        names = [one.name for one in variables if _called(one.name, pattern)]
        if not names:
            known = [*plan.own, *[one.name for one in variables]]
            raise bad_input(f"there is no parameter or choice {quoted(pattern)}", near_miss(pattern, known))
        wanted |= dict.fromkeys(names, value)
    found = []
    for one in variables:
        if one.name in wanted:
            value = wanted[one.name]
            if value not in one.values.values:
                told = ", ".join(as_text(other) for other in one.values.values if other is not None)
                raise bad_input(f"{one.name} is {as_text(value)}: expected one of {told}")
            found.append(combine(partial(_is, value), one.values))
    return found


def _called(name: str, pattern: str) -> bool:
    """Whether a pattern means a choice; an index 0 may be left out, as where there is one alone."""
    return matches(name, pattern) or matches(name.replace("[0]", ""), pattern)


def _is(wanted: Number, value: Number | None) -> bool:
    return value is None or value == wanted


def _summed(at: int, slots: Sequence[Slot]) -> tuple[Table, ...]:
    tables = [combine(_count(at), slot.record) for slot in slots]
    return tuple([table for table in tables if table.values != (0,)])


def _moments(inputs: Sequence[Table], slots: Sequence[Slot], ends: Sequence[Table]) -> tuple[Table, ...]:
    return tuple([table for table in moments(inputs, slots, ends) if table.values != (0,)])


def _count(at: int) -> Callable[[Record | None], int]:
    return lambda record: 0 if record is None else record.counts[at]


def _parameters(plan: Plan, tracer: Tracer, vary: Mapping[str, Sequence[Number]]) -> dict[str, Table]:
    """The tables of the document's parameters."""
    tables: dict[str, Table] = {}
    for name, parameter in plan.own.items():
        if name in plan.settings:
            tables[name] = constant(plan.head.parameters[name])
        elif name in vary or parameter.open:
            values = vary.get(name, ()) or _tried(name, parameter)
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


def declared(text: Text) -> tuple[str, ...]:
    """The names of a document's parameters."""
    return tuple(_own(text))


def open_input(text: Text, settings: Mapping[str, str], inputs: Mapping[str, str]) -> Shape | None:
    """The shape of the input of a document with open choices of its own; None where it has none, or several inputs."""
    plan = planned(text.source, read(text.source), settings, inputs, text.opened)
    opened = any(parameter.open and name not in settings for name, parameter in plan.own.items())
    if not opened and not Asking(plan.library).of(plan.entries or ()).chooses:
        return None
    shapes = [*plan.shapes.values()]
    return shapes[0] if len(shapes) == 1 else None


def tried(text: Text, name: str) -> Sequence[Number]:
    """The values that a document has for a parameter. Raises InputError where it has none."""
    return _tried(name, _own(text)[name])


def _own(text: Text) -> Mapping[str, Parameter]:
    root = read(text.source)
    values = root.values if isinstance(root, MappingNode) else {}
    return Head(Notes(text.source)).read_parameters(values.get("parameters"))


def _tried(name: str, parameter: Parameter) -> Sequence[Number]:
    if not (values := parameter.tried()):
        raise bad_input(
            f"the file has no choices for {name}", f"--vary {name}=1,2,4, or choices: [1, 2, 4] in the file"
        )
    return values
