"""``sepcalc verify``: the executed counts beside the formulas."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.cost import COSTS, COUNTS, Cost, total
from sepcalc.layer import lacking
from sepcalc.reports import BAD, COUNT, Column, Lines, Row, Section, Table, toned

if TYPE_CHECKING:
    from sepcalc.verification import Verification


class VerifyReport(NamedTuple):
    """A verification."""

    verification: "Verification"

    def sections(self) -> list[Section]:
        verification = self.verification
        columns = [Column("layer"), Column("mults", COUNT), Column("adds", COUNT), Column("counts"), Column("output")]
        if verification.sample is not None:
            columns.append(Column("what ran"))
        rows = []
        for check in verification.layers:
            counts = "as formula" if not check.differences else toned("DIFFER", BAD)
            right = check.output_matches and check.shape_matches
            exact = "equal" if not check.tolerance else f"within {check.tolerance:g}"
            output = exact if right else toned("WRONG", BAD)
            cells = (check.name, check.executed.mults, check.executed.adds, counts, output, check.sampled or "all")
            rows.append(Row(cells[: len(columns)]))
        executed = total(check.executed for check in verification.layers) if verification.layers else Cost()
        rows.append(Row(("total", executed.mults, executed.adds, "", "", "")[: len(columns)], total=True))
        sections: list[Section] = [Table(verification.title, columns, rows)]
        if verification.rewrites:
            composed = "the normal convolution with the composed kernel"
            lines = [
                toned(f"{rewrite.name}: {self._rewritten(rewrite.ok)} {composed}", "" if rewrite.ok else BAD)
                for rewrite in verification.rewrites
            ]
            sections.append(Lines("Rewrites", lines))
        if verification.uncounted:
            gaps = [f"{gap.name}: {gap.kind}, {gap.reason}" for gap in verification.uncounted if gap.whole]
            partly = [str(gap) for gap in verification.uncounted if not gap.whole]
            if gaps:
                sections.append(Lines("Could not run", gaps, alarm=True))
            if partly:
                counts = " and ".join(lacking(gap for gap in verification.uncounted if not gap.whole))
                sections.append(Lines(f"Not counted in {counts}, and nothing else to run", partly))
        wrong = list(self._wrong())
        if wrong:
            sections.append(Lines("Not as claimed", wrong, alarm=True))
        if verification.notes:
            sections.append(Lines("", verification.notes))
        sections.append(Lines("", [self.summary()], alarm=not verification.ok))
        return sections

    def document(self) -> Mapping[str, Any]:
        verification = self.verification
        return {
            "format": "sepcalc-verify/1",
            "layers": [
                {
                    "name": check.name,
                    "formula": {name: getattr(check.formula, name) for name in COUNTS},
                    "executed": {name: getattr(check.executed, name) for name in COUNTS},
                    "output_matches": check.output_matches and check.shape_matches,
                    **({} if verification.sample is None else {"sampled": check.sampled or None}),
                }
                for check in verification.layers
            ],
            "rewrites": [{"name": rewrite.name, "matches": rewrite.ok} for rewrite in verification.rewrites],
            **({"uncounted": [gap._asdict() for gap in verification.uncounted]} if verification.uncounted else {}),
            "sample": verification.sample,
            "verified": verification.ok,
            "notes": list(verification.notes),
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for check in self.verification.layers:
            yield {
                "name": check.name,
                "kind": check.kind,
                **{f"formula_{name}": getattr(check.formula, name) for name in COSTS},
                **{f"executed_{name}": getattr(check.executed, name) for name in COSTS},
                "output_matches": check.output_matches and check.shape_matches,
                **({} if self.verification.sample is None else {"sampled": check.sampled}),
            }

    def summary(self) -> str:
        """The number of executed operations, and their speed."""
        verification = self.verification
        done = verification.executed
        operations = done.mults + done.adds + done.compares + done.divs + done.specials
        rate = quantity.brief(round(operations / verification.seconds)) if verification.seconds else "-"
        verdict = "verified" if verification.ok else "NOT VERIFIED"
        if verification.ok and verification.sample is not None:
            verdict = f"verified on a sample of about {verification.sample:,} positions a layer"
        return (
            f"{verdict}: {quantity.exact(done.mults)} multiplications, {quantity.exact(done.adds)} additions and "
            f"{quantity.exact(operations - done.mults - done.adds)} other operations executed one by one in "
            f"{verification.seconds:.2f} s ({rate} a second), seed {verification.seed}"
        )

    def _wrong(self) -> Iterable[str]:
        for check in self.verification.layers:
            for name, formula, executed in check.differences:
                said, done = quantity.exact(formula), quantity.exact(executed)
                yield f"{check.name}: {name} {said} by the formula, {done} executed"
            if not check.shape_matches:
                yield f"{check.name}: the output has another shape than the algebra says"
            elif not check.output_matches:
                yield f"{check.name}: the output differs from the reference"
        for name, claimed, executed in self.verification.claim or ():
            yield f"claimed {name} {quantity.exact(claimed)}, {quantity.exact(executed)} executed"

    @staticmethod
    def _rewritten(ok: bool) -> str:
        return "equals" if ok else "DIFFERS FROM"
