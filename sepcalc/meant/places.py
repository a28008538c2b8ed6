"""Assigns numbers without an option to options."""

import re
from collections.abc import Sequence

from sepcalc import foreign
from sepcalc.kinds import KINDS
from sepcalc.meant.layer import MAX_FACTOR, Layer, Lost

MAX_KERNEL = 11  # for a bare size: larger ones are outputs
_CHANNELS = (
    "conv",
    "transposed",
    "separable",
    "spatial",
    "factorized",
    "dense",
    "lstm",
    "gru",
    "rnn",
    "multihead",
    "norm",
)
DECIMAL = re.compile(r"-?\d*\.\d+|-1")


def place(layer: Layer, channels: int) -> None:
    """Assign the bare numbers to options."""
    kind = layer.kind
    names: Sequence[str]
    if layer.called and kind in (table := foreign.KERAS if layer.called == "keras" else foreign.CALLS):
        names = table[kind]
    elif layer.called and "out" in KINDS[kind].needs and kind in ("separable", "spatial", "factorized"):
        names = foreign.CALLS["conv"]
    else:
        names = guessed(layer, channels)
    if kind == "norm" and layer.words[:1] != ["group"]:
        names = ("in", "in", "in")
    if kind == "pool" and "adaptive" in layer.words:
        names = ("to",)
    if kind in ("lstm", "gru", "rnn") and layer.called and len(layer.numbers) == 1:
        names = ("out",)
    if kind == "norm" and layer.called == "call" and layer.words[:1] != ["group"]:
        names = ("in", "eps", "momentum")
    if len(layer.numbers) > len(names):
        raise Lost
    for name, number in zip(names, layer.numbers):
        if name == "in":
            if kind in _CHANNELS and (kind != "norm" or layer.called == "call"):
                layer.takes(number)
        else:
            if name in ("eps", "momentum"):
                continue
            if DECIMAL.fullmatch(number):
                raise Lost
            layer.sized(name, number)


def guessed(layer: Layer, channels: int) -> Sequence[str]:
    """The options of bare numbers, by their form."""
    kind, numbers = layer.kind, layer.numbers
    needs = KINDS[kind].needs
    if "kernel" in needs and "out" in needs:
        return windowed(layer, channels)
    if "out" in needs and kind not in ("embedding",):
        return ("out",) if len(numbers) < 2 else ("in", "out")
    match kind:
        case "depthwise" | "pool":
            return ("kernel", "stride", "padding")
        case "norm":
            return ("groups", "in")
        case "upsample":
            return ("to",) if numbers and ("x" in numbers[0] or int(numbers[0]) > MAX_FACTOR) else ("scale",)
        case "attention" | "multihead":
            return ("heads",) if len(numbers) < 2 else ("in", "heads")
        case "act" | "softmax" | "log-softmax" | "concat":
            return ("in",)
        case "reshape" | "permute":
            layer.numbers = ["x".join(numbers)] if numbers else []
            return ("to",)
    return foreign.CALLS.get(kind, ())


def windowed(layer: Layer, channels: int) -> Sequence[str]:
    """Kernel, outputs and other numbers of a convolution, in any order."""
    numbers, options = layer.numbers, layer.options
    if numbers and numbers[0].count("x") > 1:  # 5x5x256, 5x5x3x256
        sizes = numbers[0].split("x")
        if len(numbers) > 1:
            layer.numbers = numbers = ["x".join(sizes[:2]), *numbers[1:]]
        else:
            layer.numbers = numbers = ["x".join(sizes[:2]), sizes[-1]]
    wide = next((at for at, number in enumerate(numbers) if "x" in number), None)
    if wide is not None:
        rest = ["out", "stride", "padding"]
        if wide == 2 and len(numbers) > 2:
            rest = ["in", "out", "stride", "padding"]
        return [*rest[:wide], "kernel", *rest[wide:]]
    if "kernel" in options:
        return ("out", "stride", "padding") if len(numbers) != 2 else ("in", "out")
    if "out" in options:
        return ("kernel", "stride", "padding")
    known = [int(number) if number.isdigit() else 0 for number in numbers]
    if len(known) == 1:
        return ("kernel",) if 0 < known[0] <= MAX_KERNEL and known[0] % 2 else ("out",)
    small = 0 < known[0] <= MAX_KERNEL and known[0] % 2 if known else False
    if len(known) > 2 and small and known[0] == known[1] and known[2] > MAX_KERNEL:  # 3 3 64
        layer.numbers = [f"{known[0]}x{known[1]}", *numbers[2:]]
        return ("kernel", "out", "stride", "padding")
    if len(known) > 2 and (known[2] > 2 or (known[0] == channels and not small)):
        return foreign.CALLS["conv"]
    if len(known) > 1 and 0 < known[0] <= known[1]:
        return ("kernel", "out", "stride", "padding")
    return ("out", "kernel", "stride", "padding")
