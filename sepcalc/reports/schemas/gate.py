"""The fields of the reports of the gate."""

from sepcalc.gate.metrics import METRICS
from sepcalc.gate.snapshots import MORE
from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields


def check() -> Fields:
    """The fields of ``sepcalc check``."""
    weight = field.closed(
        "A layer.", {"name": field.text("the layer"), "amount": field.count("its part of the metric")}
    )
    grew = field.closed(
        "A layer.",
        {
            "name": field.text("the layer"),
            "old": field.count("its number before"),
            "new": field.count("its number now"),
        },
    )
    rewrite = field.closed(
        "A variant of a layer.",
        {
            "name": field.text("the layer"),
            "variant": field.text("the variant"),
            "saves": field.count("how much less the variant needs"),
        },
    )
    verdict: Fields = {
        **field.VERDICT,
        "level": field.one_of(("error", "warn"), "error: exceeding the limit fails the check; warn: it only warns"),
        "over": field.count("by how much the number exceeds the limit"),
        "baseline": field.or_null(field.count("for a limit to growth, the number before")),
        "file": field.or_null(field.text("the file that sets the limit")),
        "line": field.or_null(field.count("the line of that file")),
        "heaviest": field.maybe(
            field.several(weight, "after a failure, or with --why: the layers with the largest parts")
        ),
        "grew": field.maybe(field.several(grew, "after a failure, or with --why: the layers that grew")),
        "rewrites": field.maybe(
            field.several(rewrite, "after a failure, or with --why: variants that would keep the limit")
        ),
        "rewrites_together": field.maybe(field.truth("whether all of these variants are needed, not just one")),
    }
    check: Fields = {
        "name": field.text("the check"),
        "file": field.text("the network that was checked"),
        "status": field.one_of(("passed", "failed", "warned", "skipped", "incomplete", "error", "bug"), "the result"),
        "exit_code": field.count("the exit code of this check"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "budget": field.objects("A limit.", verdict, "every limit, beside the number found"),
        "published": field.many("finding", "the published numbers, beside those that were counted"),
        "uncounted": field.UNCOUNTED,
        "problems": field.texts("what could not be read, and why"),
        "notes": field.NOTES,
        "reason": field.or_null(field.text("why it was skipped")),
    }
    return {
        "checks": field.objects("A check.", check, "every check"),
        "exit_code": field.count("the exit code of the command: the first of 70, 2, 3, 1, 0 that any check has"),
        "passed": field.truth("whether the exit code is 0"),
    }


def diff() -> Fields:
    """The fields of ``sepcalc diff``."""
    total: Fields = {
        "metric": field.one_of(tuple(METRICS), "the metric"),
        "old": field.count("the number before"),
        "new": field.count("the number now"),
        "change": field.CHANGE,
        "percent": field.PERCENT,
    }
    side = "the layer in the {} network; null if it has none"
    split = "the layers of the {} network, if several became one or one became several; else null"
    layer: Fields = {
        "name": field.text("the layer"),
        "status": field.one_of(("added", "removed", "changed", "renamed", "regrouped"), "what changed"),
        "old": field.or_null(field.shared("side", side.format("old"))),
        "new": field.or_null(field.shared("side", side.format("new"))),
        "change": field.closed("Every count, new - old.", dict.fromkeys(field.COST_FIELDS, field.CHANGE)),
        "percent": field.closed(
            "The change of every count in percent.", dict.fromkeys(field.COST_FIELDS, field.PERCENT)
        ),
        "old_layers": field.or_null(field.many("side", split.format("old"))),
        "new_layers": field.or_null(field.many("side", split.format("new"))),
    }
    kind: Fields = {
        "kind": field.text("the kind, with the word that says which act or norm it is"),
        "old": field.shared("summed", "the layers of this kind in the old network"),
        "new": field.shared("summed", "the layers of this kind in the new network"),
    }
    conversion: Fields = {
        "matched_by": field.one_of(
            ("names", "structure"),
            "how layers are matched: by name, or, if they do work, by what they read and compute",
        ),
        "same_network": field.truth(
            "whether all layers that do work have equal macs, and each difference in params is explained"
        ),
        "equal": field.count("layers that do work and have equal macs on both sides"),
        "unequal": field.count("layers that do work and have different macs on both sides"),
        "old_only": field.count("layers that do work and are in the old network only"),
        "new_only": field.count("layers that do work and are in the new network only"),
        "unexplained_params": field.count("params that no change of format explains"),
        "old": field.shared("converted", "what only the old network has"),
        "new": field.shared("converted", "what only the new network has"),
        "between": field.objects(
            "A kind of layer that does no work.", kind, "the kinds in which the two networks differ"
        ),
    }
    growth = {**field.VERDICT, "baseline": field.or_null(field.count("the number before"))}
    return {
        "old": field.shared("compared", "the first network"),
        "new": field.shared("compared", "the second network"),
        "totals": field.objects("A total.", total, "every metric"),
        "layers": field.objects("A layer that changed.", layer, "the layers that changed"),
        "unchanged": field.count("the number of layers that did not change"),
        "differing": field.objects(
            "A metric of a layer whose counts are the same.",
            {
                "name": field.text("the layer's name in the new network"),
                "old_name": field.text("its name in the old network"),
                "metric": field.one_of(MORE, "the metric that differs"),
                "old": field.count("the number in the old network"),
                "new": field.count("the number in the new network"),
            },
            "what differs in layers whose kinds, outputs and counts are the same, as traffic does by element widths",
        ),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "budget": field.objects("A limit to growth.", growth, "the limits of --max-increase, beside the numbers found"),
        "passed": field.truth("whether nothing grew by more than --max-increase allows"),
        "same_bytes": field.truth("whether both files have the same bytes"),
        "conversion": field.or_null(
            field.closed(
                "How the networks differ by their formats alone; null if the diff does not compare formats.", conversion
            )
        ),
        "notes": field.NOTES,
    }


def baseline() -> Fields:
    """The fields of ``sepcalc baseline``."""
    layer: Fields = {
        **field.ROW,
        "stored": field.count("how many stored numbers it reads as weights"),
        "elsewhere": field.count("how many stored numbers it reads that are not among its params"),
        "reads": field.several(
            {"type": "integer"},
            "the numbers of the tensors that it reads; the inputs of the network are numbered first, then the layers",
        ),
        "writes": field.truth("whether it writes its output to memory"),
        "element_bits": field.LAYER["element_bits"],
        "stored_bytes": field.or_null(
            field.count(
                "bytes of its params and of the other stored numbers that it reads; null: 4 bytes for each number"
            )
        ),
    }
    network: Fields = {
        "file": field.text("the path of the network, relative to the folder of the baseline"),
        "name": field.text("the network's name"),
        "inputs": field.INPUTS,
        "settings": field.by_name({"type": "string"}, "the options with which it was read, such as --set and --input"),
        "complete": field.COMPLETE,
        "uncounted": field.UNCOUNTED,
        "totals": field.by_name(field.count("a total"), f"every metric: {', '.join(METRICS)}"),
        "most": field.MOST,
        "notes": field.NOTES,
        "layers": field.objects("A layer.", layer, "every layer"),
        "outputs": field.several({"type": "integer"}, "the numbers of the tensors that are outputs"),
        "input_bits": field.maybe(
            field.by_name(field.count("bits"), "the widths of the inputs' elements, if the file states them")
        ),
        "choices": field.maybe(field.many("choice", "the places where one of several branches runs")),
    }
    return {
        "definitions": field.count("the version of the definitions of the counts"),
        "sepcalc": field.text("the version of sepcalc"),
        "networks": field.objects("A network.", network, "the networks that are kept"),
    }


def history() -> Fields:
    """The fields of ``sepcalc history``."""
    commit: Fields = {
        "commit": field.text("its hash"),
        "date": field.text("the time of the commit, in ISO 8601"),
        "subject": field.text("the first line of its message"),
    }
    point: Fields = {
        **commit,
        **field.COST_FIELDS,
        "peak_memory": field.count("peak memory in bytes"),
        "complete": field.truth("whether every count of every layer is known"),
    }
    unread: Fields = {**commit, "problems": field.texts("the reasons why the file cannot be read")}
    return {
        "file": field.text("the file"),
        "commits": field.objects("A commit.", point, "the commits that changed params, macs or peak memory"),
        "unread": field.objects("A commit.", unread, "the commits in which the file cannot be read"),
        "read": field.count("the number of commits that were read"),
        "complete": field.truth("whether every commit was read and every layer counted"),
        "notes": field.NOTES,
    }
