"""Arrays that count. Every elementwise call is seen with its operands; a function that multiplies unseen is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import erf
from typing import Any, TypeAlias

import numpy as np

from sepcalc.cost import COSTS, Cost

Array: TypeAlias = Any  # an ndarray: NumPy's own types do not follow shapes that are computed


erf_of = np.frompyfunc(erf, 1, 1)  # NumPy has none


_COUNTED: dict[Any, str] = {
    np.multiply: "mults",
    np.square: "mults",
    np.add: "adds",
    np.subtract: "adds",
    np.maximum: "compares",
    np.minimum: "compares",
    np.greater: "compares",
    np.divide: "divs",
    np.sqrt: "specials",
    np.exp: "specials",
    np.log: "specials",
    np.tanh: "specials",
    np.power: "specials",
    np.sin: "specials",
    np.cos: "specials",
    np.tan: "specials",
    np.arcsin: "specials",
    np.arccos: "specials",
    np.arctan: "specials",
    np.sinh: "specials",
    np.cosh: "specials",
    np.arcsinh: "specials",
    np.arccosh: "specials",
    np.arctanh: "specials",
    erf_of: "specials",
}


_FREE_UFUNCS = {
    np.negative,
    np.absolute,
    np.sign,
    np.floor,
    np.ceil,
    np.rint,
    np.logical_and,
    np.logical_not,
    np.bitwise_and,
}


_FREE_FUNCTIONS: set[Any] = {np.where, np.concatenate, np.reshape, np.transpose, np.moveaxis, np.pad, np.broadcast_to}


class Tally:
    """What was executed so far, operation by operation."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COSTS, 0)
        self.in_product = False

    @contextmanager
    def products(self) -> Iterator[None]:
        """Multiplications in this context are part of a sum of products: they count as macs too."""
        self.in_product = True
        yield
        self.in_product = False

    def cost(self) -> Cost:
        """What was executed, as a cost."""
        return Cost(**self.counts)


class Counted(np.ndarray[Any, np.dtype[Any]]):
    """An array whose elementwise calls are counted by the sizes of their operands. See :func:`counting`."""

    tally: Tally

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        kind = type(self)
        counted = _COUNTED.get(ufunc)
        if (counted is None and ufunc not in _FREE_UFUNCS) or "where" in kwargs or "initial" in kwargs:
            raise TypeError(f"{ufunc.__name__} is not counted, so it may not run here")
        plain = [x.view(np.ndarray) if type(x) is kind else x for x in inputs]
        if out is not None:
            (out,) = out
            kwargs["out"] = out.view(np.ndarray) if type(out) is kind else out
        if method == "__call__":
            result = ufunc(*plain, **kwargs)
            done = result.size
        elif method == "reduce" and counted:
            result = ufunc.reduce(*plain, **kwargs)
            done = plain[0].size - result.size
        else:
            raise TypeError(f"{ufunc.__name__}.{method} is not counted, so it may not run here")
        if counted:
            counts = self.tally.counts
            counts[counted] += done
            if counted == "mults" and self.tally.in_product:
                counts["macs"] += done
        if out is not None:
            return out
        return result.view(kind) if type(result) is np.ndarray else np.asarray(result).view(kind)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in _FREE_FUNCTIONS:
            raise TypeError(f"{func.__name__} is not counted, so it may not run here")
        result = super().__array_function__(func, types, args, kwargs)
        # np.where and others give plain arrays, whose calls nobody would see
        return result.view(type(self)) if isinstance(result, np.ndarray) else result


def counting(tally: Tally) -> type[Counted]:
    """A kind of array that counts into this tally: ``values.view(counting(tally))``."""
    return type("CountedHere", (Counted,), {"tally": tally})
