"""Matrix products: dense layers, matmul, einsum, attention."""

from typing import NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid, quoted
from sepcalc.ops.arguments import Arguments, Written
from sepcalc.ops.base import Builder, Chain, Link, Multiple, Op, Ties, Width, broadcast, spatial
from sepcalc.shape import Shape, Shapes, show


class _Dense(NamedTuple):
    out: int
    bias: bool = False


class Dense(_Dense, Op):
    """A fully connected layer over the last axis, on each of R rows (a vector is one row).

    R·I·O macs, R·O·(I - 1 + b) additions: a sum of I products, and a bias is one more. Params I·O + b·O. Some tools
    forget the rows.
    """

    __slots__ = ()
    label = "dense"
    windows = Op.in_place

    def detail(self, inputs: Shapes) -> str:
        return f"{inputs[0][-1]} -> {self.out}"

    def output(self, inputs: Shapes) -> Shape:
        return (*inputs[0][:-1], self.out)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        rows = name("rows", *output[:-1])
        ins = name("inputs", inputs[0][-1])
        outs = name("outputs", self.out)
        bias = name("bias", 1) if self.bias else 0
        macs = rows * ins * outs
        return Cost(macs, macs, rows * outs * (ins - 1 + bias), params=outs * (ins + bias), activations=rows * outs)

    def written(self, inputs: Shapes) -> Written:
        return Written("dense", (), {"out": self.out, "bias": self.bias or None})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(own=True)

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(out=wider(self.out))


class _Matmul(NamedTuple):
    transpose: bool = False


class Matmul(_Matmul, Op):
    """A matrix product of two inputs over their last two axes, ``m x k`` times ``k x n`` (``transpose``: ``n x k``);
    axes before them broadcast.

    y·k macs, y·(k-1) additions: each output is a sum of k products. An operand that is repeated by broadcasting is
    multiplied anew.
    """

    __slots__ = ()
    label = "matmul"
    least = most = 2
    windows = Op.everywhere
    ties = Op.untied
    resized = Op.unchanged

    def output(self, inputs: Shapes) -> Shape:
        left, right = inputs
        if len(left) < 2 or len(right) < 2:
            raise Invalid(f"matmul needs two matrices, not {show(left)} and {show(right)}")
        rows, columns = (right[-1], right[-2]) if self.transpose else right[-2:]
        if left[-1] != rows:
            raise Invalid(
                f"matmul cannot multiply {show(left)} by {show(right)}: {left[-1]} columns against {rows} rows",
                ""
                if self.transpose or left[-1] != right[-1]
                else "--transpose multiplies by the second one transposed",
            )
        outer = broadcast((left[:-2] or (1,), right[:-2] or (1,)), "matmul") if len(left) + len(right) > 4 else ()
        return (*outer, left[-2], columns)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        results = name("results", *output)
        inner = name("inner", inputs[0][-1])
        return Cost(results * inner, results * inner, results * (inner - 1), activations=results)

    def written(self, inputs: Shapes) -> Written:
        return Written("matmul", (), {"transpose": self.transpose or None})


class _Einsum(NamedTuple):
    equation: str


class Einsum(_Einsum, Op):
    """A product of n operands by Einstein's convention, ``ij,jk->ik``, as one sum, evaluated as written: J terms, the
    product of all index sizes, each a product of n elements.

    (n-1)·J mults and J - y additions; J macs, as the last product of each term is what is accumulated: none where the
    output has all indices, as an outer product accumulates nothing. Of one operand sums alone, or a diagonal. The order
    in which a library multiplies pairs would cost less.
    """

    __slots__ = ()
    label = "einsum"
    most = 1000
    windows = Op.everywhere
    ties = Op.untied
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return self.equation

    def sizes(self, inputs: Shapes) -> tuple[dict[str, int], str]:
        """The size of every index, and the indices of the output. Raises Invalid if they do not match."""
        left, _, output = self.equation.partition("->")
        operands = left.split(",")
        if not all(part.isascii() and part.isalpha() for part in operands):
            raise Invalid(f"{quoted(self.equation)} is not an equation", "for example ij,jk->ik")
        if len(operands) != len(inputs):
            plural = "s" if len(operands) > 1 else ""
            raise Invalid(f"{quoted(self.equation)} is for {len(operands)} input{plural}, not {len(inputs)}")
        sizes: dict[str, int] = {}
        for operand, shape in zip(operands, inputs):
            if len(operand) != len(shape):
                raise Invalid(
                    f"{quoted(operand)} has {len(operand)} indices, but the input {show(shape)} {len(shape)} axes"
                )
            for index, size in zip(operand, shape):
                if sizes.setdefault(index, size) != size:
                    raise Invalid(f"the index {index} is {sizes[index]} in one place and {size} in another")
        if "->" not in self.equation:
            output = "".join(sorted(index for index in sizes if left.count(index) == 1))
        if len(set(output)) != len(output) or not set(output) <= set(sizes):
            raise Invalid(f"the output {quoted(output)} must name indices of the operands, each once")
        return sizes, output

    def output(self, inputs: Shapes) -> Shape:
        sizes, output = self.sizes(inputs)
        return tuple([sizes[index] for index in output]) or (1,)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        sizes, named = self.sizes(inputs)
        products = name("index combinations", *sizes.values())
        results = name("results", *output)
        mults = products * name("factors but the first", len(inputs) - 1) if len(inputs) > 2 else products
        several, summed = len(inputs) > 1, len(named) < len(sizes)
        return Cost(
            products if several and summed else 0, mults if several else 0, products - results, activations=results
        )

    def written(self, inputs: Shapes) -> Written:
        return Written("einsum", (self.equation,))


class _Attention(NamedTuple):
    heads: int
    kv_heads: int
    mask: bool = False


class Attention(_Attention, Op):
    """Scaled dot-product attention, softmax(Q·Kᵀ/sqrt(d) + mask)·V, on queries, keys and values that are already
    projected: of three inputs; of two, queries and what serves as keys and values; of one, itself.

    Per head, n queries, m keys, sizes d and dv: n·m·(d + dv) macs; n·m scores more multiplied by 1/sqrt(d); additions
    n·m·(d-1) + n·dv·(m-1) + n·(2m-1) + n·m for an additive mask; n·(m-1) compares; n·m divisions and exponentials.
    A boolean or causal mask selects, free, and all pairs count. The formula is evaluated as published, the scale
    on the scores. Source: Vaswani et al., arXiv:1706.03762, section 3.2.1.
    """

    __slots__ = ()
    label = "attention"
    most = 3
    windows = Op.everywhere
    resized = Op.unchanged

    def sizes(self, inputs: Shapes) -> tuple[int, int, int, int]:
        """The numbers of queries and keys, and the sizes of a query (or key) and of a value per head."""
        query = inputs[0]
        key, value = inputs[-2:] if len(inputs) == 3 else (inputs[-1], inputs[-1])
        for shape, heads, what in (
            (query, self.heads, "query"),
            (key, self.kv_heads, "key"),
            (value, self.kv_heads, "value"),
        ):
            if shape[-1] % heads:
                raise Invalid(f"{heads} heads do not divide the {shape[-1]} channels of the {what}", about="heads")
        if self.heads % self.kv_heads:
            raise Invalid(f"{self.kv_heads} key heads do not divide {self.heads} query heads", about="kv-heads")
        size, key_size = query[-1] // self.heads, key[-1] // self.kv_heads
        if size != key_size:
            raise Invalid(f"a query has {size} channels in each head, a key {key_size}", about="heads")
        if spatial(key) != spatial(value):
            raise Invalid(f"{spatial(key)} keys, but {spatial(value)} values")
        return spatial(query), spatial(key), size, value[-1] // self.kv_heads

    def detail(self, inputs: Shapes) -> str:
        return f"{self.heads} heads"

    def output(self, inputs: Shapes) -> Shape:
        *_, value = self.sizes(inputs)
        return (*inputs[0][:-1], self.heads * value)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        queries, keys, size, value = self.sizes(inputs)
        rows = name("heads", self.heads) * name("queries", queries)
        m, d, dv = name("keys", keys), name("size", size), name("value size", value)
        mask = name("mask", 1) if self.mask else 0
        pairs = rows * m
        return Cost(
            macs=pairs * (d + dv),
            mults=pairs * (d + dv) + pairs,
            adds=pairs * (d - 1) + rows * dv * (m - 1) + rows * (2 * m - 1) + mask * pairs,
            compares=rows * (m - 1),
            divs=pairs,
            specials=pairs,
            activations=rows * dv,
        )

    def written(self, inputs: Shapes) -> Written:
        kv_heads = None if self.kv_heads == self.heads else self.kv_heads
        return Written("attention", (), {"heads": self.heads, "kv-heads": kv_heads, "mask": self.mask or None})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        heads = [self.heads, *[self.kv_heads] * (len(inputs) - 1)]
        multiples = tuple([Multiple(at, count) for at, count in enumerate(heads)])
        passing = self.passing(inputs, output) if self.heads == self.kv_heads else Ties()
        return passing._replace(multiples=multiples)


# --- from words and options ------------------------------------------------------------------------------------------


def _attention(given: Arguments) -> Op:
    heads = given.size("heads")
    return Attention(heads, given.size("kv-heads", heads), given.on("mask"))


def _multihead(given: Arguments) -> Chain:
    """Queries, keys and values by one dense layer each, attention, and a dense layer: from the first input to the
    second (keys and values), or to itself. Source: Vaswani et al., arXiv:1706.03762, section 3.2.2."""
    first = len(given.inputs)
    if first > 2:
        raise Invalid(f"multihead takes 1 to 2 inputs, not {first}")
    channels = given.shape[-1]
    heads = given.size("heads")
    if channels % heads:
        raise Invalid(f"{heads} heads do not divide the {channels} channels", about="heads")
    query = Dense(channels, given.on("bias"))
    key = query._replace(out=channels // heads * given.size("kv-heads", heads))
    return (
        Link("query", query, (0,)),
        Link("key", key, (first - 1,)),
        Link("value", key, (first - 1,)),
        Link("attention", _attention(given), (first, first + 1, first + 2)),
        Link("output", query, (first + 3,)),
    )


BUILD: dict[str, Builder] = {
    "dense": lambda given: Dense(given.size("out"), given.on("bias")),
    "matmul": lambda given: Matmul(given.on("transpose")),
    "einsum": lambda given: Einsum(given.words[0]),
    "attention": _attention,
    "multihead": _multihead,
}
