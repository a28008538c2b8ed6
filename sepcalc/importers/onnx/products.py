"""Matrix products: Gemm, NumPy's matmul, Einsum."""

from collections.abc import Mapping, Sequence
from functools import partial
from string import ascii_letters

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import NONE, ROWS
from sepcalc.importers.common.products import (
    Operand,
    matmul_equation,
    matrix_product,
    parts_of,
    sizes_of,
    spelled,
    weighted,
)
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.moves import MOVES
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import hold_within
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Stored
from sepcalc.ops.product import Einsum


def _gemm(builder: Builder, call: Call) -> Results:
    a, b = call.input(0), call.input(1)
    c = call.maybe(2)
    if c is not None and not call.number("beta", default=1.0):  # a factor of 0 removes it
        builder.no_weights.update(c.roots)
        c = None
    if len(a.sizes) != 2 or len(b.sizes) != 2:
        raise Invalid("Gemm multiplies two matrices")
    left = "ki" if call.whole("transA", 0) else "ik"
    right = "jk" if call.whole("transB", 0) else "kj"
    rows, columns = a.sizes[left.index("i")], b.sizes[right.index("j")]
    hold_within(call, "a bias", c, (rows, columns))
    bias = c is not None and c.constant and (a.constant or b.constant)
    result = contract(builder, call, a, b, f"{left},{right}->ij", c if bias else None)
    scaled = call.number("alpha", default=1.0) != 1.0 and not (a.constant or b.constant)
    if scaled:
        number = builder.add(f"{call.name}/alpha", Stored("scale"), [result.number])
        result = result._replace(number=number)
    if c is not None and not bias:
        return (combined(builder, call._replace(name=f"{call.name}/add"), "add", [result, c]),)
    return (result,)


def _matmul(builder: Builder, call: Call) -> Results:
    return (multiplied(builder, call, call.input(0), call.input(1)),)


def multiplied(builder: Builder, call: Call, a: Value, b: Value, bias: Value | None = None) -> Value:
    """NumPy's matmul."""
    equation = matmul_equation(len(a.sizes), len(b.sizes))
    hold_within(call, "a bias", bias, b.sizes[-1:])
    return contract(builder, call, a, b, equation, bias)


def contract(builder: Builder, call: Call, a: Value, b: Value, equation: str, bias: Value | None = None) -> Value:
    """The product of two operands, given as an equation; sizes of 1 broadcast. With a stored operand it is a dense
    layer, or a grouped one if both share axes that stay. With two data operands it is a matrix product."""
    left, right, out = parts_of(equation)
    sizes = sizes_of((left, right), (a.sizes, b.sizes))
    batch = _batch_letter(builder, (a, b), (left, right), out)
    if a.constant or b.constant:
        data, weight, ours, theirs = (b, a, right, left) if a.constant else (a, b, left, right)
        # an axis of size 1 in the data and larger in the weights counts as outputs
        stretched = {letter for letter, size in zip(ours, data.sizes, strict=True) if size != sizes[letter]}
        batch = None if batch in stretched else batch
        lettered = zip(theirs, weight.sizes, strict=True)
        stored = {letter: size for letter, size in lettered if size > 1 or letter not in ours or letter in stretched}

        def add(op: Op, numbers: Sequence[int]) -> int:
            return builder.add(call.name, op, numbers, [weight, bias])

        operand = _operand(builder, data, ours)
        kept = {letter: size for letter, size in operand.sizes.items() if letter not in stretched}
        made = weighted(builder, add, operand._replace(sizes=kept), stored, out, bias is not None)
        return _ordered(builder, data, made, out, sizes, batch)
    if bias is not None:
        raise Refused("a bias on the product of two inputs")
    gone = {batch} if batch is not None and sizes[batch] == builder.batch else set()

    def without_examples(value: Value, letters: str) -> Operand:
        operand = _operand(builder, value, letters)
        return operand._replace(sizes={one: operand.sizes.get(one, 1) for one in letters if one not in gone})

    add_named = partial(builder.add, call.name)
    made = matrix_product(builder, add_named, without_examples(a, left), without_examples(b, right), out)
    return _ordered(builder, a, made, out, sizes, batch)


def _operand(builder: Builder, value: Value, letters: str) -> Operand:
    """A value with letters for those axes that the network has."""
    value = builder.laid(value, False)
    named = [letters[axis] for axis in builder.axes(value)]
    return Operand(value.number, dict(zip(named, builder.shape(value))))


def _ordered(
    builder: Builder, like: Value, made: Operand, out: str, sizes: Mapping[str, int], batch: str | None
) -> Value:
    """The result of a product, with its axes in the order of the equation."""
    at = out.index(batch) if batch is not None and batch in out else None
    number = builder.view(made.number, tuple(made.sizes.values()) or (1,))
    shape = tuple([sizes[letter] for letter in out])
    return builder.give(like, shape, number=number, batch=at, channels_first=False)


def _batch_letter(builder: Builder, values: Sequence[Value], parts: Sequence[str], out: str) -> str | None:
    """The index of the examples. Raises Invalid if they are mixed: summed over, indexed by a stored operand, or
    combined with each other."""
    found = {part[value.batch] for value, part in zip(values, parts) if value.batch is not None}
    apart = {
        letter
        for value, part in zip(values, parts)
        if value.constant
        for letter, size in zip(part, value.sizes, strict=True)
        if size > 1
    }
    if builder.batch > 1 and (len(found) > 1 or not found <= set(out) or found & apart):
        raise builder.mixed
    return found.pop() if len(found) == 1 else None


def _einsum(builder: Builder, call: Call) -> Results:
    """An einsum. With three or more operands, runtimes multiply two at a time from the left, and sum over an index as
    soon as nothing later needs it (ONNX Runtime's EinsumTypedComputeProcessor, PyTorch's einsum)."""
    values = [call.input(at) for at in range(len(call.inputs))]
    parts, out = spelled(call.text("equation", ""), [len(value.sizes) for value in values])
    sizes_of(parts, [value.sizes for value in values])
    for at in range(1, len(values) - 1):
        later = set(out).union(*parts[2:])
        made = "".join(letter for letter in dict.fromkeys(parts[0] + parts[1]) if letter in later)
        inner = call._replace(name=f"{call.name}/{at}")
        values = [_multiplied(builder, inner, values[:2], parts[:2], made), *values[2:]]
        parts = [made, *parts[2:]]
    return (_multiplied(builder, call, values, parts, out),)


def _multiplied(builder: Builder, call: Call, values: Sequence[Value], parts: Sequence[str], out: str) -> Value:
    """Moves or sums one operand, or multiplies two."""
    sizes = sizes_of(parts, [value.sizes for value in values])
    apart = all(len(set(part)) == len(part) for part in parts)
    if len(values) == 1 and apart and len(out) == len(parts[0]):
        perm = tuple([parts[0].index(letter) for letter in out])
        return MOVES["Transpose"](builder, call._replace(attributes={"perm": perm}))[0]
    summed = [letter for letter in sizes if letter not in out]
    whole = all(_whole(summed, part, value, sizes) for part, value in zip(parts, values))
    if len(values) == 2 and summed and apart and whole and not (values[0].constant and values[1].constant):
        return contract(builder, call, values[0], values[1], f"{parts[0]},{parts[1]}->{out}")
    return _in_one_sum(builder, call, values, parts, out, sizes)


def _whole(letters: Sequence[str], part: str, value: Value, sizes: Mapping[str, int]) -> bool:
    """Whether an operand has all these indices, none of them a broadcast 1."""
    return all(letter in part and value.sizes[part.index(letter)] == sizes[letter] for letter in letters)


def _in_one_sum(
    builder: Builder, call: Call, values: Sequence[Value], parts: Sequence[str], out: str, sizes: Mapping[str, int]
) -> Value:
    """Operands that are multiplied all at once, as the equation is written; stored ones become inputs of the layer."""
    batch = _batch_letter(builder, values, parts, out)
    if builder.batch > 1 and any(part.count(letter) > 1 for part in parts for letter in batch or ""):
        raise builder.mixed
    gone = {batch} if batch is not None and sizes[batch] == builder.batch else set()
    seen = {letter: size // (builder.batch if letter == batch else 1) for letter, size in sizes.items()}
    spare = next(letter for letter in ascii_letters if letter not in sizes)
    numbers, letters = [], []
    for value, part in zip(values, parts, strict=True):
        operand = builder.laid(builder.standing(call.name, value), False)
        axes = [part[axis] for axis in builder.axes(operand)]
        kept = [
            (letter, size)
            for letter, size in zip(axes, builder.shape(operand))
            if letter not in gone and (size > 1 or seen[letter] == 1)
        ]
        numbers.append(builder.view(operand.number, tuple([size for _, size in kept]) or (1,)))
        letters.append("".join(letter for letter, _ in kept) or spare)
    named = {letter: seen[letter] for letter in out if letter not in gone}
    number = builder.add(call.name, Einsum(f"{','.join(letters)}->{''.join(named)}"), numbers)
    return _ordered(builder, values[0], Operand(number, named), out, sizes, batch)


PRODUCTS: dict[str, Operator] = {
    "Gemm": Operator(_gemm, NONE, multiplies=True),
    "MatMul": Operator(_matmul, ROWS, multiplies=True),
    "Einsum": Operator(_einsum, NONE, multiplies=True),
}
