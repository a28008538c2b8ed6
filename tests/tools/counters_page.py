"""Prints the tables of docs/counters.md from the modules of sepcalc/conventions. A test holds the page to them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import sepcalc
from sepcalc import quantity
from sepcalc.conventions import COUNTERS, FAMILIES, counter
from sepcalc.reports.reconcile import signed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "counters.md"
FILE = Path(__file__).resolve().parents[1] / "data" / "pt2" / "mobilenet_v2.pt2"
BEGIN, END = "<!-- printed: {} -->", "<!-- end -->"
LEFT_OUT = ("timm", "torchvision", "keras", "paper")  # whose rules are those of another, or none


def families() -> Iterator[str]:
    """What each counter counts beyond the exact macs, by family."""
    for name in COUNTERS:
        found = counter(name)
        if name in LEFT_OUT:
            continue
        yield f"**{name}** {found.version} ({found.unit}; rules in `{found.source}`)"
        yield ""
        texts: dict[str, list[str]] = {}
        for family in FAMILIES:
            for term in found.rows[family]:
                texts.setdefault(term.text, []).append(family)
        for text, of in texts.items():
            yield f"- {', '.join(dict.fromkeys(of))}: {text}"
        yield ""


def example() -> Iterator[str]:
    """One MobileNet V2, and every number."""
    found = sepcalc.reconcile(FILE)
    yield f"Exact macs: {quantity.exact(found.macs)}."
    yield ""
    yield "| counter | number | why |"
    yield "| --- | --- | --- |"
    for one in found.counters:
        why = "; ".join([f"{signed(value)} {text}" for text, value in one.terms]) or one.reason or "the exact macs"
        number = "not known" if one.value is None else f"{quantity.exact(one.value)} {one.unit}"
        yield f"| {one.counter} | {number} | {why} |"
    keras = sepcalc.load(FILE)
    params = counter("keras").params(keras) or 0
    yield f"| keras | {quantity.exact(params)} params | the statistics of norms are params, too |"
    yield ""


PRINTED = {"families": families, "example": example}


def page(text: str) -> str:
    """The page with its tables printed anew."""
    for name, lines in PRINTED.items():
        begin = BEGIN.format(name)
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n" + "\n".join(lines()) + END + rest.partition(END)[2]
    return text


if __name__ == "__main__":
    sys.stdout.write(page(PAGE.read_text("utf-8")))
