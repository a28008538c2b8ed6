"""Two sequences beside each other: what is equal in them."""

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
MAX_CELLS = 4_000_000  # cells of the table that aligns two sequences of layers; beyond it they go by their order


def in_turn(olds: Sequence[tuple[Hashable, T]], news: Sequence[tuple[Hashable, T]]) -> Iterator[tuple[T, T]]:
    """Pairs of one key, each side in its order."""
    waiting: dict[Hashable, deque[T]] = {}
    for key, old in olds:
        waiting.setdefault(key, deque()).append(old)
    for key, new in news:
        if queue := waiting.get(key):
            yield queue.popleft(), new


def ends(olds: Sequence[Hashable], news: Sequence[Hashable]) -> tuple[int, int]:
    """How many are equal at the beginning, and of the others at the end."""
    most, start, last = min(len(olds), len(news)), 0, 0
    while start < most and olds[start] == news[start]:
        start += 1
    while last < most - start and olds[-1 - last] == news[-1 - last]:
        last += 1
    return start, last


def common(olds: Sequence[Hashable], news: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The longest common subsequence, as places (new, old); of several such the one of equal places, if it is one."""
    level = [(at, at) for at, (old, new) in enumerate(zip(olds, news)) if old == new]
    if not olds or not news or len(olds) * len(news) > MAX_CELLS:
        return level if len(olds) == len(news) else []
    width = len(olds) + 1
    longest = [[0] * width for _ in range(len(news) + 1)]
    for i in reversed(range(len(news))):
        row, below, what = longest[i], longest[i + 1], news[i]
        for j in reversed(range(len(olds))):
            row[j] = below[j + 1] + 1 if olds[j] == what else max(below[j], row[j + 1])
    pairs, i, j = [], 0, 0
    while i < len(news) and j < len(olds):
        if olds[j] == news[i]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return level if len(olds) == len(news) and len(level) >= len(pairs) else pairs
