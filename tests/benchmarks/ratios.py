"""Speed and memory, each as a ratio taken side by side in one run.

``python tests/benchmarks/ratios.py [--rounds N] [WORD…]`` prints one table: what sepcalc takes, what the same machine
takes for the bare counterpart, their ratio and its limit; with words only the lines whose names contain one of them.
Each pair runs in turns, and minima of CPU seconds (children and threads included) are compared: what else runs on the
machine only ever adds, and least to these. The package is copied and compiled
first, as ``pip install .`` leaves it; without that, start-up would measure Python's compiler.
"""

import argparse
import compileall
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[2]
MOBILENET = str(ROOT / "specs" / "mobilenet_v1.yaml")
COMPARE = ["compare", "12x12x3", "-k5", "-o256"]
NETWORK = ["network", MOBILENET]
CONV = "14x14x512 -k3 -o512"
VGG = ("224x224x3 -k3 -o64 -p same", "224x224x64 -k3 -o64 -p same", "25088 dense -o4096 --bias")

# Counterparts. What they print stands in the file named first.
BARE_CLICK = "import click"
BARE_JSON = """
import click, json
@click.command()
@click.argument("path")
def main(path):
    print(json.dumps(json.loads(open(path).read())))
main()
"""
BARE_TABLE = """
import click, json
from rich.console import Console
from rich.table import Table
@click.command()
@click.argument("path")
def main(path):
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
DRAIN = f"import yaml\nfor _ in yaml.parse(open({MOBILENET!r}), yaml.CBaseLoader): pass\n"
KERAS = "import json, sys, click, rich.console, rich.table; json.load(open(sys.argv[1]))"
ONNX = str(ROOT / "tests" / "data" / "onnx" / "mobilenet_v2.onnx")


def seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Line(NamedTuple):
    """One line of the table: our number and the counterpart's, their unit, and the limit of their ratio: at most so
    much, or at ``least``."""

    name: str
    ours: float
    bare: float
    unit: str
    limit: float
    least: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.bare

    @property
    def kept(self) -> bool:
        return self.ratio >= self.limit if self.least else self.ratio <= self.limit

    def __str__(self) -> str:
        sign, verdict = ">=" if self.least else "<=", "" if self.kept else "  MISSED"
        numbers = f"{self.ours:10,.1f}{self.bare:10,.1f} {self.unit:4}{self.ratio:8.2f}"
        return f"{self.name:50}{numbers}  {sign} {self.limit:g}{verdict}"


# What pip writes as the command `sepcalc`.
COMMAND = "import sys\nfrom sepcalc.__main__ import main\nsys.argv[0] = 'sepcalc'\nsys.exit(main())"


class House(NamedTuple):
    """A folder with sepcalc and its bytecode, and how often each measurement is taken."""

    folder: Path
    rounds: int

    def run(self, *arguments: str) -> str:
        """What a Python process prints that finds sepcalc here alone."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "120"}
        return subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        ).stdout

    def beside(self, *calls: Callable[[], object], rounds: int = 0) -> list[float]:
        """The shortest time of each in seconds, in turns, after one round that warms caches."""
        best = [float("inf")] * len(calls)
        for number in range((rounds or self.rounds) + 1):
            for at, call in enumerate(calls):
                begun = seconds()
                call()
                if number:
                    best[at] = min(best[at], seconds() - begun)
        return best


def installed(folder: Path, rounds: int) -> House:
    """A copy of the package, compiled."""
    shutil.copytree(ROOT / "sepcalc", folder / "sepcalc", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder, quiet=1)
    return House(folder, rounds)


def start(house: House, name: str, ours: list[str], bare: list[str], limit: float) -> Line:
    """A whole process against its counterpart."""
    one, other = house.beside(lambda: house.run("-c", COMMAND, *ours), lambda: house.run("-c", *bare))
    return Line(name, one * 1e3, other * 1e3, "ms", limit)


def page(house: House) -> Line:
    """The page of a network against its table."""
    table = ["network", str(ROOT / "specs" / "mobilenet_v2.yaml")]
    one, other = house.beside(
        lambda: house.run("-c", COMMAND, *table, "--format", "html"), lambda: house.run("-c", COMMAND, *table)
    )
    return Line("network mobilenet_v2.yaml --format html / its table", one * 1e3, other * 1e3, "ms", 1.6)


def keras(house: House, name: str) -> Line:
    """A Keras text read and reported."""
    with ZipFile(ROOT / "tests" / "data" / "keras" / "applications.zip") as archive:
        path = archive.extract(f"{name}.json", house.folder)
    label = f"network {name}.json / json, click, rich, the same file"
    return start(house, label, ["network", path], [KERAS, path], 2)


def printed(house: House, args: list[str]) -> str:
    """A file with the JSON that a command prints."""
    path = house.folder / "document.json"
    path.write_text(house.run("-m", "sepcalc", *args), "utf-8")
    return str(path)


def tables(house: House, args: list[str]) -> str:
    """A file with the cells of the tables that a command prints, read from its Markdown (which has no bars)."""
    found: list[tuple[list[str], list[list[str]]]] = []
    rows: list[list[str]] = []
    for line in [*house.run("-m", "sepcalc", *args, "--format", "markdown").splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line[1:-1].split("|")] + ["█" * 10])
        elif rows:
            found.append((rows[0], rows[2:]))
            rows = []
    path = house.folder / "tables.json"
    path.write_text(json.dumps(found), "utf-8")
    return str(path)


def flat(count: int) -> str:
    """A network of so many layers, flat and all different."""
    lines = ["input: 32x32x3", "layers:"]
    for at in range(count):
        kind = f"conv -k{1 + at % 3}" if at % 2 else "pointwise"
        lines.append(f"  - {kind} -o{3 + at}{' -p same' if at % 2 else ''}{' --bias' if at % 4 else ''}")
    return "\n".join(lines)


def equal(count: int) -> str:
    """A network of so many layers, flat and all equal."""
    return "input: 32x32x8\nlayers:\n" + "  - conv -k3 -o8 -p same\n" * count


def blocks(count: int) -> str:
    """A network of so many layers: a block of eight, used at other widths each time."""
    pair = ["norm batch", "act relu"]
    inside = ["conv -k3 -o{w}", *pair, "depthwise -k3", *pair, "pointwise -o{w}", "act relu"]
    lines = [
        "input: 32x32x16",
        "defaults: {padding: same}",
        "blocks:",
        "  b(w):",
        *[f"    - {text}" for text in inside],
    ]
    return "\n".join([*lines, "layers:", *[f"- b {16 + 8 * (7 * at % 23)}" for at in range(count // 8)]])


def reading(house: House, count: int, fields: bool = False) -> Line:
    """Reading and analysing a text against ``yaml.compose`` of it, at most 8 times as long; ``fields``: receptive
    fields and peak memory too."""
    import yaml

    from sepcalc.document.loading import load_yaml
    from sepcalc.nodes import Source

    text = flat(count)

    def ours() -> None:
        network = load_yaml(Source("flat.yaml", text)).network
        assert network.cost.macs
        if fields:
            network.receptive_fields()
            network.peak_memory()

    rounds = 3 if count > 1000 else 0
    one, other = house.beside(ours, lambda: yaml.compose(text, Loader=yaml.CBaseLoader), rounds=rounds)
    name = f"{count:,} layers{' with fields and memory' if fields else ''} / yaml.compose"
    return Line(name, one * 1e3, other * 1e3, "ms", 8)


def large(house: House, form: Callable[[int], str], count: int, command: list[str], limit: float) -> Line:
    """A command on a network of so many layers, :func:`equal`, in :func:`blocks` or all different (:func:`flat`),
    against the shortest one: ``network --by kind``."""
    path = house.folder / f"{form.__name__}.yaml"
    path.write_text(form(count), "utf-8")
    ours = [command[0], str(path), *command[1:]]

    def run(*arguments: str) -> None:
        call = [sys.executable, "-c", COMMAND, *arguments]
        subprocess.run(call, cwd=house.folder, env={**os.environ, "PYTHONPATH": str(house.folder)}, capture_output=True)

    one, other = house.beside(lambda: run(*ours), lambda: run("network", str(path), "--by", "kind"), rounds=3)
    return Line(f"{' '.join(command)}, {count:,} {form.__name__} / --by kind", one * 1e3, other * 1e3, "ms", limit)


def linear(house: House) -> Line:
    """Time per layer of many layers against that of a tenth: 1 where it grows with them alone."""
    from sepcalc.document.loading import load_yaml
    from sepcalc.nodes import Source

    many, few = [Source("flat.yaml", flat(count)) for count in (50_000, 5_000)]
    one, other = house.beside(lambda: load_yaml(many).network.cost, lambda: load_yaml(few).network.cost, rounds=3)
    return Line("50,000 layers / 5,000 layers, of each layer", one * 1e6 / 50_000, other * 1e6 / 5_000, "us", 1.5)


def report(house: House) -> Line:
    """A network's table, receptive fields and strides in it, scaled up and down without end: time per layer of many
    layers against that of a tenth."""
    from sepcalc.document.loading import load_yaml
    from sepcalc.nodes import Source
    from sepcalc.renderers import Style, render
    from sepcalc.reports.network import NetworkReport

    def drawing(count: int) -> Callable[[], object]:
        lines = ["input: 32x32x3", "layers:"]
        for at in range(count // 4):
            scaled = ["upsample bilinear --scale 2", f"conv -k3 -s2 -p1 -o{3 + at % 5}"]
            lines += [f"  - {text}" for text in (*scaled, "norm batch", "act relu")]
        network = load_yaml(Source("flat.yaml", "\n".join(lines))).network
        return lambda: render(NetworkReport(network.replaced(network.nodes, range(count + 1))), "table", Style())

    one, other = house.beside(drawing(50_000), drawing(5_000), rounds=3)
    return Line("report of 50,000 / 5,000 layers, of each layer", one * 1e6 / 50_000, other * 1e6 / 5_000, "us", 1.5)


def best_rate(products: int = 2**22) -> float:
    """Products per second of np.multiply and then np.add, at their best block size, in int32 like verify's."""
    import numpy as np

    best = 0.0
    for size in (2**power for power in range(11, 18)):
        left, right, scratch, sums = (np.ones(size, np.int32) for _ in range(4))
        begun = seconds()
        for _ in range(products // size):
            np.multiply(left, right, out=scratch)
            np.add(sums, scratch, out=sums)
        best = max(best, products / (seconds() - begun))
    return best


def verifying(house: House, name: str, target: Any, variants: list[str] | None, limit: float) -> Line:
    """Macs per second of a verification, in turns with the machine's best rate."""
    import sepcalc

    ours = bare = 0.0
    for _ in range(max(3, house.rounds // 3)):
        begun = seconds()
        result = sepcalc.verify(target, variants=variants)
        ours = max(ours, result.executed.macs / (seconds() - begun))
        assert result.ok
        bare = max(bare, best_rate())
    return Line(name, ours / 1e6, bare / 1e6, "M/s", limit, least=True)


def peak(house: House, specs: tuple[str, ...] = VGG) -> Line:
    """Most memory of a process that verifies one layer, over a network's largest."""
    script = (
        "import sys, sepcalc\n"
        "assert sepcalc.verify(sys.argv[1], variants=['normal'] if '-k' in sys.argv[1] else None).ok\n"
        # rusage would remember what this process had before it began another program
        "print(int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]) / 1024)"
    )
    most = max(float(house.run("-c", script, spec)) for spec in specs)
    return Line("verify VGG-16's largest layers / 300 MiB", most, 300, "MiB", 1)


def mobilenet(house: House) -> Line:
    import sepcalc

    return verifying(house, "verify MobileNet V1 / multiply, add", sepcalc.load(MOBILENET), None, 0.25)


def factoring(house: House) -> Line:
    """A layer of 512x512x7x7 analysed, beside NumPy's batched SVD of its slices."""
    import numpy as np

    import sepcalc

    weights = np.random.default_rng(0).standard_normal((512, 512, 7, 7))
    one, other = house.beside(lambda: sepcalc.factor(weights), lambda: np.linalg.svd(weights), rounds=3)
    return Line("factor 512x512x7x7 / NumPy's batched SVD", one * 1e3, other * 1e3, "ms", 3.5)


# In the order of the issues; a line is measured when its turn comes.
MEASUREMENTS: dict[str, Callable[[House], Line]] = {
    "compare": lambda house: start(
        house, "compare / click, rich, the same table", COMPARE, [BARE_TABLE, tables(house, COMPARE)], 1.25
    ),
    "json": lambda house: start(
        house,
        "compare --format json / click, the same JSON",
        [*COMPARE, "--format", "json"],
        [BARE_JSON, printed(house, [*COMPARE, "--format", "json"])],
        1.35,
    ),
    "network": lambda house: start(
        house,
        "network / click, rich, yaml, the same table",
        NETWORK,
        [DRAIN + BARE_TABLE, tables(house, NETWORK)],
        1.4,
    ),
    "page": page,
    "onnx": lambda house: start(
        house,
        "network mobilenet_v2.onnx / onnx.load, infer_shapes",
        ["network", ONNX],
        [f"import onnx; onnx.shape_inference.infer_shapes(onnx.load({ONNX!r}, load_external_data=False))"],
        0.75,
    ),
    **{f"keras-{name}": partial(keras, name=name) for name in ("MobileNet", "MobileNetV2", "ResNet50", "VGG16")},
    "help": lambda house: start(house, "--help / import click", ["--help"], [BARE_CLICK], 1.2),
    "version": lambda house: start(house, "--version / import click", ["--version"], [BARE_CLICK], 1.2),
    "layers-100000": lambda house: reading(house, 100_000),
    "layers-fields": lambda house: reading(house, 100_000, fields=True),
    "layers-check": lambda house: large(house, equal, 20_000, ["check", "--max", "macs=1"], 2),
    "layers-convert": lambda house: large(house, equal, 20_000, ["convert"], 2),
    "layers-convert-blocks": lambda house: large(house, blocks, 20_000, ["convert"], 2),
    "layers-table": lambda house: large(house, equal, 40_000, ["network"], 1.25),
    "layers-table-blocks": lambda house: large(house, blocks, 40_000, ["network"], 1.25),
    # a row or a line for each layer: the simplest loop that formats such a table's numbers alone takes 0.18 more than 1
    "layers-convert-different": lambda house: large(house, flat, 20_000, ["convert"], 2.15),
    "layers-table-different": lambda house: large(house, flat, 40_000, ["network"], 1.4),
    "layers-linear": linear,
    "layers-report": report,
    "verify-conv": lambda house: verifying(house, f"verify {CONV} / multiply, add", CONV, ["normal"], 0.35),
    "verify-mobilenet": mobilenet,
    "verify-memory": peak,
    "factor": factoring,
}


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 1 if a ratio misses its limit."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("words", nargs="*", metavar="WORD", help=", ".join(MEASUREMENTS))
    options = parser.parse_args(arguments)
    kept = True
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as `sepcalc verify` sets it
    print(f"{'':50}{'sepcalc':>10}{'bare':>10}     {'ratio':>7}  limit")
    with TemporaryDirectory() as folder:
        house = installed(Path(folder), options.rounds)
        sys.path.insert(0, str(house.folder))
        for name, measure in MEASUREMENTS.items():
            if options.words and not any(word in name for word in options.words):
                continue
            if name == "onnx" and find_spec("onnx") is None:
                print("network mobilenet_v2.onnx: onnx is not installed")
            else:
                line = measure(house)
                kept &= line.kept
                print(line, flush=True)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
