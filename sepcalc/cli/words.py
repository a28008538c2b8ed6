"""The words of a layer spec on the command line: its options are the grammar's, not click's."""

from typing import Any

import click

from sepcalc.errors import InputError, Problem
from sepcalc.spec import Spec, parse

# A command with these settings hands on, in order, whatever it does not know itself. It must have no option of one
# letter: those are the spec's.
SPEC: dict[str, Any] = {"ignore_unknown_options": True}


def spoken(ctx: click.Context, words: tuple[str, ...], also: tuple[str, ...] = ()) -> Spec:
    """The spec that the words make. Raises InputError."""
    own = [name for parameter in ctx.command.params for name in parameter.opts if name.startswith("--")]
    spec = parse(" ".join(words), also, own)
    if not spec.inputs:
        raise InputError([Problem("the spec has no input shape", f"put one first: 12x12x3 {spec}", source=str(spec))])
    return spec
