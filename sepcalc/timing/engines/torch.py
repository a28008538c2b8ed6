"""PyTorch, in eager mode: the operators of the ONNX file that sepcalc writes, one call of PyTorch each."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from sepcalc.timing.engines import Array
from sepcalc.timing.engines.torch_operators import OPERATORS, TYPES, Tensor
from sepcalc.timing.loop import middle


def version() -> str:
    """The version of the package."""
    import torch

    return str(torch.__version__)


def load(model: bytes, threads: int, on: str) -> "Session":
    """An ONNX file, ready to run. Raises RuntimeError for an operator that is not in the table, or a device that is not
    there."""
    import torch

    torch.set_num_threads(threads)
    if on == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no GPU here")
    return Session(model, on)


class Step(NamedTuple):
    """A call: what it reads and writes, and the names that nobody reads afterwards."""

    name: str
    kind: str
    call: Callable[..., Tensor]
    sources: tuple[str, ...]
    output: str
    last: tuple[str, ...]


class Session:
    """A network of PyTorch."""

    def __init__(self, model: bytes, on: str) -> None:
        import numpy as np
        import torch

        from sepcalc.importers.common.protobuf import parse
        from sepcalc.importers.onnx.schema import ONNX

        graph = parse(model, ONNX, "Model").graph
        self.on = on
        self.stored: dict[str, Tensor] = {}
        for one in graph.initializer:
            values = np.frombuffer(_bytes(one.raw_data), TYPES[one.data_type]).reshape(tuple(one.dims))
            self.stored[one.name] = torch.from_numpy(values.copy()).to(on)
        self.ends = [one.name for one in graph.output]
        self.steps = self._steps(graph.node)
        self.given: dict[str, Tensor] = {}

    def _steps(self, nodes: Sequence[Any]) -> list[Step]:
        last = {name: at for at, node in enumerate(nodes) for name in node.input}
        found = []
        for at, node in enumerate(nodes):
            if node.op_type not in OPERATORS or len([name for name in node.output if name]) != 1:
                raise RuntimeError(f"the table of PyTorch's operators has no {node.op_type}, which {node.name} needs")
            options = {one.name: _value(one) for one in node.attribute}
            stored = [self.stored.get(name) for name in node.input]
            call = OPERATORS[node.op_type](options, stored)
            done = [name for name in dict.fromkeys(node.input) if last[name] == at and name not in self.ends]
            done = [name for name in done if name and name not in self.stored]
            found.append(Step(node.name, node.op_type, call, tuple(node.input), node.output[0], tuple(done)))
        return found

    def feed(self, arrays: Mapping[str, Array]) -> None:
        """The inputs of all runs that follow."""
        import torch

        self.given = {name: torch.from_numpy(array).to(self.on) for name, array in arrays.items()}

    def run(self) -> None:
        """Run it once, and wait until it is done."""
        self._run()

    def _run(self, took: "list[float] | None" = None) -> list[Tensor]:
        import torch

        clear = torch.cuda.synchronize if self.on == "cuda" else None
        with torch.inference_mode():
            values = {"": None, **self.stored, **self.given}
            for _, _, call, sources, output, last in self.steps:
                begin = perf_counter()
                values[output] = call(*[values[name] for name in sources])
                if took is not None:
                    if clear:
                        clear()
                    took.append(perf_counter() - begin)
                for name in last:
                    del values[name]
            if clear:
                clear()
            return [values[name] for name in self.ends]

    def outputs(self) -> Sequence[Array]:
        """What it gives for its inputs."""
        return [one.cpu().numpy() for one in self._run()]

    def profile(self, times: int, folder: str) -> list[tuple[str, str, float]]:
        """Its steps, by the names of the file's nodes."""
        rounds = list[list[float]]()
        for _ in range(times + 3):
            rounds.append([])
            self._run(rounds[-1])
        return [(step.name, step.kind, middle([one[at] for one in rounds[3:]])) for at, step in enumerate(self.steps)]


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else bytes(data.read())


def _value(one: Any) -> Any:
    """The value of an attribute."""
    match one.type:
        case 1:
            return one.f
        case 2:
            return one.i
        case 3:
            return one.s.decode()
        case 6:
            return [*one.floats]
        case 8:
            return [text.decode() for text in one.strings]
    return [*one.ints]
