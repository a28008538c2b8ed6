"""``sepcalc baseline``."""

import os

import click

from sepcalc.cli import complain
from sepcalc.cli.completion import complete_networks
from sepcalc.cli.gate_options import refuse_without_files
from sepcalc.cli.output import Output, emit, file_options, working_folder
from sepcalc.cli.reading import Reading, reading_options, standard_input, uncounted_option
from sepcalc.commands.baseline import baseline_of
from sepcalc.commands.subjects import read_for_gate
from sepcalc.errors import bad_input, printable, quoted
from sepcalc.gate.project import files as files_of
from sepcalc.gate.project import find, skips
from sepcalc.importers import Request
from sepcalc.reports.baseline import BaselineReport

HELP = """Write what networks cost to a JSON file. Later, sepcalc check --baseline, or baseline in pyproject.toml,
compares the networks with it.

Without FILE, the baseline holds the networks of all checks in pyproject.toml that name the output file as their
baseline, with the settings there. Without -o, it is printed.

\b
Examples:
  sepcalc baseline specs/mobilenet_v1.yaml
  sepcalc baseline specs/mobilenet_v1.yaml specs/conv_mobilenet.yaml --input 192x192x3
"""


@click.command("baseline", help=HELP)
@click.argument("files", nargs=-1, metavar="[FILE]…", shell_complete=complete_networks)
@reading_options
@uncounted_option
@file_options("baseline", "-o")
def command(
    files: tuple[str, ...],
    reading: Reading,
    allow_uncounted: bool,
    output: str | None,
    force: bool,
) -> int:
    given = reading.request()
    wanted = [(file, given) for file in dict.fromkeys(files)] if files else _configured(output, given)
    networks = [(file, asked.settings, read_for_gate(file, asked, standard_input).network) for file, asked in wanted]
    kept = baseline_of(networks, os.path.dirname(output or "") or ".")
    for file, _, network in networks:
        for note in network.notes:
            complain(f"note: {printable(f'{printable(file)}: {note}')}")
    for file, _, network in networks:
        for gap in network.uncounted:
            within = "" if gap.whole else f" in {' and '.join(gap.counts)}"
            complain(printable(f"not counted{within}: {printable(file)}: {gap}"))
    if any(network.stopped is not None for _, _, network in networks):
        complain("no baseline is written: the counts end where counting stopped")
        return 3
    if not kept.complete and not allow_uncounted:
        complain("no baseline is written: the counts are incomplete; --allow-uncounted writes them as they are")
        return 3
    emit(BaselineReport(kept), Output("json", True, output, force))
    return 0


def _configured(output: str | None, given: Request) -> list[tuple[str, Request]]:
    """The networks of the project's checks that use this baseline. Raises InputError where there are none."""
    refuse_without_files(given)
    project = find(working_folder()) if output is not None else None
    wanted: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[str, Request]] = {}
    for asked in project.checks if project else ():
        assert project is not None
        if asked.baseline and os.path.realpath(os.path.join(project.root, asked.baseline)) == os.path.realpath(
            output or ""
        ):
            if note := skips(asked, project.root):
                complain(f"note: {note}")
            for path in files_of(asked, project.root):
                file = os.path.relpath(path) if os.path.isabs(path) else path
                key = file, tuple(sorted(asked.settings.items()))
                wanted[key] = file, Request(asked.settings, asked.inputs, asked.dims, asked.batch, asked.signature)
    if not wanted:
        what = f"no check in pyproject.toml has the baseline {quoted(output)}" if output else "no file is named"
        raise bad_input(f"{what}: there is nothing to keep", "name the files")
    return list(wanted.values())
