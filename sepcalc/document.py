"""A network in YAML: the text -> entries -> a graph of ops.

Reading has two stages. The first turns nodes into entries: what a layer, a group, a branching is, and what is wrong
with it whatever the sizes. The second runs the entries on the input, with the values of the parameters, and emits the
ops. Both note every problem and go on; one error at the end holds them all.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc import nodes
from sepcalc.errors import InputError, Invalid, Problem, near_miss, quoted
from sepcalc.expression import Expression, ExpressionError, as_text, evaluate, is_name
from sepcalc.expression import Value as Number
from sepcalc.expression import parse as parse_expression
from sepcalc.gate import Claim, Limit, read_limit
from sepcalc.kinds import KINDS, unknown_kind
from sepcalc.network import Network
from sepcalc.network import Node as GraphNode
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.options import OPTIONS, Option, Value
from sepcalc.quantity import read_printed
from sepcalc.shape import AXES, Shape, Shapes, read_shape, show
from sepcalc.spec import LONGEST, Misread, Spec, index_of, linked, outputs, read, spelled

ROOT = ("name", "published", "input", "parameters", "defaults", "blocks", "layers", "budget")
MODIFIERS = ("name", "repeat", "when")
JOINS = ("concat", "add", "subtract", "multiply", "divide", "maximum", "minimum", "matmul", "attention")
DEEPEST = 100  # blocks, groups and branches within each other
SLACK, GROWTH = 20_000, 20  # layers that a document may unroll to: SLACK and GROWTH for each that is written

_FLOW = "YAML's own flow style needs quotes around a spec with braces or commas"
_WORD = re.compile(r"(?:\{[^{}]*\}|[^\s{])+|\{\S*")
_BRACES = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"([^\s()]+)\s*(?:\((.*)\))?", re.DOTALL)
_NAME = re.compile(r"[^\W_][\w .+-]*|_[\w .+-]+")


class Document(NamedTuple):
    """A network as it was written down: what it is held to, and whether its parameters and its input are its own."""

    network: Network
    budget: tuple[Limit, ...] = ()
    published: tuple[Claim, ...] = ()
    altered: bool = False


def load_yaml(source: Source, settings: Mapping[str, str] | None = None, given_input: str | None = None) -> Document:
    """The network of a YAML text, with ``settings`` for its parameters and another input, both as text.

    Raises :class:`InputError` with every problem.
    """
    root = nodes.read(source)
    return _Reader(source).document(root, settings or {}, given_input)


def load_line(text: str, given_input: str | None = None) -> Document:
    """A network on one line: an input shape and layers, with commas between. Raises InputError."""
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
        raise InputError([_placeless(source.problem("nothing stands here: expected a layer", "", (0, place), end=1))])
    values: dict[str, Node] = {"input": scalars[0], "layers": SequenceNode([*scalars[1:]], 0, scalars[0].column)}
    keys = {name: Scalar(name, 0, 0) for name in values}
    try:
        return _Reader(source).document(MappingNode(keys, values, 0, 0), {}, given_input)
    except InputError as problems:
        raise InputError(map(_placeless, problems.problems)) from problems


def _placeless(problem: Problem) -> Problem:
    """A problem of a text that is no file."""
    return problem._replace(place="")


# --- entries ---------------------------------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """A word of a spec: literal text, or texts and expressions in turn; and where it stands."""

    parts: tuple[str | Expression, ...]
    node: Node
    start: int = 0
    end: int | None = None


class _Layer(NamedTuple):
    """A layer: read already, or words that wait for values."""

    node: Node
    label: str
    spec: Spec | None
    pieces: tuple[_Piece, ...]


class _Use(NamedTuple):
    """A block where it is used."""

    node: Node
    block: str
    arguments: tuple[_Piece, ...]
    named: tuple[tuple[str, _Piece], ...]


class _Group(NamedTuple):
    node: Node
    entries: Sequence[Any]


class _Residual(NamedTuple):
    node: Node
    main: Sequence[Any]
    shortcut: Sequence[Any]


class _Join(NamedTuple):
    """Branches by name, joined by an op of several inputs."""

    node: Node
    pieces: tuple[_Piece, ...]
    branches: tuple[tuple[str, Sequence[Any]], ...]


class _Broken(NamedTuple):
    """An entry with a mistake, already noted: what comes after it has an unknown shape."""

    node: Node


_Body = _Layer | _Use | _Group | _Residual | _Join | _Broken


class _Entry(NamedTuple):
    """A body with its modifiers."""

    body: _Body
    name: str = ""
    repeat: _Piece | None = None
    when: _Piece | None = None


class _Block(NamedTuple):
    key: Scalar
    parameters: tuple[tuple[str, Expression | None], ...]
    entries: Sequence[Any]


class _Scope:
    """Names count within it: an entry gets an index among those of its label, if there are several."""

    __slots__ = ("counts", "index", "label", "parent", "path")

    def __init__(self, parent: "_Scope | None" = None, label: str = "", index: int = 0) -> None:
        self.parent = parent
        self.label = label
        self.index = index
        self.counts: dict[str, int] = {}
        self.path: str | None = "" if parent is None else None

    def take(self, label: str) -> int:
        index = self.counts.get(label, 0)
        self.counts[label] = index + 1
        return index

    def inner(self, label: str) -> "_Scope":
        return _Scope(self, label, self.take(label))

    def spell(self, label: str, index: int) -> str:
        """The path of one of its entries, once all of them are counted."""
        if self.path is None:
            assert self.parent is not None
            self.path = self.parent.spell(self.label, self.index) + "/"
        return f"{self.path}{label}[{index}]" if self.counts[label] > 1 else self.path + label


class _Frame(NamedTuple):
    """Where the entries run: names for their expressions, the block's own input (None at the top, where each layer's
    own input counts), the scope of names, and from where the block was used."""

    names: Mapping[str, Number]
    scope: _Scope
    own_input: bool = False
    trail: tuple[str, ...] = ()
    depth: int = 0


class _Tensor(NamedTuple):
    number: int
    shape: Shape


class _Stop(Exception):
    """Too much to unroll: what follows would only repeat it."""


class _Reader:
    """One document: its problems, its blocks, and the graph that grows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: dict[tuple[str, str], Problem] = {}
        self.blocks: dict[str, _Block] = {}
        self.refused: set[str] = set()  # blocks whose header is wrong: their uses are not to blame
        self.defaults: dict[str, Value] = {}
        self.parameters: dict[str, Number] = {}
        self.written = 0
        self.steps = 0
        self.emitted: list[tuple[_Scope, str, int, Any, tuple[int, ...], Shape]] = []

    # --- problems

    def note(
        self,
        message: str,
        hint: str,
        node: Node | None,
        start: int = 0,
        end: int | None = None,
        trail: tuple[str, ...] = (),
    ) -> None:
        """Keeps a problem; a layer that is repeated makes its mistake once."""
        problem = self.source.problem(message, hint, node, start, end, trail)
        self.problems.setdefault((problem.place, message), problem)
        if len(self.problems) > nodes.MOST:
            raise self.error()

    def error(self) -> InputError:
        """Every problem, in the order of the file; of too many the first that were found."""
        found = sorted([*self.problems.values()][: nodes.MOST], key=self.order)
        if len(self.problems) > nodes.MOST:
            message = f"there are more than {nodes.MOST} problems: these were found first"
            found.append(self.source.problem(message))
        return InputError(found)

    def note_fact(self, fact: Invalid, node: Node | None, trail: tuple[str, ...] = ()) -> None:
        self.note(fact.message, fact.hint, node, trail=trail)

    def note_expression(self, fact: ExpressionError, piece: _Piece, text: str, trail: tuple[str, ...] = ()) -> None:
        """A mistake in an expression, under the part of it that is wrong."""
        inside = piece.node.text.find(text, piece.start) if isinstance(piece.node, Scalar) else -1
        if inside < 0:
            self.note(fact.message, fact.hint, piece.node, piece.start, piece.end, trail)
        else:
            first = inside + fact.start
            self.note(fact.message, fact.hint, piece.node, first, max(first + 1, inside + fact.end), trail)

    def mapping(self, node: Node | None, what: str, known: Iterable[str] = ()) -> Mapping[str, Node]:
        """The entries of a mapping, or none and a problem; keys that nobody knows are problems."""
        if node is None:
            return {}
        if not isinstance(node, MappingNode):
            self.note(f"{what} needs names and values", "written as name: value", node)
            return {}
        known = tuple(known)
        for key, where in node.keys.items() if known else ():
            if key not in known:
                hint = near_miss(key, known)
                self.note(f"unknown key {quoted(key)} in {what}: expected {_listed(known)}", hint, where)
        return node.values

    def scalar(self, node: Node | None, what: str) -> str | None:
        """The text of a scalar, or None and a problem."""
        if isinstance(node, Scalar):
            return node.text
        if node is not None:
            braces = isinstance(node, MappingNode)
            hint = "quote what holds braces: YAML takes { for a mapping" if braces else ""
            self.note(f"{what} needs a single value", hint, node)
        return None

    # --- the root

    def document(self, root: Node, settings: Mapping[str, str], given_input: str | None) -> Document:
        if not isinstance(root, MappingNode):
            hint = "write input: 224x224x3, then layers: and a list"
            raise InputError([self.source.problem("a network needs the keys input and layers", hint, root)])
        values = self.mapping(root, "a network", ROOT)
        for needed in ("input", "layers"):
            if needed not in values and not (needed == "input" and given_input is not None):
                self.note(f"the key {needed} is missing", "", root)
        title = self.title(values.get("name"))
        own = self.read_parameters(values.get("parameters"))
        altered = self.set_parameters(settings, own, values.get("parameters"))
        self.read_defaults(values.get("defaults"))
        budget = self.read_budget(values.get("budget"))
        published = self.read_published(values.get("published"))
        shape = self.read_input(values.get("input"), given_input)
        entries = self.read_blocks_and_layers(values)
        if entries is not None:
            self.run_all(entries, shape)
        if self.problems:
            raise self.error()
        assert shape is not None
        graph = [
            GraphNode(scope.spell(label, index), op, sources, output)
            for scope, label, index, op, sources, output in self.emitted
        ]
        own_shape = given_input is None or self.same_input(values.get("input"), shape)
        return Document(Network(title, {"input": shape}, graph), budget, published, altered or not own_shape)

    def order(self, problem: Problem) -> tuple[int, int]:
        """Problems go by where they stand."""
        line, column = ([*problem.place.rsplit(":", 2)[1:], "0", "0"])[:2]
        return (int(line), int(column)) if line.isdigit() and column.isdigit() else (0, 0)

    def title(self, node: Node | None) -> str:
        if node is None:
            return ""
        text = self.scalar(node, "name") or ""
        if not text.isprintable() or "[" in text or "]" in text or len(text) > 200:
            self.note(f"{quoted(text)} cannot be a name: expected printable text without brackets", "", node)
        return text

    def read_parameters(self, node: Node | None) -> dict[str, Number]:
        """The parameters' own values; each may use those before it."""
        own: dict[str, Number] = {}
        for name, value in self.mapping(node, "parameters").items():
            if not is_name(name) or name in _axis_names(4):
                hint = "letters, digits and _, and no function, nor a size of the input: c_in, h_in …"
                self.note(f"{quoted(name)} cannot be the name of a parameter", hint, _key(node, name))
                continue
            text = self.scalar(value, f"the parameter {name}")
            if text is None:
                continue
            try:
                own[name] = evaluate(_unbraced(text), own)
            except ExpressionError as fact:
                self.note_expression(fact, _Piece((), value), _unbraced(text))
                own[name] = 1
        self.parameters = dict(own)
        return own

    def set_parameters(self, settings: Mapping[str, str], own: Mapping[str, Number], node: Node | None) -> bool:
        """Puts the values given from outside over the parameters' own, and computes anew those that use them."""
        for name, text in settings.items():
            where = f"set {name}={text}"
            if name not in own:
                known = f"expected one of {', '.join(own)}" if own else "the network has none"
                self.outside(f"there is no parameter {quoted(name)}: {known}", near_miss(name, own), where)
                continue
            try:
                value = evaluate(text, {})
            except ExpressionError as fact:
                self.outside(f"{name}: {fact.message}", fact.hint, where)
                continue
            before = own[name]
            if isinstance(value, bool) != isinstance(before, bool) or (
                isinstance(before, int) and not isinstance(value, int) and self.whole(node, name)
            ):
                wanted = "true or false" if isinstance(before, bool) else "a whole number"
                wanted = "a number" if isinstance(value, bool) else wanted
                self.outside(f"{name} is {as_text(before)}: expected {wanted}, not {text}", "", where)
                continue
            self.parameters[name] = value
        for name, child in self.mapping(node, "parameters").items():
            if name in own and name not in settings and isinstance(child, Scalar):
                try:
                    self.parameters[name] = evaluate(_unbraced(child.text), self.parameters)
                except ExpressionError as fact:
                    self.note_expression(fact, _Piece((), child), _unbraced(child.text))
        return any(self.parameters[name] != value for name, value in own.items())

    def whole(self, node: Node | None, name: str) -> bool:
        """Whether a parameter was written as a whole number: ``1.0`` is one that may be a fraction."""
        written = node.values[name] if isinstance(node, MappingNode) else None
        return isinstance(written, Scalar) and written.text.isdigit()

    def outside(self, message: str, hint: str, source: str) -> None:
        """A problem with what was given besides the document."""
        problem = Problem(message, hint)
        self.problems.setdefault((source, message), problem)

    def read_defaults(self, node: Node | None) -> None:
        for name, value in self.mapping(node, "defaults", OPTIONS).items():
            option = OPTIONS.get(name)
            text = self.scalar(value, f"the default of {name}") if option else None
            if option is None or text is None:
                continue
            try:
                self.defaults[name] = option.type.read(self.settled(option, text, self.parameters))
            except ExpressionError as fact:
                self.note_expression(fact, _Piece((), value), _unbraced(text))
            except Invalid as fact:
                self.note_fact(fact, value)

    def settled(self, option: Option, text: str, names: Mapping[str, Number]) -> str:
        """The text of an option's value: as it stands where that can be read, else what it computes."""
        if text.startswith("{") and text.endswith("}"):
            return as_text(evaluate(text[1:-1], names))
        try:
            option.type.read(text)
            return text
        except Invalid as fact:
            try:
                return as_text(evaluate(text, names))
            except ExpressionError:
                if not re.search(r"[-+*/%()]|\bif\b", text) and text not in names:
                    raise fact from None
                raise

    def read_budget(self, node: Node | None) -> tuple[Limit, ...]:
        limits = []
        for metric, value in self.mapping(node, "budget").items():
            text = self.scalar(value, f"the budget of {metric}")
            try:
                limits.append(read_limit(metric.replace("-", "_"), "0" if text is None else text))
            except Invalid as fact:
                self.note_fact(fact, _key(node, metric) if fact.message.startswith("unknown") else value)
        if node is not None and not limits and not self.problems:
            self.note("the budget is empty: it would hold nothing to anything", "for example {macs: 570M}", node)
        return tuple(limits)

    def read_published(self, node: Node | None) -> tuple[Claim, ...]:
        from sepcalc.gate import METRICS

        values = self.mapping(node, "published", ("source", "tolerance", *METRICS))
        source = self.scalar(values.get("source"), "source") or ""
        tolerance, claims = None, []
        for name, value in values.items():
            if name not in METRICS and name != "tolerance":
                continue
            text = self.scalar(value, name)
            try:
                if text is not None and name == "tolerance":
                    tolerance = read_printed(text)
                elif text is not None:
                    claims.append(Claim(name, read_printed(text), source))
            except Invalid as fact:
                self.note_fact(fact, value)
        return tuple([claim._replace(tolerance=tolerance) for claim in claims])

    def read_input(self, node: Node | None, given: str | None) -> Shape | None:
        own = self.input_shape(node)
        if given is None:
            return own
        try:
            return read_shape(given)
        except Invalid as fact:
            self.outside(f"the input {fact.message}", fact.hint, "input")
            return None

    def input_shape(self, node: Node | None) -> Shape | None:
        text = self.scalar(node, "input")
        if node is None or text is None:
            return None
        piece = self.piece(text, node, 0, len(text))
        try:
            return read_shape(self.fill(piece, self.parameters)) if piece else None
        except ExpressionError as fact:
            self.note(fact.message, fact.hint, node)
        except Invalid as fact:
            self.note_fact(fact, node)
        return None

    def same_input(self, node: Node | None, shape: Shape) -> bool:
        return node is not None and self.input_shape(node) == shape

    # --- nodes -> entries

    def read_blocks_and_layers(self, values: Mapping[str, Node]) -> Sequence[_Entry] | None:
        headers = []
        for text, body in self.mapping(values.get("blocks"), "blocks").items():
            key = _key(values["blocks"], text)
            header = self.header(text, key)
            if header is None:
                self.refused.update(re.findall(r"\A\s*([\w-]+)", text))
            else:
                name, parameters = header
                if name in self.blocks:
                    self.note(f"the block {quoted(name)} is defined twice", "", key)
                self.blocks[name] = _Block(key, parameters, ())
                headers.append((name, body))
        for name, body in headers:
            self.blocks[name] = self.blocks[name]._replace(entries=self.entries(body, f"the block {name}") or ())
        if "layers" not in values:
            return None
        return self.entries(values["layers"], "layers")

    def header(self, text: str, key: Scalar) -> tuple[str, tuple[tuple[str, Expression | None], ...]] | None:
        """``mobile(out, stride=1)``: a name, and parameters that may have defaults."""
        match = _HEADER.fullmatch(text.strip())
        name = match[1] if match else ""
        if not match or not re.fullmatch(r"[A-Za-z_][\w-]*", name):
            self.note(f"{quoted(text)} is not a block: expected name(parameter, parameter=default)", "", key)
            return None
        if name in KINDS or name in ("residual", "layers", "shortcut", *MODIFIERS):
            self.note(
                f"a block cannot be called {quoted(name)}: that is a {'kind' if name in KINDS else 'key'} already",
                "",
                key,
            )
            return None
        parameters: dict[str, Expression | None] = {}
        for part in _split(match[2] or ""):
            parameter, equals, default = part.partition("=")
            parameter = parameter.strip()
            if not is_name(parameter) or parameter in parameters or parameter in _axis_names(4):
                self.note(
                    f"{quoted(parameter)} cannot be a parameter of {name}", "names differ: letters, digits, _", key
                )
                return None
            if not equals and any(parameters.values()):
                self.note(f"{parameter} needs a default, since one before it has one", "", key)
            try:
                parameters[parameter] = parse_expression(default.strip()) if equals else None
            except ExpressionError as fact:
                self.note_expression(fact, _Piece((), key), default.strip())
                return None
        return name, tuple(parameters.items())

    def entries(self, node: Node, what: str) -> list[_Entry] | None:
        """The entries of a list."""
        if _empty(node):
            node = SequenceNode([], node.line, node.column)
        if not isinstance(node, SequenceNode):
            hint = "each layer on a line of its own, after a dash"
            self.note(f"{what}: expected a list of layers", hint, node)
            return None
        return [self.entry(item) or _Entry(_Broken(item)) for item in node.items]

    def entry(self, node: Node) -> _Entry | None:
        self.written += 1
        if isinstance(node, Scalar):
            body = self.compact(node)
            return None if body is None else _Entry(body)
        if isinstance(node, SequenceNode):
            self.note("a list stands where a layer was expected", "a group of layers is layers: […]", node)
            return None
        values = node.values
        bodies = [key for key in values if key not in MODIFIERS and key != "shortcut"]
        if len(bodies) != 1:
            self.strange(node, bodies)
            return None
        name = self.entry_name(values.get("name"))
        repeat = self.value_piece(values.get("repeat"), "repeat")
        when = self.value_piece(values.get("when"), "when")
        if "shortcut" in values and bodies[0] != "residual":
            self.note("a shortcut belongs to a residual", "", node.keys["shortcut"])
        body = self.body(node, bodies[0], values[bodies[0]])
        if body is None or (repeat is None and "repeat" in values) or (when is None and "when" in values):
            return None
        return _Entry(body, name, repeat, when)

    def strange(self, node: MappingNode, bodies: Sequence[str]) -> None:
        """A mapping that is no layer; in YAML's flow style, often a spec with braces."""
        if not bodies:
            self.note("a layer is missing: expected a kind, a block, layers, residual or a join", _FLOW, node)
            return
        words = (*KINDS, *self.blocks, *self.refused, "layers", "residual")
        known = [key for key in bodies if key.split(" ")[0] in words]
        for key in bodies:
            if known and key not in known:
                near = near_miss(key, (*MODIFIERS, "shortcut")) or _FLOW
                self.note(f"unknown key {quoted(key)} beside {known[0]}", near, node.keys[key])
        if len(known) > 1 or not known:
            listed = ", ".join(map(quoted, bodies[:5]))
            self.note(f"expected one layer, not {len(bodies)}: {listed}", _FLOW, node)

    def entry_name(self, node: Node | None) -> str:
        if node is None:
            return ""
        text = self.scalar(node, "name")
        if text is None:
            return ""
        if not _NAME.fullmatch(text) or len(text) > 100:
            hint = "letters, digits, spaces, and . _ + - after the first"
            self.note(f"{quoted(text)} cannot be the name of a layer", hint, node)
        return text

    def value_piece(self, node: Node | None, what: str) -> _Piece | None:
        """A bare expression as a value."""
        text = self.scalar(node, what)
        if node is None or text is None:
            return None
        text = _unbraced(text)
        piece = _Piece((), node)
        try:
            return _Piece((parse_expression(text),), node)
        except ExpressionError as fact:
            self.note_expression(fact, piece, text)
            return None

    def body(self, node: MappingNode, key: str, value: Node) -> _Body | None:
        if key == "layers":
            entries = self.entries(value, "layers")
            return None if entries is None else _Group(node, entries)
        if key == "residual":
            main = self.entries(value, "residual")
            shortcut = self.entries(node.values["shortcut"], "shortcut") if "shortcut" in node.values else []
            return None if main is None or shortcut is None else _Residual(node, main, shortcut)
        if key in self.blocks:
            return self.use_of_mapping(node.keys[key], key, value)
        words = key.split()
        if words and words[0] in self.refused:
            return None
        if words and words[0] in JOINS and isinstance(value, MappingNode | SequenceNode):
            options = isinstance(value, MappingNode) and value.values and all(name in OPTIONS for name in value.values)
            if not options:
                return self.join(node, words, value)
        if not words or words[0] not in KINDS:
            known = (*KINDS, *self.blocks, "layers", "residual")
            fact = unknown_kind(words[0] if words else key)
            hint = _FLOW if _empty(value) else fact.hint
            self.note(fact.message, near_miss(key, known) or hint, node.keys[key])
            return None
        return self.long_form(node, node.keys[key], words, value)

    def join(self, node: MappingNode, words: Sequence[str], value: Node) -> _Join | None:
        """Branches: by name, or a plain list of lists."""
        key = node.keys[next(iter(k for k in node.keys if k.split()[:1] == [words[0]]))]
        pieces = [_Piece((word,), key) for word in words]
        branches: list[tuple[str, Sequence[_Entry]]] = []
        pairs: Iterable[tuple[str, Node]]
        if isinstance(value, MappingNode):
            pairs = value.values.items()
        else:
            pairs = ((str(at), item) for at, item in enumerate(value.items if isinstance(value, SequenceNode) else ()))
        for name, branch in pairs:
            if name in OPTIONS and isinstance(branch, Scalar) and name in KINDS[words[0]].options:
                piece = self.option_piece(OPTIONS[name], branch)
                if piece is None:
                    return None
                pieces.append(piece)
                continue
            if not _NAME.fullmatch(name):
                self.note(f"{quoted(name)} cannot be the name of a branch", "", _key(value, name))
            listed = SequenceNode([branch], branch.line, branch.column) if isinstance(branch, Scalar) else branch
            branches.append((name, self.entries(listed, f"the branch {name}") or ()))
        if len(branches) < 2 and words[0] != "attention":
            self.note(f"{words[0]} joins two branches or more, not {len(branches)}", "a: […], b: […]", key)
            return None
        return _Join(node, tuple(pieces), tuple(branches))

    def use_of_mapping(self, key: Scalar, block: str, value: Node) -> _Use | None:
        """``mobile: {out: 64, stride: 2}``."""
        if isinstance(value, Scalar):
            pieces = self.words(value)
            return self.use(value, block, pieces, key) if pieces or not value.text else None
        named = []
        for name, argument in self.mapping(value, f"the block {block}").items():
            piece = self.value_piece(argument, name)
            if piece is None:
                return None
            named.append((name, piece))
        return self.checked_use(_Use(key, block, (), tuple(named)))

    def compact(self, node: Scalar) -> _Body | None:
        """A spec, or a block with its arguments, on one line."""
        text = node.text
        if text.lstrip()[:1].isdigit() and text.split()[0] not in self.refused:
            start, end = _columns(text, 0)
            hint = "leave the shape out"
            self.note("a layer in a network takes its shape from the one before it", hint, node, start, end)
            return None
        if "{" not in text and "}" not in text and len(text) <= LONGEST:
            words = text.split()
            if not words:
                self.note("a layer is missing", "identity does nothing, if that is meant", node)
                return None
            if words[0] in self.refused:
                return None
            if words[0] not in self.blocks:
                return self.constant(node, words)
        pieces = self.words(node)
        if not pieces:
            return None
        first = pieces[0].parts
        if len(first) == 1 and isinstance(first[0], str) and first[0] in self.blocks:
            return self.use(node, first[0], pieces[1:], node)
        kind = first[0] if len(first) == 1 and isinstance(first[0], str) and first[0][0] != "-" else "conv"
        if kind in self.refused:
            return None
        if kind not in KINDS:
            self.unknown(kind, node)
            return None
        return _Layer(node, kind, None, pieces)

    def constant(self, node: Scalar, words: Sequence[str]) -> _Layer | None:
        """A spec without expressions: read once, however often it runs."""
        try:
            spec = read(words, defaults=self.defaults)
        except Misread as misread:
            for at, fact in misread.facts:
                if fact.message.startswith("unknown kind"):
                    self.unknown(words[at], node)
                else:
                    start, end = _columns(node.text, at)
                    self.note(fact.message, fact.hint, node, start, end)
            return None
        return _Layer(node, spec.kind, spec, ())

    def unknown(self, word: str, node: Scalar) -> None:
        fact = unknown_kind(word)
        start = node.text.find(word)
        hint = near_miss(word, (*self.blocks, *KINDS)) or fact.hint
        self.note(fact.message, hint, node, start, start + len(word))

    def words(self, node: Scalar) -> tuple[_Piece, ...]:
        """The words of a compact spec, with their expressions; none and a problem where they cannot be read."""
        if len(node.text) > LONGEST:
            message = f"the spec is {len(node.text):,} characters long: at most {LONGEST:,} are read"
            self.note(message, "", node, 0, 1)
            return ()
        pieces = []
        for match in _WORD.finditer(node.text):
            piece = self.piece(match.group(), node, *match.span())
            if piece is None:
                return ()
            pieces.append(piece)
        return tuple(pieces)

    def piece(self, text: str, node: Node, start: int, end: int) -> _Piece | None:
        """A word: literal text and ``{expressions}``."""
        parts: list[str | Expression] = []
        at = 0
        for match in _BRACES.finditer(text):
            if text[at : match.start()]:
                parts.append(text[at : match.start()])
            at = match.end()
            try:
                parts.append(parse_expression(match[1]))
            except ExpressionError as fact:
                first = start + match.start() + 1 + fact.start
                self.note(fact.message, fact.hint, node, first, max(first + 1, start + match.start() + 1 + fact.end))
                return None
        if text[at:]:
            parts.append(text[at:])
        if any("{" in part or "}" in part for part in parts if isinstance(part, str)):
            self.note("a brace stands alone", "an expression stands in {…}", node, start, end)
            return None
        return _Piece(tuple(parts), node, start, end)

    def long_form(self, node: MappingNode, key: Scalar, words: Sequence[str], value: Node) -> _Layer | None:
        """``conv: {kernel: 3, out: int(32 * width)}``, ``norm: batch``."""
        pieces = [_Piece((word,), key) for word in words]
        whole = True
        if isinstance(value, Scalar):
            written = self.words(value)
            whole = bool(written) or not value.text
            pieces += written
        elif isinstance(value, SequenceNode):
            self.note(f"{words[0]} needs its options as names and values, not a list", f"{words[0]}: {{…}}", value)
            return None
        else:
            kind = KINDS[words[0]]
            for name, option_node in value.values.items():
                if name not in kind.options:
                    where = value.keys[name]
                    if name in OPTIONS:
                        self.note(
                            f"{words[0]} takes no {name}", f"it takes {_listed(kind.options) or 'nothing'}", where
                        )
                    else:
                        hint = _FLOW if _empty(option_node) else f"it takes {_listed(kind.options) or 'nothing'}"
                        hint = near_miss(name, kind.options) or hint
                        self.note(f"unknown option {quoted(name)}", hint, where)
                    whole = False
                    continue
                piece = self.option_piece(OPTIONS[name], option_node)
                if piece is None:
                    whole = False
                else:
                    pieces.append(piece)
        return _Layer(node, words[0], None, tuple(pieces)) if whole else None

    def option_piece(self, option: Option, node: Node) -> _Piece | None:
        """An option in long form as the word that it would be in a compact spec."""
        if isinstance(node, SequenceNode) and all(isinstance(item, Scalar) for item in node.items) and node.items:
            node = Scalar(
                "x".join(item.text for item in node.items if isinstance(item, Scalar)), node.line, node.column, True
            )
        text = self.scalar(node, option.name)
        if text is None:
            return None
        spelled_flag = {"true": f"--{option.name}", "false": f"--no-{option.name}"}
        if option.flag and text in spelled_flag:
            return _Piece((spelled_flag[text],), node)
        head = f"--{option.name}="
        if not option.flag:
            try:
                option.type.read(text)
                return _Piece((head + text,), node)
            except Invalid as fact:
                if not re.search(r"[A-Za-z_(]", text) or "{" in text or "}" in text:
                    inner = _unbraced(text)
                    if inner == text and not re.search(r"[-+*/%]", text):
                        self.note(f"{spelled(option)}: {fact.message}", fact.hint, node)
                        return None
        try:
            return _Piece((head, parse_expression(_unbraced(text))), node)
        except ExpressionError as fact:
            self.note_expression(fact, _Piece((), node), _unbraced(text))
            return None

    def use(self, node: Node, block: str, pieces: Sequence[_Piece], where: Node) -> _Use | None:
        """Arguments by place, then by name."""
        arguments: list[_Piece] = []
        named: list[tuple[str, _Piece]] = []
        for piece in pieces:
            first = piece.parts[0]
            match = re.match(r"([A-Za-z_]\w*)=(?!=)", first) if isinstance(first, str) else None
            if match and isinstance(first, str):
                rest = (first[match.end() :], *piece.parts[1:])
                argument = self.argument(tuple(part for part in rest if part != ""), piece)
                if argument is None:
                    return None
                named.append((match[1], argument))
                continue
            if named:
                self.note("an argument by place follows one by name", "", piece.node, piece.start, piece.end)
                return None
            argument = self.argument(piece.parts, piece)
            if argument is None:
                return None
            arguments.append(argument)
        return self.checked_use(_Use(where, block, tuple(arguments), tuple(named)))

    def argument(self, parts: tuple[str | Expression, ...], piece: _Piece) -> _Piece | None:
        """A value for a block's parameter: one expression, in braces or bare."""
        if len(parts) == 1 and isinstance(parts[0], Expression):
            return piece._replace(parts=parts)
        text = "".join(part if isinstance(part, str) else f"({part.text})" for part in parts)
        try:
            return piece._replace(parts=(parse_expression(text),))
        except ExpressionError as fact:
            self.note(
                f"{fact.message}", fact.hint or "a block's arguments are numbers", piece.node, piece.start, piece.end
            )
            return None

    def checked_use(self, use: _Use) -> _Use | None:
        block = self.blocks[use.block]
        names = [name for name, _ in block.parameters]
        signature = f"{use.block}({', '.join(names)})"
        wrong = False
        if len(use.arguments) > len(names):
            extra = use.arguments[len(names)]
            self.note(f"too many arguments for {signature}", "", extra.node, extra.start, extra.end)
            wrong = True
        given = set(names[: len(use.arguments)])
        for name, piece in use.named:
            if name not in names:
                message = f"{signature} has no parameter {quoted(name)}"
                self.note(message, near_miss(name, names), piece.node, piece.start, piece.end)
                wrong = True
            elif name in given:
                self.note(f"{name} is given twice to {signature}", "", piece.node, piece.start, piece.end)
                wrong = True
            given.add(name)
        missing = [name for name, default in block.parameters if default is None and name not in given]
        if missing and not wrong:
            self.note(f"{signature} needs {_listed(missing)}", "", use.node)
            wrong = True
        return None if wrong else use

    # --- entries -> ops

    def run_all(self, entries: Sequence[_Entry], shape: Shape | None) -> None:
        tensor = None if shape is None else _Tensor(0, shape)
        try:
            end = self.run(entries, tensor, _Frame(self.parameters, _Scope()))
        except _Stop:
            return
        if not self.emitted and end is not None and not self.problems:
            self.note("the network has no layers", "", None)

    def run(self, entries: Sequence[_Entry], tensor: _Tensor | None, frame: _Frame) -> _Tensor | None:
        """One entry after another; after a mistake the shape is unknown (None), and only mistakes are looked for."""
        for entry in entries:
            body, name, repeat, when = entry
            if repeat is None and when is None and type(body) is _Layer:
                self.count(body.node, frame)
                tensor = self.layer(body, name, tensor, frame)
                continue
            self.count(body.node, frame)
            if when is not None and not isinstance(body, _Residual):
                chosen = self.compute(when, frame, tensor)
                if not chosen:
                    tensor = None if chosen is None else tensor
                    continue
            times = 1
            if repeat is not None:
                count = self.compute(repeat, frame, tensor)
                if count is None:
                    tensor = None
                    count = 1
                elif isinstance(count, bool) or not isinstance(count, int) or count < 1:
                    message = f"repeat is {as_text(count)}: expected a whole number from 1"
                    self.note(message, "when: leaves a part out", repeat.node, trail=frame.trail)
                    tensor, count = None, 1
                times = count
                if times > self.limit():
                    self.too_much(repeat.node, frame)
            for at in range(times):
                if at:
                    self.count(body.node, frame)
                tensor = self.once(entry, tensor, frame)
        return tensor

    def once(self, entry: _Entry, tensor: _Tensor | None, frame: _Frame) -> _Tensor | None:
        body, name = entry.body, entry.name
        if isinstance(body, _Layer):
            return self.layer(body, name, tensor, frame)
        if isinstance(body, _Broken):
            return None
        if frame.depth == DEEPEST:
            self.note(f"nested more than {DEEPEST} levels deep", "", body.node, trail=frame.trail[:3])
            raise _Stop
        frame = frame._replace(depth=frame.depth + 1)
        if isinstance(body, _Use):
            return self.block(body, name, tensor, frame)
        if isinstance(body, _Group):
            scope = frame.scope.inner(name) if name else frame.scope
            return self.run(body.entries, tensor, frame._replace(scope=scope))
        if isinstance(body, _Residual):
            return self.residual(entry, body, tensor, frame)
        return self.join_branches(body, name, tensor, frame)

    def limit(self) -> int:
        return SLACK + GROWTH * self.written

    def count(self, node: Node, frame: _Frame) -> None:
        self.steps += 1
        if self.steps > self.limit():
            self.too_much(node, frame)

    def too_much(self, node: Node, frame: _Frame) -> None:
        message = f"the network unrolls to more than {self.limit():,} layers"
        self.note(message, "take a smaller repeat", node, trail=frame.trail[:3])
        raise _Stop

    def names(self, frame: _Frame, tensor: _Tensor | None) -> Mapping[str, Number]:
        if frame.own_input or tensor is None:
            return frame.names
        return {**frame.names, **_axes(tensor.shape)}

    def compute(self, piece: _Piece, frame: _Frame, tensor: _Tensor | None) -> Number | None:
        """The value of a piece that is one expression, or None and a problem."""
        (expression,) = piece.parts
        assert isinstance(expression, Expression)
        try:
            return expression(self.names(frame, tensor))
        except ExpressionError as fact:
            if tensor is not None or not expression.names & _axis_names(4):
                self.note_expression(fact, piece, expression.text, frame.trail)
            return None

    def fill(self, piece: _Piece, names: Mapping[str, Number]) -> str:
        """The word, its expressions computed. Raises ExpressionError."""
        return "".join([part if isinstance(part, str) else as_text(part(names)) for part in piece.parts])

    def layer(self, layer: _Layer, name: str, tensor: _Tensor | None, frame: _Frame) -> _Tensor | None:
        spec = layer.spec or self.spelled_out(layer, tensor, frame)
        if spec is None or tensor is None:
            return None
        return self.emit(spec, layer, name or layer.label, (tensor,), frame)

    def spelled_out(self, layer: _Layer | _Join, tensor: _Tensor | None, frame: _Frame) -> Spec | None:
        """The spec that the words make with the values that hold here."""
        names = self.names(frame, tensor)
        words = []
        for piece in layer.pieces:
            try:
                word = self.fill(piece, names)
            except ExpressionError as fact:
                guilty = next((part for part in piece.parts if isinstance(part, Expression)), None)
                if guilty is not None and (tensor is not None or not guilty.names & _axis_names(4)):
                    self.note_expression(fact, piece, guilty.text, frame.trail)
                return None
            flag, equals, value = word[2:].partition("=") if word[:2] == "--" else ("", "", "")
            if equals and flag in OPTIONS and OPTIONS[flag].flag and not isinstance(piece.parts[-1], str):
                if value not in ("true", "false"):
                    message = f"{flag} needs true or false, not {value}"
                    self.note(message, "", piece.node, piece.start, piece.end, frame.trail)
                    return None
                word = f"--{flag}" if value == "true" else f"--no-{flag}"
            words.append(word)
        try:
            spec = read(words, defaults=self.defaults)
        except Misread as misread:
            for at, wrong in misread.facts:
                self.misread(at, wrong, layer, frame)
            return None
        return spec

    def misread(self, at: int, fact: Invalid, layer: "_Layer | _Join", frame: _Frame) -> None:
        """A mistake at a word, or behind the last one."""
        piece = layer.pieces[min(at, len(layer.pieces) - 1)]
        if at < len(layer.pieces):
            self.note(fact.message, fact.hint, piece.node, piece.start, piece.end, frame.trail)
        elif isinstance(layer.node, Scalar):
            end = len(layer.node.text)
            self.note(fact.message, fact.hint, layer.node, end, end + 1, frame.trail)
        else:
            self.note(fact.message, fact.hint, layer.node, trail=frame.trail)

    def emit(
        self, spec: Spec, layer: _Layer | _Join, label: str, tensors: Sequence[_Tensor], frame: _Frame
    ) -> _Tensor | None:
        """Adds the links of a layer to the graph; gives the output of the last."""
        shapes: Shapes = tuple([tensor.shape for tensor in tensors])
        try:
            links = linked(spec.kind, spec.words, spec.options, shapes)
            known = outputs(links, shapes)
        except Invalid as fact:
            self.misfit(fact, layer, frame)
            return None
        scope = frame.scope
        first, count = len(self.emitted) + 1, len(tensors)
        if len(links) == 1:
            sources = tuple([tensors[source].number for source in links[0].sources])
            self.emitted.append((scope, label, scope.take(label), links[0].op, sources, known[-1]))
            return _Tensor(first, known[-1])
        inner = scope.inner(label)
        for at, link in enumerate(links):
            sources = tuple(
                [tensors[source].number if source < count else first + source - count for source in link.sources]
            )
            self.emitted.append((inner, link.name, inner.take(link.name), link.op, sources, known[count + at]))
        return _Tensor(len(self.emitted), known[-1])

    def misfit(self, fact: Invalid, layer: _Layer | _Join, frame: _Frame) -> None:
        """A layer that does not fit its input, under the option that is to blame."""
        start, end, node = 0, None, layer.node
        if isinstance(node, Scalar):
            at = index_of([match.group() for match in _WORD.finditer(node.text)], fact.about)
            start, end = _columns(node.text, at)
        elif layer.pieces:
            words = [piece.parts[0] if isinstance(piece.parts[0], str) else "" for piece in layer.pieces]
            node = layer.pieces[index_of(words, fact.about)].node
        self.note(fact.message, fact.hint, node, start, end, frame.trail)

    def block(self, use: _Use, name: str, tensor: _Tensor | None, frame: _Frame) -> _Tensor | None:
        block = self.blocks[use.block]
        values: dict[str, Number] = {}
        failed = False
        for (parameter, _), piece in zip(block.parameters, use.arguments):
            value = self.compute(piece, frame, tensor)
            failed |= value is None
            values[parameter] = 1 if value is None else value
        for parameter, piece in use.named:
            value = self.compute(piece, frame, tensor)
            failed |= value is None
            values[parameter] = 1 if value is None else value
        trail = (self.source.at(use.node), *frame.trail) if self.source.name else ()
        names: dict[str, Number] = {**self.parameters, **(_axes(tensor.shape) if tensor else {})}
        for parameter, default in block.parameters:
            if parameter not in values and default is not None:
                try:
                    values[parameter] = default({**names, **values})
                except ExpressionError as fact:
                    if tensor is not None or not default.names & _axis_names(4):
                        self.note_expression(fact, _Piece((), block.key), default.text, trail)
                    values[parameter], failed = 1, True
        if failed:
            tensor = None
        inner = _Frame({**names, **values}, frame.scope.inner(name or use.block), True, trail, frame.depth)
        return self.run(block.entries, tensor, inner)

    def residual(self, entry: _Entry, body: _Residual, tensor: _Tensor | None, frame: _Frame) -> _Tensor | None:
        scope = frame.scope.inner(entry.name or "residual")
        inner = frame._replace(scope=scope)
        chosen = True if entry.when is None else self.compute(entry.when, frame, tensor)
        main = self.run(body.main, tensor, inner)
        if chosen is None:
            return None
        if not chosen:
            return main
        shortcut = tensor
        if body.shortcut:
            shortcut = self.run(body.shortcut, tensor, inner._replace(scope=scope.inner("shortcut")))
        if main is None or shortcut is None:
            return None
        if main.shape != shortcut.shape:
            what = "the shortcut gives" if body.shortcut else "its input is"
            message = (
                f"a residual cannot add {show(main.shape)} and {show(shortcut.shape)}: {what} {show(shortcut.shape)}"
            )
            hint = "shortcut: […] can change the shape, when: can leave the sum out"
            self.note(message, hint, body.node, trail=frame.trail)
            return None
        joined = _Join(body.node, (_Piece(("add",), body.node),), ())
        return self.emit(Spec("add", (), {}), joined, "add", (main, shortcut), inner)

    def join_branches(self, body: _Join, name: str, tensor: _Tensor | None, frame: _Frame) -> _Tensor | None:
        kind = "".join(part for part in body.pieces[0].parts if isinstance(part, str))
        scope = frame.scope.inner(name or kind)
        inner = frame._replace(scope=scope)
        ends = []
        for branch, entries in body.branches:
            self.count(body.node, frame)
            label = "input" if branch == kind else branch
            ends.append(self.run(entries, tensor, inner._replace(scope=scope.inner(label) if entries else scope)))
        spec = self.spelled_out(body, tensor, frame)
        if spec is None or any(end is None for end in ends):
            return None
        return self.emit(spec, body, kind, [end for end in ends if end is not None], inner)


def _axes(shape: Shape) -> dict[str, Number]:
    """``c_in``, and ``h_in``, ``w_in`` … by axis."""
    names: dict[str, Number] = {f"{axis}_in": size for axis, size in zip(AXES[len(shape) - 1], shape)}
    names["c_in"] = shape[-1]
    return names


def _axis_names(rank: int) -> frozenset[str]:
    return frozenset(f"{axis}_in" for axis in "dhwc"[-rank:])


def _empty(node: Node) -> bool:
    """Whether nothing was written there, not even quotes."""
    return isinstance(node, Scalar) and not node.text and not node.quoted


def _key(node: Node | None, name: str) -> Scalar:
    if isinstance(node, MappingNode):
        return node.keys[name]
    return Scalar(name, node.line if node else 0, node.column if node else 0)


def _columns(text: str, at: int) -> tuple[int, int]:
    """Where a word of a compact spec stands; its end, when it has no such word."""
    matches = list(_WORD.finditer(text))
    return matches[at].span() if at < len(matches) else (len(text), len(text) + 1)


def _unbraced(text: str) -> str:
    """An expression as a value stands bare; in braces it is the same."""
    return text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text


def _split(text: str) -> list[str]:
    """Parts between commas, but for commas in parentheses."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]] if text.strip() else []


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


Loader = Callable[[Source, Mapping[str, str], str | None], Document]
