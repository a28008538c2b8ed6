"""Measure the tables of docs/time.md on this machine: python tests/benchmarks/times.py [seconds] [cpu | cuda].

Five layers with their variants, and six networks of the zoo with every convolution that can be rewritten, in each
engine that is installed. It prints the rows of the tables, and needs about ten minutes at 10 seconds each.
"""

import sys
from importlib.util import find_spec

import sepcalc
from sepcalc.timing.engines import ENGINES

LAYERS = (
    "112x112x16 -k3 -o16 -p same",
    "56x56x64 -k3 -o64 -p same",
    "28x28x128 -k3 -o128 -p same",
    "14x14x256 -k3 -o256 -p same",
    "28x28x32 -k7 -o32 -p same",
)
NETWORKS = ("conv_mobilenet", "squeezenet_1_0", "googlenet", "densenet121", "resnet50", "erfnet")
RULES = {"separable": "*=depthwise-separable", "spatial": "*=spatial"}


def main(seconds: float = 10.0, on: str = "cpu") -> None:
    engines = [name for name, engine in ENGINES.items() if on in engine.on and find_spec(engine.package)]
    for spec in LAYERS:
        shown(spec, sepcalc.time(spec, engines=engines, seconds=seconds, on=on))
    for name in NETWORKS:
        for variant, rule in RULES.items():
            try:
                shown(
                    f"{name} {variant}",
                    sepcalc.time(f"zoo:{name}", rules=rule, engines=engines, seconds=seconds, on=on),
                )
            except sepcalc.InputError as error:
                print(f"{name} {variant}: {error}")


def shown(name: str, found: sepcalc.Timed) -> None:
    """A row for each engine and variant, and what a reader must know of them."""
    for row in found.rows:
        fewer, faster = 1 / row.ratio["macs"], 1 / row.ratio["seconds"]
        cells = (name, row.engine, row.name, f"{row.macs:,}", f"{1e3 * row.seconds.median:.3f} ms")
        print(
            "|",
            " | ".join((*cells, f"{fewer:.2f}", f"{faster:.2f}", f"{100 * row.seconds.spread:.1f} %")),
            "|",
            flush=True,
        )
    print(f"  load {found.machine.load}, busy {found.busy:.2f}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, *sys.argv[2:3])
