"""The fields of the reports on layers and networks."""

from sepcalc.network import LATER_FIELDS
from sepcalc.reports.schemas.parts import (
    COMPLETE,
    COST_FIELDS,
    INCOMPLETE,
    INPUTS,
    LAYER,
    MOST,
    NOTES,
    UNCOUNTED,
    Fields,
    by_name,
    closed,
    count,
    many,
    maybe,
    number,
    one_of,
    or_null,
    several,
    shape,
    shared,
    text,
    texts,
    truth,
)


def compare() -> Fields:
    ratio = {name: number(f"{name} / those of the normal convolution") for name in ("mults", "params")}
    variant: Fields = {
        "name": text("the variant"),
        "output": shape("its output"),
        **COST_FIELDS,
        "ratio": closed("Parts of the normal convolution.", ratio),
        "steps": many("layer", "the chain that runs"),
    }
    formula: Fields = {
        "variant": text("the variant"),
        "general": text("its mults as a part of the normal ones, in letters"),
        "here": text("the same in numbers of this layer"),
        "ratio": number("what that is"),
        "break_even": text("where the variant is no cheaper"),
    }
    return {
        "input": shape("the input"),
        "variants": several(closed("A variant.", variant), "the variants asked for, the normal one first"),
        "not_applicable": many("not_applicable", "the variants that do not apply"),
        "formulas": maybe(several(closed("A variant's ratio.", formula), "with --formula")),
        "spec": text("the convolution as one line"),
        "notes": NOTES,
    }


def layer() -> Fields:
    before = {name: field for name, field in LAYER.items() if name not in LATER_FIELDS}
    after = {name: LAYER[name] for name in LATER_FIELDS}
    return {
        **before,
        "steps": many("layer", "the links of a chain, such as separable; else empty"),
        **after,
        "notes": NOTES,
    }


def network() -> Fields:
    totals = {
        **COST_FIELDS,
        "peak_memory": count("bytes of live tensors, at most"),
        "params_bytes": maybe(count("bytes of the params in the file's own types, where it has them")),
        "flops": count("mults + adds + divs"),
        "effective_macs": LAYER["effective_macs"],
    }
    group = closed("A group of layers.", {"name": text("kind or block"), "layers": count("how many"), **COST_FIELDS})
    return {
        "name": text("the network's name"),
        "inputs": INPUTS,
        "outputs": by_name(shape("one output"), "every output by name"),
        "totals": closed("The whole network.", totals),
        "complete": COMPLETE,
        "incomplete": INCOMPLETE,
        "layers": many("layer", "the layers, in the order in which they run; or those that --top and --sort ask for"),
        "uncounted": UNCOUNTED,
        "notes": NOTES,
        "published": many("finding", "what was published, beside what there is"),
        "budget": many("verdict", "the limits of the file's budget"),
        "passed": truth("whether it is within its budget and agrees with what was published"),
        "stopped": maybe(shared("gap", "where counting stopped, as nothing is known of what runs after it")),
        "by": maybe(by_name(several(group, "groups"), "with --by: the groups, under kind or block")),
    }


def verify() -> Fields:
    layer: Fields = {
        "name": text("the layer"),
        "formula": shared("counts", "what the formulas say"),
        "executed": shared("counts", "what NumPy executed"),
        "output_matches": truth("whether shape and values are those of the reference"),
        "sampled": maybe(or_null(text("with --sample: what ran, such as 64 of 12,544 positions; null: all"))),
    }
    rewrite: Fields = {"name": text("the variant"), "matches": truth("whether it equals the composed convolution")}
    return {
        "layers": several(closed("A layer that ran.", layer), "every layer that ran"),
        "rewrites": several(closed("A variant that ran.", rewrite), "the variants of a spec"),
        "uncounted": maybe(many("gap", "the layers that could not run")),
        "sample": or_null(count("about how many positions of each layer ran; null: all")),
        "verified": truth("whether everything agrees"),
        "notes": NOTES,
    }


def whatif() -> Fields:
    layer: Fields = {
        "name": text("the layer, as it was called"),
        "before": shared("costs", "what it cost"),
        "after": shared("costs", "what it costs now"),
        "rule": maybe(text("the rule that changed it")),
        "reason": maybe(text("or else why none did")),
    }
    loaded: Fields = {
        "name": text("the layer"),
        "before": shared("load", "as it was"),
        "after": shared("load", "as it is now"),
    }
    speed: Fields = {
        "balance": number("macs of the device per byte"),
        "before": shared("load", "the network as it was"),
        "after": shared("load", "the network as it is now"),
        "layers": several(closed("A layer that changed.", loaded), "the layers that changed"),
    }
    return {
        "name": text("the network's name"),
        "before": shared("costs", "what it cost"),
        "after": shared("costs", "what it costs now"),
        "complete": COMPLETE,
        "incomplete": INCOMPLETE,
        "notes": NOTES,
        "layers": several(closed("A layer.", layer), "every layer of the network as it was"),
        "speed": maybe(closed("With --balance.", speed)),
    }


def fit() -> Fields:
    way: Fields = {
        "way": one_of(("none", "width", "resolution", "separate"), "the way; none where it fits as it is"),
        "change": or_null(text("what was changed; null where no change fits")),
        "reason": or_null(text("why none fits")),
        "after": or_null(shared("costs", "what the network costs then")),
        "most": MOST,
        "separated": texts("the layers that were separated"),
    }
    return {
        "name": text("the network's name"),
        "limits": by_name(count("the most"), "the limits, by metric"),
        "before": shared("costs", "what the network costs"),
        "most": MOST,
        "best": or_null(text("the way that keeps the most params; null where none fits")),
        "ways": several(closed("A way.", way), "the ways that were tried"),
        "complete": COMPLETE,
        "incomplete": INCOMPLETE,
        "notes": NOTES,
    }
