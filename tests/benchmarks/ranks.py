"""How well macs, and activations, order networks by time, in a table that others measured."""

import csv
from collections.abc import Sequence
from pathlib import Path

TABLE = Path(__file__).parent.parent / "data" / "time" / "timm_cpu.csv"


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value; equal ones share the mean of theirs."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation: Pearson's, of the ranks."""
    a, b = ranks(first), ranks(second)
    middle = (len(a) - 1) / 2
    products = sum((x - middle) * (y - middle) for x, y in zip(a, b, strict=True))
    squares = sum((x - middle) ** 2 for x in a) * sum((y - middle) ** 2 for y in b)
    return float(products / squares**0.5)


def found() -> dict[str, float]:
    """The rank correlation of each count with the time."""
    with open(TABLE, encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    times = [float(row["infer_step_time"]) for row in rows]
    return {name: correlation([float(row[name]) for row in rows], times) for name in ("infer_gmacs", "infer_macts")}


if __name__ == "__main__":
    for name, value in found().items():
        print(f"{name}: {value:.2f}")
