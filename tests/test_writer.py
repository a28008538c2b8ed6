"""Networks written as YAML: what is read back has the same numbers, layer by layer, whatever the network is."""

from pathlib import Path

import pytest
from helpers import fitting_specs
from hypothesis import given

from sepcalc.document.loading import load_yaml
from sepcalc.document.writer import write
from sepcalc.errors import InputError
from sepcalc.layer import Node
from sepcalc.network import Network, of_spec
from sepcalc.nodes import Source
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.elementwise import Activation, Elementwise
from sepcalc.ops.product import Dense
from sepcalc.ops.rename import Rename
from sepcalc.reports.layers import records
from sepcalc.spec import Spec, parse
from sepcalc.to_spec import spec_of

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted((ROOT / "tests/documents/good").glob("*.yaml")), *sorted((ROOT / "specs").glob("*.yaml"))]


def again(network: Network) -> Network:
    return load_yaml(Source("WRITTEN", write(network))).network


def rows(network: Network) -> list[dict[str, object]]:
    """All that is told of the layers, with numbers for the names of shared weights, which may differ."""
    seen: dict[str, int] = {}
    found = []
    for record in records(network):
        weights = record["weights"]
        record["weights"] = None if weights is None else seen.setdefault(weights, len(seen))
        found.append(record)
    return found


def same(one: Network, other: Network) -> None:
    assert rows(one) == rows(other)
    assert (one.name, one.inputs, one.outputs, one.ends) == (other.name, other.inputs, other.outputs, other.ends)
    assert [node.sources for node in one.nodes] == [node.sources for node in other.nodes]
    assert (one.cost, one.peak_memory()) == (other.cost, other.peak_memory())


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents(path: Path) -> None:
    network = load_yaml(Source("FILE", path.read_text("utf-8"))).network
    same(network, again(network))


@given(fitting_specs())
def test_every_kind(spec: Spec) -> None:
    network = of_spec(spec)
    if network.inputs:
        same(network, again(network))
    for layer in network.layers:
        written = spec_of(layer.op, layer.inputs, layer.output)
        read = parse(str(written))
        assert read == written
        one = read._replace(inputs=layer.inputs)
        assert (one.cost, one.output) == (layer.op.cost(layer.inputs, layer.output), layer.output)


ODD = [
    "a: b",
    "- x",
    "a[0]",
    "[",
    "yes",
    "12",
    '"quoted"',
    "# c",
    "{}",
    "né",
    "previous",
    "input",
    "a",
    "a",
    " b",
    "\n",
    "",
]


def test_odd_names() -> None:
    nodes = [Node(name, Rename("identity"), (0,), (4,)) for name in ODD]
    network = Network('a "name": #', {"input": (4,), "mask: 1": (2,)}, nodes, {"x y": 3, "b": 0})
    got = again(network)
    assert [layer.name for layer in got.layers[:10]] == ODD[:10]
    assert [layer.name for layer in got.layers[10:]] == [
        *("previous (2)", "input (2)", "a", "a (2)", "b", "\\n", "layer")
    ]
    assert (got.name, got.inputs, got.ends) == (network.name, network.inputs, network.ends)


def test_shared_params_of_other_layers() -> None:
    nodes = [Node("a", Dense(8), (0,), (8,)), Node("b", Dense(8, True), (1,), (8,), shared=64)]
    network = Network("", {"input": (8,)}, nodes)
    same(network, again(network))
    assert network.params == again(network).params == 72


def test_params_that_no_spec_says() -> None:
    """A joint matrix of queries, keys and values: the first layer stores it, the others only read it."""
    nodes = [Node("a", Dense(8), (0,), (8,), shared=-128), Node("b", Rename("identity"), (1,), (8,), shared=-5)]
    network = Network("", {"input": (8,)}, nodes)
    same(network, again(network))
    assert network.params == again(network).params == 64 + 128 + 5


def test_what_reads_nothing_says_so() -> None:
    """Two layers that make data from nothing, one first and one behind a layer that it does not read."""
    data = Uncounted("RandomNormal", "it makes numbers", (4,))
    nodes = [
        Node("first", data, (), (4,)),
        Node("relu", Activation("relu"), (1,), (4,)),
        Node("noise", data, (), (4,)),
        Node("add", Elementwise("add"), (2, 3), (4,)),
    ]
    network = Network("", {"input": (4,)}, nodes)
    same(network, again(network))
    assert write(network).count("    from: []\n") == 2


def test_what_has_no_words() -> None:
    class Other(Op):
        label = "other"

    nodes = [Node("one", Uncounted("Fft", "nobody knows", (4,)), (0,), (4,)), Node("two", Other(), (1,), (4,))]
    with pytest.raises(InputError) as caught:
        write(Network("", {"input": (4,)}, nodes))
    assert str(caught.value) == "two cannot be written: other has no spec"
    assert "  - uncounted Fft --to 4:\n    name: one\n" in write(Network("", {"input": (4,)}, nodes[:1]))
