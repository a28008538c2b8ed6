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
    return {"const": f"sepcalc-{name}/1", "description": "the name and the version of the report"}


# --- what several reports have ----------------------------------------------------------------------------------------

COST_FIELDS: Fields = {name: count(MEANING[name]) for name in COSTS}
NOTES = texts("sentences that explain or limit the numbers")
COMPLETE = truth("whether every layer was counted, at least in some counts")
INCOMPLETE = texts("the counts that are unknown for at least one layer; every other count is complete")
UNCOUNTED = many("gap", "the layers that lack some counts, or all")
INPUTS = by_name(shape("one input"), "the shape of every input, by its name")
MOST = maybe(
    by_name(
        count("a count"),
        "the totals that are larger when other branches run, each at its largest; limits apply to these numbers",
    )
)
CHANGE = whole("new - old")
PERCENT = or_null(number("the change in percent of the old number; null if the old number is 0 and the new one is not"))

LAYER: Fields = {
    "name": text("the layer's path, such as stage[2]/conv"),
    "kind": text("its kind, as sepcalc kinds lists it"),
    "inputs": several(shape("one input"), "the shapes of its inputs"),
    "output": shape("its output"),
    **COST_FIELDS,
    "effective_macs": count("macs whose input is not padding"),
    "traffic": count("the least number of bytes that it moves: inputs, params and outputs once each"),
    "receptive_field": or_null(
        several(
            {"type": "integer"}, "how many positions of the network's input one output element depends on, per axis"
        )
    ),
    "weights": or_null(text("the name of the layer that counts the shared params; null if it shares none")),
    "spec": or_null(text("the layer as one line that sepcalc reads; null if it cannot be written as a line")),
    "sources": texts("the names of the inputs and layers that it reads"),
    "origin": or_null(
        closed(
            "Where the layer comes from, as far as the file states it; null if it states nothing.",
            {
                "operator": text("the operator in the file"),
                "module": or_null(text("the path of the module that runs it")),
                "class": or_null(text("the class of that module")),
            },
        )
    ),
    "element_bits": or_null(count("the width of an output element in bits; null if no file states it")),
    "explain": maybe(by_name({"type": "string"}, "with --explain: how each count other than 0 is computed")),
}
VERDICT: Fields = {
    "metric": text("the metric that is limited, such as macs or peak_memory"),
    "scope": text("what the limit covers: network, baseline, a glob, or the name of one layer"),
    "limit": count("the largest number allowed"),
    "actual": count("the number found"),
    "passed": truth("whether the number is within the limit; false if that is unknown"),
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
            "counts": texts("the counts that it lacks: some, or all"),
        },
    ),
    "finding": closed(
        "A published number, beside the number that was counted.",
        {
            "metric": text("the metric"),
            "published": text("the published number, as printed in its source"),
            "actual": count("the number that was counted"),
            "source": text("where it was published"),
            "passed": truth("whether both agree, within half a unit of the last digit or within the tolerance"),
            "ratio": or_null(number("actual / published; null if published is 0")),
        },
    ),
    "verdict": closed("A limit, beside the number found.", VERDICT),
    "not_applicable": closed(
        "A variant that does not apply.", {"name": text("the variant"), "reason": text("why it does not apply")}
    ),
    "side": closed("A layer on one side of a diff.", SIDE),
    "summed": closed("Layers of one kind, added up.", {"layers": count("the number of layers"), **COST_FIELDS}),
    "converted": closed(
        "What one network of a diff has that the other one writes in another way.",
        {
            "folded_norms": count("norms that the other network folds into the layer before them"),
            "folded_params": count("the params of these norms"),
            "folded_buffers": count("the buffers of these norms"),
            "folded_without_bias": count("how many of the layers before these norms have no bias in the other network"),
            "biases": count("layers that have a bias in this network only"),
            "bias_params": count("the params of these biases"),
            "biases_of_norms": count("how many of these layers take in the shift of a norm"),
            "zero_biases": count("how many of these layers have a bias of zeros only, as the file stores it"),
            "biases_apart": count("params of these biases that are separate sums in the other network"),
            "merged": count("biases, scales and shifts that are not stored, because they equal others that are"),
            "fused_activations": count("activations that are fused into the layer before them"),
            "pads": count("layers that only pad"),
            "element_bits": count("the width in bits of the output elements of most layers that do work"),
            "param_bits": count("the mean width of a stored number in bits"),
            "spelled_norms": count("norms that are a separate scale and shift in the other network"),
            "spelled_params": count("the params of these norms"),
            "spelled_buffers": count("the buffers of these norms"),
            "spelled_as": count("the params of these separate scales and shifts"),
            "folded_scales": count(
                "scales, with their shifts, that the other network folds into the layer before them"
            ),
            "folded_scale_params": count("the params of these scales and shifts"),
            "initial_states": count("initial states of recurrent layers' steps that only this network stores"),
            "stored_slopes": count("slopes of leaky activations that only this network stores"),
            "shared_layers": count("layers that share weights in this network and have their own in the other one"),
            "shared_params": count("the params of these weights"),
        },
    ),
    "compared": closed(
        "One of the two networks of a diff.",
        {
            "network": text("the argument that names the network"),
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
        "How a device runs some layers.",
        {
            "macs": count("multiply-accumulates"),
            "traffic": count("the least number of bytes moved"),
            "intensity": number("macs per byte"),
            "layers": count("the number of layers"),
            "memory_bound": count("the number of layers that wait for memory"),
            "time": number("the least time, in units of the time to move one byte"),
        },
    ),
    "row": closed("A layer as a baseline keeps it.", ROW),
    "choice": closed(
        "A place where one of several branches runs.",
        {
            "name": text("the name of the row"),
            "taken": texts("the layers of the branch that is counted"),
            "inner": many("choice", "the choices inside these layers"),
            "others": several(
                closed(
                    "A branch that is not counted.",
                    {"layers": many("row", "its layers"), "choices": many("choice", "the choices inside these layers")},
                ),
                "the other branches",
            ),
        },
    ),
}
