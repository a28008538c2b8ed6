"""The options of the layer spec: the one table that the parser, the command line's help, the YAML keys and the
schema are made from."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from sepcalc.errors import Invalid, quoted
from sepcalc.shape import read_shape, read_size

Pairs = tuple[tuple[int, int], ...]
Value = int | float | bool | str | tuple[int, ...] | Pairs | tuple[str, ...]


class Type(NamedTuple):
    """How the text of a value is read (raises Invalid) and written; ``metavar`` stands for it in help."""

    read: Callable[[str], Value]
    write: Callable[[Value], str]
    metavar: str


class Option(NamedTuple):
    """One row of the table. A ``flag`` takes no value: ``--bias``, ``--no-bias``."""

    name: str
    short: str
    type: Type
    default: str
    help: str

    @property
    def flag(self) -> bool:
        """Whether it takes no value."""
        return self.type is FLAG

    @property
    def shortest(self) -> str:
        """``-k``, or ``--bias`` where there is no letter."""
        return f"-{self.short}" if self.short else f"--{self.name}"

    @property
    def usage(self) -> str:
        """As help shows it: ``-k, --kernel N[xN]``, ``--bias / --no-bias``."""
        if self.flag:
            return f"--{self.name} / --no-{self.name}"
        return f"{f'-{self.short}, ' if self.short else ''}--{self.name} {self.type.metavar}"


@lru_cache(4096)
def read_sizes(text: str, least: int = 1) -> tuple[int, ...]:
    """``5`` or ``3x5``: one size for every axis, or one per axis."""
    try:
        return tuple([read_size(part, least) for part in text.split("x")])
    except Invalid as fact:
        raise Invalid(
            f"{quoted(text)} is not a size, nor one per axis: expected for example 3 or 3x5", fact.hint
        ) from fact


@lru_cache(4096)
def read_padding(text: str) -> str | Pairs:
    """``valid``, ``same``, ``1`` (each side of each axis), ``1x2`` (each side, per axis), ``0/1x0/1`` (before and
    after, per axis)."""
    if text in ("valid", "same"):
        return text
    try:
        pairs = []
        for part in text.split("x"):
            before, slash, after = part.partition("/")
            pairs.append((read_size(before, 0), read_size(after if slash else before, 0)))
        return tuple(pairs)
    except Invalid as fact:
        raise Invalid(f"{quoted(text)} is not a padding: expected valid, same, 1, 1x2 or 0/1x0/1") from fact


def _write_padding(value: Value) -> str:
    if not isinstance(value, tuple):
        return str(value)
    pairs = [pair if isinstance(pair, tuple) else (pair, pair) for pair in value]
    return "x".join(f"{before}" if before == after else f"{before}/{after}" for before, after in pairs)


def _read_decimal(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    plain = len(text) <= 40 and text.isascii() and "_" not in text
    if not (plain and abs(value) < 1e30):  # also when it is not a number at all
        raise Invalid(f"{quoted(text)} is not a decimal number")
    return value


def _read_word(text: str) -> str:
    if not (text.isascii() and text.isalpha()):
        raise Invalid(f"{quoted(text)} does not name axes: expected letters, for example hw")
    return text


def _read_function(text: str) -> str:
    if not (text.isascii() and text.replace("-", "").isalnum()):
        raise Invalid(f"{quoted(text)} is no name of an activation")
    return text


def _read_names(text: str) -> tuple[str, ...]:
    """``compares``, or several: ``adds+compares`` (``x`` between them where a list of YAML was put together)."""
    names = tuple(re.split("[+x]", text))
    if not all(name.isascii() and name.isalpha() for name in names):
        raise Invalid(f"{quoted(text)} does not name counts: expected for example compares, or adds+compares")
    return names


def _write_names(value: Value) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise Invalid(f"{quoted(text)} is neither true nor false")
    return text == "true"


def _write(value: Value) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


SIZE = Type(read_size, _write, "N")
SIZES = Type(read_sizes, _write, "N[xN]")
OFFSETS = Type(lambda text: read_sizes(text, 0), _write, "N[xN]")
PADDING = Type(read_padding, _write_padding, "PADDING")
SHAPE = Type(lambda text: read_shape(text, 24), _write, "N[xN]")  # also what lies between layers, of any rank
DECIMAL = Type(_read_decimal, _write, "NUMBER")
WORD = Type(_read_word, _write, "WORD")
FUNCTION = Type(_read_function, _write, "NAME")
NAMES = Type(_read_names, _write_names, "COUNT[+COUNT]")
FLAG = Type(_read_flag, lambda value: "true" if value else "false", "")

OPTIONS = {
    option.name: option
    for option in (
        Option("kernel", "k", SIZES, "", "size of the window: 5, or per axis 3x5"),
        Option("out", "o", SIZE, "", "output channels"),
        Option("stride", "s", SIZES, "1 (pool: the kernel)", "step from window to window"),
        Option("padding", "p", PADDING, "valid", "valid, same, 1, 1x2 (per axis), 0/1x0/1 (before/after)"),
        Option("dilation", "d", SIZES, "1", "step from tap to tap"),
        Option("groups", "g", SIZE, "1", "parts that the channels fall into, each on its own"),
        Option("multiplier", "m", SIZE, "1", "depthwise kernels per input channel"),
        Option("bias", "", FLAG, "no (norms: yes)", "a bias, or a norm's shift"),
        Option("output-padding", "", OFFSETS, "0", "positions added at the end of a transposed convolution's output"),
        Option("rank", "", SIZE, "the smaller of inputs and outputs", "kernels in the basis of a factorization"),
        Option("ceil", "", FLAG, "no", "round the number of windows up"),
        Option("exclude-pad", "", FLAG, "no", "an average leaves padding out"),
        Option("to", "", SHAPE, "", "the size to reach: 7x7; reshape, slice, copy, permute, constant: the whole shape"),
        Option("shape", "", SHAPE, "", "what is stored, trained unless constant: 1x49x49; norm input: 1x1x3"),
        Option(
            "start",
            "",
            OFFSETS,
            "0",
            "where a slice begins: of its axis, or with --to of all; where a copy does",
        ),
        Option("scale", "", SIZES, "", "factor of each spatial size"),
        Option("align-corners", "", FLAG, "no", "coordinates from -1 to 1 reach from the first centre to the last"),
        Option("stored", "", FLAG, "no", "a grid that is stored: its weights are prepared beforehand"),
        Option("heads", "", SIZE, "1", "attention heads"),
        Option("kv-heads", "", SIZE, "as heads", "heads of keys and values, shared by groups of queries"),
        Option("mask", "", FLAG, "no", "an additive mask (a boolean one is free)"),
        Option("gain", "", FLAG, "yes", "a norm's trained scale"),
        Option("unfolded", "", FLAG, "no", "batch norm step by step, not folded to x*s + t"),
        Option("axes", "", SIZE, "1", "last axes that a layer norm's row runs over"),
        Option("size", "", SIZE, "5 (slice: the rest)", "channels in a local response; elements of a slice"),
        Option("alpha", "", DECIMAL, "1", "factor of elu"),
        Option("beta", "", DECIMAL, "1", "factor of swish and softplus"),
        Option("shared", "", FLAG, "no", "prelu: one slope for all channels"),
        Option("fused", "", FLAG, "no", "an activation in the layer before it: it writes no tensor of its own"),
        Option("over", "", WORD, "", "axes to reduce, by letter: hw, c, hwc"),
        Option("blocks", "", SIZE, "1", "equal parts of the channels, each shuffled by itself"),
        Option("keep", "", FLAG, "no", "leave reduced axes in, of size 1"),
        Option("axis", "", WORD, "c", "axis to join or to slice along, or that rows run over, by letter"),
        Option("transpose", "", FLAG, "no", "multiply by the second matrix transposed"),
        Option("vocab", "", SIZE, "", "rows of the table"),
        Option("count", "", SIZE, "1", "tokens"),
        Option("learned", "", FLAG, "no", "a constant that is trained"),
        Option("buffer", "", FLAG, "no", "a constant that the model stores, though it is not trained"),
        Option("bias-sets", "", SIZE, "1 (gru, reset after: 2)", "stored bias vectors per gate, with --bias"),
        Option("projection", "", SIZE, "", "size that an lstm's output is projected to"),
        Option("peephole", "", FLAG, "no", "an lstm whose gates see the cell"),
        Option("reset-before", "", FLAG, "no", "a gru that resets before the product"),
        Option("act", "", FUNCTION, "tanh", "a recurrent cell's function of its new state: what act has, or linear"),
        Option("gate", "", FUNCTION, "sigmoid", "the function of its gates"),
        Option("bidirectional", "", FLAG, "no", "both directions, concatenated"),
        Option("last", "", FLAG, "no", "only the last step's output"),
        Option("counts", "", NAMES, "all", "the counts that are not known of it, for example compares"),
        Option("stops", "", FLAG, "no", "nothing is known of what runs after it: its network never passes"),
    )
}
SHORT = {option.short: option for option in OPTIONS.values() if option.short}
