"""The gate's speed, as ratios taken side by side in one run: ``python tests/benchmarks/gate.py``."""

import io
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

FILES, ROUNDS, LIMIT = 200, 7, 1.5


def fastest(*calls: Callable[[], object]) -> list[float]:
    """The shortest time of each, in turn."""
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for at, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            best[at] = min(best[at], time.perf_counter() - begun)
    return best


def main() -> int:
    """Prints the table; 1 if a ratio is above its limit."""
    from sepcalc.cli import run
    from sepcalc.source import read

    spec = (Path(__file__).parent.parent.parent / "specs" / "mobilenet_v1.yaml").read_text("utf-8")
    mobilenet = "".join(line for line in spec.splitlines(keepends=True) if not line.startswith("published:"))
    failed = False
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        names = [f"net{at}.yaml" for at in range(FILES)]
        for at, name in enumerate(names):
            Path(name).write_text(mobilenet.replace("classes: 1000", f"classes: {1000 - at}"), "utf-8")
        Path("pyproject.toml").write_text(
            '[[tool.sepcalc.check]]\npath = "net*.yaml"\nmax = {macs = "570M", flops = "2G"}\n'
        )

        def reading() -> None:
            for name in names:
                assert read(name).network.cost.macs

        def checking() -> None:
            with redirect_stdout(io.StringIO()):
                assert run(["check"]) == 0

        checked, were_read = fastest(checking, reading)
        failed |= checked > LIMIT * were_read
        print(f"check of {FILES} files / reading them: {checked * 1e3:.0f} ms / {were_read * 1e3:.0f} ms", end=" ")
        print(f"= {checked / were_read:.2f} (<= {LIMIT})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
