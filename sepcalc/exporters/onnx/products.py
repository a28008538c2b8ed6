"""Dense layers, matrix products, sums of products over named indices, attention."""

from math import sqrt
from string import ascii_letters

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.graph import Call, Handler, Tensor
from sepcalc.ops.base import Op
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul


def _dense(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    sizes = (op.out, shape[-1])
    bias = [call.stored("bias", (op.out,))] if op.bias else []
    if len(shape) == 1:
        return call.result(call.add("Gemm", call.real(0, False), call.stored("kernel", sizes), *bias, transB=1))
    name = call.add("MatMul", call.real(0, False), call.stored("kernel", sizes, lambda array: array.T))
    return call.result(call.add("Add", name, *bias) if bias else name)


def _matmul(call: Call) -> Tensor:
    rank = max(map(len, call.shapes))
    names = []
    for at, shape in enumerate(call.shapes):
        name = call.real(at, False)
        if missing := rank - len(shape):
            name = call.add("Unsqueeze", name, call.sizes(range(1, 1 + missing)))
        names.append(name)
    if call.op.transpose:
        names[1] = call.add("Transpose", names[1], perm=[*range(rank - 1), rank, rank - 1])
    return call.result(call.add("MatMul", *names))


def _einsum(call: Call) -> Tensor:
    _, output = call.op.sizes(call.shapes)
    operands = call.op.equation.partition("->")[0].split(",")
    batch = next((letter for letter in ascii_letters if letter not in call.op.equation), None)
    if batch is None:
        raise Invalid("the equation leaves no letter for the batch")
    equation = ",".join(batch + operand for operand in operands) + f"->{batch}{output}"
    name = call.add("Einsum", *[call.real(at, False) for at in range(len(operands))], equation=equation)
    return call.result(name if output else call.reshaped(name, (1,)))


def _attention(call: Call) -> Tensor:
    op, shapes = call.op, call.shapes
    if op.mask:
        raise Invalid("what the mask adds is not known")
    queries, keys, size, value = op.sizes(shapes)
    last = len(shapes) - 1

    def heads(at: int, count: int, rows: int, each: int, order: list[int]) -> str:
        """Heads before positions, in groups that share their keys and values."""
        split = (rows, op.kv_heads, count // op.kv_heads, each)
        return call.add("Transpose", call.reshaped(call.real(at, False), split), perm=order)

    query = heads(0, op.heads, queries, size, [0, 2, 3, 1, 4])
    key = heads(min(1, last), op.kv_heads, keys, size, [0, 2, 3, 4, 1])
    values = heads(last, op.kv_heads, keys, value, [0, 2, 3, 1, 4])
    scores = call.add("Mul", call.add("MatMul", query, key), call.number(1 / sqrt(size)))
    mixed = call.add("MatMul", call.add("Softmax", scores, axis=-1), values)
    rows = call.add("Transpose", mixed, perm=[0, 3, 1, 2, 4])
    return call.result(call.reshaped(rows, call.output))


PRODUCTS: dict[type[Op], Handler] = {Dense: _dense, Matmul: _matmul, Einsum: _einsum, Attention: _attention}
