"""The options that say how a network is read, and what standard input holds."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import click

from sepcalc.cli import with_options
from sepcalc.cli.completion import complete_parameters
from sepcalc.errors import bad_input, quoted
from sepcalc.importers import Request
from sepcalc.importers.formats import MODELS
from sepcalc.plain_files import MAX_FILE_BYTES

NETWORK = f"""a YAML file, zoo:NAME (sepcalc zoo lists them), a model file ({", ".join(MODELS)}), a PyTorch module
as package.module:name with --input, - for YAML on standard input, or one line: an input shape and layers, with commas
between"""


class Reading(NamedTuple):
    """The values of ``--set``, ``--input``, ``--dim``, ``--batch`` and ``--signature``, as they were typed."""

    sets: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    dims: tuple[str, ...] = ()
    batch: int | None = None
    signature: str | None = None

    def request(self) -> Request:
        """``--set name=value``, ``--input [name=]shape``, ``--dim name=size``, each name once, ``--batch`` and
        ``--signature``. Raises InputError."""
        shapes = [text if "=" in text else f"={text}" for text in self.inputs]
        return Request(
            _pairs("--set", self.sets, "width=0.5"),
            _pairs("--input", shapes, "160x160x3", nameless=True),
            _pairs("--dim", self.dims, "height=224"),
            self.batch,
            self.signature or "",
        )


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that reads networks. The command gets them as one argument, ``reading``."""

    @wraps(command)
    def gathered(*args: Any, **given: Any) -> Any:
        return command(*args, reading=Reading(*[given.pop(name) for name in Reading._fields]), **given)

    options = [
        click.option(
            "--set", "sets", multiple=True, metavar="NAME=VALUE", shell_complete=complete_parameters,
            help="Set a parameter of the file.",
        ),
        click.option(
            "--input", "inputs", multiple=True, metavar="[NAME=]HxWxC",
            help="Set the input shape. For an input of a PyTorch module: its shape there, a type or values: "
            'x=1x3x64x64, ids=int64:1x6, "lengths=[7, 5]"; of one number, "n=(3)".',
        ),
        click.option(
            "--dim", "dims", multiple=True, metavar="NAME=SIZE", help="Set a dimension that a model file leaves open."
        ),
        click.option(
            "--batch", type=click.IntRange(1), metavar="N",
            help="Examples along the first axis of the model's inputs. 1: the first axis holds no examples.",
        ),
        click.option(
            "--signature", metavar="NAME", help="The signature of a TFLite file whose graph is counted."
        ),
    ]  # fmt: skip
    return with_options(gathered, options)


def _pairs(option: str, given: Sequence[str], example: str, nameless: bool = False) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        # a name in a model file may hold any sign, a size or a shape no "="
        name, equals, value = text.partition("=") if option == "--set" else text.rpartition("=")
        if not equals or not (name or nameless):
            raise bad_input(f"{option} {quoted(text)}: expected name=value", f"for example {option} {example}")
        if name in values:
            raise bad_input(f"{option} gives {quoted(name)} twice" if name else f"{option} is given twice")
        values[name] = value
    return values


def standard_input() -> bytes:
    """The bytes of standard input, one more than a file may have at most. Raises InputError where it is closed."""
    if sys.stdin is None:
        raise bad_input("standard input is closed")
    return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)


uncounted_option = click.option(
    "--allow-uncounted",
    is_flag=True,
    help="Only warn where operators were not counted: totals are incomplete. No effect where counting stopped.",
)
fold_norm_option = click.option(
    "--fold-norm", is_flag=True, help="Fold each batch norm into the convolution before it, where that is possible."
)
