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

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from sepcalc.arithmetic import FUNCTIONS, Function, Number, quotient, settled
from sepcalc.arithmetic import Names as Names
from sepcalc.arithmetic import Value as Value
from sepcalc.arithmetic import as_text as as_text
from sepcalc.arithmetic import make_divisible as make_divisible
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.expression_parts import (
    LEVELS,
    Part,
    Token,
    call_part,
    choice_part,
    constant_part,
    name_part,
    negation_part,
    signed_part,
)
from sepcalc.expression_parts import ExpressionError as ExpressionError

LENGTH = 1000  # characters of an expression
LITERAL = 100  # characters of a number in it
DEPTH = 32  # parentheses, calls and signs within each other


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
    return bool(_NAME.fullmatch(text)) and text not in _WORDS and text not in FUNCTIONS


# --- text -> tokens


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


def _tokens(text: str) -> list[Token]:
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
        tokens.append(Token(kind, word, match.start(), match.end()))
    end = len(text.rstrip())
    tokens.append(Token("end", "", end, end))
    return tokens


def _literal(token: Token) -> Number:
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
            return settled(quotient(digits, 10**places) if places > 0 else digits * 10**-places)
        except Invalid:
            pass
    raise ExpressionError(
        f"{quoted(token.text)} is out of range: expected a numerator and a denominator below 2^256",
        token.start,
        token.end,
    )


# --- tokens -> parts


class _Parser:
    """A method per rule of the grammar; each reads its rule's tokens and gives the part that they make."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.names: set[str] = set()

    def accept(self, *kinds: str) -> Token | None:
        token = self.tokens[self.at]
        if token.kind not in kinds:
            return None
        self.at += 1
        return token

    def expect(self, kind: str, wanted: str) -> Token:
        return self.accept(kind) or self.refuse(wanted)

    def refuse(self, wanted: str) -> Token:
        token = self.tokens[self.at]
        found = f"not {quoted(token.text)}" if token.text else "but the expression ends"
        raise ExpressionError(f"expected {wanted}, {found}", token.start, token.end, _MEANT.get(token.text, ""))

    def nested(self, rule: Callable[[], Part]) -> Part:
        """The rule, one level deeper: Python's own stack must never decide how deep is too deep."""
        if self.depth == DEPTH:
            token = self.tokens[self.at]
            raise ExpressionError(f"nested more than {DEPTH} levels deep", token.start, token.end)
        self.depth += 1
        part = rule()
        self.depth -= 1
        return part

    def whole(self) -> Part:
        if self.tokens[0].kind == "end":
            raise ExpressionError("the expression is empty", 0, 0)
        part = self.conditional()
        self.expect("end", "an operator")
        return part

    def conditional(self) -> Part:
        """level { "if" level "else" level }"""
        arms = []
        part = self.level(0)
        while self.accept("if"):
            arms.append((self.level(0), part))
            self.expect("else", "'else'")
            part = self.level(0)
        return choice_part(arms, part) if arms else part

    def level(self, looseness: int) -> Part:
        """A chain of operands, joined by the operators of one row of the table below."""
        if looseness == len(LEVELS):
            return self.operand()
        operators, build = LEVELS[looseness]
        if operators == ("not",):
            token = self.accept("not")
            return (
                negation_part(token, self.nested(lambda: self.level(looseness))) if token else self.level(looseness + 1)
            )
        first = self.level(looseness + 1)
        rest = []
        while token := self.accept(*operators):
            rest.append((token.kind, self.level(looseness + 1)))
        return build(first, rest) if rest else first

    def operand(self) -> Part:
        """("+" | "-") operand | NUMBER | NAME | "true" | "false" | "(" expression ")" | call"""
        if sign := self.accept("+", "-"):
            return signed_part(sign, self.nested(self.operand))
        if token := self.accept("number"):
            return constant_part(token, _literal(token))
        if token := self.accept("true", "True", "false", "False"):
            return constant_part(token, token.kind in ("true", "True"))
        if token := self.accept("("):
            part = self.nested(self.conditional)
            return Part(part.run, token.start, self.expect(")", "an operator or ')'").end)
        token = self.expect("name", "a number, a name or '('")
        if self.accept("("):
            return self.call(token)
        self.names.add(token.text)
        return name_part(token)

    def call(self, name: Token) -> Part:
        """FUNCTION "(" expression { "," [NAME "="] expression } ")", from behind the opening parenthesis"""
        function = FUNCTIONS.get(name.text)
        if not function:
            known = f"expected one of {', '.join(sorted(FUNCTIONS))}"
            hint = near_miss(name.text, FUNCTIONS)
            raise ExpressionError(f"unknown function {quoted(name.text)}: {known}", name.start, name.end, hint)
        arguments: list[Part] = []
        if not (close := self.accept(")")):
            arguments.append(self.argument(function, 1))
            while self.accept(","):
                arguments.append(self.argument(function, len(arguments) + 1))
            close = self.expect(")", "an operator, ',' or ')'")
        if not function.least <= len(arguments) <= function.most:
            count = f"{len(arguments)} argument{'' if len(arguments) == 1 else 's'}"
            raise ExpressionError(f"expected {function.signature}, not {count}", name.start, close.end)
        return call_part(name.text, function, arguments, name.start, close.end)

    def argument(self, function: Function, number: int) -> Part:
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
