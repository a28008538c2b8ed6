"""The layers of an OpenVINO IR file, read as expat finds them. Entities are never expanded: a file that declares any is
refused, as is one that is too deep or too long.

Source: OpenVINO's "Operation Sets and IR format" and the serializer of its core.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any
from xml.parsers import expat

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.shape import Shape

MAX_DEPTH = 200  # of elements in each other
MAX_ELEMENTS, MAX_TAG = 1_500_000, 1 << 20  # of a file; bytes of an element with its attributes
MAX_LAYERS, MAX_EDGES = 30_000, 200_000  # of a file, with all bodies
MAX_PORTS, MAX_DIMS = 2_000, 64  # ports of a layer, axes of a port
MAX_TEXT = 4_000  # characters of an attribute that is read
VERSIONS = ("10", "11")


class Damaged(Invalid):
    """The file does not say what an IR file must."""


class Port:
    """An input or output of a layer: its sizes (-1: open), element type, and the names of its tensor."""

    __slots__ = ("id", "names", "precision", "sizes")

    def __init__(self, given: dict[str, str]) -> None:
        self.id = given.get("id", "")
        self.precision = given.get("precision", "FP32").upper()
        self.names = [name for name in given.get("names", "").replace("\\,", "\0").split(",") if name]
        self.sizes: list[int] = []

    @property
    def shape(self) -> Shape:
        """The sizes as a shape."""
        return tuple(self.sizes)


class Body:
    """A graph: its layers by id, and the output that each input reads, both as (layer, port)."""

    __slots__ = ("edges", "layers")

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.edges: dict[tuple[str, str], tuple[str, str]] = {}


class Layer:
    """A layer: its settings, its ports in their order, and of one that runs graphs these, how tensors pass into and out
    of them, and the pairs (from, to) of what a run gives and the next one takes."""

    __slots__ = ("back", "bodies", "data", "id", "inputs", "layout", "maps", "name", "outputs", "type", "version")

    def __init__(self, given: dict[str, str]) -> None:
        self.id, self.name, self.type = given.get("id", ""), given.get("name", ""), given.get("type", "")
        self.version = given.get("version", "opset1")
        self.data: dict[str, str] = {}
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.layout = ""  # the letters of its axes, where the file has them
        self.bodies: dict[str, Body] = {}
        self.maps: dict[str, list[tuple[str, dict[str, str]]]] = {}
        self.back: list[tuple[str, str]] = []


_BODIES = ("body", "then_body", "else_body")
_MAPS = ("port_map", "then_port_map", "else_port_map")


class _Reader:
    """What expat calls. ``path`` holds the names of the open elements, ``open`` their objects."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.path: list[str] = []
        self.open: list[Any] = []
        self.root: dict[str, str] = {}
        self.body = Body()
        self.layers, self.edges, self.elements = count(1), count(1), count(1)
        self.words: list[str] | None = None  # the text of a size

    def doctype(self, *_: object) -> None:
        raise Damaged("it declares a document type: an OpenVINO model has none, and none is read")

    def start(self, name: str, given: dict[str, str]) -> None:
        if next(self.elements) > MAX_ELEMENTS:
            raise Damaged(f"it has more than {MAX_ELEMENTS:,} elements")
        if len(self.path) >= MAX_DEPTH:
            raise Damaged(f"its elements stand in each other more than {MAX_DEPTH} deep")
        around = self.path[-1] if self.path else ""
        inside = self.open[-1] if self.open else None
        made: Any = inside
        if not self.path:
            self.rooted(name, given)
            made = self.body
        elif isinstance(inside, Body):
            made = self.in_body(inside, around, name, given)
        elif isinstance(inside, Layer):
            made = self.in_layer(inside, around, name, given)
        elif isinstance(inside, Port):
            if name == "dim" and around == "port":
                self.words = []
            elif name == "attribute" and given.get("name") == "layout" and isinstance(self.open[-3], Layer):
                self.open[-3].layout = given.get("layout", "")[:MAX_TEXT]
        self.path.append(name)
        self.open.append(made)

    def rooted(self, name: str, given: dict[str, str]) -> None:
        if name != "net":
            raise Damaged(f"it is XML, but no OpenVINO model: its root is {quoted(name[:100])}, expected 'net'")
        if given.get("version") not in VERSIONS:
            said = quoted(given.get("version", "")[:20])
            raise Damaged(
                f"it is an OpenVINO model of IR version {said}: versions {' and '.join(VERSIONS)} are read",
                "convert the original model anew, with ov.convert_model and ov.save_model",
            )
        self.root = given

    def in_body(self, body: Body, around: str, name: str, given: dict[str, str]) -> Any:
        if name == "layer" and around == "layers":
            if next(self.layers) > MAX_LAYERS:
                raise Damaged(f"it has more than {MAX_LAYERS:,} layers")
            layer = Layer(given)
            if layer.id in body.layers:
                raise Damaged(f"two layers have the id {quoted(layer.id[:100])}")
            body.layers[layer.id] = layer
            return layer
        if name == "edge" and around == "edges":
            if next(self.edges) > MAX_EDGES:
                raise Damaged(f"it has more than {MAX_EDGES:,} edges")
            to = given.get("to-layer", ""), given.get("to-port", "")
            if to in body.edges:
                raise Damaged(f"two edges lead to the port {quoted(to[1][:100])} of the layer {quoted(to[0][:100])}")
            body.edges[to] = given.get("from-layer", ""), given.get("from-port", "")
        return body

    def in_layer(self, layer: Layer, around: str, name: str, given: dict[str, str]) -> Any:
        if name in _BODIES and around == "layer":
            return layer.bodies.setdefault(name, Body())
        if name == "data" and around == "layer":
            layer.data = {key: value for key, value in given.items() if len(value) <= MAX_TEXT}
        elif name == "port" and around in ("input", "output") and self.path[-2] == "layer":
            port = Port(given)
            taken = layer.inputs if around == "input" else layer.outputs
            others = (*layer.inputs, *layer.outputs)
            if len(others) >= MAX_PORTS:
                raise Damaged(f"the layer {quoted(layer.name[:100])} has more than {MAX_PORTS:,} ports")
            if any(port.id == one.id for one in others):
                raise Damaged(f"the layer {quoted(layer.name[:100])} has two ports {quoted(port.id[:20])}")
            taken.append(port)
            return port
        elif around in _MAPS and name in ("input", "output"):
            layer.maps.setdefault(around, []).append((name, given))
        elif around == "back_edges" and name == "edge":
            layer.back.append((given.get("from-layer", ""), given.get("to-layer", "")))
        return layer

    def text(self, words: str) -> None:
        if self.words is not None:
            self.words.append(words[:30])

    def end(self, name: str) -> None:
        self.path.pop()
        inside = self.open.pop()
        if self.words is not None and name == "dim":
            said, self.words = "".join(self.words[:3]).strip(), None
            if len(inside.sizes) >= MAX_DIMS or not said.removeprefix("-").isascii():
                raise Damaged("a port has no sizes that a tensor can have")
            try:
                inside.sizes.append(max(-1, int(said[:25])))
            except ValueError as error:
                raise Damaged(f"{quoted(said)} is no size of a port") from error


def layers_of(path: str) -> tuple[str, Body]:
    """The name of the model in an IR file, and its graph. Raises OSError and Damaged."""
    reader = _Reader()
    try:
        with open(path, "rb") as file:
            read = 0
            while chunk := file.read(1 << 16):
                reader.parser.Parse(chunk, False)
                read += len(chunk)
                if read - max(0, reader.parser.CurrentByteIndex) > MAX_TAG:
                    raise Damaged(f"it has an element whose attributes take more than {MAX_TAG:,} bytes")
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        said = expat.errors.messages.get(error.code, "it is damaged")
        raise Damaged(f"it is no XML file, or it is damaged: line {error.lineno}: {said}") from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        if isinstance(error, Invalid):
            raise
        raise Damaged("it is no XML file, or it is damaged") from error
    return printable(reader.root.get("name", ""))[:200], reader.body


def in_order(body: Body) -> Iterator[Layer]:
    """The layers, each after those that it reads. Raises Damaged for one that reads itself, or none that exists."""
    waiting: dict[str, int] = dict.fromkeys(body.layers, 0)
    readers: dict[str, list[str]] = {}
    for (to, _), (source, _) in body.edges.items():
        for one in (to, source):
            if one not in body.layers:
                raise Damaged(f"an edge names the layer {quoted(one[:100])}, which does not exist")
        waiting[to] += 1
        readers.setdefault(source, []).append(to)
    ready = [one for one, left in reversed(waiting.items()) if not left]
    done = 0
    while ready:
        at = ready.pop()
        done += 1
        yield body.layers[at]
        for reader in reversed(readers.get(at, ())):
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    if done < len(body.layers):
        stuck = next(body.layers[one] for one, left in waiting.items() if left)
        raise Damaged(f"the layer {quoted(stuck.name[:100])} depends on itself")
