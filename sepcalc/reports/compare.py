"""``sepcalc compare``: one convolution and its variants, side by side."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.comparison import Comparison, Variant, formulas, variant_spec
from sepcalc.cost import COSTS
from sepcalc.reports import BAR, COUNT, NUMBER, Lines, Row, Section, Table, columns, row
from sepcalc.reports.layers import explanation, records, steps, whole, within
from sepcalc.shape import show

if TYPE_CHECKING:
    from sepcalc.reports.figures import Picture
    from sepcalc.reports.walks import Course


class CompareReport(NamedTuple):
    """A comparison and what to tell of it."""

    comparison: Comparison
    explain: bool = False
    formula: bool = False
    element_bytes: int | None = None

    def sections(self) -> list[Section]:
        comparison = self.comparison
        heads = columns("variant", "output", ("params", COUNT), ("mults", COUNT), ("of normal", NUMBER), ("", BAR))
        most = max(variant.cost.mults for variant in comparison)
        rows = []
        for variant in comparison:
            told = "" if variant.name == "normal" else quantity.times(variant.cost.mults, variant.normal.mults)
            cost = variant.cost
            part = cost.mults / most if most else 0
            rows.append(row(variant.name, show(variant.output), cost.params, cost.mults, told, part))
            if len(variant.steps) > 1:
                rows += [
                    Row((step.name, show(step.output), step.cost.params, step.cost.mults, None, None), depth=1)
                    for step in variant.steps
                ]
        sections: list[Section] = [Table(str(comparison.spec), heads, rows)]
        if comparison.not_applicable:
            lines = [f"{name}: {reason}" for name, reason in comparison.not_applicable.items()]
            sections.append(Lines("Not applicable", lines))
        if self.explain:
            sections.append(explanation(self._named_steps()))
        if self.formula:
            sections.append(self._formulas())
        if comparison.spec.notes:
            sections.append(Lines("", comparison.spec.notes))
        return sections

    def headline(self) -> str:
        """What a page says first: the cheapest variant beside the normal one."""
        best = min(self.comparison, key=lambda variant: variant.cost.mults)
        told = f"{best.name}: {quantity.exact(best.cost.mults)} multiplications"
        if best.cost.mults == best.normal.mults:
            return told
        return f"{told}, {quantity.times(best.cost.mults, best.normal.mults)} than normal"

    def picture(self) -> "Picture":
        """The blocks and the kernels of each variant."""
        from sepcalc.reports.picture import compared

        return compared(self.comparison)

    def courses(self) -> "list[Course]":
        """The kernel of each variant as it moves."""
        from sepcalc.reports.walks import courses

        return courses(self.comparison)

    def document(self) -> Mapping[str, Any]:
        comparison = self.comparison
        document: dict[str, Any] = {
            "format": "sepcalc-compare/1",
            "input": comparison.spec.inputs[0],
            "variants": [self._variant(variant) for variant in comparison],
            "not_applicable": [{"name": name, "reason": reason} for name, reason in comparison.not_applicable.items()],
        }
        if self.formula:
            document["formulas"] = [
                {**formula._asdict(), "ratio": round(float(formula.ratio), 4)} for formula in formulas(comparison)
            ]
        document["spec"] = str(comparison.spec)
        document["notes"] = list(comparison.spec.notes)
        return document

    def records(self) -> Iterable[Mapping[str, Any]]:
        comparison = self.comparison
        for variant in comparison:
            yield whole(variant.network, self.element_bytes, variant_spec(comparison.spec, variant))
            if len(variant.steps) > 1:
                yield from within(variant.name, variant.network, self.element_bytes)

    def _variant(self, variant: Variant) -> dict[str, Any]:
        return {
            "name": variant.name,
            "output": variant.output,
            **{name: getattr(variant.cost, name) for name in COSTS},
            "ratio": variant.ratio,
            "steps": steps(variant.network, records(variant.network, self.element_bytes), self.explain),
        }

    def _named_steps(self) -> Iterable[tuple[str, Any]]:
        for variant in self.comparison:
            for step in variant.steps:
                yield (f"{variant.name}/{step.name}" if len(variant.steps) > 1 else variant.name), step

    def _formulas(self) -> Section:
        rows = []
        for formula in formulas(self.comparison):
            rows.append(row(formula.variant, formula.general))
            rows.append(row("", f"here: {formula.here} = {float(formula.ratio):.4f}"))
            rows.append(row("", f"break-even: {formula.break_even}"))
        return Table("Formulas", columns("variant", "mults, as a part of normal"), rows)
