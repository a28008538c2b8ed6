"""Baselines: the counts of networks in a file, to compare later ones with.

A baseline is compared only with the same definitions, the same version of sepcalc, and the same file, name, inputs and
settings. Anything else is refused."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sepcalc.analysis.live_memory import live_sizes
from sepcalc.branches import Branch, Choice, more, others
from sepcalc.cost import COSTS, COUNTS, Cost
from sepcalc.errors import bad_input, near_miss, printable, quoted
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.gate.snapshots import MORE, SUMMED, Place, Row, Snapshot
from sepcalc.layer import ELEMENT_BYTES, Gap, size_in_bytes
from sepcalc.shape import MAX_SIZE, show, volume

FORMAT = "sepcalc-baseline/1"
MAX_BITS = 128  # of an element: a complex number of two float64
DEFINITIONS = 3  # of every count: a new number whenever docs/opcounts.md defines one otherwise


class Kept(NamedTuple):
    """A network's counts, and the settings that it was read with. ``file`` is relative to the baseline's folder."""

    file: str
    settings: Mapping[str, str]
    snapshot: Snapshot


def document(kept: Sequence[Kept], version: str) -> dict[str, Any]:
    """A baseline as JSON; ``version`` is that of sepcalc."""
    return {
        "format": FORMAT,
        "definitions": DEFINITIONS,
        "sepcalc": version,
        "networks": [
            {
                "file": file,
                "name": snapshot.name,
                "inputs": snapshot.inputs,
                "settings": dict(settings),
                "complete": snapshot.complete,
                "uncounted": [gap._asdict() for gap in snapshot.uncounted],
                "totals": snapshot.totals,
                **({"most": dict(snapshot.most)} if snapshot.most else {}),
                "notes": list(snapshot.notes),
                "layers": [{**_of_row(row), **place._asdict()} for row, place in zip(snapshot.layers, snapshot.places)],
                "outputs": snapshot.ends,
                **({"input_bits": dict(snapshot.input_bits)} if snapshot.input_bits else {}),
                **({"choices": _of_choices(snapshot.choices)} if snapshot.choices else {}),
            }
            for file, settings, snapshot in kept
        ],
    }


def _of_row(row: Row) -> dict[str, Any]:
    counts = {**row.cost._asdict(), **{name: row.count(name) for name in MORE}}
    return {"name": row.name, "kind": row.kind, "output": row.output, **counts}


def _of_choices(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """The choices as JSON: the row of each, the layers that are laid out, and the other branches."""
    return [
        {
            "name": choice.name,
            "taken": sorted(choice.taken),
            "inner": _of_choices(choice.inner),
            "others": [
                {"layers": list(map(_of_row, branch.layers)), "choices": _of_choices(branch.choices)}
                for branch in choice.others
            ],
        }
        for choice in choices
    ]


def read(text: str, name: str, version: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], Kept]:
    """The networks of a baseline, by file and settings. Raises InputError."""
    try:
        data = json.loads(text, parse_constant=_refuse, parse_float=_refuse, object_pairs_hook=_once)
        return {(kept.file, tuple(sorted(kept.settings.items()))): kept for kept in _networks(data, version)}
    except _Broken as fact:
        raise bad_input(str(fact), fact.hint, printable(name)) from None
    except json.JSONDecodeError as error:
        place = f"{printable(name)}:{error.lineno}:{error.colno}"
        raise bad_input(f"this is no JSON: {error.msg}", _AGAIN, place) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; nested too deep
        raise bad_input("this is not a baseline", _AGAIN, printable(name)) from None


def found(
    kept: Mapping[tuple[str, tuple[tuple[str, str], ...]], Kept],
    name: str,
    file: str,
    settings: Mapping[str, str],
    now: Snapshot,
) -> Snapshot:
    """The entry of the baseline ``name`` for this network. Raises InputError where there is none to compare with."""
    place = printable(name)
    of_file = [entry for entry in kept.values() if entry.file == file]
    if not of_file:
        hint = near_miss(file, {entry.file for entry in kept.values()}) or _AGAIN
        raise bad_input(f"the baseline has no network {quoted(file)}", hint, place)
    entry = kept.get((file, tuple(sorted(settings.items()))))
    if entry is None:
        was = " or ".join(_settings(entry.settings) for entry in of_file)
        message = f"the baseline of {quoted(file)} is with {was}, not with {_settings(settings)}"
        raise bad_input(message, _AGAIN, place)
    then = entry.snapshot
    if then.name != now.name:
        message = f"the baseline of {quoted(file)} is of another model: {quoted(then.name)}, not {quoted(now.name)}"
        raise bad_input(message, _AGAIN, place)
    if dict(then.inputs) != dict(now.inputs):
        message = f"the baseline of {quoted(file)} has other inputs: {_inputs(then)}, not {_inputs(now)}"
        raise bad_input(message, _AGAIN, place)
    # Bytes are no sum over layers. Wider than float32 may be what the network's own file has, and then has now, too.
    bytes_now, stored = now.totals["params_bytes"], max(1, now.stored)
    if then.totals["params_bytes"] * stored > max(ELEMENT_BYTES * stored, bytes_now) * then.stored:
        widest = f"{max(ELEMENT_BYTES, bytes_now / stored):.4g}"
        message = f"the baseline of {quoted(file)} has more than {widest} bytes for each number that its layers store"
        raise bad_input(message, _AGAIN, place)
    if then.widest > now.widest:
        message = (
            f"the baseline of {quoted(file)} has elements of {then.widest} bits, but now none has over {now.widest}"
        )
        raise bad_input(message, _AGAIN, place)
    return then


_AGAIN = "sepcalc baseline makes one"


class _Broken(Exception):
    def __init__(self, message: str, hint: str = _AGAIN) -> None:
        super().__init__(message)
        self.hint = hint


def _settings(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{quoted(f'{name}={value}')}" for name, value in sorted(settings.items())) or "no settings"


def _inputs(snapshot: Snapshot) -> str:
    return ", ".join(f"{name} {show(shape)}" for name, shape in snapshot.inputs.items())


def _refuse(text: str) -> Any:
    raise _Broken(f"a baseline has whole numbers only, not {quoted(text)}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise _Broken("a baseline has every key once, and this one has a key twice")
    return entries


def _networks(data: Any, version: str) -> list[Kept]:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        what = quoted(str(data.get("format"))) if isinstance(data, dict) and "format" in data else "something else"
        raise _Broken(f"this is not a baseline: expected the format {quoted(FORMAT)}, not {what}")
    if data.get("definitions") != DEFINITIONS or data.get("sepcalc") != version:
        was = f"version {data.get('sepcalc')}, definitions {data.get('definitions')}"[:100]
        raise _Broken(
            f"the baseline's numbers are those of another sepcalc ({printable(was)}): this is version {version}, "
            f"definitions {DEFINITIONS}, and cannot be compared",
            "make it anew with this one: sepcalc baseline … --force",
        )
    _keys(data, {"format", "definitions", "sepcalc", "networks"}, "the baseline")
    entries = data["networks"]
    if not isinstance(entries, list) or not entries:
        raise _Broken("the baseline has no networks")
    networks = [_kept(entry) for entry in entries]
    names = [(entry.file, tuple(sorted(entry.settings.items()))) for entry in networks]
    if len(set(names)) != len(names):
        raise _Broken("the baseline has a network twice")
    return networks


def _kept(data: Any) -> Kept:
    if isinstance(data, dict):  # these may be absent
        data = {"notes": [], "most": {}, "choices": [], "input_bits": {}, **data}
    keys = {"file", "name", "inputs", "settings", "complete", "uncounted", "totals", "most", "notes", "layers"}
    keys |= {"outputs", "choices", "input_bits"}
    _keys(data, keys, "a network")
    _check(all(isinstance(data[key], str) for key in ("file", "name")), "file and name must be texts")
    _check(isinstance(data["inputs"], dict) and data["inputs"], "inputs must be shapes by name")
    inputs = {name: _shape(shape) for name, shape in data["inputs"].items()}
    settings = data["settings"]
    _check(isinstance(settings, dict), "settings must be texts by name")
    _check(all(isinstance(value, str) for value in settings.values()), "settings must be texts by name")
    _keys(data["totals"], set(METRICS), "totals")
    totals = {name: _number(data["totals"][name]) for name in METRICS}
    _check(isinstance(data["layers"], list) and data["layers"], "layers are a list")
    layers, places = zip(*[_row(layer) for layer in data["layers"]])
    _check(isinstance(data["uncounted"], list), "uncounted must be a list")
    gaps = tuple(_gap(gap) for gap in data["uncounted"])
    whole = any(gap.whole for gap in gaps)
    kinds = {row.name: (row.kind, row.cost) for row in layers}
    for gap in gaps:
        kind, cost = kinds.get(gap.name, ("", None))
        _check(cost is not None and kind == gap.kind, "an uncounted layer must be one of the layers")
        _check(
            not any(getattr(cost, name) for name in gap.counts),
            "an uncounted layer must be 0 in the counts that it lacks",
        )
    _check(data["complete"] is (not whole), "complete must be true if, and only if, no layer lacks all counts")
    for name in SUMMED:
        count = sum([row.count(name) for row in layers])
        _check(totals[name] == count, f"the total of {spoken(name)} must be the sum over its layers")
    ends = _numbers(data["outputs"], len(inputs) + len(layers), "outputs")
    _check(ends, "a network must have outputs")
    input_bits = data["input_bits"]
    _check(
        isinstance(input_bits, dict) and set(input_bits) <= set(inputs), "input_bits must be widths of inputs by name"
    )
    widths = {name: _bits(bits) for name, bits in input_bits.items()}
    _check(None not in widths.values(), "input_bits must be widths of inputs by name")
    sizes = [size_in_bytes(volume(shape), widths.get(name)) for name, shape in inputs.items()]
    sizes += [size_in_bytes(volume(row.output), place.element_bits) for row, place in zip(layers, places)]
    for at, (row, place) in enumerate(zip(layers, places), len(inputs)):
        _follows(row, place, sizes, at)
    peak = max(live_sizes(sizes, [(place.reads, place.writes) for place in places], ends))
    _check(totals["peak_memory"] == peak, "peak-memory must be that of the tensors alive while layers run")
    choices = _choices(data["choices"])
    _check(isinstance(data["most"], dict) and set(data["most"]) <= {*SUMMED, "peak_memory"}, "most must be metrics")
    most = {name: _number(count) for name, count in data["most"].items()}
    _check(
        all(count > totals[name] for name, count in most.items()), "the numbers of most must be larger than the totals"
    )
    rows = {row.name: row for row in layers}
    for name in SUMMED:
        count = totals[name] + more(choices, rows, name, partial(Row.count, metric=name), lambda layer: True)
        _check(most.get(name, totals[name]) == count, f"the most of {spoken(name)} must be that of the larger branches")
    apart = sum([volume(row.output) for row in others(choices)])
    known = widths or any(place.element_bits for place in places)
    largest = sum(sizes) + size_in_bytes(apart, MAX_BITS if known else None) if choices else 0
    _check(
        most.get("peak_memory", 0) <= largest, "the most of peak-memory must be that of all tensors together, or less"
    )
    notes = data["notes"]
    _check(isinstance(notes, list) and all(isinstance(note, str) for note in notes), "notes must be texts")
    snapshot = Snapshot(
        data["name"],
        inputs,
        totals,
        layers,
        gaps,
        most=most,
        notes=tuple(notes),
        choices=choices,
        places=places,
        ends=ends,
        input_bits=input_bits,
    )
    return Kept(data["file"], settings, snapshot)


def _follows(row: Row, place: Place, sizes: Sequence[int], at: int) -> None:
    """Checks what follows from the place of a layer; ``at`` is the number of its output."""
    _check(all(source < at for source in place.reads), "a layer can read only what comes before it")
    numbers = row.cost.params + place.elsewhere
    stored = size_in_bytes(numbers, None) if place.stored_bytes is None else place.stored_bytes
    moved = sum([sizes[source] for source in place.reads]) + stored + sizes[at]
    traffic = moved if place.writes else 0
    _check(row.traffic == traffic, "a layer's traffic must be what it reads, stores and writes")
    _check(row.effective_macs <= row.cost.macs, "effective macs cannot exceed macs")
    most = row.cost.params + row.cost.buffers
    _check(row.cost.params <= place.stored <= most, "stored must be the params of a layer, with buffers of it")
    written = volume(row.output) if place.writes else 0
    _check(row.cost.activations == written, "the activations of a layer must be what it writes")
    _check(
        stored <= size_in_bytes(numbers, MAX_BITS),
        "the bytes that a layer stores must be those of its numbers",
    )


def _row(data: Any) -> tuple[Row, Place]:
    _keys(data, {*_ROW, *Place._fields}, "a layer")
    _check(isinstance(data["writes"], bool), "writes must be true or false")
    reads = _numbers(data["reads"], MAX_SIZE, "reads")
    stored, elsewhere = _number(data["stored"]), _number(data["elsewhere"])
    size = None if data["stored_bytes"] is None else _number(data["stored_bytes"])
    place = Place(stored, elsewhere, reads, data["writes"], _bits(data["element_bits"]), size)
    return _counts({name: data[name] for name in _ROW}), place


_ROW = ("name", "kind", "output", *COSTS, *MORE)


def _counts(data: Any) -> Row:
    """Every count of a layer."""
    _keys(data, set(_ROW), "a layer")
    _check(isinstance(data["name"], str) and isinstance(data["kind"], str), "name and kind must be texts")
    cost, beside = Cost(*[_number(data[name]) for name in COSTS]), [_number(data[name]) for name in MORE]
    return Row(data["name"], data["kind"], _shape(data["output"]), cost, *beside)


def _choices(data: Any) -> tuple[Choice, ...]:
    _check(isinstance(data, list), "choices are a list")
    found = []
    for one in data:
        _keys(one, {"name", "taken", "inner", "others"}, "a choice")
        taken, branches = one["taken"], one["others"]
        _check(isinstance(one["name"], str), "the name of a choice must be a text")
        _check(isinstance(taken, list) and all(isinstance(name, str) for name in taken), "taken are names")
        _check(isinstance(branches, list) and branches, "others must be branches")
        for branch in branches:
            _keys(branch, {"layers", "choices"}, "a branch")
            _check(isinstance(branch["layers"], list), "the layers of a branch must be a list")
        others = [Branch(tuple(map(_counts, branch["layers"])), _choices(branch["choices"])) for branch in branches]
        found.append(Choice(one["name"], frozenset(taken), _choices(one["inner"]), tuple(others)))
    return tuple(found)


def _gap(data: Any) -> Gap:
    data = {"counts": list(COUNTS), **data} if isinstance(data, dict) else data  # which may be absent
    _keys(data, set(Gap._fields), "an uncounted layer")
    *texts, counts = [data[name] for name in Gap._fields]
    _check(all(isinstance(text, str) for text in texts), "the fields of an uncounted layer must be texts")
    _check(isinstance(counts, list) and counts, "the counts of an uncounted layer must be a list")
    _check(
        counts == [name for name in COUNTS if name in counts],
        "an uncounted layer's counts must be names of counts",
    )
    _check(counts == list(COUNTS) or COUNTS[0] not in counts, "without macs, all counts must be missing")
    return Gap(texts[0], texts[1], texts[2], tuple(counts))


def _shape(data: Any) -> tuple[int, ...]:
    _check(isinstance(data, list) and data, "a shape must be a list of sizes")
    sizes = tuple([_number(size) for size in data])
    _check(all(1 <= size <= MAX_SIZE for size in sizes), "sizes must be 1 or more")
    return sizes


def _numbers(data: Any, end: int, what: str) -> tuple[int, ...]:
    _check(isinstance(data, list), f"{what} must be numbers of tensors")
    numbers = tuple([_number(one) for one in data])
    _check(all(number < end for number in numbers), f"{what} must be numbers of tensors")
    return numbers


def _bits(data: Any) -> int | None:
    _check(data is None or (type(data) is int and 1 <= data <= MAX_BITS), "widths must be bits from 1 to 128, or null")
    return None if data is None else int(data)


def _number(data: Any) -> int:
    _check(type(data) is int and data >= 0, "counts must be whole numbers from 0")
    return int(data)


def _keys(data: Any, known: set[str], what: str) -> None:
    _check(isinstance(data, dict) and set(data) == known, f"{what} has the keys {', '.join(sorted(known))}")


def _check(holds: Any, rule: str) -> None:
    if not holds:
        raise _Broken(f"the baseline is not as sepcalc wrote it: {rule}")
