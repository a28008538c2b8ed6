"""Parses the value of ``--input`` for one input: ``1x3x224x224``, ``int64:1x6``, ``[7, 5]``; a scalar is ``(3)``, or
``()`` without a value. Types and values are for PyTorch modules; files state the types of their inputs."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, near_miss, printable, quoted
from sepcalc.shape import Shape, read_size, show

TYPES = (
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)
_ALIASES = {"byte": "uint8", "short": "int16", "int": "int32", "long": "int64", "half": "float16", "float": "float32"}
_ALIASES |= {"double": "float64", "i32": "int32", "i64": "int64", "f16": "float16", "f32": "float32", "f64": "float64"}
MAX_VALUES = 4096
MAX_AXES = 24
EXAMPLE = 224  # what a hint says where any size would do
_MAX_LENGTH = 200_000  # characters of values
_MAX_NUMBER_LENGTH = 100
_NO_AXES = "()"  # the shape of a scalar


class Given(NamedTuple):
    """One input of a request: its type (empty: not stated), its sizes as text (``()`` for a scalar, empty if there are
    values), and its values as nested lists (None: not stated)."""

    kind: str
    sizes: str
    values: Any = None

    @property
    def plain(self) -> bool:
        """Whether it gives only a shape."""
        return not self.kind and self.values is None

    @property
    def shape(self) -> Shape:
        """Its sizes in the order as written. Raises Invalid."""
        if self.values is not None:
            return _shape_of(self.values)
        if self.sizes == _NO_AXES:
            return ()
        try:
            return tuple([read_size(part) for part in self.sizes.split("x")])
        except Invalid as fact:
            message = f"{quoted(self.sizes)} is not a shape: {fact.message}"
            alone = self.sizes.lower() if self.sizes in ("True", "False") else self.sizes
            hint = f"a scalar: ({alone})" if _number(alone) is not None else ""
            raise Invalid(message, hint or "sizes joined by x, as PyTorch has them") from fact


def read_given(text: str) -> Given:
    """Parses ``[TYPE:]SHAPE`` or ``[TYPE:]VALUES``; scalars are ``()`` or ``(VALUE)``. Raises Invalid, but leaves the
    sizes to the reader of the shape."""
    kind, colon, rest = text.strip().partition(":")
    if not colon:
        kind, rest = "", kind
    elif kind not in TYPES:
        known = _ALIASES.get(kind)
        hint = f"did you mean {known}?" if known else near_miss(kind, TYPES) or f"expected {', '.join(TYPES)}"
        raise Invalid(f"{quoted(kind)} is not an element type", hint)
    rest = rest.strip()
    if rest.startswith("("):
        return _without_axes(kind, rest)
    return Given(kind, "", _values(rest)) if rest.startswith("[") else Given(kind, rest)


def written(values: Any) -> str:
    """Values in the syntax of ``--input``."""
    text = json.dumps(values)
    return text if isinstance(values, list) else f"({text})"


def _without_axes(kind: str, text: str) -> Given:
    """Parses the scalar ``(VALUE)`` or ``()``."""
    inner = text[1:-1].strip() if text.endswith(")") else None
    if inner == "":
        return Given(kind, _NO_AXES)
    value = None if inner is None else _number(inner)
    if value is None:
        raise Invalid(f"{quoted(text)} is not a scalar", "one number in parentheses: (3), or () for any")
    return Given(kind, "", value)


def _number(text: str) -> int | float | bool | None:
    """A JSON number or boolean; None for anything else and for numbers beyond 64 bits."""
    try:
        value = json.loads(text[:_MAX_NUMBER_LENGTH], parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    fits = isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 2**63)
    return value if fits and len(text) <= _MAX_NUMBER_LENGTH else None


def _values(text: str) -> Any:
    expected = "numbers separated by commas, with one pair of brackets per axis: [7, 5] or [[1, 2], [3, 4]]"
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Invalid(f"{quoted(text)} are not values", expected) from None
    shape = _shape_of(values)
    if not shape or 0 in shape or not _fits(values, shape):
        raise Invalid(f"{quoted(text)} do not form an array of one shape", expected)
    return values


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _shape_of(values: Any) -> Shape:
    """The lengths of the first list at each level."""
    sizes = list[int]()
    while isinstance(values, list) and len(sizes) < MAX_AXES:
        sizes.append(len(values))
        values = values[0] if values else None
    return tuple(sizes)


def _fits(values: Any, shape: Shape) -> bool:
    """Whether the values are nested lists of these lengths that hold numbers. Raises Invalid if there are too many."""
    level = [values]
    for size in shape:
        if any(not isinstance(one, list) or len(one) != size for one in level):
            return False
        level = [entry for one in level for entry in one]
        if len(level) > MAX_VALUES:
            raise Invalid(f"these are more than {MAX_VALUES:,} values", "a type and a shape will do: int64:1x5000")
    return all(isinstance(one, (bool, float)) or (isinstance(one, int) and abs(one) < 2**63) for one in level)


def example(name: str, sizes: Sequence[int | str | None]) -> str:
    """An input as a hint says it, ready to be pasted: ``--input x=1x3x224x224``. Sizes that are None may be any."""
    shape = "x".join([str(EXAMPLE if size is None else size) for size in sizes])
    return f"--input {pasted(name)}={shape}"


def pasted(name: str) -> str:
    """A name quoted for the shell."""
    return shlex.quote(printable(name))


def named_one(names: Sequence[str], text: str) -> str:
    """The hint where a shape was given without a name, and there are several inputs; nothing where there is none."""
    return f"name one: --input {pasted(names[0])}={pasted(text)}, for example" if names else ""


def by_input(shown: str, names: Sequence[str], asked: Mapping[str, str], others: Sequence[str] = ()) -> dict[str, str]:
    """The shapes that were asked for, by the names of the inputs; one without a name is that of the only input.
    ``others`` are more names that are known. Raises InputError."""
    listed = ", ".join(map(quoted, names[:10])) or "none"
    if "" in asked and len(names) != 1:
        raise InputError([Problem(f"{shown}: it has {len(names)} inputs: {listed}", named_one(names, asked[""]))])
    problems = [
        Problem(f"{shown}: it has no input {quoted(name)}", near_miss(name, names) or f"it has {listed}")
        for name in asked
        if name and name not in names and name not in others
    ]
    if problems:
        raise InputError(problems)
    return {name or names[0]: text for name, text in asked.items()}


def require_shapes(inputs: Mapping[str, str], what: str) -> None:
    """Raises InputError if the request gives a type or values to an input of ``what``, which states its own types."""
    problems = []
    for name, text in inputs.items():
        label = f"--input {printable(name)}={printable(text)[:100]}" if name else f"--input {printable(text)[:100]}"
        if any(mark in text for mark in ":[("):
            message = f"{label}: only a PyTorch module takes a type or values; {what} states its own input types"
            alone = f"{pasted(name)}={_alone(text)}" if name else _alone(text)
            problems.append(Problem(message, f"a shape alone: --input {alone}"))
    if problems:
        raise InputError(problems)


def _alone(text: str) -> str:
    """The shape that a type or values stand beside; an example where there is none."""
    try:
        return show(read_given(text).shape or (EXAMPLE,))
    except Invalid:
        return str(EXAMPLE)
