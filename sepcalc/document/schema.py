"""The JSON Schema of a document (draft-07), made from the tables that the reader reads.

Scalars are raw text to sepcalc, but reach a validator as whatever the editor's YAML makes of them: a number or a truth
where a text is meant, and the other way round. What a schema cannot know (blocks by name, expressions, shapes) it
lets pass; nothing that the reader takes is refused.
"""

from collections.abc import Sequence
from typing import Any

from sepcalc.conventions import COUNTERS, counter
from sepcalc.cost import COUNTS
from sepcalc.document.budget import BYTES
from sepcalc.document.entries import INCLUDED, JOINS, PARTS
from sepcalc.gate import METRICS
from sepcalc.gate.limits import LEVELS
from sepcalc.gate.metrics import LIMITED
from sepcalc.kinds import KINDS, Kind
from sepcalc.options import DECIMAL, FLAG, FUNCTION, NAMES, OFFSETS, OPTIONS, PADDING, WORD, Option
from sepcalc.spec import EACH

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean", "null"]}  # any scalar
_VALUE: Schema = {"type": ["string", "number", "boolean"]}  # an expression
_SIZE: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}]}
_OFFSET: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}]}
_SHAPE: Schema = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^[0-9]+(x[0-9]+){0,4}$|\{.*\}"}]
}
_NOTHING: Schema = {"type": "array", "maxItems": 0}
_QUANTITY = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)? *[kKMGBT]?$"},
    ]
}
_TOLERANCE = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)? *[kKMGBT%]?$"},
    ]
}


def schema() -> Schema:
    """The whole schema."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "sepcalc network",
        "$ref": "#/definitions/network",
        "definitions": {
            "network": _network(),
            "layers": {"anyOf": [{"type": "array", "items": {"$ref": "#/definitions/layer"}}, {"type": "null"}]},
            "layer": _layer(),
            "kind": {"properties": {name: _kind(name, kind) for name, kind in KINDS.items()}},
            "branch": {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/definitions/layers"}]},
            "reference": {"description": "The name of a layer that has run.", **_TEXT},
            "block": _block_use(),
        },
    }


def _network() -> Schema:
    properties: Schema = {
        "name": {**_TEXT, "description": "The title of reports."},
        "published": _published(),
        "param-bytes": {
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{BYTES}$"}],
            "description": "What a param takes where it is stored, if not 4: 2, or 51/14 for 51 bytes of 14 params.",
        },
        "input": {**_SHAPE, "description": "HxWxC, channels last, no batch: 224x224x3."},
        "inputs": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _SHAPE,
            "description": "Several inputs by name; the layers begin with the first.",
        },
        "outputs": _several_names("The layers that are outputs; names with layers, where they differ."),
        "parameters": {"type": "object", "additionalProperties": _parameter()},
        "defaults": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _option(option, lists=False) for name, option in OPTIONS.items()},
            "description": "Options for every kind that has them.",
        },
        "include": {
            **_list_or_one({"type": "string", "minLength": 1}),
            "description": "Files whose blocks are used here.",
        },
        "blocks": {
            "type": "object",
            "propertyNames": {"pattern": r"^\s*[A-Za-z_][^\s()]*\s*(\([\s\S]*\))?\s*$"},
            "additionalProperties": {"$ref": "#/definitions/layers"},
            "description": "name(parameter, parameter=default), and its layers.",
        },
        "layers": {"$ref": "#/definitions/layers"},
        "budget": _budget(),
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [
            {"required": ["layers", "input"]},
            {"required": ["layers", "inputs"]},
            {"propertyNames": {"enum": [*INCLUDED]}, "minProperties": 1},  # a file that others include
        ],
        "properties": properties,
    }


def _list_or_one(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "minItems": 1, "items": item}]}


def _several_names(description: str) -> Schema:
    name = {"$ref": "#/definitions/reference"}
    named = {"type": "object", "minProperties": 1, "additionalProperties": name}
    return {"anyOf": [*_list_or_one(name)["anyOf"], named], "description": description}


def _budget() -> Schema:
    limits = _limits([*LIMITED])
    layers = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            **_limits([name for name, metric in METRICS.items() if metric.layer]),
            "each": {"enum": [True, False, "true", "false"], "description": "Each layer by itself, not all together."},
        },
    }
    globs = {"type": "object", "minProperties": 1, "propertyNames": {"minLength": 1}, "additionalProperties": layers}
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            **limits,
            **{f"{name}:{metric}": limits["macs"] for name in COUNTERS for metric in counter(name).prints},
            "layers": {**globs, "description": "Limits of the layers whose names match a glob."},
            "level": {"enum": [*LEVELS], "description": "Whether being over it fails, or only warns."},
            "message": {**_TEXT, "description": "What to tell whoever is over it."},
        },
        "description": "The most that each may be.",
    }


def _limits(metrics: Sequence[str]) -> Schema:
    limits: Schema = {}
    for name in metrics:
        units = "B|[kMGT]|[KMGT]iB" if LIMITED[name].bytes else "[kKMGT]"
        pattern = rf"^(0|[1-9][0-9]*|[1-9][0-9]{{0,2}}(,[0-9]{{3}}){{2,}})(\.[0-9]+)?( ?({units}))?$"
        limit = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": pattern}]}
        limits |= dict.fromkeys([name, name.replace("_", "-")], limit)
    return limits


def _metrics() -> Schema:
    names = dict.fromkeys([*METRICS, *(metric.replace("_", "-") for metric in METRICS)])
    return dict.fromkeys(names, _QUANTITY)


def _published() -> Schema:
    claims: Schema = {
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in _metrics()],
        "properties": {
            "source": _TEXT,
            "tolerance": {**_TOLERANCE, "description": "Half a unit of the last digit, if not given: 5000, or 1%."},
            "counter": {"enum": [*COUNTERS], "description": "Whose number it is: what this counter prints."},
            **_metrics(),
        },
    }
    return {**_list_or_one(claims), "description": "Numbers that were published of this network."}


def _parameter() -> Schema:
    ranged = {
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["value"]}, {"required": ["choices"]}, {"required": ["min", "max", "step"]}],
        "properties": {
            "value": _VALUE,
            "min": _VALUE,
            "max": _VALUE,
            "step": {**_VALUE, "description": "A sweep goes from min to max by it."},
            "choices": {"type": "array", "minItems": 1, "items": _VALUE},
        },
    }
    return {"anyOf": [_VALUE, ranged]}


def _option(option: Option, lists: bool = True) -> Schema:
    """A value of an option, in long form: text, or an expression."""
    if option.type is FLAG:
        value: Schema = {"type": ["boolean", "string"]}
    elif option.type is DECIMAL:
        value = {"type": ["number", "string"]}
    elif option.type is FUNCTION:
        value = {"type": "string"}
    elif option.type is NAMES:
        value = {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"enum": list(COUNTS)}}]}
    elif option.type is WORD:
        value = {"type": ["string", "boolean"]}  # n is a truth to some
    else:
        value = _OFFSET if option.type in (OFFSETS, PADDING) else _SIZE
        if lists:
            several: Schema = {"type": "array", "minItems": 1, "items": {"type": ["number", "string"]}}
            value = {"anyOf": [*value["anyOf"], several]}
    default = f" [default: {option.default}]" if option.default else ""
    return {**value, "description": f"{option.help}{default}"}


def _kind(name: str, kind: Kind) -> Schema:
    """What may stand behind a kind: its other words, or its options by name; of a join also branches."""
    options: Schema = {option: _option(OPTIONS[option]) for option in kind.options}
    slots = kind.words()
    words: list[Schema] = [{"enum": list(slots[0])}] if slots else []
    mapping: Schema = {"type": "object", "properties": options, "additionalProperties": False}
    forms: list[Schema] = [*words, _TEXT, mapping]
    if name in JOINS:
        mapping["additionalProperties"] = {"$ref": "#/definitions/branch"}
        forms.append({"type": "array", "items": {"$ref": "#/definitions/branch"}})
    else:
        mapping["properties"] = {**options, "weights": {"$ref": "#/definitions/reference"}}
        if kind.several:
            forms.append(_NOTHING)
    return {"anyOf": forms, "description": kind.counted}


def _block_use() -> Schema:
    """What may stand behind the name of a block: its arguments."""
    return {"anyOf": [_TEXT, {"type": "object", "additionalProperties": _VALUE}]}


def _layer() -> Schema:
    """A spec or a block on one line; or a body with what stands beside it."""
    reference = {"$ref": "#/definitions/reference"}
    names: list[str] = [*KINDS]
    modifiers: Schema = {
        "name": {**_TEXT, "description": "What its rows, from and weights call it."},
        "from": {
            "anyOf": [reference, {"type": "array", "items": reference}],
            "description": "The layers that it starts from; [] where an uncounted one takes no input.",
        },
        "weights": {**reference, "description": "The layer whose weights it has: params once, work per use."},
        "shared-params": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _SIZE,
            "description": "The layers before it that have counted params of it already, and how many each.",
        },
        "constant-params": {
            **_SIZE,
            "description": "How many of its params are stored nowhere: repeats of others, or fixed numbers.",
        },
        "more-params": {**_SIZE, "description": "How many params it stores that its spec does not say."},
        "more-buffers": {**_SIZE, "description": "How many numbers besides, which nobody trains: a fixed kernel."},
        "repeat": {**_SIZE, "description": "How often it runs."},
        "choose": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "array", "minItems": 1, "items": _VALUE},
            "description": "Open choices: names for its expressions, each with the values it may have. "
            "The first holds where nothing else is set.",
        },
        "when": {**_VALUE, "description": "Whether it runs at all; of a residual, whether the sum is formed."},
    }
    column = {"type": "array", "items": {"type": "string"}}
    kinds = {name: {"$ref": f"#/definitions/kind/properties/{name}"} for name in names}
    bodies: Schema = {
        **kinds,
        "layers": {"$ref": "#/definitions/layers"},
        "residual": {"$ref": "#/definitions/layers"},
        "shortcut": {"$ref": "#/definitions/layers"},
        "stages": {"type": "string", "description": "A table of uses of this block."},
        "columns": {**column, "minItems": 1, "description": "Its parameters, and repeat."},
        "first": {**column, "description": "Columns that are for the first use of a row alone."},
        "rows": {"type": "array", "minItems": 1, "items": {"type": "array", "items": _VALUE}},
        "scan": {**_TEXT, "description": "What a layer is called that runs a step for each slice of the first axis."},
        "states": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _SHAPE,
            "description": "What a step is given of the one before it, by name.",
        },
        "step": {"$ref": "#/definitions/layers"},
        "next": {
            **_list_or_one(reference),
            "description": "What the next step's states are; the first is the output.",
        },
        "last": {"enum": [True, False, "true", "false"], "description": "Only the last step's output."},
    }
    bare = [name for name, kind in KINDS.items() if kind.begins or kind.bare]
    written = {rf"^({EACH}\s+)+{name}(\s|$)|^{name}\s": kind for name, kind in kinds.items()}
    return {
        "anyOf": [
            {"type": "string", "pattern": r"^\s*[^0-9\s]"},
            {
                "type": "object",
                "minProperties": 1,
                "properties": {**modifiers, **bodies},
                "patternProperties": written,
                "additionalProperties": {"$ref": "#/definitions/block"},
                "dependencies": _dependencies(PARTS.items()),
                "if": {"properties": {"from": _NOTHING}, "required": ["from"]},
                "then": {"propertyNames": {"pattern": rf"^({'|'.join(modifiers)})$|^\s*({'|'.join(bare)})(\s|$)"}},
            },
        ]
    }


def _dependencies(parts: Any) -> Schema:
    """Which keys need which others, or must be without them."""
    needed: dict[str, Sequence[str]] = {part: [owner] for owner, keys in parts for part in keys}
    alone = {name: {"properties": {"from": _NOTHING}} for name, kind in KINDS.items() if kind.begins}
    return {**needed, "stages": ["columns", "rows"], "scan": ["states", "step", "next"], **alone}
