"""What a verification found."""

from typing import NamedTuple

from sepcalc.cost import COSTS, Cost
from sepcalc.layer import Gap
from sepcalc.shown import shown, telling

Difference = tuple[str, int, int]


def differences(said: Cost, done: Cost) -> tuple[Difference, ...]:
    """The counts in which two costs differ: name, what was said, what was done."""
    return tuple([(name, a, b) for name, a, b in zip(COSTS, said, done) if a != b])


class Check(NamedTuple):
    """One layer: the formula's counts and the executed ones. ``tolerance`` is 0 where the outputs must be equal.
    ``sampled`` says which part ran ("64 of 3,136 positions"); the formula is then that of the part."""

    name: str
    kind: str
    formula: Cost
    executed: Cost
    output_matches: bool
    shape_matches: bool
    tolerance: float
    sampled: str = ""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The counts that are not as the formula says: name, formula, executed."""
        return differences(self.formula, self.executed)

    @property
    def ok(self) -> bool:
        """Whether outputs, shape and every count are as they must be."""
        return self.output_matches and self.shape_matches and not self.differences


class RewriteCheck(NamedTuple):
    """A variant: whether its chain gives the output of the normal convolution with the composed kernel."""

    name: str
    matches: bool

    @property
    def ok(self) -> bool:
        """Whether the chain gives the same output."""
        return self.matches


@telling
class Verification(NamedTuple):
    """The result. ``executed``: everything that ran, variants too. ``claim``: the counts in which a claimed cost is
    wrong (None without a claim). ``sample``: how many positions of each layer ran (None: all). ``uncounted``: the
    layers that could not run; with any of them nothing is verified as a whole. A layer that lacks some counts alone is
    among them: its other counts are zero, so there is nothing to run. ``notes`` and ``title`` are those of the target.
    """

    layers: tuple[Check, ...]
    rewrites: tuple[RewriteCheck, ...]
    executed: Cost
    seconds: float
    seed: int
    claim: tuple[Difference, ...] | None = None
    sample: int | None = None
    uncounted: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""

    def __str__(self) -> str:
        return shown(self)

    @property
    def ok(self) -> bool:
        """Whether every layer and every rewrite is right, the claim is true, and nothing was left out."""
        fine = all(check.ok for check in self.layers) and all(check.ok for check in self.rewrites)
        return fine and not self.claim and self.complete

    @property
    def complete(self) -> bool:
        """Whether every layer could run, or does nothing that is counted."""
        return not any(gap.whole for gap in self.uncounted)
