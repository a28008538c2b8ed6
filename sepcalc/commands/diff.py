"""``diff``: what changed between two networks."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from sepcalc.commands.demands import Amounts, increases_of
from sepcalc.commands.subjects import Given, subject
from sepcalc.document import Document
from sepcalc.errors import InputError, Problem
from sepcalc.gate.checks import INCOMPLETE, OVER, PASSED
from sepcalc.gate.conversions import Conversion, converted
from sepcalc.gate.diffs import matched
from sepcalc.gate.limits import Held, Increase, Verdict, grown, left_out
from sepcalc.gate.pairs import Pair
from sepcalc.gate.snapshots import Snapshot, growth, taken
from sepcalc.included import Keep
from sepcalc.network import Network
from sepcalc.shown import shown, telling

Side = Callable[[Keep], Network]  # reads one of the two, and is given what takes the bytes of its files


@telling
class Difference(NamedTuple):
    """Two networks beside each other: their ``names``, what they cost, limits to growth; ``same`` says that both were
    read from the same bytes, ``remarks`` what is not limited, ``allowed`` that what is not counted only warns.
    ``pairs`` are the layers of both, before and after; where ``conversion`` is structural, those that do work.
    ``conversion`` says what another format made of the network, None where it is not about that."""

    names: tuple[str, str]
    old: Snapshot
    new: Snapshot
    pairs: Sequence[Pair]
    held: Sequence[Held] = ()
    allowed: bool = False
    same: bool = False
    remarks: Sequence[str] = ()
    conversion: Conversion | None = None

    def __str__(self) -> str:
        return shown(self)

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each limit to growth."""
        return [one.verdict for one in self.held]

    @property
    def incomplete(self) -> bool:
        """Whether either network has layers that were not counted."""
        return not (self.old.complete and self.new.complete)

    @property
    def unknown(self) -> bool:
        """Whether a limit is on a count that is incomplete."""
        return any(one.verdict.unknown for one in self.held)

    @property
    def notes(self) -> list[str]:
        """What a conversion changed, then the notes of both networks. A note of only one of them names it."""
        told = self.conversion.told() if self.conversion else []
        both = dict.fromkeys((*self.old.notes, *self.new.notes, *self.remarks))
        sides = ((self.names[0], self.old.notes), (self.names[1], self.new.notes))
        noted = [
            f"{of[0]}: {note}" if len(of) == 1 else note
            for note in both
            for of in [[name for name, notes in sides if note in notes]]
        ]
        return [*told, *noted]

    @property
    def code(self) -> int:
        """The exit code: 3 for what is not counted (unless that is allowed), 1 for growth over a limit, else 0."""
        if (self.incomplete or self.unknown) and not self.allowed:
            return INCOMPLETE
        return OVER if any(one.verdict.fails for one in self.held) else PASSED

    @property
    def passed(self) -> bool:
        """Whether everything was counted (or need not be) and every limit to growth holds."""
        return self.code == PASSED


def diff(
    old: Given, new: Given, *, max_increase: str | Amounts | None = None, allow_uncounted: bool = False
) -> Difference:
    """What changed between two networks: ``.pairs`` are their layers, matched; ``.old.totals`` and ``.new.totals``
    every metric (exact integers; bytes for traffic and memory).

    ``old`` and ``new`` are networks, or arguments as :func:`sepcalc.load` takes them. ``max_increase`` is the most that
    metrics may grow: ``"2%"``, ``{"macs": "2%", "params": 10_000}``; ``.passed`` says whether they keep to it.
    ``allow_uncounted`` lets networks pass in which some operators could not be counted.
    Raises InputError with every problem of both.

    >>> found = sepcalc.diff("8x8x3, conv -k3 -o4", "8x8x3, conv -k3 -o8", max_increase={"macs": "50%"})
    >>> found.old.totals["macs"], found.new.totals["macs"], found.passed
    (3888, 7776, False)
    >>> [pair.status for pair in found.pairs]
    ['changed']
    """
    names = tuple([one if isinstance(one, str) else _name(one) for one in (old, new)])
    sides = [partial(_network, one) for one in (old, new)]
    return differing((names[0], names[1]), sides, increases_of(max_increase), allow_uncounted)


def _name(given: Given) -> str:
    if isinstance(given, Network | Document):
        network, document = (given, given.document) if isinstance(given, Network) else (given.network, given)
        return (document.argument if document else "") or network.name or "network"
    return str(given)


def _network(given: Given, keep: Keep) -> Network:
    return subject(given, keep).document.network


def differing(
    names: tuple[str, str], sides: Sequence[Side], increases: Sequence[Increase], allow_uncounted: bool
) -> Difference:
    """The difference of what two sides read. Raises InputError with every problem of both."""
    problems: list[Problem] = []
    networks, snapshots = list[Network](), list[Snapshot]()
    digests: list[list[bytes]] = [[], []]  # of each side's files
    for side, own in zip(sides, digests):
        try:
            networks.append(side(partial(_digest, own)))
            snapshots.append(taken(networks[-1]))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    before, after = snapshots
    partly = (*before.partly, *after.partly)
    held = grown(*growth(before, after), increases=increases, incomplete=partly)
    allowed = allow_uncounted and not (before.stopped or after.stopped)
    same = bool(digests[0]) and digests[0] == digests[1]
    pairs = matched(before, after)
    old, new = networks
    conversion = converted(old, new, before, after, pairs)
    pairs = conversion.pairs if conversion and conversion.structural else pairs
    return Difference(names, before, after, pairs, held, allowed, same, left_out(increases, partly), conversion)


def _digest(digests: list[bytes], pieces: Iterable[bytes]) -> None:
    """Append the digest of a file."""
    digest = blake2b()
    for piece in pieces:
        digest.update(piece)
    digests.append(digest.digest())
