"""Expressions: a table worked out by hand, every message whole, and Python's own fractions as the oracle for any
tree of operators."""

import operator
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from helpers import ids
from hypothesis import given, settings
from hypothesis import strategies as st

from sepcalc.arithmetic import LIMIT
from sepcalc.expression import DEPTH, ExpressionError, Value, as_text, evaluate, is_name, make_divisible, parse

NAMES: dict[str, Any] = {"a": 2, "half": Fraction(1, 2), "yes": True, "no": False, "größe": 7}

VALUES = [  # a text, its value
    ("12", 12),
    ("0.29 * 200", 58),
    ("int(200 * 0.29)", 58),  # 57 in binary floating point
    ("0.1 + 0.2 == 0.3", True),
    ("1e3", 1000),
    ("1.5e-1", Fraction(3, 20)),
    (".5 + 5.", Fraction(11, 2)),
    ("007", 7),
    ("1 / 3 * 3", 1),
    ("7 // 2 * 2 + 7 % 2", 7),
    ("-7 // 2", -4),  # down, not towards zero
    ("-7 % 2", 1),  # the sign of the divisor
    ("7 % -2", -1),
    ("7.5 % 2", Fraction(3, 2)),
    ("2 - 3 - 4", -5),
    ("2 / 4 / 2", Fraction(1, 4)),
    ("2 + 3 * 4", 14),
    ("(2 + 3) * 4", 20),
    ("--2", 2),
    ("-+-2", 2),
    ("2 * -3", -6),
    ("int(-2.9)", -2),
    ("floor(-2.1)", -3),
    ("ceil(2.1)", 3),
    ("round(2.5)", 2),  # to the even neighbour
    ("round(3.5)", 4),
    ("round(-0.5)", 0),
    ("min(3, 1, 2)", 1),
    ("max(1, 5 / 2)", Fraction(5, 2)),
    ("make_divisible(33)", 32),
    ("make_divisible(36)", 40),  # halves up
    ("make_divisible(12)", 16),
    ("make_divisible(11)", 16),  # 8 would lose more than a tenth
    ("make_divisible(3)", 8),
    ("make_divisible(10, 4)", 12),
    ("make_divisible(32 * 0.35, divisor=8)", 16),
    ("make_divisible(-5)", 8),
    ("1 < 2 < 3", True),
    ("1 < 3 < 2", False),
    ("3 > 2 >= 2 != 1 <= 1", True),
    ("not 0", True),
    ("not not 2", True),
    ("not 1 == 2", True),
    ("0 or 3", True),
    ("2 and 0", False),
    ("true and not false", True),
    ("True == true", True),
    ("yes != no", True),
    ("1 or 0 and 0", True),
    ("1 if a == 2 else 2", 1),
    ("1 if no else 2 if 0 else 3", 3),
    ("a if half else 0", 2),
    ("(1 if no else 2) * 3", 6),
    ("4 if true else 1 / 0", 4),  # the other branch is not computed
    ("false and 1 / 0", False),
    ("true or nowhere", True),
    ("1 > 2 > 1 / 0", False),
    ("a * half", 1),
    ("größe + a", 9),
    ("\t( a )\n", 2),
    (" + ".join(["1"] * 250), 250),
    ("(" * DEPTH + "1" + ")" * DEPTH, 1),
    ("-" * DEPTH + "1", 1),
    (str(LIMIT - 1), LIMIT - 1),
    # the edges of what may be written and of what may come out
    (str(2**256 - 1), 2**256 - 1),
    (f"-{2**256 - 1}", 1 - 2**256),
    (f"1 / {2**256 - 1}", Fraction(1, 2**256 - 1)),
    ("0" * 99 + "7", 7),
    ("0." + "0" * 70 + "1", Fraction(1, 10**71)),
    ("1e77", 10**77),
    ("1e-77", Fraction(1, 10**77)),
    ("0e99", 0),
    ("1.25e1", Fraction(25, 2)),
    ("1.25e2", 125),
    ("1.25e3", 1250),
    ("9999999999999999999", 10**19 - 1),
    ("10000000000000000000", 10**19),
    ("1" + " " * 999, 1),
    ("make_divisible(0)", 8),
    ("make_divisible(4)", 8),
    ("make_divisible(20)", 24),  # halfway is up
    ("make_divisible(80 / 9)", 8),  # nine tenths exactly are enough
    ("make_divisible(5, 1)", 5),
    ("max(2, -3, 1)", 2),
    ("min(4, 5)", 4),
    ("ceil(-2.1)", -2),
    ("floor(2.9)", 2),
    ("int(2.9)", 2),
    ("+a", 2),
    ("1 == 1 != 2", True),
    ("yes == yes != no", True),
    ("0 or no", False),
    ("1 and half", True),
    ("not 1", False),
    ("not yes and no", False),
    ("not (yes and no)", True),
    ("0 or not no", True),
    ("not " * DEPTH + "1", True),
    ("max(" * DEPTH + "1" + ", 2)" * DEPTH, 2),
    ("1 if no or yes else 2", 1),
    ("no if no else no or yes", True),
    ("no or yes if 1 else 2", True),
    ("1 if no else 2 if no or yes else 3", 2),
    ("(no or yes)", True),
    ("not no or no", True),
    ("no and no or yes", True),
    ("yes or no and no", True),
    ("1 + 1 < 2 * 2 and 3 - 1 >= 2", True),
    ("max(1 if no or yes else 2, 0)", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES, ids=ids(VALUES))
def test_values(text: str, value: Any) -> None:
    found = evaluate(text, NAMES)
    assert found == value
    assert type(found) is type(value)
    assert parse(text)(NAMES) == value


KNOWN = "expected one of a, größe, half, no, yes"
RANGE = "is out of range: expected a numerator and a denominator below 2^256"
DIGITS = "is not a number: expected decimal digits, for example 12, 0.75 or 1e3"
FUNCTIONS = "expected one of ceil, floor, int, make_divisible, max, min, round"
OPERAND = "expected a number, a name or '('"
PAIRS = "numbers compare with numbers; true and false with each other, by == and !="
NO_TEXTS = "there are no texts here, only numbers, true and false"

REFUSED = [  # a text, the part of it that is to blame, the message, the hint
    ("", "", "the expression is empty", ""),
    ("  ", "", "the expression is empty", ""),
    ("1 +", "", f"{OPERAND}, but the expression ends", ""),
    ("* 2", "*", f"{OPERAND}, not '*'", ""),
    ("1 2", "2", "expected an operator, not '2'", ""),
    ("(1", "", "expected an operator or ')', but the expression ends", ""),
    ("1)", ")", "expected an operator, not ')'", ""),
    ("max(1, 2", "", "expected an operator, ',' or ')', but the expression ends", ""),
    ("1 if 2", "", "expected 'else', but the expression ends", ""),
    ("if", "if", f"{OPERAND}, not 'if'", ""),
    ("a = 2", "=", "expected an operator, not '='", "== compares two values"),
    ("2 ** 3", "**", "'**' has no meaning in an expression", "a power is written as a product: x * x"),
    ("1 && 2", "&&", "'&&' has no meaning in an expression", "write and"),
    ("3 ≤ 4", "≤", "'≤' has no meaning in an expression", "write <="),
    ("a.b", ".", "'.' has no meaning in an expression", ""),
    ("a .5", ".5", "expected an operator, not '.5'", ""),
    ("a[0]", "[", "'[' has no meaning in an expression", ""),
    ("'x'", "'", "''' has no meaning in an expression", NO_TEXTS),
    ("1 \x1b 2", "\x1b", "'\\x1b' has no meaning in an expression", ""),
    ("2x", "2x", f"'2x' {DIGITS}", "a product is written with *"),
    ("1_000", "1_000", f"'1_000' {DIGITS}", ""),
    ("0x10", "0x10", f"'0x10' {DIGITS}", "a product is written with *"),
    ("1.2.3", "1.2.3", f"'1.2.3' {DIGITS}", ""),
    ("1e999999999", "1e999999999", f"'1e999999999' {RANGE}", ""),
    ("1e-80", "1e-80", f"'1e-80' {RANGE}", ""),
    (str(LIMIT), str(LIMIT), f"'{LIMIT}' {RANGE}", ""),
    ("1e77 * 1e77", "1e77 * 1e77", f"the result {RANGE}", ""),
    ("1 / 1e77 / 3", "1 / 1e77 / 3", f"the result {RANGE}", ""),
    ("alf + 1", "alf", f"unknown name 'alf': {KNOWN}", "did you mean half?"),
    ("1 + max", "max", f"unknown name 'max': {KNOWN}", "a function needs its arguments: max(a, b, ...)"),
    ("roun(1)", "roun", f"unknown function 'roun': {FUNCTIONS}", "did you mean round?"),
    ("int(1, 2)", "int(1, 2)", "expected int(a), not 2 arguments", ""),
    ("min(1)", "min(1)", "expected min(a, b, ...), not 1 argument", ""),
    ("max()", "max()", "expected max(a, b, ...), not 0 arguments", ""),
    ("int(a=1)", "a=", "expected int(a), without 'a=' here", "== compares two values"),
    ("make_divisible(1, div=2)", "div=", "expected make_divisible(a, divisor=8), without 'div=' here",
     "== compares two values"),
    ("make_divisible(5, 0)", "make_divisible(5, 0)", "the divisor must be a whole number from 1, not 0", ""),
    ("make_divisible(5, half)", "make_divisible(5, half)", "the divisor must be a whole number from 1, not 0.5", ""),
    ("1 / 0", "0", "division by zero", ""),
    ("1 // (a - 2)", "(a - 2)", "division by zero", ""),
    ("5 % 0.0", "0.0", "division by zero", ""),
    ("1 + true", "true", "'+' needs a number, not true", ""),
    ("-(1 < 2)", "(1 < 2)", "'-' needs a number, not true", ""),
    ("int(yes)", "yes", "int() needs a number, not true", ""),
    ("1 == true", "1 == true", "'==' cannot compare 1 with true", PAIRS),
    ("true < false", "true < false", "'<' cannot compare true with false", PAIRS),
    ("0 < half == no", "half == no", "'==' cannot compare 0.5 with false", PAIRS),
    ("(" * 33 + "1" + ")" * 33, "1", "nested more than 32 levels deep", ""),
    ("-" * 33 + "1", "1", "nested more than 32 levels deep", ""),
    ("(1) + " * 20 + "(" * 33 + "1" + ")" * 33, "1", "nested more than 32 levels deep", ""),  # whatever stood before
    ("not " * 33 + "1", "1", "nested more than 32 levels deep", ""),
    (str(2**256), str(2**256), f"'{2**256}' {RANGE}", ""),
    (f"{2**256 - 1} + 1", f"{2**256 - 1} + 1", f"the result {RANGE}", ""),
    (f"-{2**256 - 1} - 1", f"-{2**256 - 1} - 1", f"the result {RANGE}", ""),
    (f"1 / {2**255} / 2", f"1 / {2**255} / 2", f"the result {RANGE}", ""),
    ("0e100", "0e100", f"'0e100' {RANGE}", ""),
    ("0e-100", "0e-100", f"'0e-100' {RANGE}", ""),
    ("0" * 99 + "1e0", "0" * 99 + "1e0", f"'{'0' * 99}…' {RANGE}", ""),
    ("max(" * 33 + "1" + ")" * 33, "1", "nested more than 32 levels deep", ""),
    ("ceil(1, 2)", "ceil(1, 2)", "expected ceil(a), not 2 arguments", ""),
    ("ceil()", "ceil()", "expected ceil(a), not 0 arguments", ""),
    ("floor(1, 2)", "floor(1, 2)", "expected floor(a), not 2 arguments", ""),
    ("floor()", "floor()", "expected floor(a), not 0 arguments", ""),
    ("int()", "int()", "expected int(a), not 0 arguments", ""),
    ("round(1, 2)", "round(1, 2)", "expected round(a), not 2 arguments", ""),
    ("round()", "round()", "expected round(a), not 0 arguments", ""),
    ("max(1)", "max(1)", "expected max(a, b, ...), not 1 argument", ""),
    ("make_divisible()", "make_divisible()", "expected make_divisible(a, divisor=8), not 0 arguments", ""),
    ("make_divisible(1, 2, 3)", "make_divisible(1, 2, 3)", "expected make_divisible(a, divisor=8), not 3 arguments",
     ""),
    ("make_divisible(divisor=8)", "divisor=", "expected make_divisible(a, divisor=8), without 'divisor=' here",
     "== compares two values"),
    ("make_divisible(1, 2, divisor=3)", "divisor=", "expected make_divisible(a, divisor=8), without 'divisor=' here",
     "== compares two values"),
    ("make_divisible(5, -1)", "make_divisible(5, -1)", "the divisor must be a whole number from 1, not -1", ""),
    ("max(yes, 1)", "yes", "max() needs a number, not true", ""),
    ("1 < yes", "1 < yes", "'<' cannot compare 1 with true", PAIRS),
    ("yes >= no", "yes >= no", "'>=' cannot compare true with false", PAIRS),
    ("2 * 3 + yes", "yes", "'+' needs a number, not true", ""),
    ("yes * 3", "yes", "'*' needs a number, not true", ""),
    ("2 1 / 0", "1", "expected an operator, not '1'", ""),
    ("7 + 1 / 0 + 2", "0", "division by zero", ""),
    ("a + (1 / 0 if yes else 2)", "0", "division by zero", ""),
    ("max(yes and no, 1)", "yes and no", "max() needs a number, not false", ""),
    ("max(no or yes or no, 1)", "no or yes or no", "max() needs a number, not true", ""),
    ("max(not yes, 1)", "not yes", "max() needs a number, not false", ""),
    ("max(1 < 2 < 3, 1)", "1 < 2 < 3", "max() needs a number, not true", ""),
    ("max(1, 2 if no else yes)", "2 if no else yes", "max() needs a number, not true", ""),
    ("max(2 if no else 3 if no else yes, 1)", "2 if no else 3 if no else yes", "max() needs a number, not true", ""),
    ("2 + 1e77 * 1e77 * 3", "1e77 * 1e77", f"the result {RANGE}", ""),
    ("2 * (1e38 + 1) * 1e77 + 5", "2 * (1e38 + 1) * 1e77", f"the result {RANGE}", ""),
    ("make_divisible(1, 0) + 2", "make_divisible(1, 0)", "the divisor must be a whole number from 1, not 0", ""),
    ("- yes", "yes", "'-' needs a number, not true", ""),
    ("2 < 3 < yes", "3 < yes", "'<' cannot compare 3 with true", PAIRS),
    ("1" + " " * 1000, "1" + " " * 1000, "an expression of 1001 characters: expected at most 1000", ""),
    ("1 " * 501, "1 " * 501, "an expression of 1002 characters: expected at most 1000", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "part", "message", "hint"), REFUSED, ids=ids(REFUSED))
def test_refused(text: str, part: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, NAMES)
    error = caught.value
    assert (error.message, error.hint) == (message, hint)
    assert text[error.start : error.end] == part


def test_names() -> None:
    assert parse("a + b if max(1, c_in) else not d").names == {"a", "b", "c_in", "d"}
    with pytest.raises(ExpressionError) as caught:
        evaluate("x", {})
    assert caught.value.message == "unknown name 'x': there are none here"
    with pytest.raises(ExpressionError) as caught:
        evaluate("x", {f"n{at:02}": at for at in range(30)})
    assert caught.value.message == f"unknown name 'x': expected one of {', '.join(f'n{at:02}' for at in range(20))}, …"
    with pytest.raises(ExpressionError) as caught:
        evaluate("x", {"x": LIMIT})
    assert caught.value.message == f"the result {RANGE}"


@pytest.mark.parametrize("text", ["a", "_", "a1", "größe", "If"])
def test_is_name(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize("text", ["", "1a", "a b", "a-b", "if", "true", "True", "max", "not", "a\n"])
def test_is_no_name(text: str) -> None:
    assert not is_name(text)


TEXTS = [
    *[("58", 58), ("-7", -7), ("true", True), ("false", False)],
    *[("0.29", Fraction(29, 100)), ("-0.05", Fraction(-1, 20)), ("0.5", Fraction(1, 2)), ("12.25", Fraction(49, 4))],
    *[("1/3", Fraction(1, 3)), ("-1/3", Fraction(-1, 3))],
    ("0." + "0" * 19 + "1", Fraction(1, 10**20)),  # twenty decimals, and no more
    (f"1/{10**21}", Fraction(1, 10**21)),
]


@pytest.mark.parametrize(("text", "value"), TEXTS)
def test_as_text(text: str, value: Any) -> None:
    assert as_text(value) == text


@given(st.fractions(max_denominator=10**6))
def test_as_text_reads_back(value: Fraction) -> None:
    assert evaluate(as_text(value), {}) == value


@given(st.fractions(0, 5000, max_denominator=100), st.integers(1, 64))
def test_make_divisible_is_the_nearest_that_loses_little(value: Fraction, divisor: int) -> None:
    multiples = [divisor * n for n in range(1, int(value / divisor) + 3)]
    nearest = min(multiples, key=lambda multiple: (abs(multiple - value), -multiple))
    wanted = nearest if nearest * 10 >= value * 9 else nearest + divisor
    assert make_divisible(value, divisor) == wanted


# --- any tree --------------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 99).map(lambda n: (str(n), Fraction(n))) | st.tuples(
    st.integers(0, 99), st.integers(0, 99)
).map(lambda n: (f"{n[0]}.{n[1]:02}", Fraction(n[0] * 100 + n[1], 100)))
NAMED = st.sampled_from(["a", "half"]).map(lambda name: (name, Fraction(NAMES[name])))
ARITHMETIC = {
    "+": operator.add, "-": operator.sub, "*": operator.mul,
    "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
COMPARISONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
CALLS = {"int": int, "round": round, "ceil": ceil, "floor": floor}
Tree = tuple[str, Any]  # a text, and its value by Python; None: none, for a division by zero


def _known(function: Any, *values: Any) -> Any:
    try:
        return None if None in values else Fraction(function(*values))
    except ZeroDivisionError:
        return None


def _binary(parts: tuple[Tree, str, Tree]) -> Tree:
    (left, first), symbol, (right, second) = parts
    return f"({left}) {symbol} ({right})", _known(ARITHMETIC[symbol], first, second)


def _call(parts: tuple[str, Tree]) -> Tree:
    name, (text, value) = parts
    return f"{name}({text})", _known(CALLS[name], value)


def _choice(parts: tuple[Tree, str, Tree, Tree, Tree]) -> Tree:
    (left, first), symbol, (right, second), (one, if_so), (other, if_not) = parts
    truth = _known(COMPARISONS[symbol], first, second)
    value = None if truth is None else if_so if truth else if_not
    return f"({one}) if ({left}) {symbol} ({right}) else ({other})", value


def _grow(trees: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return (
        st.tuples(trees, st.sampled_from(sorted(ARITHMETIC)), trees).map(_binary)
        | st.tuples(st.sampled_from(sorted(CALLS)), trees).map(_call)
        | st.tuples(trees, st.sampled_from(sorted(COMPARISONS)), trees, trees, trees).map(_choice)
        | trees.map(lambda tree: (f"-({tree[0]})", None if tree[1] is None else -tree[1]))
    )


@given(st.recursive(NUMBERS | NAMED, _grow, max_leaves=12))
def test_any_tree(tree: Tree) -> None:
    text, value = tree
    if value is not None:
        assert evaluate(text, NAMES) == value
        return
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, NAMES)
    assert caught.value.message == "division by zero"


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.data())
def test_precedence_is_python_s(numbers: list[int], data: st.DataObject) -> None:
    """Without parentheses: Python reads the same text, whole numbers as fractions."""
    symbols = [data.draw(st.sampled_from(sorted(ARITHMETIC))) for _ in numbers[1:]]
    text = str(numbers[0]) + "".join(f" {symbol} {number}" for symbol, number in zip(symbols, numbers[1:]))
    python = str.join(" ", [f"F({word})" if word.isdigit() else word for word in text.split()])
    try:
        expected = eval(python, {"F": Fraction})
    except ZeroDivisionError:
        expected = None
    if expected is not None:
        assert evaluate(text, {}) == expected


@given(st.text() | st.lists(st.sampled_from([*"()+-*/%<>=!,. 1a", "if", " else ", "max", "not "])).map("".join))
def test_any_text(text: str) -> None:
    start, end = 0, 0
    value: Value = 0
    try:
        value = evaluate(text, NAMES)
    except ExpressionError as error:
        start, end = error.start, error.end
    assert 0 <= start <= end <= len(text)
    assert evaluate(as_text(value), NAMES) == value


# --- fuzzing: nothing but arithmetic ----------------------------------------------------------------------------------

ODD_NAMES: dict[str, Any] = {"a": 3, "width": Fraction(3, 4), "deep": True, "c_in": 2**63 - 1, "__class__": 5}
PIECES = [
    *"0123456789.+-*/%()<>=!,_ eE'\"\\[]{}:;@|&~^\n",
    *ODD_NAMES,
    "and",
    "or",
    "not",
    "if",
    "else",
    "true",
    "//",
    "==",
]
PIECES += [
    "int(",
    "round(",
    "max(",
    "make_divisible(",
    "divisor=",
    "lambda",
    "__import__",
    "().__class__",
    "open(",
    "1e99",
]


def answers(text: str) -> None:
    """A number, true or false, or a refusal; never anything else, and nothing larger than the limits."""
    refused = None
    try:
        value = evaluate(text, ODD_NAMES)
    except ExpressionError as fact:
        refused = fact
    if refused:
        assert refused.message
        assert 0 <= refused.start <= refused.end
        return
    assert type(value) in (int, Fraction, bool)
    assert max(abs(value.numerator), value.denominator) < LIMIT
    assert evaluate(as_text(value), {}) == value


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=200)
def test_any_text_has_an_answer(text: str) -> None:
    answers(text)


LEAVES = st.sampled_from(["0", "1", "7", "0.29", "1e30", "2.5e-7", *ODD_NAMES, "true", "false", "nobody"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, st.sampled_from([*"+-*/%<>", "//", "<=", ">=", "==", "!=", " and ", " or "]), inner)
    call = st.tuples(st.sampled_from(["int", "round", "ceil", "floor", "make_divisible"]), inner)
    return (
        pair.map(lambda part: "".join(part))
        | inner.map(lambda part: f"({part})")
        | inner.map(lambda part: f"-{part}")
        | inner.map(lambda part: f"not {part}")
        | call.map(lambda part: f"{part[0]}({part[1]})")
        | st.tuples(inner, inner).map(lambda part: f"max({part[0]}, min({part[1]}, {part[0]}))")
        | st.tuples(inner, inner, inner).map(lambda part: f"{part[0]} if {part[1]} else {part[2]}")
    )


@given(st.recursive(LEAVES, grown, max_leaves=25))
@settings(max_examples=200)
def test_any_expression(text: str) -> None:
    answers(text)


@pytest.mark.parametrize(
    "text", ["*".join(["1e30"] * 100), "(" * 999, "-" * 999, "a if " * 199 + "a", "not " * 249 + "a"]
)
def test_expressions_that_would_not_end(text: str) -> None:
    answers(text)
