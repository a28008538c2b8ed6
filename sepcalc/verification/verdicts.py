"""What a verification found."""

from typing import NamedTuple

from sepcalc.cost import COSTS, Cost
from sepcalc.network import Gap
from sepcalc.shown import shown

Difference = tuple[str, int, int]


def differences(said: Cost, done: Cost) -> tuple[Difference, ...]:
    """The counts in which two costs differ: name, what was said, what was done."""
    return tuple([(name, a, b) for name, a, b in zip(COSTS, said, done) if a != b])


class Check(NamedTuple):
    """One layer: what the formula says, what was executed; ``tolerance`` is 0 where the outputs must be equal.
    ``sampled`` is what part of it ran ("64 of 3,136 positions"), and then the formula is that of this part."""

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
        """Counts that are not as the formula says: name, formula, executed."""
        return differences(self.formula, self.executed)

    @property
    def ok(self) -> bool:
        """Whether outputs, shape and every count are as they must be."""
        return self.output_matches and self.shape_matches and not self.differences


class RewriteCheck(NamedTuple):
    """A variant: whether its chain gives what the normal convolution with the composed kernel does."""

    name: str
    matches: bool

    @property
    def ok(self) -> bool:
        """Whether the chain gives the same output."""
        return self.matches


class Verification(NamedTuple):
    """What was found. ``executed`` is everything that ran, variants too; ``claim`` what of a claimed cost is not so
    (None without a claim); ``sample`` how many positions of each layer ran (None: all). What is ``uncounted`` could
    not run: with any of it, nothing is verified as a whole. What is uncounted in some counts alone is there, too: none
    of its other counts is more than zero, so that there is nothing to run. ``notes`` are those of what was verified,
    ``title`` is what it is called."""

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
