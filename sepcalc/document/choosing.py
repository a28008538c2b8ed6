"""Open choices while a document runs: their names, what they may be, and which of it holds."""

from collections.abc import Mapping, Sequence

from sepcalc.document import Chosen
from sepcalc.document.entries import Choice, Entry, label_of
from sepcalc.document.graph import Frame, Graph, Picker
from sepcalc.document.problems import Notes
from sepcalc.document.scopes import Place, Scope, Tensor
from sepcalc.errors import near_miss, quoted
from sepcalc.expression import ExpressionError, as_text, evaluate
from sepcalc.expression import Value as Number
from sepcalc.network import matches

MAX_TOLD = 5  # names in a message


def choose(run: Graph, entry: Entry, once: bool, frame: Frame, tensor: Tensor | None) -> Frame | None:
    """The frame with the names of an entry's choices: those that hold ``once``, or those of one repetition. None after
    a mistake in a value."""
    assert entry.modifiers is not None
    for choice in entry.modifiers.choices:
        if choice.once == once:
            values = [run.compute(piece, frame, tensor) for piece in choice.values]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                return None
            place = _place(run, entry, choice, frame.scope)
            number = run.pick(place, known)
            run.chosen.append((place, tuple(known), number))
            frame = frame._replace(names={**frame.names, choice.name: known[number]})
    return frame


def _place(run: Graph, entry: Entry, choice: Choice, scope: Scope) -> Place:
    label = label_of(entry.body, entry.modifiers.name if entry.modifiers else "")
    place = Place(scope, label, scope.counts.get(label, 0) if label else 0, choice.name)
    return place._replace(number=scope.take_choice(place))


def made(run: Graph) -> tuple[Chosen, ...]:
    """All choices of a network that has run, in order."""
    return tuple([Chosen(place.spell(), values, number) for place, values, number in run.chosen])


def in_order(numbers: Sequence[int]) -> Picker:
    """Picks by these numbers, one after another; the first value after the last of them."""
    left = iter(numbers)
    return lambda place, values: next(left, 0)


class ByName:
    """Picks what was set by name: ``unit[2]/mb[1]/k`` is 5, or by a glob for many; of several that match the last."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings
        self.used = set[str]()
        self.wrong: dict[str, tuple[str, str]] = {}

    def __call__(self, place: Place, values: Sequence[Number]) -> int:
        """The number of the value that was set, or 0."""
        spelled = [*place.spellings()]
        found = [pattern for pattern in self.settings if any(matches(name, pattern) for name in spelled)]
        self.used.update(found)
        if not found:
            return 0
        text = self.settings[found[-1]]
        try:
            value = evaluate(text, {})
        except ExpressionError as fact:
            self.wrong[found[-1]] = f"{fact.message}", fact.hint
            return 0
        if value not in values or isinstance(value, bool) != isinstance(values[[*values].index(value)], bool):
            told = ", ".join(map(as_text, values))
            name = found[-1] if found[-1] in spelled else spelled[-1]
            self.wrong[found[-1]] = f"{name} is {text}: expected one of {told}", ""
            return 0
        return [*values].index(value)

    def tell(self, notes: Notes, known: Sequence[str], parameters: Sequence[str]) -> None:
        """Notes the settings that no choice has, and values that are none."""
        for pattern, text in self.settings.items():
            where = f"set {pattern}={text}"
            if pattern in self.wrong:
                notes.outside(*self.wrong[pattern], where)
            elif pattern not in self.used:
                names = [*parameters, *known]
                listed = ", ".join([*parameters, *known[:MAX_TOLD], *(["…"] if len(known) > MAX_TOLD else [])])
                told = f"expected one of {listed}" if names else "the network has none"
                what = "parameter or choice" if known else "parameter"
                notes.outside(f"there is no {what} {quoted(pattern)}: {told}", near_miss(pattern, names), where)
