"""``sepcalc time``: what was measured, beside what it costs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.reports import COUNT, NUMBER, WARNING, Charts, Lines, Section, Table, columns, row, toned
from sepcalc.timing import Profile, Row, Timed
from sepcalc.timing.parts import Part

if TYPE_CHECKING:
    from sepcalc.reports.figures import Chart

BUSY = 0.9  # of the time that an engine ran, the part in which it had a core; below it others had it
WORST = 5  # gaps between the share of macs and the share of time that are told
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


class TimeReport(NamedTuple):
    """What was measured."""

    timed: Timed

    def sections(self) -> list[Section]:
        timed = self.timed
        several = len(timed.engines) > 1
        heads = columns(
            "variant" if timed.spec else "network",
            *(["engine"] if several else []),
            ("macs", COUNT),
            ("time", NUMBER),
            ("p10 - p90", NUMBER, 2),
            ("macs/s", NUMBER, 3),
            ("fewer macs", NUMBER),
            ("faster", NUMBER),
        )
        rows = [
            row(
                one.name,
                *([one.engine] if several else []),
                one.macs,
                duration(one.seconds.median),
                f"{duration(one.seconds.p10)} - {duration(one.seconds.p90)}",
                quantity.about(round(one.macs_per_second)) if one.macs_per_second else None,
                quantity.times(round(one.macs), self._base(one).macs) if one is not self._base(one) else "",
                faster(one.ratio["seconds"]) if one is not self._base(one) else "",
            )
            for one in timed.rows
        ]
        sections: list[Section] = [Table(timed.subject, heads, rows)]
        if timed.not_applicable:
            told = [f"{name}: {reason}" for name, reason in timed.not_applicable.items()]
            sections.append(Lines("Not applicable", told))
        for profile in timed.profiles:
            sections += profiled(profile, self._titled(profile))
        sections.append(Lines("How", self._how()))
        if warnings := [*self._warnings(), *timed.notes]:
            sections.append(Lines("", warnings))
        return [*sections, Charts(self.charts)]

    def headline(self) -> str:
        """What a page says first."""
        fastest = min(self.timed.rows, key=lambda one: one.seconds.median)
        base = self._base(fastest)
        if fastest is base:
            return f"{fastest.name}: {duration(fastest.seconds.median)}"
        fewer, quicker = quantity.times(fastest.macs, base.macs), faster(fastest.ratio["seconds"])
        return f"{fastest.name}: macs: {fewer}, time: {quicker}"

    def charts(self) -> "Iterable[Chart]":
        """Saving against saving: every variant a point. On the diagonal all of the saving is had."""
        from sepcalc.reports.figures import Point, Scatter

        points = []
        for one in self.timed.rows:
            macs, seconds = one.ratio["macs"], one.ratio["seconds"]
            if one is self._base(one) or macs <= 0 or seconds <= 0:
                continue
            several = len(self.timed.engines) > 1
            said = f"{quantity.times(one.macs, self._base(one).macs)} macs, {faster(seconds)}"
            points.append(
                Point(f"{one.name}{f' in {one.engine}' if several else ''}", 1 / macs, 1 / seconds, said=said)
            )
        if points:
            told = "The line is the diagonal, all of the saving: below it fewer macs did not become as much less time."
            least = min(0.5, *[point.x for point in points], *[point.y for point in points])
            most = max(2.0, *[point.x for point in points], *[point.y for point in points])
            line = (least, most)
            yield Scatter("Saving against saving", ("times fewer macs", "times faster"), points, told, diagonal=line)

    def document(self) -> Mapping[str, Any]:
        timed = self.timed
        first, version = next(iter(timed.engines.items()))
        return {
            "format": "sepcalc-time/1",
            "engine": first,
            "version": version,
            "processor": timed.machine.processor,
            "threads": timed.threads,
            "rows": [self._record(one) for one in timed.rows],
            "subject": timed.subject,
            "engines": [{"name": name, "version": version} for name, version in timed.engines.items()],
            "cores": timed.machine.cores,
            "load": timed.machine.load,
            "busy": round(timed.busy, 3),
            "batch": timed.batch,
            "on": timed.on,
            "spread": {"asked": timed.spread, "reached": self._worst_spread <= timed.spread},
            "floors": dict(timed.floors),
            "profiles": [
                {
                    "name": one.name,
                    "engine": one.engine,
                    "seconds": one.seconds,
                    "between": one.between,
                    "layers": [_part(part, one, whole_macs(one)) for part in one.parts],
                }
                for one in timed.profiles
            ],
            "not_applicable": [{"name": name, "reason": reason} for name, reason in timed.not_applicable.items()],
            "notes": [*self._warnings(), *timed.notes],
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for one in self.timed.rows:
            found = self._record(one)
            seconds = {f"seconds_{name}": value for name, value in found.pop("seconds").items()}
            ratio = {f"ratio_{name}": value for name, value in found.pop("ratio").items()}
            yield {**found, **seconds, **ratio}

    @property
    def _worst_spread(self) -> float:
        return max(one.seconds.spread for one in self.timed.rows)

    def _base(self, one: Row) -> Row:
        return next(row for row in self.timed.rows if row.engine == one.engine)

    def _titled(self, profile: Profile) -> str:
        several = len(self.timed.engines) > 1
        return f"{profile.name}{f' in {profile.engine}' if several else ''}"

    def _record(self, one: Row) -> dict[str, Any]:
        return {
            "name": one.name,
            "macs": one.macs,
            "seconds": {**one.seconds._asdict(), "spread": round(one.seconds.spread, 4)},
            "macs_per_second": round(one.macs_per_second),
            "ratio": dict(one.ratio),
            "engine": one.engine,
            "copies": one.copies,
        }

    def _how(self) -> list[str]:
        timed = self.timed
        engines = ", ".join(f"{name} {version}" for name, version in timed.engines.items())
        threads = "1 thread" if timed.threads == 1 else f"{timed.threads} threads"
        examples = "1 example" if timed.batch == 1 else f"{timed.batch} examples"
        found = [f"{engines} on {timed.machine.processor} ({timed.on}), {threads}, {examples} at once, random weights"]
        runs = sum(one.seconds.runs for one in timed.rows)
        found.append(f"{runs:,} runs; medians within {100 * self._worst_spread:.1f} % (95 % confidence)")
        stacked = [one for one in timed.rows if one.copies > 1]
        alone = [one for one in timed.rows if one.copies == 1]
        if stacked:
            copies = " or ".join(dict.fromkeys(str(one.copies) for one in stacked))
            names = "" if not alone else f"{', '.join(dict.fromkeys(one.name for one in stacked))}: "
            found.append(f"{names}timed by the slope between stacks of 1 and {copies} copies")
        if alone and timed.spec:
            names = "" if not stacked else f"{', '.join(dict.fromkeys(one.name for one in alone))}: "
            found.append(f"{names}timed alone, with what happens at its borders")
        for profile in timed.profiles:
            whole = next(one for one in timed.rows if (one.name, one.engine) == (profile.name, profile.engine))
            part = 100 * profile.seconds / whole.seconds.median if whole.seconds.median else 0.0
            found.append(
                f"{self._titled(profile)}: its layers add up to {duration(profile.seconds)} in a profile of their own, "
                f"{part:.0f} % of the whole"
            )
        for name, floor in timed.floors.items():
            found.append(f"{duration(floor)}, what an empty network takes in {name}, is subtracted where timed alone")
        return found

    def _warnings(self) -> list[str]:
        timed, found = self.timed, []
        if self._worst_spread > timed.spread:
            found.append(
                f"the medians are only known to {100 * self._worst_spread:.1f} %, not to {100 * timed.spread:g} %: "
                f"{timed.limit:g} s were not enough on this machine as it is"
            )
        if timed.busy < BUSY * timed.threads:
            percent = 100 * timed.busy / timed.threads
            found.append(
                f"the engine had its cores for only {percent:.0f} % of the time: others used the machine, "
                "which lengthens long runs more than short ones"
            )
        if timed.machine.load is not None and timed.machine.load > timed.machine.cores / 2:
            found.append(
                f"the machine was busy before it began: a load of {timed.machine.load:.1f} on "
                f"{timed.machine.cores} {'core' if timed.machine.cores == 1 else 'cores'}"
            )
        return [toned(text, WARNING) for text in found]


def whole_macs(profile: Profile) -> int:
    """The macs of everything in a profile."""
    return sum(part.macs for part in profile.parts)


def _part(part: Part, profile: Profile, macs: int) -> dict[str, Any]:
    shares = {"macs": round(part.macs / macs, 4) if macs else 0.0, "seconds": round(_share(part, profile), 4)}
    return {**part._asdict(), "fused": list(part.fused), "share": shares}


def _share(part: Part, profile: Profile) -> float:
    return part.seconds / profile.seconds if profile.seconds else 0.0


def profiled(profile: Profile, title: str) -> list[Section]:
    """A profile by layer, by block and by kind, and its worst gaps."""
    macs = whole_macs(profile)
    heads = [("macs", COUNT), ("of macs", NUMBER), ("time", NUMBER), ("of time", NUMBER)]

    def cells(count: int, seconds: float) -> tuple[Any, ...]:
        of_time = f"{100 * seconds / profile.seconds:.2f} %" if profile.seconds else ""
        return count, quantity.share(count, macs), duration(seconds), of_time

    layers = [row(part.name, part.kind, *cells(part.macs, part.seconds)) for part in profile.parts]
    if profile.between:
        layers.append(row("(between layers)", None, *cells(0, profile.between)))
    found: list[Section] = [Table(f"{title}: layers", columns("layer", ("kind", "text", 1), *heads), layers, True)]
    for what, groups in (("block", grouped(profile.parts, _block)), ("kind", grouped(profile.parts, _kind))):
        if len(groups) > 1:
            rows = [row(name, *cells(*sums)) for name, sums in groups.items()]
            found.append(Table(f"{title}: by {what}", columns(what, *heads), rows))
    gaps = sorted(profile.parts, key=lambda part: -abs(_gap(part, profile, macs)))[:WORST]
    lines = [
        f"{part.name} ({part.kind}): {quantity.share(part.macs, macs)} of the macs, "
        f"{100 * _share(part, profile):.2f} % of the time"
        for part in gaps
        if abs(_gap(part, profile, macs)) >= 0.005
    ]
    if lines:
        found.append(Lines(f"{title}: where macs and time differ most", lines))
    return found


def grouped(parts: Sequence[Part], key: Any) -> dict[str, tuple[int, float]]:
    """The sums of macs and seconds by a key, those of the most time first."""
    found = dict[str, tuple[int, float]]()
    for part in parts:
        macs, seconds = found.get(key(part), (0, 0.0))
        found[key(part)] = macs + part.macs, seconds + part.seconds
    return dict(sorted(found.items(), key=lambda pair: -pair[1][1]))


def _block(part: Part) -> str:
    return part.name.partition("/")[0]


def _kind(part: Part) -> str:
    return part.kind


def _gap(part: Part, profile: Profile, macs: int) -> float:
    return _share(part, profile) - (part.macs / macs if macs else 0.0)


def duration(seconds: float) -> str:
    """Three digits and a unit: ``1.23 ms``, ``45.6 us``."""
    for size, unit in UNITS:
        if abs(seconds) >= size or unit == "us":
            value = seconds / size
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"
    raise AssertionError("the last unit takes all")


def faster(ratio: float) -> str:
    """``2.1x faster``, ``1.3x slower``, ``the same``: a time relative to another."""
    if ratio <= 0:
        return ""
    if 0.995 < ratio < 1.005:
        return "the same"
    return f"{1 / ratio:.2f}x faster" if ratio < 1 else f"{ratio:.2f}x slower"
