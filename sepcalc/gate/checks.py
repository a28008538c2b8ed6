"""The verdict on one network. What was not read, counted or understood never passes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sepcalc.errors import Problem
from sepcalc.gate.diffs import matched
from sepcalc.gate.limits import Held, Increase, Limit, Mark, Verdict, grown, hold, left_out
from sepcalc.gate.metrics import unknown
from sepcalc.gate.pairs import Pair
from sepcalc.gate.published import Claim, Finding, compare_published
from sepcalc.gate.reasons import Reasons, explained
from sepcalc.gate.snapshots import Snapshot, growth, taken
from sepcalc.layer import Gap, lacking
from sepcalc.network import Network
from sepcalc.shown import shown, telling

PASSED, OVER, REFUSED, INCOMPLETE, BUG = 0, 1, 2, 3, 70
ORDER = (BUG, REFUSED, INCOMPLETE, OVER, PASSED)  # of several, the first that occurs is the answer
NOTHING = "no budget or baseline found"
NO_NETWORK = "no network"  # but some other file of YAML, JSON or XML
STATUS = {PASSED: "passed", OVER: "failed", REFUSED: "error", INCOMPLETE: "incomplete", BUG: "bug"}


class Demand(NamedTuple):
    """What a network is held to. ``then`` takes its present counts and finds its past ones in a baseline (None: no
    baseline)."""

    limits: Sequence[Limit] = ()
    claims: Sequence[Claim] = ()
    increases: Sequence[Increase] = ()
    then: Callable[[Snapshot], Snapshot] | None = None
    level: str = "error"
    message: str = ""
    mark: Mark | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no budget and no baseline. Published numbers are no budget."""
        return not (self.limits or self.increases)


@telling
class Outcome(NamedTuple):
    """What came of one check: ``code`` is its exit code, ``status`` the same in a word (also ``warned``, ``skipped``).

    ``uncounted`` are the layers without which the totals are, or some of them, ``allowed`` that this only warns,
    ``notes`` what whoever reads the numbers must know, ``reason`` why it was skipped."""

    name: str
    file: str
    code: int
    status: str
    held: tuple[Held, ...] = ()
    reasons: tuple[Reasons | None, ...] = ()
    published: tuple[Finding, ...] = ()
    uncounted: tuple[Gap, ...] = ()
    allowed: bool = False
    problems: tuple[Problem, ...] = ()
    message: str = ""
    mark: Mark | None = None
    notes: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        return shown(self)

    @property
    def passed(self) -> bool:
        """Whether everything was read, counted (or need not be) and within its limits."""
        return self.code == PASSED

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each limit."""
        return [one.verdict for one in self.held]

    @property
    def complete(self) -> bool:
        """Whether every layer was counted, if perhaps not in each count."""
        return not any(gap.whole for gap in self.uncounted)

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The counts that some layer is not counted in."""
        return lacking(self.uncounted)


def worst(codes: Sequence[int]) -> int:
    """The exit code of several."""
    return next(code for code in ORDER if code in codes)


def examine(
    name: str, file: str, network: Network, demand: Demand, allow_uncounted: bool = False, why: bool = False
) -> Outcome:
    """Holds a network to what is demanded. Raises InputError where the demand does not fit it."""
    held = hold(network, demand.limits)
    pairs: list[Pair] = []
    then, notes = None, network.notes
    if demand.then is not None:
        now = taken(network)
        then = demand.then(now)
        partly = (*now.partly, *then.partly)
        held += grown(*growth(then, now), increases=demand.increases, level=demand.level, incomplete=partly)
        notes += left_out(demand.increases, partly)
        if why or not all(one.verdict.passed for one in held):
            pairs = matched(then, now)
    findings = compare_published(network, demand.claims)
    reasons = [
        None
        if one.verdict.unknown or (one.verdict.passed and (not why or isinstance(one.limit, Increase)))
        else explained(one, network, pairs)
        for one in held
    ]
    gaps = tuple(dict.fromkeys([*network.uncounted, *(then.uncounted if then else ())]))
    codes = [PASSED]
    if any(one.verdict.fails for one in held) or not all(finding.passed for finding in findings):
        codes.append(OVER)
    allowed = allow_uncounted and network.stopped is None
    whole = any(gap.whole for gap in gaps)
    partly = lacking(gap for gap in network.uncounted if not gap.whole)
    asked = any(one.verdict.unknown for one in held) or any(unknown(claim.metric, partly) for claim in demand.claims)
    if (whole or asked) and not allowed:
        codes.append(INCOMPLETE)
    code = worst(codes)
    warned = code == PASSED and (whole or asked or not all(one.verdict.passed for one in held))
    return Outcome(
        name,
        file,
        code,
        "warned" if warned else STATUS[code],
        tuple(held),
        tuple(reasons),
        tuple(findings),
        gaps,
        allowed,
        message=demand.message,
        mark=demand.mark,
        notes=notes,
    )


def refused(
    name: str, file: str, problems: Sequence[Problem], code: int = REFUSED, mark: Mark | None = None
) -> Outcome:
    """What could not be checked."""
    return Outcome(name, file, code, STATUS[code], problems=tuple(problems), mark=mark)


def skipped(name: str, file: str, reason: str) -> Outcome:
    """A file with no budget or baseline found, where whoever asked wants these to pass."""
    return Outcome(name, file, PASSED, "skipped", reason=reason)
