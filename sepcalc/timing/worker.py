"""The process in which an engine runs. It is asked and answers in lines of JSON; models follow their line as bytes."""

import json
import os
import sys
from collections.abc import Mapping
from time import perf_counter, process_time
from typing import IO, Any

from sepcalc.timing.engines import Array, module


def main() -> None:
    """Answer on standard output until standard input ends. What the engine itself prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    serve(sys.stdin.buffer, answers)


def serve(asked: IO[bytes], answers: IO[str]) -> None:
    """Answer every line that is asked. An error of the engine is an answer, too."""
    state = State()
    for line in asked:
        request = json.loads(line)
        data = asked.read(request.pop("bytes", 0))
        try:
            answer = {"answer": getattr(state, request.pop("do"))(data, **request)}
        except Exception as error:  # an engine may raise anything
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class State:
    """The engine, and the networks that it has loaded, by number."""

    def __init__(self) -> None:
        self.engine: Any = None
        self.threads, self.on, self.folder = 1, "cpu", ""
        self.sessions: list[Any] = []

    def begin(self, data: bytes, *, engine: str, threads: int, on: str, folder: str) -> str:
        """Pin the process, and load the engine. Its version. ``folder`` is for all files that it writes."""
        os.environ["TMPDIR"] = self.folder = folder
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
        self.engine, self.threads, self.on = module(engine), threads, on
        return str(self.engine.version())

    def load(self, data: bytes, *, batch: int, below: Mapping[str, int], seed: int) -> int:
        """Load a network, with inputs that are made up. Its number."""
        session = self.engine.load(data, self.threads, self.on)
        session.feed(inputs(data, batch, below, seed))
        self.sessions.append(session)
        return len(self.sessions) - 1

    def run(self, data: bytes, *, number: int, times: int) -> list[Any]:
        """Run a network so many times. The seconds of each run, those in which the process had a core, and all."""
        session, took = self.sessions[number], []
        busy, first = process_time(), perf_counter()
        for _ in range(times):
            begin = perf_counter()
            session.run()
            took.append(perf_counter() - begin)
        return [took, process_time() - busy, perf_counter() - first]

    def profile(self, data: bytes, *, number: int, times: int) -> Any:
        """What each operator took."""
        return self.sessions[number].profile(times, self.folder)


def inputs(model: bytes, batch: int, below: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Arrays for the inputs of an ONNX file: numbers from 1 to 2, which every layer is defined for, or whole numbers
    ``below`` the rows of the table that they are looked up in."""
    import numpy as np

    from sepcalc.importers.common.protobuf import parse
    from sepcalc.importers.onnx.schema import ONNX

    found = {}
    source = np.random.default_rng(seed)
    for given in parse(model, ONNX, "Model").graph.input:
        kind = given.type.tensor_type
        shape = [batch, *[dim.dim_value for dim in kind.shape.dim[1:]]]
        values = source.uniform(1.05, 2.0, shape).astype(np.float32)
        if given.name in below:
            values = (values * 1000) % below[given.name]
        found[given.name] = np.floor(values).astype(np.int64) if kind.elem_type == 7 else values
    return found


if __name__ == "__main__":
    main()
