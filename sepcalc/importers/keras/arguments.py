"""The arguments of an operation, by name in its config or its call, or by position: tensors or numbers."""

from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.shape import Shape

BATCH = "it works across the examples of a batch: use an axis other than the batch"


def option(call: Call, *names: str, at: int | None = None, default: Any = None) -> Any:
    """A setting of an operation: by name in the call or its config, or by position in the call; else the default."""
    for name in names:
        if call.kwargs.get(name) is not None:
            return call.kwargs[name]
        if call.settings.config.get(name) is not None:
            return call.settings.config[name]
    placed = call.args[at] if at is not None and len(call.args) > at else None
    return default if placed is None else placed


def axes_of(call: Call, value: Any, rank: int) -> tuple[int, ...]:
    """Axes without the batch. Raises Unknown if the batch is one of them."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    if None in items or 0 in items or -rank in items:
        raise Unknown(BATCH)
    return Settings({"axis": items}).axes("axis", rank)


def axis_of(call: Call, value: Any, rank: int) -> int:
    """The one axis, without the batch. Raises Unknown if it is the batch."""
    axes = axes_of(call, value, rank)
    if len(axes) != 1:
        raise Invalid(f"axis has {len(axes)} values: expected one axis")
    return axes[0]


def along(call: Call, at: int | None, default: Any = None, more: int = 0) -> tuple[Tensor, int]:
    """The first tensor in Keras' layout, and the axis that the operation works along, without the batch. ``more`` is
    the number of axes that the result adds, if the axis is one of the result's. ``at`` is the argument's position in
    the call."""
    x = call.plain(call.x)
    return x, axis_of(call, option(call, "axis", at=at, default=default), len(x.shape) + 1 + more)


def over(call: Call, at: int | None = 1, default: Any = None) -> tuple[Tensor, tuple[int, ...]]:
    """The first tensor in Keras' layout, and the axes that the operation reduces, without the batch. ``at`` is the
    argument's position in the call."""
    x = call.plain(call.x)
    value = option(call, "axis", "axes", "reduction_indices", at=at, default=default)
    return x, axes_of(call, value, len(x.shape) + 1)


def kept(call: Call) -> bool:
    """Whether a reduction keeps its axes."""
    return option(call, "keepdims", "keep_dims") is True


def windows(call: Call, rank: int, *names: str, at: int, default: int | None = None) -> Shape:
    """A size for each of ``rank`` spatial axes. TensorFlow may also list the batch and the channels."""
    value = option(call, *names, at=at)
    if isinstance(value, list | tuple) and len(value) == rank + 2 and (value[0], value[-1]) == (1, 1):
        value = value[1:-1]
    return Settings({names[0]: value}).sizes(names[0], rank=rank, default=default)


def operands(call: Call, count: int = 2) -> list[Any]:
    """The first arguments, tensors or numbers, wherever they are in the call."""
    args = call.args[0] if len(call.args) == 1 and isinstance(call.args[0], list) else call.args
    found = list(args)
    for name in ("x", "x1", "a", "y", "x2", "b", "bias"):
        if name in call.kwargs and len(found) < count:
            found.append(call.kwargs[name])
    if len(found) < count:
        raise Invalid(f"it has {len(found)} operands: expected {count}")
    return found[:count]


def single(value: Any) -> bool:
    return isinstance(value, int | float)


def dims_of(value: Any) -> list[int]:
    """The sizes of a stored constant; empty for a number."""
    if isinstance(value, dict):
        config = value.get("config")
        value = config.get("value") if isinstance(config, dict) else None
    dims: list[int] = []
    while isinstance(value, list) and value and len(dims) < 32:
        dims.append(len(value))
        value = value[0]
    if not single(value):
        raise Unknown("one of its operands is neither a tensor nor a number")
    return dims
