"""The fields of the reports on layers and networks."""

from sepcalc.layer import SUMS
from sepcalc.reports.layers import LATER_FIELDS, MEANING
from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields

SUMMED = {
    "flops": "mults + adds + divs",
    "effective_macs": "macs whose input is not padding",
    "traffic": "bytes that the layers move at least",
    "peak_memory": "bytes of live tensors at most",
}
BALANCE = field.number("macs that the device computes while it moves one byte")
CONVENTION: Fields = {
    "counter": field.text("the counter"),
    "version": field.text("its version, whose rules these are; empty for a rule without one"),
    "value": field.or_null(field.count("the number that it prints; null if it is not known")),
    "unit": field.one_of(("macs", "flops"), "what it counts: flops if a multiply-accumulate is two"),
    "params": field.or_null(field.count("the params as it counts them; null if it counts none, or they are not known")),
    "known": field.truth("whether the number can be known from this network"),
    "reason": field.or_null(field.text("why the number is not known")),
}


def compare() -> Fields:
    """The fields of ``sepcalc compare``."""
    ratio = {
        name: field.number(f"{name}, divided by the {name} of the normal convolution") for name in ("mults", "params")
    }
    variant: Fields = {
        "name": field.text("the variant"),
        "output": field.shape("its output"),
        **field.COST_FIELDS,
        "ratio": field.closed("The cost, relative to the normal convolution.", ratio),
        "steps": field.many("layer", "the layers of its chain"),
    }
    formula: Fields = {
        "variant": field.text("the variant"),
        "general": field.text("its mults, relative to the normal convolution, as a formula"),
        "here": field.text("the same formula with the numbers of this layer"),
        "ratio": field.number("the value of the formula"),
        "break_even": field.text("from where on the variant is no cheaper"),
    }
    return {
        "input": field.shape("the input"),
        "variants": field.objects("A variant.", variant, "the variants, the normal convolution first"),
        "not_applicable": field.many("not_applicable", "the variants that do not apply"),
        "formulas": field.maybe(field.objects("A variant's ratio.", formula, "with --formula")),
        "spec": field.text("the convolution as one line"),
        "notes": field.NOTES,
    }


def layer() -> Fields:
    """The fields of ``sepcalc layer``."""
    before = {name: field for name, field in field.LAYER.items() if name not in LATER_FIELDS}
    after = {name: field.LAYER[name] for name in LATER_FIELDS}
    return {
        **before,
        "steps": field.many("layer", "the layers of a chain, such as separable; else empty"),
        **after,
        "notes": field.NOTES,
    }


def network() -> Fields:
    """The fields of ``sepcalc network``."""
    totals = {
        **field.COST_FIELDS,
        "peak_memory": field.count("the most bytes that live tensors take at once"),
        "params_bytes": field.maybe(
            field.count("bytes of the params in the types of the file, if the file states types")
        ),
        "flops": field.count("mults + adds + divs"),
        "effective_macs": field.LAYER["effective_macs"],
        "file_size": field.maybe(field.count("bytes of the file that was read; absent if there is none")),
    }
    group = field.closed(
        "A group of layers.",
        {
            "name": field.text("the kind or the block"),
            "layers": field.count("the number of layers"),
            **field.COST_FIELDS,
        },
    )
    return {
        "name": field.text("the network's name"),
        "inputs": field.INPUTS,
        "outputs": field.by_name(field.shape("one output"), "the shape of every output, by its name"),
        "totals": field.closed("The whole network.", totals),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "layers": field.many(
            "layer",
            "the layers in the order in which they run; with --top or --sort, the layers selected, in that order",
        ),
        "uncounted": field.UNCOUNTED,
        "notes": field.NOTES,
        "published": field.many("finding", "the published numbers, beside those that were counted"),
        "budget": field.many("verdict", "the limits of the file's budget"),
        "passed": field.truth("whether it is within its budget and agrees with what was published"),
        "stopped": field.maybe(
            field.shared("gap", "the layer at which counting stopped, because nothing is known of the layers after it")
        ),
        "convention": field.maybe(field.closed("With --convention: what that counter prints.", CONVENTION)),
        "by": field.maybe(
            field.by_name(field.several(group, "groups"), "with --by: the groups; the key is kind or block")
        ),
        "speed": field.maybe(
            field.closed(
                "With --balance.",
                {
                    "balance": BALANCE,
                    "all": field.shared("load", "the layers together, but those that are not counted"),
                },
            )
        ),
    }


def reconcile() -> Fields:
    """The fields of ``sepcalc reconcile``."""
    term: Fields = {
        "term": field.text("what is counted otherwise"),
        "value": field.whole("how much it adds to the exact macs"),
    }
    row: Fields = {
        **{name: CONVENTION[name] for name in ("counter", "version", "value", "unit", "known")},
        "terms": field.objects("A term.", term, "what makes the difference to the exact macs, largest first"),
        "reason": CONVENTION["reason"],
    }
    way: Fields = {"name": field.text("a way to count"), "value": field.count("its number")}
    number: Fields = {
        "text": field.text("the number as it was given"),
        "matches": field.objects("A way to count.", way, "the counters and other ways that give this number"),
    }
    return {
        "name": field.text("the network's name"),
        "macs": field.count("exact multiply-accumulates of the network, or of the layers asked for"),
        "counters": field.objects("A counter.", row, "every counter that counts operations"),
        "layer": field.maybe(field.text("with --layer: the glob")),
        "number": field.maybe(field.closed("With --number: what gives it.", number)),
        "notes": field.NOTES,
    }


def sweep() -> Fields:
    """The fields of ``sepcalc sweep``."""
    value = {"type": ["number", "string", "boolean"]}
    settings = field.by_name(value, "the value of each choice that occurs, by name")
    row: Fields = {
        "network": field.text("the argument that the network comes from"),
        "settings": settings,
        **{
            name: field.maybe(
                field.or_null(field.count(f"{MEANING.get(name, SUMMED.get(name, name))}; null: no network"))
            )
            for name in (*SUMS, "peak_memory")
        },
        "reason": field.or_null(field.text("why there is no network with these settings; null: there is one")),
    }
    best: Fields = {
        "sense": field.one_of(("least", "most"), "what was asked"),
        "metric": field.text("of which count"),
        "value": field.or_null(field.count("the best value; null: no network is within the limits")),
        "ties": field.count("how many networks have it"),
    }
    bin_: Fields = {
        "metric": field.text("the count"),
        "from": field.count("its least value in this bin"),
        "to": field.count("its largest value in this bin"),
        "count": field.count("how many networks"),
    }
    within: Fields = {
        "within": field.count("how many networks are within the limits"),
        "of": field.count("of how many"),
    }
    front = {**row, "ties": field.count("how many networks have these two counts")}
    return {
        "size": field.count("how many settings make a network, however many"),
        "parameters": field.by_name(field.several(value, "values"), "the values of every choice, by its name"),
        "rows": field.maybe(field.objects("A network.", row, "the networks: all of them, the best, or a sample")),
        "count": field.maybe(field.closed("With --count.", within)),
        "best": field.maybe(field.closed("With --least or --most.", best)),
        "front": field.maybe(field.objects("A point.", front, "with --front: its points")),
        "histogram": field.maybe(field.objects("A bin.", bin_, "with --histogram: its bins")),
        "nearest": field.maybe(
            field.by_name(field.count("a value"), "where no network is within the limits: the nearest value by metric")
        ),
        "incomplete": field.texts("the layers that are not counted, in some network"),
    }


def verify() -> Fields:
    """The fields of ``sepcalc verify``."""
    layer: Fields = {
        "name": field.text("the layer"),
        "formula": field.shared("counts", "the counts of the formulas"),
        "executed": field.shared("counts", "the counts that NumPy executed"),
        "output_matches": field.truth("whether shape and values equal the reference"),
        "sampled": field.maybe(
            field.or_null(field.text("with --sample: the part that ran, such as 64 of 12,544 positions; null: all"))
        ),
    }
    rewrite: Fields = {
        "name": field.text("the variant"),
        "matches": field.truth("whether it equals the composed convolution"),
    }
    return {
        "layers": field.objects("A layer that ran.", layer, "every layer that ran"),
        "rewrites": field.objects("A variant that ran.", rewrite, "the variants of a spec"),
        "uncounted": field.maybe(field.many("gap", "the layers that could not run")),
        "sample": field.or_null(field.count("about how many positions ran per layer; null: all")),
        "verified": field.truth("whether everything agrees"),
        "notes": field.NOTES,
    }


def whatif() -> Fields:
    """The fields of ``sepcalc whatif``."""
    layer: Fields = {
        "name": field.text("the layer's name before"),
        "before": field.shared("costs", "the cost before"),
        "after": field.shared("costs", "the cost after"),
        "rule": field.maybe(field.text("the rule that changed it")),
        "reason": field.maybe(field.text("why no rule changed it")),
    }
    loaded: Fields = {
        "name": field.text("the layer"),
        "before": field.shared("load", "before"),
        "after": field.shared("load", "after"),
    }
    speed: Fields = {
        "balance": BALANCE,
        "before": field.shared("load", "the network before"),
        "after": field.shared("load", "the network after"),
        "layers": field.objects("A layer that changed.", loaded, "the layers that changed"),
    }
    return {
        "name": field.text("the network's name"),
        "before": field.shared("costs", "the cost before"),
        "after": field.shared("costs", "the cost after"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "notes": field.NOTES,
        "layers": field.objects("A layer.", layer, "every layer of the network before"),
        "speed": field.maybe(field.closed("With --balance.", speed)),
    }


def fit() -> Fields:
    """The fields of ``sepcalc fit``."""
    way: Fields = {
        "way": field.one_of(
            ("none", "width", "resolution", "separate"), "the change tried; none: the network fits as it is"
        ),
        "change": field.or_null(field.text("the change that fits; null if none does")),
        "reason": field.or_null(field.text("why no change fits; null if one does")),
        "after": field.or_null(field.shared("costs", "the cost of the changed network")),
        "most": field.MOST,
        "separated": field.texts("the layers that a cheaper variant replaces"),
    }
    return {
        "name": field.text("the network's name"),
        "limits": field.by_name(field.count("a limit"), "the limits, by metric"),
        "before": field.shared("costs", "the cost of the network"),
        "most": field.MOST,
        "best": field.or_null(field.text("the change that keeps the most params; null if none fits")),
        "ways": field.objects("A change.", way, "the changes that were tried"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "notes": field.NOTES,
    }
