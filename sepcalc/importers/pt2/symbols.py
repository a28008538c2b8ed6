"""Sizes that a file leaves open: expressions of symbols, as SymPy writes them, ``s0 + 2*s1`` or
``Add(Symbol('s0'), Mul(Integer(2), Symbol('s1')))``. They are computed exactly; nothing is executed."""

import ast
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, isqrt, prod
from operator import eq, ge, gt, le, lt, ne, neg, not_, sub, truediv
from typing import Any

from sepcalc.errors import Invalid, quoted

MAX_TEXT = 10_000  # characters of an expression
MAX_NUMBER = 2**200
_MAX_EXPONENT = 64

Number = Fraction | bool


class Open(Exception):
    """An expression with a symbol whose size is not known; ``names`` are all such symbols."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.names = names


@lru_cache(maxsize=4096)
def symbols_in(text: str) -> list[str]:
    """The symbols of an expression, in order. Raises Invalid for a text that is none."""
    nodes = list(ast.walk(_parsed(text)))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return [name for node in nodes if id(node) not in functions and (name := _symbol(node))]


def value_of(text: str, sizes: Mapping[str, int]) -> Number:
    """The value of an expression. Raises Open, and Invalid for a text that is none."""
    try:
        return _value(_parsed(text), sizes)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"the size {quoted(text)} cannot be computed") from error


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_TEXT:
        raise Invalid(f"the size {quoted(text)} is longer than {MAX_TEXT:,} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Invalid(f"the size {quoted(text)} is not an expression") from error


def _symbol(node: ast.AST) -> str:
    """The name of a symbol, ``s0`` or ``Symbol('s0', …)``; empty for any other node."""
    if isinstance(node, ast.Name):
        return node.id
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Symbol", "Dummy")
    return str(ast.literal_eval(node.args[0])) if named and isinstance(node, ast.Call) and node.args else ""


def _value(node: Any, sizes: Mapping[str, int]) -> Number:
    if isinstance(node, ast.Constant):  # a text in Float('2.5', …)
        number: Any = node.value[:60] if isinstance(node.value, str) else node.value
        return number if isinstance(number, bool) else _bounded(Fraction(number))
    if name := _symbol(node):
        if name not in sizes:
            raise Open(name)
        return Fraction(sizes[name])
    if isinstance(node, ast.Compare):
        sides = [_value(one, sizes) for one in (node.left, *node.comparators)]
        return all(_FUNCTIONS[type(how).__name__](a, b) for how, a, b in zip(node.ops, sides, sides[1:]))
    if isinstance(node, ast.Call):
        name, given = getattr(node.func, "id", ""), node.args
    else:
        given = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
        name = type(node.op).__name__
    made = _FUNCTIONS[name](*[_value(one, sizes) for one in given])
    return made if isinstance(made, bool) else _bounded(Fraction(made))


def _bounded(number: Fraction) -> Fraction:
    if max(abs(number.numerator), number.denominator) > MAX_NUMBER:
        raise OverflowError
    return number


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2) and isqrt(int(base)) ** 2 == base:
        return Fraction(isqrt(int(base)))
    if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT:
        raise OverflowError
    return Fraction(base ** int(exponent))


def _floor_div(a: Fraction, b: Fraction) -> int:
    return floor(a / b)


def _mod(a: Fraction, b: Fraction) -> Fraction:
    return a - b * floor(a / b)


# By the names of SymPy, of PyTorch's own functions, and of Python's nodes.
_ROWS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("Add", lambda *given: sum(given)), ("Mul Mult", lambda *given: prod(given)), ("Sub", sub), ("USub", neg),
    ("Div IntTrueDiv FloatTrueDiv TrueDiv Rational", truediv), ("Pow PowByNatural", _power), ("Abs", abs),
    ("FloorDiv CleanDiv", _floor_div), ("Mod PythonMod", _mod), ("Max", max), ("Min", min), ("RoundToInt", round),
    ("ModularIndexing", lambda base, by, size: _mod(Fraction(_floor_div(base, by)), size)),
    ("Integer Float ToFloat Identity UAdd", lambda a, *_: a), ("TruncToInt TruncToFloat", int),
    ("ceiling CeilToInt", ceil), ("floor FloorToInt", floor), ("Where", lambda which, a, b: a if which else b),
    ("Eq Equality", eq), ("Ne NotEq Unequality", ne), ("Lt StrictLessThan", lt), ("Le LtE LessThan", le),
    ("Gt StrictGreaterThan", gt), ("Ge GtE GreaterThan", ge), ("Not Invert", not_),
    ("And BitAnd", lambda *given: all(given)), ("Or BitOr", lambda *given: any(given)),
)  # fmt: skip
_FUNCTIONS = {name: how for names, how in _ROWS for name in names.split()}
