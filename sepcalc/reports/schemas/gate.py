"""The fields of the reports of the gate."""

from sepcalc.gate.metrics import METRICS
from sepcalc.reports.schemas.parts import (
    CHANGE,
    COMPLETE,
    COST_FIELDS,
    INCOMPLETE,
    INPUTS,
    LAYER,
    MOST,
    NOTES,
    PERCENT,
    ROW,
    UNCOUNTED,
    VERDICT,
    Fields,
    by_name,
    closed,
    count,
    many,
    maybe,
    one_of,
    or_null,
    several,
    shared,
    text,
    texts,
    truth,
)


def check() -> Fields:
    weight = closed("A layer.", {"name": text("the layer"), "amount": count("what it has of the metric")})
    grew = closed("A layer.", {"name": text("the layer"), "old": count("what it had"), "new": count("what it has")})
    rewrite = closed(
        "A variant of a layer.",
        {"name": text("the layer"), "variant": text("the variant"), "saves": count("how much less it has")},
    )
    verdict: Fields = {
        **VERDICT,
        "level": one_of(("error", "warn"), "whether being over it fails, or only warns"),
        "over": count("by how much it is over"),
        "baseline": or_null(count("what it was, of a limit to growth")),
        "file": or_null(text("where the limit is written")),
        "line": or_null(count("the line there")),
        "heaviest": maybe(several(weight, "of a failure, or with --why: the layers that weigh most")),
        "grew": maybe(several(grew, "likewise: the layers that grew")),
        "rewrites": maybe(several(rewrite, "likewise: variants that would fit")),
        "rewrites_together": maybe(truth("whether it takes all of these, not one")),
    }
    check: Fields = {
        "name": text("the check"),
        "file": text("what was checked"),
        "status": one_of(
            ("passed", "failed", "warned", "skipped", "incomplete", "error", "bug"), "what came of it, in a word"
        ),
        "exit_code": count("the exit code of this check"),
        "complete": COMPLETE,
        "incomplete": INCOMPLETE,
        "budget": several(closed("A limit.", verdict), "every limit, beside what there is"),
        "published": many("finding", "what was published, beside what there is"),
        "uncounted": UNCOUNTED,
        "problems": texts("what could not be read, and why"),
        "notes": NOTES,
        "reason": or_null(text("why it was skipped")),
    }
    return {
        "checks": several(closed("A check.", check), "every check"),
        "exit_code": count("the exit code of all: the first of 70, 2, 3, 1, 0 that occurs"),
        "passed": truth("whether that is 0"),
    }


def diff() -> Fields:
    total: Fields = {
        "metric": one_of(tuple(METRICS), "the metric"),
        "old": count("what it was"),
        "new": count("what it is"),
        "change": CHANGE,
        "percent": PERCENT,
    }
    side = "the layer in the {} network; null where it is not there"
    split = "the layers of the {} network, where several became one or one became several; else null"
    layer: Fields = {
        "name": text("the layer"),
        "status": one_of(("added", "removed", "changed", "renamed", "regrouped"), "what happened to it"),
        "old": or_null(shared("side", side.format("old"))),
        "new": or_null(shared("side", side.format("new"))),
        "change": closed("Every count, new - old.", dict.fromkeys(COST_FIELDS, CHANGE)),
        "percent": closed("The change of every count in percent.", dict.fromkeys(COST_FIELDS, PERCENT)),
        "old_layers": or_null(many("side", split.format("old"))),
        "new_layers": or_null(many("side", split.format("new"))),
    }
    growth = {**VERDICT, "baseline": or_null(count("what it was"))}
    return {
        "old": shared("compared", "the first network"),
        "new": shared("compared", "the second network"),
        "totals": several(closed("A total.", total), "every metric"),
        "layers": several(closed("A layer that changed.", layer), "the layers that changed"),
        "unchanged": count("how many layers did not"),
        "complete": COMPLETE,
        "incomplete": INCOMPLETE,
        "budget": several(closed("A limit to growth.", growth), "what --max-increase allows, beside what there is"),
        "passed": truth("whether nothing grew by more than is allowed"),
        "same_bytes": truth("whether both sides are the same bytes"),
        "notes": NOTES,
    }


def baseline() -> Fields:
    layer: Fields = {
        **ROW,
        "stored": count("numbers that it reads as weights"),
        "elsewhere": count("numbers that it reads, but that are none of its params"),
        "reads": several(
            {"type": "integer"}, "the tensors that it reads, by number: the inputs first, then each layer's"
        ),
        "writes": truth("whether it writes what it gives"),
        "element_bits": LAYER["element_bits"],
        "stored_bytes": or_null(
            count("bytes of its params and of the numbers that it reads, but that are none of them; null: 4 each")
        ),
    }
    network: Fields = {
        "file": text("the network, from the baseline's folder"),
        "name": text("the network's name"),
        "inputs": INPUTS,
        "settings": by_name({"type": "string"}, "what it was read with: --set, --input and so on"),
        "complete": COMPLETE,
        "uncounted": UNCOUNTED,
        "totals": by_name(count("a total"), f"every metric: {', '.join(METRICS)}"),
        "most": MOST,
        "notes": NOTES,
        "layers": several(closed("A layer.", layer), "every layer"),
        "outputs": several({"type": "integer"}, "the tensors that are outputs, by number"),
        "input_bits": maybe(by_name(count("bits"), "the widths of the inputs' elements, where the file says so")),
        "choices": maybe(many("choice", "where one of several branches runs")),
    }
    return {
        "definitions": count("the version of the definitions of the counts"),
        "sepcalc": text("the version of sepcalc"),
        "networks": several(closed("A network.", network), "the networks that are kept"),
    }
