"""What a model's configuration says of its layers: which there are, their shapes, and who reads whom."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.attributes import shown, whole
from sepcalc.importers.keras.build import Tensor, tensors_in
from sepcalc.shape import MAX_SIZE, Shape, read_shape

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
    def operands(self) -> int:
        """How many arguments it is called on, if it may be an operation of keras.ops: files of the old format say no
        module, but an operation has nothing of what every layer has, and is called as Keras 3 writes it. Else 0."""
        nodes = self.raw.get("inbound_nodes")
        call = nodes[0] if isinstance(nodes, list) and nodes else None
        if self.module is not None or self.registered is not None or {"dtype", "trainable"} & set(self.config):
            return 0
        args = call.get("args") if isinstance(call, dict) else None
        return len(args) if isinstance(args, list) else 0

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


Arguments = tuple[list[Any], dict[str, Any]]


# --- shapes of the file -----------------------------------------------------------------------------------------------


def declared(config: dict[str, Any]) -> Any:
    """The input shape that a layer's config says, the batch first."""
    said = config.get("batch_shape") or config.get("batch_input_shape")
    if said is None and isinstance(config.get("input_shape"), list):
        said = [None, *config["input_shape"]]
    if said is None and isinstance(config.get("input_dim"), int) and "output_dim" not in config:
        said = [None, config["input_dim"]]
    return said


def build_shape(raw: dict[str, Any]) -> Any:
    said = raw.get("build_config")
    shape = said.get("input_shape") if isinstance(said, dict) else None
    return shape if isinstance(shape, list) and not any(isinstance(size, list) for size in shape) else None


def first_shape(one: Entry) -> Any:
    """What a model that begins a Sequential says about its own input."""
    if one.is_model and isinstance(layers := one.config.get("layers"), list) and layers:
        first = entry(layers[0])
        return declared(first.config) or build_shape(one.raw)
    return build_shape(one.raw)


def batch_shape(said: Any) -> tuple[int | None, ...] | None:
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


def batch_size(said: Any) -> int | None:
    """The batch in it, where it is a size."""
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], list):
        said = said[0]
    size = said[0] if isinstance(said, list) and said else None
    return size if isinstance(size, int) and 1 <= size <= MAX_SIZE else None


def known(shape: tuple[int | None, ...] | None) -> Shape | None:
    if shape is None:
        return None
    sizes = tuple([size for size in shape if size is not None])
    return sizes if len(sizes) == len(shape) else None


def sizes_of(text: str) -> Shape:
    return tuple([size for part in text.split("x") for size in read_shape(part)])


# --- who reads whom ---------------------------------------------------------------------------------------------------


def calls_of(one: Entry, by_name: dict[Any, Entry]) -> Iterator[Arguments]:
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


def refs_named(value: Any, by_name: dict[Any, Entry]) -> list[Ref]:
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
    return [ref for item in value for ref in refs_named(item, by_name)]


def refs_in(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from refs_in(item)


def numbering(
    entries: Sequence[Entry], calls: dict[tuple[str, int], Arguments], results: Sequence[Ref]
) -> dict[str, int]:
    """For models inside: 1 where the calls in this graph are numbered from 1, the model's own making being 0."""
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


def shapes_said(
    calls: dict[tuple[str, int], Arguments], results: Sequence[Ref], offsets: dict[str, int]
) -> dict[tuple[str, int], list[Shape | None]]:
    """The shapes of outputs, as those who read them say."""
    hints: dict[tuple[str, int], list[Shape | None]] = {}
    for ref in refs_in([list(call) for call in calls.values()]):
        shape = known(ref.shape)
        if shape is not None and ref.tensor < 1000:
            said = hints.setdefault((ref.layer, ref.node - offsets.get(ref.layer, 0)), [])
            said += [None] * (ref.tensor + 1 - len(said))
            said[ref.tensor] = shape
    return hints


def result_of(done: dict[tuple[str, int], list[Tensor]], ref: Ref, offsets: dict[str, int]) -> Tensor | None:
    made = done.get((ref.layer, ref.node - offsets.get(ref.layer, 0)))
    if made is None:
        return None
    if ref.tensor >= len(made):
        raise Invalid(f"{quoted(ref.layer)} has {len(made)} outputs: there is none of the number {ref.tensor}")
    return made[ref.tensor]


def bind(value: Any, done: dict[tuple[str, int], list[Tensor]], offsets: dict[str, int]) -> Any:
    """Arguments with tensors for Refs."""
    if isinstance(value, Ref):
        tensor = result_of(done, value, offsets)
        if tensor is None:
            raise Invalid(f"it reads {quoted(value.layer)}, which is not there")
        return tensor
    if isinstance(value, list):
        return [bind(item, done, offsets) for item in value]
    if isinstance(value, dict):
        return {key: bind(item, done, offsets) for key, item in value.items()}
    return value


def in_order(given: Sequence[Any], names: Sequence[str]) -> list[Tensor]:
    """What a model is called on, in the order of its inputs."""
    if len(given) == 1 and isinstance(given[0], dict):
        return [given[0][name] for name in names if isinstance(given[0].get(name), Tensor)]
    return list(tensors_in(list(given)))
