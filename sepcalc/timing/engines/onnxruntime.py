"""ONNX Runtime."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sepcalc.timing.engines import Array
from sepcalc.timing.loop import middle

_ON = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def version() -> str:
    """The version of the package."""
    import onnxruntime

    return str(onnxruntime.__version__)


def load(model: bytes, threads: int, on: str) -> "Session":
    """An ONNX file, ready to run. Raises RuntimeError where the device is not there."""
    return Session(model, threads, on)


class Session:
    """A network of ONNX Runtime."""

    def __init__(self, model: bytes, threads: int, on: str) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        if _ON[on] not in onnxruntime.get_available_providers():
            raise RuntimeError(f"this build of ONNX Runtime has no {on}: the package onnxruntime-gpu has")
        self.model, self.threads, self.on = model, threads, on
        self.session = self._session()
        self.arrays: Mapping[str, Array] = {}
        self.bound: Any = None

    def _session(self, profile: str = "") -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        if profile:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        session = onnxruntime.InferenceSession(self.model, options, providers=[_ON[self.on]])
        if session.get_providers()[0] != _ON[self.on]:
            raise RuntimeError(f"ONNX Runtime does not run on {self.on} here")
        return session

    def feed(self, arrays: Mapping[str, Array]) -> None:
        """The inputs of all runs that follow. On a GPU they are there before the clock starts."""
        import onnxruntime

        self.arrays = arrays
        self.bound = None
        if self.on == "cuda":
            self.bound = self.session.io_binding()
            for name, array in arrays.items():
                self.bound.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
            for output in self.session.get_outputs():
                self.bound.bind_output(output.name, "cuda")

    def run(self) -> None:
        """Run it once, and wait until it is done."""
        if self.bound is None:
            self.session.run(None, self.arrays)
            return
        self.session.run_with_iobinding(self.bound)
        self.bound.synchronize_outputs()

    def outputs(self) -> Sequence[Array]:
        """What it gives for its inputs."""
        return [*self.session.run(None, self.arrays)]

    def profile(self, times: int, folder: str) -> list[tuple[str, str, float]]:
        """The operators after its optimizations, by the names of the file's nodes."""
        session = self._session(str(Path(folder) / "profile"))
        for _ in range(times + 3):
            session.run(None, self.arrays)
        path = Path(session.end_profiling())
        found = dict[tuple[str, str], list[float]]()
        for event in json.loads(path.read_text()):
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                name = event["name"].removesuffix("_kernel_time")
                found.setdefault((name, event["args"]["op_name"]), []).append(event["dur"] / 1e6)
        path.unlink()
        return [(*key, middle(took[3:] or took)) for key, took in found.items()]
