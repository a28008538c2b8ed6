"""``sepcalc whatif``: a network before and after, the change of every layer, and the estimated speed-up."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.cost import COSTS, Cost
from sepcalc.gate.metrics import spoken
from sepcalc.network import Network
from sepcalc.reports import BAD, BAR, COUNT, NUMBER, Charts, Lines, Row, Section, Table, columns, row
from sepcalc.rewriting import Change, Rewritten
from sepcalc.rewriting.answers import Answer, largest_of
from sepcalc.rewriting.speed import Load, load

if TYPE_CHECKING:
    from sepcalc.reports.figures import Chart

CHARTED = ("params", "macs", "activations")


def incomplete(network: Network) -> str:
    """A sentence that the totals are not the whole network's; empty where they are."""
    if network.stopped is not None:
        return f"INCOMPLETE: the totals end where counting stopped, at {network.stopped.name} ({network.stopped.kind})"
    if network.complete and network.incomplete:
        return f"the total of {' and '.join(network.incomplete)} is INCOMPLETE: it is without what was not counted"
    return "" if network.complete else "INCOMPLETE: the totals are without what was not counted"


class WhatifReport(NamedTuple):
    """A rewritten network. ``balance`` is the macs per byte of a device, for the estimated speed-up."""

    rewritten: Rewritten
    balance: Fraction | None = None
    element_bytes: int | None = None

    def sections(self) -> list[Section]:
        before, after = self.rewritten.before, self.rewritten.after
        sections: list[Section] = [self._layers()]
        if left := self._left():
            sections.append(Lines("Left alone", left))
        sections.append(self._totals(before.cost, after.cost))
        if self.balance is not None:
            sections += [self._speed(), Lines("", [self._honest()])]
        remarks = [*filter(None, [self.rewritten.remark]), *after.notes, *filter(None, [incomplete(after)])]
        if remarks:
            sections.append(Lines("", remarks))
        return [*sections, Charts(self.charts)]

    def headline(self) -> str:
        """What a page says first."""
        before, after = self.rewritten.before.cost, self.rewritten.after.cost
        macs, params = quantity.times(after.macs, before.macs), quantity.times(after.params, before.params)
        return f"macs: {macs}, params: {params}"

    def charts(self) -> "Iterable[Chart]":
        """The totals before and after, the changed layers by their macs, and their params against their macs."""
        from sepcalc.reports.changes import largest, moved, totals
        from sepcalc.reports.figures import Scatter

        before, after, changed = self.rewritten.before.cost, self.rewritten.after.cost, self._changed()
        yield totals((metric, getattr(before, metric), getattr(after, metric)) for metric in CHARTED)
        yield from largest("macs", [(one.name, (one.before.macs, one.after.macs)) for one in changed])
        points = moved(
            (one.name, (one.before.params, one.before.macs), (one.after.params, one.after.macs)) for one in changed
        )
        if points:
            said = "Each changed layer, grey before and blue after."
            yield Scatter("Params and macs", ("params", "macs"), points, said)

    def document(self) -> Mapping[str, Any]:
        document: dict[str, Any] = {
            "format": "sepcalc-whatif/1",
            "name": self.rewritten.before.name,
            "before": self.rewritten.before.cost._asdict(),
            "after": self.rewritten.after.cost._asdict(),
            "complete": self.rewritten.after.complete,
            "incomplete": list(self.rewritten.after.incomplete),
            "notes": list(self.rewritten.after.notes),
            "layers": list(self.records_of_layers()),
        }
        if self.balance is not None:
            document["speed"] = {
                "balance": float(self.balance),
                "before": self._load(False).record(),
                "after": self._load(True).record(),
                "layers": [
                    {"name": name, "before": was.record(), "after": now.record()} for name, was, now in self._loads()
                ],
            }
        return document

    def records(self) -> Iterable[Mapping[str, Any]]:
        for change in self.rewritten.layers:
            yield {
                "name": change.name,
                **{f"before_{name}": value for name, value in change.before._asdict().items()},
                **{f"after_{name}": value for name, value in change.after._asdict().items()},
                "rule": change.rule,
                "reason": change.reason,
            }

    def records_of_layers(self) -> Iterable[dict[str, Any]]:
        """Every layer of the original network, with the rule that changed it or the reason why none did."""
        for change in self.rewritten.layers:
            told = {"rule": change.rule} if change.rule else {"reason": change.reason}
            yield {"name": change.name, "before": change.before._asdict(), "after": change.after._asdict(), **told}

    def _changed(self) -> list[Change]:
        """The layers that a rule rewrote, or whose macs changed."""
        return [
            change
            for change in self.rewritten.layers
            if change.after.macs != change.before.macs or (change.rule and change.rule != self.rewritten.remark)
        ]

    def _layers(self) -> Section:
        changed = self._changed()
        name = self.rewritten.before.name or "network"
        with_macs = sum(1 for change in self.rewritten.layers if change.before.macs)
        those = (
            "1 layer that multiplies and accumulates"
            if with_macs == 1
            else f"{with_macs} layers that multiply and accumulate"
        )
        title = f"{name}: {len(changed)} of the {those} changed"
        if not changed:
            return Lines(title, [])
        most = max([change.before.macs for change in changed], default=0)
        rows = []
        for name, before, after, rule, reason in changed:
            told = quantity.times(after.macs, before.macs), after.macs / most if most else 0
            rows.append(row(name, rule or reason, before.params, after.params, before.macs, after.macs, *told))
        counts = [(name, COUNT) for name in ("params", "after", "macs", "after")]
        heads = columns("layer", ("rule", "text", 2), *counts, ("", NUMBER), ("", BAR))
        return Table(title, heads, rows)

    def _left(self) -> list[str]:
        """The layers with macs that no rule changed, grouped by reason."""
        reasons: dict[str, list[str]] = {}
        for change in self.rewritten.layers:
            if change.reason and change.before == change.after and change.before.macs:
                reasons.setdefault(change.reason, []).append(change.name)
        return [f"{reason}: {', '.join(names)}" for reason, names in reasons.items()]

    def _totals(self, before: Cost, after: Cost) -> Table:
        rows = [
            Row((name, quantity.exact(was), quantity.exact(now), quantity.times(now, was)))
            for name, was, now in zip(COSTS, before, after, strict=True)
        ]
        return Table("Before and after", columns("total", ("before", NUMBER), ("after", NUMBER), ("", NUMBER)), rows)

    # --- speed

    def _load(self, after: bool) -> Load:
        assert self.balance is not None
        network = self.rewritten.after if after else self.rewritten.before
        return load(network.layers, self.balance, self.element_bytes)

    def _loads(self) -> Iterable[tuple[str, Load, Load]]:
        """Every changed layer, before and after (with all its links)."""
        assert self.balance is not None
        changed = set(self._changed())
        for change, old, new in self.rewritten.pairs():
            if change in changed:
                was, now = (load(layers, self.balance, self.element_bytes) for layers in ([old], new))
                yield change.name, was, now

    def _speed(self) -> Table:
        heads = columns("layer", ("macs a byte", NUMBER), ("after", NUMBER), "memory-bound", ("least time", NUMBER))
        rows = [_speed_row(name, was, now) for name, was, now in self._loads()]
        rows.append(_speed_row("all layers", self._load(False), self._load(True), total=True))
        return Table(f"On a device of {float(self.balance or 0):g} macs per byte", heads, rows)

    def _honest(self) -> str:
        was, now = self._load(False), self._load(True)
        macs, time = quantity.times(now.macs, was.macs), _in_time(was, now)
        return (
            f"Macs: {macs}. Time, if every layer runs at the speed of its memory or of its arithmetic, whichever is "
            f"slower: {time}. {now.bound} of {now.layers} layers wait for memory ({was.bound} of {was.layers} before)."
        )


def _speed_row(name: str, was: Load, now: Load, total: bool = False) -> Row:
    bound = f"{now.bound} of {now.layers}" if now.layers > 1 else "yes" if now.bound else "no"
    before = f"{was.bound} of {was.layers}" if was.layers > 1 else "yes" if was.bound else "no"
    return Row(
        (
            name,
            f"{float(was.intensity):.2f}",
            f"{float(now.intensity):.2f}",
            bound if bound == before else f"{bound} (before: {before})",
            _in_time(was, now),
        ),
        total=total,
    )


def _in_time(was: Load, now: Load) -> str:
    """``2.9x less``: the least time after, relative to before, exactly."""
    common = lcm(was.time.denominator, now.time.denominator)
    return quantity.times(int(now.time * common), int(was.time * common)).replace("fewer", "less")


class FitReport(NamedTuple):
    """A network, its limits, and what each way to keep them came to."""

    network: Network
    limits: Mapping[str, int]
    ways: Sequence[Answer]

    @property
    def best(self) -> str | None:
        """The way that keeps the most params; the first of several. None where no way fits."""
        fitting = [(way.network.params, way.way) for way in self.ways if way.network is not None]
        return max(fitting, key=lambda found: found[0])[1] if fitting else None

    def sections(self) -> list[Section]:
        metrics = list(dict.fromkeys([*self.limits, "params"]))
        heads = columns("way", "change", *[(metric, NUMBER) for metric in (*metrics, "params kept")])
        rows = [row("as it is", "", *self._numbers(self.network, metrics))]
        for way in self.ways:
            if way.network is None:
                rows.append(row(way.way, way.reason, *[None] * (len(metrics) + 1)))
            else:
                rows.append(row(way.way, way.change, *self._numbers(way.network, metrics)))
        limits = ", ".join(f"{metric} <= {quantity.exact(most)}" for metric, most in self.limits.items())
        sections: list[Section] = [Table(f"{self.network.name or 'network'}: {limits}", heads, rows)]
        sections += [Lines("Separated", [", ".join(way.layers)]) for way in self.ways if way.layers]
        if self.best is None:
            sections.append(Lines("", ["No way fits."]))
        elif len(self.ways) > 1:
            sections.append(Lines("", [f"{self.best} keeps the most params of the network."]))
        if lacks := incomplete(self.network):
            sections.append(Lines("", [lacks], alarm=True))
        if self.network.notes:
            sections.append(Lines("", self.network.notes))
        return [*sections, Charts(self.charts)]

    def _numbers(self, network: Network, metrics: Sequence[str]) -> list[str]:
        counts = [quantity.exact(largest_of(network, metric)) for metric in metrics]
        return [*counts, quantity.share(network.params, self.network.params)]

    def charts(self) -> "Iterable[Chart]":
        """Each way beside the limits, its params against its macs, and the layers that the best way changes."""
        from sepcalc.reports.changes import largest, layer_by_layer
        from sepcalc.reports.figures import Bar, Bars, Point, Scatter
        from sepcalc.reports.verdicts import about

        found = {"as it is": self.network, **{way.way: way.network for way in self.ways if way.network is not None}}
        for metric, limit in self.limits.items():
            bars = []
            for way, network in found.items():
                actual = largest_of(network, metric)
                over = "" if actual <= limit else BAD
                said = f"{about(metric, actual)}, {quantity.percent(actual, limit)} of {about(metric, limit)}"
                bars.append(Bar(way, (actual,), said, limit, over))
            yield Bars(f"{spoken(metric)} and the limit", bars, shared=True)
        points = [Point(way, network.params, network.macs) for way, network in found.items()]
        axes = "params", "macs"
        limits = [("limit", axes.index(metric), limit) for metric, limit in self.limits.items() if metric in axes]
        yield Scatter("Params and macs", axes, points, limits=limits)
        if self.best in found:
            yield from largest("macs", layer_by_layer(self.network, found[self.best], "macs"))

    def document(self) -> Mapping[str, Any]:
        return {
            "format": "sepcalc-fit/1",
            "name": self.network.name,
            "limits": dict(self.limits),
            "before": self.network.cost._asdict(),
            **_most(self.network),
            "best": self.best,
            "ways": [
                {
                    "way": way.way,
                    "change": way.change or None,
                    "reason": way.reason or None,
                    "after": None if way.network is None else way.network.cost._asdict(),
                    **_most(way.network),
                    "separated": list(way.layers),
                }
                for way in self.ways
            ],
            "complete": self.network.complete,
            "incomplete": list(self.network.incomplete),
            "notes": list(self.network.notes),
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for way in self.ways:
            counts = dict.fromkeys(COSTS, "") if way.network is None else way.network.cost._asdict()
            yield {"way": way.way, "change": way.change, "reason": way.reason, **counts}


def _most(network: Network | None) -> dict[str, Any]:
    """What the network has more of where another branch runs, if it has."""
    return {"most": dict(network.most)} if network and network.most else {}
