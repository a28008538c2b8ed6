"""The table of layers in docs/time.md, in processor time, which other programs do not lengthen."""

import os

os.environ["OMP_NUM_THREADS"] = "1"

from time import process_time
from typing import Any

import times

import sepcalc
from sepcalc.timing import Model, _stack
from sepcalc.timing.engines import module
from sepcalc.timing.loop import Run, Subject, measured
from sepcalc.timing.worker import inputs


def runner(engine: str, network: sepcalc.Network) -> Run:
    """What runs a network in this process."""
    model = Model(network, 0)
    session: Any = module(engine).load(model.data, 1, "cpu")
    session.feed(inputs(model.data, 1, {}, 0))

    def run(count: int) -> list[float]:
        took = []
        for _ in range(count):
            begin = process_time()
            session.run()
            took.append(process_time() - begin)
        return took

    return run


def main() -> None:
    for spec in times.LAYERS:
        for engine in ("onnxruntime", "torch"):
            runs: list[Run] = []
            subjects: list[Subject] = []
            variants = sepcalc.compare(spec, ["depthwise-separable"])
            for variant in variants:
                stack = _stack(variant.network)
                assert stack is not None
                runs += [runner(engine, variant.network), runner(engine, stack[0])]
                subjects.append(Subject(len(runs) - 2, len(runs) - 1, stack[1]))
            normal, separable = measured(runs, subjects, process_time, 4)
            fewer = variants["normal"].cost.macs / variants["depthwise-separable"].cost.macs
            cells = (f"{1e3 * normal.median:.2f} ms", f"{1e3 * separable.median:.3f} ms", f"{fewer:.1f} x")
            spread = 100 * max(normal.spread, separable.spread)
            print(
                "|",
                " | ".join((spec, engine, *cells, f"{normal.median / separable.median:.1f} x", f"{spread:.0f} %")),
                "|",
            )


if __name__ == "__main__":
    main()
