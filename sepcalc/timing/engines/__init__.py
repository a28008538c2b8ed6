"""The engines that run networks: a row per engine, a module each.

A module has ``version()`` and ``load(model, threads, on)``. It is imported in a process of its own alone
(``timing/apart.py``), because an engine may crash, and pins threads for the whole process.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

Array = Any  # np.ndarray, which the rows do without
ON = ("cpu", "cuda")


class Engine(NamedTuple):
    """``package`` is what it imports, ``extra`` what installs it. ``on`` are the devices that it has, ``profiles``
    whether it tells the time of each operator. ``lacks`` is why it cannot be used, where it cannot."""

    name: str
    package: str
    extra: str
    on: tuple[str, ...] = ("cpu",)
    profiles: bool = True
    lacks: str = ""


_ROWS = (
    Engine("onnxruntime", "onnxruntime", "time", ON),
    Engine("torch", "torch", "torch", ON),
    Engine("openvino", "openvino", "openvino"),
    Engine("litert", "ai_edge_litert", "", (), False, "it runs TFLite files alone, which sepcalc does not write"),
)
ENGINES = {engine.name: engine for engine in _ROWS}


class Session(Protocol):
    """A network that is ready to run on the arrays that it was given."""

    def feed(self, arrays: Mapping[str, Array]) -> None:
        """The inputs of all runs that follow, in the layout of the file."""

    def run(self) -> None:
        """Run it once, and wait until it is done."""

    def outputs(self) -> Sequence[Array]:
        """What it gives for its inputs."""

    def profile(self, times: int, folder: str) -> list[tuple[str, str, float]]:
        """The name, the operator and the median of the seconds of everything that ran. ``folder`` is for files of the
        engine's own."""


def module(name: str) -> Any:
    """The module of an engine."""
    return import_module(f"sepcalc.timing.engines.{name}")
