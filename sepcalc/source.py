"""What a network argument means: standard input, a file by its suffix, or a network on one line."""

import os
import stat
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sepcalc.errors import InputError, Problem, printable, quoted
from sepcalc.importers import IMPORTERS, Request, importer

if TYPE_CHECKING:
    from sepcalc.document import Document
    from sepcalc.network import Network

LARGEST_FILE = 64 * 2**20  # bytes of a YAML file


YAML = (".yaml", ".yml")


def is_network(argument: str) -> bool:
    """Whether an argument is a network rather than a layer spec: ``-``, a line with commas, an existing file or a name
    with a suffix or a folder in it."""
    if argument == "-" or "," in argument:
        return True
    if " " in argument or argument[:1] == "-":
        return os.path.exists(argument)
    return os.path.splitext(argument)[1].lower() in (*YAML, *IMPORTERS) or "/" in argument or os.path.exists(argument)


def read(
    argument: str,
    request: Request = Request(),
    standard_input: Callable[[], bytes] | None = None,
) -> "Document":
    """The network that an argument stands for, with what it is held to.

    ``standard_input`` is called for ``-``. Raises InputError with every problem.
    """
    if argument == "-":
        if standard_input is None:
            raise InputError([Problem("there is no standard input here", "name a file")])
        _refuse_dims(request, "<stdin>")
        return _read_yaml(standard_input(), "<stdin>", request)
    if "," in argument and not os.path.exists(argument):
        from sepcalc.document import load_line

        _refuse_dims(request, "a network on one line")
        if request.settings:
            raise InputError([Problem("a network on one line has no parameters to set")])
        return load_line(argument, _one_input(request))
    suffix = os.path.splitext(argument)[1].lower()
    if suffix in YAML:
        _refuse_dims(request, printable(argument))
        return _read_yaml(_contents(argument), argument, request)
    _require_file(argument)
    if suffix not in IMPORTERS:
        known = " or ".join((*YAML, *IMPORTERS))
        raise InputError([Problem(f"{printable(argument)}: unknown kind of file: expected {known}")])
    if request.settings:
        raise InputError([Problem(f"{printable(argument)}: a {suffix} file has no parameters to set")])
    from sepcalc.document import Document

    return Document(importer(suffix)(argument, request))


def load(
    argument: str | os.PathLike[str],
    *,
    input: str | Sequence[int] | None = None,  # noqa: A002
    **parameters: object,
) -> "Network":
    """The network of a YAML file, or of one line: ``load("specs/mobilenet_v1.yaml", width=0.5, input="160x160x3")``.

    Keywords set its parameters; ``input`` is a shape, as text or as sizes. Raises InputError with every problem.
    """
    settings = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in parameters.items()
    }
    shape = input if input is None or isinstance(input, str) else "x".join(map(str, input))
    return read(os.fspath(argument), Request(settings, {} if shape is None else {"": shape})).network


def _refuse_dims(request: Request, name: str) -> None:
    """Raises InputError where sizes are given for dimensions that no YAML leaves open."""
    for dim in request.dims:
        raise InputError([Problem(f"{name} has no open dimension {quoted(dim)}", "--dim is for model files")])


def _one_input(request: Request) -> str | None:
    """The shape for the only input. Raises InputError where inputs are named."""
    for name in filter(None, request.inputs):
        raise InputError([Problem(f"the network has no input {quoted(name)}: it has one, without a name")])
    return request.inputs.get("")


def _read_yaml(data: bytes, name: str, request: Request) -> "Document":
    from sepcalc.document import load_yaml
    from sepcalc.nodes import Source, decode

    if len(data) > LARGEST_FILE:
        raise InputError([Problem(f"{printable(name)}: larger than {LARGEST_FILE >> 20} MiB")])
    shown = printable(name)
    return load_yaml(Source(shown, decode(data, shown)), request.settings, _one_input(request))


def _require_file(path: str) -> None:
    """Raises InputError unless this is a plain file: a pipe would block, a device never end."""
    hint = ""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return
        reason = "is a folder" if stat.S_ISDIR(mode) else "is not a plain file"
        hint = "name a file in it" if stat.S_ISDIR(mode) else "- reads standard input"
    except FileNotFoundError:
        reason = "there is no such file"
        hint = _neighbour(path)
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
    shown = printable(path)[:500] or "''"
    raise InputError([Problem(f"{shown}: {reason}", hint)])


def _neighbour(path: str) -> str:
    from sepcalc.errors import near_miss

    folder, name = os.path.split(path)
    try:
        return near_miss(name, os.listdir(folder or "."))
    except OSError:
        return ""


def _contents(path: str) -> bytes:
    _require_file(path)
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError([Problem(f"{printable(path)}: cannot be read: {error.strerror}")]) from error
