"""``zoo``: the published networks that come with sepcalc."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sepcalc.gate import Finding, compare_published
from sepcalc.model_zoo import names
from sepcalc.network import Network
from sepcalc.shown import missing, shown, telling
from sepcalc.source import ZOO, read


@telling
class Exhibit(NamedTuple):
    """A network under its name in the zoo, and what was published of it."""

    name: str
    network: Network
    published: Sequence[Finding]

    def printed(self, metric: str) -> str:
        """The published number of a metric, as it was printed; empty where none was published."""
        return next((finding.published for finding in self.published if finding.metric == metric), "")

    @property
    def source(self) -> str:
        """The sources of the published numbers, separated by semicolons."""
        return "; ".join(dict.fromkeys(finding.source for finding in self.published))


@telling
class Zoo:
    """The networks of the zoo, in the order of the alphabet: ``zoo()["mobilenet_v1"].network.macs``."""

    def __init__(self, exhibits: Sequence[Exhibit]) -> None:
        self.exhibits = tuple(exhibits)

    def __str__(self) -> str:
        return shown(self)

    def __getitem__(self, name: str) -> Exhibit:
        """The network of this name. Raises KeyError."""
        found = next((exhibit for exhibit in self.exhibits if exhibit.name == name), None)
        if found is None:
            raise missing("network", name, [exhibit.name for exhibit in self.exhibits])
        return found

    def __iter__(self) -> Iterator[Exhibit]:
        return iter(self.exhibits)

    def __len__(self) -> int:
        return len(self.exhibits)

    @property
    def passed(self) -> bool:
        """Whether all networks keep their published numbers."""
        return all(finding.passed for exhibit in self.exhibits for finding in exhibit.published)


def zoo() -> Zoo:
    """The published networks that come with sepcalc: each has its ``.name``, its ``.network`` and what was
    ``.published`` of it, number by number. ``load("zoo:NAME")`` loads one alone.

    Raises InputError where the zoo is not installed.

    >>> sepcalc.zoo()["mobilenet_v1"].network.macs
    568740352
    >>> sepcalc.zoo().passed
    True
    """
    exhibits = []
    for name in names():
        document = read(ZOO + name)
        exhibits.append(Exhibit(name, document.network, compare_published(document.network, document.published)))
    return Zoo(exhibits)
