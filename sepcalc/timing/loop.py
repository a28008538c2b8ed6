"""The timing loop: subjects in turn, again and again, until their medians stand still or the time is spent.

What runs a subject and what tells the time are arguments. So the loop is tested with runs and a clock that are made up.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, sqrt
from typing import NamedTuple

Run = Callable[[int], list[float]]  # runs a subject so many times: the seconds that each run took
Clock = Callable[[], float]
Progress = Callable[[float, int], None]  # the part of the time that is spent, and the rounds

TURN = 0.005  # seconds that a subject runs at a stretch, at least
LONG = 0.2  # seconds of a run that is hardly longer for what it finds in the caches
MOST = 50  # runs at a stretch
WARM = 0.05  # seconds that a subject runs before it is measured
FEW, LEAST, LAST = 3, 10, 2000  # rounds: at any rate, until the spread counts, at most


class Subject(NamedTuple):
    """What is timed, by the numbers of its runs: one alone, or ``stack`` as well, which has ``copies`` of it."""

    alone: int
    stack: int | None = None
    copies: int = 1


class Seconds(NamedTuple):
    """The seconds that a subject takes. ``spread`` is how far off the median may be, as a part of it (95 %
    confidence)."""

    median: float
    p10: float
    p90: float
    runs: int
    spread: float


def measured(
    runs: Sequence[Run],
    subjects: Sequence[Subject],
    clock: Clock,
    seconds: float,
    spread: float = 0.03,
    progress: Progress | None = None,
) -> list[Seconds]:
    """The times of the subjects. Each round runs all of them once in turn, every other round backwards, so that a
    slow moment of the machine meets all of them. The rounds end when the spread of every median is below ``spread``,
    or after ``seconds`` by the clock; three are run at any rate."""
    counts = [_warmed(run) for run in runs]
    rounds: list[list[list[float]]] = [[] for _ in runs]
    begin = clock()
    while True:
        order = range(len(runs)) if len(rounds[0]) % 2 == 0 else range(len(runs) - 1, -1, -1)
        for at in order:
            count = counts[at]
            # The first run after another subject finds the caches full of the other's data.
            rounds[at].append(runs[at](count + 1)[1:] if count else runs[at](1))
        spent, done = clock() - begin, len(rounds[0])
        if progress:
            progress(min(1.0, spent / seconds) if seconds else 1.0, done)
        if done >= FEW and (spent >= seconds or done >= LAST):
            break
        if done >= LEAST and all(found.spread < spread for found in _all(subjects, rounds)):
            break
    return _all(subjects, rounds)


def _warmed(run: Run) -> int:
    """Run a subject until it is warm. How often it runs at a stretch, after a first run that does not count; 0 for one
    run that takes so long that it counts."""
    spent = times = 0.0
    while spent < WARM and times < MOST:
        (one,) = run(1)
        spent += one
        times += 1
    if one >= LONG:
        return 0
    return max(1, min(MOST, ceil(TURN / one))) if one > 0 else MOST


def _all(subjects: Sequence[Subject], rounds: Sequence[Sequence[Sequence[float]]]) -> list[Seconds]:
    return [_seconds(subject, rounds) for subject in subjects]


def _seconds(subject: Subject, rounds: Sequence[Sequence[Sequence[float]]]) -> Seconds:
    """The times of one subject. Of a stack, each round gives one: the slope from one copy to all of them."""
    alone = rounds[subject.alone]
    medians = [middle(one) for one in alone]
    if subject.stack is None:
        every = sorted(time for one in alone for time in one)
        return Seconds(middle(every), part(every, 0.1), part(every, 0.9), len(every), _spread(medians))
    stack = rounds[subject.stack]
    slopes = sorted((middle(more) - one) / (subject.copies - 1) for more, one in zip(stack, medians))
    count = sum(map(len, alone)) + sum(map(len, stack))
    return Seconds(middle(slopes), part(slopes, 0.1), part(slopes, 0.9), count, _spread(slopes))


def middle(values: Sequence[float]) -> float:
    """The median."""
    return part(sorted(values), 0.5)


def part(values: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values lies, between two values in proportion."""
    at = share * (len(values) - 1)
    low = floor(at)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (at - low)


def _spread(values: Sequence[float]) -> float:
    """Half the width of the interval that holds the median with 95 % confidence, as a part of the median. It stands
    between two of the sorted values, whatever their distribution. Source: Conover, Practical Nonparametric Statistics,
    section 3.2."""
    ordered, count = sorted(values), len(values)
    reach = 0.98 * sqrt(count)
    low, high = max(0, floor(count / 2 - reach)), min(count - 1, ceil(count / 2 + reach))
    median = part(ordered, 0.5)
    return (ordered[high] - ordered[low]) / 2 / median if median > 0 and count > 1 else 1.0
