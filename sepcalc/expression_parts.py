"""What the parts of an expression compute."""

import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sepcalc.arithmetic import FUNCTIONS, Function, Names, Number, Value, as_text, quotient, settled
from sepcalc.errors import Invalid, near_miss, quoted


class ExpressionError(Invalid):
    """What is wrong with an expression; ``start`` and ``end`` are the columns (from 0) of the guilty part."""

    def __init__(self, message: str, start: int, end: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.start = start
        self.end = end


class Token(NamedTuple):
    """A word or a symbol of an expression, with its columns (from 0)."""

    kind: str  # "number", "name" or "end"; of a word or a symbol of the language the word or symbol itself
    text: str
    start: int
    end: int


class Part(NamedTuple):
    """A part of an expression: how to compute it, and its columns."""

    run: Callable[[Names], Value]
    start: int
    end: int


def constant_part(token: Token, value: Value) -> Part:
    """A number, or true or false."""
    return Part(lambda names: value, token.start, token.end)


def name_part(token: Token) -> Part:
    """The value of a name."""
    name = token.text

    def run(names: Names) -> Value:
        try:
            value = names[name]
            return value if isinstance(value, bool) else settled(value)
        except KeyError:
            raise _unknown(token, names) from None
        except Invalid as fact:
            raise _placed(fact, token.start, token.end) from None

    return Part(run, token.start, token.end)


def _unknown(token: Token, names: Names) -> ExpressionError:
    listed = sorted(names)
    known = (
        f"expected one of {', '.join(listed[:20])}{', …' if len(listed) > 20 else ''}"
        if names
        else "there are none here"
    )
    if token.text in FUNCTIONS:
        hint = f"a function needs its arguments: {FUNCTIONS[token.text].signature}"
    else:
        hint = near_miss(token.text, [*names, *FUNCTIONS])
    return ExpressionError(f"unknown name {quoted(token.text)}: {known}", token.start, token.end, hint)


def choice_part(arms: Sequence[tuple[Part, Part]], otherwise: Part) -> Part:
    """``a if c else b``: the first part whose condition holds, or ``otherwise``."""

    def run(names: Names) -> Value:
        for condition, part in arms:
            if condition.run(names):
                return part.run(names)
        return otherwise.run(names)

    return Part(run, arms[0][1].start, otherwise.end)


_Rest = Sequence[tuple[str, Part]]  # operators, each with its right operand


def _either(first: Part, rest: _Rest) -> Part:
    parts = [first, *(part for _, part in rest)]
    return Part(lambda names: any(part.run(names) for part in parts), first.start, parts[-1].end)


def _both(first: Part, rest: _Rest) -> Part:
    parts = [first, *(part for _, part in rest)]
    return Part(lambda names: all(part.run(names) for part in parts), first.start, parts[-1].end)


def negation_part(token: Token, part: Part) -> Part:
    """``not a``."""
    return Part(lambda names: not part.run(names), token.start, part.end)


def _comparison(first: Part, rest: _Rest) -> Part:
    steps = [(symbol, _COMPARISONS[symbol], part) for symbol, part in rest]

    def run(names: Names) -> Value:
        left, start = first.run(names), first.start
        for symbol, compare, part in steps:
            right = part.run(names)
            truths = isinstance(left, bool) + isinstance(right, bool)
            if truths == 1 or (truths and symbol not in ("==", "!=")):
                message = f"'{symbol}' cannot compare {as_text(left)} with {as_text(right)}"
                hint = "numbers compare with numbers; true and false with each other, by == and !="
                raise ExpressionError(message, start, part.end, hint)
            if not compare(left, right):
                return False
            left, start = right, part.start
        return True

    return Part(run, first.start, rest[-1][1].end)


def _arithmetic(first: Part, rest: _Rest) -> Part:
    # A loop and not a nest of pairs: a sum of five hundred terms is no deeper than one of two.
    steps = [(f"'{symbol}'", _ARITHMETIC[symbol], part) for symbol, part in rest]

    def run(names: Names) -> Value:
        total = _number(first, names, steps[0][0])
        for symbol, operate, part in steps:
            right = _number(part, names, symbol)
            try:
                total = settled(operate(total, right))
            except ZeroDivisionError:
                raise ExpressionError("division by zero", part.start, part.end) from None
            except Invalid as fact:
                raise _placed(fact, first.start, part.end) from None
        return total

    return Part(run, first.start, rest[-1][1].end)


def signed_part(sign: Token, part: Part) -> Part:
    """``-a``, ``+a``."""
    symbol = f"'{sign.kind}'"
    factor = -1 if sign.kind == "-" else 1
    return Part(lambda names: factor * _number(part, names, symbol), sign.start, part.end)


def call_part(name: str, function: Function, arguments: Sequence[Part], start: int, end: int) -> Part:
    """A call of a function; ``start`` and ``end`` are its columns."""
    shown = f"{name}()"

    def run(names: Names) -> Value:
        numbers = [_number(part, names, shown) for part in arguments]
        try:
            return settled(function.run(*numbers))
        except Invalid as fact:
            raise _placed(fact, start, end) from None

    return Part(run, start, end)


def _number(part: Part, names: Names, user: str) -> Number:
    """The value of the part, for an operator or a function that wants a number."""
    value = part.run(names)
    if isinstance(value, bool):
        raise ExpressionError(f"{user} needs a number, not {as_text(value)}", part.start, part.end)
    return value


def _placed(fact: Invalid, start: int, end: int) -> ExpressionError:
    return ExpressionError(fact.message, start, end, fact.hint)


_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": quotient,
    "//": operator.floordiv,
    "%": operator.mod,
}
LEVELS: tuple[tuple[tuple[str, ...], Callable[[Part, _Rest], Part]], ...] = (  # the loosest first
    (("or",), _either),
    (("and",), _both),
    (("not",), _both),
    (tuple(_COMPARISONS), _comparison),
    (("+", "-"), _arithmetic),
    (("*", "/", "//", "%"), _arithmetic),
)
