"""``sepcalc factor``: whether a kernel separates, and what a layer gains by it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.reports import BAR, COUNT, NUMBER, Charts, Lines, Row, Section, Table, columns, row
from sepcalc.shape import AXES, axis_name, show

if TYPE_CHECKING:
    from sepcalc.factoring import Factoring
    from sepcalc.factoring.chains import Written
    from sepcalc.factoring.proof import Proof
    from sepcalc.factoring.schemes import Scheme, Step
    from sepcalc.reports.figures import Chart

SHARES = range(10, 101, 10)  # percent of the full cost at which the curve is drawn
DIGITS = 4  # of a real factor
ROUNDING = 1e-12  # an error below which is rounding


class FactorReport(NamedTuple):
    """A factoring and the work done with it. ``steps`` are those of the ``asked`` rank, or the last one where a scheme
    has no such rank (None: all steps). ``proofs`` are the runs (None: nothing was run). ``exactly`` says whether exact
    factors gave the exact output."""

    factoring: "Factoring"
    asked: int | None = None
    steps: "Sequence[Step] | None" = None
    proofs: "Sequence[Proof] | None" = None
    exactly: bool | None = None
    written: "Sequence[Written]" = ()

    @property
    def ok(self) -> bool:
        """Whether everything that ran agrees with the formulas and the predicted errors."""
        return self.exactly is not False and all(proof.ok for proof in self.proofs or ())

    def sections(self) -> list[Section]:
        factoring = self.factoring
        sections: list[Section] = [Lines(factoring.kernel.title, list(self._said())), self._table()]
        sections += [Lines("", [*self._short(), self._break_even()])] if factoring.ways else []
        if factoring.kernel.layer and self.steps is None and factoring.ways:
            sections.append(self._curve())
        if factoring.not_applicable:
            reasons = [f"{name}: {reason}" for name, reason in factoring.not_applicable.items()]
            sections.append(Lines("Not applicable", reasons))
        if self.proofs is not None:
            sections += self._proven()
        if self.written:
            rows = [Row((file.path, show(file.shape), file.says)) for file in self.written]
            sections.append(Table("Written", columns("file", "shape", "what it is"), rows))
        return [*sections, Charts(self.charts)]

    def charts(self) -> "list[Chart]":
        """The kernel, its factors, and what each rank leaves."""
        from sepcalc.reports.heats import maps

        return list(maps(self.factoring))

    def document(self) -> Mapping[str, Any]:
        factoring = self.factoring
        return {
            "format": "sepcalc-factor/1",
            "shape": list(factoring.shape),
            "rank": factoring.rank,
            "separable": factoring.separable,
            "factors": _lists(factoring.factors),
            "scale": None if factoring.scale is None else str(factoring.scale),
            "errors": list(factoring.errors),
            "exact": factoring.tolerance is None,
            "tolerance": factoring.tolerance,
            "unfoldings": list(factoring.unfoldings) or None,
            "vectors": _lists(factoring.vectors),
            "layer": factoring.kernel.layer,
            "full": {"macs": factoring.full.macs, "params": factoring.full.params},
            "asked_rank": self.asked,
            "break_even": {way.variant: way.cheapest for way in factoring.ways},
            "ways": list(self.records()),
            "not_applicable": [{"name": name, "reason": reason} for name, reason in factoring.not_applicable.items()],
            "proofs": None if self.proofs is None else [self._proof(proof) for proof in self.proofs],
            "exact_output": self.exactly,
            "verified": None if self.proofs is None else self.ok,
            "written": [{"path": file.path, "shape": list(file.shape)} for file in self.written],
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        full = self.factoring.full.macs
        for step in self.steps if self.steps is not None else self._all():
            yield {
                "variant": step.variant,
                "rank": step.rank,
                "error": step.error,
                "macs": step.cost.macs,
                "params": step.cost.params,
                "ratio": round(step.cost.macs / full, 4),
            }
        if not self.factoring.ways:  # nothing to run cheaper: the kernel itself
            params = self.factoring.full.params
            yield {"variant": "normal", "rank": None, "error": 0.0, "macs": full, "params": params, "ratio": 1.0}

    def _all(self) -> "Iterator[Step]":
        for way in self.factoring.ways:
            yield from way.steps

    def shown(self) -> "list[Step]":
        """The steps that the table shows: all steps of a single kernel; of a layer, which may have thousands of ranks,
        the powers of two, the last one and the last one that saves work."""
        if self.steps is not None:
            return list(self.steps)
        shown = []
        for way in self.factoring.ways:
            last = way.steps[-1].rank
            wanted = {2**power for power in range(last.bit_length())} | {last, way.cheapest}
            shown += [step for step in way.steps if not self.factoring.kernel.layer or step.rank in wanted]
        return shown

    def _said(self) -> Iterator[str]:
        factoring = self.factoring
        kernel = factoring.kernel
        if kernel.says:
            yield kernel.says
        how = (
            "exactly"
            if factoring.tolerance is None
            else f"numerically: up to {factoring.tolerance:.1e} of the largest is none"
        )
        verdict = "separable" if factoring.separable else "not separable"
        if kernel.layer:
            rank = "" if factoring.rank is None else f" of rank up to {factoring.rank}"
            yield f"{show(factoring.shape)}, outputs x inputs x kernel: slices{rank}, {verdict} ({how})"
        elif factoring.rank is None:
            yield f"{show(factoring.shape)}: {verdict} ({how})"
        else:
            yield f"{show(factoring.shape)} of rank {factoring.rank}: {verdict} ({how})"
        if factoring.factors is not None and factoring.scale is not None:
            scale = "" if factoring.scale == 1 else f"{factoring.scale} x "
            yield scale + _outer([[str(entry) for entry in along] for along in factoring.factors])
        elif factoring.vectors is not None:
            vectors = [[f"{entry:.{DIGITS}g}" for entry in along] for along in factoring.vectors]
            yield f"about {_outer(vectors)}"
        if factoring.unfoldings:
            axes = [axis_name(len(AXES) - 1, axis) for axis in range(3)]
            ranks = ", ".join(f"{rank} ({axis})" for rank, axis in zip(factoring.unfoldings, axes, strict=True))
            yield f"ranks of the unfoldings: {ranks}"
            if factoring.rank is None:
                yield "errors are of the best sums of outer products that were found; better ones may exist"

    def _table(self) -> Table:
        full = self.factoring.full.macs
        layer = self.factoring.kernel.layer
        heads = columns("run as", ("rank", NUMBER), ("error", NUMBER), ("", BAR), ("macs", COUNT), ("of full", NUMBER))
        rows = [Row(("the full kernels" if layer else "the full kernel", None, None, None, full, None))]
        for step in self.shown():
            told = quantity.times(step.cost.macs, full)
            shown = percent(step.error), _drawn(step.error)
            rows.append(row(step.variant, str(step.rank), *shown, step.cost.macs, told))
        return Table("", heads, rows)

    def _short(self) -> Iterator[str]:
        """The schemes that do not have the rank that was asked for."""
        if short := [step for step in self.steps or () if step.rank < (self.asked or 0)]:
            last = ", ".join(f"{step.variant} ends at rank {step.rank:,}" for step in short)
            yield f"there is no rank {self.asked:,}: {last}, which is shown"

    def _break_even(self) -> str:
        parts = []
        for way in self.factoring.ways:
            least, most = way.steps[0].rank, way.steps[-1].rank
            name = f"{way.variant} " if self.factoring.kernel.layer else ""
            if way.cheapest > most:
                parts.append(f"{name}at every rank")
            else:
                parts.append(f"{name}up to rank {way.cheapest:,}" if way.cheapest >= least else f"{name}at no rank")
        return f"macs per output position (as many params); fewer than the full: {', '.join(parts)}"

    def _curve(self) -> Table:
        """The least error of each scheme at a given part of the full cost."""
        ways = self.factoring.ways
        heads = columns(("macs", NUMBER), *[head for way in ways for head in ((way.variant, NUMBER), ("", BAR))])
        rows = []
        for share in SHARES:
            cells: list[Any] = [f"{share} %"]
            for way in ways:
                error = _reached(way, self.factoring.full.macs * share)
                cells += [percent(error), _drawn(error)]
            rows.append(Row(tuple(cells)))
        return Table("Least error by cost, in parts of the full kernels'", heads, rows)

    def _proven(self) -> list[Section]:
        rows = []
        for proof in self.proofs or ():
            counts = "as formula" if proof.formula == proof.executed else "DIFFER"
            verdict = "equal" if proof.ok else "WRONG"
            cells = (proof.variant, str(proof.rank), percent(proof.expected), percent(proof.measured), proof.executed)
            rows.append(Row((*cells, counts, verdict)))
        errors = [(name, NUMBER) for name in ("rank", "predicted", "measured")]
        heads = columns("executed", *errors, ("mults", COUNT), "counts", "error")
        sections: list[Section] = [Table("Run, and measured", heads, rows)] if rows else []
        lines = [*self._wrong()]
        if lines:
            sections.append(Lines("Not as predicted", lines, alarm=True))
        summary = "verified" if self.ok else "NOT VERIFIED"
        if self.exactly is not None:
            equal = "equal" if self.exactly else "DO NOT EQUAL"
            summary += f": on random integers the exact factors' outputs {equal} the kernel's"
        inputs = self.factoring.kernel.weights.shape[1]
        least = min([proof.channels for proof in self.proofs or ()], default=inputs)
        if least < inputs:
            summary += f"; {least:,} of {inputs:,} input channels were run"
        sections.append(Lines("", [summary], alarm=not self.ok))
        return sections

    def _wrong(self) -> Iterator[str]:
        for proof in self.proofs or ():
            name = f"{proof.variant} rank {proof.rank}"
            if proof.formula != proof.executed:
                said, done = quantity.exact(proof.formula), quantity.exact(proof.executed)
                yield f"{name}: mults {said} by the formula, {done} executed"
            elif not proof.ok:
                yield (
                    f"{name}: error {proof.predicted:.9f} by the spectrum, {proof.composed:.9f} as composed; "
                    f"of the channels that ran {proof.expected:.9f} as composed, {proof.measured:.9f} measured"
                )

    @staticmethod
    def _proof(proof: "Proof") -> dict[str, Any]:
        return {**proof._asdict(), "ok": proof.ok}


class NamesReport(NamedTuple):
    """The named kernels: rows of name, default shape and a short description."""

    names: Sequence[tuple[str, str]]
    aliases: Mapping[str, str]

    def sections(self) -> list[Section]:
        rows = [Row(entry) for entry in self.names]
        sections: list[Section] = [Table("Kernels by name", columns("kernel", "what it is"), rows)]
        aliases = [f"{alias} is {name}" for alias, name in self.aliases.items()]
        return [*sections, Lines("", [f"N taps, 3 where none is given; {', '.join(aliases)}"])]

    def document(self) -> Mapping[str, Any]:
        return {"format": "sepcalc-kernels/1", "kernels": list(self.records()), "aliases": dict(self.aliases)}

    def records(self) -> Iterable[Mapping[str, Any]]:
        for name, says in self.names:
            yield {"name": name, "says": says}


def percent(error: float) -> str:
    """A relative error for people: two decimals, or its order of magnitude where that would show zero."""
    if error < ROUNDING:
        return f"< {100 * ROUNDING:.0e} %" if error else "0"
    return f"{100 * error:.2f} %" if error >= 0.0001 else f"{100 * error:.0e} %"


def _drawn(error: float) -> float:
    return error if error > ROUNDING else 0.0


def _reached(way: "Scheme", hundredths: int) -> float:
    errors = [step.error for step in way.steps if 100 * step.cost.macs <= hundredths]
    return min(errors, default=1.0)  # nothing can be afforded: everything is lost


def _outer(factors: Sequence[Sequence[str]]) -> str:
    parts = [f"[{', '.join(along)}]" for along in factors]
    return f"{parts[0]}ᵀ x {parts[1]}" if len(parts) == 2 else " x ".join(parts)


def _lists(factors: Any) -> list[list[Any]] | None:
    return None if factors is None else [list(along) for along in factors]
