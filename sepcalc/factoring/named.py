"""Kernels by name: a table from name to matrix, as image processing writes them.

Where a kernel is known with a denominator it has it: ``gaussian-3`` is 1/16 of integers.
"""

from collections.abc import Callable
from fractions import Fraction
from math import comb, cos, exp, pi, sin
from typing import NamedTuple

from sepcalc.errors import Invalid, near_miss, quoted

MAX_TAPS = 63  # taps of a kernel made to measure
GABOR = 9, 2.0, 4.0  # taps, standard deviation, wavelength

Matrix = list[list[Fraction]] | list[list[float]]


class Named(NamedTuple):
    """A kernel that has one size, or ``make`` for a family: ``box-N``."""

    says: str
    text: str = ""
    below: int = 1
    make: Callable[[int], Matrix] | None = None
    default: int = 3


def _outer(rows: list[Fraction]) -> Matrix:
    return [[a * b for b in rows] for a in rows]


def _binomial(taps: int) -> Matrix:
    return _outer([Fraction(comb(taps - 1, at), 2 ** (taps - 1)) for at in range(taps)])


def _box(taps: int) -> Matrix:
    return _outer([Fraction(1, taps)] * taps)


def _tent(taps: int) -> Matrix:
    rises = [min(at, taps - 1 - at) + 1 for at in range(taps)]
    return _outer([Fraction(rise, sum(rises)) for rise in rises])


def _identity(taps: int) -> Matrix:
    return _outer([Fraction(int(at == taps // 2)) for at in range(taps)])


def _motion(taps: int) -> Matrix:
    return [[Fraction(int(row == column), taps) for column in range(taps)] for row in range(taps)]


def _gabor(degrees: int) -> Matrix:
    taps, deviation, wavelength = GABOR
    middle, angle = taps // 2, pi * degrees / 180
    return [
        [
            exp(-(x * x + y * y) / (2 * deviation * deviation))
            * cos(2 * pi * (x * cos(angle) + y * sin(angle)) / wavelength)
            for x in range(-middle, middle + 1)
        ]
        for y in range(-middle, middle + 1)
    ]


def _sampled(taps: int, deviation: float) -> Matrix:
    middle = (taps - 1) / 2
    weights = [exp(-((at - middle) ** 2) / (2 * deviation * deviation)) for at in range(taps)]
    total = sum(weights)
    return [[a * b / total**2 for b in weights] for a in weights]


KERNELS = {
    "sobel-x": Named("gradient to the right, smoothed 1 2 1", "-1 0 1; -2 0 2; -1 0 1"),
    "sobel-y": Named("gradient downwards, smoothed 1 2 1", "-1 -2 -1; 0 0 0; 1 2 1"),
    "scharr-x": Named("gradient to the right, smoothed 3 10 3", "-3 0 3; -10 0 10; -3 0 3"),
    "scharr-y": Named("gradient downwards, smoothed 3 10 3", "-3 -10 -3; 0 0 0; 3 10 3"),
    "prewitt-x": Named("gradient to the right, smoothed 1 1 1", "-1 0 1; -1 0 1; -1 0 1"),
    "prewitt-y": Named("gradient downwards, smoothed 1 1 1", "-1 -1 -1; 0 0 0; 1 1 1"),
    "roberts-x": Named("difference along the diagonal", "1 0; 0 -1"),
    "roberts-y": Named("difference along the other diagonal", "0 1; -1 0"),
    "kirsch": Named("compass gradient, north", "5 5 5; -3 0 -3; -3 -3 -3"),
    "gaussian": Named("binomial, the exact stand-in: gaussian-N@S samples standard deviation S", make=_binomial),
    "binomial": Named("a row of Pascal's triangle along each axis, over 4^(N-1)", make=_binomial),
    "box": Named("the mean of N x N", make=_box),
    "tent": Named("linear interpolation: rising and falling along each axis", make=_tent),
    "laplacian": Named("second derivative, four neighbours", "0 1 0; 1 -4 1; 0 1 0"),
    "laplacian-8": Named("second derivative, eight neighbours", "1 1 1; 1 -8 1; 1 1 1"),
    "log": Named("Laplacian of a Gaussian, 5x5", "0 0 -1 0 0; 0 -1 -2 -1 0; -1 -2 16 -2 -1; 0 -1 -2 -1 0; 0 0 -1 0 0"),
    "gabor": Named(
        "a cosine wave under a round Gaussian, 9x9, wavelength 4, deviation 2; N is its angle in degrees",
        make=_gabor,
        default=45,
    ),
    "identity": Named("one in the middle", make=_identity),
    "motion": Named("blur along the diagonal: as far from separable as can be", make=_motion),
    "sharpen": Named("the image minus its Laplacian", "0 -1 0; -1 5 -1; 0 -1 0"),
    "unsharp": Named(
        "twice the image minus a binomial blur, 5x5",
        "-1 -4 -6 -4 -1; -4 -16 -24 -16 -4; -6 -24 476 -24 -6; -4 -16 -24 -16 -4; -1 -4 -6 -4 -1",
        256,
    ),
    "emboss": Named("relief lit from the lower right", "-2 -1 0; -1 1 1; 0 1 2"),
    "outline": Named("what differs from its eight neighbours", "-1 -1 -1; -1 8 -1; -1 -1 -1"),
}
ALIASES = {
    "sobel": "sobel-x",
    "scharr": "scharr-x",
    "prewitt": "prewitt-x",
    "roberts": "roberts-x",
    "laplacian-4": "laplacian",
}


def usage(name: str) -> str:
    """The name as the list shows it: ``box-N``."""
    return f"{name}-N" if KERNELS[name].make else name


def named(word: str) -> tuple[Matrix, str]:
    """The matrix of this name, in letters of either case, and a word on it. Raises Invalid."""
    name = word.lower()
    name = ALIASES.get(name, name)
    if name in KERNELS and not KERNELS[name].make:
        kernel = KERNELS[name]
        rows = [[Fraction(int(entry), kernel.below) for entry in row.split()] for row in kernel.text.split(";")]
        return rows, kernel.says
    family, _, size = name.partition("-")
    if family not in KERNELS or not KERNELS[family].make:
        known = [*map(usage, KERNELS), *ALIASES]
        raise Invalid(
            f"unknown kernel {quoted(word)}: expected a matrix, a name or a file",
            near_miss(word.lower(), known) or "sepcalc factor --list shows the names; a file ends in .npy or .csv",
        )
    kernel = KERNELS[family]
    if family == "gaussian" and "@" in size:
        taps, _, deviation = size.partition("@")
        return _sampled(_taps(word, taps), _deviation(word, deviation)), f"sampled, standard deviation {deviation}"
    if kernel.make is None:
        raise TypeError(f"{family} has no sizes")
    return kernel.make(_size(word, family, size) if name != family else kernel.default), kernel.says


def _size(word: str, family: str, text: str) -> int:
    if family != "gabor":
        return _taps(word, text)
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 360):
        raise Invalid(f"{quoted(word)} has no angle: expected whole degrees from 0 to 359", "for example gabor-45")
    return int(text)


def _taps(word: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_TAPS):
        raise Invalid(
            f"{quoted(word)} has no size: expected taps from 1 to {MAX_TAPS} after the name",
            f"for example {word[:20].partition('-')[0]}-5",
        )
    return int(text)


def _deviation(word: str, text: str) -> float:
    digits = text.replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(text) <= 12 and 0.05 <= float(text) <= 1000):
        raise Invalid(
            f"{quoted(word)} has no deviation: expected a decimal number from 0.05 to 1000 after @",
            "for example gaussian-5@1.4",
        )
    return float(text)
