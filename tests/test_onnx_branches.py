"""An If whose branch depends on the data, and what a file stores that nothing uses. Counts are worked out by hand."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from gating import Run
from graphs import FLOAT, INT64, graph, ints, node, refusal, saved, weight
from onnx import TensorProto, helper, numpy_helper

import sepcalc
from sepcalc.importers import Request
from sepcalc.importers.onnx import read
from sepcalc.layer import SUMS
from sepcalc.network import Network
from sepcalc.verification import verify

FAULTS = Path(__file__).parent / "data" / "faults"
REAL = Path(__file__).parent / "data" / "onnx"
CHOSEN = "{}: its branch depends on the data; {}, which costs most, is counted"
LARGER = "another branch may run and cost more, in total {}: limits apply to these totals"
YES = numpy_helper.from_array(np.bool_(True), "c")


def constant(name: str, *shape: int) -> Any:
    return helper.make_node("Constant", [], [name], value=weight(name, *shape))


def either(then: list[Any], other: list[Any], name: str = "if", out: str = "y", asks: str = "c") -> Any:
    """An If whose branches give z; of an own initializer, too, where a tensor stands among their nodes."""
    graphs = []
    for which, parts in (("then", then), ("else", other)):
        nodes = [one for one in parts if hasattr(one, "op_type")]
        stored = [one for one in parts if not hasattr(one, "op_type")]
        made = [helper.make_empty_tensor_value_info("z")]
        graphs.append(helper.make_graph(nodes, which, [], made, stored))
    return helper.make_node("If", [asks], [out], name, then_branch=graphs[0], else_branch=graphs[1])


def asked(folder: Path, one: Any, *stored: Any, x: tuple[int, ...] = (1, 8), more: tuple[Any, ...] = ()) -> str:
    """A file of this node, on x, whose condition c is an input unless it is stored."""
    made = graph([one, *more], {"x": x}, "y", stored)
    if not any(tensor.name == "c" for tensor in stored):
        made.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    return saved(folder, made)


# --- which branch counts ----------------------------------------------------------------------------------------------


def test_weights_of_the_other_branch_count_in_the_ifs_own_row(gate: Run) -> None:
    """A product of 64 x 8, or a table of 4000 x 8: the file stores both."""
    look = node("Gather", "table id", "z", axis=0)
    made = graph(
        [either([node("MatMul", "x w", "z")], [look])],
        {"x": (1, 64)},
        "y",
        (weight("w", 64, 8), weight("table", 4000, 8)),
    )
    made.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    made.input.append(helper.make_tensor_value_info("id", INT64, (1, 1)))
    path = Path(saved(Path.cwd(), made)).name
    network = read(path)
    assert (network.macs, network.params, network.param_bytes) == (512, 32_512, 4 * 32_512)
    assert [(layer.name, layer.kind, layer.cost.params) for layer in network.layers] == [
        ("if/matmul", "dense", 512),
        ("if", "constant", 32_000),
    ]
    assert gate("check", path, "--max", "params=32511")[0] == 1
    assert gate("check", path, "--max", "params=32512")[0] == 0
    assert verify(network).ok
    assert gate("convert", path, "-o", "net.yaml")[0] == 0
    assert sepcalc.load("net.yaml").cost == network.cost


def test_what_both_branches_use_counts_once(tmp_path: Path) -> None:
    twice = [node("MatMul", "x w", "a"), node("MatMul", "a w", "z")]
    network = read(asked(tmp_path, either([node("MatMul", "x w", "z")], twice), weight("w", 8, 8)))
    assert (network.macs, network.params, [layer.name for layer in network.layers]) == (
        128, 64, ["if/matmul", "if/matmul[1]"],
    )  # fmt: skip
    then = [node("MatMul", "x v", "a"), node("Mul", "a g", "z")]
    after = (node("Add", "t v2", "y"),)
    stored = (weight("w", 8, 8), weight("v", 8, 8), weight("g", 8), weight("v2", 8))
    network = read(asked(tmp_path, either(twice, then, out="t"), *stored, more=after))
    assert [(layer.name, layer.cost.params) for layer in network.layers] == [
        ("if/matmul", 64), ("if/matmul[1]", 0), ("if", 64 + 8), ("add", 8),
    ]  # fmt: skip


@pytest.mark.parametrize("inside", ["initializer", "constant"])
def test_branches_may_store_under_one_name(inside: str, tmp_path: Path) -> None:
    stored = [[constant("k", 8, size)] if inside == "constant" else [weight("k", 8, size)] for size in (4, 6)]
    branches = [[*one, node("MatMul", "x k", "a"), node("ReduceSum", "a", "z", keepdims=0)] for one in stored]
    network = read(asked(tmp_path, either(*branches)))
    assert (network.macs, network.params) == (48, 48 + 32)
    assert {layer.name: layer.cost.params for layer in network.layers}["if"] == 32


def compares(count: int, out: str = "z") -> list[Any]:
    """16 compares each: both ends of 8."""
    names = ["x", *[f"{out}{at}" for at in range(count - 1)], out]
    return [node("Clip", f"{before} low high", after) for before, after in pairwise(names)]


BOUNDS = (numpy_helper.from_array(np.float32(-1), "low"), numpy_helper.from_array(np.float32(1), "high"))


def test_where_the_other_branch_has_more_of_something_limits_are_held_against_that(gate: Run) -> None:
    """64 macs, or 32 compares on 2 · 8 elements written."""
    path = Path(asked(Path.cwd(), either([node("MatMul", "x w", "z")], compares(2)), weight("w", 8, 8), *BOUNDS)).name
    network = read(path)
    more = LARGER.format("compares 32, activations 16")
    assert (network.macs, network.cost.compares, network.cost.activations) == (64, 0, 8)
    assert network.most == {"compares": 32, "activations": 16}
    assert network.notes == (CHOSEN.format("if", "then"), more)
    assert gate("check", path, "--max", "compares=32")[0] == 0
    code, out, _ = gate("check", path, "--max", "compares=31", "--max", "macs=64")
    assert code == 1
    assert "compares 32 > 31, over by 1, 3.2 %\n" in out
    assert f"  note: {more}\n" in out
    assert "heaviest: if/clip 16 (50.0 %), if/clip[1] 16 (50.0 %)\n" in out
    document = json.loads(gate("diff", path, path, "--format", "json")[1])
    assert document["new"]["most"] == network.most
    Path("small").mkdir()
    small = asked(Path("small"), either([node("MatMul", "x w", "z")], compares(1)), weight("w", 8, 8), *BOUNDS)
    assert gate("diff", small, path, "--max-increase", "compares=99%")[0] == 1
    assert gate("diff", small, path, "--max-increase", "compares=100%")[0] == 0
    assert gate("baseline", small, "-o", "kept.json")[0] == 0
    kept = json.loads(Path("kept.json").read_text())
    assert kept["networks"][0]["most"] == {"compares": 16}
    kept["networks"][0]["file"] = path
    Path("kept.json").write_text(json.dumps(kept))
    held = ("check", path, "--baseline", "kept.json", "--max-increase")
    assert gate(*held, "compares=99%")[0] == 1
    assert gate(*held, "compares=100%")[0] == 0
    for wrong in (
        {},
        {"compares": 17},
        {"compares": 16, "macs": 65},
        {"compares": 0},
        {"hats": 3},
        [],
        {"compares": "16"},
    ):
        kept["networks"][0]["most"] = wrong
        Path("kept.json").write_text(json.dumps(kept))
        assert gate(*held, "compares=100%")[0] == 2


def test_what_is_laid_out_may_not_grow_behind_a_larger_branch(gate: Run) -> None:
    """8 elements written, or 24; then 16, or 24."""
    paths = []
    for at, then in enumerate(([node("MatMul", "x w", "z")], [node("MatMul", "x w", "a"), node("Relu", "a", "z")])):
        Path(str(at)).mkdir()
        paths.append(asked(Path(str(at)), either(then, compares(3)), weight("w", 8, 8), *BOUNDS))
        assert read(paths[-1]).most["activations"] == 24
    for most, code in (("activations=99%", 1), ("activations=100%", 0)):
        assert gate("diff", *paths, "--max-increase", most)[0] == code


@pytest.mark.parametrize(
    "wrong",
    [
        None, {}, [{}], [{"name": 1, "taken": [], "inner": [], "others": []}], "name", "taken", "inner", "others",
        "layers", "choices",
    ],
)  # fmt: skip
def test_choices_of_a_baseline_are_as_they_were_written(wrong: Any, gate: Run) -> None:
    path = Path(scoped(Path.cwd())).name
    assert gate("baseline", path, "-o", "kept.json")[0] == 0
    held = ("check", path, "--baseline", "kept.json", "--max-increase", "0%")
    assert gate(*held)[0] == 0
    kept = json.loads(Path("kept.json").read_text())
    (choice,) = kept["networks"][0]["choices"]
    assert (choice["name"], choice["taken"], choice["inner"]) == ("if", ["if/matmul"], [])
    assert [layer["name"] for layer in choice["others"][0]["layers"]] == ["if/clip", "if/clip[1]"]
    if isinstance(wrong, str):
        (choice if wrong in choice else choice["others"][0])[wrong] = 3
    else:
        kept["networks"][0]["choices"] = wrong
    Path("kept.json").write_text(json.dumps(kept))
    code, _, err = gate(*held)
    assert code == 2
    assert err.startswith("kept.json: the baseline is not as sepcalc wrote it: ")


def test_a_branch_in_a_branch_that_is_not_laid_out_counts_for_limits(tmp_path: Path) -> None:
    inner = either(compares(1), compares(3), "inner", "z")
    network = read(asked(tmp_path, either([node("MatMul", "x w", "z")], [inner]), weight("w", 8, 8), *BOUNDS))
    assert network.most["compares"] == 48
    assert network.notes[0] == CHOSEN.format("if", "then")  # and nothing of what is in the other
    both = read(
        asked(
            tmp_path, either([node("MatMul", "x w", "a"), node("Relu", "a", "z")], [inner]), weight("w", 8, 8), *BOUNDS
        )
    )
    assert (both.cost.compares, both.most["compares"]) == (8, 48)


def test_the_peak_of_the_other_branch_is_held_too(tmp_path: Path) -> None:
    """A product on 8 numbers, or a sum over 100 x 8 of them: 3,200 bytes beside 32, and 4 of the sum at the end."""
    wide = [node("Expand", "x to", "a"), node("ReduceSum", "a", "z", keepdims=0)]
    small = [node("MatMul", "x w", "a"), node("ReduceSum", "a", "z", keepdims=0)]
    network = read(asked(tmp_path, either(small, wide), weight("w", 8, 8), ints("to", 100, 8)))
    assert (network.macs, network.peak_memory()) == (64, 64)
    assert network.most["peak_memory"] == 4 * (8 + 800)
    assert network.most["adds"] == 799


def scoped(folder: Path) -> str:
    """A product of 64 macs and 8 elements beside 32 compares of 16 elements, and 8 compares after it."""
    one = either([node("MatMul", "x w", "z")], compares(2), out="t")
    return asked(folder, one, weight("w", 8, 8), *BOUNDS, more=(node("Relu", "t", "y"),))


@pytest.mark.parametrize(
    ("scope", "compares", "activations"),
    [
        ("if", 32, 8),  # the row itself, and what the other branch has more
        ("if*", 32, 16),
        ("if/*", 32, 16),
        ("*", 40, 24),
        ("if/clip", 16, 8),  # in the other branch alone
        ("if/clip*", 32, 16),
        ("if/matmul", 0, 8),
        ("relu", 8, 8),
    ],
)
def test_limits_of_some_layers_are_held_against_the_larger_branch(
    scope: str, compares: int, activations: int, gate: Run
) -> None:
    path = Path(scoped(Path.cwd())).name
    for metric, most in (("compares", compares), ("activations", activations)):
        table = f'[[tool.sepcalc.check]]\npath = "{path}"\nlayers = {{"{scope}" = {{{metric} = MOST}}}}\n'
        Path("pyproject.toml").write_text(table.replace("MOST", str(most)))
        assert gate("check")[0] == 0
        if most:
            Path("pyproject.toml").write_text(table.replace("MOST", str(most - 1)))
            assert gate("check")[0] == 1


def test_every_layer_of_either_branch_is_held_by_itself(gate: Run) -> None:
    path = Path(scoped(Path.cwd())).name
    table = f'[[tool.sepcalc.check]]\npath = "{path}"\nlayers = {{"if/*" = {{compares = MOST, each = true}}}}\n'
    Path("pyproject.toml").write_text(table.replace("MOST", "16"))
    assert gate("check")[0] == 0
    Path("pyproject.toml").write_text(table.replace("MOST", "15"))
    code, out, _ = gate("check")
    assert code == 1
    assert out.count("compares of if/clip") == 2 * 2  # in the table, and beneath


def test_params_of_the_other_branch_are_held_where_their_row_is_not_meant(gate: Run) -> None:
    """The table of 4000 x 8 counts in the row of the If; a limit on the layers of that name finds it there, too."""
    made = graph(
        [either([node("MatMul", "x w", "z")], [node("MatMul", "x v", "a"), node("ReduceSum", "a", "z", keepdims=0)])],
        {"x": (1, 64)},
        "y",
        (weight("w", 64, 8), weight("v", 64, 7)),
    )
    made.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    path = Path(saved(Path.cwd(), made)).name
    for scope, params in (("if", 448), ("if*", 512 + 448), ("if/*", 512), ("if/matmul*", 512), ("*", 960)):
        table = f'[[tool.sepcalc.check]]\npath = "{path}"\nlayers = {{"{scope}" = {{params = MOST}}}}\n'
        for most, code in ((params, 0), (params - 1, 1)):
            Path("pyproject.toml").write_text(table.replace("MOST", str(most)))
            assert gate("check")[0] == code, scope


def test_choices_add_up_as_the_file_laid_out_otherwise(tmp_path: Path) -> None:
    """Branches in branches in either: by their rows, as where the other branch is laid out."""
    deep = either(compares(4), [node("Exp", "x", "z")], "deep", "z")
    inner = either([node("MatMul", "x w", "z")], [node("Tanh", "x", "a"), node("Exp", "a", "z")], "inner", "z")
    for branches in ((inner, deep), (deep, inner), (inner, compares(1)), (deep, [node("MatMul", "x w", "z")])):
        parts = [part if isinstance(part, list) else [part] for part in branches]
        network = read(asked(tmp_path, either(*parts), weight("w", 8, 8), *BOUNDS))
        found = {metric: network.larger(metric, lambda name: True) for metric in SUMS}
        summed = {metric: sum(map(SUMS[metric], network.layers)) + more for metric, more in found.items() if more}
        assert network.most
        assert summed == {metric: count for metric, count in network.most.items() if metric in SUMS}


def convolutions(then: int, other: int) -> tuple[list[Any], tuple[Any, ...]]:
    """Nodes and their weights: a choice between convolutions of 3x3 that go over so many channels, on 8x8x16; before
    it stands one that always runs. Each has 8·8·9 macs for every pair of channels."""
    parts = [
        [node("Conv", f"x {name}0", f"{name}a", pads=[1] * 4), node("Conv", f"{name}a {name}1", "z", pads=[1] * 4)]
        for name in ("t", "e")
    ]
    sizes = {"t": then, "e": other}
    stored = [weight("k", 16, 16, 3, 3)]
    for name, size in sizes.items():
        stored += [weight(f"{name}0", size, 16, 3, 3), weight(f"{name}1", 16, size, 3, 3)]
        parts[name == "e"][0].input[0] = "s"
    first = node("Conv", "x k", "s", pads=[1] * 4)
    return [first, either(*parts)], tuple(stored)


def chosen(folder: Path, then: int, other: int) -> str:
    nodes, stored = convolutions(then, other)
    made = graph(nodes, {"x": (1, 16, 8, 8)}, "y", stored)
    made.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    return saved(folder, made)


PAIR = 8 * 8 * 9  # macs of two channels


def test_fit_claims_nothing_that_the_other_branch_breaks(gate: Run) -> None:
    """32 channels, or 30: separated, the one that is laid out has less than the other."""
    pytest.importorskip("scipy", reason="fit --by separate needs SciPy")
    path = Path(chosen(Path.cwd(), 32, 30)).name
    network = read(path)
    always, laid, other = 16 * 16 * PAIR, 2 * 16 * 32 * PAIR, 2 * 16 * 30 * PAIR
    assert (network.macs, network.most) == (always + laid, {})
    limit = always + other - 1
    answer = sepcalc.fit(network, {"macs": limit}, "separate")
    assert answer.network is not None  # by what always runs
    assert answer.layers == ("conv",)
    assert answer.network.most.get("macs", answer.network.macs) <= limit
    least = 64 * (16 * 9 + 16 * 16)  # of what always runs, separated
    assert sepcalc.fit(network, {"macs": least + other}, "separate").network is not None
    refused_ = sepcalc.fit(network, {"macs": least + other - 1}, "separate")
    assert refused_.network is None
    assert gate("fit", path, "--max", f"macs={least + other - 1}", "--by", "separate")[0] == 1


def test_what_if_says_what_the_other_branch_has(gate: Run) -> None:
    path = Path(chosen(Path.cwd(), 32, 30)).name
    after = sepcalc.whatif(read(path), "*=depthwise-separable").after
    other = 64 * (16 * 9 + 16 * 16) + 2 * 16 * 30 * PAIR
    assert after.most["macs"] == other
    assert f"macs {other:,}" in after.notes[-1]
    assert after.notes[-1].endswith(", as the file has it: limits apply to these totals")
    assert f"macs {other:,}" in gate("whatif", path, "--rewrite", "*=depthwise-separable")[1]


@pytest.mark.parametrize(("version", "macs"), [(8, 64), (3, 0)])
def test_a_condition_that_may_be_given_depends_on_the_data(version: int, macs: int, tmp_path: Path) -> None:
    """It is stored as false, but among the inputs, where files of before version 4 have all that is stored."""
    one = either([node("MatMul", "x w", "z")], [node("Relu", "x", "z")])
    no = numpy_helper.from_array(np.bool_(False), "c")
    made = graph([one], {"x": (1, 8)}, "y", (weight("w", 8, 8), no))
    path = Path(saved(tmp_path, made))
    assert read(str(path)).macs == 0
    for stored in made.initializer:
        made.input.append(helper.make_tensor_value_info(stored.name, stored.data_type, stored.dims))
    model = onnx.load(saved(tmp_path, made))
    model.ir_version = version
    path.write_bytes(model.SerializeToString())
    assert read(str(path)).macs == macs


# --- a branch that cannot run -----------------------------------------------------------------------------------------


def test_a_branch_that_cannot_run_on_these_shapes_counts_for_nothing(tmp_path: Path) -> None:
    wrong = [node("MatMul", "x v", "b"), node("MatMul", "b w", "z")]
    stored = (weight("w", 8, 8), weight("v", 9, 4))
    network = read(asked(tmp_path, either(wrong, [node("MatMul", "x w", "z")]), *stored))
    assert (network.macs, network.params, network.complete) == (64, 64, True)
    (said,) = network.notes
    assert said == (
        "if: its branch then cannot run on these shapes ('if/matmul' (MatMul): sizes 8 and 9 do not fit in a product); "
        "it stores 36 params, which are not counted"
    )
    stored = (weight("w", 8, 8),)
    network = read(
        asked(
            tmp_path, either([node("Reshape", "x seven", "z")], [node("MatMul", "x w", "z")]), *stored, ints("seven", 7)
        )
    )
    assert network.notes == (
        "if: its branch then cannot run on these shapes ('if/reshape' (Reshape): 1x8 cannot be reshaped to 7)",
    )


def test_where_neither_branch_can_run_the_file_is_refused(tmp_path: Path) -> None:
    wrong = [node("MatMul", "x v", "z")]
    assert refusal(asked(tmp_path, either(wrong, wrong), weight("v", 9, 4))) == (
        "FILE: 'if/matmul' (MatMul): sizes 8 and 9 do not fit in a product"
    )


def test_what_is_wrong_whichever_branch_runs_is_no_matter_of_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [node("MatMul", "x w", "z")]
    damaged = [node("MatMul", "x nothing", "z")]
    path = asked(tmp_path, either(good, damaged), weight("w", 8, 8))
    assert "it reads 'nothing', which nothing before it gives" in refusal(path)
    mixed = [node("ReduceMean", "x", "m", axes=[0]), node("MatMul", "m w", "z")]
    network = read(asked(tmp_path, either(good, mixed), weight("w", 8, 8), x=(6, 8)))
    assert network.macs == 6 * 64  # rows meet in one of the branches: they are no examples
    assert network.guesses == ()
    long = [node("MatMul", "x w", "a0"), *[node("Relu", f"a{at}", f"a{at + 1}") for at in range(30)]]
    long.append(node("Relu", "a30", "z"))
    path = asked(tmp_path, either(good, long), weight("w", 8, 8))
    monkeypatch.setattr("sepcalc.importers.onnx.walk.MAX_NODES", 20)
    assert "it unfolds to more than 20 nodes" in refusal(path)


def test_a_real_file_of_two_branches_of_which_one_runs() -> None:
    """Silero VAD 6, whose branch is for 8 or 16 kHz: 512 samples and 64 before, at 16 kHz."""
    network = read(str(FAULTS / "silero_vad_v6.onnx"), Request(inputs={"input": "1x576", "state": "2x1x128"}))
    assert (network.macs, network.params, network.complete, network.most) == (679_552, 309_633, True, {})
    (said,) = [note for note in network.notes if "branch" in note]
    assert said.startswith("If_0: its branch else cannot run on these shapes (")
    # a basis of 130 x 128, convolutions of 3 from 65 to 128, 64, 64, 128 channels, an LSTM of 128, one more of 1
    stored = 130 * 128 + 128 * 65 * 3 + 64 * 128 * 3 + 64 * 64 * 3 + 128 * 64 * 3 + 128 + 64 + 64 + 128
    stored += 2 * 512 * 128 + 2 * 512 + 128 + 1
    assert said.endswith(f"; it stores {stored:,} params, which are not counted")


# --- branches in branches ---------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    """Ifs in each other, so deep: at every level one more product, or what is below it."""
    made = [node("MatMul", "x w", "z")]
    for level in range(depth):
        made = [either(made, [node("MatMul", "x w", "q"), node("MatMul", "q w", "z")], f"if{level}", "z")]
    return made[0]


def test_every_branch_is_laid_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 levels, 3 nodes in each: 2^30 ways through them. Protobuf takes no more."""
    monkeypatch.setattr("sepcalc.importers.onnx.walk.MAX_NODES", 100)
    top = nested(30)
    top.output[0] = "y"
    network = read(asked(tmp_path, top, weight("w", 8, 8)))
    assert (network.macs, network.params, len(network.layers)) == (128, 64, 2)


def test_the_file_that_took_long() -> None:
    network = read(str(FAULTS / "nested_if_14.onnx"))
    assert network.macs > 0
    assert sum("which costs most" in note for note in network.notes) == 15


def test_the_chosen_branch_is_as_if_it_stood_alone(tmp_path: Path) -> None:
    """Whichever of the two it is: its renames, its names, what is shared with what follows."""
    image = [
        node("Conv", "x k", "a", pads=[1, 1, 1, 1]),
        node("Reshape", "a flat", "b"),
        node("Reshape", "b back", "d"),
        node("Conv", "d k", "z", pads=[1, 1, 1, 1]),
    ]
    stored = (weight("k", 4, 4, 3, 3), ints("flat", 1, 4 * 36), ints("back", 1, 4, 6, 6))
    follows = (node("Conv", "t k", "y", pads=[1, 1, 1, 1]),)
    plain = read(asked(tmp_path, either(image, image, out="t"), *stored, YES, x=(1, 4, 6, 6), more=follows))
    assert plain.macs == 3 * 36 * 4 * 36
    for branches in ((image, [node("Identity", "x", "z")]), ([node("Relu", "x", "z")], image)):
        network = read(asked(tmp_path, either(*branches, out="t"), *stored, x=(1, 4, 6, 6), more=follows))
        assert [layer[:6] for layer in network.layers] == [layer[:6] for layer in plain.layers]
        assert verify(network).ok


# --- stored and never used --------------------------------------------------------------------------------------------


def unused(count: int, *names: str) -> str:
    return f"{count:,} params are stored and never used: they are not counted ({', '.join(names)})"


PRODUCT = node("MatMul", "x w", "y")


def notes(folder: Path, nodes: list[Any], *stored: Any, **more: Any) -> tuple[str, ...]:
    network: Network = read(saved(folder, nodes, {"x": (1, 8)}, "y", (weight("w", 8, 8), *stored), **more))
    assert network.params == 64
    return network.notes


def test_weights_that_nothing_reads_are_told(tmp_path: Path) -> None:
    assert notes(tmp_path, [PRODUCT]) == ()
    assert notes(tmp_path, [PRODUCT], weight("head", 8, 5)) == (unused(40, "head"),)
    many = [weight(f"head{at}", 8) for at in range(5)]
    assert notes(tmp_path, [PRODUCT], *many) == (unused(40, "head0", "head1", "head2", "…"),)
    assert notes(tmp_path, [PRODUCT, constant("head", 8, 5)]) == (unused(40, "head"),)
    aside = [node("Transpose", "head", "t"), node("Add", "t t", "u"), PRODUCT]
    assert notes(tmp_path, aside, weight("head", 8, 5)) == (unused(40, "head"),)


def test_a_part_that_nothing_reads_is_told(tmp_path: Path) -> None:
    """8 of 800 rows; of others the shape alone."""
    part = [node("Slice", "w none eight", "v"), node("MatMul", "x v", "y")]
    path = saved(tmp_path, part, {"x": (1, 8)}, "y", (weight("w", 800, 8), ints("none", 0), ints("eight", 8)))
    assert (read(path).params, read(path).notes) == (64, (unused(6336, "a part of w"),))
    sizes = [node("Shape", "v", "s"), node("Cast", "s", "f", to=1), node("ReduceSum", "f", "g", keepdims=0)]
    nodes = [*sizes, node("MatMul", "x w", "h"), node("Add", "h g", "y")]
    assert notes(tmp_path, nodes, weight("v", 8, 5)) == (unused(40, "v"),)


def test_what_is_no_weight_is_not_missed(tmp_path: Path) -> None:
    spare = (
        ints("places", 0, 1),
        numpy_helper.from_array(np.float32(0.5), "half"),
        numpy_helper.from_array(np.bool_(True), "flag"),
    )
    assert notes(tmp_path, [PRODUCT], *spare) == ()
    nodes = [node("Clip", "x low high", "c"), node("Unsqueeze", "c front", "u"), node("Resize", "u - scales", "r"), node("Squeeze", "r front", "s"), node("Slice", "s zero eight one", "t"), node("MatMul", "t w", "y")]  # fmt: skip
    scales = numpy_helper.from_array(np.array([1, 1, 2], np.float32), "scales")
    assert (
        notes(tmp_path, nodes, *BOUNDS, scales, ints("front", 0), ints("zero", 0), ints("eight", 8), ints("one", 1))
        == ()
    )


def test_a_branch_that_is_not_taken_stores_what_nothing_uses(tmp_path: Path) -> None:
    other = [constant("aside", 8, 3), node("MatMul", "x aside", "a"), node("MatMul", "a outer", "z")]
    network = read(
        asked(tmp_path, either([node("MatMul", "x w", "z")], other), weight("w", 8, 8), weight("outer", 3, 8), YES)
    )
    assert (network.macs, network.params, network.notes) == (64, 64, (unused(24 + 24, "aside", "outer"),))


def test_what_training_stores_no_run_uses(tmp_path: Path) -> None:
    model = onnx.load(saved(tmp_path, [PRODUCT], {"x": (1, 8)}, "y", (weight("w", 8, 8),)))
    model.training_info.add().algorithm.initializer.append(weight("rate", 8, 3))
    model.training_info.add().initialization.node.append(constant("first", 8, 2))
    onnx.save(model, tmp_path / "m.onnx")
    assert read(str(tmp_path / "m.onnx")).notes == (unused(24 + 16, "rate", "first"),)


def test_a_function_that_nobody_calls_stores_what_nothing_uses(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 17)]
    body = [constant("aside", 8, 3), node("MatMul", "a aside", "b")]
    spare = helper.make_function("local", "Spare", ["a"], ["b"], body, opset)
    assert notes(tmp_path, [PRODUCT], functions=(spare,)) == (unused(24, "aside"),)
    call = helper.make_node("Spare", ["x"], ["t"], "spare", domain="local")
    path = saved(tmp_path, [call, node("Concat", "t x", "y", axis=1)], {"x": (1, 8)}, "y", functions=(spare,))
    assert (read(path).params, read(path).notes) == (24, ())


def test_what_one_run_of_a_loop_takes_is_used(tmp_path: Path) -> None:
    """A branch in the first run, the other in the second."""
    first = node("Equal", "i none", "c")
    inner = either([node("MatMul", "h v", "z")], [node("MatMul", "h w", "z")], out="k")
    body = helper.make_graph(
        [first, inner, node("Identity", "go", "on")],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, ()),
            helper.make_tensor_value_info("go", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("h", FLOAT, None),
        ],
        [helper.make_empty_tensor_value_info("on"), helper.make_empty_tensor_value_info("k")],
    )
    loop = helper.make_node("Loop", ["two", "yes", "x"], ["y"], "loop", body=body)
    numbers = [numpy_helper.from_array(np.int64(value), name) for name, value in (("two", 2), ("none", 0))]
    numbers.append(numpy_helper.from_array(np.bool_(True), "yes"))
    stored = (weight("w", 8, 8), weight("v", 8, 8), *numbers)
    network = read(saved(tmp_path, [loop], {"x": (1, 8)}, "y", stored))
    assert (network.macs, network.params, network.notes) == (128, 128, ())


@pytest.mark.parametrize(("runs", "among"), [(0, False), (2, False), (2, True)])
def test_a_loop_tells_of_a_body_that_never_runs_and_of_runs_that_may_be_given(
    runs: int, among: bool, tmp_path: Path
) -> None:
    body = helper.make_graph(
        [node("MatMul", "h w", "o"), node("Identity", "go", "on")],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, ()),
            helper.make_tensor_value_info("go", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("h", FLOAT, None),
        ],
        [helper.make_empty_tensor_value_info("on"), helper.make_empty_tensor_value_info("o")],
    )
    count = numpy_helper.from_array(np.int64(runs), "n")
    yes = numpy_helper.from_array(np.bool_(True), "yes")
    loop = helper.make_node("Loop", ["n", "yes", "x"], ["t"], "loop", body=body)
    made = graph([loop, node("Relu", "t", "y")], {"x": (1, 8)}, "y", (weight("w", 8, 8), count, yes))
    if among:
        made.input.append(helper.make_tensor_value_info("n", INT64, ()))
    network = read(saved(tmp_path, made))
    assert network.macs == 64 * runs
    told = ("loop: its number of runs is an input; the stored default, 2, is counted",) if among else ()
    assert network.notes == (told if runs else (unused(64, "w"),))


@pytest.mark.parametrize("path", sorted(REAL.glob("*.onnx")), ids=lambda path: path.stem)
def test_real_files_store_nothing_in_vain(path: Path) -> None:
    assert read(str(path)).notes == ()


def test_branches_of_different_sizes_never_pass(gate: Run, tmp_path: Path) -> None:
    """The one that costs most gives 16x16, the other 32x32: the convolution after it, of 8x3x3x3 on 256 positions,
    would run on 1,024. What nothing reads is no matter."""
    cheap = [node("Resize", "x - scales", "z", mode="nearest")]
    costly = [node("Conv", "x w", "z")]
    stored = (
        weight("w", 3, 3, 1, 1),
        weight("v", 8, 3, 3, 3),
        numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"),
    )
    after = node("Conv", "s v", "y", pads=[1, 1, 1, 1])
    path = asked(tmp_path, either(costly, cheap, out="s"), *stored, x=(1, 3, 16, 16), more=(after,))
    found = read(path)
    assert found.cost.macs == 3 * 3 * 256 + 8 * 27 * 256
    reason = "its branches give different sizes, so the cost of what follows depends on the branch"
    assert [(gap.kind, gap.reason) for gap in found.uncounted] == [("If", reason)]
    unread = asked(tmp_path, either(costly, cheap, out="s"), *stored, x=(1, 3, 16, 16), more=(node("Relu", "x", "y"),))
    assert not read(unread).uncounted


def test_branches_that_give_stored_tensors_of_different_sizes_never_pass(tmp_path: Path) -> None:
    stored = (weight("w", 8, 4), weight("v", 8, 16))
    one = either([node("Identity", "w", "z")], [node("Identity", "v", "z")], out="s")
    found = read(asked(tmp_path, one, *stored, more=(node("MatMul", "x s", "y"),)))
    assert [gap.kind for gap in found.uncounted][:1] == ["If"]
