"""One layer of a guess: the words that were read, and the layer in our grammar."""

from collections.abc import Mapping
from math import gcd, prod

from sepcalc import foreign
from sepcalc.foreign import plain
from sepcalc.kinds import KINDS
from sepcalc.meant.words import SIZES as SIZE_WORD
from sepcalc.meant.words import near
from sepcalc.options import FLAG, OFFSETS, OPTIONS, PADDING, SIZES, Option

EACH = "each"
MAX_FACTOR = 8  # for a bare size: larger ones are target sizes


class Lost(Exception):
    """Raised at a word without a known meaning."""


class Contradiction(Lost):
    """Raised if a layer states another input than it has. The message names both."""


class Layer:
    """A layer while its words are read."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.words: list[str] = []
        self.options: dict[str, str] = {}
        self.numbers: list[str] = []
        self.called = ""  # call, keras: with positional arguments as in PyTorch, Keras
        self.each = 0
        self.name = ""  # as it was written
        self.inputs = ""  # the channels that it states for its input
        self.rank = 0  # the number of spatial axes in its name
        self.then: list[Layer] = []  # the layers that its name appends: conv_bn_relu
        self.biased = False  # PyTorch and Keras calls have a bias by default

    def takes(self, channels: str) -> None:
        """Store the number of channels that the guess states for its input."""
        if channels.isdigit():
            if self.inputs not in ("", channels):
                raise Lost
            self.inputs = channels

    def check(self, shape: str) -> None:
        """Raises Contradiction if the guess states another input than this one."""
        axes, channels = shape.count("x"), shape.rpartition("x")[2]
        if self.inputs and self.inputs != channels:
            raise Contradiction(f"{self.name} says {self.inputs} input channels, but {shape} has {channels}")
        if self.rank and self.rank + self.each != axes and "kernel" in KINDS[self.kind].options:
            wanted = f"{self.rank} ax{'es' if self.rank > 1 else 'is'} beside the channels"
            raise Contradiction(f"{self.name} takes {wanted}, but {shape} has {axes}")

    def store(self, option: str, value: str) -> None:
        """Store a value of an option. Raises Lost if it has another one."""
        if self.options.get(option, value) != value:
            raise Lost
        self.options[option] = value

    def sized(self, name: str, value: str) -> None:
        """Store an option with its value in our notation. A scale and a target size are told apart by their axes."""
        if name in ("to", "scale") and {"to", "scale"} <= {*KINDS[self.kind].options} and SIZE_WORD.fullmatch(value):
            name = "to" if max(map(int, value.split("x"))) > MAX_FACTOR else "scale"
        self.store(name, spelled(OPTIONS[name], value))


def spelled(option: Option, value: str) -> str:
    """A value in our grammar."""
    value = value.strip("'\"()[]")
    if "{" in value:
        return value
    if option.flag:
        return truth(value)
    if option.type is PADDING:
        bare = plain(value)
        if bare in ("same", "valid") or bare in foreign.PADDINGS:
            return foreign.PADDINGS.get(bare, bare)
        if bare.isalpha() and (close := near(bare, ("same", "valid"))):
            return close
        sizes = value.split("x")
        if len(sizes) in (4, 6) and all(size.isdigit() for size in sizes):  # begins, then ends, as ONNX has them
            half = len(sizes) // 2
            sizes = [a if a == b else f"{a}/{b}" for a, b in zip(sizes[:half], sizes[half:])]
        return sizes[0] if len({*sizes}) == 1 else "x".join(sizes)
    if option.type in (SIZES, OFFSETS) and SIZE_WORD.fullmatch(value):
        sizes = value.split("x")
        return sizes[0] if len({*sizes}) == 1 else value
    if option.type is OPTIONS["over"].type or option.type is OPTIONS["act"].type:
        return value.lower()
    return value


def truth(value: str) -> str:
    """``true`` or ``false`` for a word that means one. Raises Lost for any other."""
    truth = foreign.TRUTHS.get(value.lower() or "true")
    return lost() if truth is None else str(truth).lower()


def lost() -> str:
    """Raises Lost; a function, for use in an expression."""
    raise Lost


def written(layer: Layer, shapes: tuple[str, ...], made_up: list[str]) -> list[str]:
    """The layer in our grammar, with an example for each value that it needs and that was not given."""
    kind, options = KINDS[layer.kind], layer.options
    slots = kind.words()
    for slot in slots[len(layer.words) : len(slots) - kind.optional]:
        layer.words.append(slot[0])
        made_up.append("")
    for name in needed(layer):
        made_up.append(name)
        options[name] = instance(layer, name, shapes)
    if layer.biased and "bias" in kind.options:
        options.setdefault("bias", "true")
    parts = [*[EACH] * layer.each, layer.kind, *layer.words]
    return [*parts, *[word for name in OPTIONS if name in options for word in _written(name, options)]]


def needed(layer: Layer) -> list[str]:
    """The options that the layer needs and that were not given."""
    missing = [name for name in KINDS[layer.kind].needs if name not in layer.options]
    if layer.kind == "pool" and not layer.words[1:] and not layer.options.keys() & {"kernel", "to"}:
        missing.append("kernel")
    if layer.kind == "pool" and "adaptive" in layer.words and "to" not in layer.options:
        missing.append("to")
    if layer.kind == "upsample" and not layer.options.keys() & {"scale", "to"}:
        missing.append("scale")
    if layer.kind == "slice" and not layer.options:
        missing.append("size")
    if layer.kind == "norm" and layer.words == ["group"] and "groups" not in layer.options:
        missing.append("groups")
    return missing


def instance(layer: Layer, name: str, shapes: tuple[str, ...]) -> str:
    """An example value of an option, for a layer on these shapes."""
    sizes = [int(size) for size in shapes[0].split("x")] if shapes else []
    channels = sizes[-1] if sizes else 0
    match layer.kind, name:
        case ("dense", "out"):
            return "10"
        case ("pool", "kernel"):
            return "2"
        case (("reshape" | "copy" | "constant"), "to"):
            return str(prod(sizes)) if sizes else "49x64"
        case ("permute", "to"):
            return "x".join(map(str, sizes[::-1])) if sizes else "64x49"
        case (_, "groups"):
            return str(gcd(channels, 32) if channels else 32 if layer.kind == "norm" else 2)
        case ("slice", "size"):
            return str(max(1, channels // 2) if channels else 32)
        case ("multihead", "heads"):
            return str(gcd(channels, 8) if channels else 8)
    return foreign.EXAMPLES.get(name) or lost()


def _written(name: str, options: Mapping[str, str]) -> list[str]:
    option, value = OPTIONS[name], options[name]
    if option.type is FLAG:
        return [f"--{name}" if value == "true" else f"--no-{name}"]
    if not value:
        raise Lost
    if option.short and (value[0].isdigit() or value[0] == "{"):
        return [f"-{option.short}{value}"]
    return [f"-{option.short}" if option.short else f"--{name}", value]
