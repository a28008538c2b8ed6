"""Matrix products: dense layers, all forms of matmul, attention."""

from collections.abc import Container, Mapping, Sequence
from functools import partial
from math import prod

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.elements import applied, combined, scaled
from sepcalc.importers.aten.graph import DROPPED, PLAIN, Builder, Refused, Value, seen
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import NONE, ROWS, same_rows
from sepcalc.importers.common.products import (
    LETTERS,
    Operand,
    matmul_equation,
    matrix_product,
    parts_of,
    sizes_of,
    weighted,
)
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.elementwise import Select
from sepcalc.ops.move import Copy
from sepcalc.ops.norm import Softmax
from sepcalc.ops.product import Attention, Dense
from sepcalc.shape import Shape


def contract(builder: Builder, a: Value, b: Value, equation: str, bias: Value | None = None) -> Value:
    """The product of two operands, given as an equation; sizes of 1 broadcast. With a stored operand it is a dense
    layer, or a grouped one if both share axes that stay. With two operands that depend on the inputs it is a matrix
    product."""
    left, right, out = parts_of(equation)
    sizes = sizes_of((left, right), (a.shape, b.shape))
    if a.constant and b.constant:
        a = builder.stored(a)
    if not set(sizes) - set(out):
        assert bias is None
        return _outer_product(builder, (a, b), (left, right), out)
    if a.constant or b.constant:
        data, weight, ours, theirs = (b, a, right, left) if a.constant else (a, b, left, right)
        repeated = any(
            size == 1 < sizes[letter] and letter in theirs and letter in out
            for letter, size in zip(ours, data.shape, strict=True)
        )
        if not repeated:
            return _weighted(builder, data, weight, ours, theirs, out, sizes, bias)
        a, b = builder.stored(a), builder.stored(b)  # one data matrix, multiplied by each of several stored ones
    assert bias is None
    wide = {letter for letter, size in sizes.items() if size > 1}
    one, other = (_operand(builder, value, letters, wide) for value, letters in ((a, left), (b, right)))
    return _ordered(builder, matrix_product(builder, builder.add, one, other, out), out, sizes)


def _operand(builder: Builder, value: Value, letters: str, kept: Container[str]) -> Operand:
    """A value with letters for the axes in ``kept``; the others have size 1."""
    sizes = {letter: size for letter, size in zip(letters, value.shape, strict=True) if letter in kept}
    return Operand(builder.laid(value, PLAIN).node, sizes)


def _outer_product(builder: Builder, values: Sequence[Value], letters: Sequence[str], out: str) -> Value:
    """A product without a sum: elementwise, with each operand along its own axes."""
    sides = []
    for value, own in zip(values, letters, strict=True):
        given = dict(zip(own, value.shape, strict=True))
        order = tuple([given[letter] for letter in out if letter in given])
        shape = tuple([given.get(letter, 1) for letter in out])
        if value.constant:
            sides.append(value._replace(shape=shape))
        else:
            sides.append(builder.give(builder.view(builder.laid(value, PLAIN).node, seen(order)), shape))
    return combined(builder, "multiply", sides, "multiply")


def _ordered(builder: Builder, made: Operand, out: str, sizes: Mapping[str, int]) -> Value:
    """The result of a product, with its axes in the order of the equation."""
    number = builder.view(made.number, tuple(made.sizes.values()) or (1,))
    return builder.give(number, tuple([sizes[letter] for letter in out]))


def _weighted(
    builder: Builder,
    data: Value,
    weight: Value,
    ours: str,
    theirs: str,
    out: str,
    sizes: Mapping[str, int],
    bias: Value | None,
) -> Value:
    """A product with a stored operand."""
    stored = {letter: size for letter, size in zip(theirs, weight.shape, strict=True) if size > 1 or letter not in ours}
    every = rows = [letter for letter in ours if letter in out and letter not in stored]
    if rows[:1] == [ours[0]] and data.shape[0] == 1:  # the axis of one example
        rows = rows[1:]
    if [sizes[letter] for letter in rows] == [1]:
        rows = []
    kept = {*ours} - {*every} | {*rows}

    def add(op: Op, numbers: Sequence[int]) -> int:
        return builder.add(op, numbers, [weight, bias])

    made = weighted(builder, add, _operand(builder, data, ours, kept), stored, out, bias is not None)
    return _ordered(builder, made, out, sizes)


def multiplied(builder: Builder, a: Value, b: Value, bias: Value | None = None) -> Value:
    """PyTorch's matmul over the last two axes; the axes before them broadcast."""
    return contract(builder, a, b, matmul_equation(len(a.shape), len(b.shape)), bias)


def _matmul(builder: Builder, call: Call, left: str, right: str) -> Results:
    return (multiplied(builder, builder.value(call.tensor(left)), builder.value(call.tensor(right))),)


def _linear(builder: Builder, call: Call) -> Results:
    x, weight = builder.value(call.given), builder.value(call.tensor("weight"))
    bias = call.maybe("bias")
    axes = LETTERS[: len(x.shape) - 1]
    into = f"{axes}k,jk->{axes}j" if len(weight.shape) > 1 else f"{axes}k,k->{axes}"
    return _biased(builder, x, weight, bias, into)


def _biased(builder: Builder, a: Value, b: Value, bias: Tensor | None, equation: str) -> Results:
    """A product plus a third tensor: the bias of a dense layer if it is stored with one number per output."""
    if bias is None:
        return (contract(builder, a, b, equation),)
    value = builder.loose(bias)
    plain = value.constant and not a.constant and b.constant and len(value.shape) == 1
    if plain and prod(value.shape) == prod(b.shape) // a.shape[-1]:
        return (contract(builder, a, b, equation, value),)
    result = contract(builder, a, b, equation)
    return (combined(builder, "add", [result, value], "bias"),)


def _added(builder: Builder, call: Call, left: str, right: str, equation: str) -> Results:
    """beta·self + alpha·(left · right)."""
    a, b = builder.value(call.tensor(left)), builder.value(call.tensor(right))
    if call.get("beta", 1) == 1 and call.get("alpha", 1) == 1:
        return _biased(builder, a, b, call.given, equation)
    result = contract(builder, a, b, equation)
    if call.get("alpha", 1) != 1:
        result = scaled(builder, result, "alpha")
    if not call.arguments.get("beta", 1):
        return (result,)
    other = builder.loose(call.given)
    if call.get("beta", 1) != 1 and not other.constant:
        other = scaled(builder, other, "beta")
    return (combined(builder, "add", [result, other], "add"),)


def _sum(left: str, right: str, equation: str) -> Operator:
    """The row of a product that is added to a tensor."""
    handle = partial(_added, left=left, right=right, equation=equation)
    return Operator(handle, NONE, multiplies=True, operand=1)


def _of_experts(builder: Builder, call: Call) -> Results:
    """Rows in consecutive groups, with one matrix per group. The data decides which rows are in a group; the number of
    products is fixed."""
    rows, matrices = builder.value(call.given), builder.value(call.tensor("mat2"))
    if len(rows.shape) != 2 or len(matrices.shape) != 3 or rows.constant or not matrices.constant:
        raise Refused("it is supported only for data rows and one stored matrix per group")
    bias = call.maybe("bias")
    op = Dense(matrices.shape[2], bias is not None)
    number = builder.view(builder.laid(rows, PLAIN).node, rows.shape)
    number = builder.add(op, [number], [matrices, None if bias is None else builder.value(bias)])
    return (builder.give(number, call.outputs[0].shape),)


def _outer(builder: Builder, call: Call) -> Results:
    sides = builder.value(call.given), builder.value(call.tensor("vec2"))
    return (_outer_product(builder, sides, "ij", "ij"),)


def _tensordot(builder: Builder, call: Call) -> Results:
    """The product of two tensors, summed over the named axes."""
    a, b = builder.value(call.given), builder.value(call.tensor("other"))
    left = LETTERS[: len(a.shape)]
    right = list(LETTERS[len(a.shape) : len(a.shape) + len(b.shape)])
    if len(left) + len(right) < len(a.shape) + len(b.shape):
        raise Refused("a product with this many axes is not supported")
    summed = {
        axis % len(a.shape): other % len(b.shape) for axis, other in zip(call.get("dims_self"), call.get("dims_other"))
    }
    for axis, other in summed.items():
        right[other] = left[axis]
    kept = [letter for axis, letter in enumerate(left) if axis not in summed]
    kept += [letter for axis, letter in enumerate(right) if axis not in summed.values()]
    return (contract(builder, a, b, f"{left},{''.join(right)}->{''.join(kept)}"),)


def _bilinear(builder: Builder, call: Call) -> Results:
    """x·W·y + bias, with one W per output."""
    x, y, weight = (builder.value(call.tensor(name)) for name in ("input1", "input2", "weight"))
    outer = LETTERS[: len(x.shape) - 1]
    half = contract(builder, x, weight, f"{outer}i,oij->{outer}oj")
    result = contract(builder, half, y, f"{outer}oj,{outer}j->{outer}o")
    bias = call.maybe("bias")
    return (result if bias is None else combined(builder, "add", [result, builder.loose(bias)], "bias"),)


def _cross(builder: Builder, call: Call) -> Results:
    """The cross product: two products and one difference per element."""
    sides, products = [builder.value(one) for one in (call.given, call.tensor("other"))], []
    for label in ("next", "last"):
        turned = [
            one if one.constant else applied(builder, one, Copy(builder.tensors[one.node]), labels=[label])
            for one in sides
        ]
        products.append(combined(builder, "multiply", turned, "multiply"))
    return (combined(builder, "subtract", products, "subtract"),)


# --- attention --------------------------------------------------------------------------------------------------------


def _attention(builder: Builder, call: Call) -> Results:
    """softmax(Q·Kᵀ/sqrt(d) + mask)·V, for any kernel. Several examples count as more heads."""
    query, key, value = (builder.value(call.tensor(name)) for name in ("query", "key", "value"))
    mask = call.maybe("attn_mask") or call.maybe("attn_bias")
    query, key, value = (builder.stored(one) for one in (query, key, value))
    if call.get("scale", 0) == 1:
        result = _spelled(builder, query, key, value, mask)
    else:
        many, kv = prod(query.shape[:-2]), prod(key.shape[:-2])
        op = Attention(many, kv, mask is not None and mask.kind != "b")
        sources = [_tokens(builder, one) for one in (query, key, value)]
        number = builder.add(op, sources, [builder.value(mask)] if mask is not None and not mask.live else [])
        shape = call.outputs[0].shape
        number = builder.view(number, (shape[-2], many, shape[-1]))
        result = builder.give(number, shape)
    if call.get("dropout_p", 0):
        gap = Uncounted("dropout", DROPPED, builder.tensors[result.node])
        result = result._replace(number=builder.add(gap, [result.node], label="dropout"))
    return (result,)


def _tokens(builder: Builder, value: Value) -> int:
    """Queries, keys or values with their heads merged."""
    *lead, count, size = value.shape
    heads = prod(lead)
    number = builder.view(builder.laid(value, PLAIN).node, (heads, count, size) if heads > 1 else (count, size))
    return builder.view(builder.view(number, (count, heads, size)), (count, heads * size))


def _spelled(builder: Builder, query: Value, key: Value, value: Value, mask: Tensor | None) -> Value:
    """Attention without scaling, as separate products."""
    shape, outer = query.shape, LETTERS[: len(query.shape) - 2]
    shared = len(shape) > 2 and 1 < key.shape[-3] < shape[-3]
    if shared:  # several heads of queries share keys and values
        query = _regrouped(builder, query, (*shape[:-3], key.shape[-3], -1, *shape[-2:]))
    lead = f"{outer}h" if shared else outer
    scores = contract(builder, query, key, f"{lead}ik,{outer}jk->{lead}ij")
    whole = scores.shape
    scores = _regrouped(builder, scores, (*shape[:-1], whole[-1]))
    if mask is not None and mask.kind == "b":
        if mask.live:
            number = builder.add(Select(), [builder.value(mask).node, scores.node], label="mask")
            scores = builder.give(builder.view(number, seen(scores.shape)), scores.shape)
    elif mask is not None:
        scores = combined(builder, "add", [scores, builder.loose(mask)], "mask")
    number = builder.add(Softmax(), [scores.node], label="softmax")
    weights = _regrouped(builder, scores._replace(number=number), whole)
    result = contract(builder, weights, value, f"{lead}ij,{outer}jk->{lead}ik")
    return _regrouped(builder, result, (*shape[:-1], value.shape[-1]))


def _regrouped(builder: Builder, value: Value, shape: Shape) -> Value:
    """The value in another shape; -1 is inferred."""
    known = prod(size for size in shape if size > 0)
    shape = tuple([prod(value.shape) // known if size < 0 else size for size in shape])
    return value if shape == value.shape else builder.give(builder.laid(value, PLAIN).node, shape)


# No sum: elementwise, like other multiplications, and free if both operands are stored.
PRODUCTS: dict[str, Operator] = {
    **same_rows(Operator(_outer, NONE), "outer", "ger"),
    "linear": Operator(_linear, ROWS, multiplies=True),
    **same_rows(Operator(partial(_matmul, left="self", right="other"), ROWS, multiplies=True), "matmul", "vdot"),
    **same_rows(Operator(partial(_matmul, left="self", right="mat2"), ROWS, multiplies=True), "mm", "bmm"),
    "mv": Operator(partial(_matmul, left="self", right="vec"), NONE, multiplies=True),
    "dot": Operator(partial(_matmul, left="self", right="tensor"), NONE, multiplies=True),
    "addmm": _sum("mat1", "mat2", "ik,kj->ij"),
    "addmv": _sum("mat", "vec", "ik,k->i"),
    "addbmm": _sum("batch1", "batch2", "bik,bkj->ij"),
    "baddbmm": _sum("batch1", "batch2", "bik,bkj->bij"),
    "addr": _sum("vec1", "vec2", "i,j->ij"),
    "tensordot": Operator(_tensordot, NONE, multiplies=True),
    "_grouped_mm": Operator(_of_experts, NONE, multiplies=True, places="offs"),
    "bilinear": Operator(_bilinear, NONE, multiplies=True),
    "linalg_cross": Operator(_cross, NONE, multiplies=True),
    **same_rows(
        Operator(_attention, NONE, multiplies=True),
        *("scaled_dot_product_attention", "_scaled_dot_product_attention_math"),
        *("_scaled_dot_product_attention_math_for_mps", "_scaled_dot_product_flash_attention"),
        *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention"),
        *("_scaled_dot_product_cudnn_attention", "_scaled_dot_product_fused_attention_overrideable"),
    ),
}
