"""Exact arithmetic in the text of a network: ``max(8, int(32 * width))``.

    expression  = level { "if" level "else" level }     a if c else b, grouped from the right
    level       = "or"; "and"; "not"; < <= > >= == !=, chained; + -; * / // %       loosest first
    operand     = ("+" | "-") operand | NUMBER | NAME | "true" | "false" | "(" expression ")"
                | FUNCTION "(" expression { "," [NAME "="] expression } ")"

Numbers are rational and exact: ``0.29`` is 29/100, ``int(200 * 0.29)`` is 58. ``//`` rounds down and ``%`` has the sign
of its divisor, as in Python. ``and``, ``or``, ``not`` give true or false; they and ``if`` take a number for true
unless it is 0. Nothing else treats numbers and true or false alike: ``1 + true`` and ``1 == true`` are errors. What
is not needed to know the result (the other branch, what follows a false ``and``) is not computed.

Nothing else can be written: no texts, no attributes, no powers. Text, nesting and magnitude have limits, so that any
text at all is answered at once.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, Union

from sepcalc.errors import Invalid, near_miss, quoted

if TYPE_CHECKING:  # importing it takes 4 ms, and most networks hold whole numbers only
    from fractions import Fraction

LENGTH = 1000  # characters of an expression
LITERAL = 100  # characters of a number in it
DEPTH = 32  # parentheses, calls and signs within each other
LIMIT = 2**256  # numerators and denominators stay below

Number: TypeAlias = Union[int, "Fraction"]  # a whole number is always an int
Value: TypeAlias = Union[int, "Fraction", bool]
Names: TypeAlias = Mapping[str, Value]


class ExpressionError(Invalid):
    """What is wrong with an expression; ``start`` and ``end`` are the columns (from 0) of the guilty part."""

    def __init__(self, message: str, start: int, end: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.start = start
        self.end = end


class Expression(NamedTuple):
    """A parsed expression: ``names`` are those it may ask for; calling it with their values gives its own."""

    text: str
    names: frozenset[str]
    run: Callable[[Names], Value]

    def __call__(self, names: Names) -> Value:
        """The value: an int if it is whole, a Fraction if not, or true or false.

        Raises ExpressionError: an unknown name, a division by zero, true or false where a number is needed, a
        result beyond the limits.
        """
        return self.run(names)


def parse(text: str) -> Expression:
    """Read an expression, as the grammar at the top of this module has it; ExpressionError where it does not fit."""
    if len(text) <= 19 and text.isascii() and text.isdigit():  # nearly every argument of a block
        number = int(text)
        return Expression(text, frozenset(), lambda _: number)
    parser = _Parser(_tokens(text))
    part = parser.whole()
    return Expression(text, frozenset(parser.names), part.run)


def evaluate(text: str, names: Names) -> Value:
    """Parse, or remember, the expression, and compute it. Raises ExpressionError."""
    if len(text) <= 19 and text.isascii() and text.isdigit():
        return int(text)
    return _remembered(text).run(names)


_remembered = lru_cache(maxsize=1024)(parse)


def is_name(text: str) -> bool:
    """Whether an expression can refer to something of this name: letters, digits and ``_``, not a digit first, and
    no word of the language."""
    return bool(_NAME.fullmatch(text)) and text not in _WORDS and text not in _FUNCTIONS


def as_text(value: Value) -> str:
    """The exact value, as it can be read again: ``58``, ``0.29``, ``1/3``, ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    for places in range(1, 21) if value.denominator != 1 else ():
        if 10**places % value.denominator == 0:
            digits = str(abs(value.numerator) * 10**places // value.denominator).zfill(places + 1)
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return str(value)


def make_divisible(v: Number, divisor: Number = 8) -> int:
    """The multiple of ``divisor`` nearest to ``v``, halves up; at least one divisor; the next multiple if that lost
    more than a tenth of ``v``.

    The rule of the MobileNets, here in exact arithmetic: ``_make_divisible`` in
    https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet/mobilenet.py
    """
    if not isinstance(divisor, int) or divisor < 1:
        raise Invalid(f"the divisor must be a whole number from 1, not {as_text(divisor)}")
    nearest = max(divisor, (2 * v + divisor) // (2 * divisor) * divisor)
    return nearest + divisor if 10 * nearest < 9 * v else nearest


class _Function(NamedTuple):
    run: Callable[..., Number]
    signature: str
    least: int  # arguments
    most: int
    keyword: str = ""  # by which the last argument may be given


_FUNCTIONS = {
    "int": _Function(int, "int(a)", 1, 1),  # towards zero
    "round": _Function(round, "round(a)", 1, 1),  # halves to the even neighbour
    "ceil": _Function(ceil, "ceil(a)", 1, 1),
    "floor": _Function(floor, "floor(a)", 1, 1),
    "min": _Function(min, "min(a, b, ...)", 2, LENGTH),
    "max": _Function(max, "max(a, b, ...)", 2, LENGTH),
    "make_divisible": _Function(make_divisible, "make_divisible(a, divisor=8)", 1, 2, "divisor"),
}

# --- text -> tokens


class _Token(NamedTuple):
    kind: str  # "number", "name" or "end"; of a word or a symbol of the language the word or symbol itself
    text: str
    start: int
    end: int


_WORDS = {"and", "or", "not", "if", "else", "true", "false", "True", "False"}
_NAME = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?")
_TOKEN = re.compile(
    rf"""(?P<number> (?: [0-9] | \.[0-9] ) (?: [eE][+-][0-9] | [\w.] )* )   # and what could be meant for one: 2x, 1_000
       | (?P<name> {_NAME.pattern} )
       | (?P<symbol> // | <= | >= | == | != | \*\* | && | \|\| | \S )""",
    re.VERBOSE,
)
_SYMBOLS = {"+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "(", ")", ",", "="}
_MEANT = {  # what other languages, and people, write
    "**": "a power is written as a product: x * x",
    "^": "a power is written as a product: x * x",
    "=": "== compares two values",
    "&&": "write and",
    "&": "write and",
    "||": "write or",
    "|": "write or",
    "!": "write not",
    "?": "write a if condition else b",
    "×": "write *",
    "÷": "write /",
    "−": "write -",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    '"': "there are no texts here, only numbers, true and false",
    "'": "there are no texts here, only numbers, true and false",
}


def _tokens(text: str) -> list[_Token]:
    """The words of the text, and one of kind ``end`` after the last."""
    if len(text) > LENGTH:
        raise ExpressionError(f"an expression of {len(text)} characters: expected at most {LENGTH}", 0, len(text))
    tokens = []
    for match in _TOKEN.finditer(text):  # it skips white space only
        word, kind = match[0], str(match.lastgroup)
        if word in _WORDS or word in _SYMBOLS:
            kind = word
        elif kind == "symbol":
            message = f"{quoted(word)} has no meaning in an expression"
            raise ExpressionError(message, match.start(), match.end(), _MEANT.get(word, ""))
        tokens.append(_Token(kind, word, match.start(), match.end()))
    end = len(text.rstrip())
    tokens.append(_Token("end", "", end, end))
    return tokens


def _literal(token: _Token) -> Number:
    """The number, exactly as written."""
    match = _NUMBER.fullmatch(token.text)
    if not match:
        raise ExpressionError(
            f"{quoted(token.text)} is not a number: expected decimal digits, for example 12, 0.75 or 1e3",
            token.start,
            token.end,
            "a product is written with *" if token.text.isalnum() else "",
        )
    whole, decimals, power = match.groups(default="")
    exponent = int(power or 0) if len(token.text) <= LITERAL else LITERAL
    if abs(exponent) < LITERAL:  # so that 1e999999999 is never computed
        digits, places = int(whole + decimals), len(decimals) - exponent
        try:
            return _settled(_quotient(digits, 10**places) if places > 0 else digits * 10**-places)
        except Invalid:
            pass
    raise ExpressionError(
        f"{quoted(token.text)} is out of range: expected a numerator and a denominator below 2^256",
        token.start,
        token.end,
    )


# --- tokens -> functions


class _Part(NamedTuple):
    """A part of an expression: how to compute it, and its columns."""

    run: Callable[[Names], Value]
    start: int
    end: int


class _Parser:
    """A method per rule of the grammar; each reads its rule's tokens and gives the part that they make."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.names: set[str] = set()

    def accept(self, *kinds: str) -> _Token | None:
        token = self.tokens[self.at]
        if token.kind not in kinds:
            return None
        self.at += 1
        return token

    def expect(self, kind: str, wanted: str) -> _Token:
        return self.accept(kind) or self.refuse(wanted)

    def refuse(self, wanted: str) -> _Token:
        token = self.tokens[self.at]
        found = f"not {quoted(token.text)}" if token.text else "but the expression ends"
        raise ExpressionError(f"expected {wanted}, {found}", token.start, token.end, _MEANT.get(token.text, ""))

    def nested(self, rule: Callable[[], _Part]) -> _Part:
        """The rule, one level deeper: Python's own stack must never decide how deep is too deep."""
        if self.depth == DEPTH:
            token = self.tokens[self.at]
            raise ExpressionError(f"nested more than {DEPTH} levels deep", token.start, token.end)
        self.depth += 1
        part = rule()
        self.depth -= 1
        return part

    def whole(self) -> _Part:
        if self.tokens[0].kind == "end":
            raise ExpressionError("the expression is empty", 0, 0)
        part = self.conditional()
        self.expect("end", "an operator")
        return part

    def conditional(self) -> _Part:
        """level { "if" level "else" level }"""
        arms = []
        part = self.level(0)
        while self.accept("if"):
            arms.append((self.level(0), part))
            self.expect("else", "'else'")
            part = self.level(0)
        return _choice(arms, part) if arms else part

    def level(self, looseness: int) -> _Part:
        """A chain of operands, joined by the operators of one row of the table below."""
        if looseness == len(_LEVELS):
            return self.operand()
        operators, build = _LEVELS[looseness]
        if operators == ("not",):
            token = self.accept("not")
            return _negation(token, self.nested(lambda: self.level(looseness))) if token else self.level(looseness + 1)
        first = self.level(looseness + 1)
        rest = []
        while token := self.accept(*operators):
            rest.append((token.kind, self.level(looseness + 1)))
        return build(first, rest) if rest else first

    def operand(self) -> _Part:
        """("+" | "-") operand | NUMBER | NAME | "true" | "false" | "(" expression ")" | call"""
        if sign := self.accept("+", "-"):
            return _signed(sign, self.nested(self.operand))
        if token := self.accept("number"):
            return _constant(token, _literal(token))
        if token := self.accept("true", "True", "false", "False"):
            return _constant(token, token.kind in ("true", "True"))
        if token := self.accept("("):
            part = self.nested(self.conditional)
            return _Part(part.run, token.start, self.expect(")", "an operator or ')'").end)
        token = self.expect("name", "a number, a name or '('")
        if self.accept("("):
            return self.call(token)
        self.names.add(token.text)
        return _name(token)

    def call(self, name: _Token) -> _Part:
        """FUNCTION "(" expression { "," [NAME "="] expression } ")", from behind the opening parenthesis"""
        function = _FUNCTIONS.get(name.text)
        if not function:
            known = f"expected one of {', '.join(sorted(_FUNCTIONS))}"
            hint = near_miss(name.text, _FUNCTIONS)
            raise ExpressionError(f"unknown function {quoted(name.text)}: {known}", name.start, name.end, hint)
        arguments: list[_Part] = []
        if not (close := self.accept(")")):
            arguments.append(self.argument(function, 1))
            while self.accept(","):
                arguments.append(self.argument(function, len(arguments) + 1))
            close = self.expect(")", "an operator, ',' or ')'")
        if not function.least <= len(arguments) <= function.most:
            count = f"{len(arguments)} argument{'' if len(arguments) == 1 else 's'}"
            raise ExpressionError(f"expected {function.signature}, not {count}", name.start, close.end)
        return _call(name.text, function, arguments, name.start, close.end)

    def argument(self, function: _Function, number: int) -> _Part:
        """[NAME "="] expression"""
        name, following = (
            self.tokens[self.at : self.at + 2] if self.tokens[self.at].kind != "end" else self.tokens[-1:] * 2
        )
        if name.kind == "name" and following.kind == "=":
            if name.text != function.keyword or number != function.most:
                message = f"expected {function.signature}, without {quoted(name.text + '=')} here"
                raise ExpressionError(message, name.start, following.end, _MEANT["="])
            self.at += 2
        return self.nested(self.conditional)


# --- what the parts compute


def _constant(token: _Token, value: Value) -> _Part:
    return _Part(lambda names: value, token.start, token.end)


def _name(token: _Token) -> _Part:
    name = token.text

    def run(names: Names) -> Value:
        try:
            value = names[name]
            return value if isinstance(value, bool) else _settled(value)
        except KeyError:
            raise _unknown(token, names) from None
        except Invalid as fact:
            raise _placed(fact, token.start, token.end) from None

    return _Part(run, token.start, token.end)


def _unknown(token: _Token, names: Names) -> ExpressionError:
    listed = sorted(names)
    known = (
        f"expected one of {', '.join(listed[:20])}{', …' if len(listed) > 20 else ''}"
        if names
        else "there are none here"
    )
    if token.text in _FUNCTIONS:
        hint = f"a function needs its arguments: {_FUNCTIONS[token.text].signature}"
    else:
        hint = near_miss(token.text, [*names, *_FUNCTIONS])
    return ExpressionError(f"unknown name {quoted(token.text)}: {known}", token.start, token.end, hint)


def _choice(arms: Sequence[tuple[_Part, _Part]], otherwise: _Part) -> _Part:
    def run(names: Names) -> Value:
        for condition, part in arms:
            if condition.run(names):
                return part.run(names)
        return otherwise.run(names)

    return _Part(run, arms[0][1].start, otherwise.end)


_Rest = Sequence[tuple[str, _Part]]  # operators, each with its right operand


def _either(first: _Part, rest: _Rest) -> _Part:
    parts = [first, *(part for _, part in rest)]
    return _Part(lambda names: any(part.run(names) for part in parts), first.start, parts[-1].end)


def _both(first: _Part, rest: _Rest) -> _Part:
    parts = [first, *(part for _, part in rest)]
    return _Part(lambda names: all(part.run(names) for part in parts), first.start, parts[-1].end)


def _negation(token: _Token, part: _Part) -> _Part:
    return _Part(lambda names: not part.run(names), token.start, part.end)


def _comparison(first: _Part, rest: _Rest) -> _Part:
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

    return _Part(run, first.start, rest[-1][1].end)


def _arithmetic(first: _Part, rest: _Rest) -> _Part:
    # A loop and not a nest of pairs: a sum of five hundred terms is no deeper than one of two.
    steps = [(f"'{symbol}'", _ARITHMETIC[symbol], part) for symbol, part in rest]

    def run(names: Names) -> Value:
        total = _number(first, names, steps[0][0])
        for symbol, operate, part in steps:
            right = _number(part, names, symbol)
            try:
                total = _settled(operate(total, right))
            except ZeroDivisionError:
                raise ExpressionError("division by zero", part.start, part.end) from None
            except Invalid as fact:
                raise _placed(fact, first.start, part.end) from None
        return total

    return _Part(run, first.start, rest[-1][1].end)


def _signed(sign: _Token, part: _Part) -> _Part:
    symbol = f"'{sign.kind}'"
    factor = -1 if sign.kind == "-" else 1
    return _Part(lambda names: factor * _number(part, names, symbol), sign.start, part.end)


def _call(name: str, function: _Function, arguments: Sequence[_Part], start: int, end: int) -> _Part:
    shown = f"{name}()"

    def run(names: Names) -> Value:
        numbers = [_number(part, names, shown) for part in arguments]
        try:
            return _settled(function.run(*numbers))
        except Invalid as fact:
            raise _placed(fact, start, end) from None

    return _Part(run, start, end)


def _number(part: _Part, names: Names, user: str) -> Number:
    """The value of the part, for an operator or a function that wants a number."""
    value = part.run(names)
    if isinstance(value, bool):
        raise ExpressionError(f"{user} needs a number, not {as_text(value)}", part.start, part.end)
    return value


def _settled(value: Number) -> Number:
    """The number as it is kept: an int if it is whole, and within the limits."""
    if type(value) is not int and value.denominator == 1:
        value = value.numerator
    if -LIMIT < value.numerator < LIMIT and value.denominator < LIMIT:
        return value
    raise Invalid("the result is out of range: expected a numerator and a denominator below 2^256")


def _quotient(left: Number, right: Number) -> Number:
    if type(left) is int and type(right) is int and right and left % right == 0:
        return left // right
    from fractions import Fraction

    return Fraction(left, right)


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
    "/": _quotient,
    "//": operator.floordiv,
    "%": operator.mod,
}
_LEVELS: tuple[tuple[tuple[str, ...], Callable[[_Part, _Rest], _Part]], ...] = (  # the loosest first
    (("or",), _either),
    (("and",), _both),
    (("not",), _both),
    (tuple(_COMPARISONS), _comparison),
    (("+", "-"), _arithmetic),
    (("*", "/", "//", "%"), _arithmetic),
)
