"""What the commands of the gate share: options, and what may be named."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from sepcalc.cli.output import output_options
from sepcalc.errors import InputError, Invalid, Problem, bad_input, printable
from sepcalc.gate.limits import Increase, Limit, read_increase, read_increases, read_limit
from sepcalc.gate.metrics import LIMITED, spoken
from sepcalc.importers import Request
from sepcalc.renderers import GENERAL, VERDICTS

verdict_options = partial(output_options, forms=(*GENERAL, *VERDICTS), short=True)


def complete_metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``macs=`` and the other metrics that have limits."""
    return [CompletionItem(f"{spoken(name)}=") for name in LIMITED if spoken(name).startswith(incomplete)]


max_option = click.option(
    "--max", "maxima", multiple=True, metavar="METRIC=LIMIT", shell_complete=complete_metrics,
    help="Upper limit of a metric: macs=300M, peak-memory=2MiB, or of a counter's number: thop:macs=330M; may be "
    "repeated.",
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
        raise bad_input("--max-increase gives two limits for every metric")
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
                known = f"{name}=" if name.replace("-", "_") in LIMITED else f"{example.partition('=')[0]}="
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


def refuse_without_files(given: Request) -> None:
    """Raises InputError where options for reading a network are given to a command that reads the networks of
    pyproject.toml."""
    if any(given):
        options = "--set, --input, --dim and --batch need"
        raise bad_input(f"{options} a FILE: the checks in pyproject.toml have their own settings")


def refuse_outside(path: str, root: str) -> None:
    """Raises InputError where a path in the folder leads outside through a symbolic link."""
    from sepcalc.gate.project import within

    named = os.path.abspath(path)
    if os.path.commonpath([named, root]) == root and not within(named, root):
        message = f"{printable(path)}: a symbolic link leads out of the project"
        raise bad_input(message, f"the project is {printable(root)}")
