"""The command line: parses, calls, prints, exits. A module per command, loaded when the command runs.

Exit codes: 0 fine; 1 over budget, astray from ``published``, or verification failed; 2 bad input or usage; 3
incomplete; 70 a bug in sepcalc; 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click

from sepcalc import __version__
from sepcalc.errors import InputError, near_miss, printable, quoted

FINE, BAD_INPUT, BUG, INTERRUPTED = 0, 2, 70, 130
MAX_MESSAGE = 500  # characters of what click, or a bug, has to say: it may repeat a value of any length

COMMANDS = {
    "compare": "Compare one convolution with its cheaper variants.",
    "layer": "Show every count of one layer.",
    "network": "Show a network layer by layer, with totals.",
    "reconcile": "Show what other counters print, and why they differ.",
    "verify": "Run layers in NumPy and count what was executed.",
    "time": "Measure convolutions and networks in a real engine.",
    "whatif": "Show what a rewritten network would cost.",
    "sweep": "Show networks side by side, or answer a question on all of a space.",
    "fit": "Find the least change that fits a limit.",
    "zoo": "List the published networks that come with sepcalc.",
    "check": "Check networks against their budgets.",
    "diff": "Show what changed between two networks.",
    "history": "Show what a network cost at each commit that changed it.",
    "baseline": "Write what networks cost to a file, to compare with later.",
    "factor": "Factor a kernel: does it separate, and what is saved?",
    "kinds": "List the kinds of layers and how they are counted.",
    "convert": "Convert a network of any format to YAML.",
    "operators": "List the operators of a model format that are counted.",
    "schema": "Print the JSON Schema of a network or of a report.",
    "help": "Show the help of a command, or of a kind of layer.",
}

HELP = """Show what a convolution costs, and what a cheaper one would cost: exact counts of multiplications, parameters
and output shapes, from a one-line spec, a YAML network or a model file.

\b
Examples:
  sepcalc compare 12x12x3 -k5 -o256
  sepcalc compare 12x12x3 -k5 -o256 -m2 --explain --formula
  sepcalc layer 112x112x32 depthwise -k3 -s2 -p same
  sepcalc network "224x224x3, conv -k3 -o32 -s2, pool avg global, dense -o10"
  sepcalc network zoo:mobilenet_v2 --set width=1.4
  sepcalc verify 12x12x3 -k5 -o256
  sepcalc zoo
  sepcalc check specs/mobilenet_v1.yaml
  sepcalc factor "-1 0 1; -2 0 2; -1 0 1"
  sepcalc kinds
"""


class Commands(click.Group):
    """The group of commands. Each is imported only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"sepcalc.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument. Raises UsageError for a word that is none."""
        if args and args[0] not in COMMANDS:
            raise click.UsageError(f"unknown command {quoted(args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=Commands,
    help=HELP,
    invoke_without_command=True,
    epilog="sepcalc COMMAND --help shows more of each.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="sepcalc", message="%(prog)s %(version)s")
@click.pass_context
def commands(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def with_options(command: Callable[..., Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """The command with these options of click, in this order of its help."""
    for option in reversed(options):
        command = option(command)
    return command


def run(args: Sequence[str]) -> int:
    """Run a command line. Returns the exit code; never raises."""
    try:
        code = _invoked(args)
        if sys.stdout is not None:  # it is closed otherwise
            sys.stdout.flush()
        return code if isinstance(code, int) else FINE
    except InputError as problems:
        complain(_told(problems, args))
        return BAD_INPUT
    except click.ClickException as wrong:
        complain(_usage(wrong, args))
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except MemoryError:
        complain("there is not enough memory for this")
        return BAD_INPUT
    except OSError as error:
        return _unwritten(error)
    except Exception as bug:
        return report_bug(bug)


def _invoked(args: Sequence[str]) -> object:
    """The command's result. Works like click's ``main``, but does not treat a closed pipe as a failure."""
    if "_SEPCALC_COMPLETE" in os.environ:
        from sepcalc.cli.completion import register

        register()
        return commands.main(list(args), prog_name="sepcalc", standalone_mode=False)
    try:
        with commands.make_context("sepcalc", list(args), terminal_width=_help_width(), obj=tuple(args)) as context:
            return commands.invoke(context)
    except click.exceptions.Exit as left:
        return left.exit_code


def _unwritten(error: OSError) -> int:
    """The exit code where standard output does not take click's help or the rest of the buffer; the code of a bug where
    something else failed."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None or place.tb_frame.f_globals["__name__"] not in (__name__, "click.utils"):
        return report_bug(error)
    from sepcalc.cli.output import hush

    hush()
    if isinstance(error, BrokenPipeError):
        return FINE
    complain(f"cannot write standard output: {error.strerror}")
    return BAD_INPUT


def terminal_columns() -> int:
    """The width of the terminal: COLUMNS, or the width of standard output, or 80. This is shutil's rule; importing
    shutil would load three compression libraries."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]) > 0:
        return int(columns[:6])
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80 if sys.__stdout__ else 80
    except (OSError, ValueError):  # no terminal, or closed
        return 80


def _help_width() -> int:
    """The width of help texts: click's own rule."""
    return max(min(terminal_columns(), 80) - 2, 50)


def _told(problems: InputError, args: Sequence[str]) -> str:
    """The message, with the whole command that was meant where it is known."""
    try:
        from sepcalc.cli.guesses import told

        return told(problems, args)
    except Exception:  # the message matters more than its hint
        return str(problems)


def _hint(args: Sequence[str]) -> str:
    """The whole command that was meant, as a line of a message, or an empty text."""
    try:
        from sepcalc.cli.guesses import usage

        return usage(args)
    except Exception:  # the message matters more than its hint
        return ""


def _usage(wrong: click.ClickException, args: Sequence[str]) -> str:
    message = "\n".join(map(printable, wrong.format_message()[:MAX_MESSAGE].replace("\n\t", " ").split("\n")))
    hint = _hint(args)
    message = message.partition(" Did you mean")[0].partition(" (Did you mean")[0]  # hyphens alone are no likeness
    if hint:
        message = message.partition("\n  hint: ")[0]
    elif isinstance(wrong, click.NoSuchOption) and wrong.ctx:
        bare = [name.lstrip("-") for parameter in wrong.ctx.command.params for name in parameter.opts]
        near = near_miss(wrong.option_name.lstrip("-"), bare)
        hint = f"  hint: {near.replace('mean ', 'mean --')}" if near else ""
    elif type(wrong) is click.BadParameter and wrong.param and isinstance(wrong.param.type, click.Choice):
        # a MissingParameter, which is one too, has no word that something could be like
        word = message.partition(": ")[2][1:].partition("' is not one of")[0]
        near = near_miss(word, map(str, wrong.param.type.choices))
        hint = f"  hint: {near}" if near else ""
    elif message.startswith("unknown command"):
        hint = f"  hint: {_missing_file(args) or near_miss(args[0], COMMANDS) or _EXPECTED}"
    message = f"{message}\n{hint}" if hint else message
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    if context is None:
        return message
    return f"{message}\n  {context.command_path} --help shows what it takes, with examples"


_EXPECTED = f"expected {', '.join(COMMANDS)}"


def _missing_file(args: Sequence[str]) -> str:
    """The command for the file that stands in its place, although there is no file of this name."""
    import shlex

    from sepcalc.importers.formats import of_suffix

    if of_suffix(args[0]) is None or os.path.lexists(args[0]):
        return ""
    return f"sepcalc network {' '.join(map(shlex.quote, args))}, but there is no such file"


def complain(message: str) -> None:
    """Print a message on standard error, if there is one."""
    if sys.stderr is None:
        return
    from sepcalc.cli.output import stand_in, uncommanded

    shown = uncommanded("\n".join(map(printable, message.split("\n"))))
    try:
        sys.stderr.write(stand_in(f"{shown}\n", sys.stderr.encoding))
        sys.stderr.flush()
    except OSError:  # nobody hears it; the exit code still says it
        pass


def report_bug(bug: Exception) -> int:
    """Print on standard error that sepcalc has a bug. Returns the exit code for it."""
    if os.environ.get("SEPCALC_DEBUG"):
        import traceback

        traceback.print_exception(bug)
    what = printable(f"{type(bug).__name__}: {bug}"[:MAX_MESSAGE])
    complain(f"a bug in sepcalc: {what}\n  please report it, with the command; SEPCALC_DEBUG=1 shows where it happened")
    return BUG
