"""ONNX Runtime's attention operators: with projections, with merged queries, keys and values, with rotary positions,
with a cache of earlier keys and values. Source: ONNX Runtime's page of contributed operators.

A cache counts as full: it has as many keys as its shape says, and the new ones are appended. All pairs count, also
those that masks, windows and lengths exclude, because no count depends on the data.
"""

from collections.abc import Sequence
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import NONE
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.attention import Form, attended, attended_all, behind, form_of, heads_apart, rotated
from sepcalc.importers.onnx.decompose import as_onnx, scaled, split
from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.products import multiplied
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.standard import STANDARD
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.shape import show

_SHARED = "how far the buffer of its keys is filled depends on the data"


def _full(builder: Builder, past: Value | None) -> None:
    if past is not None:
        builder.note("caches of attention count as full: all keys that their shapes hold, and the new ones")


def _turned(builder: Builder, call: Call, value: Value, tables: Sequence[Value], part: str, heads: int) -> Value:
    """Queries or keys with rotary positions applied."""
    settings = {"num_heads": heads, "rotary_embedding_dim": call.whole("rotary_embedding_dim", 0)}
    inner = call.part(part, value, None, *tables, type="com.microsoft.RotaryEmbedding", attributes=settings)
    return rotated(builder, inner)[0]


# --- projections, then attention --------------------------------------------------------------------------------------


def _projected(
    builder: Builder, call: Call, projected: Value, sizes: Sequence[int], past: Value | None, mask: Value | None
) -> Results:
    """Attention on merged projections; the keys and values of the cache are one tensor, too."""
    if call.whole("past_present_share_buffer", 0):
        raise Refused(_SHARED)
    heads = call.whole("num_heads", 0)
    form = form_of(call, heads, heads, mask)
    query, key, value = split(builder, call, projected, sizes)
    if call.whole("do_rotary", 0):  # the angles of the positions are computed beforehand
        angles = Value((1, sizes[0] // heads // 2))
        query, key = [
            _turned(builder, call, one, (angles, angles), part, heads) for one, part in ((query, "query"), (key, "key"))
        ]
    _full(builder, past)
    if past is None and not any(call.outputs[1:]):
        return (attended(builder, call, query, key, value, form)[0],)
    halves: list[Value | None] = [None, None]
    if past is not None:
        if len(past.sizes) != 5 or past.sizes[0] != 2:
            raise Invalid(f"a cache of {show(past.sizes)} holds no keys and values")
        parts = builder.along(past, 0) if past.batch == 0 else past
        halved = {"axis": 0, "split": (1, 1)}
        cut = call.part("past", parts, attributes=halved, opset=11, outputs=("keys", "values"))
        both = STANDARD["Split"](builder, cut)
        halves = [as_onnx(builder, call, "Squeeze", one, axes=(0,)) for one in both]
    key, value = behind(builder, call, halves, (key, value), heads)
    result, _ = attended(builder, call, query, key, value, form)
    stacked = [as_onnx(builder, call, "Unsqueeze", one, axes=(0,)) for one in (key, value)]
    return result, as_onnx(builder, call, "Concat", *stacked, part="present", axis=0)


def _attention(builder: Builder, call: Call) -> Results:
    """The inputs are: data, weights, bias, mask, past, bias of the scores."""
    kernel = call.input(1)
    projected = multiplied(builder, call.part("projection"), call.input(0), kernel, call.maybe(2))
    sizes = call.ints("qkv_hidden_sizes") or (kernel.sizes[-1] // 3,) * 3
    return _projected(builder, call, projected, sizes, call.maybe(4), call.maybe(5))


def _quantized_attention(builder: Builder, call: Call) -> Results:
    """Attention on small integers; the projections' sums are multiplied by a stored scale. The inputs are: data,
    weights, bias, two scales, mask, two zero points, past."""
    kernel = call.input(1)
    inner = call.part("projection")
    projected = multiplied(builder, inner, call.input(0), kernel)
    projected = scaled(builder, inner, projected, [call.input(3), call.input(4)], call.maybe(2))
    return _projected(builder, call, projected, (kernel.sizes[-1] // 3,) * 3, call.maybe(8), None)


# --- attention alone --------------------------------------------------------------------------------------------------


def _flat(builder: Builder, value: Value) -> Value:
    """Merges all axes after the examples and the positions."""
    if len(value.sizes) < 4:
        return value
    value = builder.laid(value, False)
    return builder.give(value, (*value.sizes[:2], prod(value.sizes[2:])), value.number, value.batch)


def _parts(builder: Builder, call: Call, heads: int, kv_heads: int) -> list[Value]:
    """Queries, keys and values, given separately, with keys and values merged, or all three merged."""
    query, key, value = _flat(builder, call.input(0)), call.maybe(1), call.maybe(2)
    if key is None:
        size = query.sizes[-1] // (heads + 2 * kv_heads)
        return split(builder, call, query, (heads * size, kv_heads * size, kv_heads * size))
    if value is None:
        both = _flat(builder, key)
        return [query, *split(builder, call, both, (both.sizes[-1] // 2,) * 2)]
    return [query, key, value]


def _multi_head(builder: Builder, call: Call) -> Results:
    """The inputs are: query, key, value, their merged biases, mask, bias of the scores, past keys and values, their
    length, beams. Keys and values with separate heads are projected already, and include their biases."""
    heads = call.whole("num_heads", 0)
    mask, past = call.maybe(5), (call.maybe(6), call.maybe(7))
    if call.maybe(8) is not None:
        raise Refused(_SHARED)
    form = form_of(call, heads, heads, mask, 0 if any(call.outputs[3:]) else None)
    parts = _parts(builder, call, heads, heads)
    if (bias := call.maybe(3)) is not None:
        plain = [part for part in parts if len(part.sizes) == 3]
        widths = [prod(part.sizes[2:]) if len(part.sizes) == 3 else prod(part.sizes[1::2]) for part in parts]
        pieces = split(builder, call, bias, widths)
        added = [combined(builder, call.part("bias"), "add", [part, piece]) for part, piece in zip(plain, pieces)]
        parts = [*added, *parts[len(plain) :]]
    return _cached(builder, call, parts, past, form)


def _decoder(builder: Builder, call: Call) -> Results:
    """Multi-head attention of one query, with its inputs in another order."""
    if call.whole("past_present_share_buffer", 0):
        raise Refused(_SHARED)
    query, key, value, mask, added, past_key, past_value = [call.maybe(at) for at in range(7)]
    inputs = (query, key, value, call.maybe(10), mask, added, past_key, past_value)
    return _multi_head(builder, call._replace(inputs=inputs))


def _cached(builder: Builder, call: Call, parts: Sequence[Value], past: Sequence[Value | None], form: Form) -> Results:
    query, key, value = parts
    _full(builder, past[0])
    if past[0] is not None or any(call.outputs[1:3]):
        key, value = behind(builder, call, past, (key, value), form.kv_heads)
    return attended_all(builder, call, query, key, value, form)


def _grouped(builder: Builder, call: Call) -> Results:
    """The inputs are: query, key, value, past keys and values, the lengths of the keys, tables of angles, positions,
    bias of the scores, sinks, scales of a quantized cache, gains of a norm of queries and keys."""
    heads, kv_heads = call.whole("num_heads", 0), call.whole("kv_num_heads", 0)
    output = call.whole("qk_output", 0) if any(call.outputs[3:]) else 0
    form = form_of(call, heads, kv_heads, call.maybe(10), {1: 2, 2: 3}.get(output))
    if call.maybe(12) is not None or call.text("k_quant_type", "NONE") != "NONE":
        raise Refused("attention on a quantized cache is not supported")
    if call.whole("sliding_window_cache", 0):
        raise Refused(_SHARED)
    parts = _parts(builder, call, heads, kv_heads)
    for at, (part, count) in enumerate((("query", heads), ("key", kv_heads))):
        if (gain := call.maybe(14 + at)) is not None:
            lone = heads_apart(builder, parts[at], count)
            normed = as_onnx(builder, call, "RMSNormalization", lone, gain, part=f"{part}-norm", axis=-1)
            parts[at] = builder.give(parts[at], parts[at].sizes, normed.number, parts[at].batch)
        if call.whole("do_rotary", 0):
            parts[at] = _turned(builder, call, parts[at], (call.input(7), call.input(8)), part, count)
    if call.whole("smooth_softmax", 0) or call.maybe(11) is not None:
        form = form._replace(sink=(call.maybe(11),))
    return _cached(builder, call, parts, (call.maybe(3), call.maybe(4)), form)


def _of_tensors(handler: Handler, *places: int) -> Handler:
    """An operator whose inputs at these positions may be stored, such as learned queries: each becomes a tensor of the
    network for every example. A cache of initial zeros stores nothing."""

    def handle(builder: Builder, call: Call) -> Results:
        inputs = list(call.inputs)
        for at in places:
            value = call.maybe(at)
            if value is None or not value.constant:
                continue
            if value.data is not None and not any(value.data.numbers):
                value = value._replace(roots=())
            value = builder.standing(call.name, builder.for_each(value))
            if value.batch is None and value.sizes[:1] == (1,) and builder.batch == 1:
                value = builder.give(value, value.sizes, value.number, 0)
            inputs[at] = value
        return handler(builder, call._replace(inputs=tuple(inputs)))

    return handle


CACHED: dict[str, Operator] = {
    "com.microsoft.Attention": Operator(_of_tensors(_attention, 4), NONE, mask=5, states=(4,)),
    "QAttention": Operator(_of_tensors(_quantized_attention, 8), NONE, settings=(5,), scales=(3, 4, 6, 7), states=(8,)),
    "MultiHeadAttention": Operator(_of_tensors(_multi_head, 0, 1, 2, 6, 7), NONE, mask=5, states=(6, 7), apart=True),
    "DecoderMaskedMultiHeadAttention": Operator(_of_tensors(_decoder, 0, 1, 2, 5, 6), NONE, mask=4, states=(5, 6)),
    "GroupQueryAttention": Operator(
        _of_tensors(_grouped, 0, 1, 2, 3, 4),
        NONE,
        settings=(5, 6, 7, 8, 9),
        scales=(12, 13),
        mask=10,
        states=(3, 4),
        apart=True,
    ),
}
