"""Reads the configuration from a model file: a zip, a text, or an HDF5 file. Nothing is extracted, nothing executed.

Of a zip only ``config.json`` is inflated, in bounded memory. Of the weights, only their number is read.
"""

import json
import os
from typing import Any, BinaryIO, NoReturn

from sepcalc.errors import Invalid, bad_input, printable
from sepcalc.extras import install
from sepcalc.importers.common.isolated import run_apart
from sepcalc.importers.keras import hdf5

MAX_CONFIG_BYTES = 64 * 2**20  # bytes; the largest keras.applications models stay below one MiB
SECONDS = 10  # time limit for an HDF5 file; a usual one takes a third of a second
MEMORY = 4 * 2**30  # address space in bytes: a text of MAX_CONFIG_BYTES is held several times

ZIP, HDF5 = b"PK", b"\x89HDF\r\n\x1a\n"


def load(path: str) -> Any:
    """The configuration as parsed JSON. Raises InputError."""
    try:
        with open(path, "rb") as file:
            magic = file.read(8)
            if magic == HDF5:
                text = _hdf5(path)
            elif magic[:2] == ZIP:
                file.seek(0)
                text = _zipped(file)
            elif (suffix := os.path.splitext(path)[1].lower()) == ".json" or b"{" in magic:
                text = magic + file.read(MAX_CONFIG_BYTES)
            else:
                expected = "a zip file, as model.save() writes it" if suffix == ".keras" else "an HDF5 file"
                raise Invalid(f"a {suffix} file should be {expected}, but this one has other first bytes")
        return _parsed(text)
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror or error}", place=printable(path)) from error
    except Invalid as fact:
        raise bad_input(fact.message, fact.hint, place=printable(path)) from fact


def stored(path: str) -> list[tuple[str, str, int]] | str:
    """The number of weights in each group of the file, nested groups included: the group's path, the layer name in it,
    and the number. If that cannot be read, the reason."""
    try:
        with open(path, "rb") as file:
            magic = file.read(8)
            if magic == HDF5:
                members = [""]
            elif magic[:2] == ZIP:
                members = _weights(file)
            else:
                return "a text file holds no weights"
        if not members:
            return "the file has no *.h5 member"
        given = _apart((path, str(MAX_CONFIG_BYTES), *members))
        if given[:1] == hdf5.MISSING:
            return f"reading them needs h5py: {install('h5')}"
        if given[:1] == hdf5.TEXT:
            return [(group, name, count) for group, name, count in json.loads(given[1:])]
    except (Invalid, OSError, ValueError, TypeError):
        pass
    return "they cannot be read"


def _weights(file: BinaryIO) -> list[str]:
    """The HDF5 members of a zip: ``model.weights.h5``, or the parts listed in ``model.weights.json``."""
    from zipfile import ZipFile

    with ZipFile(file) as archive:
        names = [one.filename for one in archive.infolist()]
    return [name for name in names if name.lower().endswith((".h5", ".hdf5")) and not name.startswith("assets/")][:1000]


def _parsed(text: bytes) -> Any:
    """The parsed JSON. Raises Invalid if it is not JSON, too long, too deep, or has numbers that are not finite."""
    if len(text) > MAX_CONFIG_BYTES:
        raise Invalid(f"the configuration is larger than {MAX_CONFIG_BYTES >> 20} MiB")
    try:
        return json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise Invalid(f"this is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"this is not JSON: its text is not {error.encoding}") from error
    except RecursionError as error:
        raise Invalid("the configuration is nested too deeply") from error
    except ValueError as error:  # an integer with thousands of digits
        raise Invalid("the configuration has a number with too many digits") from error


def _not_finite(text: str) -> NoReturn:
    raise Invalid(f"the configuration has the number {text}: expected finite ones")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        _not_finite(text if len(text) < 30 else "of an exponent that large")
    return number


def _hdf5(path: str) -> bytes:
    """``model_config`` of an HDF5 file. Another process reads it, because only that can stop an endless loop in h5py's
    C code."""
    from importlib.util import find_spec

    missing = Invalid("reading an HDF5 file needs h5py", install("h5"))
    if find_spec("h5py") is None:
        raise missing
    given = _apart((path, str(MAX_CONFIG_BYTES + 1)))
    kind, said = given[:1], given[1:]
    if kind == hdf5.TEXT:
        return said
    if kind == hdf5.MISSING:
        raise missing
    if kind == hdf5.BROKEN:
        reason = said.decode("utf-8", "surrogatepass")
        raise Invalid(f"this HDF5 file cannot be read: {printable(reason)[:200]}")
    raise Invalid(
        "this HDF5 file holds only weights, not a model"
        if kind == hdf5.WEIGHTS
        else "this HDF5 file has no attribute model_config",
        "save the whole model: model.save('model.keras'), or its text: model.to_json()",
    )


def _apart(arguments: tuple[str, ...]) -> bytes:
    """The output of the program that reads HDF5. Raises Invalid."""
    program = f"import runpy; runpy.run_path({hdf5.__file__!r}, run_name='__main__')"
    try:
        given = run_apart(program, b"", arguments, seconds=SECONDS, memory=MEMORY)
    except TimeoutError as error:
        raise Invalid(f"this HDF5 file cannot be read: h5py did not finish within {SECONDS} seconds") from error
    if not given:
        raise Invalid("this HDF5 file cannot be read: h5py crashes on it")
    return given


def _zipped(file: BinaryIO) -> bytes:
    """``config.json`` of a zip. Raises Invalid for a damaged or inconsistent zip."""
    from sepcalc.importers.common.zipped import inflated, members

    for member in members(file):
        if member.filename == "config.json":
            return inflated(file, member, MAX_CONFIG_BYTES)
    raise Invalid("this zip file has no config.json", "is it a model? model.save('model.keras') writes one")
