"""The whole of a document: its head, its blocks and its layers, run into a network."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sepcalc.document import Chosen, Document
from sepcalc.document.budget import read_budget, read_param_bytes, read_published
from sepcalc.document.choosing import MAX_TOLD, ByName, made
from sepcalc.document.entries import ROOT, Entry, File, Library
from sepcalc.document.graph import Picker
from sepcalc.document.head import Head
from sepcalc.document.including import Opener
from sepcalc.document.inputs_outputs import channels_given, own_inputs, read_inputs, read_outputs, reshaped
from sepcalc.document.parameters import Parameter
from sepcalc.document.problems import Notes
from sepcalc.document.products import said_to_be_none
from sepcalc.document.reading import Entries
from sepcalc.document.running import Run
from sepcalc.errors import InputError
from sepcalc.expression import Value as Number
from sepcalc.expression import as_text
from sepcalc.network import Network
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source
from sepcalc.shape import Shape, misread


class Plan(NamedTuple):
    """A document that was read, but has not run: its entries, and what they run with. ``own`` are its parameters
    as declared, ``settings`` the values that were set, ``named`` those for its open choices. ``shapes`` are
    those of its inputs, ``given`` those that came from outside. ``entries`` is None where they cannot be read."""

    source: Source
    root: MappingNode
    notes: Notes
    head: Head
    title: str
    own: Mapping[str, Parameter]
    settings: Mapping[str, str]
    named: Mapping[str, str]
    altered: bool
    given: Mapping[str, str]
    shapes: Mapping[str, Shape | None]
    file: File
    library: Library
    entries: Sequence[Entry] | None
    outputs: Mapping[str, Scalar]


def planned(
    source: Source, root: Node, settings: Mapping[str, str], given: Mapping[str, str], opened: Opener | None
) -> Plan:
    """The document that this tree of the text is, before it runs. What is wrong is in its notes. Raises InputError
    where the text is no document at all."""
    if not isinstance(root, MappingNode):
        hint = "write input: and a shape, for example 224x224x3, then layers: and a list"
        raise InputError([source.problem("a network needs the keys input and layers", hint, root)])
    notes = Notes(source)
    values = notes.mapping(root, "a network", ROOT)
    head = Head(notes)
    title = head.title(values.get("name"))
    own = head.read_parameters(values.get("parameters"))
    settings = {**channels_given(values, given, own), **settings}
    ours = {name: text for name, text in settings.items() if name in own}
    altered = head.set_parameters(ours, own)
    shapes = read_inputs(head, root, given)
    if "layers" not in values:
        notes.add("the key layers is missing", "", root)
    library = Library()
    reader = Entries(notes, library, head.read_defaults(values.get("defaults")))
    if "include" in values:
        from sepcalc.document.including import Inclusion

        Inclusion(reader, head, opened).read(values["include"])
    reader.read_blocks(values.get("blocks"))
    entries = reader.entries(values["layers"], "layers") if "layers" in values else None
    ends = read_outputs(notes, values.get("outputs"))
    named = {name: text for name, text in settings.items() if name not in own}
    return Plan(
        source,
        root,
        notes,
        head,
        title,
        own,
        settings,
        named,
        altered,
        given,
        shapes,
        reader.file,
        library,
        entries,
        ends,
    )


def read_document(
    source: Source,
    root: Node,
    settings: Mapping[str, str],
    given: Mapping[str, str],
    opened: Opener | None,
    picker: Picker | None = None,
) -> Document:
    """The document that this tree of the text is. ``picker`` makes its open choices, in place of ``settings``. Raises
    InputError with every problem."""
    plan = planned(source, root, settings, given, opened)
    notes, head, own, values = plan.notes, plan.head, plan.own, plan.root.values
    budget = read_budget(notes, values.get("budget"))
    published = read_published(notes, values.get("published"))
    width = read_param_bytes(notes, values.get("param-bytes"))
    run = Run(plan.file, plan.library, head.parameters, plan.shapes)
    named = ByName(plan.named)
    run.pick = picker or named
    if plan.entries is not None:
        run.run_all(plan.entries)
    choices = made(run)
    if not picker:
        named.tell(notes, [choice.name for choice in choices], [*own])
        notes.sort([f"set {name}={text}" for name, text in plan.settings.items()])
    ends = run.outputs(plan.outputs)
    if notes.problems:
        raise notes.error()
    inputs = {name: shape for name, shape in plan.shapes.items() if shape is not None}
    originals = own_inputs(head, values) if given else inputs
    changed = reshaped(source.name, originals, inputs)
    said = ["; ".join(filter(None, problem[:2])) for problem in changed]
    said += [*filter(None, map(misread, inputs.values())), *run.remarks]
    said += _left_open([*_open_parameters(head.parameters, own), *choices])
    graph = run.nodes()
    network = Network(
        plan.title, inputs, graph, ends, notes=tuple(dict.fromkeys(said)), claimed=said_to_be_none(graph, len(inputs))
    )
    if any(len(shape) > 1 for shape in network.outputs.values()):
        from sepcalc.document.remarks import spread_out

        network = network.noted(*spread_out(network))
    network = network.stored_in(*width) if width[0] else network
    altered = plan.altered or any(choice.number for choice in choices) or originals != inputs
    return Document(network, budget, published, altered, head.parameters, changed, choices=choices)


def _open_parameters(values: Mapping[str, Number], own: Mapping[str, Parameter]) -> list[Chosen]:
    """The parameters that have no value of their own, and what they are."""
    return [Chosen(name, (values[name],), 0) for name, parameter in own.items() if parameter.open]


def _left_open(choices: Sequence[Chosen]) -> list[str]:
    """What a reader of the numbers must know: which of the networks of the file this is."""
    if not choices:
        return []
    told = [f"{choice.name} = {as_text(choice.values[choice.number])}" for choice in choices[:MAX_TOLD]]
    more = f" and {len(choices) - MAX_TOLD:,} more" if len(choices) > MAX_TOLD else ""
    some = "a choice" if len(choices) == 1 else f"{len(choices):,} choices"
    return [f"the file leaves {some} open; this is the network with {', '.join(told)}{more}"]
