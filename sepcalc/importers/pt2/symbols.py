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


def symbols_in(text: str) -> list[str]:
    """The symbols of an expression, in order."""
    return [node.id for node in _nodes(_parsed(text)) if isinstance(node, ast.Name) and node.id not in _FUNCTIONS]


def value_of(text: str, sizes: Mapping[str, int]) -> Number:
    """The value of an expression. Raises Open, and Invalid for a text that is none."""
    try:
        return _value(_parsed(text), sizes)
    except (ZeroDivisionError, OverflowError, TypeError, ValueError, RecursionError, IndexError) as error:
        raise Invalid(f"the size {quoted(text)} cannot be computed") from error


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_TEXT:
        raise Invalid(f"the size {quoted(text)} is longer than {MAX_TEXT:,} characters")
    try:
        return _plain(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Invalid(f"the size {quoted(text)} is not an expression") from error


def _plain(node: ast.expr) -> ast.expr:
    """The expression with ``Symbol('s0', …)`` as a name."""

    class Names(ast.NodeTransformer):
        def visit_Call(self, call: ast.Call) -> ast.AST:
            first = call.args[0] if call.args else None
            named = isinstance(call.func, ast.Name) and call.func.id in ("Symbol", "Dummy")
            if named and isinstance(first, ast.Constant) and isinstance(first.value, str):
                return ast.Name(first.value)
            call.keywords = []
            return self.generic_visit(call)

    plain: ast.expr = Names().visit(node)
    return plain


def _nodes(node: ast.AST) -> list[ast.AST]:
    called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    return [one for one in ast.walk(node) if id(one) not in called]


def _value(node: ast.AST, sizes: Mapping[str, int]) -> Number:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value if isinstance(node.value, bool) else _bounded(Fraction(node.value))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # Float('2.5', …)
        return _bounded(Fraction(node.value[:60]))
    if isinstance(node, ast.Name):
        if node.id not in sizes:
            raise Open(node.id)
        return Fraction(sizes[node.id])
    if isinstance(node, ast.Compare):
        sides = [_value(one, sizes) for one in (node.left, *node.comparators)]
        return all(_COMPARED[type(how)](a, b) for how, a, b in zip(node.ops, sides, sides[1:]))
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else type(node).__name__
    if isinstance(node, ast.BinOp):
        name, given = type(node.op).__name__, [node.left, node.right]
    elif isinstance(node, ast.UnaryOp):
        name, given = type(node.op).__name__, [node.operand]
    else:
        given = node.args if isinstance(node, ast.Call) else []
    if name not in _FUNCTIONS:
        raise ValueError(name)
    made = _FUNCTIONS[name](*[_value(one, sizes) for one in given])
    return made if isinstance(made, bool) else _bounded(Fraction(made))


def _bounded(number: Fraction) -> Fraction:
    if max(abs(number.numerator), number.denominator) > MAX_NUMBER:
        raise OverflowError
    return number


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2):
        root = isqrt(int(base))
        if root * root != base:
            raise ValueError
        return Fraction(root)
    if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT:
        raise OverflowError
    made: Fraction = base ** int(exponent)
    return made


def _floor_div(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(floor(a / b))


def _mod(a: Fraction, b: Fraction) -> Fraction:
    return a - b * floor(a / b)


def _same(*names: str, how: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return dict.fromkeys(names, how)


_FUNCTIONS: dict[
    str, Callable[..., Any]
] = {  # by the names of SymPy, of PyTorch's own functions, and of Python's nodes
    **_same("Add", how=lambda *given: sum(given)),
    **_same("Mul", "Mult", how=lambda *given: prod(given)),
    **_same("Sub", how=sub),
    **_same("Div", "IntTrueDiv", "FloatTrueDiv", "TrueDiv", "Rational", how=truediv),
    **_same("Pow", "PowByNatural", how=_power),
    **_same("FloorDiv", "CleanDiv", how=_floor_div),
    **_same("Mod", "PythonMod", how=_mod),
    **_same("ModularIndexing", how=lambda base, by, size: _mod(_floor_div(base, by), size)),
    **_same("Integer", "Float", "ToFloat", "Identity", "UAdd", how=lambda a, *_: a),
    **_same("USub", how=neg),
    **_same("ceiling", "CeilToInt", how=ceil),
    **_same("floor", "FloorToInt", how=floor),
    **_same("TruncToInt", "TruncToFloat", how=int),
    **_same("RoundToInt", how=round),
    **_same("Abs", how=abs),
    **_same("Max", how=max),
    **_same("Min", how=min),
    **_same("Where", how=lambda which, a, b: a if which else b),
    **_same("Eq", "Equality", how=eq),
    **_same("Ne", "Unequality", how=ne),
    **_same("Lt", "StrictLessThan", how=lt),
    **_same("Le", "LessThan", how=le),
    **_same("Gt", "StrictGreaterThan", how=gt),
    **_same("Ge", "GreaterThan", how=ge),
    **_same("And", "BitAnd", how=lambda *given: all(given)),
    **_same("Or", "BitOr", how=lambda *given: any(given)),
    **_same("Not", "Invert", how=not_),
}
_COMPARED: dict[type, Callable[..., bool]] = {
    ast.Eq: eq, ast.NotEq: ne, ast.Lt: lt, ast.LtE: le, ast.Gt: gt, ast.GtE: ge,
}  # fmt: skip
