"""A text in the language of networks, opened: of a file or of one line."""

from collections.abc import Mapping
from typing import NamedTuple

from sepcalc.document import Document
from sepcalc.document.including import Opener
from sepcalc.document.root import read_document
from sepcalc.errors import InputError, Problem
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source, read
from sepcalc.nodes import Sequence as SequenceNode


class Text(NamedTuple):
    """A text in the language of networks, which is not read yet. ``opened`` opens the files that it includes; without
    it none can be. ``size`` is that of its file in bytes, None without a file."""

    source: Source
    opened: Opener | None = None
    size: int | None = None


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
