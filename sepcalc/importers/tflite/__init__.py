"""TFLite: a graph of a ``.tflite`` file as a network. Weights are not read, only their sizes.

Every shape stands in the file, and is held to what its operators give; of inputs of other sizes these are followed
through the graph.
"""

import os
from collections.abc import Sequence

from sepcalc.errors import InputError, Invalid, Problem, bad_input, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.tensorflow.border import Border, unique
from sepcalc.importers.common.tensorflow.graph import Misfit, Value
from sepcalc.importers.tflite.graph import Builder
from sepcalc.importers.tflite.model import Model, Signature, opened
from sepcalc.importers.tflite.operators import OPERATORS
from sepcalc.importers.tflite.walk import Walk
from sepcalc.network import Network

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
    said = (signature.inputs, signature.outputs) if signature else ({}, {})
    names, ends = [
        [called.get(at) or graph.tensor(at).name for at in side]
        for called, side in zip(said, (graph.inputs, graph.outputs))
    ]

    def run(builder: Builder, given: Sequence[Value]) -> dict[str, Value]:
        return dict(zip(unique(ends), Walk(builder, model).graph(graph, given)))

    border = Border(shown, names, [graph.tensor(at) for at in graph.inputs], request, Builder, run)
    border.notes += notes
    return border.network(printable(os.path.splitext(os.path.basename(path))[0]))


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
