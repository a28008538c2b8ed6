"""Products of matrices: Gemm, NumPy's matmul, Einsum."""

from collections.abc import Mapping, Sequence
from math import prod
from string import ascii_letters

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.common.layout import NONE, ROWS
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.moves import MOVES
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import hold_within
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Stored
from sepcalc.ops.product import Dense, Einsum, Matmul
from sepcalc.shape import Shape, show


def _gemm(builder: Builder, call: Call) -> Results:
    a, b = call.input(0), call.input(1)
    c = call.maybe(2)
    if c is not None and not call.decimal("beta", 1.0):  # times 0, it is not there
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
    scaled = call.decimal("alpha", 1.0) != 1.0 and not (a.constant or b.constant)
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
    if not a.sizes or not b.sizes:
        raise Invalid("a product needs matrices, not single numbers")
    letters = "abcdefghlmnopqrstuvwxyz"
    outer = max(len(a.sizes), len(b.sizes)) - 2
    if outer > len(letters):
        raise Invalid("a product of too many axes")
    before = letters[: max(0, outer)]
    left = before[len(before) - max(0, len(a.sizes) - 2) :] + ("ik" if len(a.sizes) > 1 else "k")
    right = before[len(before) - max(0, len(b.sizes) - 2) :] + ("kj" if len(b.sizes) > 1 else "k")
    result = before + ("i" if len(a.sizes) > 1 else "") + ("j" if len(b.sizes) > 1 else "")
    hold_within(call, "a bias", bias, b.sizes[-1:])
    return contract(builder, call, a, b, f"{left},{right}->{result}", bias)


def contract(builder: Builder, call: Call, a: Value, b: Value, equation: str, bias: Value | None = None) -> Value:
    """The product of two operands, their axes named; sizes of 1 stretch. With a stored operand it is a dense layer, or
    a grouped one where both have axes in common that stay; of two that are data, a matrix product."""
    (left, right), out = equation.split("->")[0].split(","), equation.split("->")[1]
    sizes = _sizes((left, right), (a, b))
    batch = _batch_letter(builder, (a, b), (left, right), out)
    if a.constant or b.constant:
        data, weight, ours, theirs = (b, a, right, left) if a.constant else (a, b, left, right)
        return _weighted(builder, call, data, weight, ours, theirs, out, sizes, bias, batch)
    shape = tuple([sizes[letter] for letter in out])
    summed = [letter for letter in sizes if letter not in out]
    both = [letter for letter in out if letter in left and letter in right]
    only_a = [letter for letter in out if letter in left and letter not in right]
    only_b = [letter for letter in out if letter in right and letter not in left]
    if bias is not None:
        raise Refused("a bias on the product of two inputs")
    x, y = builder.laid(a, False), builder.laid(b, False)

    def arranged(value: Value, letters: str, order: list[str]) -> int:
        """The operand with its axes in this order, without the examples' axis."""
        given = dict(zip([letters[axis] for axis in builder.axes(value)], builder.shape(value)))
        return builder.view(value.number, tuple([given.get(letter, 1) for letter in order]) or (1,))

    drop = {batch} if batch is not None and sizes[batch] == builder.batch else set()
    shared = [letter for letter in both if letter not in drop]
    contracted = prod(sizes[letter] for letter in summed)
    rows = [letter for letter in only_a if letter not in drop]
    columns = [letter for letter in only_b if letter not in drop]
    one = arranged(x, left, [*shared, *rows, *summed])
    other = arranged(y, right, [*shared, *columns, *summed])
    lead_a = builder.tensors[one][: len(shared)]
    lead_b = builder.tensors[other][: len(shared)]
    m = prod(builder.tensors[one][len(shared) : len(shared) + len(rows)])
    n = prod(builder.tensors[other][len(shared) : len(shared) + len(columns)])
    one = builder.view(one, (*lead_a, m, contracted))
    other = builder.view(other, (*lead_b, n, contracted))
    number = builder.add(call.name, Matmul(True), [one, other])
    at = out.index(batch) if batch is not None and batch in out else None
    return _ordered(builder, a, number, shape, at, [out.index(letter) for letter in (*shared, *rows, *columns)])


def _sizes(parts: Sequence[str], values: Sequence[Value]) -> dict[str, int]:
    """The size of every index; sizes of 1 stretch."""
    sizes: dict[str, int] = {}
    for part, value in zip(parts, values, strict=True):
        if 0 in value.sizes:
            raise Invalid(f"an operand of a product is {show(value.sizes)}: expected sizes from 1")
        for letter, size in zip(part, value.sizes, strict=True):
            known = sizes.get(letter, 1)
            if known != size and 1 not in (known, size):
                raise Invalid(f"sizes {known} and {size} do not fit in a product")
            sizes[letter] = max(known, size)
    return sizes


def _ordered(builder: Builder, like: Value, number: int, shape: Shape, batch: int | None, order: list[int]) -> Value:
    """The result of a product whose axes came out in this order."""
    value = Value(shape, like.kind, None, None, False, batch)
    sizes = tuple([shape[axis] // (builder.batch if axis == batch else 1) for axis in order]) or (1,)
    return value._replace(number=builder.view(builder.view(number, sizes), builder.shape(value)))


def _batch_letter(builder: Builder, values: Sequence[Value], parts: Sequence[str], out: str) -> str | None:
    """The index that runs over the examples. Raises Invalid where they would be mixed: summed, told apart by what is
    stored, or met by others."""
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


def _weighted(
    builder: Builder,
    call: Call,
    data: Value,
    weight: Value,
    ours: str,
    theirs: str,
    out: str,
    sizes: dict[str, int],
    bias: Value | None,
    batch: str | None,
) -> Value:
    """A product with a stored operand. Indices of both that stay are groups, those of both that go are inputs."""
    value = builder.laid(data, False)
    # one that the data has once, and the weights several times, is a column of theirs
    stretched = {letter for letter, size in zip(ours, data.sizes, strict=True) if size != sizes[letter]}
    batch = None if batch in stretched else batch
    letters = [ours[axis] for axis in builder.axes(value) if ours[axis] not in stretched]
    weights = {letter: size for letter, size in zip(theirs, weight.sizes, strict=True) if size > 1}
    groups = [letter for letter in letters if letter in weights and letter in out]
    summed = [letter for letter in letters if letter not in out]
    rows = [letter for letter in letters if letter in out and letter not in groups]
    columns = [letter for letter in theirs if letter not in ours or letter in stretched]
    if any(letter not in out for letter in columns):
        raise Invalid("the inner sizes of a product do not fit")
    seen = {ours[axis]: size for axis, size in zip(builder.axes(value), builder.shape(value), strict=True)}
    inner = prod(seen[letter] for letter in summed)
    many = prod(seen[letter] for letter in groups)
    outs = prod(sizes[letter] for letter in columns)
    number = builder.view(value.number, tuple([seen[letter] for letter in (*rows, *groups, *summed)]) or (1,))
    number = builder.view(number, (*[seen[letter] for letter in rows], many * inner))
    if many == 1:
        op: Conv | Dense = Dense(outs, bias is not None)
    else:
        ones = (1,) * len(rows)
        op = Conv(ones, many * outs, ones, ((0, 0),) * len(rows), ones, many, bias is not None)
    number = builder.add(call.name, op, [number], [weight, bias])
    shape = tuple([sizes[letter] for letter in out])
    at = out.index(batch) if batch is not None and batch in out else None
    dropped = {batch} if at is not None and shape[at] == builder.batch else set()
    order = [out.index(letter) for letter in (*rows, *groups, *columns) if letter not in dropped]
    return _ordered(builder, data, number, shape, at, order)


def _spelled(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The indices of the operands and of what is given, with letters for the dots, the last ones of as many as the
    longest operand needs."""
    left, arrow, out = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        plural = "s" if len(parts) > 1 else ""
        raise Invalid(f"{quoted(equation)} is for {len(parts)} input{plural}, not {len(ranks)}")
    if set(equation.replace("...", "").replace("->", "", 1)) - {*ascii_letters, ",", " "}:
        raise Invalid(f"{quoted(equation)} is not an equation")
    counts = [rank - len(part.replace("...", "")) for part, rank in zip(parts, ranks)]
    free = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in equation]
    if (
        min(counts) < 0
        or max(counts) > len(free)
        or any(count and "..." not in part for count, part in zip(counts, parts))
    ):
        raise Invalid(f"{quoted(equation)} does not fit its operands")
    dots = "".join(free[: max(counts)])
    if not arrow:
        out = "..." + "".join(sorted(letter for letter in set(left) if letter.isalpha() and left.count(letter) == 1))
    out = out.replace("...", dots)
    spelled = [part.replace("...", dots[len(dots) - count :]) for part, count in zip(parts, counts)]
    if len(set(out)) != len(out) or not set(out) <= set("".join(spelled)):
        raise Invalid(f"{quoted(equation)} does not fit its operands")
    return spelled, out


def _einsum(builder: Builder, call: Call) -> Results:
    """An einsum. Of three operands and more, runtimes multiply two from the left at a time, and sum at once what
    nothing later needs (ONNX Runtime's EinsumTypedComputeProcessor, PyTorch's einsum)."""
    values = [call.input(at) for at in range(len(call.inputs))]
    parts, out = _spelled(call.text("equation", ""), [len(value.sizes) for value in values])
    _sizes(parts, values)
    for at in range(1, len(values) - 1):
        later = set(out).union(*parts[2:])
        made = "".join(letter for letter in dict.fromkeys(parts[0] + parts[1]) if letter in later)
        inner = call._replace(name=f"{call.name}/{at}")
        values = [_multiplied(builder, inner, values[:2], parts[:2], made), *values[2:]]
        parts = [made, *parts[2:]]
    return (_multiplied(builder, call, values, parts, out),)


def _multiplied(builder: Builder, call: Call, values: Sequence[Value], parts: Sequence[str], out: str) -> Value:
    """One operand moved or summed, or two multiplied."""
    sizes = _sizes(parts, values)
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
    """Whether an operand has all these indices, none of them of 1 that stretches."""
    return all(letter in part and value.sizes[part.index(letter)] == sizes[letter] for letter in letters)


def _in_one_sum(
    builder: Builder, call: Call, values: Sequence[Value], parts: Sequence[str], out: str, sizes: Mapping[str, int]
) -> Value:
    """Operands that are multiplied all at once, as the equation is written; the stored ones as what the layer reads."""
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
    named = [letter for letter in out if letter not in gone]
    number = builder.add(call.name, Einsum(f"{','.join(letters)}->{''.join(named)}"), numbers)
    shape = tuple([sizes[letter] for letter in out])
    at = out.index(batch) if batch is not None and batch in out else None
    return _ordered(builder, values[0], number, shape, at, [out.index(letter) for letter in named])


PRODUCTS: dict[str, Operator] = {
    "Gemm": Operator(_gemm, NONE, multiplies=True),
    "MatMul": Operator(_matmul, ROWS, multiplies=True),
    "Einsum": Operator(_einsum, NONE, multiplies=True),
}
