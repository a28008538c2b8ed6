"""Activations: as layers, and as the ``activation`` of others."""

from functools import partial
from math import prod
from typing import Any

from sepcalc.errors import Invalid, printable
from sepcalc.importers.common.attributes import Settings, shown
from sepcalc.importers.common.elementwise import chain, gated
from sepcalc.importers.common.layout import KEEPS
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.norm import Softmax
from sepcalc.ops.pool import Reduce
from sepcalc.ops.rename import Rename

# Keras' name -> ours, for a single op. Keras 2's hard_sigmoid, clip(0.2x + 0.5, 0, 1), costs the same as Keras 3's.
_ALIKE = (
    *("relu", "relu6", "leaky-relu", "sigmoid", "tanh", "hard-sigmoid", "hard-swish", "silu", "gelu", "mish", "elu"),
    *("selu", "celu", "softplus", "softsign", "log-sigmoid", "hard-shrink", "soft-shrink", "tanh-shrink", "threshold"),
)
SIMPLE = {how.replace("-", "_"): how for how in _ALIKE}
SIMPLE |= {"sparse_sigmoid": "hard-sigmoid", "hard_silu": "hard-swish", "swish": "silu"}
SIMPLE |= {"exponential": "exp", "hard_tanh": "clip"}
FREE = ("linear", "identity")


def named(value: Any) -> tuple[str, Settings]:
    """The name of a serialized activation (a word, a function, a layer), and its settings."""
    if value is None:
        return "linear", Settings({})
    if isinstance(value, str):
        return value, Settings({})
    if isinstance(value, dict):
        config, class_name = value.get("config"), value.get("class_name")
        if class_name == "function" and isinstance(config, str):
            home, registered = value.get("module"), value.get("registered_name")
            if isinstance(home, str) and not home.startswith(("keras", "tensorflow.", "tf_keras", "builtins")):
                return f"{home}>{config}", Settings({})  # the same name as one of Keras', but from another package
            return registered if isinstance(registered, str) and ">" in registered else config, Settings({})
        if class_name == "Activation" and isinstance(config, dict):
            return named(config.get("activation"))
        if isinstance(class_name, str) and isinstance(config, dict):
            return class_name, Settings(config)
    raise Invalid(f"activation is {shown(value)}: expected a name")


def activate(call: Call, tensor: Tensor, value: Any, link: str = "act") -> Tensor:
    """Applies a serialized activation; a linear one adds no node."""
    how, settings = named(value)
    if how in FREE:
        return tensor
    if how in LAYERS:
        return _one(LAYERS[how](call.inside(link, how, dict(settings.config), tensor)))
    return apply(call, tensor, how, link, stores=bool(settings.config))


def _one(made: Tensor | list[Tensor]) -> Tensor:
    assert isinstance(made, Tensor)  # an activation layer gives one
    return made


def apply(call: Call, tensor: Tensor, how: str, link: str = "", factor: float = 1.0, stores: bool = False) -> Tensor:
    """Applies one activation by Keras' name; an unknown one is uncounted. ``stores`` says that it is a layer, which may
    have weights."""
    package, _, name = how.rpartition(">")
    if package.startswith(("keras", "Keras")):  # another package's activation only has the same name
        how = name
    if how in FREE:
        return call.add(Rename("identity"), tensor, link=link)
    if how in SIMPLE:
        return call.add(Activation(SIMPLE[how], factor), tensor, link=link)
    if how in ("softmax", "log_softmax"):
        return softmax(call, tensor, (len(tensor.shape) - 1,), how == "log_softmax", link)
    inner = f"{link}/" if link else ""
    if how == "glu":
        if not tensor.shape or tensor.shape[-1] % 2:
            raise Invalid(f"glu cannot halve {tensor.shape[-1] if tensor.shape else 'no'} channels")
        tensor = call.plain(tensor, f"{inner}layout")
        labels = (f"{inner}left", f"{inner}right", f"{inner}gate")
        return gated(call, tensor, len(tensor.shape) - 1, labels, link)
    if how == "squareplus":  # (x + sqrt(x² + 4))/2
        labels = (f"{inner}square", f"{inner}shift", f"{inner}root")
        root = chain(call, tensor, Activation("square"), Stored("shift"), Activation("sqrt"), labels=labels)
        return call.add(Stored("scale"), call.add(Elementwise("add"), tensor, root, link=f"{inner}sum"), link=link)
    if how == "sparse_plus":  # 0 below -1, (x + 1)²/4, x from 1 on
        ops = (Stored("shift"), Activation("square"), Stored("scale"), Activation("clip"))
        return chain(call, tensor, *ops, labels=(f"{inner}shift", f"{inner}square", f"{inner}scale", link))
    reason = "an activation that sepcalc does not know: use one of Keras' own"
    inside = call.inside(link, printable(how), {}, tensor)
    return inside.uncounted(reason, [tensor.shape] if not tensor.channels_first else [], stores=stores, axis=-1)[0]


def softmax(call: Call, tensor: Tensor, axes: tuple[int, ...], log: bool = False, link: str = "") -> Tensor:
    """Softmax over axes of Keras' shape."""
    rank = len(tensor.shape)
    if not rank:
        raise Invalid("softmax needs an axis")
    if len(axes) == 1:
        axis = axes[0] if not tensor.channels_first else (axes[0] - 1) % rank
        return call.add(Softmax(log, axis - rank), tensor, link=link)
    inner = f"{link}/" if link else ""
    tensor = call.plain(tensor, f"{inner}layout")
    others = [axis for axis in range(rank) if axis not in axes]
    order = (*others, *sorted(axes))
    moved = order != tuple(range(rank))
    shape = tuple([tensor.shape[axis] for axis in order])
    rows = call.free("permute", tensor, shape, f"{inner}order") if moved else tensor
    kept = shape[: len(others)]
    rows = call.free("reshape" if kept else "flatten", rows, (*kept, prod(shape[len(kept) :])), f"{inner}rows")
    made = call.free("reshape", call.add(Softmax(log), rows, link=link), shape, f"{inner}shape")
    return call.free("permute", made, tensor.shape, f"{inner}restored") if moved else made


def activation(call: Call) -> Tensor:
    how, settings = named(call.settings.get("activation"))
    if how in LAYERS:
        return _one(LAYERS[how](Call(call.model, call.name, how, dict(settings.config), [call.x], {}, key=call.key)))
    return apply(call, call.x, how, stores=bool(settings.config))


def relu(call: Call) -> Tensor:
    """max_value for x at or above it; x from the threshold on; below, negative_slope·(x - threshold)."""
    settings, x = call.settings, call.x
    slope = settings.number("negative_slope", default=0.0)
    threshold = settings.number("threshold", "theta", default=0.0)
    limit = settings.get("max_value")
    if limit is not None:
        limit = settings.number("max_value", default=0.0)
    if not slope and not threshold:
        return call.add(Activation("relu" if limit is None else "relu6" if limit == 6 else "clip"), x)
    link = "" if limit is None else "slope"
    if not slope:
        x = call.add(Activation("threshold"), x, link=link)
    else:
        below = call.add(Stored("shift"), x, link="below") if threshold else None
        x = call.add(Activation("leaky-relu"), x if below is None else below, link=link)
    return x if limit is None else call.add(Stored("minimum"), x)


def checked(call: Call, how: str, names: tuple[str, ...], default: float) -> Tensor:
    """A function with a setting that must be a number; its value does not change the cost."""
    call.settings.number(*names, default=default)
    return call.add(Activation(how), call.x)


def prelu(call: Call) -> Tensor:
    """One trained slope per element, which is the same along the shared axes (counted from 1; the batch is 0)."""
    x = call.plain(call.x)
    shared: tuple[int, ...] = ()
    if call.settings.get("shared_axes") is not None:
        shared = call.settings.axes("shared_axes", len(x.shape) + 1)
    slopes = tuple([1 if axis in shared else size for axis, size in enumerate(x.shape)])
    if all(size == 1 for size in slopes[:-1]) and slopes[-1:] == x.shape[-1:]:
        return call.add(Activation("prelu"), x)
    if all(size == 1 for size in slopes):
        return call.add(Activation("prelu", shared=True), x)
    scaled = call.add(Stored("scale", "shape", slopes), x, link="slope")
    compared = call.add(Stored("compare"), x, link="compare")
    return call.add(Select(), compared, x, scaled)


def elu(call: Call) -> Tensor:
    return call.add(Activation("elu", call.settings.number("alpha", default=1.0)), call.x)


def softmax_layer(call: Call) -> Tensor:
    return softmax(call, call.x, call.settings.axes("axis", len(call.x.shape) + 1))


def unit(call: Call, tensor: Tensor, axes: tuple[int, ...], link: str = "") -> Tensor:
    """x·min(1/sqrt(sum of squares), 1/ε), as in keras.ops.normalize."""
    inner = f"{link}/" if link else ""
    ops = (Activation("square"), Reduce("sum", axes, True), Activation("rsqrt"), Stored("minimum"))
    bound = chain(call, tensor, *ops, labels=(f"{inner}square", f"{inner}sum", f"{inner}root", f"{inner}bound"))
    return call.add(Elementwise("multiply"), tensor, bound, link=link)


LAYERS: dict[str, Operator] = {
    "Activation": Operator(activation, KEEPS),
    "ReLU": Operator(relu, KEEPS),
    "LeakyReLU": Operator(partial(checked, how="leaky-relu", names=("negative_slope", "alpha"), default=0.3), KEEPS),
    "PReLU": Operator(prelu, KEEPS),
    "ELU": Operator(elu, KEEPS),
    "Softmax": Operator(softmax_layer, KEEPS),
    "ThresholdedReLU": Operator(partial(checked, how="threshold", names=("theta",), default=1.0), KEEPS),
}
