"""What the fields of reports are made of, and what several reports have."""

from typing import Any

from sepcalc.cost import COSTS, COUNTS
from sepcalc.gate.metrics import METRICS
from sepcalc.reports.layers import MEANING

Schema = dict[str, Any]
Fields = dict[str, Schema]
OPTIONAL = "x-optional"  # marks a field that may be absent; in a schema it is missing from `required`

# --- what a field may be ----------------------------------------------------------------------------------------------


def count(description: str) -> Schema:
    """A whole number from 0."""
    return {"type": "integer", "minimum": 0, "description": description}


def whole(description: str) -> Schema:
    """A whole number, perhaps below 0."""
    return {"type": "integer", "description": description}


def number(description: str) -> Schema:
    """A number."""
    return {"type": "number", "description": description}


def text(description: str) -> Schema:
    """A text."""
    return {"type": "string", "description": description}


def truth(description: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": description}


def one_of(names: tuple[str, ...], description: str) -> Schema:
    """One of these texts."""
    return {"enum": [*names], "description": description}


def several(items: Schema, description: str) -> Schema:
    """A list of items."""
    return {"type": "array", "items": items, "description": description}


def objects(each: str, fields: Fields, description: str) -> Schema:
    """A list of closed objects; ``each`` says what one of them is."""
    return several(closed(each, fields), description)


def texts(description: str) -> Schema:
    """A list of texts."""
    return several({"type": "string"}, description)


def shape(description: str) -> Schema:
    """A shape: sizes from 1."""
    return several({"type": "integer", "minimum": 1}, f"{description}: a shape, channels last, no batch")


def by_name(values: Schema, description: str) -> Schema:
    """An object whose keys are names, and whose values are of one sort."""
    return {"type": "object", "additionalProperties": values, "description": description}


def shared(name: str, description: str) -> Schema:
    """An object that several reports have."""
    return {"allOf": [{"$ref": f"#/definitions/{name}"}], "description": description}


def many(name: str, description: str) -> Schema:
    """A list of objects that several reports have."""
    return several({"$ref": f"#/definitions/{name}"}, description)


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    description = schema["description"]
    inner = {key: value for key, value in schema.items() if key != "description"}
    return {"anyOf": [inner, {"type": "null"}], "description": description}


def maybe(schema: Schema) -> Schema:
    """The same, in a field that may be absent."""
    return {**schema, OPTIONAL: True}


def closed(description: str, fields: Fields) -> Schema:
    """A closed object: all fields must be there but those that are marked."""
    return {
        "type": "object",
        "description": description,
        "properties": {
            name: {key: value for key, value in field.items() if key != OPTIONAL} for name, field in fields.items()
        },
        "required": [name for name, field in fields.items() if OPTIONAL not in field],
        "additionalProperties": False,
    }


def format_of(name: str) -> Schema:
    """The field that names the report and its version."""
    return {"const": f"sepcalc-{name}/1", "description": "which report this is, and its version"}


# --- what several reports have ----------------------------------------------------------------------------------------

COST_FIELDS: Fields = {name: count(MEANING[name]) for name in COSTS}
NOTES = texts("sentences that a reader of the numbers must know")
COMPLETE = truth("whether every layer was counted, if perhaps not in each count")
INCOMPLETE = texts("the counts that are not known of some layer; all others are complete")
UNCOUNTED = many("gap", "the layers that were not counted, or not in each count")
INPUTS = by_name(shape("one input"), "every input by name")
MOST = maybe(
    by_name(count("a count"), "totals that are larger where other branches run: limits are held against these")
)
CHANGE = whole("new - old")
PERCENT = or_null(number("the change in percent of the old; null where the old is 0 and the new is not"))

LAYER: Fields = {
    "name": text("the layer's path, such as stage[2]/conv"),
    "kind": text("what it is, as sepcalc kinds lists it"),
    "inputs": several(shape("one input"), "what it reads"),
    "output": shape("what it writes"),
    **COST_FIELDS,
    "effective_macs": count("macs whose input is not padding"),
    "traffic": count("bytes that it moves at least: inputs, params and outputs once each"),
    "receptive_field": or_null(
        several({"type": "integer"}, "positions of the network's input that an output sees, per axis")
    ),
    "weights": or_null(text("the name under which params are shared, that of the layer which counts them")),
    "spec": or_null(text("the layer as one line that parses back; null where there is none")),
    "sources": texts("the names of the inputs and layers that it reads"),
    "origin": or_null(
        closed(
            "Where it comes from, as far as the file says; null where it says nothing.",
            {
                "operator": text("the operator of the file"),
                "module": or_null(text("the path of the module that ran it")),
                "class": or_null(text("the class of that module")),
            },
        )
    ),
    "element_bits": or_null(count("the width of an element that it gives, in bits; null where no file says it")),
    "explain": maybe(by_name({"type": "string"}, "with --explain: how each count that is not 0 came about")),
}
VERDICT: Fields = {
    "metric": text("what is limited, such as macs or peak_memory"),
    "scope": text("network, baseline, a glob, or the name of one layer"),
    "limit": count("the most that it may be"),
    "actual": count("what it is"),
    "passed": truth("whether it is within the limit; false where that is not known"),
}
SIDE: Fields = {"name": text("the layer"), "kind": text("its kind"), "output": shape("its output"), **COST_FIELDS}
ROW: Fields = {
    **SIDE,
    "effective_macs": LAYER["effective_macs"],
    "traffic": LAYER["traffic"],
}

DEFINITIONS: dict[str, Schema] = {
    "costs": closed("Every count of a cost.", COST_FIELDS),
    "counts": closed("Every count of operations.", {name: COST_FIELDS[name] for name in COUNTS}),
    "layer": closed("A layer.", LAYER),
    "gap": closed(
        "A layer that was not counted.",
        {
            "name": text("the layer"),
            "kind": text("its operator"),
            "reason": text("why it was not counted"),
            "counts": texts("in which counts; all, or some"),
        },
    ),
    "finding": closed(
        "A number that was published, beside what there is.",
        {
            "metric": text("what was published"),
            "published": text("the number, as it was printed"),
            "actual": count("what was counted"),
            "source": text("who published it"),
            "passed": truth("whether they agree, within half a unit of the last digit or the tolerance"),
            "ratio": or_null(number("actual / published; null where 0 was published")),
        },
    ),
    "verdict": closed("A limit beside what there is.", VERDICT),
    "not_applicable": closed(
        "A variant that does not apply.", {"name": text("the variant"), "reason": text("why it does not apply")}
    ),
    "side": closed("A layer on one side of a diff.", SIDE),
    "summed": closed("Layers of one kind, added up.", {"layers": count("how many"), **COST_FIELDS}),
    "converted": closed(
        "What one network of a diff has, and the other one writes in another way.",
        {
            "folded_norms": count("norms that are in the layer before them in the other network"),
            "folded_params": count("the params of these norms"),
            "folded_buffers": count("the buffers of these norms"),
            "folded_without_bias": count("of the layers before these norms, those without a bias there"),
            "biases": count("layers that have a bias here alone"),
            "bias_params": count("the params of these biases"),
            "biases_of_norms": count("of these layers, those that take in the shift of a norm"),
            "zero_biases": count("of these layers, those whose bias is nothing but zeros, as their file says"),
            "biases_apart": count("params of these biases that are sums of their own in the other network"),
            "merged": count("biases, scales and shifts that equal others, which are stored"),
            "fused_activations": count("activations that are fused into the layer before them"),
            "pads": count("layers that only pad"),
            "element_bits": count("the width of the elements that most layers that do work give"),
            "param_bits": count("the width of a stored number, in the mean"),
            "spelled_norms": count("norms that are a scale and a shift of their own in the other network"),
            "spelled_params": count("the params of these norms"),
            "spelled_buffers": count("the buffers of these norms"),
            "spelled_as": count("the params of these scales and shifts in the other network"),
            "folded_scales": count("scales, with their shifts, that are in the layer before them in the other network"),
            "folded_scale_params": count("the params of these scales and shifts"),
            "shared_layers": count("layers that read weights of another here, and have their own in the other network"),
            "shared_params": count("the params of these weights"),
        },
    ),
    "compared": closed(
        "One of the two networks of a diff.",
        {
            "network": text("the argument"),
            "name": text("the network's name"),
            "inputs": INPUTS,
            "totals": by_name(count("a total"), f"every metric: {', '.join(METRICS)}"),
            "complete": COMPLETE,
            "incomplete": INCOMPLETE,
            "uncounted": UNCOUNTED,
            "most": MOST,
            "notes": NOTES,
        },
    ),
    "load": closed(
        "What a device makes of some layers.",
        {
            "macs": count("macs"),
            "traffic": count("bytes moved at least"),
            "intensity": number("macs per byte"),
            "layers": count("how many layers"),
            "memory_bound": count("how many of them wait for memory"),
            "time": number("least time, in units of one byte moved"),
        },
    ),
    "row": closed("A layer that a baseline keeps.", ROW),
    "choice": closed(
        "A place where one of several branches runs.",
        {
            "name": text("the row of the choice"),
            "taken": texts("the layers of the branch that is counted"),
            "inner": many("choice", "the choices among these"),
            "others": several(
                closed(
                    "A branch that is not counted.",
                    {"layers": many("row", "its layers"), "choices": many("choice", "the choices among these")},
                ),
                "the other branches",
            ),
        },
    ),
}
