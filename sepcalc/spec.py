"""The layer spec: one grammar for the command line, for YAML and for Python.

    [SHAPE…] [each…] [KIND [WORD…]] [OPTION…]          12x12x3 conv -k5 -o256          KIND: conv if left out

``each`` before a kind: the layer on each slice of the first axis, weights shared; ``16x12x12x3 each conv -k5 -o8``.

Text becomes words, words become a :class:`Spec` that knows no sizes but its own, and a spec on given inputs becomes
ops. Inside, mistakes are bare facts with the number of the word that they are about; :func:`parse` turns them into
problems with a caret.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.errors import InputError, Invalid, Meant, Problem, bad_input, near_miss, quoted
from sepcalc.kinds import KINDS, Kind, build, unknown_kind
from sepcalc.ops.base import Chain, Link, Op, Uncounted
from sepcalc.option_words import OPTION, in_one_word, in_two_words, listed, read_option, spelled, stray
from sepcalc.options import OPTIONS, Value
from sepcalc.shape import MAX_SIZE, Shape, Shapes, misread, read_shape, show
from sepcalc.shown import telling

if TYPE_CHECKING:
    from sepcalc.meant import Line

MAX_LENGTH = 2000  # characters of a spec: no real one comes near, and an error message repeats it
EACH = "each"
_WORD = re.compile(r"(?:\{[^{}]*\}|\S)+")


@telling
class Spec(NamedTuple):
    """A parsed layer spec. ``str()`` of it parses back to the same spec.

    ``options`` holds those that were given, by their long names; ``inputs`` the shapes, if there were any; ``each``
    how many first axes it runs along, slice by slice.
    """

    kind: str
    words: tuple[str, ...]
    options: Mapping[str, Value]
    inputs: Shapes = ()
    each: int = 0

    def __str__(self) -> str:
        parts = [*map(show, self.inputs), *[EACH] * self.each, self.kind, *self.words]
        return " ".join(parts + listed(self.options))

    @property
    def links(self) -> Chain:
        """The ops that the layer runs: one, or the links of a chain. Raises InputError when they do not fit."""
        if not self.inputs and not KINDS[self.kind].begins:
            raise bad_input("the spec has no input shape", f"put one first, for example 12x12x3 {self}"[:200])
        try:
            links = linked(self, self.inputs)
            outputs(links, self.inputs)
        except Invalid as fact:
            text = str(self)
            raise InputError([_problem(text, text.split(), index_of(text.split(), fact.about), fact)]) from fact
        return links

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The output shape of every link, in order."""
        return outputs(self.links, self.inputs)[len(self.inputs) :]

    @property
    def output(self) -> Shape:
        """The output shape."""
        return self.shapes[-1]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its numbers must know: inputs that look as if they meant others, a dense layer at each
        position of an image."""
        said = [misread(shape[self.each :]) for shape in self.inputs]
        if self.kind == "dense" and not self.each:
            said += [spread(shape) for shape in self.inputs]
        return tuple(dict.fromkeys(filter(None, said)))

    @property
    def cost(self) -> Cost:
        """The exact counts of the whole layer, its links added up."""
        links = self.links
        known = outputs(links, self.inputs)
        return total(
            link.op.cost(tuple([known[source] for source in link.sources]), known[len(self.inputs) + at])
            for at, link in enumerate(links)
        )


def parse(text: str, also: tuple[str, ...] = (), commands: Iterable[str] = ()) -> Spec:
    """A layer spec, ``12x12x3 conv -k5 -o256``: input shapes, a kind, its words and options.

    A shape is HxWxC: sizes of the spatial axes, then channels, without a batch. ``.output`` is the output shape (a
    tuple in the same order), ``.cost`` the exact counts for one example; ``str()`` of a spec reads back as the same.
    ``also`` are options beyond those of its kind, ``commands`` the options of a command line that the text came from
    (for hints). Raises InputError with every problem, each with a caret under its place.

    >>> spec = sepcalc.parse("12x12x3 conv -k5 -o256")
    >>> spec.output, spec.cost.mults, spec.cost.params
    ((8, 8, 256), 1228800, 19200)
    """
    words = [match.group() for match in _WORD.finditer(text[: MAX_LENGTH + 1])]
    if len(text) > MAX_LENGTH:
        raise bad_input(
            f"the spec is {len(text):,} characters long: at most {MAX_LENGTH:,} are read", source=text, end=1
        )
    if not words:
        raise bad_input("the spec is empty: expected a shape and a layer", "for example 12x12x3 conv -k5 -o256")
    try:
        spec = read(words, also, commands)
        if spec.inputs:
            outputs(linked(spec, spec.inputs), spec.inputs)
    except Misread as misread:
        raise InputError(_problems(text, words, misread.facts, also, commands)) from misread
    except Invalid as fact:
        raise InputError(_problems(text, words, [(index_of(words, fact.about), fact)], also, commands)) from fact
    return spec


def _problems(
    text: str,
    words: Sequence[str],
    facts: Sequence[tuple[int, Invalid]],
    also: tuple[str, ...],
    commands: Iterable[str],
) -> list[Problem]:
    """What is wrong with a spec; where the line that was meant is known, it is the hint for all."""
    from sepcalc.meant import Contradiction, line

    def accepts(tried: Sequence[str]) -> str | None:
        try:
            spec = read(tried, also)
            return show(outputs(linked(spec, spec.inputs), spec.inputs)[-1]) if spec.inputs else ""
        except (Misread, Invalid):
            return None

    try:
        found = line(text, accepts, also, commands)
    except Contradiction as contradiction:
        problems = [_problem(text, words, at, Invalid(fact.message, "", fact.about)) for at, fact in facts]
        problems[-1] = problems[-1]._replace(hint=str(contradiction))
        return problems
    if found and found.made_up and all(fact.hint and fact.about not in found.made_up for _, fact in facts):
        known = any(fact.message.startswith("unknown") for _, fact in facts)
        found = found if known else None  # an example would say less
    facts = answered(facts, len(words), found)
    problems = [_problem(text, words, at, fact) for at, fact in facts]
    if found:
        other = "network" if len(found.layers) > 1 else ""
        meant = Meant(text, found.text, bool(found.made_up), found.command, other)
        problems[-1] = problems[-1]._replace(meant=meant)
    return problems


def answered(facts: Sequence[tuple[int, Invalid]], count: int, found: "Line | None") -> Sequence[tuple[int, Invalid]]:
    """The facts on ``count`` words without hints of their own, where the line that was meant answers them all; what is
    missing is no mistake where it was said in other words."""
    if found is None:
        return facts
    own = [(at, fact) for at, fact in facts if at < count or fact.about in found.made_up] or facts
    return [(at, Invalid(fact.message, "", fact.about)) for at, fact in own]


def spread(shape: Shape, name: str = "dense", least: int = 3) -> str:
    """What to say of a dense layer on an image: it runs at each position, where one vector may have been meant."""
    if len(shape) < least:
        return ""
    where = f"{show(shape[:-1])} positions of {show(shape)}"
    return f"{name} runs at each of the {where}; flatten first, if they are one vector"


def linked(spec: Spec, inputs: Shapes) -> Chain:
    """The links that a layer is on these inputs. Raises Invalid."""
    kind, words, options, _, each = spec
    if not each:
        return as_links(kind, build(kind, words, options, inputs), inputs)
    from sepcalc.ops.repeat import Each

    if KINDS[kind].begins or not inputs:
        raise Invalid(f"{kind} takes no input, and so has no slices", about=EACH)
    for shape in inputs:
        if len(shape) < 2:
            raise Invalid(f"{show(shape)} has no first axis to run along, slice by slice", about=EACH)
    slices = tuple([shape[1:] for shape in inputs])
    links = linked(spec._replace(each=each - 1), slices)
    if isinstance(links[0].op, Uncounted):  # seen as such wherever it stands
        gap = links[0].op
        return (links[0]._replace(op=gap._replace(shape=(inputs[0][0], *gap.shape))),)
    return tuple([link._replace(op=Each(link.op)) for link in links])


def as_links(kind: str, built: Op | Chain, inputs: Shapes) -> Chain:
    """What :func:`sepcalc.kinds.build` made, as links. Raises Invalid where an op takes another number of inputs."""
    if not isinstance(built, Op):
        return built
    if len(inputs) == 1 and built.least == 1:
        return (Link(kind, built, (0,)),)
    check_arity(kind, built, len(inputs))
    return (Link(kind, built, tuple(range(len(inputs)))),)


def check_arity(kind: str, op: Op, count: int) -> None:
    """Raises Invalid unless the op takes that many inputs."""
    if not op.least <= count <= op.most:
        if not op.most:
            raise Invalid(f"{kind} takes no input")
        wanted = (
            f"{op.least}"
            if op.least == op.most
            else f"{op.least} or more"
            if op.most > 99
            else f"{op.least} to {op.most}"
        )
        raise Invalid(f"{kind} takes {wanted} input{'s' if op.most > 1 else ''}, not {count}")


def outputs(links: Chain, inputs: Shapes) -> Shapes:
    """The shapes of the inputs and of every link's output. Raises Invalid where a link does not fit."""
    known = list(inputs)
    alone = len(links) == 1
    for _, op, sources in links:
        known.append(output_of(op, inputs if alone else tuple([known[source] for source in sources])))
    return tuple(known)


def output_of(op: Op, inputs: Shapes) -> Shape:
    """The shape of an op's output. Raises Invalid where it does not fit, and where a size is too large for any."""
    shape = op.output(inputs)
    if max(shape) > MAX_SIZE:
        raise Invalid(f"the output would be {show(shape)}: expected sizes up to 2^63-1")
    return shape


class Misread(Exception):
    """What is wrong with the words of a spec: facts, each with the number of the word it is about."""

    def __init__(self, facts: Sequence[tuple[int, Invalid]]) -> None:
        super().__init__(facts)
        self.facts = facts


def read(
    words: Sequence[str],
    also: tuple[str, ...] = (),
    commands: Iterable[str] = (),
    defaults: Mapping[str, Value] | None = None,
) -> Spec:
    """The spec that these words are; ``defaults`` are options for every kind that has them.

    Raises :class:`Misread` with all that is wrong.
    """
    facts: list[tuple[int, Invalid]] = []
    inputs: list[Shape] = []
    at, count = 0, len(words)
    while at < count and words[at][0].isdigit():
        try:
            inputs.append(read_shape(words[at]))
        except Invalid as fact:
            facts.append((at, fact))
        at += 1
    each = 0
    while at < count and words[at] == EACH:
        each, at = each + 1, at + 1
    name = "conv"
    if at < count and words[at][0] != "-":
        name = words[at]
        if name not in KINDS:
            raise Misread([*facts, (at, unknown_kind(name))])
        at += 1
    kind = KINDS[name]
    chosen: tuple[str, ...] = ()
    if kind.words is not _NO_WORDS or kind.free_word or (at < count and words[at][0] != "-"):
        chosen, at = _words(name, kind, words, at, facts)
    options: dict[str, Value] = {}
    allowed = kind.options
    while at < count:
        whole = in_one_word(words[at]) or (in_two_words(words[at], words[at + 1]) if at + 1 < count else None)
        if whole is not None and whole[0] in allowed and whole[0] not in options:
            options[whole[0]] = whole[1]
            at += whole[2]
        else:
            at = read_option(name, kind, words, at, also, commands, options, facts)
    if defaults and not (facts and kind.form):
        fitting = kind.form(chosen, options) if kind.form else kind.options
        options = {**{option: value for option, value in defaults.items() if option in fitting}, **options}
    for need in kind.needs:
        if need not in options and not any(fact.about == need for _, fact in facts):
            option = OPTIONS[need]
            facts.append((count, Invalid(f"{name} needs {spelled(option)}: {option.help}", about=need)))
    if kind.form and not facts:
        fitting = kind.form(chosen, options)
        form = " ".join((name, *chosen)) + (" --to" if "to" in fitting and "to" in options else "")
        known = ", ".join(spelled(OPTIONS[fit]) for fit in fitting)
        for useless in options.keys() - set(fitting):
            refusal = Invalid(
                f"{form} takes no {spelled(OPTIONS[useless])}", f"it takes {known or 'no options'}", useless
            )
            facts.append((index_of(words, useless), refusal))
    if facts:
        raise Misread(sorted(facts, key=lambda fact: fact[0]))
    if len(inputs) == 1 and kind.several and kind.several.doubled:
        inputs *= 1 + chosen[0].count(",") if name == "einsum" else 2
    return Spec(name, chosen, options, tuple(inputs), each)


def _words(
    name: str, kind: Kind, words: Sequence[str], at: int, facts: list[tuple[int, Invalid]]
) -> tuple[tuple[str, ...], int]:
    """The words after the kind, and where the options begin."""
    end = at
    while end < len(words) and words[end][0] != "-":
        end += 1
    given = tuple(words[at:end])
    if kind.free_word:
        if len(given) != 1:
            facts.append(
                (at, Invalid(f"{name} needs one word, its {kind.free_word.lower()}", f"for example {kind.example}"))
            )
        return given, end
    slots = kind.words() if given or kind.words is not _NO_WORDS else ()
    for place, slot in enumerate(slots):
        required = place < len(slots) - kind.optional
        if place >= len(given):
            if required:
                facts.append((at + place, Invalid(f"{name} needs a word: {_listed(slot)}")))
            break
        if given[place] not in slot:
            after = " ".join((name, *given[:place]))
            unknown = f"unknown word {quoted(given[place])} after {after}: expected {_listed(slot)}"
            facts.append((at + place, Invalid(unknown, near_miss(given[place], slot))))
    facts += [(at + place, stray(name, given[place])) for place in range(len(slots), len(given))]
    return given, end


_NO_WORDS = Kind._field_defaults["words"]


def _listed(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]


def index_of(words: Sequence[str], about: str) -> int:
    """The number of the word that a fact about an option (or about the whole layer) is about."""
    option = OPTIONS.get(about)
    names = (f"--{about}", f"--no-{about}")
    for at, word in enumerate(words):
        if option and (word.partition("=")[0] in names or (option.short and word.startswith(f"-{option.short}"))):
            return at
    return next((at for at, word in enumerate(words) if not word[0].isdigit() and word[0] != "-"), 0)


def _problem(text: str, words: Sequence[str], at: int, fact: Invalid) -> Problem:
    start, end = span(text, at)
    option = OPTIONS.get(fact.about)
    alone = option and not option.flag and words[at : at + 1] in ([f"--{option.name}"], [f"-{option.short}"])
    if alone and at + 1 < len(words) and not OPTION.match(words[at + 1]):
        end = span(text, at + 1)[1]  # the value that stands apart from its option belongs to it
    return Problem(fact.message, fact.hint, source=text, start=start, end=end)


def span(text: str, at: int) -> tuple[int, int]:
    """The columns of a word of the text; of the end, when it has no such word."""
    matches = list(_WORD.finditer(text))
    return matches[at].span() if at < len(matches) else (len(text.rstrip()) + 1, len(text.rstrip()) + 2)
