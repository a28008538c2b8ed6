"""No stored tensor of an ONNX file vanishes, whatever reads it and whatever it is made into: the params of a network are
the elements that its file stores as weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from sepcalc import load
from sepcalc.cli import run
from sepcalc.document.compacting import write_compact
from sepcalc.importers.onnx import read
from sepcalc.network import Network

DATA = Path(__file__).parent / "data" / "faults"


def network(text: str, folder: Path, weights: dict[str, tuple[int, ...]] | None = None, opset: int = 21) -> Network:
    """A network of a graph in ONNX's own text, ``weights`` stored beside what the text stores."""
    head = f'<ir_version: 10, opset_import: ["": {opset}, "own": 1, "ai.onnx.ml": 3]>\n'
    made = parser.parse_model(head + text)
    random = np.random.default_rng(1)
    for name, shape in (weights or {}).items():
        made.graph.initializer.append(numpy_helper.from_array(random.random(shape).astype(np.float32), name))
    path = folder / "m.onnx"
    path.write_bytes(made.SerializeToString())
    return read(str(path))


W = (8, 16)
# what becomes of stored tensors w (8x16), u (8x16), s (16) and v (32x16) before a product reads it, and what they hold
MADE = [
    ("p = Mul(w, s)", 128 + 16),
    ("p = Mul(s, w)", 128 + 16),
    ("p = Div(w, s)", 128 + 16),
    ("p = Sub(w, s)", 128 + 16),
    ("p = Pow(w, s)", 128 + 16),
    ("p = Add(w, u)", 128 + 128),
    ("p = Sum(w, u, s)", 128 + 128 + 16),
    ("p = Max(w, s)", 128 + 16),
    ("p = Mod <fmod = 1> (w, u)", 128 + 128),
    ("p = PRelu(w, s)", 128 + 16),
    ("m = Mul(w, s) p = Identity(m)", 128 + 16),
    ("t = Transpose(w) m = Mul(t, t) p = Transpose(m)", 128),
    ("n = ReduceL2 <axes = [0]> (w) d = Div(w, n) p = Mul(d, s)", 128 + 16),
    ("h = Constant <value = int64[2] {16, 8}> () r = Reshape(w, h) p = Transpose(r)", 128),
    ("b = Greater(w, u) p = Where(b, w, u)", 128 + 128),
    ("i = Constant <value = int64[8] {0, 1, 2, 3, 4, 5, 6, 7}> () p = Gather(v, i)", 128),
    (
        "i = Constant <value = int64[8] {0, 1, 2, 3, 4, 5, 6, 7}> () g = Gather(v, i) p = Mul(g, s)",
        128 + 16,
    ),
    (
        "a = Constant <value = int64[1] {0}> () b = Constant <value = int64[1] {8}> () c = Slice(v, a, b) p = Mul(c, s)",
        128 + 16,
    ),
    ("n = LayerNormalization(w, s, s2) p = Identity(n)", 128 + 16 + 16),
    ("p = own.Unpack(w, s)", 128 + 16),
    ("m = Constant <value_floats = [2.0, 3.0, 4.0, 5.0, 2.0, 3.0, 4.0, 5.0]> () r = Unsqueeze(m, one) p = Mul(w, r)", 128 + 8),
    ("p = MatMul(low, high)", 8 * 2 + 2 * 16),
]  # fmt: skip
STORED = {"w": W, "u": W, "s": (16,), "s2": (16,), "v": (32, 16), "low": (8, 2), "high": (2, 16)}


@pytest.mark.parametrize(("made", "params"), MADE, ids=lambda case: str(case)[:40])
def test_what_a_product_reads_is_counted_whole(made: str, params: int, tmp_path: Path) -> None:
    """A stored tensor that is made of several counts all of them, also where the product's own formula says less."""
    lines = " ".join(made.split())
    opset = 13 if "axes =" in made else 21
    said = "float[8, 16] p, " if "own." in made else ""
    text = f"g (float[1, 8] x) => (float[1, 16] y) <{said}int64[1] one = {{1}}> {{ {lines} y = MatMul(x, p) }}"
    used = {name: shape for name, shape in STORED.items() if name in made.replace("(", " ").replace(",", " ").replace(")", " ").split()}  # fmt: skip
    found = network(text, tmp_path, used, opset)
    assert found.params == params
    assert found.cost.macs == 8 * 16 + (8 * 2 * 16 if "low" in made else 0)
    again = tmp_path / "n.yaml"
    again.write_text(write_compact(found))
    assert load(again).cost == found.cost


# what reads stored tensors while another input is data, x (4x8), and what they hold; counted or not
READ = [
    ("b = Greater(x, x) y = Where(b, w, x)", {"w": (4, 8)}, 32),
    ("b = Greater(x, x) y = Where(b, w, u)", {"w": (4, 8), "u": (4, 8)}, 64),
    ("b = Greater(x, x) y = Where(b, x, s)", {"s": (8,)}, 8),
    ("y = Concat <axis = 1> (x, w)", {"w": (4, 3)}, 12),
    ("y = Concat <axis = 0> (w, x)", {"w": (3, 8)}, 24),
    ("i = Cast <to = 7> (x) y = Gather <axis = 1> (w, i)", {"w": (3, 16)}, 48),
    ("i = Cast <to = 7> (x) y = Gather (w, i)", {"w": (16, 3)}, 48),
    ("i = Cast <to = 7> (x) y = GatherElements (w, i)", {"w": (16, 8)}, 128),
    ("i = Cast <to = 7> (x) y = ScatterElements (w, i, x)", {"w": (16, 8)}, 128),
    ("i = Cast <to = 7> (x) y = ScatterElements (x, i, w)", {"w": (4, 8)}, 32),
    ("y = Add(x, w)", {"w": (4, 8)}, 32),
    ("y = Equal(x, w)", {"w": (4, 8)}, 32),
    ("y = TopK(x, k)", {}, 0),
    ("y = own.Layer(x, w, s)", {"w": (5, 5), "s": (5,)}, 30),
    ("y = own.Layer(x, w, s, k)", {"w": (5, 5), "s": (1,)}, 25),
    ("y = own.Layer <table = float[2, 3] {1, 2, 3, 4, 5, 6}> (x)", {}, 6),
    ("y = ai.onnx.ml.LinearClassifier <coefficients = [1.0, 2.0, 3.0], intercepts = [1.0, 2.0]> (x)", {}, 5),
    ("n = NonZero(x) y = Gather(w, n)", {"w": (16, 3)}, 48),
    ("q = SequenceConstruct(w, u) i = Cast <to = 7> (x) y = SequenceAt(q, i)", {"w": (4, 8), "u": (4, 8)}, 64),
    ("i = Cast <to = 7> (x) y = TopK(w, i)", {"w": (4, 8)}, 32),
]  # fmt: skip


@pytest.mark.parametrize(("made", "weights", "params"), READ, ids=lambda case: str(case)[:60])
def test_what_is_read_beside_data_is_counted(
    made: str, weights: dict[str, tuple[int, ...]], params: int, tmp_path: Path
) -> None:
    text = f"g (float[4, 8] x) => (y) <int64[1] k = {{3}}> {{ {made} }}"
    assert network(text, tmp_path, weights).params == params


def node(operator: str, inputs: str, outputs: str, **settings: Any) -> Any:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **settings)


def graph(nodes: list[Any], inputs: dict[str, Any], outputs: str, **stored: tuple[int, ...]) -> Any:
    given = [helper.make_tensor_value_info(one, TensorProto.FLOAT, shape) for one, shape in inputs.items()]
    made = [helper.make_empty_tensor_value_info(one) for one in outputs.split()]
    weights = [numpy_helper.from_array(np.full(shape, 2, np.float32), name) for name, shape in stored.items()]
    return helper.make_graph(nodes, "g", given, made, weights)


def saved(made: Any, folder: Path, functions: tuple[Any, ...] = ()) -> Network:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(made, opset_imports=opsets, functions=list(functions)).SerializeToString())
    return read(str(path))


def constant(name: str, values: Any) -> Any:
    return node("Constant", "", name, value=numpy_helper.from_array(np.array(values), name))


def test_tensors_of_one_name_in_two_graphs_are_two(tmp_path: Path) -> None:
    """Branches name their tensors for themselves: those of two Ifs that happen to have one name share nothing. A body
    that runs three times has its tensors once."""
    then = graph([node("Mul", "x w", "z")], {}, "z", w=(1, 8))
    other = graph([node("Neg", "x", "z")], {}, "z")
    again = graph([node("Mul", "a w", "z")], {}, "z", w=(1, 8))
    body = graph([node("Add", "v w", "o")], {"i": (), "c": (), "v": (1, 8)}, "c o", w=(1, 8))
    made = graph(
        [
            constant("yes", True),
            constant("three", np.int64(3)),
            node("If", "yes", "a", then_branch=then, else_branch=other),
            node("If", "yes", "b", then_branch=again, else_branch=other),
            node("Loop", "three yes b", "l", body=body),
            node("MatMul", "l w", "y"),
        ],
        {"x": (1, 8)},
        "y",
        w=(8, 8),
    )
    assert saved(made, tmp_path).params == 8 + 8 + 8 + 64


def test_a_tensor_in_an_attribute_that_its_operator_does_not_have_is_told(tmp_path: Path) -> None:
    more = {"hidden": helper.make_tensor("hidden", 1, [4, 5], [0.5] * 20)}
    node = helper.make_node("Relu", ["x"], ["y"], name="act", **more)
    ends = [helper.make_tensor_value_info(name, 1, (1, 8)) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "net", ends[:1], ends[1:]))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    net = read(str(tmp_path / "net.onnx"))
    assert net.params == 0
    assert net.notes == ("20 params are stored and never used: they are not counted (act/hidden/0)",)


def test_weights_of_long_names_that_begin_alike_are_two(tmp_path: Path) -> None:
    first, second = ("StatefulPartitionedCall/" * 5 + which for which in ("kernel_of_a", "kernel_of_b"))
    reads = (first, second, first, second)  # each in two products
    nodes = [node("MatMul", f"h{at} {name}", f"h{at + 1}") for at, name in enumerate(reads)]
    made = graph(nodes, {"h0": [1, 4]}, "h4", **{first: (4, 4), second: (4, 4)})
    assert saved(made, tmp_path).cost.params == 2 * 16


def test_functions_have_tensors_of_their_own(tmp_path: Path) -> None:
    """A constant within a function is one however often the function is called; another function's is another one."""
    opsets = [helper.make_opsetid("", 17)]

    def function(name: str) -> Any:
        table = numpy_helper.from_array(np.full((1, 8), 2, np.float32), "w")
        inner = [node("Constant", "", "w", value=table), node("Mul", "x w", "y")]
        return helper.make_function("local", name, ["x"], ["y"], inner, opsets)

    nodes = [
        node("One", "x", "a", domain="local"),
        node("One", "a", "b", domain="local"),
        node("Two", "b", "c", domain="local"),
        node("MatMul", "c w", "y"),
    ]
    made = graph(nodes, {"x": (1, 8)}, "y", w=(8, 8))
    assert saved(made, tmp_path, (function("One"), function("Two"))).params == 8 + 8 + 64


def test_a_loop_that_cannot_be_unrolled_keeps_what_it_stores(tmp_path: Path) -> None:
    """Its body's own tensors, those that the body reads from around it, and those of the graphs within the body."""
    deep = graph([node("Mul", "v u", "z")], {}, "z", u=(1, 8))
    flat = graph([node("Mul", "v outer", "z")], {}, "z")
    inner = [
        constant("s", np.full((1, 8), 3, np.float32)),
        node("MatMul", "v w", "m"),
        node("Add", "m s", "v2"),
        node("If", "c", "o", then_branch=deep, else_branch=flat),
    ]
    body = graph(inner, {"i": (), "c": (), "v": (1, 8)}, "c o", w=(8, 8))
    nodes = [
        constant("yes", True),
        node("ReduceSum", "x", "t"),
        node("Cast", "t", "count", to=7),
        node("Loop", "count yes x", "y", body=body),
    ]
    found = saved(graph(nodes, {"x": (1, 8)}, "y", outer=(1, 8), unread=(3, 3)), tmp_path)
    assert [(gap.name, gap.kind) for gap in found.uncounted] == [("loop", "Loop")]
    assert found.params == 64 + 8 + 8 + 8
    assert found["loop"].cost.params == 88


STATED = [  # what a state begins with, a bias of the scores, a buffer that is filled
    ("LSTM", "5x1x3 k1x16x3 k1x16x4 - - h1x1x4 h1x1x4", {"hidden_size": 4}, 48 + 64 + 4 + 4),
    ("LSTM", "5x1x3 k1x16x3 k1x16x4 - - z1x1x4 z1x1x4", {"hidden_size": 4}, 48 + 64),
    ("GRU", "5x1x3 k1x12x3 k1x12x4 - - h1x1x4", {"hidden_size": 4}, 36 + 48 + 4),
    ("Gemm", "1x10 k10x4 h4", {"beta": 0.0}, 40),
    ("BatchNormalization", "1x8x4x4 h8 h8 h8 k8", {}, 16),
    ("Resize", "1x3x4x4 - k4", {}, None),
    ("Clip", "1x3x4x4 k k", {}, 0),
]


@pytest.mark.parametrize(("operator", "words", "settings", "params"), STATED, ids=lambda case: str(case)[:50])
def test_what_is_no_weight_is_none(
    operator: str, words: str, settings: dict[str, Any], params: int | None, tmp_path: Path
) -> None:
    """Zeros that a state begins with, what is multiplied by 0, statistics, factors and bounds are no params."""
    names, stored, inputs = [], [], []
    for at, word in enumerate(words.split()):
        kind, shape = (word[0], word[1:]) if word[0] in "khz" else ("", word)
        sizes = tuple(map(int, shape.split("x"))) if shape and word != "-" else ()
        names.append("" if word == "-" else f"t{at}")
        if word == "-":
            continue
        if kind:
            values = np.full(sizes, {"k": 2, "h": 3, "z": 0}[kind], np.float32)
            values = np.array([1, 1, 2, 2], np.float32) if operator == "Resize" else values
            stored.append(numpy_helper.from_array(values, f"t{at}"))
        else:
            inputs.append(helper.make_tensor_value_info(f"t{at}", TensorProto.FLOAT, sizes))
    made = helper.make_graph(
        [helper.make_node(operator, names, ["y"], **settings)],
        "g",
        inputs,
        [helper.make_empty_tensor_value_info("y")],
        stored,
    )
    assert saved(made, tmp_path).params == (params or 0)


CASES = [("o_custom", 330), ("o_deform", 222), ("weight_times_stored_scale", 16_640)]


@pytest.mark.parametrize(("name", "params"), CASES)
def test_files_whose_weights_once_vanished(name: str, params: int) -> None:
    assert load(DATA / f"{name}.onnx").params == params


def test_a_limit_on_params_sees_those_of_what_is_uncounted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(DATA / "o_custom.onnx"), "--max", "params=329", "--allow-uncounted"]) == 1
    assert run(["check", str(DATA / "o_custom.onnx"), "--max", "params=330", "--allow-uncounted"]) == 0
    capsys.readouterr()


# what is made of a stored tensor w (64x16), and the params and the layers that are not counted
ALONE = [
    ("v = own.Q(w) y = Relu(x)", 1024, ["own.Q"]),
    ("v = own.Q(w) y = MatMul(x, v)", 1024, ["own.Q", "MatMul"]),
    ("v = NonZero(w) y = Relu(x)", 1024, ["NonZero"]),
    ("v = Unique(w) y = Relu(x)", 1024, ["Unique"]),
    ("t = Sin(w) v = own.Q(t) y = MatMul(x, v)", 1024, ["own.Q", "MatMul"]),
    ("v = Identity(w) y = Relu(x)", 1024, []),
    ("v = Sin(w) y = MatMul(x, v)", 1024, []),
    ("v = Cos(w) y = MatMul(x, v)", 1024, []),
    ("v = CumSum(w, k) y = MatMul(x, v)", 1024, []),
    ("v = Exp(w) y = MatMul(x, v)", 1024, []),
    ("v = ConstantOfShape <value = float[1] {1.0}> (size) y = MatMul(x, v)", 0, []),
]  # fmt: skip


@pytest.mark.parametrize(("made", "params", "gaps"), ALONE, ids=lambda case: str(case)[:40])
def test_what_is_made_of_stored_tensors_alone_does_not_vanish(
    made: str, params: int, gaps: list[str], tmp_path: Path
) -> None:
    """Nor does it where no count is known of what makes it, or where the graph gives it as an output."""
    used = {"w": (64, 16)} if "w" in made.replace("(", " ").replace(")", " ").replace(",", " ").split() else {}
    stored = "<int64 k = {0}, int64[2] size = {64, 16}>"
    found = network(f"g (float[1, 64] x) => (y, v) {stored} {{ {made} }}", tmp_path, used)
    assert (found.params, [gap.kind for gap in found.uncounted]) == (params, gaps)


def test_a_weight_that_is_an_output_counts(tmp_path: Path) -> None:
    found = network("g (float[1, 64] x) => (y, w) { y = Relu(x) }", tmp_path, {"w": (64, 16)})
    assert (found.params, found.uncounted) == (1024, ())


def test_a_table_that_is_spread_over_places_is_no_weight(tmp_path: Path) -> None:
    """Frequencies at each place, as a rotary embedding has them: 16 elements of 4 stored ones."""
    text = "g (float[1, 4] x) => (y) <float[4, 1] p = {0, 1, 2, 3}> { a = Mul(p, f) s = Sin(a) y = Mul(x, s) }"
    assert network(text, tmp_path, {"f": (1, 4)}).params == 0


@pytest.mark.parametrize("used", [True, False])
def test_a_sparse_constant_is_its_numbers(used: bool, tmp_path: Path) -> None:
    """Five of 64 x 4, as a sparse initializer has them; noted where nothing reads it."""
    values = numpy_helper.from_array(np.ones(5, np.float32), "values")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.arange(5), "at"), [64, 4])
    read_by = node("MatMul", "x w", "y") if used else node("Relu", "x", "y")
    made = graph([node("Constant", "", "w", sparse_value=sparse), read_by], {"x": (1, 64)}, "y")
    found = saved(made, tmp_path)
    assert (found.params, found.macs) == ((5, 256) if used else (0, 0))
    note = "5 params are stored and never used: they are not counted (w)"
    assert (note in found.notes) == (not used)


@pytest.mark.parametrize("nodes", [
    [node("EyeLike", "q", "e"), node("MatMul", "x e", "y")],
    [node("RandomNormalLike", "q", "e"), node("MatMul", "x e", "y")],
    [node("RandomUniformLike", "q", "e"), node("MatMul", "x e", "y")],
    [node("CastLike", "x q", "y")],
], ids=lambda nodes: nodes[0].op_type)  # fmt: skip
def test_what_only_gives_its_shape_or_its_type_is_never_used(nodes: list[Any], tmp_path: Path) -> None:
    made = graph(nodes, {"x": (1, 64)}, "y")
    made.initializer.append(numpy_helper.from_array(np.ones((64, 64), np.float32), "q"))
    found = saved(made, tmp_path)
    assert "4,096 params are stored and never used: they are not counted (q)" in found.notes
    assert found.params == 0


def test_what_is_cast_is_used(tmp_path: Path) -> None:
    made = graph([node("CastLike", "q x", "e"), node("MatMul", "x e", "y")], {"x": (1, 64)}, "y")
    made.initializer.append(numpy_helper.from_array(np.ones((64, 64), np.float32), "q"))
    found = saved(made, tmp_path)
    assert (found.params, found.macs, found.notes) == (4096, 4096, ())


def test_statistics_of_a_norm_of_stored_tensors_are_buffers(tmp_path: Path) -> None:
    """48 elements, 8 + 8 of gain and bias, 8 + 8 of statistics."""
    made = [node("BatchNormalization", "p g b m v", "c"), node("Add", "x c", "y")]
    found = saved(graph(made, {"x": (1, 6, 8)}, "y", p=(6, 8), g=(8,), b=(8,), m=(8,), v=(8,)), tmp_path)
    assert (found.params, found.cost.buffers) == (64, 16)


# attention of ONNX Runtime's own with something stored: its inputs (a star: stored), what it stores; 2 heads of 4, six
# positions of eight: 2·2·6·n·4 macs of n keys
LEARNED = [
    ("MultiHeadAttention", "1x6x8* 1x6x8 1x6x8", 48, 6),
    ("MultiHeadAttention", "1x6x8* 1x6x8 1x6x8 24*", 48 + 24, 6),
    ("MultiHeadAttention", "1x6x8 1x5x8* 1x5x8*", 80, 5),
    ("MultiHeadAttention", "1x6x8 1x6x8 1x6x8 - - - 1x2x3x4* 1x2x3x4*", 48, 9),
    ("MultiHeadAttention", "1x6x8 1x6x8 1x6x8 - - - 1x2x3x4z 1x2x3x4z", 0, 9),
    ("com.microsoft.Attention", "1x6x8 8x24* 24* - 2x1x2x3x4*", 8 * 24 + 24 + 48, 9),
]


@pytest.mark.parametrize(("operator", "words", "params", "keys"), LEARNED)
def test_attention_takes_stored_queries_keys_and_caches(
    operator: str, words: str, params: int, keys: int, tmp_path: Path
) -> None:
    inputs, stored, names = [], [], []
    for at, word in enumerate(words.split()):
        names.append("" if word == "-" else f"t{at}")
        if word == "-":
            continue
        sizes = tuple(map(int, word.rstrip("*z").split("x")))
        if word[-1] in "*z":
            stored.append(numpy_helper.from_array(np.full(sizes, word[-1] == "*", np.float32), f"t{at}"))
        else:
            inputs.append(helper.make_tensor_value_info(f"t{at}", TensorProto.FLOAT, sizes))
    name = operator.removeprefix("com.microsoft.")
    gives = ["y", "k", "v"] if len(names) > 4 and name == "MultiHeadAttention" else ["y", "p"][: len(names) - 3]
    one = helper.make_node(name, names, gives if len(names) > 4 else ["y"], domain="com.microsoft", num_heads=2)
    outputs = [helper.make_empty_tensor_value_info("y")]
    made = saved(helper.make_graph([one], "g", inputs, outputs, stored), tmp_path)
    projection = 6 * 8 * 24 if "8x24*" in words else 0
    assert (made.complete, made.params, made.macs) == (True, params, projection + 2 * 2 * 6 * keys * 4)
