"""What changed between two networks: their layers matched inside the block that holds them, by name, then by place and
shape; what is left there is looked for further out."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from sepcalc.gate.pairs import INDEX, Group, Pair, ordered, what
from sepcalc.gate.sequences import common, ends, in_turn
from sepcalc.gate.snapshots import Row, Snapshot


def matched(old: Snapshot, new: Snapshot) -> list[Pair]:
    """Every layer of both, in the order of the new network, what was removed where it stood.

    Blocks are matched before what is in them, the network being one. In a block what is equal at its beginning and at
    its end matches, then a name that was given (no ``[2]`` in
    it) matches itself, and so does a block that is counted (``b[2]``), where there are as many on both sides. Other
    names that are counted (``conv[2]``) shift when a layer comes between: those with the same words
    are aligned by what they are (kind, output, cost) in their order, and what is left between two aligned ones by kind
    and output, by name, by order. What still has no partner, between two that have, matches by kind and output, and by
    its place alone where one layer gives what one or several gave before. Then layers of the same kind and output match
    in their order: in the same block, in the one around it, anywhere.
    """
    known: dict[Hashable, int] = {}
    match = _Match(_tree(old.layers, known), _tree(new.layers, known))
    match.run()
    return ordered(old.layers, new.layers, match.partner, match.groups)


# --- blocks ----------------------------------------------------------------------------------------------------------


class _Node:
    """A layer, or a block of layers: a word of their names. ``what`` is the same of those that are equal, ``form`` of
    those that have kinds and outputs in common; ``pair`` is the same of two that match."""

    __slots__ = ("at", "children", "form", "label", "name", "outer", "output", "pair", "what")

    def __init__(self, name: str, outer: "_Node | None") -> None:
        self.name = name
        self.label = INDEX.sub("", name)
        self.outer = outer
        self.at: int | None = None  # of the layer itself
        self.children: list[_Node] = []
        self.output: Hashable = None
        self.what = self.form = self.pair = -1

    def layers(self) -> list[int]:
        """The numbers of its layers."""
        found, waiting = list[int](), [self]
        while waiting:
            node = waiting.pop()
            if node.at is not None:
                found.append(node.at)
            waiting += node.children
        return sorted(found)


def _tree(rows: Sequence[Row], known: dict[Hashable, int]) -> tuple[_Node, list[_Node]]:
    """The root of all layers, and the node of each."""
    root = _Node("", None)
    made, nodes = {"": root}, list[_Node]()
    every = [root]
    for at, row in enumerate(rows):
        node, path = root, ""
        for name in row.name.split("/"):
            path = f"{path}/{name}"
            inner = made.get(path)
            if inner is None:
                inner = made[path] = _Node(name, node)
                node.children.append(inner)
                every.append(inner)
            node = inner
        if node.at is not None and (outer := node.outer):  # two of one name
            node = made[path] = _Node(node.name, outer)
            outer.children.append(node)
            every.append(node)
        node.at = at
        nodes.append(node)
    for node in reversed(every):  # what is inside first
        own = None if node.at is None else rows[node.at]
        inside = node.children
        node.output = inside[-1].output if inside else own.output if own else None
        same = (own and what(own), *[(child.label, child.what) for child in inside])
        form = (own and own[1:3], "form", *[(child.label, child.form) for child in inside])
        node.what = known.setdefault(same, len(known))
        node.form = known.setdefault(form, len(known))
    return root, nodes


# --- matching --------------------------------------------------------------------------------------------------------

Trees = tuple[_Node, list[_Node]]  # the root, and the node of each layer


class _Match:
    """``partner`` is of a new layer the old one; ``groups`` are layers, old and new, of which one stands for all of the
    other side."""

    def __init__(self, old: Trees, new: Trees) -> None:
        self.roots = old[0], new[0]
        self.olds, self.news = old[1], new[1]
        self.partner: dict[int, int] = {}
        self.groups: list[Group] = []
        self.pairs = 0
        self.waiting: list[tuple[_Node, _Node]] = []

    def run(self) -> None:
        """Pairs everything, from the roots down."""
        self.together(*self.roots)
        while self.waiting:
            old, new = self.waiting.pop()
            if old.at is not None and new.at is not None:
                self.partner[new.at] = old.at
            elif (old.at is None) != (new.at is None) and self.replaced([old], [new]):
                continue
            for one, other in _siblings(old.children, new.children):
                self.together(one, other)
            for olds, news in _gaps(old.children, new.children):
                self.gap(olds, news)
        self.elsewhere()

    def together(self, old: _Node, new: _Node) -> None:
        """Makes a pair, whose children are matched later."""
        old.pair = new.pair = self.pairs
        self.pairs += 1
        self.waiting.append((old, new))

    def gap(self, olds: list[_Node], news: list[_Node]) -> None:
        """What has no partner between two siblings that have: by kind and output, then by place."""
        for old, new in in_turn([(node.form, node) for node in olds], [(node.form, node) for node in news]):
            self.together(old, new)
        olds, news = [node for node in olds if node.pair < 0], [node for node in news if node.pair < 0]
        if self.replaced(olds, news) or [node.output for node in olds] != [node.output for node in news]:
            return
        for old, new in zip(olds, news):  # one in place of the other, block or layer
            if not self.replaced([old], [new]):
                self.together(old, new)

    def replaced(self, olds: list[_Node], news: list[_Node]) -> bool:
        """Takes one layer for what stands in the place of one or several others, if it gives the same output."""
        if not olds or not news or olds[-1].output != news[-1].output:
            return False
        before = [at for node in olds for at in node.layers()]
        after = [at for node in news for at in node.layers()]
        if len(before) == len(after) == 1:
            self.partner[after[0]] = before[0]
        elif 1 in (len(before), len(after)):
            self.groups.append((before, after))
        else:
            return False
        return True

    def elsewhere(self) -> None:
        """What has no partner in its own place: by kind and output, in the innermost block that both are in."""
        taken = {*self.partner.values(), *[at for before, _ in self.groups for at in before]}
        done = {*self.partner, *[at for _, after in self.groups for at in after]}
        olds = [at for at in range(len(self.olds)) if at not in taken]
        news = [at for at in range(len(self.news)) if at not in done]
        if not olds or not news:
            return
        around_old = {at: _around(self.olds[at]) for at in olds}
        around_new = {at: _around(self.news[at]) for at in news}
        for depth in reversed(range(max(map(len, around_new.values())))):
            before = [((*around_old[at][depth : depth + 1], self.olds[at].form), at) for at in olds]
            after = [((*around_new[at][depth : depth + 1], self.news[at].form), at) for at in news]
            inside = [(key, at) for key, at in before if len(key) > 1 and key[0] >= 0]
            self.partner.update((new, old) for old, new in in_turn(inside, after))
            found = {self.partner[at] for at in news if at in self.partner}
            olds = [at for at in olds if at not in found]
            news = [at for at in news if at not in self.partner]


def _around(node: _Node) -> list[int]:
    """The pairs that the blocks around a layer are of, the outermost first."""
    pairs, outer = list[int](), node.outer
    while outer is not None:
        pairs.append(outer.pair)
        outer = outer.outer
    return pairs[::-1]


Placed = Sequence[tuple[int, _Node]]


def _siblings(olds: Sequence[_Node], news: Sequence[_Node]) -> Iterator[tuple[_Node, _Node]]:
    """Pairs of one block by their names: first what is equal at its beginning and at its end."""
    first, last = ends([(node.label, node.what) for node in olds], [(node.label, node.what) for node in news])
    yield from zip(olds[:first], news[:first])
    yield from zip(olds[len(olds) - last :], news[len(news) - last :])
    olds, news = olds[first : len(olds) - last], news[first : len(news) - last]
    blocks = _as_many(olds, news)
    places = {node.name: node for node in olds if "[" not in node.name or node.label in blocks}
    named = {node.name: places[node.name] for node in news if node.name in places}
    yield from [(named[node.name], node) for node in news if node.name in named]
    before = _grouped([(at, node) for at, node in enumerate(olds) if node.name not in named])
    after = _grouped([(at, node) for at, node in enumerate(news) if node.name not in named])
    for words, group in after.items():
        if words in before:
            yield from [(olds[at_old], news[at_new]) for at_new, at_old in _aligned(before[words], group)]


def _as_many(olds: Sequence[_Node], news: Sequence[_Node]) -> set[str]:
    """The words of blocks that are counted (``b[2]``) and have the same numbers on both sides: none has come between,
    so each is itself, however much it changed."""
    before, after = [
        {
            words: sorted([node.name for _, node in group])
            for words, group in _grouped([*enumerate(nodes)]).items()
            if all(node.children for _, node in group)
        }
        for nodes in (olds, news)
    ]
    return {words for words, names in after.items() if before.get(words) == names and len({*names}) == len(names)}


def _gaps(olds: Sequence[_Node], news: Sequence[_Node]) -> Iterable[tuple[list[_Node], list[_Node]]]:
    """What has no partner on both sides behind the same pair of siblings."""
    gaps: dict[int, tuple[list[_Node], list[_Node]]] = {}
    for side, nodes in enumerate((olds, news)):
        last = -1
        for node in nodes:
            if node.pair >= 0:
                last = node.pair
            else:
                gaps.setdefault(last, ([], []))[side].append(node)
    return [gap for gap in gaps.values() if all(gap)]


def _grouped(nodes: Placed) -> dict[str, list[tuple[int, _Node]]]:
    groups: dict[str, list[tuple[int, _Node]]] = {}
    for at, node in nodes:
        groups.setdefault(node.label, []).append((at, node))
    return groups


def _aligned(olds: Placed, news: Placed) -> Iterable[tuple[int, int]]:
    """Pairs (new, old) of one label, the order kept where they are equal."""
    start, last = ends([node.what for _, node in olds], [node.what for _, node in news])
    yield from zip([at for at, _ in news[:start]], [at for at, _ in olds[:start]])
    yield from zip([at for at, _ in news[len(news) - last :]], [at for at, _ in olds[len(olds) - last :]])
    olds, news = olds[start : len(olds) - last], news[start : len(news) - last]
    done_old, done_new = 0, 0
    alike = common([node.what for _, node in olds], [node.what for _, node in news])
    for at_new, at_old in [*alike, (len(news), len(olds))]:
        yield from _nearest(olds[done_old:at_old], news[done_new:at_new])
        if at_new < len(news):
            yield news[at_new][0], olds[at_old][0]
        done_old, done_new = at_old + 1, at_new + 1


def _nearest(olds: Placed, news: Placed) -> Iterable[tuple[int, int]]:
    """What stands between two that are equal: by kind and output, then by name, then by order."""
    left, right = list(olds), list(news)
    keys: tuple[Callable[[_Node], Hashable], ...] = (lambda node: node.form, lambda node: node.name, lambda node: 0)
    for key in keys:
        found = dict(in_turn([(key(node), at) for at, node in left], [(key(node), at) for at, node in right]))
        yield from [(new, old) for old, new in found.items()]
        used = {*found.values()}
        left, right = [item for item in left if item[0] not in found], [item for item in right if item[0] not in used]
