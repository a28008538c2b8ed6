"""How long a whole process takes beside a bare script that loads the same packages and prints as much.

``python tests/benchmarks/startup.py [ROUNDS]`` runs each pair side by side, alternating, and prints a table of medians,
their ratios and the ratios' limits.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COMPARE = ["compare", "12x12x3", "-k5", "-o256"]
NETWORK = ["network", "specs/mobilenet_v1.yaml"]

BARE_CLICK = "import click"

# A click command that prints; what it prints stands in the file named first.
BARE_JSON = """
import click, json, sys
@click.command()
@click.argument("path")
def main(path):
    print(json.dumps(json.loads(open(path).read())))
main()
"""

# A click command that prints a table by rich, of the rows and columns in the file named first.
BARE_TABLE = """
import click, json
from rich.console import Console
from rich.table import Table
@click.command()
@click.argument("path")
def main(path):
    DRAIN
    console = Console()
    for headings, rows in json.loads(open(path).read()):
        table = Table(box=None)
        for heading in headings:
            table.add_column(heading)
        for row in rows:
            table.add_row(*row)
        console.print(table)
main()
"""
BARE_NETWORK = "import yaml\n" + BARE_TABLE.replace(
    "DRAIN", "for _ in yaml.parse(open('specs/mobilenet_v1.yaml'), yaml.CBaseLoader): pass"
)


class Pair(NamedTuple):
    """A command line and the arguments of python for its bare counterpart."""

    name: str
    ours: list[str]
    bare: list[str]
    limit: float


def sepcalc(*args: str) -> str:
    """What a command prints."""
    return subprocess.run(
        [sys.executable, "-m", "sepcalc", *args], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def tables(args: list[str], folder: Path) -> str:
    """A file with the cells of the tables that a command prints, read from its Markdown (which has no bars)."""
    found, rows = [], []
    for line in [*sepcalc(*args, "--format", "markdown").splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line[1:-1].split("|")] + ["█" * 10])
        elif rows:
            found.append((rows[0], rows[2:]))
            rows = []
    path = folder / f"{args[0]}.json"
    path.write_text(json.dumps(found))
    return str(path)


def pairs(folder: Path) -> list[Pair]:
    """What is measured, and how much longer than its counterpart each may take."""
    document = folder / "document.json"
    document.write_text(sepcalc(*COMPARE, "--format", "json"))
    return [
        Pair("compare", COMPARE, [BARE_TABLE.replace("DRAIN", ""), tables(COMPARE, folder)], 1.25),
        Pair("compare --format json", [*COMPARE, "--format", "json"], [BARE_JSON, str(document)], 1.35),
        Pair("network mobilenet_v1", NETWORK, [BARE_NETWORK, tables(NETWORK, folder)], 1.4),
        Pair("--help", ["--help"], [BARE_CLICK], 1.2),
        Pair("--version", ["--version"], [BARE_CLICK], 1.2),
    ]


def seconds(command: list[str]) -> float:
    """The wall time of one process."""
    begun = perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "120"})
    return perf_counter() - begun


def measure(pair: Pair, rounds: int) -> tuple[float, float]:
    """Medians of a pair, taken in turns after one round that warms the caches."""
    commands = [[sys.executable, "-m", "sepcalc", *pair.ours], [sys.executable, "-c", *pair.bare]]
    times = [[seconds(command) for command in commands] for _ in range(rounds + 1)][1:]
    ours, bare = map(median, zip(*times, strict=True))
    return ours, bare


def main() -> int:
    """Prints the table; 1 if a ratio is above its limit."""
    from tempfile import TemporaryDirectory

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    failed = False
    print(f"{'':24}{'sepcalc':>10}{'bare':>10}{'ratio':>8}{'limit':>8}")
    with TemporaryDirectory() as folder:
        for pair in pairs(Path(folder)):
            ours, bare = measure(pair, rounds)
            failed |= ours > pair.limit * bare
            print(f"{pair.name:24}{ours * 1e3:7.1f} ms{bare * 1e3:7.1f} ms{ours / bare:8.2f}{pair.limit:8.2f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
