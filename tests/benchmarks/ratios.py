"""Speed and memory, each as a ratio taken side by side in one run: ``python tests/benchmarks/ratios.py``.

Needs sepcalc installed with its bytecode (``pip install .``): start-up without it measures Python's compiler.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MOBILENET = ROOT / "specs" / "mobilenet_v1.yaml"
ROUNDS = 15
COMPARE, JSON = ["compare", "12x12x3", "-k5", "-o256"], ["--format", "json"]
TABLE = """
from rich.console import Console
from rich.table import Table
table = Table()
for column in {columns!r}: table.add_column(column)
for row in range({rows}): table.add_row(*{cells!r})
Console().print(table)
"""
COMPARED = TABLE.format(
    columns=["variant", "output", "params", "mults", "of normal", " "],
    rows=8,
    cells=["depthwise-separable", "8x8x256", "19,200", "1,228,800", "22.8x fewer", "#" * 20],
)
LISTED = TABLE.format(
    columns=["layer", "kind", "output", "params", "macs", "%", " "],
    rows=84,
    cells=["mobile[10]/pointwise", "pointwise 1x1 512 -> 512", "14x14x512", "262,144", "51,380,224", "9 %", "#" * 20],
)
DRAIN = "import yaml\nfor event in yaml.parse(open({path!r}), Loader=yaml.CBaseLoader): pass"


def run(*arguments: str) -> str:
    """A Python process, away from the checkout, so that the installed sepcalc runs."""
    return subprocess.run([sys.executable, *arguments], cwd="/", capture_output=True, text=True, check=True).stdout


def fastest(*calls: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The shortest time of each, in turn."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for at, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            best[at] = min(best[at], time.perf_counter() - begun)
    return best


def start(ours: list[str], bare: str) -> float:
    one, other = fastest(lambda: run("-m", "sepcalc", *ours), lambda: run("-c", bare))
    return one / other


def layers(count: int) -> float:
    """Flat, all different layers of YAML: reading and analysing against composing."""
    import yaml

    from sepcalc.document import load_yaml
    from sepcalc.nodes import Source

    lines = ["input: 32x32x3", "layers:"]
    for at in range(count):
        kind = f"conv -k{1 + at % 3}" if at % 2 else "pointwise"
        lines.append(f"  - {kind} -o{3 + at % 991}{' -p same' if at % 2 else ''}{' --bias' if at % 4 else ''}")
    text = "\n".join(lines)
    one, other = fastest(
        lambda: load_yaml(Source("flat.yaml", text)).network.cost,
        lambda: yaml.compose(text, Loader=yaml.CBaseLoader),
        rounds=3,
    )
    return one / other


def report(count: int) -> float:
    """Seconds per layer of a network's table, receptive fields and strides in it, scaled up and down without end."""
    from sepcalc.document import load_yaml
    from sepcalc.nodes import Source
    from sepcalc.renderers import Style, render
    from sepcalc.reports.network import NetworkReport

    lines = ["input: 32x32x3", "layers:"]
    for at in range(count // 4):
        lines += [
            "  - upsample bilinear --scale 2",
            f"  - conv -k3 -s2 -p1 -o{3 + at % 5}",
            "  - norm batch",
            "  - act relu",
        ]
    network = load_yaml(Source("flat.yaml", "\n".join(lines))).network
    (seconds,) = fastest(
        lambda: render(NetworkReport(network.replaced(network.nodes, range(count + 1))), "table", Style()), rounds=3
    )
    return seconds / count


def best_rate() -> float:
    """Products per second of np.multiply and then np.add, at their best block size."""
    import numpy as np

    rates = []
    for size in (2**power for power in range(11, 18)):
        a, b, t, s = (np.ones(size, np.int32) for _ in range(4))
        repeats = 2**23 // size

        def work(a: object = a, b: object = b, t: object = t, s: object = s, repeats: int = repeats) -> None:
            for _ in range(repeats):
                np.multiply(a, b, out=t)  # type: ignore[call-overload]
                np.add(s, t, out=s)  # type: ignore[call-overload]

        rates.append(repeats * size / fastest(work, rounds=5)[0])
    return max(rates)


def verify_rate(target: object, variants: list[str] | None = None) -> float:
    import sepcalc

    results = [sepcalc.verify(target, variants=variants) for _ in range(3)]
    assert all(result.ok for result in results)
    return max(result.executed.macs / result.seconds for result in results) / best_rate()


def peak_of_vgg() -> float:
    """MiB at most, over VGG-16's largest layers at 224x224."""
    script = "import sepcalc; assert sepcalc.verify({spec!r}, variants=['normal'] if '-k' in {spec!r} else None).ok"
    for spec in ("224x224x3 -k3 -o64 -p same", "224x224x64 -k3 -o64 -p same", "25088 dense -o4096 --bias"):
        run("-c", script.format(spec=spec))
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    import sepcalc

    json = run("-m", "sepcalc", *COMPARE, *JSON)
    bare_json = f"import click\nprint({json!r})"
    network = "import click\n" + DRAIN.format(path=str(MOBILENET)) + LISTED
    rows = [
        ("compare / click, rich, the same table", start(COMPARE, "import click" + COMPARED), "<= 1.25"),
        ("compare --format json / click, the same JSON", start([*COMPARE, *JSON], bare_json), "<= 1.35"),
        ("network / click, rich, yaml, the same table", start(["network", str(MOBILENET)], network), "<= 1.4"),
        ("--help / import click", start(["--help"], "import click"), "<= 1.2"),
        ("--version / import click", start(["--version"], "import click"), "<= 1.2"),
        ("100,000 layers / yaml.compose", layers(100_000), "<= 8"),
        ("100,000 layers / 10,000 layers, each to its compose", layers(100_000) / layers(10_000), "~ 1"),
        ("report of 100,000 layers / of 10,000, each per layer", report(100_000) / report(10_000), "~ 1"),
        ("verify 14x14x512 -k3 -o512 / multiply and add", verify_rate("14x14x512 -k3 -o512", ["normal"]), ">= 0.35"),
        ("verify MobileNet V1 / multiply and add", verify_rate(sepcalc.load(str(MOBILENET))), ">= 0.25"),
        ("verify VGG-16, peak MiB", peak_of_vgg(), "< 300"),
    ]  # fmt: skip
    for name, ratio, limit in rows:
        print(f"{name:55} {ratio:8.2f}   {limit}")


if __name__ == "__main__":
    main()
