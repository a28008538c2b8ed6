"""What a network argument means: standard input, a network of the zoo, a file by its first bytes and its suffix (git
may have it), one line, or a PyTorch module by its name."""

import os
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sepcalc.errors import InputError, Invalid, Meant, absence, bad_input, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.formats import (
    BY_SUFFIX,
    FORMATS,
    HEAD,
    LINE,
    PYTORCH,
    SUFFIXES,
    YAML,
    Format,
    of_suffix,
    recognized,
    suffix_of,
)
from sepcalc.included import Beside, Folder, Keep
from sepcalc.leftovers import tidied
from sepcalc.plain_files import MAX_FILE_BYTES, MAX_LISTED, contents, pieces, require_file
from sepcalc.shape import channels_first, read_shape

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from sepcalc.document import Document
    from sepcalc.document.including import Opener
    from sepcalc.document.loading import Text
    from sepcalc.network import Network
    from sepcalc.revision import Where

MAX_MODEL_BYTES = 2**30  # bytes of a model file out of git

TORCH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")  # package.module:name
CALL = re.compile(rf"({TORCH.pattern})\(.*\)", re.DOTALL)  # the same, as Python would call it
ZOO = "zoo:"
REVISION = re.compile(  # of git, though that is not said: HEAD:net.yaml
    rf"(?!zoo:|git:|[A-Za-z]+://)[^\s:,()\\/][^\s:,()\\]*:[^\s:,]+({'|'.join(map(re.escape, SUFFIXES))})"
)
GIT = "git:"  # then a revision, a colon and a path in it


def is_network(argument: str) -> bool:
    """Whether an argument is a network rather than a layer spec: ``-``, ``zoo:NAME``, ``git:REVISION:PATH``, a line
    with commas, an existing file, a name with a suffix or a folder in it, or ``package.module:name``."""
    if argument == "-" or "," in argument or argument.startswith((ZOO, GIT)):
        return True
    if " " in argument or argument[:1] == "-":
        return os.path.exists(argument)
    if TORCH.fullmatch(argument) or CALL.fullmatch(argument):
        return True
    return of_suffix(argument) is not None or "/" in argument or os.path.exists(argument)


def is_file_argument(argument: str) -> bool:
    """Whether a network argument is the path of a file, rather than a network on one line, or one of another source."""
    if argument == "-" or argument.startswith(GIT):
        return False
    if os.path.lexists(argument):
        return True
    return "," not in argument and ":" not in argument


def read(
    argument: str,
    request: Request = Request(),
    standard_input: Callable[[], bytes] | None = None,
    keep: Keep | None = None,
) -> "Document":
    """The network that an argument stands for, with what it is held to.

    ``standard_input`` is called for ``-``; ``keep`` is given each file that was read, included ones too, and of
    a network on one line its text; of a PyTorch module nothing. Raises InputError with every problem.
    """
    return _loaded(opened(argument, request, standard_input, keep), request)


def _loaded(found: "Text | Document", request: Request) -> "Document":
    from sepcalc.document.loading import Text, load_yaml

    if not isinstance(found, Text):
        return found
    document = load_yaml(found.source, request.settings, request.inputs, found.opened)
    return document if found.size is None else document._replace(network=document.network.of_file(found.size))


def opened(
    argument: str,
    request: Request = Request(),
    standard_input: Callable[[], bytes] | None = None,
    keep: Keep | None = None,
) -> "Text | Document":
    """The same as :func:`read`, but a file in the language of networks is opened only."""
    if request.batch is not None and request.batch < 1:
        raise bad_input(f"batch is {request.batch}: expected a number of examples from 1")
    if argument == "-":
        if standard_input is None:
            raise bad_input("there is no standard input here", "name a file")
        _refuse(request, YAML, "<stdin>")
        return _text(standard_input(), "<stdin>", None, keep)
    if argument.startswith((ZOO, GIT)) and os.path.lexists(argument):  # one may hide the other
        shown = printable(argument)[:500]
        raise bad_input(f"{shown}: there is a file of this name, too", f"./{shown} is the file")
    if argument.startswith(ZOO):
        from sepcalc.model_zoo import path

        argument = path(argument.removeprefix(ZOO))
    if argument.startswith(GIT):
        return _opened_revision(argument, request, keep)
    folder, argument = argument, within(argument)
    if (call := CALL.fullmatch(argument)) and not os.path.lexists(argument):
        hint = f"write {quoted(call[1])}, without brackets: it is called without arguments"
        raise bad_input(f"{printable(argument)[:500]}: {absence(argument)}", hint)
    if "," in argument and not os.path.exists(argument):
        from sepcalc.document.loading import load_line

        _refuse(request, LINE, "a network on one line")
        if keep:
            keep([argument.encode(errors="surrogatepass")])
        return load_line(argument, request.inputs)
    if REVISION.fullmatch(argument) and not os.path.lexists(argument):
        meant = Meant(argument, f"{GIT}{argument}")
        raise bad_input(f"{printable(argument)[:500]}: {absence(argument)}", meant=meant)
    if TORCH.fullmatch(argument) and not os.path.lexists(argument) and of_suffix(argument) is None:
        return _model(argument, PYTORCH, request)
    form = format_of(argument)
    if form is YAML:
        _refuse(request, YAML, printable(argument))
        data = contents(argument)
        return _text(data, argument, Folder(argument, keep).open, keep)._replace(size=len(data))
    require_file(argument)
    from sepcalc.strangers import is_baseline

    if is_baseline(argument):
        hint = "sepcalc check FILE --baseline BASELINE --max-increase 2% compares with it"
        raise bad_input(f"{printable(argument)}: this is a baseline, not a network", hint)
    document = _model(argument, form, request)
    if folder != argument:  # all of its files are the model
        document = document._replace(network=document.network.of_file(_bytes_in(folder)))
    if keep:
        keep(pieces(argument))
    return document


def _model(argument: str, form: Format, request: Request) -> "Document":
    """The network of a real model."""
    from sepcalc.document import Document

    _refuse(request, form, printable(argument))
    network = _noted(form.read(argument, request), request)
    return Document(network.of_file(os.path.getsize(argument)) if os.path.isfile(argument) else network)


def within(path: str) -> str:
    """The file that makes a folder a model; of any other path that itself."""
    files = [os.path.join(path, form.folder) for form in FORMATS if form.folder] if os.path.isdir(path) else []
    return next(filter(os.path.isfile, files), path)


def _bytes_in(folder: str) -> int:
    """The bytes of a folder's files, of its first folders."""
    from itertools import islice

    files = [os.path.join(place, name) for place, _, names in islice(os.walk(folder), MAX_LISTED) for name in names]
    return sum(os.path.getsize(file) for file in files if os.path.isfile(file))


def format_of(path: str) -> Format:
    """The format of a file, by its first bytes and its suffix. Raises InputError where it is none that is read."""
    head = b""
    if os.path.isfile(path):  # no pipe, which would block
        try:
            with open(path, "rb") as file:
                head = file.read(HEAD)
        except OSError:  # whoever reads it says so
            pass
    found = recognized(path, head)
    if found is None or (head and found.begins and not found.recognizes(head)):
        from sepcalc.strangers import refuse

        refuse(path, head, found)
    if found is None:
        require_file(path)
        raise _unknown(path)
    return found


def _unknown(argument: str) -> InputError:
    hint = "a PyTorch module goes by package.module:name, with --input; any other model as ONNX"
    return bad_input(f"{printable(argument)}: unknown kind of file: expected {' or '.join(SUFFIXES)}", hint)


def _noted(network: "Network", request: Request) -> "Network":
    """The network of a model, with a note on a shape given for its one input that looks as if channels stood first. (A
    shape that names its input is in the model's own layout.)"""
    try:
        note = channels_first(read_shape(request.inputs.get("", "")))
    except Invalid:  # no shape: the importer knows what it is
        return network
    return network.noted(note) if note else network


def load(
    argument: "str | os.PathLike[str] | ExportedProgram",
    *,
    input: str | Sequence[int] | Mapping[str, str | Sequence[int]] | None = None,  # noqa: A002
    batch: int | None = None,
    signature: str = "",
    **parameters: object,
) -> "Network":
    """A network: of a file, of the zoo (``zoo:NAME``), of a revision (``git:REVISION:PATH``), of one line, or a PyTorch
    module (``package.module:name``); or of a ``torch.export.ExportedProgram`` in memory.

    Keywords set its parameters. ``input`` is a shape, HxWxC as text or as sizes, or shapes by the names of the inputs;
    ``batch`` says how many examples the first axis of a model's inputs holds (1: the first axis holds no examples);
    ``signature`` is the signature of a TFLite or TensorFlow model that is counted.
    ``.cost`` are the exact counts for one example, ``.layers`` a row per layer. Raises InputError with every problem.

    >>> network = sepcalc.load("zoo:mobilenet_v1", width=0.5, input="160x160x3")
    >>> network.cost.macs, network.layers[0].output
    (76524800, (80, 80, 16))
    """
    settings = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in parameters.items()
    }
    given = input if isinstance(input, Mapping) else {} if input is None else {"": input}
    shapes = {name: shape if isinstance(shape, str) else "x".join(map(str, shape)) for name, shape in given.items()}
    request = Request(settings, shapes, batch=batch, signature=signature)
    if hasattr(argument, "graph_module"):  # a program: PyTorch need not be imported to know it
        from sepcalc.document import Document
        from sepcalc.importers.pt2 import of_program

        _refuse(request, BY_SUFFIX[".pt2"], "program")
        network = of_program(argument, request=request)
        return network.of_document(Document(network))
    document = read(os.fspath(argument), request)
    document = document._replace(argument=os.fspath(argument), settings=settings)
    return document.network.of_document(document)


def is_document(argument: str) -> bool:
    """Whether a network argument is in the language of networks (YAML, the zoo's too, or one line), which leaves no
    dimension open and is of one example."""
    if argument == "-" or argument.startswith(ZOO) or ("," in argument and not os.path.exists(argument)):
        return True
    return of_suffix(argument) is YAML


def _refuse(request: Request, form: Format, name: str) -> None:
    """Raises InputError where something is asked that the format does not take: sizes for dimensions, several examples,
    parameters; a type or values for an input."""
    for field, (message, hint) in form.refuses.items():
        asked = getattr(request, field)
        if not asked or asked == 1:  # one example is what every network is of
            continue
        value = asked if isinstance(asked, int) else quoted(asked if isinstance(asked, str) else next(iter(asked)))
        raise bad_input(message.format(name=name, suffix=suffix_of(name), value=value), hint)
    if not form.typed and any(":" in text or "[" in text for text in request.inputs.values()):
        from sepcalc.importers.common.input_values import require_shapes

        require_shapes(request.inputs, name)


def _text(data: bytes, name: str, opened: "Opener | None", keep: Keep | None = None) -> "Text":
    """``opened`` opens the files that the text includes (None: it can include none)."""
    from sepcalc.document.loading import Text
    from sepcalc.nodes import Source, decode

    if len(data) > MAX_FILE_BYTES:
        raise bad_input(f"{printable(name)}: larger than {MAX_FILE_BYTES >> 20} MiB")
    if keep:
        keep([data])
    shown = printable(name)
    return Text(Source(shown, decode(data, shown)), opened)


def read_revision(
    argument: str, request: Request = Request(), keep: Keep | None = None, where: "Where | None" = None
) -> "Document":
    """A file as it is in a revision: ``git:REVISION:PATH``, of the repository in ``where`` (None: the one around the
    working folder). A format whose reader wants a file is given a copy. Raises InputError."""
    return _loaded(_opened_revision(argument, request, keep, where), request)


def _opened_revision(
    argument: str, request: Request, keep: Keep | None = None, where: "Where | None" = None
) -> "Text | Document":
    from sepcalc.revision import Revision

    revision = Revision.of(argument)
    revision = revision._replace(where=where) if where else revision
    form, inner = of_suffix(revision.path), ""
    for one in FORMATS if form is None else ():
        beside = revision._replace(path=posixpath.join(revision.path, one.folder))
        if one.folder and beside.is_file(MAX_MODEL_BYTES):
            revision, form, inner = beside, one, posixpath.basename(posixpath.normpath(revision.path))
    if form is YAML:
        return _text(revision.contents(MAX_FILE_BYTES), argument, Beside(revision, keep).open, keep)
    if form is None:
        raise _unknown(argument)
    from shutil import rmtree
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, tidied(partial(rmtree, folder, ignore_errors=True)):
        copy = os.path.join(folder, inner, os.path.basename(revision.path))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        with open(copy, "wb") as file:
            file.write(revision.contents(MAX_MODEL_BYTES))
        try:
            return read(copy, request, None, keep)
        except InputError as error:
            shown = [
                problem._replace(
                    message=problem.message.replace(copy, argument), place=problem.place.replace(copy, argument)
                )
                for problem in error.problems
            ]
            raise InputError(shown) from error
