"""The layers in a model's configuration, and the shapes that it states for them."""

from typing import Any, NamedTuple

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.common.attributes import shown, whole
from sepcalc.shape import MAX_SIZE, Shape, read_shape

MODELS = ("Model", "Functional", "Sequential")


class Entry(NamedTuple):
    """A layer in the file."""

    name: str
    class_name: str
    module: Any
    registered: Any
    config: dict[str, Any]
    raw: dict[str, Any]

    @property
    def operands(self) -> int:
        """The number of positional arguments, if this may be an operation of keras.ops, else 0. Files of the old format
        state no module; an operation lacks what every layer has, and is called in Keras 3's form."""
        nodes = self.raw.get("inbound_nodes")
        call = nodes[0] if isinstance(nodes, list) and nodes else None
        if self.module is not None or self.registered is not None or {"dtype", "trainable"} & set(self.config):
            return 0
        args = call.get("args") if isinstance(call, dict) else None
        surely = "newshape" in self.config  # of the operation Reshape: the layer has a target_shape
        return len(args) + surely if isinstance(args, list) else 0

    @property
    def is_model(self) -> bool:
        """Whether it contains connected layers."""
        if self.class_name == "Sequential":
            return True
        return "layers" in self.config and ("input_layers" in self.config or self.class_name in MODELS)

    @property
    def layers(self) -> "list[Entry]":
        """The layers of a model. Raises Invalid if it has none, or two with one name."""
        layers = self.config.get("layers")
        if not isinstance(layers, list):
            raise Invalid(f"the model {quoted(self.name)} has no list of layers")
        entries = [entry(value, f"layer {at}") for at, value in enumerate(layers, 1)]
        seen = set[str]()
        for one in entries:
            if one.name in seen:
                raise Invalid(f"two layers of {quoted(self.name)} are called {quoted(one.name)}")
            seen.add(one.name)
        return entries


def entry(value: Any, where: str = "a layer") -> Entry:
    """One serialized layer. Raises Invalid if it is not one."""
    if not isinstance(value, dict):
        raise Invalid(f"{where} is {shown(value)}: expected an object with class_name and config")
    class_name, config = value.get("class_name"), value.get("config")
    if not isinstance(class_name, str):
        raise Invalid(f"{where} has no class_name")
    if class_name == "Sequential" and isinstance(config, list):  # Keras up to 2.2.2
        config = {"layers": config}
    if not isinstance(config, dict):
        raise Invalid(f"{where}, of the class {quoted(class_name)}, has no config")
    name = value.get("name", config.get("name"))
    if name is None:
        name = class_name.lower()
    if not isinstance(name, str) or not name:
        raise Invalid(f"{where}, of the class {quoted(class_name)}, has {shown(name)} for a name")
    return Entry(printable(name), class_name, value.get("module"), value.get("registered_name"), config, value)


# --- shapes of the file -----------------------------------------------------------------------------------------------


def declared(config: dict[str, Any]) -> Any:
    """The input shape in a layer's config, the batch first."""
    said = config.get("batch_shape") or config.get("batch_input_shape")
    if said is None and isinstance(config.get("input_shape"), list):
        said = [None, *config["input_shape"]]
    if said is None and isinstance(config.get("input_dim"), int) and "output_dim" not in config:
        said = [None, config["input_dim"]]
    return said


def build_shape(raw: dict[str, Any]) -> Any:
    """The input shape for which a layer was built, the batch first."""
    said = raw.get("build_config")
    shape = said.get("input_shape") if isinstance(said, dict) else None
    return shape if isinstance(shape, list) and not any(isinstance(size, list) for size in shape) else None


def first_shape(one: Entry) -> Any:
    """The input shape that a model at the beginning of a Sequential states for itself."""
    if one.is_model and isinstance(layers := one.config.get("layers"), list) and layers:
        first = entry(layers[0])
        return declared(first.config) or build_shape(one.raw)
    return build_shape(one.raw)


def batch_shape(said: Any) -> tuple[int | None, ...] | None:
    """The shape without the batch. Raises Invalid if it is not a shape."""
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
    """The batch of a shape, if it is a size."""
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], list):
        said = said[0]
    size = said[0] if isinstance(said, list) and said else None
    return size if isinstance(size, int) and 1 <= size <= MAX_SIZE else None


def known(shape: tuple[int | None, ...] | None) -> Shape | None:
    """The shape if it has no open sizes, else None."""
    if shape is None:
        return None
    sizes = tuple([size for size in shape if size is not None])
    return sizes if len(sizes) == len(shape) else None


def sizes_of(text: str) -> Shape:
    """The sizes in a text such as ``224x224x3``."""
    return tuple([size for part in text.split("x") for size in read_shape(part)])
