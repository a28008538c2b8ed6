"""An engine in a process of its own: a crash there is an error here, and its threads are its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

from sepcalc.errors import bad_input, printable
from sepcalc.extras import install
from sepcalc.leftovers import tidied
from sepcalc.timing.engines import Engine
from sepcalc.timing.loop import Run

_CODE = "import sys; sys.path[:] = sys.argv[1:]; from sepcalc.timing.worker import main; main()"
MAX_SAID = 400  # characters of what an engine said


class Worker:
    """A process with an engine. ``busy`` are the seconds in which it had a core, ``spent`` those that its runs took."""

    def __init__(self, process: "subprocess.Popen[bytes]", engine: Engine, said: IO[bytes]) -> None:
        self.process, self.engine, self.said = process, engine, said
        self.version = ""
        self.busy = self.spent = 0.0

    def ask(self, do: str, data: bytes = b"", **more: Any) -> Any:
        """The answer to a request. Raises InputError with the engine's message where it fails or ends."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = json.dumps({"do": do, "bytes": len(data), **more}).encode() + b"\n"
        try:
            self.process.stdin.write(line + data)
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended: so does what it answers
        answer = self.process.stdout.readline()
        if not answer:
            raise bad_input(f"{self.engine.name} crashed{self._ended()}")
        found = json.loads(answer)
        if "error" in found:
            raise bad_input(self._told(found["error"]))
        return found["answer"]

    def load(self, model: bytes, batch: int, below: Mapping[str, int], seed: int) -> int:
        """The number of a network that it has loaded."""
        return int(self.ask("load", model, batch=batch, below=dict(below), seed=seed))

    def runner(self, number: int) -> Run:
        """What runs a network that was loaded."""

        def run(times: int) -> list[float]:
            took, busy, spent = self.ask("run", number=number, times=times)
            self.busy += busy
            self.spent += spent
            return [float(one) for one in took]

        return run

    def profile(self, number: int, times: int) -> list[tuple[str, str, float]]:
        """The name, the operator and the seconds of everything that it runs for a network."""
        found = self.ask("profile", number=number, times=times)
        return [(str(name), str(kind), float(seconds)) for name, kind, seconds in found]

    def _told(self, message: str) -> str:
        return f"{self.engine.name}: {printable(message)[:MAX_SAID]}"

    def _ended(self) -> str:
        """How the process ended, and the last line that it said."""
        code = self.process.wait()
        self.said.seek(0)
        lines = [line for line in self.said.read().decode(errors="replace").splitlines() if line.strip()]
        how = f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return how + (f": {printable(lines[-1])[:MAX_SAID]}" if lines else "")


@contextmanager
def started(engine: Engine, threads: int, on: str) -> Iterator[Worker]:
    """An engine in a process of its own, until the block ends. Raises InputError where it is not installed."""
    from importlib.util import find_spec

    if find_spec(engine.package) is None:
        raise bad_input(f"the engine {engine.name} is not installed", install(engine.extra))
    if on not in engine.on:
        raise bad_input(f"{engine.name} runs on {' or '.join(engine.on)} here, not on {on}")
    command = [sys.executable, "-I", "-c", _CODE, *sys.path]
    pipe = subprocess.PIPE
    folder = tempfile.TemporaryDirectory(prefix="sepcalc-", ignore_cleanup_errors=True)
    with (
        folder,  # for all that the engine writes
        tidied(folder.cleanup),
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said) as process,
        tidied(process.kill),
    ):
        try:
            worker = Worker(process, engine, said)
            worker.version = worker.ask("begin", engine=engine.name, threads=threads, on=on, folder=folder.name)
            yield worker
        finally:
            process.kill()
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
