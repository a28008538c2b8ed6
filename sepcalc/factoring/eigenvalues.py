"""The eigenvalues of a large symmetric matrix, ascending.

NumPy reduces such a matrix to three diagonals a column at a time, and each time reads what is left of it from memory.
LAPACK also has a way by blocks, over a band, at about half the time: ``dsyevd_2stage`` (Haidar, Ltaief, Dongarra,
SC'11). NumPy's wheels bring it in their OpenBLAS, under a name that says that its integers have 64 bits, but do not
call it. It is called here where it is found, and its answer taken only if it has the matrix's trace and norm; anywhere
else NumPy's own is.
"""

from functools import cache
from typing import Any

import numpy as np

from sepcalc.factoring.kernel import Array

LARGE = 2048  # a side from which on it is faster by a third
ROUNDING = 1e-12  # relative, of the trace and of the norm


def ascending(matrix: Array) -> Array:
    """The eigenvalues of a symmetric matrix of float64."""
    values = _by_blocks(matrix) if len(matrix) >= LARGE else None
    return np.linalg.eigvalsh(matrix) if values is None else values


@cache
def _routine() -> Any:
    from ctypes import CDLL

    from numpy.linalg import _umath_linalg

    try:
        return CDLL(_umath_linalg.__file__).scipy_dsyevd_2stage_64_
    except (AttributeError, OSError):  # another build of NumPy, or of its BLAS
        return None


def _by_blocks(matrix: Array) -> Array | None:
    routine = _routine()
    if routine is None:
        return None
    from ctypes import byref, c_int64, c_size_t, c_void_p

    side, status = byref(c_int64(len(matrix))), c_int64()
    reduced, values = matrix.copy(), np.empty(len(matrix))
    work, integers = np.empty(1), np.empty(1, np.int64)
    for query in (True, False):  # first it says how much room it needs
        routine(
            b"N", b"L", side, c_void_p(reduced.ctypes.data), side, c_void_p(values.ctypes.data),
            c_void_p(work.ctypes.data), byref(c_int64(-1 if query else len(work))),
            c_void_p(integers.ctypes.data), byref(c_int64(-1 if query else len(integers))),
            byref(status), c_size_t(1), c_size_t(1),
        )  # fmt: skip
        if status.value:
            return None
        if query:
            work, integers = np.empty(int(work[0])), np.empty(int(integers[0]), np.int64)
    powers = float(np.vdot(matrix, matrix))
    same_trace = abs(float(values.sum() - matrix.trace())) <= ROUNDING * len(matrix) * powers**0.5
    return values if same_trace and abs(float(values @ values) - powers) <= ROUNDING * powers else None
