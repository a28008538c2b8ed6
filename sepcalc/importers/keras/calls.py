"""The connections in a model's configuration: the calls of its layers, and the tensors that each reads."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.attributes import shown, whole
from sepcalc.importers.keras.build import Tensor, tensors_in
from sepcalc.importers.keras.entries import Entry, batch_shape, known
from sepcalc.shape import Shape


class Ref(NamedTuple):
    """A reference to a tensor in the file: the output ``tensor`` of the call ``node`` of a layer, and its shape if the
    file states it (without the batch; None for an open size)."""

    layer: str
    node: int
    tensor: int
    shape: tuple[int | None, ...] | None = None


Arguments = tuple[list[Any], dict[str, Any]]
Place = tuple[str, int]  # the name of a layer, and the number of its call
Done = Mapping[Place, list[Tensor]]  # the results of calls


class Wiring(NamedTuple):
    """The connections in a model: its layers by name, their calls, and the tensors that are its inputs and outputs.
    ``offsets`` is 1 for nested models whose calls are numbered from 1."""

    layers: dict[str, Entry]
    calls: dict[Place, Arguments]
    inputs: list[Ref]
    results: list[Ref]
    offsets: dict[str, int]

    def place(self, ref: Ref) -> Place:
        """The call that gives a tensor."""
        return ref.layer, ref.node - self.offsets.get(ref.layer, 0)

    def needs(self, call: Place) -> set[Place]:
        """The calls whose results a call reads."""
        return {self.place(ref) for ref in refs_in([*self.calls[call]])}

    def said(self) -> dict[Place, list[Shape | None]]:
        """The output shapes that the readers of outputs state."""
        hints: dict[Place, list[Shape | None]] = {}
        for ref in refs_in([list(call) for call in self.calls.values()]):
            shape = known(ref.shape)
            if shape is not None and ref.tensor < 1000:
                said = hints.setdefault(self.place(ref), [])
                said += [None] * (ref.tensor + 1 - len(said))
                said[ref.tensor] = shape
        return hints

    def result_of(self, done: Done, ref: Ref) -> Tensor | None:
        """A tensor; None if its call is not done. Raises Invalid if the call has fewer outputs."""
        made = done.get(self.place(ref))
        if made is None:
            return None
        if ref.tensor >= len(made):
            raise Invalid(f"{quoted(ref.layer)} has {len(made)} outputs, so output {ref.tensor} does not exist")
        return made[ref.tensor]

    def bound(self, value: Any, done: Done) -> Any:
        """Arguments with Refs replaced by tensors. Raises Invalid if one is missing."""
        if isinstance(value, Ref):
            tensor = self.result_of(done, value)
            if tensor is None:
                raise Invalid(f"it reads {quoted(value.layer)}, which does not exist")
            return tensor
        if isinstance(value, list):
            return [self.bound(item, done) for item in value]
        if isinstance(value, dict):
            return {key: self.bound(item, done) for key, item in value.items()}
        return value


def wiring(model: Entry) -> Wiring:
    """The connections in a model. Raises Invalid."""
    entries = model.layers
    by_name = {one.raw.get("name", one.config.get("name", one.name)): one for one in entries}  # by the name in the file
    calls = {(one.name, at): call for one in entries for at, call in enumerate(_calls_of(one, by_name))}
    inputs = _refs_named(model.config.get("input_layers"), by_name) or [
        Ref(one.name, 0, 0) for one in entries if one.class_name == "InputLayer"
    ]
    results = _refs_named(model.config.get("output_layers"), by_name)
    if not results:
        raise Invalid(f"the model {quoted(model.name)} names no output_layers")
    return Wiring({one.name: one for one in entries}, calls, inputs, results, _numbering(entries, calls, results))


def _calls_of(one: Entry, by_name: dict[Any, Entry]) -> Iterator[Arguments]:
    """Every call of a layer: its arguments, with tensors as Refs."""
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
    """Arguments in Keras 3's form."""
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
    return Ref(printable(history[0]), node, tensor, batch_shape(shape) if isinstance(shape, list) and shape else None)


def _is_old_ref(value: Any, by_name: dict[Any, Entry]) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and value[0] in by_name
        and all(isinstance(number, int) and not isinstance(number, bool) for number in value[1:3])
    )


def _old_call(one: Entry, node: list[Any], by_name: dict[Any, Entry]) -> Arguments:
    """A call in Keras 2's form: ``[[layer, node, tensor, kwargs], …]``, or a single one of these."""
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


def _refs_named(value: Any, by_name: dict[Any, Entry]) -> list[Ref]:
    """The tensors that input_layers or output_layers name, in any nesting."""
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
    return [ref for item in value for ref in _refs_named(item, by_name)]


def refs_in(value: Any) -> Iterator[Ref]:
    """The references to tensors among arguments, at any depth."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from refs_in(item)


def _numbering(entries: Sequence[Entry], calls: Mapping[Place, Arguments], results: Sequence[Ref]) -> dict[str, int]:
    """For nested models: 1 if the calls in this graph are numbered from 1, because call 0 created the nested model."""
    models = {one.name: one for one in entries if one.is_model}
    if not models:
        return {}
    seen: dict[str, set[int]] = {}
    for ref in [*results, *refs_in([list(call) for call in calls.values()])]:
        if ref.layer in models:
            seen.setdefault(ref.layer, set()).add(ref.node)
    offsets = {}
    for name, nodes in seen.items():
        count = sum(call[0] == name for call in calls)
        if 0 not in nodes and (max(nodes) >= count or models[name].class_name != "Sequential"):
            offsets[name] = 1
    return offsets


def in_order(given: Sequence[Any], names: Sequence[str]) -> list[Tensor]:
    """The arguments of a model in the order of its inputs."""
    if len(given) == 1 and isinstance(given[0], dict):
        return [given[0][name] for name in names if isinstance(given[0].get(name), Tensor)]
    return list(tensors_in(list(given)))
