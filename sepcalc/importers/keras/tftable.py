"""TensorFlow's names in the graphs of Keras 2 (``TFOpLambda``, ``SlicingOpLambda``), and the operation of each."""

from functools import partial
from typing import Any

from sepcalc.importers.common.layout import KEEPS, WINDOWED, same_rows
from sepcalc.importers.keras.operations import OPERATIONS, gelu, tf_pool
from sepcalc.importers.keras.rows import Operator

_HOMES = ("math.", "nn.", "linalg.", "__operators__.")
FUNCTIONS: dict[str, Operator] = {name: row for row in OPERATIONS.values() for name in row.tensorflow.split()} | {
    "gelu": Operator(partial(gelu, at=None, approximate=False), KEEPS),
    **same_rows(Operator(partial(tf_pool, how="max"), WINDOWED), "max_pool", "max_pool1d", "max_pool2d", "max_pool3d"),
    **same_rows(Operator(partial(tf_pool, how="avg"), WINDOWED), "avg_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
}


def function_of(name: Any) -> Operator | None:
    """The row of a TensorFlow function, by the name that a Keras 2 layer stores."""
    if not isinstance(name, str):
        return None
    name = name.removeprefix("compat.v1.")
    for home in _HOMES:
        name = name.removeprefix(home)
    return FUNCTIONS.get(name)
