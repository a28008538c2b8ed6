"""The whole of a document: its head, its blocks and its layers, run into a network."""

from collections.abc import Mapping

from sepcalc.document import Document
from sepcalc.document.budget import read_budget, read_param_bytes, read_published
from sepcalc.document.entries import ROOT, Library
from sepcalc.document.head import Head
from sepcalc.document.including import Opener
from sepcalc.document.inputs_outputs import channels_given, own_inputs, read_inputs, read_outputs, reshaped
from sepcalc.document.problems import Notes
from sepcalc.document.products import said_to_be_none
from sepcalc.document.reading import Entries
from sepcalc.document.running import Run
from sepcalc.errors import InputError
from sepcalc.network import Network
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Source
from sepcalc.shape import misread


def read_document(
    source: Source, root: Node, settings: Mapping[str, str], given: Mapping[str, str], opened: Opener | None
) -> Document:
    """The document that this tree of the text is. Raises InputError with every problem."""
    if not isinstance(root, MappingNode):
        hint = "write input: and a shape, for example 224x224x3, then layers: and a list"
        raise InputError([source.problem("a network needs the keys input and layers", hint, root)])
    notes = Notes(source)
    values = notes.mapping(root, "a network", ROOT)
    head = Head(notes)
    title = head.title(values.get("name"))
    own = head.read_parameters(values.get("parameters"))
    altered = head.set_parameters({**channels_given(values, given, own), **settings}, own)
    budget = read_budget(notes, values.get("budget"))
    published = read_published(notes, values.get("published"))
    width = read_param_bytes(notes, values.get("param-bytes"))
    shapes = read_inputs(head, root, given)
    if "layers" not in values:
        notes.add("the key layers is missing", "", root)
    library = Library()
    reader = Entries(notes, library, head.read_defaults(values.get("defaults")))
    if "include" in values:
        from sepcalc.document.including import Inclusion

        Inclusion(reader, head, opened).read(values["include"])
    reader.read_blocks(values.get("blocks"))
    run = Run(reader.file, library, head.parameters, shapes)
    if "layers" in values and (entries := reader.entries(values["layers"], "layers")) is not None:
        run.run_all(entries)
    ends = run.outputs(read_outputs(notes, values.get("outputs")))
    if notes.problems:
        raise notes.error()
    inputs = {name: shape for name, shape in shapes.items() if shape is not None}
    originals = own_inputs(head, values) if given else inputs
    changed = reshaped(source.name, originals, inputs)
    said = ["; ".join(filter(None, problem[:2])) for problem in changed]
    said += [*filter(None, map(misread, inputs.values())), *run.remarks]
    graph = run.nodes()
    network = Network(
        title, inputs, graph, ends, notes=tuple(dict.fromkeys(said)), claimed=said_to_be_none(graph, len(inputs))
    )
    if any(len(shape) > 1 for shape in network.outputs.values()):
        from sepcalc.document.remarks import spread_out

        network = network.noted(*spread_out(network))
    network = network.stored_in(*width) if width[0] else network
    return Document(network, budget, published, altered or originals != inputs, head.parameters, changed)
