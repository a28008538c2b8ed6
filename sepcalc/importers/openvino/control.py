"""Layers that run graphs of their own: If, Loop and TensorIterator, as ONNX's If, Loop and Scan.

A port map says which tensor outside is which Parameter or Result inside, and along which axis it is cut into parts or
put together. Back edges say what a run takes that the run before it gave.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sepcalc.errors import quoted
from sepcalc.importers.openvino.container import Body, Damaged, Layer, in_order
from sepcalc.importers.openvino.graph import Graph, message, stored, tensor_info

MAX_DEPTH = 20  # of graphs in each other
Entry = Mapping[str, str]


def unfolded(graph: Graph, layer: Layer, inputs: Sequence[str]) -> None:
    """Adds the node of a layer that runs graphs. Raises Damaged."""
    if graph.depth > MAX_DEPTH:
        raise Damaged(f"its graphs stand in each other more than {MAX_DEPTH} deep")
    outside = {port.id: name for port, name in zip(layer.inputs, inputs)}
    places = {port.id: port for port in layer.outputs}
    names = {port.id: graph.give(layer, port) for port in layer.outputs}
    if layer.type == "If":
        parts = {}
        for which in ("then", "else"):
            entries = layer.maps.get(f"{which}_port_map", [])
            body = _body(layer, f"{which}_body")
            given = {_inner(body, one): _outer(layer, outside, one) for kind, one in entries if kind == "input"}
            ends = {one["external_port_id"]: _inner(body, one) for kind, one in entries if kind == "output"}
            if set(ends) != set(names):
                raise Damaged(f"a branch of the layer {quoted(layer.name[:100])} does not give what the layer does")
            inner, results = _read(graph, body, given)
            inner.output = [tensor_info(results[ends[at]]) for at in names]
            parts[f"{which}_branch"] = inner
        graph.node(layer, inputs[:1], [*names.values()])
        _attach(graph, parts)
        return
    _loop(graph, layer, outside, places, names)


def _loop(
    graph: Graph, layer: Layer, outside: Mapping[str, str], places: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """A Loop or a TensorIterator: what its runs hand on, what they take parts of, and what stays the same."""
    body, entries = _body(layer, "body"), layer.maps.get("port_map", [])
    taken = {_inner(body, one): one for kind, one in entries if kind == "input"}
    back = {to: source for source, to in layer.back}
    if not {*back, *back.values()} <= body.layers.keys():
        raise Damaged(f"a back edge of the layer {quoted(layer.name[:100])} names a layer that its body has not")
    cut = {at: one for at, one in taken.items() if one.get("axis", "")}
    states = [at for at in taken if at in back and at not in cut]
    counter = [at for at, one in taken.items() if one.get("purpose") == "current_iteration"]
    given = {at: _outer(layer, outside, one) for at, one in taken.items() if at not in (*states, *cut, *counter)}
    fed = {at: graph.names.new(f"{layer.name}/{body.layers[at].name}") for at in (*counter, *states, *cut)}
    inner, results = _read(graph, body, {**given, **fed}, cut)
    outs = [(one, _inner(body, one)) for kind, one in entries if kind == "output"]
    going = next((at for one, at in outs if one.get("purpose") == "execution_condition"), "")
    last = {
        one["external_port_id"]: at for one, at in outs if one.get("external_port_id") in names and not one.get("axis")
    }
    joined = {
        one["external_port_id"]: (one, at)
        for one, at in outs
        if one.get("external_port_id") in names and one.get("axis")
    }
    extra = [at for at in last.values() if at not in [back[state] for state in states]]
    first = [_outer(layer, outside, taken[at]) for at in states]
    if extra and not first:
        first = [next(iter(outside.values()), "")] if layer.type == "Loop" else first
    carried = [back[state] for state in states] + extra
    spare = [graph.names.new(f"{layer.name}/spare") for _ in extra]
    starts = first[: len(states)] + [first[0] if first else next(iter(outside.values()))] * len(extra)
    stacked = [_apart(graph, inner, results[at], one) for one, at in joined.values()]
    body_inputs = [*(fed[at] for at in states), *spare]
    given_out = [results[at] for at in carried]
    outputs = [graph.names.new(f"{layer.name}/state") for _ in carried]
    for port, at in last.items():
        outputs[carried.index(at)] = names[port]
    parts = [graph.names.new(f"{layer.name}/parts") for _ in joined]
    plain: dict[str, Any] = {}
    if layer.type == "Loop" and not cut:
        count = [places[port].shape[_axis(one)] for port, (one, _) in joined.items() if places[port].shape]
        trips = _trips(graph, layer, outside, count)
        index = fed[counter[0]] if counter else graph.names.new(f"{layer.name}/run")
        body_inputs = [index, graph.names.new(f"{layer.name}/going"), *body_inputs]
        condition = results.get(going, "") or _yes(graph, inner)
        given_out = [condition, *given_out]
        node_inputs, kind = [trips, _yes(graph, None), *starts], "Loop"
    else:
        sources = [_outer(layer, outside, one) for one in cut.values()]
        if not sources or any(one.get("part_size", "1") not in ("1", "-1") for one in cut.values()):
            raise Damaged(f"the layer {quoted(layer.name[:100])} takes no parts of one element: it is not read")
        body_inputs += [fed[at] for at in cut]
        node_inputs, kind = [*starts, *sources], "Scan"
        plain = {
            "num_scan_inputs": len(cut),
            "scan_input_axes": tuple([_axis(one) for one in cut.values()]),
            "scan_input_directions": tuple([int(one.get("stride", "1").startswith("-")) for one in cut.values()]),
        }
        axes = tuple([_axis(one) for one, _ in joined.values()])
        plain |= {"scan_output_axes": axes} if axes else {}
    inner.input = [tensor_info(name) for name in body_inputs]
    inner.output = [tensor_info(name) for name in (*given_out, *stacked)]
    graph.node(layer, node_inputs, [*outputs, *parts], kind)
    graph.nodes[-1].plain |= plain
    _attach(graph, {"body": inner})
    for (port, (one, _)), part in zip(joined.items(), parts):
        _along(graph, part, names[port], _axis(one) if kind == "Loop" else 0)


def _attach(graph: Graph, parts: Mapping[str, Any]) -> None:
    graph.nodes[-1].attribute = [message("Attribute", name=name, type=5, g=inner) for name, inner in parts.items()]


def _axis(entry: Entry) -> int:
    said = entry.get("axis", "0")
    if not said.removeprefix("-").isdigit() or len(said) > 3:
        raise Damaged(f"{quoted(said[:20])} is no axis")
    return int(said)


def _body(layer: Layer, name: str) -> Body:
    if name not in layer.bodies:
        raise Damaged(f"the layer {quoted(layer.name[:100])} lacks its graph {quoted(name)}")
    return layer.bodies[name]


def _inner(body: Body, entry: Entry) -> str:
    """The Parameter or Result that an entry of a port map names."""
    at = entry.get("internal_layer_id", "")
    if at not in body.layers or body.layers[at].type not in ("Parameter", "Result") or "external_port_id" not in entry:
        raise Damaged(f"a port map names {quoted(at[:100])}, which is no Parameter or Result of its graph")
    return at


def _outer(layer: Layer, outside: Mapping[str, str], entry: Entry) -> str:
    """The tensor outside that an entry of a port map names."""
    at = entry.get("external_port_id", "")
    if at not in outside:
        raise Damaged(
            f"the port map of the layer {quoted(layer.name[:100])} names the port {quoted(at[:20])}: it has none"
        )
    return outside[at]


def _read(
    graph: Graph, body: Body, given: Mapping[str, str], cut: Mapping[str, Entry] = {}
) -> tuple[Any, dict[str, str]]:
    """The message of a graph inside, and the names of its results. A part has its axis anew, of size 1."""
    order = [*in_order(body)]
    inner = Graph(graph.names, body, dict(given))
    inner.kept = graph.kept
    inner.depth = graph.depth + 1
    for at, entry in cut.items():
        name = inner.given[at]
        inner.given = {**inner.given, at: _with_axis(inner, name, _axis(entry), "Unsqueeze")}
    for one in order:
        if one.type == "Parameter" and one.id not in inner.given:
            raise Damaged(f"nothing gives the Parameter {quoted(one.name[:100])} of a graph inside another")
    return inner.read(order), inner.results


def _with_axis(graph: Graph, name: str, axis: int, operator: str) -> str:
    """A tensor with an axis of size 1 more or less."""
    made = graph.names.new(f"{name}/part")
    graph.nodes.append(
        message(
            "Node",
            input=[name],
            output=[made],
            name=f"{name}/{operator.lower()}",
            op_type="axis." + operator,
            plain={"axes": (axis,)},
        )
    )
    return made


def _apart(graph: Graph, inner: Any, name: str, entry: Entry) -> str:
    """What a run gives of a tensor that is put together along an axis: without that axis, of size 1."""
    made = graph.names.new(f"{name}/part")
    axis = _axis(entry)
    inner.node.append(
        message(
            "Node", input=[name], output=[made], name=f"{name}/squeeze", op_type="axis.Squeeze", plain={"axes": (axis,)}
        )
    )
    return made


def _along(graph: Graph, part: str, name: str, axis: int) -> None:
    """Stacked parts along their axis; a Loop has stacked them along the first."""
    graph.nodes.append(
        message("Node", input=[part], output=[name], name=name, op_type="axis.Move", plain={"axis": axis})
    )


def _yes(graph: Graph, inner: Any) -> str:
    name = graph.names.new("going")
    (graph.initializers if inner is None else inner.initializer).append(stored(name, 9, (), [1]))
    return name


def _trips(graph: Graph, layer: Layer, outside: Mapping[str, str], count: Sequence[int]) -> str:
    """How often a Loop runs: as many times as what it puts together has parts."""
    if len(set(count)) != 1 or count[0] < 0:
        return next(iter(outside.values()))
    name = graph.names.new(f"{layer.name}/runs")
    graph.initializers.append(stored(name, 7, (), [count[0]]))
    return name
