"""Recurrent layers and their cells, in one direction or both."""

from typing import Any, NamedTuple

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.layout import NONE, SEQUENCES, same_rows
from sepcalc.importers.keras.activation import SIMPLE, named
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.pool import padding
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Slice
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.rename import Rename
from sepcalc.ops.repeat import Part, Scan
from sepcalc.shape import Shape, show

CELLS = {
    **dict.fromkeys(("SimpleRNN", "SimpleRNNCell"), "rnn"),
    **dict.fromkeys(("LSTM", "LSTMCell", "CuDNNLSTM"), "lstm"),
    **dict.fromkeys(("GRU", "GRUCell", "CuDNNGRU"), "gru"),
}
CONV_LSTMS = {f"ConvLSTM{rank}D": rank for rank in (1, 2, 3)}  # class name -> number of spatial axes


def function(settings: Settings, key: str, default: str) -> str:
    """The ops' name of an activation inside a cell."""
    how, inner = named(settings.config.get(key, default))
    if how == "linear":
        return how
    if how not in SIMPLE or inner.config:
        raise Unknown(f"its {key} is {quoted(how)}: use a Keras activation that is one function")
    return SIMPLE[how]


def cell(class_name: str, settings: Settings) -> Recurrent:
    """The recurrent op of a cell, or of the layer of that cell."""
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
    """One recurrent layer: its stacked cells, or the settings of a convolutional one over images of ``rank`` axes; and
    whether it returns every step, and its last states."""

    cells: tuple[Recurrent, ...]
    sequences: bool
    states: bool
    rank: int = 0
    images: Settings = Settings({})


def direction(entry: dict[str, Any]) -> Direction:
    """Reads a serialized recurrent layer. Raises Unknown for custom cells."""
    class_name, settings = entry.get("class_name"), Settings(_config(entry))
    sequences, states = settings.flag("return_sequences", False), settings.flag("return_state", False)
    if class_name in CONV_LSTMS:
        return Direction((), sequences, states, CONV_LSTMS[class_name], settings)
    if class_name == "RNN":
        cells = _cells(settings.config.get("cell"), 0)
    elif isinstance(class_name, str) and class_name in CELLS and not class_name.endswith("Cell"):
        cells = [cell(class_name, settings)]
    else:
        raise Unknown("it wraps a layer other than SimpleRNN, LSTM, GRU and ConvLSTM: use one of these")
    return Direction(tuple(cells), sequences, states)


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
        raise Unknown("its cell is a custom class: use SimpleRNNCell, LSTMCell or GRUCell")
    return [cell(class_name, Settings(config))]


def _run(call: Call, x: Tensor, way: Direction, link: str = "") -> tuple[Tensor, list[Tensor]]:
    """The result of a layer, and its last states."""
    if way.rank:
        return _run_images(call, x, way, link)
    states = []
    for at, op in enumerate(way.cells):
        last = at == len(way.cells) - 1
        name = link if len(way.cells) == 1 else _under(link, f"cell[{at}]")
        x = call.add(op._replace(last=last and not way.sequences), x, link=name)
        if way.states:
            states += [_last(call, x, name, kind) for kind in _states(op)]
    return x, states


def _under(link: str, name: str) -> str:
    return f"{link}/{name}" if link else name


def _states(op: Recurrent) -> tuple[str, ...]:
    return ("h", "c") if op.cell == "lstm" else ("h",)


def _final(x: Tensor) -> Slice:
    """The last step."""
    start = (x.shape[0] - 1, *[0] * (len(x.shape) - 1))
    return Slice((1, *x.shape[1:]), start if any(start) else ())


def _last(call: Call, x: Tensor, link: str, kind: str) -> Tensor:
    """The last state after the last step."""
    name = _under(link, kind)
    if len(x.shape) == 1:
        return call.add(Rename("identity"), x, link=name)
    step = call.add(_final(x), x, link=f"{name}/step")
    return call.free("reshape", step, x.shape[1:], name)


def recurrent(call: Call) -> Tensor | list[Tensor]:
    way = direction({"class_name": call.class_name, "config": call.settings.config})
    made, states = _run(call, call.plain(call.x), way)
    if not states or way.rank:
        return [made, *states] if states else made
    # the layer's last node holds its result
    return [call.add(Rename("identity"), made, link="output"), *states]


def step(call: Call) -> list[Tensor]:
    """One step of a cell, or of stacked cells, and the states after it. The states before it count as inputs, also if
    they are zero."""
    ops = _cells({"class_name": call.class_name, "config": call.settings.config}, 0)
    x, states = call.plain(call.x), []
    for at, op in enumerate(ops):
        link = "" if len(ops) == 1 else f"cell[{at}]"
        if len(x.shape) != 1:
            raise Invalid(f"it needs the features of one step, not {show(x.shape)}")
        x = call.add(op._replace(last=True), call.free("reshape", x, (1, *x.shape), _under(link, "step")), link=link)
        states += [_last(call, x, link, kind) for kind in _states(op)]
    return [call.add(Rename("identity"), x, link="output"), *states]


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
    if mode == "concat":  # along Keras' last axis, which is not the channels if these are first
        one, other = call.plain(one, "forward/restored"), call.plain(other, "backward/restored")
        made = call.add(Concat(), one, other)
    elif mode == "ave":
        made = call.add(Stored("scale"), call.add(Elementwise("add"), one, other, link="sum"))
    else:
        made = call.add(Elementwise(MERGES[mode]), one, other)
    return [made, *first, *second] if first else made


def _run_images(call: Call, x: Tensor, way: Direction, link: str) -> tuple[Tensor, list[Tensor]]:
    """An LSTM whose products with the input and the state are convolutions. Source: Shi et al., arXiv:1506.04214,
    without peepholes, as in Keras."""
    settings, rank = way.images, way.rank
    if len(x.shape) != rank + 2:
        raise Invalid(f"it needs a sequence of {rank} spatial axes and channels")
    formats = ("channels_last", "channels_first")
    channels_first = settings.word("data_format", formats, formats[0]) == formats[1]
    if channels_first:
        steps, channels, *sizes = x.shape
        x = call.free("permute", x, (steps, *sizes, channels), _under(link, "layout"))
    kernel = settings.sizes("kernel_size", rank=rank)
    stride = settings.sizes("strides", rank=rank, default=1)
    dilation = settings.sizes("dilation_rate", rank=rank, default=1)
    filters, bias = settings.size("filters"), settings.flag("use_bias", True)
    ones = (1,) * rank
    seen = Conv(kernel, 4 * filters, stride, padding(settings, rank), dilation, bias=bias)
    state: Shape = (*seen.output((x.shape[1:],))[:-1], filters)
    gate, act = function(settings, "recurrent_activation", "sigmoid"), function(settings, "activation", "tanh")
    body = _lstm(seen, Conv(kernel, 4 * filters, ones, "same", ones), state, gate, act)
    op = Scan(f"conv lstm {rank}d", (state, state), body, (17, 15), not way.sequences)
    made = call.add(op, x, link=link)
    states = []
    if way.states:
        states = [_last_image(call, made, way.sequences, _under(link, kind), channels_first) for kind in ("h", "c")]
    if channels_first:
        *outer, channels = made.shape
        if way.sequences:
            made = call.free("permute", made, (outer[0], channels, *outer[1:]), _under(link, "restored"))
        else:
            made = made._replace(shape=(channels, *outer), channels_first=True)
    return made, states


def _last_image(call: Call, made: Tensor, sequences: bool, name: str, channels_first: bool) -> Tensor:
    if sequences:
        step = call.add(_final(made), made, link=f"{name}/step")
        tensor = call.free("reshape", step, made.shape[1:], name)
    else:
        tensor = call.add(Rename("identity"), made, link=name)
    shape = (tensor.shape[-1], *tensor.shape[:-1])
    return tensor._replace(shape=shape, channels_first=True) if channels_first else tensor


def _lstm(seen: Conv, before: Conv, state: Shape, gate: str, act: str) -> tuple[Part, ...]:
    """One step: 0 is the input, 1 and 2 are the states h and c; 17 and 15 are the next states."""
    *sizes, one = state

    def function_of(how: str) -> Any:
        return Rename("identity") if how == "linear" else Activation(how)

    def part(count: int, before: int = 0) -> Slice:
        return Slice((*sizes, count * one), (*[0] * len(sizes), before * one) if before else ())

    return (
        Part(seen, (0,)),  # 3
        Part(before, (1,)),
        Part(Elementwise("add"), (3, 4)),  # 5: all four gates
        Part(part(3), (5,)),
        Part(function_of(gate), (6,)),  # 7: input, forget, output
        Part(part(1, 3), (5,)),
        Part(function_of(act), (8,)),  # 9: the candidate
        Part(part(1), (7,)),
        Part(part(1, 1), (7,)),
        Part(part(1, 2), (7,)),  # 10, 11, 12: the gates one by one
        Part(Elementwise("multiply"), (11, 2)),
        Part(Elementwise("multiply"), (10, 9)),
        Part(Elementwise("add"), (13, 14)),  # 15: the next c
        Part(function_of(act), (15,)),
        Part(Elementwise("multiply"), (12, 16)),  # 17: the next h
    )


LAYERS: dict[str, Operator] = {
    **same_rows(Operator(recurrent, SEQUENCES), *[name for name in CELLS if not name.endswith("Cell")], "RNN"),
    **same_rows(Operator(recurrent, SEQUENCES), *CONV_LSTMS),
    "Bidirectional": Operator(bidirectional, SEQUENCES),
    **same_rows(Operator(step, NONE), *[name for name in CELLS if name.endswith("Cell")], "StackedRNNCells"),
}
