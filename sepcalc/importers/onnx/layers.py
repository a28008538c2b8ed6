"""Operators with weights or windows: convolutions, products, attention, pools, norms, recurrent layers, resampling."""

from collections.abc import Callable, Sequence
from math import prod

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.onnx.graph import Builder, Call, Refused, Value
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Copy, Slice
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, RowNorm
from sepcalc.ops.pool import Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Pads, Shape, extent, show

Results = Sequence[Value]
Handler = Callable[[Builder, Call], Results]

# --- windows ----------------------------------------------------------------------------------------------------------


def _sizes(call: Call, name: str, axes: int, default: int = 1, least: int = 1) -> Shape:
    sizes = call.ints(name)
    if not sizes:
        return (default,) * axes
    if len(sizes) != axes or min(sizes) < least:
        raise Invalid(f"the attribute {name} of {call.type} is {sizes}: expected {axes} sizes from {least}")
    return sizes


def _pads(call: Call, spatial: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """Padding before and after, per axis, from ``pads`` or ``auto_pad``."""
    auto = call.text("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = []
        for i, k, s, d in zip(spatial, kernel, stride, dilation):
            whole = max(0, (-(-i // s) - 1) * s + extent(k, d) - i)
            less, more = whole // 2, whole - whole // 2
            pads.append((less, more) if auto == "SAME_UPPER" else (more, less))
        return tuple(pads)
    if auto not in ("NOTSET", "VALID"):
        raise Invalid(f"the attribute auto_pad is {quoted(auto)}")
    given = _sizes(call, "pads", 2 * len(spatial), 0, 0) if auto == "NOTSET" else (0,) * 2 * len(spatial)
    return tuple(zip(given[: len(spatial)], given[len(spatial) :], strict=True))


def _image(builder: Builder, value: Value) -> tuple[Value, Shape, int]:
    """An input with its channels last for the network, its spatial sizes, and how many axes stand before those (a
    batch that holds more than examples)."""
    if len(value.sizes) < 3:
        raise Invalid(f"it needs a batch, channels and spatial axes, not {show(value.sizes)}")
    value = builder.laid(value, first=True)
    spatial = value.sizes[2:]
    return value, spatial, len(builder.shape(value)) - len(spatial) - 1


def _conv(builder: Builder, call: Call) -> Results:
    return (_convolved(builder, call, call.input(0), call.input(1), call.maybe(2)),)


def _convolved(builder: Builder, call: Call, x: Value, weight: Value, bias: Value | None) -> Value:
    value, spatial, lead = _image(builder, x)
    axes = len(spatial)
    if len(weight.sizes) != axes + 2:
        raise Invalid(f"a kernel of {show(weight.sizes) or 'one number'} does not fit an input of {show(value.sizes)}")
    out, per_group, *kernel = weight.sizes
    given = call.ints("kernel_shape")
    if given and given != tuple(kernel):
        raise Invalid(f"a kernel of {show(weight.sizes)} does not fit an input of {show(value.sizes)}")
    groups = call.whole("group", 1)
    if groups < 1 or per_group * groups != value.sizes[1]:
        raise Invalid(f"{groups} groups of {per_group} channels are not the {value.sizes[1]} channels of the input")
    stride, dilation = _sizes(call, "strides", axes), _sizes(call, "dilations", axes)
    pads = _pads(call, spatial, tuple(kernel), stride, dilation)
    ones = (1,) * lead
    op = Conv(
        (*ones, *kernel),
        out,
        (*ones, *stride),
        (*(((0, 0),) * lead), *pads),
        (*ones, *dilation),
        groups,
        bias is not None,
    )
    number = builder.add(call.name, op, [value.number], [weight, bias])
    sizes = builder.tensors[number][lead:-1]
    return builder.give(value, (value.sizes[0], out, *sizes), number=number, batch=value.batch, first=True)


def _transposed(builder: Builder, call: Call) -> Results:
    value, spatial, lead = _image(builder, call.input(0))
    weight, bias = call.input(1), call.maybe(2)
    axes = len(spatial)
    if len(weight.sizes) != axes + 2:
        raise Invalid(f"a kernel of {show(weight.sizes) or 'one number'} does not fit an input of {show(value.sizes)}")
    ins, per_group, *kernel = weight.sizes
    if ins != value.sizes[1]:
        raise Invalid(f"a kernel of {show(weight.sizes)} does not fit an input of {show(value.sizes)}")
    groups = call.whole("group", 1)
    stride, dilation = _sizes(call, "strides", axes), _sizes(call, "dilations", axes)
    extra = _sizes(call, "output_padding", axes, 0, 0)
    auto, wanted = call.text("auto_pad", "NOTSET"), call.ints("output_shape")
    if wanted or auto in ("SAME_UPPER", "SAME_LOWER"):
        sizes = wanted[-axes:] if wanted else tuple([i * s for i, s in zip(spatial, stride)])
        pads, more = [], []
        for i, k, s, d, o, e in zip(spatial, kernel, stride, dilation, sizes, extra, strict=True):
            whole = s * (i - 1) + e + extent(k, d) - o
            less = max(0, whole) // 2
            after = max(0, whole) - less
            pads.append((less, after) if auto == "SAME_UPPER" else (after, less))
            more.append(e + max(0, -whole))
        extra = tuple(more)
        cut = tuple(pads)
    else:
        cut = _pads(call, spatial, tuple(kernel), stride, dilation)
    ones = (1,) * lead
    op = Transposed(
        (*ones, *kernel),
        per_group * groups,
        (*ones, *stride),
        (*(((0, 0),) * lead), *cut),
        (*ones, *dilation),
        (*((0,) * lead), *extra),
        groups,
        bias is not None,
    )
    number = builder.add(call.name, op, [value.number], [weight, bias])
    shape = (value.sizes[0], op.out, *builder.tensors[number][lead:-1])
    return (builder.give(value, shape, number=number, batch=value.batch, first=True),)


def _pool(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value, spatial, lead = _image(builder, call.input(0))
        axes = len(spatial)
        if call.ints("kernel_shape") is None:
            raise Invalid(f"{call.type} lacks its kernel_shape")
        kernel, stride = _sizes(call, "kernel_shape", axes), _sizes(call, "strides", axes)
        dilation = _sizes(call, "dilations", axes)
        pads = _pads(call, spatial, kernel, stride, dilation)
        ones = (1,) * lead
        op = Pool(
            how,
            (*ones, *kernel),
            (*ones, *stride),
            (*(((0, 0),) * lead), *pads),
            (*ones, *dilation),
            bool(call.whole("ceil_mode", 0)),
            how == "avg" and not call.whole("count_include_pad", 0),
        )
        number = builder.add(call.name, op, [value.number])
        shape = (*value.sizes[:2], *builder.tensors[number][lead:-1])
        result = builder.give(value, shape, number=number, batch=value.batch, first=True)
        return (result, result._replace(kind=7))

    return handle


def _global_pool(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value, spatial, lead = _image(builder, call.input(0))
        op = Reduce(how, tuple(range(lead, lead + len(spatial))), True, "pool")
        number = builder.add(call.name, op, [value.number])
        shape = (*value.sizes[:2], *(1,) * len(spatial))
        return (builder.give(value, shape, number=number, batch=value.batch, first=True),)

    return handle


def _resize(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    sizes = _resized(call, value)
    if sizes == value.sizes:
        return (value,)
    if call.whole("antialias", 0):
        raise Refused("resampling with antialiasing weighs as many taps as the sizes say; only plain resampling counts")
    image, spatial, lead = _image(builder, value)
    if sizes[:2] != value.sizes[:2]:
        raise Refused("it resamples the batch or the channels")
    mode = call.text("mode", "nearest")
    axes = len(spatial)
    changed = [at for at in range(axes) if sizes[2 + at] != spatial[at]]
    how = {
        "nearest": "nearest",
        "linear": {1: "linear", 2: "bilinear", 3: "trilinear"}.get(axes, ""),
        "cubic": "bicubic",
    }
    word = how.get(mode, "")
    if not word or (word == "bicubic" and axes != 2) or (lead and word != "nearest"):
        raise Refused(f"resampling {mode} over {axes} axes has no count here")
    op = Upsample(word, (*builder.shape(image)[:lead], *sizes[2:]))
    assert changed
    number = builder.add(call.name, op, [image.number])
    return (builder.give(value, sizes, number=number, batch=value.batch, first=True),)


def _resized(call: Call, value: Value) -> Shape:
    shape = value.sizes
    target = call.maybe(3)
    if call.type == "Upsample":
        scales = call.maybe(1)
        factors = scales.data if scales is not None else call.attributes.get("scales")
    else:
        scales = call.maybe(2) if call.opset > 10 else call.maybe(1)
        factors = scales.data if scales is not None else None
    axes = call.ints("axes") or tuple(range(len(shape)))
    axes = tuple(range(len(shape))[axis] for axis in axes)
    result = list(shape)
    if call.type != "Upsample" and target is not None:
        if target.data is None:
            raise Invalid("the sizes to reach are computed from the data")
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        wanted = [int(size) for size in target.data.reshape(-1)]
        if policy != "stretch":
            pick = min if policy == "not_larger" else max
            scale = pick(size / shape[axis] for size, axis in zip(wanted, axes, strict=True))
            wanted = [int(scale * shape[axis] + 0.5) for axis in axes]
        for axis, size in zip(axes, wanted, strict=True):
            result[axis] = size
        return tuple(result)
    if factors is None or not len(factors):
        raise Invalid("the factors to resample by are not in the graph")
    for axis, factor in zip(axes, factors, strict=True):
        if not 0 < float(factor) < 2**40:
            raise Invalid(f"it resamples by {float(factor)}")
        # the factors are float32: 2.0000001 is meant as 2
        exact = shape[axis] * float(factor)
        near = round(exact)
        result[axis] = near if abs(exact - near) < 1e-4 else int(exact)
    return tuple(result)


# --- products ---------------------------------------------------------------------------------------------------------


def _gemm(builder: Builder, call: Call) -> Results:
    a, b, c = call.input(0), call.input(1), call.maybe(2)
    if len(a.sizes) != 2 or len(b.sizes) != 2:
        raise Invalid("Gemm multiplies two matrices")
    left = "ki" if call.whole("transA", 0) else "ik"
    right = "jk" if call.whole("transB", 0) else "kj"
    bias = c is not None and c.constant
    result = contract(builder, call, a, b, f"{left},{right}->ij", c if bias else None)
    scaled = call.decimal("alpha", 1.0) != 1.0 and not (a.constant or b.constant)
    if scaled:
        number = builder.add(f"{call.name}/alpha", Stored("scale"), [result.number])
        result = result._replace(number=number)
    if c is not None and not bias:
        from sepcalc.importers.onnx.elements import combined

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
        for letter, size in zip(letters, value.sizes, strict=True):
            known = sizes.get(letter, 1)
            if known != size and 1 not in (known, size):
                raise Invalid(f"sizes {known} and {size} do not fit in a product")
            sizes[letter] = max(known, size)
    if a.constant or b.constant:
        data, weight, ours, theirs = (b, a, right, left) if a.constant else (a, b, left, right)
        return _weighted(builder, call, data, weight, ours, theirs, out, sizes, bias)
    batch = _batch_letter(builder, a, left, b, right)
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


def _batch_letter(builder: Builder, a: Value, left: str, b: Value, right: str) -> str | None:
    """The index that runs over the examples. Raises Invalid where they would be mixed."""
    found = {letters[value.batch] for value, letters in ((a, left), (b, right)) if value.batch is not None}
    if len(found) > 1 and builder.batch > 1:
        raise Invalid(f"it mixes the {builder.batch} examples of a batch: export the model for one example")
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
) -> Value:
    """A product with a stored operand. Indices of both that stay are groups, those of both that go are inputs."""
    value = builder.laid(data, False)
    letters = [ours[axis] for axis in builder.axes(value)]
    batch = ours[value.batch] if value.batch is not None else None
    weights = {letter: size for letter, size in zip(theirs, weight.sizes, strict=True) if size > 1}
    groups = [letter for letter in letters if letter in weights and letter in out]
    summed = [letter for letter in letters if letter not in out]
    rows = [letter for letter in letters if letter in out and letter not in groups]
    columns = [letter for letter in theirs if letter not in ours]
    if any(letter not in out for letter in columns) or any(letter in weights and letter == batch for letter in groups):
        raise Refused("a stored operand has an index that is summed alone, or one of the examples")
    if any(letter not in theirs for letter in summed):
        raise Refused("an index that only one operand has is summed")
    seen = dict(zip(letters, builder.shape(value)))
    inner = prod(seen[letter] for letter in summed)
    many = prod(seen[letter] for letter in groups)
    outs = prod(sizes[letter] for letter in columns)
    stretched = [letter for letter in theirs if letter in ours and sizes[letter] != data.sizes[ours.index(letter)]]
    if stretched:
        raise Refused("an operand is repeated over the axes of a stored one")
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


def _attention(builder: Builder, call: Call) -> Results:
    """Scaled dot-product attention of ONNX 23: heads apart on 4 axes, or side by side on 3. A batch that holds more
    than examples (windows) is as many times more heads; a cache stands before the keys and values."""
    from sepcalc.importers.onnx.elements import ELEMENTS

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
        key, value = [
            now
            if past is None
            else ELEMENTS["Concat"](
                builder, call._replace(name=f"{call.name}/{part}", inputs=(past, now), attributes={"axis": 2})
            )[0]
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


# --- norms ------------------------------------------------------------------------------------------------------------


def _batch_norm(builder: Builder, call: Call) -> Results:
    if call.whole("training_mode", 0):
        raise Refused("batch norm in training mode computes statistics of the batch")
    value = builder.laid(call.input(0), True)
    if len(value.sizes) < 2:
        raise Invalid("batch norm needs a batch and channels")
    if any(part.sizes != (value.sizes[1],) for part in map(call.input, range(1, 5))):
        raise Invalid(f"batch norm needs {value.sizes[1]} numbers of each sort, one for each channel")
    number = builder.add(call.name, BatchNorm(), [value.number], [call.input(1), call.input(2)])
    return (value._replace(number=number),)


def _row_norm(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = builder.laid(call.input(0), True)
        if value.batch is None and value.sizes[:1] == (1,) and builder.batch == 1 and len(value.sizes) > 2:
            value = builder.give(value, value.sizes, number=value.number, batch=0, first=True)
        if len(value.sizes) < 3:
            raise Refused("a norm over groups or instances of vectors has no count here")
        groups = call.whole("num_groups", 1) if how == "group" else 1
        if groups < 1 or len(builder.shape(value)) != len(value.sizes) - 1:
            raise Refused("a norm over more than one example at once has no count here")
        op = RowNorm(how, groups)
        number = builder.add(call.name, op, [value.number], [call.input(1), call.input(2)])
        return (value._replace(number=number),)

    return handle


def _layer_norm(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = builder.laid(call.input(0), False)
        rank = len(value.sizes)
        axis = call.whole("axis", -1)
        if not -rank <= axis < rank:
            raise Invalid(f"axis {axis} is none of {show(value.sizes)}")
        gain, bias = call.maybe(1), call.maybe(2) if how == "layer" else None
        axes = rank - axis % rank
        if axes > len(builder.shape(value)):
            value = builder.along(value, value.batch or 0)
        op = RowNorm(how, 1, axes, gain is not None, bias is not None)
        number = builder.add(call.name, op, [value.number], [gain, bias])
        return (value._replace(number=number),)

    return handle


def _skip_norm(how: str) -> Handler:
    """ONNX Runtime's sum of two tensors and its norm in one."""

    def handle(builder: Builder, call: Call) -> Results:
        from sepcalc.importers.onnx.elements import combined

        parts = [call.input(0), call.input(1)]
        after = 4 if how == "layer" else 3
        if (bias := call.maybe(after)) is not None:
            parts.append(bias)
        added = combined(builder, call._replace(name=f"{call.name}/add"), "add", parts)
        inputs = (added, call.input(2), call.maybe(3)) if how == "layer" else (added, call.input(2))
        (result,) = _layer_norm(how)(builder, call._replace(inputs=inputs, attributes={}))
        nothing = Value(None)
        return (result, nothing, nothing, added)

    return handle


def _local_norm(builder: Builder, call: Call) -> Results:
    value = builder.laid(call.input(0), True)
    size = call.whole("size", 0)
    if size < 1:
        raise Invalid("LRN lacks its size")
    number = builder.add(call.name, LocalResponseNorm(size), [value.number])
    return (value._replace(number=number),)


def _length_norm(builder: Builder, call: Call) -> Results:
    """x over the root of the sum of its squares, or the sum of its absolute values, along an axis."""
    value = call.input(0)
    axis = range(len(value.sizes))[call.whole("axis", -1)]
    value = builder.along(value, axis)
    place, power = builder.place(value, axis), call.whole("p", 2)
    first = "square" if power == 2 else "abs"
    number = builder.add(f"{call.name}/{first}", Activation(first), [value.number])
    number = builder.add(f"{call.name}/sum", Reduce("sum", (place,), True), [number])
    if power == 2:
        number = builder.add(f"{call.name}/root", Activation("sqrt"), [number])
    number = builder.add(call.name, Elementwise("divide"), [value.number, number])
    return (value._replace(number=number),)


# --- recurrent --------------------------------------------------------------------------------------------------------

_DEFAULTS = {"rnn": ("Tanh",), "gru": ("Sigmoid", "Tanh"), "lstm": ("Sigmoid", "Tanh", "Tanh")}


def _recurrent(cell: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        x, kernel, state, bias = call.input(0), call.input(1), call.input(2), call.maybe(3)
        layout = call.whole("layout", 0)
        batch = 0 if layout else 1
        x = builder.laid(x, False)
        if len(x.sizes) != 3 or len(state.sizes) != 3:
            raise Invalid(f"{call.type} needs a sequence of three axes")
        if x.batch != batch or x.sizes[batch] != builder.batch:
            if x.sizes[batch] != builder.batch or builder.batch != 1:
                raise Refused("a batch of sequences that is not the batch of examples has no count here")
            x = builder.give(x, x.sizes, number=x.number, batch=batch, first=False)
        hidden, directions = state.sizes[2], state.sizes[0]
        both = call.text("direction", "forward") == "bidirectional"
        if directions != (2 if both else 1):
            raise Invalid(f"{call.type} has weights for {directions} directions")
        words = call.attributes.get("activations") or _DEFAULTS[cell] * directions
        relu = cell == "rnn" and set(words) == {"Relu"}
        if tuple(words) != _DEFAULTS[cell] * directions and not relu:
            raise Refused(f"activations {', '.join(map(str, words))} are not those that {call.type} is counted with")
        if "clip" in call.attributes or call.whole("input_forget", 0):
            raise Refused(f"{call.type} with clipping or coupled gates has no count here")
        peep = call.maybe(7) if cell == "lstm" else None
        wanted = [bool(name) for name in (*call.outputs, "", "", "")[:3]]
        op = Recurrent(
            cell,
            hidden,
            2 if bias is not None else 0,
            peephole=peep is not None,
            reset_before=cell == "gru" and not call.whole("linear_before_reset", 0),
            relu=relu,
            bidirectional=both,
            last=not wanted[0],
        )
        number = builder.add(call.name, op, [x.number], [kernel, state, bias, peep])
        steps, n = x.sizes[layout], builder.batch
        whole = (n, steps, directions, hidden) if layout else (steps, directions, n, hidden)
        last = (n, directions, hidden) if layout else (directions, n, hidden)
        at = 0 if layout else 1

        def end(part: str) -> Value:
            seen = builder.tensors[number]
            taken = number if op.last else builder.add(f"{call.name}/{part}", Slice((1, seen[-1])), [number])
            return builder.give(x, last, number=builder.view(taken, (directions, hidden)), batch=at, first=False)

        results = [Value(None), Value(None), Value(None)]
        if wanted[0]:
            spread = builder.view(number, (steps, directions, hidden))
            results[0] = builder.give(x, whole, number=spread, batch=0 if layout else 2, first=False)
        if wanted[1]:
            results[1] = end("last")
        if wanted[2]:
            cells = builder.add(f"{call.name}/cell", Copy((directions, hidden)), [number])
            results[2] = builder.give(x, last, number=cells, batch=at, first=False)
        return results

    return handle


# --- quantized --------------------------------------------------------------------------------------------------------


def requantized(builder: Builder, call: Call, value: Value) -> Value:
    """Sums to small integers: times a stored scale, rounded (free), plus a stored zero point, clipped."""
    number = value.number
    for part, op in (("scale", Stored("scale")), ("zero", Stored("shift")), ("clip", Activation("clip"))):
        number = builder.add(f"{call.name}/{part}", op, [number])
    builder.note("zero points of the inputs of quantized layers are taken as part of the stored bias")
    return value._replace(number=number)


def _quantized_conv(builder: Builder, call: Call) -> Results:
    result = _convolved(builder, call, call.input(0), call.input(3), call.maybe(8))
    return (requantized(builder, call, result)._replace(kind=3),)


def _quantized_matmul(builder: Builder, call: Call) -> Results:
    result = multiplied(builder, call, call.input(0), call.input(3))
    return (requantized(builder, call, result)._replace(kind=3),)


def _integer_conv(builder: Builder, call: Call) -> Results:
    builder.note("zero points of the inputs of quantized layers are taken as part of the stored bias")
    return (_convolved(builder, call, call.input(0), call.input(1), None)._replace(kind=6),)


def _integer_matmul(builder: Builder, call: Call) -> Results:
    builder.note("zero points of the inputs of quantized layers are taken as part of the stored bias")
    return (multiplied(builder, call, call.input(0), call.input(1))._replace(kind=6),)


LAYERS: dict[str, Handler] = {
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"),
    "GlobalAveragePool": _global_pool("mean"),
    "GlobalMaxPool": _global_pool("max"),
    "Resize": _resize,
    "Upsample": _resize,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Einsum": _einsum,
    "Attention": _attention,
    "RotaryEmbedding": _rotated,
    "com.microsoft.RotaryEmbedding": _rotated,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _row_norm("instance"),
    "GroupNormalization": _row_norm("group"),
    "LayerNormalization": _layer_norm("layer"),
    "RMSNormalization": _layer_norm("rms"),
    "SimplifiedLayerNormalization": _layer_norm("rms"),
    "SkipLayerNormalization": _skip_norm("layer"),
    "SkipSimplifiedLayerNormalization": _skip_norm("rms"),
    "LRN": _local_norm,
    "LpNormalization": _length_norm,
    "LSTM": _recurrent("lstm"),
    "GRU": _recurrent("gru"),
    "RNN": _recurrent("rnn"),
    "QLinearConv": _quantized_conv,
    "QLinearMatMul": _quantized_matmul,
    "ConvInteger": _integer_conv,
    "MatMulInteger": _integer_matmul,
}
