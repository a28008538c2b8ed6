"""A whole IR file as a model of ONNX's messages: its inputs, outputs and graph."""

from typing import Any

from sepcalc.importers.openvino.container import Body, Layer, Port, in_order
from sepcalc.importers.openvino.control import unfolded
from sepcalc.importers.openvino.graph import Graph, Names, kind_of, message, output_of, tensor_info


def model_of(body: Body) -> Any:
    """A whole file as a model."""
    names = Names(unfolded)
    order = [*in_order(body)]
    given: dict[str, str] = {}
    inputs = []
    for layer in body.layers.values():
        if layer.type == "Parameter":
            port = output_of(layer)
            given[layer.id] = names.new((port.names or [layer.name])[0])
            inputs.append(_input(layer, port, given[layer.id]))
    whole = Graph(names, body, given)
    graph = whole.read(order)
    ends = [whole.results[at] for at in body.layers if at in whole.results]
    graph.input = inputs
    graph.output = [message("ValueInfo", name=name) for name in dict.fromkeys(ends)]
    graph.stated = names.stated
    return message("Model", ir_version=10, graph=graph, opset_import=[message("Opset", version=21)])


def _input(layer: Layer, port: Port, name: str) -> Any:
    if "..." in layer.data.get("shape", ""):
        return message("ValueInfo", name=name)
    letters = [one.strip() for one in layer.layout.strip("[]").split(",")]
    if len(letters) != len(port.sizes) or "..." in letters:
        letters = ["" if at == 0 else f"{name}.{at}" for at in range(len(port.sizes))]
    dims = [
        message("Dimension", dim_value=size) if size >= 0 else message("Dimension", dim_param=letter)
        for size, letter in zip(port.sizes, letters)
    ]
    return tensor_info(name, kind_of(port.precision, layer), dims)
