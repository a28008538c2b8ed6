"""The values of a program's JSON: tagged unions, types, sizes."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.pt2.symbols import Open, symbols_in, value_of
from sepcalc.shape import MAX_SIZE, Shape

MAX_VALUES = 16_384  # in one argument
MAX_AXES = 64

# By the number of an element type: its kind, as ``Tensor.kind`` has it, and its width in bits.
TYPES: dict[int, tuple[str, int]] = {
    1: ("i", 8), 2: ("i", 8), 3: ("i", 16), 4: ("i", 32), 5: ("i", 64), 6: ("f", 16), 7: ("f", 32), 8: ("f", 64),
    9: ("c", 32), 10: ("c", 64), 11: ("c", 128), 12: ("b", 8), 13: ("f", 16), 28: ("i", 16), 29: ("f", 8),
    30: ("f", 8), 31: ("f", 8), 32: ("f", 8), 33: ("f", 8), 34: ("i", 32), 35: ("i", 64),
}  # fmt: skip


class Meta(NamedTuple):
    """What a file says of a tensor: its sizes and strides, the number of its first element in its storage, each as a
    number or an expression; the kind of its elements, and their width in bits."""

    sizes: tuple[int | str, ...]
    strides: tuple[int | str, ...]
    offset: int | str
    kind: str
    bits: int


def tag_of(union: Any) -> tuple[str, Any]:
    """The tag of a union, and its value. Raises Invalid."""
    if isinstance(union, dict):
        for tag, value in union.items():
            if value is not None:
                return tag, value
        if union:
            return next(iter(union)), None
    raise Invalid(f"a value is {quoted(str(union)[:80])}: expected an object with a tag")


def entry(given: Any, name: str, kind: type) -> Any:
    """An entry of an object, of this type. Raises Invalid."""
    value = given.get(name) if isinstance(given, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Invalid(f"the file lacks {quoted(name)} where it should be: is it damaged?")
    return value


def listed(given: Any) -> list[Any]:
    """A list of at most MAX_VALUES values. Raises Invalid."""
    if not isinstance(given, list):
        raise Invalid(f"a value is {quoted(str(given)[:80])}: expected a list")
    if len(given) > MAX_VALUES:
        raise Invalid(f"a value has {len(given):,} parts: expected at most {MAX_VALUES:,}")
    return given


def size(given: Any) -> int | str:
    """A size: a number, or the text of an expression. Raises Invalid."""
    tag, value = tag_of(given)
    if tag == "as_expr":
        text: str = entry(value, "expr_str", str)
        return text
    if tag != "as_int" or not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_SIZE:
        raise Invalid(f"a size is {quoted(str(value)[:80])}: expected a number up to 2^63-1")
    return value


def meta_of(given: Any) -> Meta:
    """What an entry of ``tensor_values`` says. Raises Invalid."""
    sizes = entry(given, "sizes", list)
    strides = given.get("strides")
    if len(sizes) > MAX_AXES:
        raise Invalid(f"a tensor has {len(sizes):,} axes: expected at most {MAX_AXES}")
    kind, bits = TYPES.get(given.get("dtype"), ("f", 0)) if isinstance(given.get("dtype"), int) else ("f", 0)
    fits = isinstance(strides, list) and len(strides) == len(sizes)
    offset = given.get("storage_offset")
    return Meta(
        tuple(map(size, sizes)),
        tuple(map(size, strides)) if fits and isinstance(strides, list) else (),
        size(offset) if isinstance(offset, dict) else 0,
        kind,
        bits,
    )


def computed(given: int | str, sizes: Mapping[str, int]) -> int:
    """A size as a number. Raises Open, and Invalid where it is no whole number."""
    if isinstance(given, int):
        return given
    value = value_of(given, sizes)
    if value != int(value) or not -MAX_SIZE <= value <= MAX_SIZE:
        raise Invalid(f"the size {quoted(given)} is no whole number up to 2^63-1")
    return int(value)


def shape_of(meta: Meta, sizes: Mapping[str, int]) -> Shape:
    """The shape of a tensor. Raises Open, Invalid."""
    shape = tuple([computed(one, sizes) for one in meta.sizes])
    if any(one < 0 for one in shape):
        raise Invalid(f"a tensor has the sizes {list(shape)}: expected none below 0")
    return shape


def hints(graph: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The symbols of a graph that stand alone somewhere, with the sizes that they had when it was made."""
    sizes = [one for value in graph["tensor_values"].values() for one in entry(value, "sizes", list)]
    for one in (*sizes, *graph.get("sym_int_values", {}).values()):
        expression = one.get("as_expr") if isinstance(one, dict) else None
        hint = expression.get("hint") if isinstance(expression, dict) else None
        number = hint.get("as_int") if isinstance(hint, dict) else None
        text = expression.get("expr_str") if isinstance(expression, dict) else None
        if type(number) is int and isinstance(text, str) and (symbol := alone(text)):
            yield symbol, number


def alone(given: int | str) -> str:
    """The symbol that a size is, or nothing where it is anything else."""
    if isinstance(given, int):
        return ""
    names = symbols_in(given)
    try:
        return names[0] if len(names) == 1 and value_of(given, {names[0]: 7919}) == 7919 else ""
    except Open:
        return ""
