"""Attention, and the rotary positions before it."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import NONE
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.moves import concat
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Copy, Slice
from sepcalc.ops.norm import Softmax
from sepcalc.ops.product import Attention, Matmul
from sepcalc.shape import show


class Form(NamedTuple):
    """The variant of softmax(Q·Kᵀ/sqrt(d))·V: the heads of queries, and of keys and values; an added mask; scaled
    scores (by a factor other than 1), capped scores, scores as an output; a sink, which is a stored number added to
    each row of scores."""

    heads: int
    kv_heads: int
    mask: bool = False
    scaled: bool = True
    cap: bool = False
    scores: int | None = None  # the output: 0 scaled scores, 1 capped, 2 masked, 3 softmax weights
    sink: Sequence[Value | None] = ()


def form_of(call: Call, heads: int, kv_heads: int, mask: Value | None, scores: int | None = None) -> Form:
    """The attributes that ONNX and ONNX Runtime share."""
    if heads < 1 or kv_heads < 1:
        raise Invalid("attention needs heads")
    added = mask is not None and mask.kind != 9
    capped = call.number("softcap", default=0.0) != 0
    return Form(heads, kv_heads, added, call.number("scale", default=0.0) != 1, capped, scores)


def attended(
    builder: Builder, call: Call, query: Value, key: Value, value: Value, form: Form
) -> tuple[Value, Value | None]:
    """Attention, and its scores if they are an output. Each tensor has 4 axes with separate heads, or 3 axes with the
    heads merged. A batch that holds windows beside examples is counted as more heads."""
    query, key, value = [builder.standing(call.name, one) for one in (query, key, value)]

    def tokens(tensor: Value, count: int) -> tuple[int, int]:
        """The tensor number with all heads (of all windows) merged behind the positions, and the number of heads."""
        tensor = builder.laid(tensor, False)
        shape, rank = builder.shape(tensor), len(tensor.sizes)
        if not (tensor.batch in (0, None) and rank in (3, 4) and len(shape) in (rank, rank - 1)):
            raise Refused("attention needs the batch as the first axis")
        windows = shape[0] if len(shape) == rank else 1
        positions, size = shape[-2:]
        number = builder.view(tensor.number, (positions, *shape[: len(shape) - 2], size))
        heads = windows * (tensor.sizes[1] if rank == 4 else count)
        return builder.view(number, (positions, prod(shape) // positions)), heads

    q, heads = tokens(query, form.heads)
    (k, kv_heads), (v, _) = tokens(key, form.kv_heads), tokens(value, form.kv_heads)
    op = Attention(heads, kv_heads, form.mask)
    positions, keys, _, size = op.sizes((builder.tensors[q], builder.tensors[k], builder.tensors[v]))
    batch = next((one.batch for one in (query, key, value) if one.batch is not None), None)
    scores = None
    if form.scaled and not form.cap and form.scores is None and not form.sink:
        number = builder.add(call.name, op, [q, k, v])
    else:
        number, stage = _spelled(builder, call, op, (q, k, v), form)
        if stage is not None:
            shape = (query.sizes[0], form.heads, positions, keys)
            scores = builder.give(query, shape, stage, batch)
    apart = len(query.sizes) == 4
    given = (*query.sizes[:-1], size * (1 if apart else form.heads))
    number = builder.view(number, (positions, heads * size // given[-1], given[-1]))
    return builder.give(query, given, number, batch), scores


def attended_all(builder: Builder, call: Call, query: Value, key: Value, value: Value, form: Form) -> Results:
    """The results of an attention operator: the output, the full keys and values, and the scores if requested."""
    result, scores = attended(builder, call, query, key, value, form)
    return (result, key, value, *([scores] if scores is not None else []))


def _spelled(
    builder: Builder, call: Call, op: Attention, sources: tuple[int, int, int], form: Form
) -> tuple[int, int | None]:
    """Attention as separate layers: c·tanh(scores·(1/c)) for a cap c; for a sink, one more score in each row of the
    softmax, whose weight is dropped. Sources: Riviere et al., arXiv:2408.00118, section 2 (the cap); Xiao et al.,
    arXiv:2309.17453, section 3.3 (the sink)."""
    n, m, d, dv = op.sizes(tuple([builder.tensors[source] for source in sources]))
    kv, shared = op.kv_heads, op.heads // op.kv_heads
    lead, one = ((kv, shared), (kv, 1)) if shared > 1 else ((kv,), (kv,))

    def add(part: str, op: Op, *numbers: int) -> int:
        return builder.add(f"{call.name}/{part}", op, numbers)

    q, k, v = [
        builder.view(source, (*heads, *sizes))
        for source, heads, sizes in zip(sources, (lead, one, one), ((n, d), (m, d), (m, dv)))
    ]
    scores = add("scores", Matmul(True), q, k)
    if form.scaled:
        scores = add("scale", Stored("scale"), scores)
    stages = [scores]
    if form.cap:
        scores = add("cap", Stored("scale"), add("tanh", Activation("tanh"), add("uncap", Stored("scale"), scores)))
    stages.append(scores)
    if form.mask:
        scores = add("mask", Stored("shift"), scores)
    stages.append(scores)
    if form.sink:
        kept = [number for value in form.sink if value is not None for number in builder.kept(call.name, value)]
        scores = add("sink", Copy((*lead, n, m + 1)), scores, *kept)
    weights = add("softmax", Softmax(), scores)
    if form.sink:
        weights = add("drop", Slice((*lead, n, m)), weights)
    stages.append(weights)
    number = add("values", Matmul(), weights, v)
    return number, None if form.scores is None else stages[form.scores]


def heads_apart(builder: Builder, value: Value, heads: int) -> Value:
    """Splits the heads: from 3 axes with merged heads to 4."""
    value = builder.laid(value, False)
    if len(value.sizes) == 4 or value.constant:
        return value
    batch, positions, channels = value.sizes
    if channels % heads:
        raise Invalid(f"{heads} heads do not fit {show(value.sizes)}")
    shape = (batch, heads, positions, channels // heads)
    return builder.give(value, shape, value.number, value.batch)


def behind(
    builder: Builder, call: Call, past: Sequence[Value | None], now: Sequence[Value], heads: int
) -> tuple[Value, Value]:
    """Appends the new keys and values, with separate heads, to those of a cache."""
    key, value = [heads_apart(builder, one, heads) for one in now]
    if past[0] is None or past[1] is None:
        return key, value
    along = {"axis": 2}
    (key,) = concat(builder, call.part("keys", past[0], key, attributes=along))
    (value,) = concat(builder, call.part("values", past[1], value, attributes=along))
    return key, value


def _attention(builder: Builder, call: Call) -> Results:
    """Scaled dot-product attention of ONNX 23 and later. All pairs count, also those that padding in the cache
    (nonpad_kv_seqlen) or a window excludes."""
    query, key, value = [builder.standing(call.name, call.input(at)) for at in range(3)]
    if {len(one.sizes) for one in (query, key, value)} not in ({3}, {4}):
        raise Invalid("attention needs queries, keys and values of 3 axes each, or of 4")
    apart = len(query.sizes) == 4
    heads = query.sizes[1] if apart else call.whole("q_num_heads", 1)
    kv_heads = key.sizes[1] if apart else call.whole("kv_num_heads", 1)
    mode = call.whole("qk_matmul_output_mode", 0) if any(call.outputs[3:]) else None
    if mode not in (None, 0, 1, 2, 3):
        raise Invalid(f"qk_matmul_output_mode {mode} is not one of 0 to 3")
    form = form_of(call, heads, kv_heads, call.maybe(3), mode)
    if any(call.outputs[1:3]) or call.maybe(4) is not None:
        key, value = behind(builder, call, (call.maybe(4), call.maybe(5)), (key, value), kv_heads)
    return attended_all(builder, call, query, key, value, form)


def rotated(builder: Builder, call: Call) -> Results:
    """Rotary positions: x·cos + rotated x·sin on the first channels of each head, with stored cos and sin. Source: Su
    et al., arXiv:2104.09864, equation 34."""
    own = call.type != "RotaryEmbedding"  # ONNX Runtime's has the positions as its second input
    value = builder.laid(call.input(0), False)
    tables = [call.input(at) for at in ((2, 3) if own else (1, 2))]
    heads = call.whole("num_heads", 0) or 1
    if not own and call.maybe(3) is None and any(len(table.sizes) != 3 for table in tables):
        raise Invalid("it lacks its positions: a table of angles for all positions needs them")
    if len(value.sizes) not in (3, 4) or value.sizes[-1] % heads:
        raise Invalid(f"{heads} heads do not fit {show(value.sizes)}")
    seen = builder.shape(value)
    width = seen[-1] // heads if len(value.sizes) == 3 else seen[-1]
    if len(value.sizes) == 3 and not call.whole("num_heads", 0):
        width = 2 * tables[0].sizes[-1]
    if seen[-1] % width:
        raise Invalid(f"heads of {width} channels do not fit {show(value.sizes)}")
    part = call.whole("rotary_embedding_dim", 0) or min(width, 2 * tables[0].sizes[-1])
    if not 0 < part <= width:
        raise Invalid(f"{part} channels of {width} cannot be rotated")
    number = builder.view(value.number, (*seen[:-1], seen[-1] // width, width))
    before = builder.tensors[number][:-1]

    def add(name: str, op: Op, *sources: int) -> int:
        return builder.add(f"{call.name}/{name}", op, sources)

    def times(name: str, table: Value, number: int) -> int:
        """Multiplies two channels of each head by one angle; computed angles are those of its position."""
        if table.constant:
            return add(name, Stored("scale"), number)
        angles = builder.laid(table, False)
        if builder.shape(angles) != (before[-2], part // 2) or call.maybe(1 if own else 3) is not None:
            raise Refused("computed angles for other positions are not supported")
        ones = (1,) * (len(before) - 2)
        spread = builder.view(angles.number, (*ones, before[-2], 1, 1, part // 2))
        paired = builder.view(number, (*before, 2, part // 2))
        return builder.view(add(name, Elementwise("multiply"), paired, spread), (*before, part))

    first = number if part == width else add("first", Slice((*before, part)), number)
    turned = add("sum", Elementwise("add"), times("cos", tables[0], first), times("sin", tables[1], first))
    if part < width:
        rest = add("rest", Slice((*before, width - part), (*(0,) * len(before), part)), number)
        turned = add("join", Concat(), turned, rest)
    return (value._replace(number=builder.view(turned, seen)),)


_STEPS = "the library chooses whether its steps run one by one or in blocks"
ATTENTION: dict[str, Operator] = {
    "Attention": Operator(_attention, NONE, mask=3, states=(4, 5), multiplies=True, apart=True),
    "LinearAttention": Operator(None, NONE, _STEPS, apart=True),
    "RotaryEmbedding": Operator(rotated, NONE, settings=(1, 2, 3), shape=as_first),
    "com.microsoft.RotaryEmbedding": Operator(rotated, NONE, settings=(1, 2, 3)),
}
