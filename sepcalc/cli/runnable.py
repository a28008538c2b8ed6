"""Whether a suggested command runs. Loaded only after an error."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from sepcalc.cli import commands
from sepcalc.cli.corrections import SPECS, root
from sepcalc.cli.found import installed, is_module
from sepcalc.errors import InputError, Invalid
from sepcalc.importers.formats import of_suffix
from sepcalc.kinds import KINDS
from sepcalc.source import GIT, is_document, is_file_argument, is_network, read
from sepcalc.spec import parse


def parses(words: Sequence[str], running: bool = False) -> bool:
    """Whether the command line accepts these words, and their spec parses. ``running``: the user ran this command, so
    that a PyTorch module, whose code is run, may be tried, too."""
    found = commands.get_command(root(), words[0])
    if found is None:
        return [*words] == ["--version"]
    try:
        context = found.make_context(words[0], list(words[1:]), parent=root(), help_option_names=[])
    except (click.ClickException, click.exceptions.Exit):
        return False
    try:
        if rules := context.params.get("rules"):
            from sepcalc.rewriting.rules import read_rules

            read_rules(rules)
        if most := context.params.get("maxima") or context.params.get("most"):
            from sepcalc.cli.gate_options import limits_of

            limits_of(most)
        if growth := context.params.get("increases"):
            from sepcalc.cli.gate_options import increases_of

            increases_of(growth)
    except InputError:
        return False
    if not _all_read(context.params, running):
        return False
    given = context.params.get("words", ())
    if words[0] == "factor":
        return _factors(" ".join(given)) or (not given and context.params.get("names") is True)
    if words[0] in SPECS:
        if words[0] == "verify" and given and is_network(given[0]):
            return True
        try:
            spec = parse(" ".join(given), ("multiplier", "rank") if words[0] != "layer" else ())
        except InputError:
            return False
        return bool(spec.inputs) or KINDS[spec.kind].begins
    return True


def _all_read(given: Mapping[str, Any], running: bool) -> bool:
    """Whether the networks of a command line can be read with its settings. Models are tried only where an input is
    given; networks in our language always, since that is fast."""
    from sepcalc.cli.reading import Reading

    single = [given[name] for name in ("network", "old", "new") if given.get(name)]
    words = [word for word in given.get("words") or () if "," in word and is_network(word)]
    try:
        asked = Reading(**{name: given[name] for name in Reading._fields if given.get(name)}).request()
        for name in (*single, *(given.get("files") or ()), *words):
            if "://" in name or (name.startswith(GIT) and not _in_git()):
                return False
            module = is_module(name)
            if (is_file_argument(name) and not os.path.exists(name)) or (module and not installed(name)):
                return False
            tried = is_document(name) or (asked.inputs and (running if module else of_suffix(name) is not None))
            if name != "-" and tried:
                read(name, asked)
    except InputError:
        return False
    return True


def _factors(text: str) -> bool:
    """Whether a kernel can be read. Files are not opened."""
    from sepcalc.factoring.matrix import matrix

    if not any(char.isdigit() for char in text) or os.path.exists(text.partition(":")[0]):
        return bool(text)
    try:
        matrix(text)
    except InputError:
        return _is_kernel_name(text)
    return True


def _is_kernel_name(word: str) -> bool:
    from sepcalc.factoring.named import named

    try:
        named(word)
    except Invalid:
        return False
    return True


def _in_git() -> bool:
    folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return False
        folder = os.path.dirname(folder)
    return True
