"""Matrix products, dense layers and einsums, on operands whose axes have letters.

A letter is an index of an equation such as ``ik,kj->ij``. An operand is a tensor of the network with one letter per
axis. The importer decides which axes of the file the network has, their order, and where the examples lie.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from string import ascii_letters, ascii_uppercase
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.common.graph_builder import GraphBuilder
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.ops.product import Dense, Matmul
from sepcalc.shape import Shape, show

Add = Callable[[Op, Sequence[int]], int]  # adds a node of the importer, with its name and its weights

LETTERS = "abcdefghlmnpqrstuvwxyz"  # for the axes in front of matrices, whose own axes are i, j, k and o


class Operand(NamedTuple):
    """A tensor of the network: its number, and the size of each axis by letter, in order."""

    number: int | None
    sizes: Mapping[str, int]


class Roles(NamedTuple):
    """The role of each letter in the product of an operand with a stored one: a row, a group (in both operands and the
    result), an input (summed), or an output (only in the stored operand)."""

    rows: list[str]
    groups: list[str]
    summed: list[str]
    columns: list[str]


def matmul_equation(left: int, right: int) -> str:
    """The equation of NumPy's matmul for operands with this many axes. Raises Invalid for scalars and for too many
    axes."""
    if not left or not right:
        raise Invalid("a product needs matrices, not single numbers")
    if max(left, right) - 2 > len(LETTERS):
        raise Invalid("a product of too many axes")
    outer = LETTERS[: max(0, max(left, right) - 2)]
    rows, columns = "i" * (left > 1), "j" * (right > 1)
    before = [outer[len(outer) - max(0, rank - 2) :] for rank in (left, right)]
    return f"{before[0]}{rows}k,{before[1]}k{columns}->{outer}{rows}{columns}"


def parts_of(equation: str) -> tuple[str, str, str]:
    """The letters of both operands and of their product."""
    operands, _, out = equation.partition("->")
    left, _, right = operands.partition(",")
    return left, right, out


def spelled(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of the operands, which have ``ranks`` axes, and of the output. ``...`` is replaced by as many letters
    as the longest operand needs. Raises Invalid."""
    left, arrow, out = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        plural = "s" if len(parts) > 1 else ""
        raise Invalid(f"{quoted(equation)} is for {len(parts)} input{plural}, not {len(ranks)}")
    if set(equation.replace("...", "").replace("->", "", 1)) - {*ascii_letters, ",", " "}:
        raise Invalid(f"{quoted(equation)} is not an equation")
    counts = [rank - len(part.replace("...", "")) for part, rank in zip(parts, ranks)]
    free = [letter for letter in ascii_uppercase if letter not in equation]
    without = any(count and "..." not in part for count, part in zip(counts, parts))
    if min(counts) < 0 or max(counts) > len(free) or without:
        raise Invalid(f"{quoted(equation)} does not fit its operands")
    dots = "".join(free[: max(counts)])
    if not arrow:
        out = "..." + "".join(sorted(letter for letter in set(left) if letter.isalpha() and left.count(letter) == 1))
    out = out.replace("...", dots)
    found = [part.replace("...", dots[len(dots) - count :]) for part, count in zip(parts, counts)]
    if len(set(out)) != len(out) or not set(out) <= set("".join(found)):
        raise Invalid(f"{quoted(equation)} does not fit its operands")
    return found, out


def sizes_of(parts: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """The size of every letter; sizes of 1 broadcast. Raises Invalid if the operands do not match."""
    sizes: dict[str, int] = {}
    for part, shape in zip(parts, shapes, strict=True):
        if 0 in shape:
            raise Invalid(f"an operand of a product is {show(shape)}: expected sizes from 1")
        for letter, size in zip(part, shape, strict=True):
            known = sizes.get(letter, 1)
            if known != size and 1 not in (known, size):
                raise Invalid(f"sizes {known} and {size} do not fit in a product")
            sizes[letter] = max(known, size)
    return sizes


def matrix_product(graph: GraphBuilder[Any], add: Add, a: Operand, b: Operand, out: str) -> Operand:
    """The product of two tensors of the network, summed over the letters missing in ``out``. Letters that both have and
    that stay are batch axes."""
    sizes = {letter: max(a.sizes.get(letter, 1), b.sizes.get(letter, 1)) for letter in (*a.sizes, *b.sizes)}
    shared = [letter for letter in out if letter in a.sizes and letter in b.sizes]
    summed = [letter for letter in sizes if letter not in out]
    inner = prod(sizes[letter] for letter in summed)
    rows, columns = ([letter for letter in out if letter in one.sizes and letter not in shared] for one in (a, b))
    operands = ((a, rows), (b, columns))
    numbers = [
        graph.view(one.number, tuple([one.sizes.get(letter, 1) for letter in (*shared, *own, *summed)]) or (1,))
        for one, own in operands
    ]
    for at, (one, own) in enumerate(operands):
        lead = tuple([one.sizes[letter] for letter in shared])
        numbers[at] = graph.view(numbers[at], (*lead, prod(one.sizes[letter] for letter in own), inner))
    made = add(Matmul(True), numbers)
    return Operand(made, {letter: sizes[letter] for letter in (*shared, *rows, *columns)})


def roles_of(data: Mapping[str, int] | str, weight: Mapping[str, int] | str, out: str) -> Roles:
    """The role of each letter in the product of ``data`` with a stored ``weight``. Raises Invalid if a letter of only
    the weight is summed."""
    groups = [letter for letter in data if letter in weight and letter in out]
    columns = [letter for letter in weight if letter not in data]
    if not set(columns) <= set(out):
        raise Invalid("the inner sizes of a product do not fit")
    rows = [letter for letter in data if letter in out and letter not in groups]
    return Roles(rows, groups, [letter for letter in data if letter not in out], columns)


def dense_layer(rows: int, groups: int, outs: int, bias: bool) -> Dense | Conv:
    """The layer over ``rows`` axes of rows: a dense one with ``outs`` outputs, or ``outs`` outputs for each group."""
    if groups == 1:
        return Dense(outs, bias)
    ones = (1,) * rows
    return Conv(ones, groups * outs, ones, ((0, 0),) * rows, ones, groups, bias)


def weighted(
    graph: GraphBuilder[Any], add: Add, data: Operand, weight: Mapping[str, int], out: str, bias: bool
) -> Operand:
    """The product with a stored operand, given its size per letter, as a dense layer. Raises Invalid."""
    given = data.sizes
    rows, groups, summed, columns = roles_of(given, weight, out)
    many = prod(given[letter] for letter in groups)
    number = graph.view(data.number, tuple([given[letter] for letter in (*rows, *groups, *summed)]) or (1,))
    before = tuple([given[letter] for letter in rows])
    number = graph.view(number, (*before, many * prod(given[letter] for letter in summed)))
    made = add(dense_layer(len(rows), many, prod(weight[letter] for letter in columns), bias), [number])
    order = (*rows, *groups, *columns)
    return Operand(made, {letter: given.get(letter, weight.get(letter, 1)) for letter in order})
