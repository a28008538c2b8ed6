"""The fields of the reports on layers and networks."""

from sepcalc.reports.layers import LATER_FIELDS
from sepcalc.reports.schemas import field
from sepcalc.reports.schemas.field import Fields


def compare() -> Fields:
    """The fields of ``sepcalc compare``."""
    ratio = {name: field.number(f"{name} / those of the normal convolution") for name in ("mults", "params")}
    variant: Fields = {
        "name": field.text("the variant"),
        "output": field.shape("its output"),
        **field.COST_FIELDS,
        "ratio": field.closed("Parts of the normal convolution.", ratio),
        "steps": field.many("layer", "the chain that runs"),
    }
    formula: Fields = {
        "variant": field.text("the variant"),
        "general": field.text("its mults as a part of the normal ones, in letters"),
        "here": field.text("the same in numbers of this layer"),
        "ratio": field.number("what that is"),
        "break_even": field.text("where the variant is no cheaper"),
    }
    return {
        "input": field.shape("the input"),
        "variants": field.objects("A variant.", variant, "the variants asked for, the normal one first"),
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
        "steps": field.many("layer", "the links of a chain, such as separable; else empty"),
        **after,
        "notes": field.NOTES,
    }


def network() -> Fields:
    """The fields of ``sepcalc network``."""
    totals = {
        **field.COST_FIELDS,
        "peak_memory": field.count("bytes of live tensors, at most"),
        "params_bytes": field.maybe(field.count("bytes of the params in the file's own types, where it has them")),
        "flops": field.count("mults + adds + divs"),
        "effective_macs": field.LAYER["effective_macs"],
        "file_size": field.maybe(field.count("bytes of the model file, where it was read from one")),
    }
    group = field.closed(
        "A group of layers.",
        {"name": field.text("kind or block"), "layers": field.count("how many"), **field.COST_FIELDS},
    )
    return {
        "name": field.text("the network's name"),
        "inputs": field.INPUTS,
        "outputs": field.by_name(field.shape("one output"), "every output by name"),
        "totals": field.closed("The whole network.", totals),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "layers": field.many(
            "layer", "the layers, in the order in which they run; or those that --top and --sort ask for"
        ),
        "uncounted": field.UNCOUNTED,
        "notes": field.NOTES,
        "published": field.many("finding", "what was published, beside what there is"),
        "budget": field.many("verdict", "the limits of the file's budget"),
        "passed": field.truth("whether it is within its budget and agrees with what was published"),
        "stopped": field.maybe(
            field.shared("gap", "where counting stopped, as nothing is known of what runs after it")
        ),
        "by": field.maybe(field.by_name(field.several(group, "groups"), "with --by: the groups, under kind or block")),
    }


def verify() -> Fields:
    """The fields of ``sepcalc verify``."""
    layer: Fields = {
        "name": field.text("the layer"),
        "formula": field.shared("counts", "what the formulas say"),
        "executed": field.shared("counts", "what NumPy executed"),
        "output_matches": field.truth("whether shape and values are those of the reference"),
        "sampled": field.maybe(
            field.or_null(field.text("with --sample: what ran, such as 64 of 12,544 positions; null: all"))
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
        "sample": field.or_null(field.count("about how many positions of each layer ran; null: all")),
        "verified": field.truth("whether everything agrees"),
        "notes": field.NOTES,
    }


def whatif() -> Fields:
    """The fields of ``sepcalc whatif``."""
    layer: Fields = {
        "name": field.text("the layer, as it was called"),
        "before": field.shared("costs", "what it cost"),
        "after": field.shared("costs", "what it costs now"),
        "rule": field.maybe(field.text("the rule that changed it")),
        "reason": field.maybe(field.text("or else why none did")),
    }
    loaded: Fields = {
        "name": field.text("the layer"),
        "before": field.shared("load", "as it was"),
        "after": field.shared("load", "as it is now"),
    }
    speed: Fields = {
        "balance": field.number("macs of the device per byte"),
        "before": field.shared("load", "the network as it was"),
        "after": field.shared("load", "the network as it is now"),
        "layers": field.objects("A layer that changed.", loaded, "the layers that changed"),
    }
    return {
        "name": field.text("the network's name"),
        "before": field.shared("costs", "what it cost"),
        "after": field.shared("costs", "what it costs now"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "notes": field.NOTES,
        "layers": field.objects("A layer.", layer, "every layer of the network as it was"),
        "speed": field.maybe(field.closed("With --balance.", speed)),
    }


def fit() -> Fields:
    """The fields of ``sepcalc fit``."""
    way: Fields = {
        "way": field.one_of(("none", "width", "resolution", "separate"), "the way; none where it fits as it is"),
        "change": field.or_null(field.text("what was changed; null where no change fits")),
        "reason": field.or_null(field.text("why none fits")),
        "after": field.or_null(field.shared("costs", "what the network costs then")),
        "most": field.MOST,
        "separated": field.texts("the layers that were separated"),
    }
    return {
        "name": field.text("the network's name"),
        "limits": field.by_name(field.count("the most"), "the limits, by metric"),
        "before": field.shared("costs", "what the network costs"),
        "most": field.MOST,
        "best": field.or_null(field.text("the way that keeps the most params; null where none fits")),
        "ways": field.objects("A way.", way, "the ways that were tried"),
        "complete": field.COMPLETE,
        "incomplete": field.INCOMPLETE,
        "notes": field.NOTES,
    }
