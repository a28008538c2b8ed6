"""Branches that run instead of each other, as the data decides, and the branch with the most counts."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

Layer = Any  # a layer of a network

STORED = ("params", "buffers")  # the row of the choice counts these for the other branches


class Branch(NamedTuple):
    """A branch that is not part of the network: its layers, and the choices in it."""

    layers: tuple[Layer, ...]
    choices: "tuple[Choice, ...]" = ()

    def of(self, made: Callable[[Layer], Layer]) -> "Branch":
        """The same branch with each layer replaced."""
        return Branch(tuple(map(made, self.layers)), tuple([choice.of(made) for choice in self.choices]))


class Choice(NamedTuple):
    """A point where one of several branches runs: the ``name`` of its row, if it has one; the names of the layers in
    the network, with the choices among them; and the ``others``."""

    name: str
    taken: frozenset[str]
    inner: "tuple[Choice, ...]"
    others: tuple[Branch, ...]

    def of(self, made: Callable[[Layer], Layer]) -> "Choice":
        """The same choice with each layer replaced."""
        inner, others = [choice.of(made) for choice in self.inner], [branch.of(made) for branch in self.others]
        return self._replace(inner=tuple(inner), others=tuple(others))


def more(
    choices: Iterable[Choice],
    layers: Mapping[str, Layer],
    metric: str,
    measure: Callable[[Layer], int],
    covers: Callable[[str], bool],
) -> int:
    """How much larger a metric of the covered layers can be than for the branches in the network. ``layers`` are by
    name. A glob that covers the row of a choice covers all its branches."""
    found = 0
    for choice in choices:
        whole = covers(choice.name)
        within = _everything if whole else covers
        inner = more(choice.inner, layers, metric, measure, within)
        own = sum([measure(layers[name]) for name in choice.taken if name in layers and within(name)])
        most = heaviest(choice, metric, measure, within, whole)
        found += inner + max(0, most - own - inner)
    return found


def heaviest(
    choice: Choice, metric: str, measure: Callable[[Layer], int], within: Callable[[str], bool], whole: bool
) -> int:
    """The largest value of a metric in another branch, over layers with these names. ``whole`` adds what the row of the
    choice stores."""
    most = 0
    for branch in choice.others:
        amount = more(branch.choices, {one.name: one for one in branch.layers}, metric, measure, within)
        if not (whole and metric in STORED):
            amount += sum([measure(one) for one in branch.layers if within(one.name)])
        most = max(most, amount)
    return most


def largest(
    layers: Iterable[Layer], choices: Iterable[Choice], metric: str, measure: Callable[[Layer], int]
) -> list[Layer]:
    """The layers that run where those branches do that have the most of a metric."""
    found = list(layers)
    for choice in choices if metric not in STORED else ():  # what a branch stores stands in the row of the choice
        ways = [([one for one in found if one.name in choice.taken], choice.inner)]
        ways += [(list(branch.layers), branch.choices) for branch in choice.others]
        most = max([largest(*way, metric, measure) for way in ways], key=lambda way: sum(map(measure, way)))
        found = [one for one in found if one.name not in choice.taken] + most
    return found


def rows(choices: Iterable[Choice]) -> list[str]:
    """The names of all choices."""
    found = []
    for choice in choices:
        found += [choice.name, *rows(choice.inner)]
        for branch in choice.others:
            found += rows(branch.choices)
    return found


def _everything(name: str) -> bool:
    return True


def others(choices: Iterable[Choice]) -> list[Layer]:
    """The layers of all branches that are not part of the network."""
    found: list[Layer] = []
    for choice in choices:
        found += others(choice.inner)
        for branch in choice.others:
            found += [*branch.layers, *others(branch.choices)]
    return found


def renamed(choices: Iterable[Choice], before: Collection[str], after: Iterable[str]) -> tuple[Choice, ...]:
    """The choices after layers of a network were replaced: a new layer ``conv/depthwise`` takes the place of its
    original ``conv``."""
    return tuple([_renamed(choice, before, [*after]) for choice in choices])


def _renamed(choice: Choice, before: Collection[str], after: list[str]) -> Choice:
    taken = frozenset(
        [
            name
            for name in after
            if name in choice.taken or (name not in before and name.rpartition("/")[0] in choice.taken)
        ]
    )
    return choice._replace(taken=taken, inner=tuple([_renamed(inner, before, after) for inner in choice.inner]))
