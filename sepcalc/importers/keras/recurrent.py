"""Recurrent layers, and the wrappers that run others several times."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.keras.activation import SIMPLE, named
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.settings import Settings
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Rename, Slice
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import Part, Scan
from sepcalc.shape import Shape

CELLS = {
    "SimpleRNN": "rnn",
    "SimpleRNNCell": "rnn",
    "LSTM": "lstm",
    "LSTMCell": "lstm",
    "CuDNNLSTM": "lstm",
    "GRU": "gru",
    "GRUCell": "gru",
    "CuDNNGRU": "gru",
}


def function(settings: Settings, key: str, default: str) -> str:
    """An activation inside a cell, as the ops call it."""
    how, inner = named(settings.config.get(key, default))
    if how == "linear":
        return how
    if how not in SIMPLE or inner.config:
        raise Unknown(f"its {key} is {quoted(how)}: it would take an activation of Keras' own that is one function")
    return SIMPLE[how]


def cell(class_name: str, settings: Settings) -> Recurrent:
    """The recurrent op of a cell or of a layer of it."""
    kind = CELLS[class_name]
    gate = "sigmoid" if kind == "rnn" else function(settings, "recurrent_activation", "sigmoid")
    sets = int(settings.flag("use_bias", True))
    before = False
    if kind == "gru":
        before = not settings.flag("reset_after", class_name == "CuDNNGRU")
        sets *= 1 if before else 2
    elif class_name == "CuDNNLSTM":
        sets = 2
    return Recurrent(
        kind,
        settings.size("units", "output_dim"),
        sets,
        reset_before=before,
        act=function(settings, "activation", "tanh"),
        gate=gate,
    )


class Direction(NamedTuple):
    """One recurrent layer: its cells one above the other, and whether it gives every step."""

    cells: tuple[Recurrent, ...]
    sequences: bool
    states: bool


def direction(entry: dict[str, Any]) -> Direction:
    """A serialized recurrent layer. Raises Unknown for cells that are someone's own."""
    class_name, settings = entry.get("class_name"), Settings(_config(entry))
    if class_name == "RNN":
        cells = _cells(settings.config.get("cell"), 0)
    elif isinstance(class_name, str) and class_name in CELLS and not class_name.endswith("Cell"):
        cells = [cell(class_name, settings)]
    else:
        raise Unknown("it wraps a layer that is no SimpleRNN, LSTM or GRU: it would take one of these")
    return Direction(tuple(cells), settings.flag("return_sequences", False), settings.flag("return_state", False))


def _config(entry: Any) -> dict[str, Any]:
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(config, dict):
        raise Invalid("a layer inside it has no config")
    return config


def _cells(value: Any, depth: int) -> list[Recurrent]:
    if isinstance(value, list) and depth < 30:
        return [one for item in value[:1000] for one in _cells(item, depth + 1)]
    config = _config(value)
    class_name = value.get("class_name")
    if class_name == "StackedRNNCells":
        return _cells(config.get("cells"), depth + 1)
    if not isinstance(class_name, str) or not (class_name in CELLS and class_name.endswith("Cell")):
        raise Unknown("its cell is someone's own: it would take SimpleRNNCell, LSTMCell or GRUCell")
    return [cell(class_name, Settings(config))]


def _run(call: Call, x: Tensor, way: Direction, link: str = "") -> tuple[Tensor, list[Tensor]]:
    """What a layer gives, and its last states."""
    states = []
    for at, op in enumerate(way.cells):
        last = at == len(way.cells) - 1
        name = link if len(way.cells) == 1 else f"{link}/cell[{at}]".lstrip("/")
        x = call.add(op._replace(last=last and not way.sequences), x, link=name)
        if way.states:
            states += [_last(call, x, name, kind) for kind in ("h", "c")[: 2 if op.cell == "lstm" else 1]]
    return x, states


def _last(call: Call, x: Tensor, link: str, kind: str) -> Tensor:
    """The last state, which is there when the last step is done."""
    name = f"{link}/{kind}".lstrip("/")
    if len(x.shape) == 1:
        return call.add(Rename("identity"), x, link=name)
    step = call.add(Slice((1, *x.shape[1:])), x, link=f"{name}/step")
    return call.free("reshape", step, x.shape[1:], name)


def recurrent(call: Call) -> Tensor | list[Tensor]:
    way = direction({"class_name": call.class_name, "config": call.settings.config})
    x = call.plain(call.x)
    made, states = _run(call, x, way)
    if not way.states:
        return made
    # the layer's last row is what it gives
    return [call.add(Rename("identity"), made, link="output"), *states] if states else made


MERGES = {"concat": "", "sum": "add", "mul": "multiply", "ave": "add"}


def bidirectional(call: Call) -> Tensor | list[Tensor]:
    settings, x = call.settings, call.plain(call.x)
    forward = direction(settings.nested("layer"))
    back = settings.config.get("backward_layer")
    backward = direction(back) if isinstance(back, dict) else forward
    mode = settings.config.get("merge_mode", "concat")
    if mode is not None and mode not in tuple(MERGES):
        raise Invalid("merge_mode must be sum, mul, concat, ave or null")
    if mode == "concat" and forward == backward and len(forward.cells) == 1 and not forward.states:
        return call.add(forward.cells[0]._replace(bidirectional=True, last=not forward.sequences), x)
    one, first = _run(call, x, forward, "forward")
    other, second = _run(call, x, backward, "backward")
    if mode is None:
        return [one, other, *first, *second]
    if mode == "concat":
        made = call.add(Concat(), one, other)
    elif mode == "ave":
        made = call.add(Stored("scale"), call.add(Elementwise("add"), one, other, link="sum"))
    else:
        made = call.add(Elementwise(MERGES[mode]), one, other)
    return [made, *first, *second] if first else made


def conv_lstm(call: Call) -> Tensor | list[Tensor]:
    """An LSTM whose products with input and state are convolutions. Source: Shi et al., arXiv:1506.04214, without
    peepholes, as Keras has it."""
    settings, x = call.settings, call.x
    rank = int(call.class_name[len("ConvLSTM")])
    if len(x.shape) != rank + 2:
        raise Invalid(f"it needs a sequence of {rank} spatial axes and channels")
    first = settings.word("data_format", ("channels_last", "channels_first"), "channels_last") == "channels_first"
    x = call.plain(x)
    if first:
        steps, channels, *sizes = x.shape
        x = call.free("permute", x, (steps, *sizes, channels), "layout")
    kernel = settings.sizes("kernel_size", rank=rank)
    stride = settings.sizes("strides", rank=rank, default=1)
    dilation = settings.sizes("dilation_rate", rank=rank, default=1)
    padding: Any = "same" if settings.word("padding", ("valid", "same"), "valid") == "same" else ((0, 0),) * rank
    filters, bias = settings.size("filters"), settings.flag("use_bias", True)
    ones = (1,) * rank
    seen = Conv(kernel, 4 * filters, stride, padding, dilation, bias=bias)
    state: Shape = (*seen.output((x.shape[1:],))[:-1], filters)
    gate, act = function(settings, "recurrent_activation", "sigmoid"), function(settings, "activation", "tanh")
    sequences = settings.flag("return_sequences", False)
    made = call.add(
        Scan(
            f"conv lstm {rank}d",
            (state, state),
            _lstm(seen, Conv(kernel, 4 * filters, ones, "same", ones), state, gate, act),
            (17, 15),
            not sequences,
        ),
        x,
    )
    states = []
    if settings.flag("return_state", False):
        states = [_last_image(call, made, sequences, kind, first) for kind in ("h", "c")]
    if first:
        *outer, channels = made.shape
        shape = (outer[0], channels, *outer[1:]) if sequences else (channels, *outer)
        made = call.free("permute", made, shape, "restored") if sequences else made._replace(shape=shape, first=True)
    return [made, *states] if states else made


def _last_image(call: Call, made: Tensor, sequences: bool, kind: str, first: bool) -> Tensor:
    if sequences:
        step = call.add(Slice((1, *made.shape[1:])), made, link=f"{kind}/step")
        tensor = call.free("reshape", step, made.shape[1:], kind)
    else:
        tensor = call.add(Rename("identity"), made, link=kind)
    return tensor._replace(shape=(tensor.shape[-1], *tensor.shape[:-1]), first=True) if first else tensor


def _lstm(seen: Conv, before: Conv, state: Shape, gate: str, act: str) -> tuple[Part, ...]:
    """One step: 0 its input, 1 and 2 the states h and c; 17 and 15 the next ones."""
    *sizes, one = state

    def function_of(how: str) -> Any:
        return Rename("identity") if how == "linear" else Activation(how)

    def part(count: int) -> Slice:
        return Slice((*sizes, count * one))

    return (
        Part(seen, (0,)),  # 3
        Part(before, (1,)),
        Part(Elementwise("add"), (3, 4)),  # 5: all four gates
        Part(part(3), (5,)),
        Part(function_of(gate), (6,)),  # 7: input, forget, output
        Part(part(1), (5,)),
        Part(function_of(act), (8,)),  # 9: the candidate
        Part(part(1), (7,)),
        Part(part(1), (7,)),
        Part(part(1), (7,)),  # 10, 11, 12: the gates one by one
        Part(Elementwise("multiply"), (11, 2)),
        Part(Elementwise("multiply"), (10, 9)),
        Part(Elementwise("add"), (13, 14)),  # 15: the next c
        Part(function_of(act), (15,)),
        Part(Elementwise("multiply"), (12, 16)),  # 17: the next h
    )


def time_distributed(call: Call) -> Tensor | list[Tensor]:
    """A layer, or a model, on each slice along the first axis."""
    inner = call.settings.nested("layer")
    sources = [call.plain(tensor) for tensor in call.tensors]
    if not sources or any(not tensor.shape or tensor.shape[0] != sources[0].shape[0] for tensor in sources):
        raise Invalid("it needs inputs with a time axis in common")
    steps = sources[0].shape[0]
    outer = call.model.outer
    call.model.outer = (*outer, steps)
    try:
        slices = [tensor._replace(shape=tensor.shape[1:]) for tensor in sources]
        if any(not tensor.shape for tensor in slices):
            raise Unknown("it distributes scalars: it would take inputs with features")
        made = call.model.run(inner, call.name, call.key, [slices if len(slices) > 1 else slices[0]], {})
        made = [call.plain(tensor, "restored") for tensor in made]
    finally:
        call.model.outer = outer
    return [tensor._replace(shape=(steps, *tensor.shape)) for tensor in made]


LAYERS: dict[str, Callable[[Call], Tensor | list[Tensor]]] = {
    "SimpleRNN": recurrent,
    "LSTM": recurrent,
    "GRU": recurrent,
    "CuDNNLSTM": recurrent,
    "CuDNNGRU": recurrent,
    "RNN": recurrent,
    "Bidirectional": bidirectional,
    "ConvLSTM1D": conv_lstm,
    "ConvLSTM2D": conv_lstm,
    "ConvLSTM3D": conv_lstm,
    "TimeDistributed": time_distributed,
}
