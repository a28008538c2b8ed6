"""The layers of a model, in the order in which they run: functional graphs, sequences, models inside models."""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, near_miss, printable, quoted
from sepcalc.importers.keras.build import Builder, Call, Tensor, tensors_in
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.settings import Settings, shown, whole
from sepcalc.importers.keras.table import handler
from sepcalc.importers.keras.tftable import function_of
from sepcalc.network import Network
from sepcalc.shape import Shape, read_shape, show

MOST_PROBLEMS = 20
MODELS = ("Model", "Functional", "Sequential")


class Ref(NamedTuple):
    """A tensor in the file: the output ``tensor`` of the call ``node`` of a layer; its shape where the file says it
    (without the batch, None where a size is open)."""

    layer: str
    node: int
    tensor: int
    shape: tuple[int | None, ...] | None = None


class Entry(NamedTuple):
    """A layer as the file has it."""

    name: str
    class_name: str
    module: Any
    registered: Any
    config: dict[str, Any]
    raw: dict[str, Any]

    @property
    def is_model(self) -> bool:
        """Whether it has layers of its own, connected here."""
        if self.class_name == "Sequential":
            return True
        return "layers" in self.config and ("input_layers" in self.config or self.class_name in MODELS)


def entry(value: Any, where: str = "a layer") -> Entry:
    """One serialized layer. Raises Invalid where it is none."""
    if not isinstance(value, dict):
        raise Invalid(f"{where} is {shown(value)}: expected an object with class_name and config")
    class_name, config = value.get("class_name"), value.get("config")
    if not isinstance(class_name, str):
        raise Invalid(f"{where} has no class_name")
    if class_name == "Sequential" and isinstance(config, list):  # as Keras wrote it up to 2.2.2
        config = {"layers": config}
    if not isinstance(config, dict):
        raise Invalid(f"{where}, of the class {quoted(class_name)}, has no config")
    name = value.get("name", config.get("name"))
    if name is None:
        name = class_name.lower()
    if not isinstance(name, str) or not name:
        raise Invalid(f"{where}, of the class {quoted(class_name)}, has {shown(name)} for a name")
    return Entry(printable(name), class_name, value.get("module"), value.get("registered_name"), config, value)


class _Failed(Exception):
    """Something is wrong that has been written down already."""


def build(config: Any, path: str, model: Builder) -> Network:
    """The network of a model's configuration. Raises InputError with every problem."""
    reader = Reader(model, path)
    try:
        return reader.network(config)
    except Invalid as fact:
        reader.problems.append(Problem(fact.message, fact.hint))
    except _Failed:
        pass
    except RecursionError:
        reader.problems.append(Problem("the configuration is nested too deeply"))
    more = len(reader.problems) - MOST_PROBLEMS
    place = printable(path)
    found = [problem._replace(place=place) for problem in reader.problems[:MOST_PROBLEMS]]
    raise InputError([*found, Problem(f"and {more} more", place=place)] if more > 0 else found)


class Reader:
    """One model on its way to a network: what it is made of, and what is wrong with it."""

    def __init__(self, model: Builder, path: str) -> None:
        self.model = model
        self.path = path
        self.problems: list[Problem] = []
        self.broken = set[str]()
        self.overridden = False  # whether a shape was asked for, so that those in the file no longer hold
        model.run = self.run

    # --- the whole ----------------------------------------------------------------------------------------------------

    def network(self, config: Any) -> Network:
        if not isinstance(config, dict) or "class_name" not in config:
            raise Invalid(
                "this is no Keras model: expected an object with class_name and config, as model.to_json() writes it"
            )
        whole_model = entry(config, "the model")
        if not whole_model.is_model:
            name = quoted(whole_model.class_name)
            if handler(whole_model.class_name, whole_model.module, whole_model.registered)[0] is not None:
                raise Invalid(f"this is a layer {name}, no model", "put it into a Sequential")
            raise Invalid(
                f"{name} is a subclassed model: its layers are connected by code that the file does not hold",
                "build it as a functional model, or export it to ONNX: model.export('model.onnx', format='onnx')",
            )
        self.model.first = _any_first(whole_model.config)
        if self.model.request.dims:
            raise Invalid("the open sizes of a Keras model have no names", "give a whole shape: --input 224x224x3")
        if whole_model.class_name == "Sequential" and not _connected(whole_model):
            outputs = self.sequential(whole_model, "", "", None)
        else:
            outputs = self.functional(whole_model, "", "", None)
        if self.problems:
            raise _Failed
        if not self.model.nodes:
            raise Invalid("the model has no layers")
        named = {"output": outputs[0][1].number} if len(outputs) == 1 else _distinct(outputs)
        nodes = self.model.finished()
        return Network(whole_model.name, self.model.inputs, nodes, named, notes=self.model.notes)

    # --- inputs -------------------------------------------------------------------------------------------------------

    def inputs(self, wanted: Sequence[tuple[str, Any]]) -> list[Tensor]:
        """The model's own inputs by name and the shapes that the file says, or that the request has instead."""
        asked = dict(self.model.request.inputs)
        names = [name for name, _ in wanted]
        for name in asked:
            if name and name not in names:
                known = ", ".join(map(quoted, names[:10]))
                hint = near_miss(name, names) or f"it has {known}"
                self.problems.append(Problem(f"the model has no input {quoted(name)}", hint))
        if "" in asked and len(names) != 1:
            known = ", ".join(map(quoted, names[:10]))
            self.problems.append(
                Problem(f"the model has {len(names)} inputs: say which", f"--input NAME=…, of {known}")
            )
        tensors = []
        for name, said in wanted:
            try:
                tensors.append(self.input(name, said, asked.get(name, asked.get(""))))
            except Invalid as fact:
                self.problems.append(Problem(f"input {quoted(name)}: {fact.message}", fact.hint))
        if self.problems:
            raise _Failed
        return tensors

    def input(self, name: str, said: Any, text: str | None) -> Tensor:
        """One input. A shape for it by its name is laid out as the file's, with or without the batch; the one without
        a name has channels last."""
        shape = _batch_shape(said)
        rank = None if shape is None else len(shape)
        first = self.model.first and rank is not None and rank >= 3
        if text is None:
            if shape is None:
                raise Invalid(
                    "the file does not say its shape", f"--input {name}=224x224x3, for example (HxWxC, no batch)"
                )
            if None in shape:
                example = "x".join("224" if size is None else str(size) for size in shape)
                open_ones = "x".join("?" if size is None else str(size) for size in shape)
                raise Invalid(f"its shape {open_ones} leaves sizes open", f"--input {name}={example}, for example")
            return self.model.input(name, tuple([size for size in shape if size is not None]), first)
        sizes = read_shape(text) if text.count("x") < 4 else _sizes(text)
        named = name in self.model.request.inputs
        if named and rank is not None and len(sizes) == rank + 1:
            sizes = sizes[1:]
        elif first and not named:
            sizes = (sizes[-1], *sizes[:-1])
        if rank is not None and len(sizes) != rank:
            raise Invalid(f"{quoted(text)} has {len(sizes)} sizes: expected {rank}, without the batch")
        channels = 0 if first else -1
        if rank is not None and rank > 1 and shape is not None and shape[channels] not in (None, sizes[channels]):
            raise Invalid(
                f"{quoted(text)} has {sizes[channels]} channels: the model's weights are for {shape[channels]}"
            )
        self.overridden = True
        return self.model.input(name, sizes, first)

    # --- a sequence ---------------------------------------------------------------------------------------------------

    def sequential(self, model: Entry, path: str, key: str, given: Sequence[Tensor] | None) -> list[tuple[str, Tensor]]:
        layers = model.config.get("layers")
        if not isinstance(layers, list):
            raise Invalid(f"the model {quoted(model.name)} has no list of layers")
        entries = [entry(value, f"layer {at}") for at, value in enumerate(layers, 1)]
        _unique(entries, model.name)
        with self.model.nesting():
            if entries and entries[0].class_name == "InputLayer":
                first, entries = entries[0], entries[1:]
                name, said = first.name, _declared(first.config)
            else:
                name, said = "input", None
                if entries:
                    said = _declared(entries[0].config) or _first_shape(entries[0])
                build_shape = model.config.get("build_input_shape") or _build_shape(model.raw)
                said = said or build_shape
            tensors = self.inputs([(name, said)]) if given is None else list(given)
            hint = None
            for at, one in enumerate(entries):
                following = entries[at + 1] if at + 1 < len(entries) else None
                hint = _build_shape(following.raw) if following and not self.overridden else None
                expected = [_known(_batch_shape(hint))] if isinstance(hint, list) else []
                argument = tensors[0] if len(tensors) == 1 else tensors
                tensors = self.call(one, _under(path, one.name), _under(key, one.name), [argument], {}, expected)
        return [(model.name, tensor) for tensor in tensors]

    # --- a graph ------------------------------------------------------------------------------------------------------

    def functional(self, model: Entry, path: str, key: str, given: Sequence[Any] | None) -> list[tuple[str, Tensor]]:
        layers = model.config.get("layers")
        if not isinstance(layers, list):
            raise Invalid(f"the model {quoted(model.name)} has no list of layers")
        entries = [entry(value, f"layer {at}") for at, value in enumerate(layers, 1)]
        _unique(entries, model.name)
        by_name = {one.raw.get("name", one.config.get("name", one.name)): one for one in entries}
        calls = {(one.name, at): call for one in entries for at, call in enumerate(_calls(one, by_name))}
        wanted = _refs(model.config.get("input_layers"), by_name) or [
            Ref(one.name, 0, 0) for one in entries if one.class_name == "InputLayer"
        ]
        results = _refs(model.config.get("output_layers"), by_name)
        if not results:
            raise Invalid(f"the model {quoted(model.name)} names no output_layers")
        offsets = _offsets(entries, calls, results)
        hints = _hints(calls, results, offsets) if not self.overridden else {}
        with self.model.nesting():
            done = self._begin(model, by_name, wanted, given)
            if self.overridden:
                hints = {}
            self._run_calls(entries, calls, offsets, hints, done, path, key)
            outputs = []
            for ref in results:
                tensor = _result(done, ref, offsets)
                if tensor is None:
                    if not self.problems:
                        raise Invalid(f"the output {quoted(ref.layer)} is made by no layer of {quoted(model.name)}")
                    raise _Failed
                outputs.append((ref.layer, tensor))
        return outputs

    def _begin(
        self, model: Entry, by_name: dict[Any, Entry], wanted: Sequence[Ref], given: Sequence[Any] | None
    ) -> dict[tuple[str, int], list[Tensor]]:
        """The inputs of the graph: those of the model, or what it is called on."""
        for ref in wanted:
            if ref.layer not in by_name:
                raise Invalid(f"the model {quoted(model.name)} names an input {quoted(ref.layer)} that it lacks")
        if given is None:
            inputs = [by_name[ref.layer] for ref in wanted]
            named = {one.name for one in inputs}
            stray = [o for o in by_name.values() if o.class_name == "InputLayer" and o.name not in named]
            tensors = self.inputs([(one.name, _declared(one.config)) for one in [*inputs, *stray]])
            names = [one.name for one in [*inputs, *stray]]
        else:
            names = [by_name[ref.layer].name for ref in wanted]
            tensors = _bound(given, names)
            if len(tensors) != len(names):
                raise Invalid(f"it is called on {len(tensors)} tensors: expected {len(names)}")
        return {(name, 0): [tensor] for name, tensor in zip(names, tensors)}

    def _run_calls(
        self,
        entries: Sequence[Entry],
        calls: dict[tuple[str, int], "_Call"],
        offsets: dict[str, int],
        hints: dict[tuple[str, int], list[Shape | None]],
        done: dict[tuple[str, int], list[Tensor]],
        path: str,
        key: str,
    ) -> None:
        """Every call once what it reads is there, in the order of the file where there is a choice."""
        order = {call: at for at, call in enumerate(calls)}
        by_name = {one.name: one for one in entries}
        waiting: dict[tuple[str, int], int] = {}
        readers: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for call, (args, kwargs) in calls.items():
            if call in done:
                continue
            needs = {(ref.layer, ref.node - offsets.get(ref.layer, 0)) for ref in _refs_in([args, kwargs])}
            for need in needs:
                if need not in calls and need not in done:
                    raise Invalid(f"{quoted(call[0])} reads {quoted(need[0])}, call {need[1]}, which is not there")
            missing = [need for need in needs if need not in done]
            waiting[call] = len(missing)
            for need in missing:
                readers.setdefault(need, []).append(call)
        ready = [order[call] for call, count in waiting.items() if not count]
        heapify(ready)
        every = list(calls)
        while ready:
            call = every[heappop(ready)]
            one = by_name[call[0]]
            args, kwargs = calls[call]
            try:
                bound = [_bind(args, done, offsets), _bind(kwargs, done, offsets)]
                done[call] = self.call(
                    one, _under(path, one.name), _under(key, one.name), bound[0], bound[1], hints.get(call, [])
                )
            except _Failed:
                pass
            else:
                for reader in readers.get(call, ()):
                    waiting[reader] -= 1
                    if not waiting[reader]:
                        heappush(ready, order[reader])
        if not self.problems and (stuck := [call[0] for call, count in waiting.items() if count]):
            names = ", ".join(map(quoted, stuck[:5]))
            raise Invalid(f"the layers {names} wait for one another: a graph has no cycles")

    # --- one layer ----------------------------------------------------------------------------------------------------

    def run(self, value: Any, path: str, key: str, args: list[Any], kwargs: dict[str, Any]) -> list[Tensor]:
        """A layer inside a wrapper."""
        with self.model.nesting():
            return self._call(entry(value, "the layer inside it"), path, key, args, kwargs, [])

    def call(
        self,
        one: Entry,
        path: str,
        key: str,
        args: list[Any],
        kwargs: dict[str, Any],
        expected: Sequence[Shape | None],
    ) -> list[Tensor]:
        """What a layer gives. What is wrong with it is written down; raises _Failed then."""
        try:
            made = self._call(one, path, key, args, kwargs, expected)
            for tensor, said in zip(made, expected):
                if said is not None and tensor.sure and said != tensor.shape and not self.overridden:
                    raise Invalid(f"its output is {show(tensor.shape) or 'one number'}, but the file says {show(said)}")
            return made
        except Invalid as fact:
            if path not in self.broken:
                self.broken.add(path)
                where = f"layer {quoted(path)} ({printable(one.class_name)[:60]})"
                self.problems.append(Problem(f"{where}: {fact.message}", fact.hint))
            raise _Failed from fact

    def _call(
        self,
        one: Entry,
        path: str,
        key: str,
        args: list[Any],
        kwargs: dict[str, Any],
        expected: Sequence[Shape | None],
    ) -> list[Tensor]:
        if one.is_model:
            return self._nested(one, path, key, args, kwargs)
        function, reason = handler(one.class_name, one.module, one.registered)
        if one.class_name in ("TFOpLambda", "SlicingOpLambda"):
            function = function_of(one.config.get("function"))
        called = one.registered if isinstance(one.registered, str) else one.class_name
        call = Call(self.model, path, called, one.config, args, kwargs, expected=expected, key=key)
        call.class_name = one.class_name.split(">")[-1]
        held = Settings(one.config)
        dtype = one.config.get("dtype")
        if held.get("lora_rank") is not None or held.get("quantization_mode") is not None or _quantized(dtype):
            function, reason = None, "it is quantized or has LoRA weights: it would take the plain layer"
        if function is None:
            return call.uncounted(reason, called=called)
        unsure = any(not tensor.sure for tensor in call.tensors)
        before = len(self.model.nodes)
        try:
            made = function(call)
        except Unknown as fact:
            return call.uncounted(str(fact), called=called)
        except Invalid as fact:
            if not unsure or len(self.model.nodes) != before:
                raise
            return call.uncounted(
                f"the shape of its input is not known, and what was taken for it does not fit ({fact.message})"
            )
        return list(made) if isinstance(made, list) else [made]

    def _nested(self, one: Entry, path: str, key: str, args: list[Any], kwargs: dict[str, Any]) -> list[Tensor]:
        given: list[Any] = args if len(args) == 1 and isinstance(args[0], dict) else list(tensors_in([args, kwargs]))
        if one.class_name == "Sequential" and not _connected(one):
            made = self.sequential(one, path, key, given)
        else:
            made = self.functional(one, path, key, given)
        return [tensor for _, tensor in made]


_Call = tuple[list[Any], dict[str, Any]]


def _under(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _unique(entries: Sequence[Entry], model: str) -> None:
    seen = set[str]()
    for one in entries:
        if one.name in seen:
            raise Invalid(f"two layers of {quoted(model)} are called {quoted(one.name)}")
        seen.add(one.name)


def _distinct(outputs: Sequence[tuple[str, Tensor]]) -> dict[str, int]:
    names: dict[str, int] = {}
    for name, tensor in outputs:
        unique, at = name, 0
        while unique in names:
            at += 1
            unique = f"{name}[{at}]"
        names[unique] = tensor.number
    return names


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


# --- shapes of the file -----------------------------------------------------------------------------------------------


def _declared(config: dict[str, Any]) -> Any:
    """The input shape that a layer's config says, the batch first."""
    said = config.get("batch_shape") or config.get("batch_input_shape")
    if said is None and isinstance(config.get("input_shape"), list):
        said = [None, *config["input_shape"]]
    if said is None and isinstance(config.get("input_dim"), int) and "output_dim" not in config:
        said = [None, config["input_dim"]]
    return said


def _build_shape(raw: dict[str, Any]) -> Any:
    said = raw.get("build_config")
    shape = said.get("input_shape") if isinstance(said, dict) else None
    return shape if isinstance(shape, list) and not any(isinstance(size, list) for size in shape) else None


def _first_shape(one: Entry) -> Any:
    """What a model that begins a Sequential says about its own input."""
    if one.is_model and isinstance(layers := one.config.get("layers"), list) and layers:
        first = entry(layers[0])
        return _declared(first.config) or _build_shape(one.raw)
    return _build_shape(one.raw)


def _batch_shape(said: Any) -> tuple[int | None, ...] | None:
    """Without the batch. Raises Invalid where it is no shape."""
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], list):
        said = said[0]
    if said is None:
        return None
    if not isinstance(said, list) or not said:
        raise Invalid(f"its shape is {shown(said)}: expected sizes")
    if len(said) > 32:
        raise Invalid("its shape has more than 32 sizes")
    try:
        return tuple([None if size is None else whole(size) for size in said[1:]])
    except Invalid as fact:
        raise Invalid(f"its shape has the size {fact.message}") from fact


def _known(shape: tuple[int | None, ...] | None) -> Shape | None:
    if shape is None:
        return None
    sizes = tuple([size for size in shape if size is not None])
    return sizes if len(sizes) == len(shape) else None


def _sizes(text: str) -> Shape:
    return tuple([size for part in text.split("x") for size in read_shape(part)])


# --- who reads whom ---------------------------------------------------------------------------------------------------


def _calls(one: Entry, by_name: dict[Any, Entry]) -> Iterator[_Call]:
    """Every call of a layer: its arguments, tensors as Refs."""
    nodes = one.raw.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise Invalid(f"layer {quoted(one.name)} has {shown(nodes)} for its inbound_nodes")
    for node in nodes:
        if isinstance(node, dict):
            args, kwargs = _values(node.get("args", []), 0), _values(node.get("kwargs", {}), 0)
            if not isinstance(args, list) or not isinstance(kwargs, dict):
                raise Invalid(f"layer {quoted(one.name)} has a call without args and kwargs")
            yield args, kwargs
        elif isinstance(node, list):
            yield _old_call(one, node, by_name)
        else:
            raise Invalid(f"layer {quoted(one.name)} has {shown(node)} for a call")


def _values(value: Any, depth: int) -> Any:
    """Arguments as Keras 3 has them."""
    if depth > 50:
        raise Invalid("the configuration is nested too deeply")
    if isinstance(value, list):
        return [_values(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    match value.get("class_name"):
        case "__keras_tensor__":
            history = config.get("keras_history") if isinstance(config, dict) else None
            shape = config.get("shape") if isinstance(config, dict) else None
            return _ref(history, shape)
        case "__tuple__":
            items = value.get("items", config)
            return [_values(item, depth + 1) for item in items] if isinstance(items, list) else []
        case "__slice__" if isinstance(config, dict):
            return slice(*[_values(config.get(part), depth + 1) for part in ("start", "stop", "step")])
        case "__ellipsis__":
            return ...
    return {key: _values(item, depth + 1) for key, item in value.items()}


def _ref(history: Any, shape: Any = None) -> Ref:
    if not isinstance(history, list) or len(history) < 3 or not isinstance(history[0], str):
        raise Invalid("a tensor does not say which layer it comes from")
    try:
        node, tensor = whole(history[1], 0), whole(history[2], 0)
    except Invalid as fact:
        raise Invalid(f"a tensor of {quoted(history[0])} has the number {fact.message}") from fact
    return Ref(printable(history[0]), node, tensor, _batch_shape(shape) if isinstance(shape, list) and shape else None)


def _is_old_ref(value: Any, by_name: dict[Any, Entry]) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and value[0] in by_name
        and all(isinstance(number, int) and not isinstance(number, bool) for number in value[1:3])
    )


def _old_call(one: Entry, node: list[Any], by_name: dict[Any, Entry]) -> _Call:
    """A call as Keras 2 has it: ``[[layer, node, tensor, kwargs], …]``, or one of these alone."""
    items = [node] if node and isinstance(node[0], str) else node
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for item in items:
        if isinstance(item, list) and len(item) in (3, 4) and item[0] == "_CONSTANT_VALUE":
            args.append(item[2])
        elif isinstance(item, list) and len(item) in (3, 4):
            args.append(_ref(item))
        else:
            raise Invalid(f"layer {quoted(one.name)} has {shown(item)} for an input: expected [layer, node, tensor]")
        if len(item) == 4 and isinstance(item[3], dict):
            kwargs |= {key: _old_values(value, by_name, 0) for key, value in item[3].items()}
    if len(args) > 1:
        args = [args]
    return args, kwargs


def _old_values(value: Any, by_name: dict[Any, Entry], depth: int) -> Any:
    if depth > 50:
        raise Invalid("the configuration is nested too deeply")
    if _is_old_ref(value, by_name):
        return _ref(value)
    if isinstance(value, list):
        return [_old_values(item, by_name, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _old_values(item, by_name, depth + 1) for key, item in value.items()}
    return value


def _refs(value: Any, by_name: dict[Any, Entry]) -> list[Ref]:
    """The tensors that input_layers or output_layers name, in whatever structure."""
    if _is_old_ref(value, by_name) or (
        isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int)
    ):
        return [_ref(value)]
    if isinstance(value, dict):
        value = list(value.values())
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"input_layers or output_layers has {shown(value)}: expected [layer, node, tensor]")
    return [ref for item in value for ref in _refs(item, by_name)]


def _refs_in(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _refs_in(item)


def _offsets(entries: Sequence[Entry], calls: dict[tuple[str, int], _Call], results: Sequence[Ref]) -> dict[str, int]:
    """For models inside: 1 where the calls in this graph are numbered from 1, the model's own making being 0."""
    models = {one.name: one for one in entries if one.is_model}
    if not models:
        return {}
    seen: dict[str, set[int]] = {}
    for ref in [*results, *_refs_in([list(call) for call in calls.values()])]:
        if ref.layer in models:
            seen.setdefault(ref.layer, set()).add(ref.node)
    offsets = {}
    for name, nodes in seen.items():
        count = sum(call[0] == name for call in calls)
        if 0 not in nodes and (max(nodes) >= count or models[name].class_name != "Sequential"):
            offsets[name] = 1
    return offsets


def _hints(
    calls: dict[tuple[str, int], _Call], results: Sequence[Ref], offsets: dict[str, int]
) -> dict[tuple[str, int], list[Shape | None]]:
    """The shapes of outputs, as those who read them say."""
    hints: dict[tuple[str, int], list[Shape | None]] = {}
    for ref in _refs_in([list(call) for call in calls.values()]):
        shape = _known(ref.shape)
        if shape is not None and ref.tensor < 1000:
            said = hints.setdefault((ref.layer, ref.node - offsets.get(ref.layer, 0)), [])
            said += [None] * (ref.tensor + 1 - len(said))
            said[ref.tensor] = shape
    return hints


def _result(done: dict[tuple[str, int], list[Tensor]], ref: Ref, offsets: dict[str, int]) -> Tensor | None:
    made = done.get((ref.layer, ref.node - offsets.get(ref.layer, 0)))
    if made is None:
        return None
    if ref.tensor >= len(made):
        raise Invalid(f"{quoted(ref.layer)} has {len(made)} outputs: there is none of the number {ref.tensor}")
    return made[ref.tensor]


def _bind(value: Any, done: dict[tuple[str, int], list[Tensor]], offsets: dict[str, int]) -> Any:
    """Arguments with tensors for Refs."""
    if isinstance(value, Ref):
        tensor = _result(done, value, offsets)
        if tensor is None:
            raise Invalid(f"it reads {quoted(value.layer)}, which is not there")
        return tensor
    if isinstance(value, list):
        return [_bind(item, done, offsets) for item in value]
    if isinstance(value, dict):
        return {key: _bind(item, done, offsets) for key, item in value.items()}
    return value


def _bound(given: Sequence[Any], names: Sequence[str]) -> list[Tensor]:
    """What a model is called on, in the order of its inputs."""
    if len(given) == 1 and isinstance(given[0], dict):
        return [given[0][name] for name in names if isinstance(given[0].get(name), Tensor)]
    return list(tensors_in(list(given)))
