"""Parameters: a value, a value with the range that it must keep to, or an open choice."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sepcalc.document.pieces import Piece, unbraced
from sepcalc.document.problems import Notes
from sepcalc.errors import Invalid
from sepcalc.expression import ExpressionError, Names, as_text, evaluate
from sepcalc.expression import Value as Number
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode

KEYS = ("value", "min", "max", "step", "choices")
MAX_VALUES = 100_000  # from min to max by step


class Parameter(NamedTuple):
    """A parameter as it is declared: its own value, the text that computes it, and what it may be. ``step``: from
    ``least`` to ``most``, a sweep goes by it. ``open``: it has no value of its own, and takes the first that it may
    have; ``listed`` are the texts of its choices."""

    name: str
    node: Scalar
    default: Number
    least: Number | None = None
    most: Number | None = None
    choices: Sequence[Number] = ()
    step: Number | None = None
    open: bool = False
    listed: tuple[Scalar, ...] = ()

    def tried(self) -> Sequence[Number]:
        """The values that a sweep tries: its choices, or those from min to max by step; none where it has neither."""
        if self.choices or self.step is None or self.least is None or self.most is None:
            return self.choices
        return stepped(self.least, self.most, self.step)

    @property
    def whole(self) -> bool:
        """Whether all of its choices and its step are whole numbers."""
        return all(isinstance(number, int) for number in (*self.choices, self.step or 0))

    def read(self, text: str) -> Number:
        """A value given from outside. Raises Invalid, the message to follow the parameter's name."""
        try:
            value = evaluate(text, {})
        except ExpressionError as fact:
            raise Invalid(f": {fact.message}", fact.hint) from fact
        before = self.default
        if isinstance(value, bool) != isinstance(before, bool) or (
            isinstance(before, int) and not isinstance(value, int) and self.node.text.isdigit() and self.whole
        ):
            wanted = "true or false" if isinstance(before, bool) else "a whole number"
            wanted = "a number" if isinstance(value, bool) else wanted
            raise Invalid(f" is {as_text(before)}: expected {wanted}, not {text}")
        if refusal := self.refusal(value):
            raise Invalid(f" is {text}: {refusal}")
        return value

    def computed(self, notes: Notes, names: Names) -> Number:
        """Its own value, where the parameters before it have other values than their own."""
        try:
            value = evaluate(unbraced(self.node.text), names)
        except ExpressionError as fact:
            notes.expression(fact, Piece((), self.node), unbraced(self.node.text))
            return self.default
        choices = [_value(notes, "a choice", node, names) for node in self.listed]
        if refusal := self._replace(choices=[choice for choice in choices if choice is not None]).refusal(value):
            notes.add(f"{self.name} is {as_text(value)}: {refusal}", "", self.node)
        return value

    def refusal(self, value: Number) -> str:
        """What is wrong with the value, or nothing."""
        if self.choices and value not in self.choices:
            return f"expected one of {', '.join(map(as_text, self.choices))}"
        low = self.least is not None and value < self.least
        if low or (self.most is not None and value > self.most):
            ends = ((self.least, "from"), (self.most, "to"))
            listed = " ".join(f"{word} {as_text(end)}" for end, word in ends if end is not None)
            return f"expected a value {listed}"
        return ""


def read_parameter(notes: Notes, name: str, node: Node, names: Names) -> Parameter | None:
    """``1.0``, or ``{value: 1.0, min: 0.25, max: 2}``, or ``{value: 8, choices: [8, 16]}``; an open choice without a
    ``value``: ``{choices: [8, 16]}``, ``{min: 0.25, max: 2, step: 0.25}``. None after a mistake."""
    if not isinstance(node, MappingNode):
        value = _value(notes, f"the parameter {name}", node, names)
        return None if value is None or not isinstance(node, Scalar) else Parameter(name, node, value)
    values = notes.mapping(node, f"the parameter {name}", KEYS)
    own = values.get("value") or _first_choice(values)
    if own is None:
        hint = "{value: 1.0, min: 0.25, max: 2}; open: {choices: [0.5, 1.0]} or {min: 0.25, max: 2, step: 0.25}"
        notes.add(f"the parameter {name} has no value", hint, node)
        return None
    default = _value(notes, f"the parameter {name}", own, names)
    least, most, step = [_value(notes, key, values[key], names) if key in values else None for key in KEYS[1:4]]
    choices: list[Number] = []
    texts: tuple[Scalar, ...] = ()
    listed = values.get("choices")
    if listed is not None and not (isinstance(listed, SequenceNode) and listed.items):
        notes.add("choices: expected a list of values", "choices: [0.5, 1.0]", listed)
    elif isinstance(listed, SequenceNode):
        found = [_value(notes, "a choice", item, names) for item in listed.items]
        choices = [value for value in found if value is not None]
        texts = tuple([item for item in listed.items if isinstance(item, Scalar)])
        if again := next((value for at, value in enumerate(choices) if value in choices[:at]), None):
            notes.add(f"choices: {as_text(again)} stands there twice", "", listed)
    if default is None or not isinstance(own, Scalar):
        return None
    numbers = [value for value in (least, most, step, *choices) if value is not None]
    if any(isinstance(value, bool) != isinstance(default, bool) for value in numbers) or (
        isinstance(default, bool) and (least is not None or most is not None)
    ):
        notes.add(f"the range of {name} does not fit {as_text(default)}", "a truth has choices at most", node)
        return Parameter(name, own, default)
    if step is not None and (problem := _misstep(least, most, step, choices)):
        notes.add(f"step of {name}: {problem}", "{min: 0.25, max: 2, step: 0.25}", values["step"])
        return Parameter(name, own, default)
    parameter = Parameter(name, own, default, least, most, choices, step, "value" not in values, texts)
    if refusal := parameter.refusal(default):
        notes.add(f"{name} is {as_text(default)}: {refusal}", "", own)
    return parameter


def stepped(least: Number, most: Number, step: Number) -> Sequence[Number]:
    """The exact numbers from ``least`` to ``most`` by ``step``, both ends included where the steps meet them."""
    values = [least + step * at for at in range(int((most - least) // step) + 1)]
    return [value.numerator if value.denominator == 1 else value for value in values]


def _first_choice(values: Mapping[str, Node]) -> Node | None:
    """What a parameter without a value starts from: its first choice, or the least of its steps."""
    listed = values.get("choices")
    if isinstance(listed, SequenceNode) and listed.items:
        return listed.items[0]
    return values["min"] if {"min", "max", "step"} <= values.keys() else None


def _misstep(least: Number | None, most: Number | None, step: Number, choices: Sequence[Number]) -> str:
    """What is wrong with a step, or nothing."""
    if least is None or most is None or choices:
        return "it goes from min to max, which must stand beside it, without choices"
    if step <= 0 or most < least:
        return f"expected a number above 0, and min below max, not {as_text(step)}"
    if (most - least) // step >= MAX_VALUES:
        return f"at most {MAX_VALUES:,} values, not {int((most - least) // step) + 1:,}"
    return ""


def _value(notes: Notes, what: str, node: Node, names: Names) -> Number | None:
    text = notes.scalar(node, what)
    if text is None:
        return None
    try:
        return evaluate(unbraced(text), names)
    except ExpressionError as fact:
        notes.expression(fact, Piece((), node), unbraced(text))
        return 1
