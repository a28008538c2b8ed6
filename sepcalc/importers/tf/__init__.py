"""TensorFlow: a frozen graph, the graph of a MetaGraph, or a signature of a SavedModel, as a network. No TensorFlow is
needed, and no weights are read."""

import os
from collections import Counter
from collections.abc import Container, Sequence
from math import prod
from typing import Any

from sepcalc.errors import InputError, Invalid, Problem, bad_input, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.graph_builder import never_used
from sepcalc.importers.common.tensorflow.border import Border, unique
from sepcalc.importers.common.tensorflow.graph import Misfit, Value
from sepcalc.importers.tf.graph import Builder
from sepcalc.importers.tf.model import Model, Signature, Tensor, opened, shaped
from sepcalc.importers.tf.operators import OPERATORS
from sepcalc.importers.tf.schema import type_of
from sepcalc.importers.tf.walk import ARGUMENTS, Walk
from sepcalc.network import Network

__all__ = ["OPERATORS", "of_model", "read"]

FILE = "saved_model.pb"  # of the folder of a SavedModel
DEFAULT = "serving_default"
FROZEN = (
    "the file does not say what is trained: what layers use of its constants are params, statistics of norms buffers"
)
# What gives nothing that counts: it stores, saves, checks.
_SAVES = "Assign Apply ResourceApply Save Restore NoOp Assert Print Const Placeholder VarHandleOp _Arg"


def read(path: str, request: Request = Request()) -> Network:
    """The network of a file, or of the folder of a SavedModel. Raises InputError."""
    name = (
        os.path.basename(path)
        if os.path.basename(path) != FILE
        else os.path.basename(os.path.dirname(os.path.abspath(path)))
    )
    return of_model(lambda: opened(path), path, printable(os.path.splitext(name)[0]), request)


def of_model(load: Any, path: str, name: str, request: Request) -> Network:
    """The network of a model that ``load`` gives. Raises InputError."""
    try:
        return _network(load(), printable(path), name, request)
    except Misfit as misfit:
        fact = misfit.fact
        raise bad_input(f"{printable(path)}: {misfit.where}: {fact.message}", fact.hint) from misfit
    except Invalid as fact:
        raise InputError([Problem(f"{printable(path)}: {fact.message}", fact.hint)]) from fact


def _network(model: Model, shown: str, name: str, request: Request) -> Network:
    signature = _signature(model, shown, request.signature)
    tensors = [_input(model, said, info) for said, info in signature.inputs.items()]
    places = [info.name.partition(":")[0] for info in signature.inputs.values()]
    ends = [info.name for info in signature.outputs.values()]

    met = set[str]()  # the names of the stored tensors that were read

    def run(builder: Builder, given: Sequence[Value]) -> dict[str, Value]:
        values = Walk(builder, model).graph(model.graph, dict(zip(places, given)), ends)
        met.update(builder.stored)
        return dict(zip(unique([*signature.outputs]), values))

    border = Border(shown, [*signature.inputs], tensors, request, Builder, run)
    others = [one.name for one in model.signatures if one.outputs and one.name != signature.name]
    names = ", ".join(map(quoted, [signature.name, *others][:10]))
    if others and not request.signature:
        border.notes.append(f"the file has {len(others) + 1} signatures, {names}: counted is {quoted(signature.name)}")
    if not model.trained:
        border.notes.append(FROZEN)
    network = border.network(name)
    unread = _unread(model, met)
    if others and not request.signature and signature.name != DEFAULT:
        told = f"it has {len(others) + 1} signatures, and none is {quoted(DEFAULT)}: {names}"
        network = network.guessed(
            *network.guesses, Problem(told, f"--signature {printable(signature.name)} counts that one")
        )
    return network.noted(never_used(sum(unread.values()), [*unread])) if unread else network


def _unread(model: Model, met: Container[str]) -> dict[str, int]:
    """The trained variables that nothing reads, with their numbers of elements. The file says of its objects which are
    trained, and the graph has other names for them: only their shapes tell which is which."""
    handles = {
        node.attrs.text("shared_name", "") or node.name: _sizes(node.attrs.message("shape", "Shape"))
        for node in model.graph
        if node.op == "VarHandleOp"
    }
    left = Counter([_sizes(said.shape) for said in model.trained_variables])
    left.subtract([shape for name, shape in handles.items() if name in met])
    found = {}
    for name, shape in handles.items():
        if name not in met and left[shape] > 0 and prod(shape) > 1:
            left[shape] -= 1
            found[name] = prod(shape)
    return found


def _sizes(shape: Any) -> tuple[int, ...]:
    """The sizes of a variable; 0 for one that is open."""
    return tuple([max(0, one.size) for one in shape.dim]) if shape is not None else ()


def _input(model: Model, name: str, info: Any) -> Tensor:
    """An input as the signature says it, or its node."""
    return shaped(name, info.tensor_shape, type_of(info.dtype))


def _signature(model: Model, shown: str, wanted: str) -> Signature:
    """The signature that was asked for; else the one that is served; else what the graph itself takes and gives."""
    callable_ = [one for one in model.signatures if one.outputs]
    names = [one.name for one in callable_]
    if wanted and wanted not in names:
        known = f"it has {', '.join(map(quoted, names[:10]))}" if names else "it has none"
        raise InputError([Problem(f"{shown}: it has no signature {quoted(wanted)}", near_miss(wanted, names) or known)])
    for name in (wanted or DEFAULT, *names):
        if name in names:
            return callable_[names.index(name)]
    return _whole(model, shown)


class _Info:
    """What is said of a tensor, as a signature says it."""

    def __init__(self, name: str, shape: Any, dtype: int) -> None:
        self.name, self.tensor_shape, self.dtype = name, shape, dtype


def _whole(model: Model, shown: str) -> Signature:
    """What a graph without a signature takes, its placeholders, and gives: what depends on them and nothing reads."""
    from sepcalc.importers.tf.schema import TENSORFLOW

    read, reads = set[str](), dict[str, list[str]]()
    inputs: dict[str, Any] = {}
    for node in model.graph:
        for said in node.inputs:
            read.add(said.partition(":")[0])
            reads.setdefault(said.partition(":")[0], []).append(node.name)
        if node.op in ARGUMENTS:
            shape = node.attrs.message("shape", "Shape")
            if shape is None:
                shape = TENSORFLOW["Shape"]()
                shape = shape.replaced(unknown_rank=1)
            inputs[node.name] = _Info(node.name, shape, node.attrs.whole("dtype", 0))
    after, ahead = set(inputs), [*inputs]
    while ahead:
        for name in reads.get(ahead.pop(), ()):
            if name not in after:
                after.add(name)
                ahead.append(name)
    ends = [
        node.name
        for node in model.graph
        if node.name in after - read
        and not node.op.startswith(tuple(_SAVES.split()))
        and not node.name.startswith("gradients")
    ]
    if not inputs or not ends:
        lacks = "an output" if inputs else "an input"
        raise bad_input(f"{shown}: it holds no graph with {lacks}: expected placeholders and what is made of them")
    return Signature("", inputs, {name: _Info(name, None, 0) for name in ends})
