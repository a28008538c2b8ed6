"""A network in YAML: the text -> entries -> a graph of ops.

Reading has two stages. The first turns nodes into entries: what a layer, a group, a branching is, and what is wrong
with it whatever the sizes. The second runs the entries on the input, with the values of the parameters, and emits the
ops. Both note every problem and go on; one error at the end holds them all.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sepcalc.errors import InputError, Problem
from sepcalc.expression import Value as Number
from sepcalc.gate import Claim, Limit
from sepcalc.network import Network
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source, read
from sepcalc.nodes import Sequence as SequenceNode


class Document(NamedTuple):
    """A network and what its file says about it: the ``budget`` and the ``published`` numbers to compare it with, and
    the values of its ``parameters``. ``altered`` says whether a parameter or an input was given another value than the
    file's own. ``reshaped`` has a problem for each given input with other channels or another number of axes: no gate
    takes such a network for the file's own. ``argument`` and ``settings`` are what ``load`` was called with."""

    network: Network
    budget: tuple[Limit, ...] = ()
    published: tuple[Claim, ...] = ()
    altered: bool = False
    parameters: Mapping[str, Number] = {}
    reshaped: tuple[Problem, ...] = ()
    argument: str = ""
    settings: Mapping[str, str] = {}


class Opened(NamedTuple):
    """An included file: its text, and a key that tells it from every other file."""

    source: Source
    key: str


Opener = Callable[[str, str], Opened]  # of the key of the including file ("" for the first) and the path named there


def load_yaml(
    source: Source,
    settings: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
    opened: Opener | None = None,
) -> Document:
    """The network of a YAML text, with ``settings`` for its parameters and other ``inputs`` (by name; under the empty
    name that of the one input), all as text. ``opened`` opens the files that it includes, or raises Invalid; without
    it none can be.

    Raises :class:`InputError` with every problem.
    """
    from sepcalc.document.root import read_document

    return read_document(source, read(source), settings or {}, inputs or {}, opened)


def load_line(text: str, inputs: Mapping[str, str] | None = None) -> Document:
    """A network on one line: an input shape and layers, with commas between. Raises InputError."""
    try:
        return _line(text, inputs or {})
    except InputError as problems:
        from sepcalc.document.guesses import whole
        from sepcalc.meant import Contradiction

        def loads(tried: str) -> bool:
            try:
                _line(tried, inputs or {})
            except InputError:
                return False
            return True

        found = [_placeless(problem) for problem in problems.problems]
        try:
            guess = whole(text, loads)
        except Contradiction as says:
            found = [problem._replace(hint="", meant=None) for problem in found]
            found[-1] = found[-1]._replace(hint=str(says))
            raise InputError(found) from problems
        if guess:
            found = [problem._replace(hint="", meant=None) for problem in found]
            found[-1] = found[-1]._replace(meant=guess)
        raise InputError(found) from problems


def _line(text: str, inputs: Mapping[str, str]) -> Document:
    from sepcalc.document.root import read_document

    source = Source("", text)
    scalars = []
    column = 0
    for part in text.split(","):
        stripped = part.strip()
        scalars.append(Scalar(stripped, 0, column + len(part) - len(part.lstrip())))
        column += len(part) + 1
    empty = [scalar for scalar in scalars if not scalar.text]
    if empty:
        place = min(empty[0].column, len(text.rstrip()) - 1)
        raise InputError([source.problem("nothing stands here: expected a layer", "", (0, place), end=1)])
    values: dict[str, Node] = {"input": scalars[0], "layers": SequenceNode([*scalars[1:]], 0, scalars[0].column)}
    keys = {name: Scalar(name, 0, 0) for name in values}
    return read_document(source, MappingNode(keys, values, 0, 0), {}, inputs, None)


def _placeless(problem: Problem) -> Problem:
    """The problem without a place: the text stands in no file."""
    return problem._replace(place="")
