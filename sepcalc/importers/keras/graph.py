"""Runs the layers of a model in order: functional graphs, sequences, nested models."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.graph_builder import fixed_batch, numbered
from sepcalc.importers.common.input_values import example, named_one
from sepcalc.importers.common.layout import NONE
from sepcalc.importers.keras.build import Builder, Call, Tensor, tensors_in
from sepcalc.importers.keras.calls import Place, Wiring, in_order, wiring
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.entries import (
    Entry,
    batch_shape,
    batch_size,
    build_shape,
    declared,
    entry,
    first_shape,
    known,
    sizes_of,
)
from sepcalc.importers.keras.rows import Operator
from sepcalc.importers.keras.stored import Weights, with_weights
from sepcalc.importers.keras.table import may_store, row_of
from sepcalc.importers.keras.tftable import function_of
from sepcalc.importers.keras.uncalled import never_called
from sepcalc.network import Network
from sepcalc.shape import Shape, read_shape, show

MAX_PROBLEMS = 20


class _Failed(Exception):
    """An error that is recorded already."""


def build(config: Any, path: str, model: Builder, weights: Weights | None = None) -> Network:
    """The network of a model's configuration and its stored weights. Raises InputError with every problem."""
    reader = Reader(model, path, weights)
    try:
        return reader.network(config)
    except Invalid as fact:
        reader.problems.append(Problem(fact.message, fact.hint))
    except _Failed:
        pass
    except RecursionError:
        reader.problems.append(Problem("the configuration is nested too deeply"))
    raise refusal(reader.problems, path)


def refusal(problems: Sequence[Problem], path: str) -> InputError:
    """The error with the first problems of a file, and the number of further ones."""
    more = len(problems) - MAX_PROBLEMS
    place = printable(path)
    found = [problem._replace(place=place) for problem in problems[:MAX_PROBLEMS]]
    return InputError([*found, Problem(f"and {more} more", place=place)] if more > 0 else found)


class Run(NamedTuple):
    """One run of a layer: its path in the network, the key of its weights, its arguments, and the output shapes that
    the file states (None: not stated)."""

    one: Entry
    path: str
    key: str
    args: list[Any]
    kwargs: dict[str, Any]
    expected: Sequence[Shape | None] = ()


class Reader:
    """The conversion of one model to a network, with the problems found so far."""

    def __init__(self, model: Builder, path: str, weights: Weights | None = None) -> None:
        self.model = model
        self.path = path
        self.weights = weights
        self.problems: list[Problem] = []
        self.broken = set[str]()
        self.overridden = False  # whether the request gives a shape, so that the file's shapes no longer apply
        self.uncalled: dict[str, Entry] = {}  # layers that nothing calls, by path
        model.run = self.run

    # --- the whole ----------------------------------------------------------------------------------------------------

    def network(self, config: Any) -> Network:
        if not isinstance(config, dict) or "class_name" not in config:
            raise Invalid(
                "this is not a Keras model: expected an object with class_name and config, as model.to_json() writes it"
            )
        whole_model = entry(config, "the model")
        if not whole_model.is_model:
            name = quoted(whole_model.class_name)
            row = row_of(whole_model.class_name, whole_model.module, whole_model.registered)
            if row.handle or row.shapes:
                raise Invalid(f"this is a layer {name}, not a model", "put it in a Sequential")
            raise Invalid(
                f"{name} is a subclassed model: its layers are connected by code that the file does not hold",
                "build it as a functional model, or export it to ONNX: model.export('model.onnx', format='onnx')",
            )
        self.model.channels_first = _any_first(whole_model.config)
        in_line = whole_model.class_name == "Sequential" and not _connected(whole_model)
        outputs = (self.sequential if in_line else self.functional)(whole_model, "", "", None)
        if self.problems:
            raise _Failed
        if not self.model.nodes:
            raise Invalid("the model has no layers")
        names = ["output"] if len(outputs) == 1 else [name for name, _ in outputs]
        taken = dict[str, int]()
        named = {numbered(taken, name): tensor.number for name, (_, tensor) in zip(names, outputs)}
        nodes = with_weights(self.model, self.model.finished(), self.weights, [*self.uncalled])
        if note := never_called(self.uncalled, self._alone, self.weights):
            self.model.note(note)
        notes, widths = [*self.model.notes], self.model.input_bits
        return Network(whole_model.name, self.model.inputs, nodes, named, notes=notes, input_bits=widths)

    def _alone(self, config: Any) -> Network:
        """The network of a part of the model."""
        return build(config, self.path, Builder(Request()))

    # --- inputs -------------------------------------------------------------------------------------------------------

    def inputs(self, wanted: Sequence[tuple[str, Any]]) -> list[Tensor]:
        """The model's inputs by name, with the shapes of the file or of the request."""
        asked = dict(self.model.request.inputs)
        names = [name for name, _ in wanted]
        for name in asked:
            if name and name not in names:
                known = ", ".join(map(quoted, names[:10]))
                hint = near_miss(name, names) or f"it has {known}"
                self.problems.append(Problem(f"the model has no input {quoted(name)}", hint))
        if "" in asked and len(names) != 1:
            known = ", ".join(map(quoted, names[:10])) or "none"
            self.problems.append(Problem(f"it has {len(names)} inputs: {known}", named_one(names, asked[""])))
        tensors = []
        for name, said in wanted:
            try:
                tensors.append(self.input(name, said, asked.get(name, asked.get(""))))
            except Invalid as fact:
                self.problems.append(Problem(f"input {quoted(name)}: {fact.message}", fact.hint))
        if self.problems:
            raise _Failed
        sizes = [batch_size(said) for _, said in wanted]
        self.model.batch = sizes[0] if len({*sizes}) == 1 else None
        batches = [size for size in sizes if size is not None and size > 1]
        asked_for = self.model.request.batch
        if asked_for is not None and batches and set(batches) != {asked_for}:
            hint = f"in Keras the batch is a separate axis: counts are for one of {batches[0]} examples"
            raise Invalid(f"--batch {asked_for}: the file has a fixed batch of {batches[0]}", hint)
        for size in batches:
            self.model.note(fixed_batch(size))
        return tensors

    def input(self, name: str, said: Any, text: str | None) -> Tensor:
        """One input. A shape by name has the file's layout, with or without the batch; a shape without a name has
        channels last."""
        shape = batch_shape(said)
        rank = None if shape is None else len(shape)
        channels_first = self.model.channels_first and rank is not None and rank >= 3
        if text is None:
            if shape is None:
                hint = f"{example(name, (None, None, 3))}, for example (HxWxC, no batch)"
                raise Invalid("the file does not say its shape", hint)
            if None in shape:
                open_ones = "x".join("?" if size is None else str(size) for size in shape)
                raise Invalid(f"its shape {open_ones} leaves sizes open", f"{example(name, shape)}, for example")
            return self.model.input(name, tuple([size for size in shape if size is not None]), channels_first)
        sizes = read_shape(text) if text.count("x") < 4 else sizes_of(text)
        named = name in self.model.request.inputs
        if named and rank is not None and len(sizes) == rank + 1:
            sizes = sizes[1:]
        elif channels_first and not named:
            sizes = (sizes[-1], *sizes[:-1])
        if rank is not None and len(sizes) != rank:
            raise Invalid(f"{quoted(text)} has {len(sizes)} sizes: expected {rank}, without the batch")
        channels = 0 if channels_first else -1
        if rank is not None and rank > 1 and shape is not None and shape[channels] not in (None, sizes[channels]):
            raise Invalid(
                f"{quoted(text)} has {sizes[channels]} channels: the model's weights are for {shape[channels]}"
            )
        self.overridden = True
        return self.model.input(name, sizes, channels_first)

    # --- a sequence ---------------------------------------------------------------------------------------------------

    def sequential(self, model: Entry, path: str, key: str, given: Sequence[Tensor] | None) -> list[tuple[str, Tensor]]:
        entries = model.layers
        with self.model.nesting():
            if entries and entries[0].class_name == "InputLayer":
                first, entries = entries[0], entries[1:]
                name, said, dtype = first.name, declared(first.config), first.config.get("dtype")
            else:
                name, said, dtype = "input", None, entries[0].config.get("dtype") if entries else None
                if entries:
                    said = declared(entries[0].config) or first_shape(entries[0])
                said = said or model.config.get("build_input_shape") or build_shape(model.raw)
            tensors = self.inputs([(name, said)]) if given is None else list(given)
            if given is None:
                self.model.widen_input(name, dtype)
            hint = None
            for at, one in enumerate(entries):
                following = entries[at + 1] if at + 1 < len(entries) else None
                hint = build_shape(following.raw) if following and not self.overridden else None
                expected = [known(batch_shape(hint))] if isinstance(hint, list) else []
                argument = tensors[0] if len(tensors) == 1 else tensors
                tensors = self.call(Run(one, _under(path, one.name), _under(key, one.name), [argument], {}, expected))
        return [(model.name, tensor) for tensor in tensors]

    # --- a graph ------------------------------------------------------------------------------------------------------

    def functional(self, model: Entry, path: str, key: str, given: Sequence[Any] | None) -> list[tuple[str, Tensor]]:
        wires = wiring(model)
        called = {name for name, _ in wires.calls}
        self.uncalled.update((_under(key, one.name), one) for one in wires.layers.values() if one.name not in called)
        with self.model.nesting():
            done = self._begin(model, wires, given)
            self._run_calls(wires, {} if self.overridden else wires.said(), done, path, key)
            outputs = []
            for ref in wires.results:
                tensor = wires.result_of(done, ref)
                if tensor is None:
                    if not self.problems:
                        raise Invalid(
                            f"the output {quoted(ref.layer)} is not the output of a layer of {quoted(model.name)}"
                        )
                    raise _Failed
                outputs.append((ref.layer, tensor))
        return outputs

    def _begin(self, model: Entry, wires: Wiring, given: Sequence[Any] | None) -> dict[Place, list[Tensor]]:
        """The inputs of the graph: the model's own, or the tensors that it is called on."""
        for ref in wires.inputs:
            if ref.layer not in wires.layers:
                raise Invalid(f"the model {quoted(model.name)} names an input {quoted(ref.layer)} that it lacks")
        inputs = [wires.layers[ref.layer] for ref in wires.inputs]
        if given is None:
            named = {one.name for one in inputs}
            inputs += [o for o in wires.layers.values() if o.class_name == "InputLayer" and o.name not in named]
            tensors = self.inputs([(one.name, declared(one.config)) for one in inputs])
            for one in inputs:
                self.model.widen_input(one.name, one.config.get("dtype"))
        else:
            tensors = in_order(given, [one.name for one in inputs])
            if len(tensors) != len(inputs):
                raise Invalid(f"it is called on {len(tensors)} tensors: expected {len(inputs)}")
        return {(one.name, 0): [tensor] for one, tensor in zip(inputs, tensors)}

    def _run_calls(
        self,
        wires: Wiring,
        hints: Mapping[Place, Sequence[Shape | None]],
        done: dict[Place, list[Tensor]],
        path: str,
        key: str,
    ) -> None:
        """Runs every call after the calls that it reads, else in the order of the file."""
        calls = [call for call in wires.calls if call not in done]
        order = {call: at for at, call in enumerate(calls)}
        sorter = TopologicalSorter[Place]()
        for call in calls:
            needs = wires.needs(call)
            for need in needs:
                if need not in wires.calls and need not in done:
                    raise Invalid(f"{quoted(call[0])} reads {quoted(need[0])}, call {need[1]}, which does not exist")
            sorter.add(call, *needs.difference(done))
        with suppress(CycleError):  # the layers outside the cycle still run
            sorter.prepare()
        ready = [order[call] for call in sorter.get_ready()]
        heapify(ready)
        while ready:
            call = calls[heappop(ready)]
            args, kwargs = wires.bound([*wires.calls[call]], done)
            one, below = wires.layers[call[0]], (_under(path, call[0]), _under(key, call[0]))
            with suppress(_Failed):  # its readers do not run
                done[call] = self.call(Run(one, *below, args, kwargs, hints.get(call, [])))
                sorter.done(call)
                for following in sorter.get_ready():
                    heappush(ready, order[following])
        if not self.problems and (stuck := [call[0] for call in calls if call not in done]):
            names = ", ".join(map(quoted, stuck[:5]))
            raise Invalid(f"the layers {names} form a cycle")

    # --- one layer ----------------------------------------------------------------------------------------------------

    def run(self, value: Any, path: str, key: str, args: list[Any], kwargs: dict[str, Any]) -> list[Tensor]:
        """A layer inside a wrapper."""
        with self.model.nesting():
            return self._made(Run(entry(value, "the layer inside it"), path, key, args, kwargs))

    def call(self, run: Run) -> list[Tensor]:
        """The results of a layer. Records an error and raises _Failed."""
        try:
            made = self._made(run)
            for tensor, said in zip(made, run.expected):
                if said is not None and tensor.sure and said != tensor.shape and not self.overridden:
                    raise Invalid(f"its output is {show(tensor.shape) or 'one number'}, but the file says {show(said)}")
            return made
        except Invalid as fact:
            if run.path not in self.broken:
                self.broken.add(run.path)
                where = f"layer {quoted(run.path)} ({printable(run.one.class_name)[:60]})"
                self.problems.append(Problem(f"{where}: {fact.message}", fact.hint))
            raise _Failed from fact

    def _made(self, run: Run) -> list[Tensor]:
        if run.one.is_model:
            return self._nested(run)
        with self.model.of_layer(run.one.class_name, run.one.module, run.path, run.one.config.get("dtype")):
            return self._layer(run)

    def _layer(self, run: Run) -> list[Tensor]:
        one = run.one
        row = row_of(one.class_name, one.module, one.registered, one.operands)
        if one.class_name in ("TFOpLambda", "SlicingOpLambda"):
            row = function_of(one.config.get("function")) or row
        called = one.registered if isinstance(one.registered, str) else one.class_name
        call = Call(self.model, run.path, called, one.config, run.args, run.kwargs, expected=run.expected, key=run.key)
        call.class_name = one.class_name.split(">")[-1]
        stores = may_store(one.class_name, one.module, one.operands)
        held = Settings(one.config)
        dtype = one.config.get("dtype")
        if held.get("lora_rank") is not None or held.get("quantization_mode") is not None or _quantized(dtype):
            row = Operator(None, NONE, "it is quantized or has LoRA weights: use the plain layer")
        if row.handle is None and row.shapes is None:
            return call.uncounted(row.reason, called=called, stores=stores)
        unsure = any(not tensor.sure for tensor in call.tensors)
        before = len(self.model.nodes)
        try:
            made = row(call)
        except Unknown as fact:
            return call.uncounted(str(fact), fact.shapes, called=called, stores=stores)
        except Invalid as fact:
            if not unsure:
                raise
            self.model.back(before)
            return call.uncounted(
                f"the shape of its input is not known, and the assumed shape does not match ({fact.message})",
                stores=stores,
            )
        return list(made) if isinstance(made, list) else [made]

    def _nested(self, run: Run) -> list[Tensor]:
        one, args = run.one, run.args
        by_name = len(args) == 1 and isinstance(args[0], dict)
        given: list[Any] = args if by_name else list(tensors_in([args, run.kwargs]))
        read = self.sequential if one.class_name == "Sequential" and not _connected(one) else self.functional
        return [tensor for _, tensor in read(one, run.path, run.key, given)]


def _under(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _connected(model: Entry) -> bool:
    """Whether a Sequential is stored as a graph."""
    return "input_layers" in model.config and "output_layers" in model.config


def _quantized(dtype: Any) -> bool:
    return isinstance(dtype, dict) and "Quantized" in str(dtype.get("class_name"))


def _any_first(value: Any) -> bool:
    """Whether some layer has channels first."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if item.get("data_format") == "channels_first":
                return True
            stack += [inner for key, inner in item.items() if key in ("layers", "layer", "config")]
        elif isinstance(item, list):
            stack += item
    return False
