"""Attention layers: projections, the attention itself, the output projection."""

from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.keras.activation import activate, softmax
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Copy
from sepcalc.ops.pool import Reduce
from sepcalc.ops.product import Attention, Dense, Matmul


def _three(call: Call) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, value; without a key, the value is the key."""
    names = ("query", "value", "key")
    flat = list(call.args[0]) if len(call.args) == 1 and isinstance(call.args[0], list) else list(call.args)
    given = {name: item for name, item in zip(names, flat) if isinstance(item, Tensor)}
    given |= {name: item for name in names if isinstance(item := call.kwargs.get(name), Tensor)}
    if "query" not in given or "value" not in given:
        raise Invalid("it needs a query and a value")
    value = call.plain(given["value"])
    return call.plain(given["query"]), call.plain(given["key"]) if "key" in given else value, value


def _scores_wanted(call: Call) -> bool:
    return call.kwargs.get("return_attention_scores") is True


def multi_head(call: Call) -> Tensor | list[Tensor]:
    settings = call.settings
    heads, size = settings.size("num_heads"), settings.size("key_dim")
    value_size = settings.size("value_dim", default=size)
    return _projected(call, heads, heads, size, value_size)


def grouped(call: Call) -> Tensor | list[Tensor]:
    settings = call.settings
    heads, kv_heads = settings.size("num_query_heads"), settings.size("num_key_value_heads")
    size = settings.size("head_dim")
    return _projected(call, heads, kv_heads, size, size)


def _projected(call: Call, heads: int, kv_heads: int, size: int, value_size: int) -> Tensor | list[Tensor]:
    settings = call.settings
    query, key, value = _three(call)
    if min(len(query.shape), len(key.shape)) < 2:
        raise Invalid("it needs sequences")
    bias = settings.flag("use_bias", True)
    wanted = settings.sizes("output_shape") if settings.get("output_shape") is not None else query.shape[-1:]
    gate = None
    if settings.flag("use_gate", False):
        dense = call.add(Dense(heads * value_size, bias), query, link="gate")
        gate = activate(call, dense, "sigmoid", "gate/act")
    q = call.add(Dense(heads * size, bias), query, link="query")
    k = call.add(Dense(kv_heads * size, bias), key, link="key")
    v = call.add(Dense(kv_heads * value_size, bias), value, link="value")
    made, scores = _attended(call, heads, kv_heads, q, k, v)
    if gate is not None:
        made = call.add(Elementwise("multiply"), made, gate, link="gated")
    out = call.add(Dense(prod(wanted), bias), made, link="output")
    out = call.shaped(out, (*query.shape[:-1], *wanted), "shape")
    return out if scores is None else [out, scores]


def _attended(call: Call, heads: int, kv_heads: int, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor | None]:
    """Attention over some axes, separately for each position along the others."""
    rank = len(q.shape) + 1
    axes = call.settings.axes("attention_axes", rank, list(range(1, rank - 1)))
    op = Attention(heads, kv_heads)
    if len(axes) == rank - 2:
        if _scores_wanted(call):
            return _spelled_out(call, heads, kv_heads, q, k, v)
        return call.add(op, q, k, v, link="attention"), None
    if rank - 2 in axes or _scores_wanted(call) or len(k.shape) != rank - 1 or len(v.shape) != rank - 1:
        raise Invalid("attention_axes does not match its inputs")
    kept = [axis for axis in range(rank - 2) if axis not in axes]
    count = prod([q.shape[axis] for axis in kept])

    def laid(tensor: Tensor, name: str) -> Tensor:
        order = [*kept, *axes, rank - 2]
        moved = tuple([tensor.shape[axis] for axis in order])
        if order != sorted(order):
            tensor = call.free("permute", tensor, moved, f"{name}/layout")
        return call.shaped(tensor, (count, prod(moved[len(kept) : -1]), moved[-1]), f"{name}/rows")

    three = [laid(tensor, name) for tensor, name in ((q, "query"), (k, "key"), (v, "value"))]
    inner = [tensor._replace(shape=tensor.shape[1:]) for tensor in three]
    outer = call.model.outer
    call.model.outer = (*outer, count)
    try:
        made = call.add(op, *inner, link="attention")
    finally:
        call.model.outer = outer
    moved = tuple([q.shape[axis] for axis in [*kept, *axes]] + [made.shape[-1]])
    whole = call.shaped(made._replace(shape=(count, *made.shape)), moved, "attention/rows")
    shape = (*q.shape[:-1], made.shape[-1])
    return (whole if [*kept, *axes] == list(range(rank - 2)) else call.free("permute", whole, shape, "restored")), None


def _spelled_out(
    call: Call, heads: int, kv_heads: int, q: Tensor, k: Tensor, v: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Attention whose scores are an output: the same operations as separate steps."""

    def split(tensor: Tensor, count: int, name: str) -> Tensor:
        rows, size = prod(tensor.shape[:-1]), tensor.shape[-1] // count
        parts = call.free("reshape", tensor, (rows, count, size), f"{name}/heads")
        own = call.free("permute", parts, (count, rows, size), f"{name}/layout")
        return own if count == heads else call.add(Copy((heads, rows, size)), own, link=f"{name}/repeat")

    query, key, value = split(q, heads, "query"), split(k, kv_heads, "key"), split(v, kv_heads, "value")
    scores = call.add(Stored("scale"), call.add(Matmul(True), query, key, link="scores"), link="scale")
    weights = softmax(call, scores, (2,), link="softmax")
    mixed = call.add(Matmul(), weights, value, link="attention")
    joined = call.free("permute", mixed, (mixed.shape[1], heads, mixed.shape[2]), "layout")
    shape = (*q.shape[:-1], heads * mixed.shape[2])
    weights = call.shaped(weights, (heads, *q.shape[:-1], *k.shape[:-1]), "weights")
    return call.free("reshape", joined, shape, "rows"), weights


def dot_product(call: Call) -> Tensor | list[Tensor]:
    """softmax(QKᵀ·scale)·V without projections and without 1/sqrt(d); or with additive scores (``concat``)."""
    settings = call.settings
    query, key, value = _three(call)
    scaled = settings.flag("use_scale", False)
    if settings.word("score_mode", ("dot", "concat"), "dot") == "dot":
        scores = call.add(Matmul(True), query, key, link="scores")
        if scaled:
            scores = call.add(Stored("scale", "shape", (1,) * len(scores.shape)), scores, link="scale")
    else:
        summed = _pairs(call, query, key)
        if scaled:
            summed = call.add(Stored("scale", "shape", (1,) * len(summed.shape)), summed, link="scale")
        tanh = call.add(Activation("tanh"), summed, link="tanh")
        total = call.add(Reduce("sum", (len(tanh.shape) - 1,)), tanh, link="sum")
        scores = call.add(Stored("scale", "shape", (1,) * len(total.shape)), total, link="weight")
    return _weighed(call, scores, value)


def additive(call: Call) -> Tensor | list[Tensor]:
    """Bahdanau attention: scores are sum(scale·tanh(q + k)), with a trained vector ``scale``."""
    query, key, value = _three(call)
    tanh = call.add(Activation("tanh"), _pairs(call, query, key), link="tanh")
    if call.settings.flag("use_scale", True):
        tanh = call.add(Stored("scale", "channel"), tanh, link="scale")
    return _weighed(call, call.add(Reduce("sum", (len(tanh.shape) - 1,)), tanh, link="scores"), value)


def _pairs(call: Call, query: Tensor, key: Tensor) -> Tensor:
    """Every query plus every key."""
    if len(query.shape) != 2 or len(key.shape) != 2:
        raise Invalid("it needs sequences")
    rows = call.free("reshape", query, (query.shape[0], 1, query.shape[1]), "query")
    columns = call.free("reshape", key, (1, *key.shape), "key")
    return call.add(Elementwise("add"), rows, columns, link="pairs")


def _weighed(call: Call, scores: Tensor, value: Tensor) -> Tensor | list[Tensor]:
    weights = softmax(call, scores, (len(scores.shape) - 1,), link="softmax")
    made = call.add(Matmul(), weights, value, link="attention")
    return [made, weights] if _scores_wanted(call) else made


LAYERS: dict[str, Operator] = {
    "MultiHeadAttention": Operator(multi_head, NONE),
    **same_rows(Operator(grouped, NONE), "GroupedQueryAttention", "GroupQueryAttention"),
    "Attention": Operator(dot_product, NONE),
    "AdditiveAttention": Operator(additive, NONE),
}
