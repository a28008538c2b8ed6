"""``baseline``: what networks cost, kept, to hold what becomes of them against."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sepcalc import __version__
from sepcalc.commands.subjects import Given, kept_as, subject
from sepcalc.errors import InputError, Problem, bad_input, printable
from sepcalc.files import write_files
from sepcalc.gate import baselines
from sepcalc.gate.baselines import Kept
from sepcalc.gate.snapshots import Snapshot, taken
from sepcalc.network import Network
from sepcalc.plain_files import contents
from sepcalc.shown import shown, telling


@telling
class Baseline(NamedTuple):
    """What networks cost: ``kept`` is one entry per network, whose file is relative to ``folder``; ``name`` is what
    messages call it. ``str()`` is the JSON that :meth:`write` writes and :meth:`read` reads."""

    kept: tuple[Kept, ...]
    folder: str = "."
    name: str = "baseline"

    def __str__(self) -> str:
        return shown(self)

    @property
    def complete(self) -> bool:
        """Whether every layer of every network was counted, if perhaps not in each count."""
        return all(one.snapshot.complete for one in self.kept)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Baseline":
        """The baseline in a file. Raises InputError where it cannot be read, or is not as this version writes it."""
        place = os.fspath(path)
        data = contents(place)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise bad_input("this is not a baseline: it is not UTF-8", "", printable(place)) from None
        return cls(tuple(baselines.read(text, place, __version__).values()), os.path.dirname(place) or ".", place)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes it to a new file; ``force`` overwrites one that is there. The file is written whole or not at all.
        Raises InputError where it cannot be written."""
        place = os.fspath(path)
        folder = os.path.dirname(place) or "."
        kept = [
            one._replace(file=kept_as(file, folder)) if os.path.exists(file) else one
            for one in self.kept
            for file in [os.path.join(self.folder, one.file)]
        ]
        write_files({place: f"{self._replace(kept=tuple(kept))}\n".encode()}, force)

    def then(self, arguments: Sequence[str], settings: Mapping[str, str]) -> Callable[[Snapshot], Snapshot]:
        """How to find what a network cost, given what it costs: ``arguments`` are what it may be called, ``settings``
        what it was read with. What is found raises InputError where there is nothing to compare with."""
        entries = {(one.file, tuple(sorted(one.settings.items()))): one for one in self.kept}
        names = [kept_as(argument, self.folder) for argument in arguments]
        file = next((name for name in names if any(one.file == name for one in self.kept)), names[-1])
        return lambda now: baselines.found(entries, self.name, file, settings, now)


def baseline(*networks: Given, folder: str | os.PathLike[str] = ".", allow_uncounted: bool = False) -> Baseline:
    """What networks cost, to be kept in a file and compared with later: ``check(…, baseline=…)``.

    ``networks`` are networks, or arguments as :func:`sepcalc.load` takes them. Files are named relative to ``folder``.
    It keeps every count of every layer, exact integers (bytes for traffic and memory).
    Raises InputError with every problem; also where a layer cannot be counted, unless ``allow_uncounted``.

    >>> kept = sepcalc.baseline("specs/mobilenet_v1.yaml")
    >>> kept.kept[0].snapshot.totals["macs"]
    568740352
    >>> sepcalc.check("specs/mobilenet_v1.yaml", baseline=kept, max_increase="2%").passed
    True
    """
    if not networks:
        raise bad_input("there is no network to keep", "name the networks")
    subjects = [subject(one) for one in networks]
    found = baseline_of(((one.argument, one.settings, one.document.network) for one in subjects), os.fspath(folder))
    for one in subjects:
        network = one.document.network
        if not network.accepted(allow_uncounted):
            place = printable(one.argument)
            raise InputError([Problem(f"not counted: {gap}", "", place) for gap in network.uncounted])
    return found


def baseline_of(networks: Iterable[tuple[str, Mapping[str, str], Network]], folder: str) -> Baseline:
    """The baseline of networks, each with its argument and the settings that it was read with."""
    kept = [Kept(kept_as(argument, folder), settings, taken(network)) for argument, settings, network in networks]
    return Baseline(tuple(kept), folder)
