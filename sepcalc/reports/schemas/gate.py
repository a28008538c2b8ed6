"""The fields of the reports of the gate."""

from sepcalc.gate.metrics import METRICS
from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields


def check() -> Fields:
    """The fields of ``sepcalc check``."""
    weight = field.closed(
        "A layer.", {"name": field.text("the layer"), "amount": field.count("what it has of the metric")}
    )
    grew = field.closed(
        "A layer.",
        {"name": field.text("the layer"), "old": field.count("what it had"), "new": field.count("what it has")},
    )
    rewrite = field.closed(
        "A variant of a layer.",
        {
            "name": field.text("the layer"),
            "variant": field.text("the variant"),
            "saves": field.count("how much less it has"),
        },
    )
    verdict: Fields = {
        **field.VERDICT,
        "level": field.one_of(("error", "warn"), "whether being over it fails, or only warns"),
        "over": field.count("by how much it is over"),
        "baseline": field.or_null(field.count("what it was, of a limit to growth")),
        "file": field.or_null(field.text("where the limit is written")),
        "line": field.or_null(field.count("the line there")),
        "heaviest": field.maybe(field.several(weight, "of a failure, or with --why: the layers that weigh most")),
        "grew": field.maybe(field.several(grew, "likewise: the layers that grew")),
        "rewrites": field.maybe(field.several(rewrite, "likewise: variants that would fit")),
        "rewrites_together": field.maybe(field.truth("whether it takes all of these, not one")),
    }
    check: Fields = {
        "name": field.text("the check"),
        "file": field.text("what was checked"),
        "status": field.one_of(
            ("passed", "failed", "warned", "skipped", "incomplete", "error", "bug"), "what came of it, in a word"
        ),
        "exit_code": field.count("the exit code of this check"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "budget": field.objects("A limit.", verdict, "every limit, beside what there is"),
        "published": field.many("finding", "what was published, beside what there is"),
        "uncounted": field.UNCOUNTED,
        "problems": field.texts("what could not be read, and why"),
        "notes": field.NOTES,
        "reason": field.or_null(field.text("why it was skipped")),
    }
    return {
        "checks": field.objects("A check.", check, "every check"),
        "exit_code": field.count("the exit code of all: the first of 70, 2, 3, 1, 0 that occurs"),
        "passed": field.truth("whether that is 0"),
    }


def diff() -> Fields:
    """The fields of ``sepcalc diff``."""
    total: Fields = {
        "metric": field.one_of(tuple(METRICS), "the metric"),
        "old": field.count("what it was"),
        "new": field.count("what it is"),
        "change": field.CHANGE,
        "percent": field.PERCENT,
    }
    side = "the layer in the {} network; null where it is not there"
    split = "the layers of the {} network, where several became one or one became several; else null"
    layer: Fields = {
        "name": field.text("the layer"),
        "status": field.one_of(("added", "removed", "changed", "renamed", "regrouped"), "what happened to it"),
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
        "old": field.shared("summed", "those of the old network"),
        "new": field.shared("summed", "those of the new network"),
    }
    conversion: Fields = {
        "matched_by": field.one_of(("names", "structure"), "how layers are matched; by structure, those that do work"),
        "same_network": field.truth(
            "whether all layers that do work have equal macs, and each difference in params is explained"
        ),
        "equal": field.count("layers that do work and have equal macs on both sides"),
        "unequal": field.count("layers that do work and have other macs on the other side"),
        "old_only": field.count("layers that do work in the old network alone"),
        "new_only": field.count("layers that do work in the new network alone"),
        "unexplained_params": field.count("params that no change of format explains"),
        "old": field.shared("converted", "what the old network alone has"),
        "new": field.shared("converted", "what the new network alone has"),
        "between": field.objects(
            "A kind of layer that does no work.", kind, "the kinds of which the two networks have not the same"
        ),
    }
    growth = {**field.VERDICT, "baseline": field.or_null(field.count("what it was"))}
    return {
        "old": field.shared("compared", "the first network"),
        "new": field.shared("compared", "the second network"),
        "totals": field.objects("A total.", total, "every metric"),
        "layers": field.objects("A layer that changed.", layer, "the layers that changed"),
        "unchanged": field.count("how many layers did not"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "budget": field.objects("A limit to growth.", growth, "what --max-increase allows, beside what there is"),
        "passed": field.truth("whether nothing grew by more than is allowed"),
        "same_bytes": field.truth("whether both sides are the same bytes"),
        "conversion": field.or_null(
            field.closed("What another format made of the network; null where it is not about that.", conversion)
        ),
        "notes": field.NOTES,
    }


def baseline() -> Fields:
    """The fields of ``sepcalc baseline``."""
    layer: Fields = {
        **field.ROW,
        "stored": field.count("numbers that it reads as weights"),
        "elsewhere": field.count("numbers that it reads, but that are none of its params"),
        "reads": field.several(
            {"type": "integer"}, "the tensors that it reads, by number: the inputs first, then each layer's"
        ),
        "writes": field.truth("whether it writes what it gives"),
        "element_bits": field.LAYER["element_bits"],
        "stored_bytes": field.or_null(
            field.count("bytes of its params and of the numbers that it reads, but that are none of them; null: 4 each")
        ),
    }
    network: Fields = {
        "file": field.text("the network, from the baseline's folder"),
        "name": field.text("the network's name"),
        "inputs": field.INPUTS,
        "settings": field.by_name({"type": "string"}, "what it was read with: --set, --input and so on"),
        "complete": field.COMPLETE,
        "uncounted": field.UNCOUNTED,
        "totals": field.by_name(field.count("a total"), f"every metric: {', '.join(METRICS)}"),
        "most": field.MOST,
        "notes": field.NOTES,
        "layers": field.objects("A layer.", layer, "every layer"),
        "outputs": field.several({"type": "integer"}, "the tensors that are outputs, by number"),
        "input_bits": field.maybe(
            field.by_name(field.count("bits"), "the widths of the inputs' elements, where the file says so")
        ),
        "choices": field.maybe(field.many("choice", "where one of several branches runs")),
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
        "date": field.text("when it was committed, as ISO 8601 has it"),
        "subject": field.text("the first line of its message"),
    }
    point: Fields = {
        **commit,
        **field.COST_FIELDS,
        "peak_memory": field.count("peak memory in bytes"),
        "complete": field.truth("whether each count of each layer is known"),
    }
    unread: Fields = {**commit, "problems": field.texts("why it cannot be read")}
    return {
        "file": field.text("the file"),
        "commits": field.objects("A commit.", point, "the commits that changed params, macs or peak memory"),
        "unread": field.objects("A commit.", unread, "the commits in which the file cannot be read"),
        "read": field.count("how many commits were read"),
        "complete": field.truth("whether every commit was read and every layer counted"),
        "notes": field.NOTES,
    }
