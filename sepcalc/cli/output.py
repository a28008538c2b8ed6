"""Output: what the terminal can show, files, pipes."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any, NamedTuple

import click

from sepcalc.cli import terminal_columns, with_options
from sepcalc.errors import bad_input
from sepcalc.renderers import GENERAL, Style, render
from sepcalc.reports import Report


class Output(NamedTuple):
    """The values of ``--format``, ``--exact``, ``--output`` (None: standard output) and ``--force``."""

    form: str
    exact: bool
    file: str | None
    force: bool


# Stand-ins for what an output cannot show, each as wide as what it stands for (but the arrow of a message).
_ASCII = {"·": "*", "×": "x", "ᵀ": "'", "…": "~", "—": "-", "–": "-", "→": ">", "≤": "<", "≥": ">", "█": "#"}
_ASCII |= dict.fromkeys("▉▊▋▌", "#") | dict.fromkeys("▏▎▍", "-")


def output_options(
    command: Callable[..., Any], forms: Iterable[str] = GENERAL, short: bool = False
) -> Callable[..., Any]:
    """The options of every command that prints a report in one of these formats. The command gets them as one argument,
    ``output``. ``short`` adds one-letter options, for commands without a layer spec (whose options have them)."""

    @wraps(command)
    def gathered(*args: Any, form: str, exact: bool, output: str | None, force: bool, **given: Any) -> Any:
        return command(*args, output=Output(form, exact, output, force), **given)

    options = [
        click.option("--format", "form", type=click.Choice(list(forms)), default="table", show_default=True),
        click.option("--exact", is_flag=True, help="Never abbreviate numbers."),
        file_options("report", *(("-o",) if short else ())),
    ]
    return with_options(gathered, options)


def file_options(what: str, *short: str) -> Callable[..., Any]:
    """``--output`` and ``--force``, for what a command writes; ``-o`` as well where it is given."""
    options = [
        click.option(*short, "--output", metavar="FILE", help=f"Write the {what} to FILE; --force overwrites it."),
        click.option("--force", is_flag=True, help="Let --output overwrite."),
    ]
    return partial(with_options, options=options)


_COMMANDED = ("github", "csv")  # formats that see to it themselves
_COMMAND = re.compile(r"^( *):(?=:)", re.MULTILINE)


def uncommanded(text: str) -> str:
    """The text without lines that GitHub's logs would read as commands: lines that begin with two colons, perhaps after
    spaces."""
    return _COMMAND.sub(r"\1\\x3a", text) if "::" in text else text


element_bytes = click.option(
    "--element-bytes",
    type=click.IntRange(1, 64),
    default=None,
    show_default="the widths in the file, else 4",
    help="Bytes of one element, for traffic and memory.",
)


def emit(report: Report, output: Output) -> None:
    """Render a report and write it to standard output or to a file. Raises InputError where the file cannot be
    written."""
    context = click.get_current_context(silent=True)
    command = ("sepcalc", *(context.obj or ())) if context else ()
    shown = (Style() if output.file is not None else style())._replace(exact=output.exact, command=command)
    text = render(report, output.form, shown)
    plain = output.file is not None or output.form in _COMMANDED
    emit_text(text if plain else uncommanded(text), output.file, output.force)


def emit_text(text: str, output: str | None, force: bool) -> None:
    """Write a text to standard output or to a file. Raises InputError where it cannot be written."""
    if output is not None:
        from sepcalc.files import write_files

        write_files({output: text.encode()}, force)
        return
    if sys.stdout is None:
        raise bad_input("cannot write standard output: it is closed")
    try:
        sys.stdout.write(stand_in(text, sys.stdout.encoding))
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on; the exit code is still the command's
        hush()
    except OSError as error:
        hush()
        raise bad_input(f"cannot write standard output: {error.strerror}") from error


short_output_options = partial(output_options, short=True)


def hush() -> None:
    """Discard the rest of the buffer of standard output: nobody reads it, or it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_file(text: str, output: str | None, force: bool) -> None:
    """Write a text that is a file of its own (YAML, a schema). It is always UTF-8, since no letter of a name may be
    replaced. Raises InputError where it cannot be written."""
    if output is None and sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    emit_text(text, output, force)


def working_folder() -> str:
    """The working folder. Raises InputError where it no longer exists."""
    try:
        return os.getcwd()
    except OSError as error:
        raise bad_input(f"the working folder cannot be found: {error.strerror}") from error


def style() -> Style:
    """What standard output can show. COLUMNS counts for pipes as well: whoever sets it means it."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    width = None
    if terminal or (columns.isascii() and columns.isdigit() and int(columns[:6]) > 0):
        width = max(40, terminal_columns())
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(width, colour)


def stand_in(text: str, encoding: str | None) -> str:
    """The text, with a replacement for every character that the encoding lacks."""
    try:
        text.encode(encoding or "ascii")
        return text
    except (UnicodeEncodeError, LookupError):
        return "".join(map(partial(_stand_in, encoding=encoding or "ascii"), text))


def _stand_in(char: str, encoding: str) -> str:
    if char.isascii():
        return char
    try:
        char.encode(encoding)
        return char
    except (UnicodeEncodeError, LookupError):
        return _ASCII.get(char) or char.encode("ascii", "backslashreplace").decode()
