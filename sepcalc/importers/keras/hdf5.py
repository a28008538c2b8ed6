"""A program of its own, which container.py runs: it reads ``model_config`` of an HDF5 file, or how many numbers its
groups store, for h5py may loop in C for ever, or crash, where a file is damaged.

Arguments: the file, and how many bytes to give at most; for the numbers, where in the file the HDF5 begins and how long
it is (0: to the end), too. Standard output: one byte that says what follows, then the text, or a reason, in UTF-8.
"""

import io
import json
import sys
from typing import Any, BinaryIO

TEXT, BROKEN, MISSING, WEIGHTS, NOTHING = b"t", b"b", b"m", b"w", b"n"


class _Section(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self.file, self.start = file, start
        self.size = size or file.seek(0, io.SEEK_END) - start
        self.at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.start + self.at)
        data = self.file.read(max(0, min(len(buffer), self.size - self.at)))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def numbers(path: str, most: int, start: int, size: int) -> tuple[bytes, bytes]:
    """Every group whose own numbers, or those of the groups in it, are weights: its path, the name of the layer that it
    says, and how many."""
    try:
        import h5py
    except ImportError:
        return MISSING, b""
    counts: dict[str, int] = {}
    names: dict[str, str] = {}

    def seen(name: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            if (
                found.dtype.kind == "f"
                or (found.dtype.kind in "iu" and found.dtype.itemsize == 1)
                or "float" in str(found.dtype)
            ):
                parts = name.split("/")[:-1]
                for at in range(len(parts) + 1):
                    group = "/".join(parts[:at])
                    counts[group] = counts.get(group, 0) + int(found.size)
        elif name.split("/")[-1] == "vars" and isinstance(label := found.attrs.get("name"), str):
            names[name.removesuffix("vars").removesuffix("/")] = label

    try:
        with open(path, "rb") as whole, h5py.File(_Section(whole, start, size), "r") as file:
            file.visititems(seen)
        rows = [[group, names.get(group, ""), count] for group, count in counts.items()]
        return TEXT, json.dumps(rows).encode("ascii")[:most]
    except Exception as error:  # whatever h5py says of a broken file
        return BROKEN, (str(error) or type(error).__name__)[:1000].encode("utf-8", "surrogatepass")


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
    given = [int(text) for text in sys.argv[2:]]
    for part in answer(sys.argv[1], *given) if len(given) == 1 else numbers(sys.argv[1], *given):
        sys.stdout.buffer.write(part)
