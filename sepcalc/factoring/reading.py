"""What a kernel argument means: a name, a matrix as it is typed, a file.

* KERNEL: NAME, MATRIX (``matrix.py``), FILE.npy, FILE.csv, FILE.onnx:WEIGHT, FILE.tflite:WEIGHT, FILE.pt2:WEIGHT or
  FILE.safetensors:WEIGHT
"""

import os
import re
from fractions import Fraction

import numpy as np

from sepcalc.errors import Invalid, bad_input
from sepcalc.factoring import files
from sepcalc.factoring.files import SUFFIXES, WEIGHTS
from sepcalc.factoring.kernel import Kernel, of_array, of_fractions
from sepcalc.factoring.matrix import matrix
from sepcalc.factoring.named import named

_TYPED = re.compile(r"[;|,]|^(?:nan|inf|infinity)\b", re.IGNORECASE)  # in no name: a matrix, with mistakes in it


def read(text: str, layer: bool | None = None) -> Kernel:
    """The kernel that an argument names. ``layer``: three axes of a ``.npy`` are a layer's weights. Raises
    InputError."""
    stripped = text.strip()
    path, weight = _file(stripped)
    if path:
        return files.read(path, weight, layer)
    if layer:
        raise bad_input("--layer is for a file of weights, not for a kernel")
    if stripped[:1].isalpha() and not _TYPED.search(stripped):
        return _named(stripped)
    return matrix(text)


def _file(text: str) -> tuple[str, str | None]:
    """The file and the weight in it that an argument names, if it names any."""
    for suffix in WEIGHTS:
        path, found, weight = text.partition(f"{suffix}:")
        if found:
            return path + suffix, weight
    return (text, None) if text.lower().endswith(SUFFIXES) or (os.sep in text and _exists(text)) else ("", None)


def _exists(text: str) -> bool:
    return len(text) < 4096 and "\0" not in text and os.path.exists(text)


def _named(word: str) -> Kernel:
    try:
        rows, says = named(word)
    except Invalid as fact:
        raise bad_input(fact.message, fact.hint) from fact
    entries = [entry for row in rows for entry in row]
    exact = [entry for entry in entries if isinstance(entry, Fraction)]
    if len(exact) == len(entries):
        return of_fractions(word.lower(), (len(rows), len(rows[0])), exact, says)
    return of_array(word.lower(), np.array(rows, np.float64), says=says)
