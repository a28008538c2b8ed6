"""The words of a layer spec on the command line. Their options belong to the grammar, and click does not parse them."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from sepcalc.errors import bad_input, near_miss, printable, quoted
from sepcalc.kinds import KINDS
from sepcalc.options import OPTIONS
from sepcalc.spec import Spec, parse

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# A command with these settings hands on, in order, whatever it does not know itself. It must have no option of one
# letter: those are the spec's.
SPEC: dict[str, Any] = {"ignore_unknown_options": True}

_SHAPES = re.compile("[0-9x,]+")  # the beginning of a spec, perhaps of one whose comma is a mistake
_SHIELD = "\0"  # which no argument can contain


class SpecCommand(click.Command):
    """A command that takes a layer spec. Its help lists the spec's options from the tables of the grammar."""

    kinds: Iterable[str] = KINDS
    also: tuple[str, ...] = ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hide the spec's options from click. For each option that it does not know, click would look for similar ones
        (and load difflib), and then only hand it on."""
        rest = super().parse_args(ctx, self._shielded(args))
        ctx.params["words"] = tuple([word.removeprefix(_SHIELD) for word in ctx.params["words"]])
        return rest

    def _shielded(self, args: list[str]) -> list[str]:
        own = {name for parameter in self.params for name in parameter.opts} | {"-h", "--help", "--"}
        valued = {
            name
            for parameter in self.params
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for name in parameter.opts
        }
        result = []
        for before, word in zip(["", *args], args, strict=False):
            spec = word[:1] == "-" and len(word) > 1 and word.partition("=")[0] not in own and before not in valued
            result.append(_SHIELD + word if spec else word)
        return result

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """The options of the spec, then those of the command."""
        from sepcalc.cli.completion import complete_options

        return [*complete_options(ctx, incomplete, self.also), *super().shell_complete(ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        used = {*self.also, *(option for kind in self.kinds for option in KINDS[kind].options)}
        rows = [
            (option.usage, f"{option.help}{f'  [default: {option.default}]' if option.default else ''}")
            for option in OPTIONS.values()
            if option.name in used
        ]
        with formatter.section("Options of the spec"):
            formatter.write_dl(rows)
        super().format_options(ctx, formatter)


def spoken(ctx: click.Context, words: tuple[str, ...], also: tuple[str, ...] = ()) -> Spec:
    """The spec made of these words. Raises InputError."""
    if len(words) == 1 and " " not in words[0]:
        from sepcalc.source import is_network  # most specs have several words

        if is_network(words[0]):
            raise bad_input(f"{printable(words[0])[:500]} is a network, not a layer", "sepcalc network reads it")
    own = [name for parameter in ctx.command.params for name in parameter.opts if name.startswith("--")]
    spec = parse(" ".join(words), also, own)
    if not spec.inputs and not KINDS[spec.kind].begins:
        raise bad_input(
            "the spec has no input shape", f"put one first, for example 12x12x3 {spec}", source=str(spec), end=1
        )
    return spec


def refuse_beside(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Raises UsageError where words stand beside a network: options of a spec do not apply to it."""
    from sepcalc.source import is_network

    if not words[1:] or words[0] in KINDS or _SHAPES.fullmatch(words[0]) or not is_network(words[0]):
        return
    for word in words[1:]:
        if word.startswith("-") and len(word) > 1:
            name = word.partition("=")[0]
            hint = near_miss(name, [option for parameter in ctx.command.params for option in parameter.opts])
            raise click.UsageError(f"no such option: {name[:100]}" + (f"\n  hint: {hint}" if hint else ""), ctx)
    raise click.UsageError(f"unexpected {quoted(words[1])} after the network {quoted(words[0])}", ctx)
