"""Networks written with blocks: what is read back has the same layers, whatever repeats, and takes few lines."""

import gzip
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers import chain
from helpers import network as graph
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.document import compact_text, compacting
from sepcalc.document.compacting import write_compact
from sepcalc.document.loading import load_yaml
from sepcalc.document.writer import write
from sepcalc.errors import InputError, Invalid
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.nodes import Source
from sepcalc.ops.base import Uncounted
from sepcalc.ops.elementwise import Activation, Elementwise
from sepcalc.ops.move import Constant
from sepcalc.ops.pool import Reduce
from sepcalc.source import load

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted((ROOT / "specs").glob("*.yaml")), *sorted((ROOT / "tests/documents/good").glob("*.yaml"))]
MODELS = sorted((ROOT / "tests/data/onnx").glob("*.onnx"))


def same(network: Network, text: str) -> None:
    """All that is counted of each layer, where it stands in the graph, and which of them share weights."""
    again = load_yaml(Source("WRITTEN", text)).network
    assert [*rows(again)] == [*rows(network)]
    assert (again.name, again.inputs, again.ends) == (network.name, network.inputs, network.ends)
    assert (again.cost, again.peak_memory()) == (network.cost, network.peak_memory())


def rows(network: Network) -> Iterator[tuple[object, ...]]:
    seen: dict[str, int] = {}
    for node, layer in zip(network.nodes, network.layers, strict=True):
        tie = layer.weights and seen.setdefault(layer.weights, len(seen))
        yield layer.kind, layer.inputs, layer.output, layer.cost, layer.effective_macs, layer.shared, tie, node.sources


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents(path: Path) -> None:
    network = load_yaml(Source("FILE", path.read_text("utf-8"))).network
    same(network, write_compact(network))


@pytest.mark.parametrize("table", ["zoo", "models"])
def test_keras_models(table: str, tmp_path: Path) -> None:
    """A model for every layer class with its settings, and models of several layers."""
    path = tmp_path / "model.json"
    for entry in json.loads(gzip.decompress((ROOT / f"tests/data/keras/{table}.json.gz").read_bytes())).values():
        path.write_text(json.dumps(entry["model"]))
        network = load(path)
        for text in (write(network), write_compact(network)):
            same(network, text)


def test_tensors_of_many_axes() -> None:
    """Frames of pictures side by side, as a layer for every time is written in ONNX: what names an axis reads back."""
    rows: list[tuple[str, tuple[int, ...]]] = [
        ("reshape --to 2x3x4x4x5", (0,)),
        ("concat --axis a", (1, 1)),
        ("softmax --axis b", (2,)),
    ]
    with pytest.raises(Invalid, match=r"^'b' is not an axis of 4x3x4x4x5: expected one of adhwc$"):
        graph([(6, 16, 5)], rows)
    rows[2:] = [("softmax --axis a", (2,)), ("reduce max --over ah --keep", (3,)), ("reduce mean --over aw", (4,))]
    network = graph([(6, 16, 5)], rows)
    assert [layer.output for layer in network.layers] == [
        (2, 3, 4, 4, 5),
        (4, 3, 4, 4, 5),
        (4, 3, 4, 4, 5),
        (1, 3, 1, 4, 5),
        (3, 1, 5),
    ]
    assert [layer.cost.compares for layer in network.layers] == [0, 0, 960 - 240, 960 - 60, 0]
    for text in (write(network), write_compact(network)):
        same(network, text)


def test_a_pool_to_one_position_is_written_as_it_is_read() -> None:
    pool = Node("pool", Reduce("mean", (0, 1), keep=True, called="pool"), (0,), (1, 1, 5))
    network = Network("kept", {"x": (6, 6, 5)}, [pool])
    same(network, write(network))
    assert write(load_yaml(Source("WRITTEN", write(network))).network) == write(network)


@pytest.mark.skipif(not find_spec("torch"), reason="needs torch")
def test_torch_modules() -> None:
    from torch import nn, ones

    from sepcalc import from_torch

    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 3, enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoderLayer(16, 2, 32, batch_first=True)
    cases = [
        (encoder, ones(1, 5, 16)),
        (decoder, (ones(1, 5, 16), ones(1, 7, 16))),
        (nn.LSTM(8, 4, 2, bidirectional=True), ones(5, 1, 8)),
    ]
    for module, inputs in cases:
        network = from_torch(module.eval(), inputs)
        for text in (write(network), write_compact(network)):
            same(network, text)
    assert "\nblocks:\n" in write_compact(from_torch(encoder, ones(1, 5, 16)))


@pytest.mark.skipif(not find_spec("onnx"), reason="needs onnx")
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_models(path: Path) -> None:
    network = load(path)
    text = write_compact(network)
    same(network, text)
    assert text.count("\n") < 0.7 * write(network).count("\n")  # biases that layers share name the first of them
    assert ("\nblocks:\n" in text) == (path.stem != "alexnet")


@pytest.mark.parametrize(
    ("name", "lines"), [("mobilenet_v1", 30), ("mobilenet_v2", 50), ("resnet50", 45), ("densenet121", 35)]
)
def test_blocks_where_layers_repeat(name: str, lines: int) -> None:
    network = load(ROOT / f"specs/{name}.yaml")
    text = write_compact(network)
    assert "\nblocks:\n" in text
    assert text.count("\n") <= lines < write(network).count("\n") / 2


BLOCK = ["conv -k3 -o8 -psame", "norm batch", "act relu"]


def test_equal_parts_stand_once() -> None:
    assert write_compact(chain((8, 8, 3), "conv -k5 -o8 -psame", *BLOCK * 4, "dense -o2")) == (
        "name: test\n"
        "inputs:\n"
        "  in0: 8x8x3\n"
        "blocks:\n"
        "  block1:\n"
        "    - conv -k3 -o8 -psame\n"
        "    - norm batch\n"
        "    - act relu\n"
        "layers:\n"
        "  - conv -k5 -o8 -psame\n"
        "  - block1:\n"
        "    repeat: 4\n"
        "  - dense -o2\n"
    )


def test_what_differs_is_a_parameter() -> None:
    rows: list[tuple[str, tuple[int, ...]]] = []
    for out, stride in ((8, ""), (16, " -s2"), (16, ""), (32, " -s2")):
        at = len(rows)
        rows += [(f"conv -k3 -o{out}{stride} -psame", (at,)), ("act relu", (at + 1,))]
        rows += [(f"conv -k3 -o{out} -psame", (at + 2,)), (f"pointwise -o{out}{stride}", (at,))]
        rows += [("add", (at + 3, at + 4))]
    network = graph([(16, 16, 8)], rows)
    text = compact_text.CompactText(network, varied=True).text()
    same(network, text)
    assert text.partition("blocks:\n")[2] == (
        "  block1(out, stride=1):\n"
        "    - residual:\n"
        "        - conv -k3 -o{out} -s{stride} -psame\n"
        "        - act relu\n"
        "        - conv -k3 -o{out} -psame\n"
        "      shortcut:\n"
        "        - pointwise -o{out} -s{stride}\n"
        "layers:\n"
        "  - block1 8\n"
        "  - block1 16 stride=2\n"
        "  - block1 16\n"
        "  - block1 32 stride=2\n"
    )


def test_a_stride_is_of_its_own_kind() -> None:
    network = chain((9, 9, 4), *["pool avg -k3 -s1 -psame", "act relu", "pointwise -o4", "act relu"] * 3)
    same(network, write_compact(network))


def test_parts_that_are_no_branches() -> None:
    """Two tensors that are read crosswise, several times: a block with names in it."""
    rows: list[tuple[str, tuple[int, ...]]] = []
    for at in (0, 5, 10):
        rows += [
            ("pointwise -o4", (at,)),
            ("act relu", (at,)),
            ("add", (at + 1, at + 2)),
            ("multiply", (at + 2, at + 3)),
        ]
        rows += [("subtract", (at + 3, at + 4))]
    network = graph([(4, 4, 4)], rows)
    text = write_compact(network)
    same(network, text)
    assert "from: input\n" in text
    assert "  - block1:\n    repeat: 3\n" in text


def test_constants_stand_where_they_are_read() -> None:
    rows: list[tuple[str, tuple[int, ...]]] = []
    for channels in (8, 16, 32, 64):
        at = len(rows)
        rows += [("pointwise -o4", (at,)), (f"constant --to 9x{channels}", ()), (f"dense -o{channels}", (at + 2,))]
        rows += [("reduce sum --over w", (at + 3,)), ("dense -o4", (at + 4,)), ("add", (at + 1, at + 5))]
    network = graph([(4, 4, 4)], rows)
    text = write_compact(network)
    same(network, text)
    assert text.partition("blocks:\n")[2] == (
        "  block1(to):\n"
        "    - pointwise -o4\n"
        "    - add:\n"
        "        a: []\n"
        "        b:\n"
        "          - constant --to 9x{to}\n"
        "          - dense -o{to}\n"
        "          - reduce sum --over w\n"
        "          - dense -o4\n"
        "layers:\n"
        "  - block1 8\n"
        "  - block1 16\n"
        "  - block1 32\n"
        "  - block1 64\n"
    )


def test_what_reads_nothing_says_so_in_a_branch_and_in_a_block() -> None:
    """Noise that each of the layers adds to what it is given: x + relu(noise)."""
    noise, relu, add = Uncounted("RandomNormal", "it makes numbers", (4,)), Activation("relu"), Elementwise("add")
    nodes = [
        Node(f"n{at + step}", op, sources, (4,))
        for at in range(0, 18, 3)
        for step, (op, sources) in enumerate([(noise, ()), (relu, (at + 1,)), (add, (at, at + 2))])
    ]
    network = Network("", {"input": (4,)}, nodes)
    text = write_compact(network)
    same(network, text)
    assert text == (
        "input: 4\n# uncounted RandomNormal: it makes numbers\n"
        "blocks:\n"
        "  block1:\n"
        "    - add:\n"
        "        a: []\n"
        "        b:\n"
        "          - uncounted RandomNormal --to 4:\n"
        "            from: []\n"
        "          - act relu\n"
        "layers:\n"
        "  - block1:\n"
        "    repeat: 6\n"
    )


def test_reasons_stay_as_comments() -> None:
    odd = Node("one", Uncounted("Fft", "nobody\nknows", (4,)), (0,), (4,))
    assert write_compact(Network("", {"input": (4,)}, [odd, odd._replace(sources=(1,))])) == (
        "input: 4\n# uncounted Fft: nobody\\nknows\nlayers:\n  - uncounted Fft --to 4\n  - uncounted Fft --to 4\n"
    )


def test_shared_weights_and_outputs_keep_their_names() -> None:
    texts = ["pointwise -o4", "act relu", "norm batch"] * 4
    rows = [(text, (at,)) for at, text in enumerate(texts)]
    network = graph([(4, 4, 4)], rows, outputs=(6, 12), weights={0: "w", 6: "w"})
    text = write_compact(network)
    same(network, text)
    assert 'weights: "0"\n' in text


def test_what_does_not_read_back_is_written_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    network = chain((8, 8, 8), *BLOCK * 4)
    monkeypatch.setattr(compact_text.CompactText, "_entries", lambda *_, **__: iter([["- act relu"]]))
    assert write_compact(network) == write(network)


@st.composite
def repetitive(draw):
    """A graph of few kinds of layers of one shape, in which runs repeat, some nodes read two tensors, and some
    tensors are read from afar."""
    one = st.sampled_from(["pointwise -o4", "conv -k3 -o4 -psame", "conv -k5 -o4 -psame", "act relu", "norm batch"])
    step = (
        st.tuples(one, st.integers(1, 3))
        | st.tuples(st.sampled_from(["add", "multiply", "concat"]), st.integers(1, 5), st.integers(1, 5))
        | st.tuples(
            st.sampled_from(["constant --to 4x4x4", "constant --to 4x4x4 --learned", "constant --to 4x4x4 --buffer"])
        )
    )
    runs = draw(st.lists(st.lists(step, min_size=1, max_size=6), min_size=1, max_size=3))
    rows: list[tuple[str, tuple[int, ...]]] = []
    seen = [0]  # all of one shape: of a concat only the layer behind it is read
    for run in draw(st.lists(st.sampled_from(runs), min_size=1, max_size=6)):
        for text, *backs in run:
            rows.append((text, tuple(seen[-min(back, len(seen))] for back in backs)))
            if text == "concat":
                rows.append(("pointwise -o4", (len(rows),)))
            seen.append(len(rows))
    outputs = draw(st.just([]) | st.lists(st.integers(0, len(rows)), max_size=2))
    tied = draw(
        st.sampled_from([{}, {}, {}, {at: "w" for at, row in enumerate(rows) if row[0] == "conv -k3 -o4 -psame"}])
    )
    return graph([(4, 4, 4)], rows, outputs, tied if len(tied) > 1 else {})


@given(repetitive())
def test_whatever_repeats(network: Network) -> None:
    same(network, write_compact(network))
    for varied in (True, False):
        for knots in (True, False):
            same(network, compact_text.CompactText(network, varied, knots).text())


def test_what_the_language_cannot_say_is_refused() -> None:
    """A loop of 0 turns leaves no layer, a product of constants alone no input."""
    with pytest.raises(InputError, match=r"^a network without layers cannot be written$"):
        write_compact(Network("", {"x": (8,)}, [], {"y": 0}))
    with pytest.raises(InputError, match=r"^a network without inputs cannot be written$"):
        write_compact(Network("", {}, [Node("c", Constant((8,)), (), (8,))]))


@pytest.mark.parametrize(
    ("layers", "ways"),
    [(["conv -k3 -o8 -p same"] * 20, 1), (["conv -k3 -o8 -p same", "conv -k3 -o9 -p same"] * 10, 2)],
)
def test_parts_are_sought_once_where_no_numbers_differ(
    layers: list[str], ways: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at each layer with its numbers and without them finds the same parts then, at twice the time."""
    made = list[int]()
    plain = compact_text.Grammar

    def counted(first: int, *more: Any) -> Any:
        made.append(first)
        return plain(first, *more)

    monkeypatch.setattr(compact_text, "Grammar", counted)
    network = load_yaml(
        Source("", "\n".join(["input: 32x32x8", "layers:", *[f"- {layer}" for layer in layers], ""]))
    ).network
    assert load_yaml(Source("", compacting.write_compact(network))).network.cost == network.cost
    assert len(made) == ways
