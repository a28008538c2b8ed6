"""The problems of a document, kept until all are known."""

from collections.abc import Container, Iterable, Mapping, Sequence

from sepcalc import nodes
from sepcalc.document.pieces import Piece, listed
from sepcalc.errors import InputError, Invalid, Meant, Problem, near_miss, quoted
from sepcalc.expression import ExpressionError
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source


class Notes:
    """What was found wrong in a text, each problem once; and the checks that every reader of nodes needs."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: dict[tuple[str, str], Problem] = {}
        self.files = [source.name]
        self.included: tuple[str, ...] = ()

    def inside(self, source: Source, place: Node) -> "Notes":
        """Notes on a file that is included there; all problems stay together."""
        inner = Notes(source)
        inner.problems, inner.files = self.problems, self.files
        inner.included = (self.source.at(place), *self.included)
        if source.name not in self.files:
            self.files.append(source.name)
        return inner

    def add(
        self,
        message: str,
        hint: str,
        node: Node | Piece | None,
        start: int = 0,
        end: int | None = None,
        trail: tuple[str, ...] = (),
    ) -> None:
        """Keeps a problem of a node, of a part of it, or of a word; a layer that is repeated makes its mistake once."""
        if isinstance(node, Piece):
            _, node, start, end = node
        self.keep(self.source.problem(message, hint, node, start, end, trail))

    def keep(self, problem: Problem) -> None:
        """Keeps a problem, unless it is known. Raises InputError when there are too many."""
        if self.included:
            problem = problem._replace(included=self.included)
        self.problems.setdefault((problem.place, problem.message), problem)
        if len(self.problems) > nodes.MAX_PROBLEMS:
            raise self.error()

    def answer(self, before: int, meant: Meant | None) -> None:
        """The line that was meant answers all problems but the first ``before``, in place of their own hints."""
        if meant is None or len(self.problems) == before:
            return
        for key in (found := [*self.problems][before:]):
            self.problems[key] = self.problems[key]._replace(hint="")
        last = max(found, key=lambda key: self.order(self.problems[key]))
        self.problems[last] = self.problems[last]._replace(meant=meant)

    def error(self) -> InputError:
        """Every problem, in the order of the files; of too many the first that were found."""
        found = sorted([*self.problems.values()][: nodes.MAX_PROBLEMS], key=self.order)
        if len(self.problems) > nodes.MAX_PROBLEMS:
            message = f"there are more than {nodes.MAX_PROBLEMS} problems: these were found first"
            found.append(self.source.problem(message))
        return InputError(found)

    def fact(self, fact: Invalid, node: Node | Piece | None, trail: tuple[str, ...] = ()) -> None:
        """Keeps a fact as a problem of a node."""
        self.add(fact.message, fact.hint, node, trail=trail)

    def expression(self, fact: ExpressionError, piece: Piece, text: str, trail: tuple[str, ...] = ()) -> None:
        """A mistake in an expression, under the part of it that is wrong."""
        inside = piece.node.text.find(text, piece.start) if isinstance(piece.node, Scalar) else -1
        if inside < 0:
            self.add(fact.message, fact.hint, piece, trail=trail)
        else:
            first = inside + fact.start
            self.add(fact.message, fact.hint, piece.node, first, max(first + 1, inside + fact.end), trail)

    def mapping(
        self, node: Node | None, what: str, known: Iterable[str] = (), also: Container[str] = ()
    ) -> Mapping[str, Node]:
        """The entries of a mapping, or none and a problem; keys that nobody knows are problems. ``also`` are other
        spellings of those that are known."""
        if node is None:
            return {}
        if not isinstance(node, MappingNode):
            self.add(f"{what} needs names and values", "written as name: value", node)
            return {}
        known = tuple(known)
        for key, where in node.keys.items() if known else ():
            if key not in known and key not in also:
                from sepcalc.foreign import key as foreign_key

                hint = foreign_key(key, known) or near_miss(key, known)
                self.add(f"unknown key {quoted(key)} in {what}: expected {listed(known)}", hint, where)
        return node.values

    def scalar(self, node: Node | None, what: str) -> str | None:
        """The text of a scalar, or None and a problem."""
        if isinstance(node, Scalar):
            return node.text
        if node is not None:
            braces = isinstance(node, MappingNode)
            hint = "quote what holds braces: YAML takes { for a mapping" if braces else ""
            self.add(f"{what} needs a single value", hint, node)
        return None

    def outside(self, message: str, hint: str, source: str) -> None:
        """A problem with what was given besides the document."""
        self.problems.setdefault((source, message), Problem(message, hint))

    def sort(self, sources: Sequence[str]) -> None:
        """Puts the problems of these sources, from outside the document, first and in this order."""
        ranks = {source: rank for rank, source in enumerate(sources)}
        found = sorted(self.problems.items(), key=lambda item: ranks.get(item[0][0], len(ranks)))
        self.problems.clear()
        self.problems.update(found)

    def order(self, problem: Problem) -> tuple[int, int, int]:
        """Problems go by where they stand, those of included files after the others."""
        name, line, column = ([*problem.place.rsplit(":", 2), "0", "0"])[:3]
        if not (line.isdigit() and column.isdigit()):
            return (0, 0, 0)
        return self.files.index(name) if name in self.files else 0, int(line), int(column)
