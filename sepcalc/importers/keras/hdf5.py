"""A separate program, run by container.py. It reads ``model_config`` of an HDF5 file, or how many numbers its groups
store, because h5py's C code may loop forever or crash on a damaged file.

Arguments: the file, and the maximum number of bytes to return; for the numbers also the HDF5 members of a zip (none:
the file itself is HDF5). Standard output: one byte for the kind of answer, then the text or a reason, in UTF-8.
"""

import io
import json
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

TEXT, BROKEN, MISSING, WEIGHTS, NOTHING = b"t", b"b", b"m", b"w", b"n"
MAX_COMPARED = 2**26  # the largest array that is compared with another, in numbers
MAX_PACKED_BYTES = 2**29  # the largest compressed member: it is unpacked beside the file, for random access


class _Section(io.RawIOBase):
    """A part of a file, as a file object."""

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


@contextmanager
def _opened(path: str, member: str) -> Iterator[BinaryIO]:
    """The HDF5 file: the file itself or a member of a zip, read in place if it is not compressed."""
    from tempfile import TemporaryFile
    from zipfile import ZipFile

    with open(path, "rb") as whole:
        if not member:
            yield whole
            return
        with ZipFile(path) as archive:
            info = archive.getinfo(member)
            if not info.compress_type:
                whole.seek(info.header_offset + 26)
                start = info.header_offset + 30 + sum(struct.unpack("<HH", whole.read(4)))
                yield io.BufferedReader(_Section(whole, start, info.file_size))
                return
            if info.file_size > MAX_PACKED_BYTES:
                raise ValueError(f"{member} is packed, and larger than {MAX_PACKED_BYTES >> 20} MiB")
            with archive.open(info) as packed, TemporaryFile() as file:
                while part := packed.read(2**20):
                    file.write(part)
                    if file.tell() > MAX_PACKED_BYTES:
                        raise ValueError(f"{member} is larger than it says")
                yield file


def _twice(arrays: dict[str, Any]) -> set[str]:
    """The arrays stored both for a layer and for one inside it: a wrapper keeps the kernel of the wrapped layer.
    Constant arrays do not count as equal, since two biases may both be zero."""
    owned: dict[tuple[str, Any], list[str]] = {}
    for name, array in arrays.items():
        owned.setdefault((name.rpartition("vars/")[0], array.shape), []).append(name)
    found = set[str]()
    for name, array in arrays.items():
        parts = name.rpartition("vars/")[0].split("/")[:-1]
        for at in range(1, len(parts)):
            for outer in owned.get(("/".join(parts[:at]) + "/", array.shape), ()):
                if outer not in found and 1 < array.size <= MAX_COMPARED and arrays[outer].dtype == array.dtype:
                    own = array[()].tobytes()
                    step = array.dtype.itemsize
                    if own == arrays[outer][()].tobytes() and own != own[:step] * array.size:
                        found.add(outer)
    return found


def numbers(path: str, most: int, members: list[str]) -> tuple[bytes, bytes]:
    """Every group: its path, the layer name in it, and the number of weights in it and its subgroups."""
    try:
        import h5py
    except ImportError:
        return MISSING, b""
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    arrays: dict[str, Any] = {}

    def seen(name: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            if (
                found.dtype.kind in "fV"  # V: bfloat16, which HDF5 cannot name
                or (found.dtype.kind in "iu" and found.dtype.itemsize == 1)
                or "float" in str(found.dtype)
            ):
                arrays[name] = found
            return
        counts.setdefault(name, 0)
        if name.split("/")[-1] == "vars" and isinstance(label := found.attrs.get("name"), str):
            names[name.removesuffix("vars").removesuffix("/")] = label

    try:
        for member in members or [""]:
            with _opened(path, member) as whole, h5py.File(whole, "r") as file:
                file.visititems(seen)
                for name in arrays.keys() - _twice(arrays):
                    parts = name.split("/")[:-1]
                    for at in range(len(parts) + 1):
                        group = "/".join(parts[:at])
                        counts[group] = counts.get(group, 0) + int(arrays[name].size)
                arrays.clear()
        rows = [[group, names.get(group, ""), count] for group, count in counts.items()]
        return TEXT, json.dumps(rows).encode("ascii")[:most]
    except Exception as error:  # h5py may raise anything on a damaged file
        return BROKEN, (str(error) or type(error).__name__)[:1000].encode("utf-8", "surrogatepass")


def answer(path: str, most: int) -> tuple[bytes, bytes]:
    """The kind of the answer, and the answer."""
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
    except (
        Exception
    ) as error:  # h5py may raise anything on a damaged file: OSError, KeyError, RuntimeError, MemoryError …
        reason = str(error) or type(error).__name__
        return BROKEN, reason[:1000].encode("utf-8", "surrogatepass")
    if isinstance(text, bytes):
        return TEXT, text[:most]
    return WEIGHTS if weights else NOTHING, b""


if __name__ == "__main__":
    name, size, *inside = sys.argv[1:]
    for part in numbers(name, int(size), [one for one in inside if one]) if inside else answer(name, int(size)):
        sys.stdout.buffer.write(part)
