"""``sepcalc help``."""

import click

from sepcalc.cli import COMMANDS, commands
from sepcalc.cli.completion import complete_help
from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.kinds import KINDS

HELP = """Show the help of a command, or the page of a kind of layer.

\b
Examples:
  sepcalc help network
  sepcalc help depthwise
"""


@click.command("help", help=HELP)
@click.argument("words", nargs=-1, metavar="[COMMAND|KIND]", shell_complete=complete_help)
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    parent = ctx.parent or ctx
    if not words:
        click.echo(parent.get_help())
        return
    name = words[0]
    if len(words) > 1:
        raise bad_input(f"help takes one command, not {len(words)}")
    if name not in COMMANDS:
        if name in KINDS:
            found = commands.get_command(parent, "kinds")
            assert found is not None
            ctx.invoke(found, kind=name)
            return
        from sepcalc.foreign import unneeded

        hint = unneeded(name) or near_miss(name, (*COMMANDS, *KINDS), 0.8) or f"expected {', '.join(COMMANDS)}"
        raise bad_input(f"there is no command {quoted(name)}", hint)
    found = commands.get_command(parent, name)
    assert found is not None
    with click.Context(found, info_name=name, parent=parent, terminal_width=parent.terminal_width) as own:
        click.echo(found.get_help(own))
