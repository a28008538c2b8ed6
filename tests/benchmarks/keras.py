"""A Keras text read and reported, beside a bare process that loads json, click and rich and parses the same file.

``python tests/benchmarks/keras.py [ROUNDS]``: medians, their ratio, its limit.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
BARE = "import json, sys, click, rich.console, rich.table; json.load(open(sys.argv[1]))"
LIMIT = 2.0


def seconds(*command: str) -> float:
    """The wall time of one process."""
    begun = perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begun


def main() -> int:
    """Prints a line for each model; 1 if a ratio is above its limit."""
    rounds, failed = int(sys.argv[1]) if len(sys.argv) > 1 else 15, False
    with TemporaryDirectory() as folder, ZipFile(ROOT / "tests" / "data" / "keras" / "applications.zip") as archive:
        for name in ("MobileNet", "MobileNetV2", "ResNet50", "VGG16"):
            path = archive.extract(f"{name}.json", folder)
            pairs = [(seconds("-m", "sepcalc", "network", path), seconds("-c", BARE, path)) for _ in range(rounds + 1)]
            ours, bare = map(median, zip(*pairs[1:], strict=True))
            failed |= ours > LIMIT * bare
            print(f"{name:24}{ours * 1e3:7.1f} ms{bare * 1e3:7.1f} ms{ours / bare:8.2f}{LIMIT:8.2f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
