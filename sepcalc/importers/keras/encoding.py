"""Encodings of categories, integers and boxes as numbers, as Keras' own code runs them."""

from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.layout import KEEPS, NONE, same_rows
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.base import Uncounted
from sepcalc.ops.elementwise import Elementwise, Select, Stored
from sepcalc.ops.move import Copy, Pad, Slice
from sepcalc.ops.pool import Reduce
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape

SEARCHED = "the compares of a search among sorted boundaries depend on the data and the library"
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def _mode(settings: Settings, default: str, choices: tuple[str, ...]) -> str:
    how = settings.get("output_mode")
    return Settings({"output_mode": _OLD.get(how, how) if isinstance(how, str) else how}).word(
        "output_mode", choices, default
    )


def _encoded(shape: Shape, how: str, depth: int) -> Shape:
    """The shape of encoded integers: one_hot gives a vector for each, other modes give one vector for the whole first
    axis. Raises Unknown if the only axis is the batch."""
    if how == "int":
        return shape
    if how == "one_hot":
        return (*(shape[:-1] if shape and shape[-1] == 1 else shape), depth)
    if not shape:
        raise Unknown("it encodes the examples of a batch together: use inputs with one more axis")
    return (*shape[1:], depth)


def _encode(call: Call, x: Tensor, how: str, depth: int, weights: Tensor | None = None) -> Tensor:
    """Integers as vectors. A one-hot vector takes only moves. Several are combined by their maximum, or counted by
    their sum: (n - 1)·depth compares or additions. Counts may be weighted: n·depth mults."""
    shape = _encoded(x.shape, how, depth)
    if how == "int":
        return call.add(Rename("identity"), x)
    if how == "one_hot":
        return call.add(Copy(shape), x)
    made = call.add(Copy((*x.shape, depth)), x, link="one_hot")
    if weights is not None:
        column = call.free("reshape", call.plain(weights), (*x.shape, 1), "column")
        made = call.add(Elementwise("multiply"), made, column, link="weighted")
    return call.add(Reduce("max" if how == "multi_hot" else "sum", (0,)), made)


def category(call: Call) -> Tensor:
    settings = call.settings
    how = _mode(settings, "multi_hot", ("one_hot", "multi_hot", "count"))
    x, depth = call.plain(call.x), settings.size("num_tokens", "max_tokens")
    weights = call.tensors[1] if len(call.tensors) > 1 else None
    if how != "one_hot" and len(x.shape) > 1:
        raise Unknown("it encodes a table of categories: use a list of them", (*x.shape[:-1], depth))
    return _encode(call, x, how, depth, weights if how == "count" else None)


def lookup(call: Call) -> Tensor:
    """The index of each element in a vocabulary, which is free. A compare per element finds the mask token, and another
    finds tokens outside the vocabulary, if these are errors."""
    settings, x = call.settings, call.plain(call.x)
    how = _mode(settings, "int", MODES)
    foreign = 1 if settings.flag("invert", False) else settings.size("num_oov_indices", default=1, least=0)
    depth = 0
    if how != "int":
        padded = settings.flag("pad_to_max_tokens", False)
        size = settings.get("max_tokens") if padded else settings.get("vocabulary_size")
        words = settings.get("vocabulary")
        if size is None and not padded and isinstance(words, list):
            size = len(words) + foreign
        if size is None:
            raise Unknown("its vocabulary is not in the file: call set_vocabulary() before saving")
        depth = Settings({"vocabulary_size": size}).size("vocabulary_size")
    shape = _encoded(x.shape, how, depth)
    if how not in ("int", "one_hot") and len(x.shape) > 1:
        raise Unknown("it encodes a table of tokens: use a list of them", (*x.shape[:-1], depth))
    if foreign > 1:
        raise Unknown(f"unknown tokens share {foreign} indices by a remainder or a hash: use one index", shape)
    found = call.add(Select(), x, link="lookup")
    if settings.get("mask_token") is not None:
        found = call.add(Select(), call.add(Stored("compare"), x, link="mask"), found, link="masked")
    if not foreign:
        call.add(Stored("compare"), found, link="foreign")
    if how != "tf_idf":
        return _encode(call, found, how, depth)
    counted = _encode(call, found, "count", depth)
    return call.add(Stored("scale"), counted, link="idf")


def boxes(call: Call) -> Tensor | list[Tensor]:
    """A fixed number of boxes and labels, truncated or padded: moves only. Images are unchanged."""
    named: Any = call.args[0] if call.args else None
    if not isinstance(named, dict):
        return call.add(Rename("identity"), call.x)
    most = call.settings.size("max_number")
    made: list[Tensor] = []
    for name in sorted(named):  # Keras' order
        inner = named[name]
        if name != "bounding_boxes" or not isinstance(inner, dict):
            if not isinstance(inner, Tensor):
                raise Invalid(f"{name} is not a tensor")
            made.append(call.add(Rename("identity"), inner, link=name))
            continue
        for part in sorted(inner):
            tensor = inner[part]
            if not isinstance(tensor, Tensor) or not tensor.shape:
                raise Invalid(f"{part} is not a list of boxes or labels")
            made.append(_as_many(call, tensor, most, part))
    return made


def _as_many(call: Call, x: Tensor, most: int, name: str) -> Tensor:
    count, *rest = x.shape
    if count == most:
        return call.add(Rename("identity"), x, link=name)
    if count > most:
        return call.add(Slice((most, *rest)), x, link=name)
    column = x if rest else call.free("reshape", x, (count, 1), f"{name}/column")
    padded = call.add(Pad(((0, most - count),) + ((0, 0),) * (len(column.shape) - 2)), column, link=name)
    return padded if rest else call.free("reshape", padded, (most,), f"{name}/row")


def discretized(call: Call) -> Tensor:
    """The interval between sorted boundaries for each element: a search, whose number of compares is not known."""
    settings, x = call.settings, call.plain(call.x)
    boundaries, how = settings.get("bin_boundaries", "bins"), _mode(settings, "int", MODES[:4])
    depth = len(boundaries) + 1 if isinstance(boundaries, list) else settings.size("num_bins")
    if how not in ("int", "one_hot") and len(x.shape) > 1:
        raise Unknown("it encodes a table of numbers: use a list of them", (*x.shape[:-1], depth))
    _encoded(x.shape, how, depth)
    op = Uncounted(call.class_name, SEARCHED, x.shape or (1,), counts=("compares",)).along(-1, (x.shape or (1,),))
    found = call.add(op, x, link="" if how == "int" else "search")._replace(shape=x.shape)
    return found if how == "int" else _encode(call, found, how, depth)


# --- not counted, but with known output shapes ------------------------------------------------------------------------


def hashed(call: Call) -> list[Shape]:
    how, bins, shape = _mode(call.settings, "int", MODES[:4]), call.settings.size("num_bins"), call.x.shape
    if how == "int" or (how == "one_hot" and call.class_name == "HashedCrossing"):
        return [_encoded(shape, how, bins)]
    return [(*shape[:-1], bins)]  # as Keras states for Hashing; its mode one_hot gives a vector for each


def vectorized(call: Call) -> list[Shape]:
    settings = call.settings
    how = _mode(settings, "int", MODES)
    if how == "int":
        length = settings.get("output_sequence_length")
        return [] if length is None else [(settings.size("output_sequence_length"),)]
    key = "max_tokens" if settings.flag("pad_to_max_tokens", False) else "vocabulary_size"
    outer = call.x.shape if settings.get("split") is not None else call.x.shape[:-1]
    return [] if settings.get(key) is None else [(*outer, settings.size(key))]


_HASHED = (
    "it hashes the characters of a text (integers are written as text first), so its cost depends on how many "
    "they are: use integers as the model's input"
)
LAYERS: dict[str, Operator] = {
    "CategoryEncoding": Operator(category, NONE, stores=False),
    **same_rows(Operator(lookup, NONE, stores=False), "IntegerLookup", "StringLookup"),
    "MaxNumBoundingBoxes": Operator(boxes, NONE, stores=False),
    "Discretization": Operator(discretized, KEEPS, stores=False),
    **same_rows(Operator(None, NONE, _HASHED, shapes=hashed, stores=False), "Hashing", "HashedCrossing"),
    "TextVectorization": Operator(
        None,
        NONE,
        "it splits text into words, and its cost depends on the length: use integers as the model's input",
        shapes=vectorized,
        stores=False,
    ),
}
