"""What the gate's commands share: options, named files, baselines, formats of verdicts."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from sepcalc.cli.network import standard_input
from sepcalc.cli.output import output_options
from sepcalc.errors import InputError, Invalid, Problem, printable
from sepcalc.gate.limits import Increase, Limit, read_increase, read_increases, read_limit
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.importers import Request
from sepcalc.renderers import FORMATS
from sepcalc.source import Keep, contents, read

if TYPE_CHECKING:
    from sepcalc.document import Document

Command = TypeVar("Command", bound=Callable[..., Any])
verdict_options = partial(output_options, forms=FORMATS, short=True)


def complete_metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``macs=`` and the other metrics that have limits."""
    return [CompletionItem(f"{spoken(name)}=") for name in METRICS if spoken(name).startswith(incomplete)]


max_option = click.option(
    "--max", "maxima", multiple=True, metavar="METRIC=LIMIT", shell_complete=complete_metrics,
    help="Upper limit of a metric: macs=300M, peak-memory=2MiB; may be repeated.",
)  # fmt: skip
increase_option = click.option(
    "--max-increase", "increases", multiple=True, metavar="[METRIC=]PERCENT", shell_complete=complete_metrics,
    help="Largest growth of every metric, or of this one: 2%, macs=2%, params=10k; may be repeated.",
)  # fmt: skip


def limits_of(maxima: Sequence[str]) -> tuple[Limit, ...]:
    """``--max metric=limit``. Raises InputError."""
    return tuple(_read("--max", maxima, lambda metric, text: [read_limit(metric, text)], "macs=300M"))


def increases_of(given: Sequence[str]) -> tuple[Increase, ...]:
    """``--max-increase 2%`` or ``macs=2%``. A limit of one metric overrides the limit of all. Raises InputError."""
    general = [text for text in given if "=" not in text]
    if len(general) > 1:
        raise InputError([Problem("--max-increase says twice what every metric may grow")])
    own = _read(
        "--max-increase",
        [text for text in given if "=" in text],
        lambda metric, text: [read_increase(metric, text)],
        "macs=2%",
    )
    every = _read("--max-increase", general, lambda text, _: [*read_increases(text)], "2%")
    named = {increase.metric for increase in own}
    return (*own, *[increase for increase in every if increase.metric not in named])


Read = TypeVar("Read", Limit, Increase)


def _read(option: str, given: Sequence[str], read: Callable[[str, str], list[Read]], example: str) -> list[Read]:
    found, problems = list[Read](), []
    for text in given:
        name, equals, value = text.partition("=")
        try:
            if "=" in example and (not equals or not name):
                known = f"{name}=" if name.replace("-", "_") in METRICS else f"{example.partition('=')[0]}="
                raise Invalid("expected METRIC=LIMIT", f"for example {option} {known}{example.partition('=')[2]}")
            for one in read(name, value):
                if any(other.metric == one.metric for other in found):
                    raise Invalid(f"{spoken(one.metric)} is limited twice")
                found.append(one)
        except Invalid as fact:
            problems.append(Problem(fact.message, fact.hint, f"{option} {printable(text[:100])}"))
    if problems:
        raise InputError(problems)
    return found


def read_for_gate(argument: str, asked: Request, keep: Keep | None = None, sure: bool = True) -> "Document":
    """The network of an argument, as the gate reads it. ``keep`` receives the files that were read. Raises InputError.
    Unless ``sure`` is off, that includes an input of another kind than the network's own (another network would be
    counted), and numbers that rest on a guess."""
    document = read(argument, asked, standard_input, keep)
    if sure:
        require_sure(document, argument)
    return document


def require_sure(document: "Document", argument: str) -> None:
    """Raises InputError where the input is of another kind than the network's own, or the numbers rest on a guess."""
    if document.reshaped:
        raise InputError(document.reshaped)
    if guesses := document.network.guesses:
        place = "<stdin>" if argument == "-" else printable(argument)
        raise InputError([problem._replace(place=place) for problem in guesses])


def kept_as(argument: str, folder: str) -> str:
    """The name of a network in a baseline in that folder: the relative path of a file, or the argument itself."""
    if not os.path.exists(argument):
        return argument
    return os.path.relpath(os.path.realpath(argument), os.path.realpath(folder)).replace(os.sep, "/")


def refuse_without_files(given: Request) -> None:
    """Raises InputError where options for reading a network are given to a command that reads the networks of
    pyproject.toml."""
    if any(given):
        options = "--set, --input, --dim and --batch need"
        raise InputError([Problem(f"{options} a FILE: pyproject.toml says its own for its checks")])


def text_of(path: str) -> str:
    """The text of a baseline. Raises InputError."""
    data = contents(path)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError([Problem("this is not UTF-8: no baseline", "", printable(path))]) from None


def refuse_outside(path: str, root: str) -> None:
    """Raises InputError where a path in the folder leads outside through a symbolic link."""
    from sepcalc.gate.configuration import within

    named = os.path.abspath(path)
    if os.path.commonpath([named, root]) == root and not within(named, root):
        message = f"{printable(path)}: a symbolic link leads out of the project"
        raise InputError([Problem(message, f"the project is {printable(root)}")])
