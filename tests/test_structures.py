"""Networks whose layers have other names, matched by what their layers are, and what a conversion changed."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from gating import Run
from hypothesis import given
from hypothesis import strategies as st

import sepcalc
from sepcalc.commands.diff import Difference
from sepcalc.gate.conversions import Conversion
from sepcalc.gate.structures import alike, match
from sepcalc.gate.works import INPUT, Key, Work, placed

DATA = Path(__file__).parent / "data"
TFLITE, ONNX = DATA / "tflite", DATA / "onnx"
Plan = list[tuple[int, Key, tuple[int, ...]]]


def conversion(found: Difference) -> Conversion:
    assert found.conversion is not None
    return found.conversion


# --- the matcher ------------------------------------------------------------------------------------------------------


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Works that read some of those before them. They are of few sorts, so that many are equal."""
    plan: Plan = []
    for at in range(draw(st.integers(0, 9))):
        family = draw(st.sampled_from(["conv", "product", "pool"]))
        macs = draw(st.integers(1, 2)) * 10 if family != "pool" else 0
        reads = draw(st.sets(st.integers(INPUT, at - 1), min_size=1, max_size=2))
        plan.append((at, (family, (), 1, macs, (draw(st.integers(1, 2)),)), tuple(sorted(reads))))
    return plan


def both(old: Plan, new: Plan) -> tuple[list[Work], list[Work]]:
    known: dict = {}  # type: ignore[type-arg]
    return placed(old, known), placed(new, known)


@given(plans(), plans())
def test_exchanged_networks_match_the_same_way(old: Plan, new: Plan) -> None:
    there, back = match(*both(old, new)), match(*both(new, old))
    assert sorted((o, n) for n, o in back.pairs) == there.pairs
    assert sorted((o, n) for n, o in back.groups) == sorted(there.groups)
    assert there.wired == back.wired


@given(plans(), plans())
def test_no_work_matches_twice(old: Plan, new: Plan) -> None:
    found = match(*both(old, new))
    for side, plan in enumerate((old, new)):
        taken = [pair[side] for pair in found.pairs] + [at for group in found.groups for at in group[side]]
        assert len(taken) == len({*taken})
        assert {*taken} <= {*range(len(plan))}


@given(plans(), st.data())
def test_a_network_matches_itself_whole_in_any_order_that_runs(plan: Plan, data: st.DataObject) -> None:
    order, left = list[int](), {*range(len(plan))}
    while left:
        ready = sorted(at for at in left if {*plan[at][2]} <= {INPUT, *order})
        order.append(data.draw(st.sampled_from(ready)))
        left.remove(order[-1])
    at = {INPUT: INPUT, **{old: new for new, old in enumerate(order)}}
    moved = [(new, plan[old][1], tuple(at[read] for read in plan[old][2])) for new, old in enumerate(order)]
    found = match(*both(plan, moved))
    assert found.wired
    assert not found.groups
    assert [plan[old][1] for old, _ in found.pairs] == [moved[new][1] for _, new in found.pairs]
    assert len(found.pairs) == len(plan)


CONV = ("conv", ((3, 1, 1),), 1, 10, (8,))


def test_what_reads_something_else_is_wired_otherwise() -> None:
    chain: Plan = [(0, CONV, (INPUT,)), (1, CONV, (0,))]
    branches: Plan = [(0, CONV, (INPUT,)), (1, CONV, (INPUT,))]
    found = match(*both(chain, branches))
    assert found.pairs == [(0, 0), (1, 1)]
    assert not found.wired


def test_three_projections_match_the_one_that_does_the_same() -> None:
    def dense(macs: int) -> Key:
        return ("conv", (), 1, macs, (macs,))

    apart: Plan = [(0, dense(8), (INPUT,)), (1, dense(8), (INPUT,)), (2, dense(8), (INPUT,)), (3, dense(5), (0, 1, 2))]
    together: Plan = [(0, dense(24), (INPUT,)), (1, dense(5), (0,))]
    found = match(*both(apart, together))
    assert found.groups == [([0, 1, 2], [0])]
    assert found.pairs == [(3, 1)]
    assert found.wired


def test_a_wider_layer_matches_by_its_place() -> None:
    wide = ("conv", ((3, 1, 1),), 1, 20, (16,))
    old: Plan = [(0, CONV, (INPUT,)), (1, CONV, (0,)), (2, ("pool", (), "avg", 0, (8,)), (1,))]
    new: Plan = [(0, CONV, (INPUT,)), (1, wide, (0,)), (2, ("pool", (), "avg", 0, (16,)), (1,))]
    assert match(*both(old, new)).pairs == [(0, 0), (1, 1), (2, 2)]


def test_attention_is_the_two_products_that_other_files_write() -> None:
    # 6 queries and keys of 8 numbers in 2 heads: 2·6·6·4 = 288 macs, twice
    fused = sepcalc.load("6x8, attention --heads 2, dense -o5")
    found = alike(fused, fused)
    assert found.rows == ([0, 1], [0, 1])
    assert found.macs_equal
    assert fused.layers[0].cost.macs == 576


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("7x7x8, pool avg global, dense -o5", "7x7x8, pool avg -k7, flatten, dense -o5"),
        ("7x7x8, pool avg -k7, flatten, dense -o5", "7x7x8, pool avg --to 1x1, flatten, dense -o5"),
        ("8x8x4, pool max -k2", "8x8x4, pool max --to 4x4"),
        ("4x4x8, flatten, dense -o5", "4x4x8, conv -k4 -o5"),
        ("9x4, conv -k3 -o5", "1x9x4, conv -k1x3 -o5"),
        ("6x6x4, pointwise -o5, pool max --to 6x6", "6x6x4, dense -o5"),
        ("6x6x4, conv -k3 -o4 -g4", "6x6x4, depthwise -k3"),
    ],
)
def test_one_work_in_two_ways_of_writing_it(line: str, other: str) -> None:
    found = alike(sepcalc.load(line), sepcalc.load(other))
    assert found.macs_equal
    assert found.wired
    assert found.equal


# --- what a conversion changed ----------------------------------------------------------------------------------------


def keras(tmp_path: Path, name: str) -> Path:
    with ZipFile(DATA / "keras" / "applications.zip") as files:
        (member,) = [member for member in files.namelist() if Path(member).name == f"{name}.json"]
        (tmp_path / f"{name}.json").write_bytes(files.read(member))
    return tmp_path / f"{name}.json"


def test_keras_and_what_became_of_it_in_tflite(tmp_path: Path) -> None:
    found = sepcalc.diff(keras(tmp_path, "MobileNet"), TFLITE / "mobilenet_100_224.float.tflite")
    # MobileNet's norms (Table 1 of arXiv:1704.04861) have 32 + (32 + 64) + (64 + 128) + (128 + 128) + (128 + 256) +
    # (256 + 256) + (256 + 512) + 5·(512 + 512) + (512 + 1024) + (1024 + 1024) = 10,944 channels: a scale and a
    # shift for each, which become a bias. The biases are equal where their sizes are: 32 + 64 + 128 + 256 + 512 +
    # 1024 = 2,016 numbers are stored, 8,928 fewer. The file's own count, by truth.json: 4,212,104.
    assert conversion(found).told() == [
        (
            "The layers are matched by what they are and what they read: of the 29 layers that do work, 0 have a name "
            "of the other network. What lies between them is compared in sums."
        ),
        "Same network: all 29 layers that do work have equal macs, and each difference in params is explained.",
        "Norms folded: 27 norms are in the layer before in the new network, 21,888 params and 21,888 buffers fewer.",
        "Biases added: in 27 layers; 27 for the shift of a norm; 4 all zero in the file; 10,944 params more.",
        "Merged: equal biases, scales and shifts are stored once in the new network, 8,928 params fewer.",
        "Activations fused into the layer before: 0 -> 27.",
        "Pads that are separate layers, not padding of the next layer: 4 -> 0.",
    ]
    assert found.old.totals["params"] - 21_888 + 10_944 - 8_928 == found.new.totals["params"] == 4_212_104
    assert found.notes[:7] == conversion(found).told()
    assert len(found.pairs) == 29


def test_a_float_model_and_its_quantized_form() -> None:
    found = sepcalc.diff(TFLITE / "ds_cnn.float.tflite", TFLITE / "ds_cnn.int8.tflite")
    # 9 convolutions have a bias of 64 zeros: one in the float file, 9 in the other, where each has a scale of its own
    assert conversion(found).told() == [
        "Same network: all 11 layers that do work have equal macs, and each difference in params is explained.",
        "Merged: equal biases, scales and shifts are stored once in the old network, 512 params more.",
        "Activations fused into the layer before: 9 -> 10.",
        "Output elements of most layers: 32 bits -> 8 bits.",
        "Mean width of stored numbers: 32 bits -> 9 bits.",
    ]
    assert not conversion(found).structural
    assert found.new.totals["params"] - found.old.totals["params"] == 512


def test_a_published_network_and_its_export() -> None:
    found = sepcalc.diff(ONNX / "mobilenet_v2.onnx", "zoo:mobilenet_v2")
    # 52 norms of 17,056 channels; the export's weights were random, so that their shifts are zero and left out
    assert conversion(found).told()[1:] == [
        "Same network: all 54 layers that do work have equal macs, and each difference in params is explained.",
        (
            "Norms folded: 52 norms are in the layer before in the old network, 34,112 params and 34,112 buffers more "
            "(52 of these layers have no bias there, so the shift is zero, or gone)."
        ),
        "Biases added: in 1 layer; 1,000 params more.",
    ]
    assert found.new.totals["params"] == found.old.totals["params"] + 34_112 + 1_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ONNX / "mobilenet_v2.onnx", ONNX / "mobilenet_v2.torchscript.onnx"),
        ("zoo:mobilenet_v1", TFLITE / "mobilenet_100_224.float.tflite"),
        (TFLITE / "mobilenet_100_224.float.tflite", "zoo:mobilenet_v1"),
        (TFLITE / "unet.float.tflite", TFLITE / "unet.int8.tflite"),
        (TFLITE / "mha.int8.tflite", TFLITE / "mha.float.tflite"),
        (TFLITE / "conv1d.float.tflite", TFLITE / "conv1d.int8.tflite"),
        (ONNX / "mobilenet_v3_small.onnx", "zoo:mobilenet_v3_small"),
    ],
)
def test_one_network_in_two_files_is_called_the_same(old: str | Path, new: str | Path) -> None:
    found = sepcalc.diff(old, new)
    assert conversion(found).same
    one, other = conversion(found).old, conversion(found).new
    explained = other.account.more - one.account.more
    assert found.new.totals["params"] - found.old.totals["params"] == explained


FOLDED = "10x10x3, conv -k3 -o8 --bias, act relu, pool avg global, dense -o5"
EXPLAINED = [  # two ways to write one network, and how the difference is told
    # 8 channels: a scale and a shift of 8 each in place of 16 params and 16 buffers
    (
        "10x10x3, conv -k3 -o8, norm batch, act relu, pool avg global, dense -o5",
        "10x10x3, conv -k3 -o8, scale channel, shift channel, act relu, pool avg global, dense -o5",
        [
            (
                "Norms spelled out: 1 norm is a scale and a shift in the new network, 16 params in place of 16 params "
                "and 16 buffers."
            )
        ],
    ),
    # the scale is in the kernel, and the shift is the bias
    (
        "10x10x3, conv -k3 -o8, scale channel, shift channel, act relu, pool avg global, dense -o5",
        FOLDED,
        [
            "Scales folded: 1 scale with its shift is in the layer before in the new network, 16 params fewer.",
            "Biases added: in 1 layer; 1 for the shift of a norm; 8 params more.",
        ],
    ),
    # the norm's scale is in the kernel, its shift stands apart
    (
        "10x10x3, conv -k3 -o8, norm batch, act relu, pool avg global, dense -o5",
        "10x10x3, conv -k3 -o8, shift channel, act relu, pool avg global, dense -o5",
        [
            "Norms folded: 1 norm is in the layer before in the new network, 16 params and 16 buffers fewer.",
            "Biases added: in 1 layer; 1 for the shift of a norm; 8 params more.",
        ],
    ),
]


def imported(line: str) -> sepcalc.Network:
    """A network as a file would give it."""
    network = sepcalc.load(line)
    return sepcalc.Network("file", network.inputs, network.nodes)


@pytest.mark.parametrize(("old", "new", "told"), EXPLAINED)
def test_a_norm_in_several_ways_of_writing_it(old: str, new: str, told: list[str]) -> None:
    for before, after in ((old, new), (new, old)):
        found = sepcalc.diff(imported(before), after)
        assert conversion(found).same
        sides = conversion(found).new.account.more - conversion(found).old.account.more
        assert found.new.totals["params"] - found.old.totals["params"] == sides
    assert conversion(sepcalc.diff(imported(old), new)).told()[1:] == told


RESIDUAL = """
input: 10x10x8
layers:
  - residual: [{BODY}]
  - {AFTER}
  - act relu
"""


def test_a_shift_behind_the_sum_of_two_branches(tmp_path: Path) -> None:
    paths = [tmp_path / "old.yaml", tmp_path / "new.yaml"]
    paths[0].write_text(RESIDUAL.replace("{BODY}", "conv -k3 -o8 -p1, norm batch").replace("{AFTER}", "identity"))
    paths[1].write_text(RESIDUAL.replace("{BODY}", "conv -k3 -o8 -p1").replace("{AFTER}", "shift channel"))
    network = sepcalc.load(paths[0])
    found = sepcalc.diff(sepcalc.Network("file", network.inputs, network.nodes), paths[1])
    assert conversion(found).told() == [
        "Same network: all 1 layer that do work have equal macs, and each difference in params is explained.",
        "Norms folded: 1 norm is in the layer before in the new network, 16 params and 16 buffers fewer.",
        "Biases added: in 1 layer; 1 for the shift of a norm; 8 params more.",
    ]


STEPS = """
input: 2x3
layers:
  - {slice: {to: 1x3}, name: x0}
  - {dense: {out: 4}, name: w0}
  - {constant: {to: 1x4}, name: h0}
  - {dense: {out: 4}, name: u0}
  - {add: [], from: [w0, u0], name: sum0}
  - {shift: {shape: 4}, name: b0}
  - {act: tanh, name: h1}
  - {slice: {to: 1x3, start: 1x0}, from: input, name: x1}
  - {dense: {out: 4, weights: w0}, name: w1}
  - {dense: {out: 4, weights: u0}, from: h1, name: u1}
  - {add: [], from: [w1, u1], name: sum1}
  - {shift: {shape: 4, weights: b0}, name: b1}
  - {act: tanh, name: h2}
  - flatten
  - {dense: {out: 5}, name: head}
"""


def test_a_recurrent_layer_is_its_steps_written_out(tmp_path: Path) -> None:
    (tmp_path / "steps.yaml").write_text(STEPS)
    cell, steps = imported("2x3, rnn -o4 --bias --last, dense -o5"), tmp_path / "steps.yaml"
    # 2 steps of 3 inputs and 4 hidden units: 4·(3 + 4) macs each; 28 weights and 4 biases for both
    assert cell.cost.macs == 2 * 28 + 20
    found = sepcalc.diff(cell, steps)
    assert (found.old.totals["params"], found.new.totals["params"]) == (32 + 20, 32 + 20)
    assert conversion(found).told()[1:] == [
        "Same network: all 2 layers that do work have equal macs, and each difference in params is explained.",
        "Biases left out: in 1 layer; 4 params fewer.",
        "Biases that are separate sums in the new network: 4 params.",
    ]
    (tmp_path / "steps.yaml").write_text(STEPS.replace(", weights: u0", ""))  # each step has its own weights
    assert not conversion(sepcalc.diff(cell, steps)).same


def test_weights_that_one_file_has_twice(tmp_path: Path) -> None:
    line = "6, dense -o6, act relu, dense -o6"
    (tmp_path / "shared.yaml").write_text(
        "input: 6\nlayers: [{dense: {out: 6}, name: a}, act relu, {dense: {out: 6, weights: a}, name: b}]\n"
    )
    found = sepcalc.diff(tmp_path / "shared.yaml", imported(line))
    assert conversion(found).told() == [
        "Same network: all 2 layers that do work have equal macs, and each difference in params is explained.",
        "Shared weights: 1 layer reads weights of another in the old network, and not in the new one, 36 params more.",
    ]


def torch_net(act: str = "relu", more: bool = False) -> sepcalc.Network:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    layers = [nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), {"relu": nn.ReLU(), "prelu": nn.PReLU(8)}[act]]
    layers += [nn.Conv2d(8, 8, 3, padding=1)] if more else []
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)]
    network: sepcalc.Network = sepcalc.from_torch(nn.Sequential(*layers).eval(), torch.ones(1, 3, 10, 10))
    return network


YAML = "10x10x3, conv -k3 -o8 --bias, {act}, pool avg global, dense -o5 --bias"


def test_a_pytorch_module_and_a_line_of_its_own() -> None:
    found = sepcalc.diff(torch_net(), YAML.format(act="act relu"))
    # 8 channels: the norm has 16 params and 16 buffers, the bias 8
    assert conversion(found).told()[-3:] == [
        "Same network: all 3 layers that do work have equal macs, and each difference in params is explained.",
        "Norms folded: 1 norm is in the layer before in the new network, 16 params and 16 buffers fewer.",
        "Biases added: in 1 layer; 1 for the shift of a norm; 8 params more.",
    ]


def test_params_that_no_format_explains_are_another_network() -> None:
    found = sepcalc.diff(torch_net("prelu"), YAML.format(act="act prelu --shared"))
    # one slope for 8 channels in place of 8
    assert not conversion(found).same
    assert conversion(found).unexplained == 7
    told = "Not the same network: all 3 layers that do work have equal macs, but no change of format explains 7 params."
    assert told in conversion(found).told()


def test_a_layer_more_is_another_network_and_hides_no_growth() -> None:
    line = YAML.format(act="act relu")
    found = sepcalc.diff(line, torch_net(more=True), max_increase={"macs": "50%"})
    assert found.conversion is None or not found.conversion.same
    # 8·8·8·27 macs of the first convolution, and 8·8·8·72 of the second
    assert found.new.totals["macs"] - found.old.totals["macs"] == 36_864
    assert not found.passed


def test_layers_of_two_written_networks_go_by_their_names() -> None:
    assert sepcalc.diff("zoo:mobilenet_v1", "zoo:mobilenet_v2").conversion is None
    assert sepcalc.diff(ONNX / "resnet18.onnx", ONNX / "resnet18.onnx").conversion is None


def test_the_reports_tell_it(gate: Run) -> None:
    paths = ("zoo:mobilenet_v1", str(TFLITE / "mobilenet_100_224.float.tflite"))
    table = gate("diff", *paths)[1]
    assert "Between the layers that do work\n" in table
    assert "  Same network: all 29 layers that do work have equal macs" in table
    found = json.loads(gate("diff", *paths, "--format", "json")[1])
    told = found["conversion"]
    assert (told["matched_by"], told["same_network"], told["equal"], told["unexplained_params"]) == (
        "structure",
        True,
        29,
        0,
    )
    assert (told["old"]["folded_norms"], told["old"]["folded_params"], told["new"]["biases"]) == (27, 21_888, 27)
    assert [kind["old"]["layers"] for kind in told["between"] if kind["kind"] == "norm batch"] == [27]
    change = sum(layer["change"]["params"] for layer in found["layers"])
    change += sum(kind["new"]["params"] - kind["old"]["params"] for kind in told["between"])
    assert change == found["totals"][[total["metric"] for total in found["totals"]].index("params")]["change"]
    junit = gate("diff", *paths, "--format", "junit")[1]
    assert "Same network: all 29 layers" in junit
