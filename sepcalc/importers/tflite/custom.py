"""MediaPipe's custom operators, by their names."""

from collections.abc import Mapping
from struct import Struct

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import IMAGES_LAST, WINDOWED_LAST
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused
from sepcalc.importers.common.tensorflow.layers import require_rank, stored_kernel
from sepcalc.importers.common.tensorflow.moves import copied
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.importers.tflite.layers import pool_of, transposed_of
from sepcalc.importers.tflite.model import Options


class Given(Options):
    """Options in a struct of whole numbers."""

    def __init__(self, raw: bytes, *names: str) -> None:
        size = 4 * len(names)
        numbers = Struct(f"<{len(names)}i").unpack(raw[:size]) if len(raw) >= size else (None,) * len(names)
        self.values: Mapping[str, int | None] = dict(zip(names, numbers))
        self.known = {}

    def get(self, *keys: str) -> int | None:
        value = self.values.get(keys[0])
        # there, 1 is SAME and 2 is VALID
        return None if value is None else value - 1 if keys[0] == "padding" else value


def _transposed(builder: Builder, call: Call) -> Results:
    """transposed"""
    call = call._replace(options=Given(call.raw, "padding", "stride_w", "stride_h"))
    x, out = call.input(0), call.outputs[0]
    require_rank(call, x, 4)
    if out.open or builder.altered:
        raise Refused("the size that it reaches is not known")
    same = call.whole("padding", 0) == 0
    return (transposed_of(builder, call, x, stored_kernel(call, 1), call.maybe(2), out.shape, same),)


def _pool(builder: Builder, call: Call) -> Results:
    """pool max, and its places"""
    options = Given(call.raw, "padding", "stride_w", "stride_h", "filter_w", "filter_h")
    value = pool_of(builder, call._replace(options=options), "max", call.input(0))
    return (value, *copied(builder, call, value.sizes, [value]))


def _unpool(builder: Builder, call: Call) -> Results:
    """copy to the places"""
    out = call.outputs[0]
    if out.open or builder.altered:
        raise Refused("the size that it reaches is not known")
    sizes = require_rank(call, call.input(0), 4)
    if len(out.shape) != 4 or (out.shape[0], out.shape[3]) != (sizes[0], sizes[3]):
        raise Invalid(f"{call.type} does not make {list(out.shape)} of {list(sizes)}")
    return copied(builder, call, out.shape, [call.input(0), call.input(1)])


CUSTOM: dict[str, Operator] = {
    "Convolution2DTransposeBias": Operator(_transposed, WINDOWED_LAST),
    "MaxPoolingWithArgmax2D": Operator(_pool, WINDOWED_LAST),
    "MaxUnpooling2D": Operator(_unpool, IMAGES_LAST),
}
