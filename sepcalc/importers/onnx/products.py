"""Products of matrices: Gemm, NumPy's matmul, Einsum."""

from collections.abc import Sequence
from math import prod

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.graph import Builder, Call, Handler, Refused, Results, Value
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Stored
from sepcalc.ops.product import Dense, Matmul
from sepcalc.shape import Shape, show


def _gemm(builder: Builder, call: Call) -> Results:
    a, b = call.input(0), call.input(1)
    c = call.maybe(2) if call.decimal("beta", 1.0) else None  # times 0, it is not there
    if len(a.sizes) != 2 or len(b.sizes) != 2:
        raise Invalid("Gemm multiplies two matrices")
    left = "ki" if call.whole("transA", 0) else "ik"
    right = "jk" if call.whole("transB", 0) else "kj"
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
    return contract(builder, call, a, b, f"{left},{right}->{result}", bias)


def contract(builder: Builder, call: Call, a: Value, b: Value, equation: str, bias: Value | None = None) -> Value:
    """The product of two operands, their axes named; sizes of 1 stretch. With a stored operand it is a dense layer, or
    a grouped one where both have axes in common that stay; of two that are data, a matrix product."""
    (left, right), out = equation.split("->")[0].split(","), equation.split("->")[1]
    sizes: dict[str, int] = {}
    for letters, value in ((left, a), (right, b)):
        if 0 in value.sizes:
            raise Invalid(f"an operand of a product is {show(value.sizes)}: expected sizes from 1")
        for letter, size in zip(letters, value.sizes, strict=True):
            known = sizes.get(letter, 1)
            if known != size and 1 not in (known, size):
                raise Invalid(f"sizes {known} and {size} do not fit in a product")
            sizes[letter] = max(known, size)
    batch = _batch_letter(builder, a, left, b, right, out)
    if a.constant or b.constant:
        data, weight, ours, theirs = (b, a, right, left) if a.constant else (a, b, left, right)
        return _weighted(builder, call, data, weight, ours, theirs, out, sizes, bias, batch)
    shape = tuple([sizes[letter] for letter in out])
    summed = [letter for letter in sizes if letter not in out]
    both = [letter for letter in out if letter in left and letter in right]
    only_a = [letter for letter in out if letter in left and letter not in right]
    only_b = [letter for letter in out if letter in right and letter not in left]
    if any(letter not in left or letter not in right for letter in summed):
        raise Refused("an index that only one operand has is summed")
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


def _ordered(builder: Builder, like: Value, number: int, shape: Shape, batch: int | None, order: list[int]) -> Value:
    """The result of a product whose axes came out in this order."""
    value = Value(shape, like.kind, None, None, False, batch)
    sizes = tuple([shape[axis] // (builder.batch if axis == batch else 1) for axis in order]) or (1,)
    return value._replace(number=builder.view(builder.view(number, sizes), builder.shape(value)))


def _batch_letter(builder: Builder, a: Value, left: str, b: Value, right: str, out: str) -> str | None:
    """The index that runs over the examples. Raises Invalid where they would be mixed: summed, told apart by what is
    stored, or met by others."""
    found = {letters[value.batch] for value, letters in ((a, left), (b, right)) if value.batch is not None}
    apart = {
        letter
        for value, letters in ((a, left), (b, right))
        if value.constant
        for letter, size in zip(letters, value.sizes, strict=True)
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
        raise Refused("an index that only the stored operand has is summed")
    if any(letter not in theirs for letter in summed):
        raise Refused("an index that only one operand has is summed")
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


def _spelled(equation: str, ranks: Sequence[int]) -> str:
    """The equation with letters for the dots, the last ones of as many as the longer operand needs."""
    left, arrow, out = equation.partition("->")
    parts = left.split(",")
    counts = [rank - len(part.replace("...", "")) for part, rank in zip(parts, ranks)]
    free = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in equation]
    if min(counts) < 0 or max(counts) > len(free):
        raise Invalid(f"{quoted(equation)} does not fit its operands")
    dots = "".join(free[: max(counts)])
    if not arrow:
        both = "".join(parts).replace("...", "")
        out = "..." + "".join(sorted(letter for letter in set(both) if both.count(letter) == 1))
    spelled = [part.replace("...", dots[len(dots) - count :]) for part, count in zip(parts, counts)]
    return f"{','.join(spelled)}->{out.replace('...', dots)}"


def _einsum(builder: Builder, call: Call) -> Results:
    equation = call.text("equation", "").replace(" ", "")
    if len(call.inputs) != 2:
        raise Refused("in which order more than two operands are multiplied is the library's choice")
    if "..." in equation:
        equation = _spelled(equation, [len(call.input(at).sizes) for at in range(2)])
    left, _, out = equation.partition("->")
    parts = left.split(",")
    if len(parts) != 2 or not all(part.isascii() and (part.isalpha() or not part) for part in (*parts, out)):
        raise Invalid(f"{quoted(equation)} is not an equation")
    if "->" not in equation:
        both = "".join(parts)
        out = "".join(sorted(letter for letter in set(both) if both.count(letter) == 1))
    a, b = call.input(0), call.input(1)
    if len(parts[0]) != len(a.sizes) or len(parts[1]) != len(b.sizes) or not set(out) <= set("".join(parts)):
        raise Invalid(f"{quoted(equation)} does not fit {show(a.sizes)} and {show(b.sizes)}")
    if any(len(set(part)) != len(part) for part in (*parts, out)):
        raise Refused("a repeated index takes a diagonal")
    return (contract(builder, call, a, b, f"{parts[0]},{parts[1]}->{out}"),)


PRODUCTS: dict[str, Handler] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Einsum": _einsum,
}
