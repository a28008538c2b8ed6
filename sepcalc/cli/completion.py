"""Shell completion: kinds, words and options of a spec, networks of the zoo, variants, named kernels, parameters.

Every function takes click's arguments and reads only what the command line names. This module is loaded with the
commands, so each function imports what it needs itself.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sepcalc.options import Option


def _items(words: Iterable[str], incomplete: str, ends: str = "") -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(f"{word}{ends}") for word in words if f"{word}{ends}".startswith(incomplete)]


def complete_networks(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """``zoo:NAME``, and files by the shell's own completion."""
    from click.shell_completion import CompletionItem

    from sepcalc.errors import InputError
    from sepcalc.model_zoo import names
    from sepcalc.source import ZOO

    try:
        zoo = _items([ZOO + name for name in names()], incomplete) if incomplete else []
    except InputError:
        zoo = []
    return zoo or [CompletionItem(incomplete, type="file")]


def complete_parameters(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """``width=``: the parameters of the networks earlier on the command line."""
    from sepcalc.errors import InputError
    from sepcalc.importers.formats import of_suffix
    from sepcalc.source import ZOO, is_file_argument, read

    given = [*[ctx.params.get(name) for name in ("network", "old", "new", "files", "words")], ctx.args]
    found: dict[str, None] = {}
    for argument in [word for value in given for word in ([value] if isinstance(value, str) else value or ())]:
        form = of_suffix(argument) if is_file_argument(argument) else None
        if argument.startswith(ZOO) or (form and "settings" in form.takes):
            try:
                found |= dict.fromkeys(read(argument).parameters)
            except InputError:
                continue
    return _items(found, incomplete, "=")


def complete_counters(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The counters whose numbers are known."""
    from sepcalc.conventions import COUNTERS

    return _items(COUNTERS, incomplete)


def complete_variants(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The variants of a convolution, and ``all``."""
    from sepcalc.rewrite import VARIANTS

    return _items((*VARIANTS, "all"), incomplete)


def complete_separated(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The variants that a layer of a network can be rewritten to."""
    from sepcalc.rewrite import VARIANTS

    return _items([name for name in VARIANTS if name != "normal"], incomplete)


def complete_rules(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """``*=depthwise-separable``: the variants after a glob."""
    from sepcalc.rewrite import VARIANTS

    pattern = incomplete.rpartition("=")[0] or "*"
    return _items([f"{pattern}={name}" for name in VARIANTS if name != "normal"], incomplete)


def complete_reports(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The reports that have a schema."""
    from sepcalc.reports.schemas import REPORTS

    return _items(REPORTS, incomplete)


def complete_kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The kinds of layers."""
    from sepcalc.kinds import KINDS

    return _items(KINDS, incomplete)


def complete_help(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Commands and kinds."""
    from sepcalc.cli import COMMANDS
    from sepcalc.kinds import KINDS

    return _items((*COMMANDS, *KINDS), incomplete)


def complete_kernels(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Named kernels, and files."""
    from click.shell_completion import CompletionItem

    from sepcalc.factoring.named import ALIASES, KERNELS

    named = _items((*KERNELS, *ALIASES), incomplete)
    return named or [CompletionItem(incomplete, type="file")]


def complete_spec(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The next part of a spec: a kind, its words, the value of an option, or an option."""
    from sepcalc.kinds import KINDS
    from sepcalc.spec import EACH

    words = _words(ctx)
    option = _waiting(words)
    if option is not None:
        return _items(_values(option), incomplete)
    kind, given = _kind(words)
    if kind not in KINDS:
        networks = complete_networks(ctx, param, incomplete) if "verify" in (ctx.info_name or "") and not words else []
        return [*_items((*KINDS, EACH), incomplete), *networks]
    slots = KINDS[kind].words() if len(words) == words.index(kind) + 1 + given else ()
    choices = _items(slots[given], incomplete) if given < len(slots) else []
    return choices or (complete_options(ctx, incomplete) if not incomplete else [])


def complete_options(ctx: click.Context, incomplete: str, also: Iterable[str] = ()) -> "list[CompletionItem]":
    """The options of the kind that are not given yet."""
    from click.shell_completion import CompletionItem

    from sepcalc.kinds import KINDS
    from sepcalc.options import OPTIONS

    words = _words(ctx)
    kind, _ = _kind(words)
    names = (*KINDS[kind if kind in KINDS else "conv"].options, *also)
    given = {option.name for word in words if (option := _named(word)) is not None}
    spelled = [
        (word, OPTIONS[name].help)
        for name in dict.fromkeys(names)
        if name not in given
        for word in (f"-{OPTIONS[name].short}" if OPTIONS[name].short else "", f"--{name}")
    ]
    return [CompletionItem(word, help=says) for word, says in spelled if word and word.startswith(incomplete)]


def _words(ctx: click.Context) -> list[str]:
    """The words of the spec before the cursor."""
    given: Any = ctx.params.get("words") or ()
    return " ".join(given).split()


def _kind(words: list[str]) -> tuple[str, int]:
    """The kind (conv where an option stands in its place), and the number of words that follow it; an empty text where
    the kind is still to come."""
    from sepcalc.spec import EACH

    for at, word in enumerate(words):
        if word[0] == "-":
            return "conv" if at else "", 0
        if not word[0].isdigit() and word != EACH:
            end = next((to for to, after in enumerate(words[at + 1 :], at + 1) if after[0] == "-"), len(words))
            return word, end - at - 1
    return "", 0


def _named(word: str) -> "Option | None":
    from sepcalc.options import OPTIONS, SHORT

    if word[:2] == "--":
        return OPTIONS.get(word[2:].partition("=")[0])
    return SHORT.get(word[1:2]) if word[:1] == "-" else None


def _waiting(words: list[str]) -> "Option | None":
    """The option that still needs its value, if the last word is one."""
    option = _named(words[-1]) if words else None
    alone = option is not None and words[-1] in (f"-{option.short}", f"--{option.name}")
    return option if option is not None and alone and not option.flag else None


def _values(option: "Option") -> Iterable[str]:
    """The known values of an option."""
    from sepcalc.options import FUNCTION, PADDING

    if option.type is PADDING:
        return ("same", "valid", "0", "1")
    if option.type is FUNCTION:
        from sepcalc.ops.elementwise import ACTIVATIONS

        return (*ACTIVATIONS, "linear")
    return ()


def register() -> None:
    """Teach click's completion in bash about words with a colon or an equals sign, which bash splits."""
    from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

    class Bash(BashComplete):
        """``zoo:mob`` arrives as three words; only the last of them is completed."""

        def get_completion_args(self) -> tuple[list[str], str]:
            words = split_arg_string(os.environ["COMP_WORDS"])
            at = int(os.environ["COMP_CWORD"])
            before, last = words[1:at], words[at] if at < len(words) else ""
            joined: list[str] = []
            for word in [*before, last]:
                apart = word in (":", "=") or (
                    joined and joined[-1][-1:] in (":", "=") and joined[-1] not in (":", "=")
                )
                if apart and joined:
                    joined[-1] += word
                else:
                    joined.append(word)
            self.kept = max(joined[-1].rfind(":"), joined[-1].rfind("=")) + 1
            return joined[:-1], joined[-1]

        def format_completion(self, item: CompletionItem) -> str:
            value = item.value if item.type != "plain" else item.value[self.kept :]
            return f"{item.type},{value}"

    add_completion_class(Bash)
