"""Attention, and the turned positions before it."""

from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.graph import Builder, Call, Handler, Refused, Results, Value
from sepcalc.importers.onnx.moves import concat
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Elementwise, Stored
from sepcalc.ops.move import Concat, Slice
from sepcalc.ops.product import Attention
from sepcalc.shape import show


def _attention(builder: Builder, call: Call) -> Results:
    """Scaled dot-product attention of ONNX 23: heads apart on 4 axes, or side by side on 3. A batch that holds more
    than examples (windows) is as many times more heads; a cache stands before the keys and values."""
    query, key, value = [builder.standing(call.name, call.input(at)) for at in range(3)]
    if call.decimal("softcap", 0.0):
        raise Refused("attention with a soft cap on its scores has no count here")
    if any(call.outputs[3:]):
        raise Refused("attention that gives its scores has no count here")
    apart = len(query.sizes) == 4
    if any(call.outputs[1:]) or call.maybe(4) is not None:
        if not apart:
            raise Refused("attention with a cache, its heads side by side, has no count here")
        joined = [(call.maybe(4), key, "keys"), (call.maybe(5), value, "values")]
        along = call._replace(attributes={"axis": 2})
        key, value = [
            now if past is None else concat(builder, along._replace(name=f"{call.name}/{part}", inputs=(past, now)))[0]
            for past, now, part in joined
        ]
    heads = query.sizes[1] if apart else call.whole("q_num_heads", 1)
    kv_heads = key.sizes[1] if apart else call.whole("kv_num_heads", 1)
    if heads < 1 or kv_heads < 1:
        raise Invalid("attention needs heads")

    def tokens(tensor: Value, count: int) -> tuple[int, int]:
        """Positions before all heads side by side, those of other windows too; and how many heads that is."""
        tensor = builder.laid(tensor, False)
        shape, rank = builder.shape(tensor), len(tensor.sizes)
        if not (tensor.batch in (0, None) and rank == len(query.sizes) and len(shape) in (rank, rank - 1)):
            raise Refused("attention whose examples do not lie along the first axis has no count here")
        windows = shape[0] if len(shape) == rank else 1
        positions, size = shape[-2:]
        number = builder.view(tensor.number, (positions, *shape[: len(shape) - 2], size))
        return builder.view(number, (positions, prod(shape) // positions)), windows * count

    mask = call.maybe(3)
    (q, all_heads), (k, all_kv_heads), (v, _) = tokens(query, heads), tokens(key, kv_heads), tokens(value, kv_heads)
    op = Attention(all_heads, all_kv_heads, mask is not None and mask.kind != 9)
    number = builder.add(call.name, op, [q, k, v])
    positions, width = builder.tensors[number]
    shape = (*query.sizes[:-1], width // all_heads * (1 if apart else heads))
    number = builder.view(number, (positions, width // shape[-1], shape[-1]))
    batch = next((one.batch for one in (query, key, value) if one.batch is not None), None)
    return (builder.give(query, shape, number=number, batch=batch, first=False), key, value)


def _rotated(builder: Builder, call: Call) -> Results:
    """Rotary positions: x·cos + turned x·sin, cos and sin stored, of the first channels of each head. Source: Su et
    al., arXiv:2104.09864, equation 34."""
    own = call.type != "RotaryEmbedding"  # ONNX Runtime's has the positions second
    value = builder.laid(call.input(0), False)
    tables = [call.input(at) for at in ((2, 3) if own else (1, 2))]
    if not all(table.constant for table in tables):
        raise Refused("tables of angles that are computed have no count here")
    heads = call.whole("num_heads", 0) or 1
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
        raise Invalid(f"{part} channels of {width} cannot be turned")
    number = builder.view(value.number, (*seen[:-1], seen[-1] // width, width))
    before = builder.tensors[number][:-1]

    def add(name: str, op: Op, *sources: int) -> int:
        return builder.add(f"{call.name}/{name}", op, sources)

    first = number if part == width else add("first", Slice((*before, part)), number)
    turned = add("sum", Elementwise("add"), add("cos", Stored("scale"), first), add("sin", Stored("scale"), first))
    if part < width:
        rest = add("rest", Slice((*before, width - part), (*(0,) * len(before), part)), number)
        turned = add("join", Concat(), turned, rest)
    return (value._replace(number=builder.view(turned, seen)),)


ATTENTION: dict[str, Handler] = {
    "Attention": _attention,
    "RotaryEmbedding": _rotated,
    "com.microsoft.RotaryEmbedding": _rotated,
}
