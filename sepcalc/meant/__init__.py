"""The correct line for one that cannot be read: ``conv 3x3 64`` is ``conv -k3 -o64``, ``nn.Linear(512, 10)`` is ``dense
-o10``.

A guess is read in the notations of other tools (:mod:`sepcalc.foreign`) and written in our grammar. It becomes a
suggestion only if the parser accepts it and no word of the guess is left over. Loaded only after an error.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sepcalc.errors import Invalid
from sepcalc.kinds import KINDS
from sepcalc.meant.layer import Contradiction, Layer, Lost, spelled, written
from sepcalc.meant.reader import Reader
from sepcalc.meant.words import channels_last, in_order, shapes_of, tokens, without_batch
from sepcalc.meant.words import known as kind
from sepcalc.options import Option

Accepts = Callable[[Sequence[str]], str | None]
"""Whether words (shapes, then a layer) are a spec: its output shape, or "" where it has no shapes; None if not."""

_MAX_LENGTH = 400  # the most characters of a guess that are read

__all__ = ["Accepts", "Contradiction", "Line", "channels_last", "kind", "line", "shape", "value"]


class Line(NamedTuple):
    """What was meant: shapes, a sequence of layers, and options of the command. ``made_up`` names the options whose
    values are examples, since the guess lacks them. ``read`` are the layers as they were read."""

    shapes: tuple[str, ...]
    layers: tuple[str, ...]
    command: tuple[str, ...]
    made_up: tuple[str, ...] = ()
    read: tuple[Layer, ...] = ()

    @property
    def text(self) -> str:
        """One layer as a spec; several layers as a one-line network."""
        if len(self.layers) == 1:
            return " ".join((*self.shapes, *self.layers))
        return ", ".join((*self.shapes, *self.layers))


def line(
    text: str,
    accepts: Accepts,
    also: Sequence[str] = (),
    commands: Iterable[str] = (),
    shaped: bool = True,
    others: Iterable[str] = (),
) -> Line | None:
    """The line that a text means; None if nothing fits. Raises Contradiction if the text states another input than it
    has. ``also`` are options beyond those of the kind, ``commands`` options of a command line. ``shaped`` says whether
    shapes may come first; ``others`` are further names that a layer may have."""
    if len(text) > _MAX_LENGTH or re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", text)):
        return None
    if text.count("(") != text.count(")"):
        return None  # a fragment of a call
    words = tokens(text)
    shapes, words = shapes_of(in_order(words)) if shaped else ((), words)
    own = [*commands]
    spare = without_batch(shapes)
    contradiction: Contradiction | None = None
    for tried in (shapes, spare) if spare else (shapes,):
        reader = Reader(tried, tuple(also), own, {*others})
        try:
            found = reader.read(words)
            if shaped and not tried and found[0].inputs:
                tried = (_input_of(found[0], reader.made_up),)
            result = _accepted(tried, found, reader, accepts)
        except Contradiction as says:
            contradiction = contradiction or says
            continue
        except Lost:
            continue
        if result and result.text.split() != text.split():
            return result
    if contradiction:
        raise contradiction
    return None


def _input_of(layer: Layer, made_up: list[str]) -> str:
    """The input shape for a call that states its channels. The sizes of the other axes are an example."""
    axes = 0 if layer.kind == "dense" else layer.rank or (1 if "kernel" not in KINDS[layer.kind].options else 2)
    if axes:
        made_up.append("")
    return "x".join([*["12"] * axes, layer.inputs])


def _accepted(shapes: tuple[str, ...], layers: Sequence[Layer], reader: "Reader", accepts: Accepts) -> Line | None:
    shape, found = shapes, list[str]()
    several = [KINDS[layer.kind].several for layer in layers]
    if len(layers) > 1 and any(inputs and not inputs.alone for inputs in several):
        return None  # one after another has one input
    for layer in layers:
        if len(shape) == 1:
            layer.check(shape[0])
        words = written(layer, shape, reader.made_up)
        output = accepts([*shape, *words])
        if output is None:
            return None
        shape = (output,) if output else ()
        found.append(" ".join(words))
    return Line(shapes, tuple(found), tuple(reader.command), tuple(reader.made_up), tuple(layers))


def shape(text: str) -> str | None:
    """The shape that was meant: ``(224, 224, 3)`` is ``224x224x3``. None where the text is not a shape."""
    shapes, rest = shapes_of(tokens(text)) if len(text) <= _MAX_LENGTH else ((), [""])
    if len(shapes) != 1 or rest:
        return None
    return shapes[0] if shapes[0].count("x") < 4 else None


def value(option: Option, text: str) -> str | None:
    """The value of an option that was meant: ``SAME`` is ``same``. None where no known value fits."""
    words = tokens(text) if len(text) <= _MAX_LENGTH else []
    try:
        found = spelled(option, "x".join(words))
        option.type.read(found)
    except (Lost, Invalid):
        return None
    return found if found != text else None
