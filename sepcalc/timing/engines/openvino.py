"""OpenVINO."""

from collections.abc import Mapping, Sequence
from typing import Any

from sepcalc.timing.engines import Array
from sepcalc.timing.loop import middle


def version() -> str:
    """The version of the package."""
    import openvino

    return str(openvino.__version__).partition("-")[0]


def load(model: bytes, threads: int, on: str) -> "Session":
    """An ONNX file, ready to run."""
    return Session(model, threads)


class Session:
    """A network of OpenVINO, in float32."""

    def __init__(self, model: bytes, threads: int) -> None:
        self.model, self.threads = model, threads
        self.arrays: Mapping[str, Array] = {}
        self.asked: Any = None

    def _request(self, profile: bool = False) -> Any:
        from io import BytesIO

        import openvino

        core = openvino.Core()
        network = core.read_model(BytesIO(self.model))
        network.reshape({one.any_name: [*self.arrays[one.any_name].shape] for one in network.inputs})
        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "PERF_COUNT": profile,
        }
        return core.compile_model(network, "CPU", settings).create_infer_request()

    def feed(self, arrays: Mapping[str, Array]) -> None:
        """The inputs of all runs that follow, whose sizes it is compiled for."""
        self.arrays = arrays
        self.asked = self._request()
        self.asked.infer(arrays)  # the inputs stay set

    def run(self) -> None:
        """Run it once, and wait until it is done."""
        self.asked.infer()

    def outputs(self) -> Sequence[Array]:
        """What it gives for its inputs."""
        found = self.asked.infer(self.arrays)
        return [found[one] for one in self.asked.model_outputs]

    def profile(self, times: int, folder: str) -> list[tuple[str, str, float]]:
        """The operators that it executed, by the names of the file's nodes."""
        request = self._request(profile=True)
        order = {name: at for at, name in enumerate(_nodes(self.model))}
        names = dict[str, str]()
        for one in request.get_compiled_model().get_runtime_model().get_ordered_ops():
            originals = [name for name in _originals(one) if name in order]
            if originals:  # of what was fused, the last
                names[one.get_friendly_name()] = max(originals, key=order.__getitem__)
        found = dict[tuple[str, str], list[float]]()
        for _ in range(times + 3):
            request.infer(self.arrays)
            for one in request.get_profiling_info():
                if "EXECUTED" in str(one.status):
                    name = names.get(one.node_name, one.node_name)
                    found.setdefault((one.node_name, name), []).append(one.real_time.total_seconds())
        return [(name, own, middle(took[3:] or took)) for (own, name), took in found.items()]


def _originals(one: Any) -> list[str]:
    """The nodes of the file that an operator was made of."""
    told = one.get_rt_info()
    return str(told["originalLayersNames"].value).split(",") if "originalLayersNames" in told else []


def _nodes(model: bytes) -> list[str]:
    """The names of a file's nodes and of what they give, in order."""
    from sepcalc.importers.common.protobuf import parse
    from sepcalc.importers.onnx.schema import ONNX

    return [name for node in parse(model, ONNX, "Model").graph.node for name in (*node.output, node.name)]
