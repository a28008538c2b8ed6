"""The values of a program's JSON: tagged unions, types, sizes. A file that is damaged raises what Python raises."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.pt2.symbols import Open, symbols_in, value_of
from sepcalc.shape import MAX_SIZE, Shape

MAX_VALUES = 16_384  # in one argument
MAX_AXES = 64
# The kind of elements, as ``Tensor.kind`` has it, and their width in bits, by the number of their type.
_TYPES = "1 i8, 2 i8, 3 i16, 4 i32, 5 i64, 6 f16, 7 f32, 8 f64, 9 c32, 10 c64, 11 c128, 12 b8, 13 f16, 28 i16"
_NARROW = "29 f8, 30 f8, 31 f8, 32 f8, 33 f8, 34 i32, 35 i64"
TYPES = {int(at): (kind[0], int(kind[1:])) for at, kind in map(str.split, f"{_TYPES}, {_NARROW}".split(", "))}


class Meta(NamedTuple):
    """What a file says of a tensor: its sizes and strides, the number of its first element in its storage, each as a
    number or an expression; the kind of its elements, and their width in bits (0 if unknown)."""

    sizes: tuple[int | str, ...]
    strides: tuple[int | str, ...]
    offset: int | str
    kind: str
    bits: int


def tag_of(union: Mapping[str, Any]) -> tuple[str, Any]:
    """The tag of a union, and its value; older files list all other tags as null."""
    found = [(tag, value) for tag, value in union.items() if value is not None] or list(union.items())
    return found[0]


def listed(given: Any) -> list[Any]:
    """A list of at most MAX_VALUES values. Raises Invalid."""
    if len(given) > MAX_VALUES:
        raise Invalid(f"a value has {len(given):,} parts: expected at most {MAX_VALUES:,}")
    return list(given)


def size(given: Any) -> int | str:
    """A size: a number, or the text of an expression."""
    tag, value = tag_of(given)
    if tag == "as_expr":
        return str(value["expr_str"])
    if tag != "as_int" or type(value) is not int or abs(value) > MAX_SIZE:
        raise ValueError(value)
    return value


def meta_of(given: Any) -> Meta:
    """What an entry of ``tensor_values`` says."""
    sizes, strides = tuple(map(size, given["sizes"])), tuple(map(size, given.get("strides") or ()))
    if len(sizes) > MAX_AXES:
        raise Invalid(f"a tensor has {len(sizes):,} axes: expected at most {MAX_AXES}")
    offset = size(given["storage_offset"]) if given.get("storage_offset") else 0
    return Meta(sizes, strides if len(strides) == len(sizes) else (), offset, *TYPES.get(given.get("dtype"), ("f", 0)))


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
    if min(shape, default=0) < 0:
        raise Invalid(f"a tensor has the sizes {list(shape)}: expected none below 0")
    return shape


def hints(graph: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The symbols of a graph that stand alone somewhere, with the sizes that they had when it was made."""
    sizes = [one for value in graph["tensor_values"].values() for one in value["sizes"]]
    for one in (*sizes, *graph.get("sym_int_values", {}).values()):
        said = one.get("as_expr") or {}
        number = (said.get("hint") or {}).get("as_int")
        if type(number) is int and (symbol := alone(str(said["expr_str"]))):
            yield symbol, number


def alone(given: int | str) -> str:
    """The symbol that a size is, or nothing where it is anything else."""
    names = symbols_in(given) if isinstance(given, str) else []
    try:
        return names[0] if len(names) == 1 and value_of(str(given), {names[0]: 7919}) == 7919 else ""
    except Open:
        return ""
