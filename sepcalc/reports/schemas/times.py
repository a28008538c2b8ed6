"""The fields of the reports on measured times."""

from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields

ENGINE: Fields = {"name": field.text("the engine"), "version": field.text("its version")}


def time() -> Fields:
    """The fields of ``sepcalc time``."""
    seconds: Fields = {
        "median": field.number("the median"),
        "p10": field.number("the 10th percentile"),
        "p90": field.number("the 90th percentile"),
        "runs": field.count("how often it ran"),
        "spread": field.number("how far off the median may be, as a part of it, with 95 % confidence"),
    }
    ratio: Fields = {
        "macs": field.number("its macs, divided by those of the engine's first row"),
        "seconds": field.number("its median, divided by that of the engine's first row"),
    }
    row: Fields = {
        "name": field.text("the variant or the network; before and after, where it is changed"),
        "macs": field.count("multiply-accumulates of one example"),
        "seconds": field.closed("The seconds of one run.", seconds),
        "macs_per_second": field.count("macs of all examples, divided by the median"),
        "ratio": field.closed("Relative to the engine's first row.", ratio),
        "engine": field.text("the engine that ran it"),
        "copies": field.count("the copies in the stack whose slope is the time; 1: it ran alone"),
    }
    share: Fields = {
        "macs": field.number("its part of the network's macs"),
        "seconds": field.number("its part of the profile's seconds"),
    }
    part: Fields = {
        "name": field.text("the layer of the most macs in what the engine runs as one"),
        "kind": field.text("the kind of that layer"),
        "macs": field.count("the macs of all layers in it"),
        "seconds": field.number("the median of its seconds in the profile"),
        "fused": field.texts("the other layers in it"),
        "share": field.closed("Its part of the whole.", share),
    }
    profile: Fields = {
        "name": field.text("the row that it is of"),
        "engine": field.text("the engine whose profile it is"),
        "seconds": field.number("the sum of its parts, and of what is between them"),
        "between": field.number("seconds that belong to no layer: tensors are brought into other layouts"),
        "layers": field.objects("What the engine runs as one.", part, "the parts, in the order of their layers"),
    }
    spread: Fields = {
        "asked": field.number("the spread at which measuring ends"),
        "reached": field.truth("whether every median has it"),
    }
    return {
        "engine": field.text("the first engine"),
        "version": field.text("its version"),
        "processor": field.text("what the system calls its processor"),
        "threads": field.count("the threads, pinned to as many cores"),
        "rows": field.objects("What was timed.", row, "what was timed, engine by engine"),
        "subject": field.text("the spec as one line, or the network's name"),
        "engines": field.objects("An engine.", ENGINE, "the engines"),
        "cores": field.count("the cores that the process may use"),
        "load": field.or_null(field.number("processes that waited for a core in the minute before")),
        "busy": field.number("the part of the time in which the engines had a core"),
        "batch": field.count("the examples in one run"),
        "on": field.one_of(("cpu", "cuda"), "the device"),
        "spread": field.closed("How well the medians are known.", spread),
        "floors": field.by_name(field.number("seconds"), "with --floor: what an empty network took, by engine"),
        "profiles": field.objects("A profile.", profile, "what the layers of a network took; empty for a spec"),
        "not_applicable": field.many("not_applicable", "the variants that do not apply"),
        "notes": field.NOTES,
    }
