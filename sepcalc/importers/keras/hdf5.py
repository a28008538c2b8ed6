"""A program of its own, which container.py runs: it reads ``model_config`` of an HDF5 file, for h5py may loop in C for
ever, or crash, where a file is damaged.

Arguments: the file, and how many bytes to give at most. Standard output: one byte that says what follows, then the
text, or a reason, in UTF-8.
"""

import sys
from typing import Any

TEXT, BROKEN, MISSING, WEIGHTS, NOTHING = b"t", b"b", b"m", b"w", b"n"


def answer(path: str, most: int) -> tuple[bytes, bytes]:
    """What kind of answer it is, and the answer."""
    try:
        import h5py
    except ImportError:
        return MISSING, b""
    try:
        with h5py.File(path, "r") as file:
            text: Any = file.attrs.get("model_config")
            weights = "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint_dependencies" in file
        if isinstance(text, str):
            text = text.encode("utf-8", "surrogatepass")
    except Exception as error:  # whatever h5py says of a broken file: OSError, KeyError, RuntimeError, MemoryError …
        reason = str(error) or type(error).__name__
        return BROKEN, reason[:1000].encode("utf-8", "surrogatepass")
    if isinstance(text, bytes):
        return TEXT, text[:most]
    return WEIGHTS if weights else NOTHING, b""


if __name__ == "__main__":
    for part in answer(sys.argv[1], int(sys.argv[2])):
        sys.stdout.buffer.write(part)
