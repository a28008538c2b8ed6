"""How many examples an ONNX file's first axis holds: what tells it, what a gate asks where nothing does, and what
whoever asks may say. Counts are worked out by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gating import Run
from graphs import INT64, graph, ints, node, refusal, saved, weight
from onnx import helper, numpy_helper

import sepcalc
from sepcalc.errors import InputError
from sepcalc.importers import Request
from sepcalc.importers.onnx import read
from sepcalc.network import DRAWN

FIXED = "the file has a fixed batch of {}: counts are for one of them"
ASKED = (
    "{}: the first axis of the input 'x' is {}, and nothing says whether it holds examples\n"
    "  hint: --batch {} if it does (one is counted), --batch 1 if not; in pyproject.toml: batch = {}\n"
)
TOKENS = ([node("MatMul", "x w", "h"), node("Relu", "h", "y")], {"x": (64, 8)}, "y", (weight("w", 8, 4),))  # 32 each


@pytest.fixture
def tokens(gate: Run) -> str:
    """The gate's project has a file of 64 x 8, of which nothing tells what the 64 are."""
    return Path(saved(Path.cwd(), *TOKENS)).name


def test_a_guess_is_asked_for_by_every_gate(gate: Run, tokens: str) -> None:
    """128 tokens may not pass for one."""
    asked = ASKED.format(tokens, 64, 64, 64)
    code, out, err = gate("check", tokens, "--max", "macs=600")
    assert (code, err) == (2, asked)
    assert out.splitlines()[-1] == "  1 checked: 1 error"
    assert gate("diff", tokens, tokens) == (2, "", asked)
    assert gate("diff", tokens, "specs/net.yaml") == (2, "", asked)
    assert gate("baseline", tokens, "-o", "new.json") == (2, "", asked)
    assert not Path("new.json").exists()
    code, out, _ = gate("network", tokens, "--format", "json")
    assert (code, json.loads(out)["totals"]["macs"], json.loads(out)["notes"]) == (0, 32, [FIXED.format(64)])


def test_where_nothing_is_checked_nothing_is_asked(gate: Run, tokens: str) -> None:
    code, out, err = gate("check", "--skip-unbudgeted", tokens)
    assert (code, err) == (0, "")
    assert "no budget or baseline found, skipped" in out
    code, _, err = gate("check", "--skip-unbudgeted", tokens, "--max", "macs=1G")
    assert code == 2
    assert "--batch" in err
    assert gate("check", tokens)[0] == 2


@pytest.mark.parametrize(("batch", "macs"), [(64, 32), (1, 64 * 32), (16, 4 * 32)])
def test_whoever_asks_says_how_many_examples_there_are(gate: Run, tokens: str, batch: int, macs: int) -> None:
    told = ("--batch", str(batch))
    assert gate("check", tokens, "--max", f"macs={macs}", *told)[0] == 0
    assert gate("check", tokens, "--max", f"macs={macs - 1}", *told)[0] == 1
    assert gate("diff", tokens, tokens, *told)[0] == 0
    code, out, _ = gate("baseline", tokens, *told)
    assert (code, json.loads(out)["networks"][0]["totals"]["macs"]) == (0, macs)
    code, out, _ = gate("network", tokens, *told, "--format", "json")
    assert (code, json.loads(out)["totals"]["macs"]) == (0, macs)
    code, out, _ = gate("whatif", tokens, *told, "--width", "1", "--format", "json")
    assert (code, json.loads(out)["before"]["macs"]) == (0, macs)
    code, out, _ = gate("fit", tokens, *told, "--max", "macs=1G", "--format", "json")
    assert (code, json.loads(out)["before"]["macs"]) == (0, macs)
    code, out, _ = gate("verify", tokens, *told, "--format", "json")
    assert (code, sum(layer["executed"]["macs"] for layer in json.loads(out)["layers"])) == (0, macs)
    assert gate("convert", tokens, *told, "-o", "net.yaml")[0] == 0
    assert sepcalc.load("net.yaml").macs == macs
    assert sepcalc.load(tokens, batch=batch).macs == macs


def test_a_project_says_how_many_examples_there_are(gate: Run, tokens: str) -> None:
    check = f'[[tool.sepcalc.check]]\npath = "{tokens}"\nmax = {{macs = "600"}}\n'
    Path("pyproject.toml").write_text(check)
    assert gate("check")[::2] == (2, ASKED.format(tokens, 64, 64, 64))
    Path("pyproject.toml").write_text(f"{check}batch = 64\n")
    assert gate("check")[0] == 0
    assert gate("check", tokens, "--batch", "1")[0] == 1  # what is said here goes before
    kept = f'{check}batch = 64\nbaseline = "kept.json"\n'
    Path("pyproject.toml").write_text(kept)
    assert gate("baseline", "-o", "kept.json")[0] == 0
    assert json.loads(Path("kept.json").read_text())["networks"][0]["totals"]["macs"] == 32
    for wrong, said in (('"8"', "'8'"), ("0", "the number 0"), ("true", "true"), ("1.5", "the decimal number 1.5")):
        Path("pyproject.toml").write_text(f"{check}batch = {wrong}\n")
        code, _, err = gate("check")
        assert code == 2
        assert f"batch needs a whole number from 1, not {said}\n" in err
    code, _, err = gate("check", "--batch", "8")
    assert code == 2


def test_a_batch_that_is_none_of_the_inputs_is_refused(gate: Run, tokens: str) -> None:
    other = "--batch 7: the first axis of the inputs has another size: 64\n"
    assert gate("network", tokens, "--batch", "7") == (2, "", other)
    with pytest.raises(InputError, match="batch is 0: expected a number of examples from 1"):
        sepcalc.load(tokens, batch=0)
    one = "specs/net.yaml has a batch of one example, not 8\n  hint: --batch is for model files\n"
    assert gate("network", "specs/net.yaml", "--batch", "8") == (2, "", one)
    assert gate("network", "specs/net.yaml", "--batch", "1")[0] == 0
    assert gate("diff", tokens, "specs/net.yaml", "--batch", "64")[0] == 0  # it is for the model's file
    hint = "--set, --input, --dim and --batch need a FILE: the checks in pyproject.toml have their own settings\n"
    assert gate("check", "--batch", "8") == (2, "", hint)
    code, _, err = gate("verify", "12x12x3", "-k5", "-o256", "--batch", "8")
    assert (code, err) == (2, "--batch is for a network, not for a layer spec\n")


def test_a_batch_that_the_graph_mixes_is_refused_where_it_was_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, [node("ReduceMean", "x", "y", axes=[0])], {"x": (6, 8)})
    assert read(path, Request(batch=1)).cost.adds == 40
    assert refusal(path, Request(batch=6)) == (
        "FILE: 'reducemean' (ReduceMean): it mixes the 6 examples of a batch: export the model for one example"
    )


# --- what tells it ----------------------------------------------------------------------------------------------------

ONE_D = (weight("w", 4, 8, 3),)
TWO_D = (weight("w", 4, 8, 3, 3),)
WIDE = ints("shape", 6, 8, 5, 5)
TOLD: dict[str, Any] = {  # a convolution or a pool reads the input, with no change of its rank
    "convolution": ([node("Conv", "x w", "y")], (6, 8, 9, 9), TWO_D),
    "convolution of one axis": ([node("Conv", "x w", "y")], (6, 8, 9), ONE_D),
    "transposed": ([node("ConvTranspose", "x w", "y")], (6, 4, 9), ONE_D),
    "pool": ([node("MaxPool", "x", "y", kernel_shape=[2])], (6, 8, 9), ()),
    "global pool": ([node("GlobalAveragePool", "x", "y")], (6, 8, 9, 9), ()),
    "channels last": (
        [node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Conv", "t w", "y")], (6, 9, 9, 8), TWO_D,
    ),
    "after other operators": (
        [node("Sub", "x m", "a"), node("Exp", "a", "b"), node("Pad", "b p", "c"), node("Conv", "c w", "y")],
        (6, 8, 9, 9),
        (weight("m", 8, 1, 1), ints("p", 0, 0, 1, 1, 0, 0, 1, 1), *TWO_D),
    ),
    "after a product": (
        [node("MatMul", "x v", "a"), node("Transpose", "a", "t", perm=[0, 2, 1]), node("Conv", "t w", "y")],
        (6, 9, 5),
        (weight("v", 5, 8), *ONE_D),
    ),
}  # fmt: skip
UNTOLD: dict[str, Any] = {
    "product": ([node("MatMul", "x w", "y")], (6, 8), (weight("w", 8, 4),)),
    "tokens": ([node("MatMul", "x w", "y")], (6, 5, 8), (weight("w", 8, 4),)),
    "elements": ([node("Relu", "x", "y")], (6, 3, 9, 9), ()),
    "norm of features": (
        [node("BatchNormalization", "x g g g g", "y")], (6, 8), (weight("g", 8),),
    ),
    "reshaped to pictures": (
        [node("Reshape", "x shape", "r"), node("Conv", "r w", "y")], (6, 200), (WIDE, *TWO_D),
    ),
    "reshaped and back in rank": (
        [node("Reshape", "x flat", "f"), node("Reshape", "f shape", "r"), node("Conv", "r w", "y")],
        (6, 8, 25, 1),
        (ints("flat", 6, 200), WIDE, *TWO_D),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TOLD)
def test_a_convolution_or_a_pool_tells_of_a_batch(what: str, tmp_path: Path) -> None:
    nodes, shape, stored = TOLD[what]
    network = read(saved(tmp_path, nodes, {"x": shape}, "y", stored))
    assert (network.notes, network.guesses) == ((FIXED.format(6),), ())
    alone = read(saved(tmp_path, nodes, {"x": (1, *shape[1:])}, "y", stored))
    assert network.cost == alone.cost
    whole, third = [read(saved(tmp_path, nodes, {"x": shape}, "y", stored), Request(batch=many)) for many in (1, 3)]
    assert (whole.macs, third.macs) == (6 * alone.macs, 2 * alone.macs)
    assert whole.params == third.params == alone.params


@pytest.mark.parametrize("what", UNTOLD)
def test_nothing_else_does(what: str, tmp_path: Path) -> None:
    nodes, shape, stored = UNTOLD[what]
    path = saved(tmp_path, nodes, {"x": shape}, "y", stored)
    network = read(path)
    assert network.notes == (FIXED.format(6),)
    (problem,) = network.guesses
    assert f"{problem}\n" == ASKED.format("", 6, 6, 6).removeprefix(": ")
    assert read(path, Request(batch=6)).guesses == ()
    assert read(path, Request(batch=6)).cost == network.cost


@pytest.mark.parametrize(("name", "guessed"), [("batch", False), ("N", False), ("my_batch", False), ("s0", True)])
def test_the_name_of_an_open_axis_tells(name: str, guessed: bool, tmp_path: Path) -> None:
    path = saved(tmp_path, [node("MatMul", "x w", "y")], {"x": (name, 8)}, "y", (weight("w", 8, 4),))
    assert bool(read(path, Request(dims={name: "6"})).guesses) is guessed
    assert bool(read(path, Request(inputs={"x": "6x8"})).guesses) is guessed
    assert read(path).guesses == ()


def test_what_the_file_says_that_a_fixed_axis_is_tells(tmp_path: Path) -> None:
    made = graph(*TOKENS)
    made.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    network = read(saved(tmp_path, made))
    assert (network.macs, network.guesses) == (32, ())


def test_where_nothing_is_divided_nothing_is_asked(tmp_path: Path) -> None:
    mixed = read(saved(tmp_path, [node("ReduceMean", "x", "y", axes=[0])], {"x": (6, 8)}))
    assert mixed.guesses == ()
    steps = (weight("w", 1, 32, 16), weight("r", 1, 32, 8))  # an LSTM has its examples second
    lstm = read(saved(tmp_path, [node("LSTM", "x w r", "y", hidden_size=8)], {"x": (7, 4, 16)}, "y", steps))
    assert (lstm.macs, lstm.guesses) == (7 * 768, ())


OPEN = "the first axis of 'x' is open, and no name says what it holds: one example is counted"


@pytest.mark.parametrize("name", ["s0", "unk__7", "?", None, "dim_0", "DynamicDimension.0", "x_dynamic_axes_1"])
def test_an_open_axis_without_a_name_that_tells_is_one_example_with_a_note(name: str | None, gate: Run) -> None:
    path = saved(Path.cwd(), [node("MatMul", "x w", "y")], {"x": (name, 8)}, "y", (weight("w", 8, 4),))
    network = read(path)
    assert (network.macs, network.notes, network.guesses) == (32, (OPEN,), ())
    code, out, _ = gate("check", path, "--max", "macs=32")
    assert code == 0
    assert f"  note: {OPEN}\n" in out
    assert read(path, Request(batch=1)).notes == ()
    assert read(path, Request(inputs={"": "8"})).notes == ()


def test_a_layout_or_a_name_that_tells_needs_no_note(tmp_path: Path) -> None:
    for name in ("batch", "n"):
        assert read(saved(tmp_path, *TOKENS[:1], {"x": (name, 8)}, *TOKENS[2:])).notes == ()
    assert read(saved(tmp_path, [node("Conv", "x w", "y")], {"x": (None, 8, 9)}, "y", ONE_D)).notes == ()


def test_several_inputs_are_asked_for_together(gate: Run) -> None:
    two = {"a": (6, 8), "b": (6, 8)}
    path = Path(saved(Path.cwd(), [node("Add", "a b", "y")], two, "y")).name
    assert gate("check", path, "--max", "macs=1")[2].startswith(
        f"{path}: the first axis of the inputs 'a' and 'b' are 6, and nothing says"
    )
    names = {"a": ("s0", 8), "b": ("s0", 8)}
    assert read(saved(Path.cwd(), [node("Add", "a b", "y")], names, "y")).notes == (
        "the first axes of 'a' and 'b' are open, and no name says what they hold: one example is counted",
    )


# --- open sizes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["?", "-1", "None", None, "unknown", -1, 0])
def test_what_stands_for_a_name_is_none_however_often(name: Any, tmp_path: Path) -> None:
    """A size that is given by the printed hint is that of one axis."""
    stored = (weight("w", 4, 3, 3, 3),)
    path = saved(tmp_path, [node("Conv", "x w", "y")], {"x": (name, 3, name, name)}, "y", stored)
    assert (
        refusal(path) == "FILE: the input 'x' leaves open: axis 3, axis 4\n  hint: --input x=1x3x224x224, for example"
    )
    network = read(path, Request(inputs={"x": "1x3x12x10"}))
    assert (network.inputs, network.macs) == ({"x": (12, 10, 3)}, 10 * 8 * 4 * 27)
    assert read(path, Request(inputs={"": "12x10x3"})).macs == network.macs
    assert refusal(path, Request(dims={"?": "224"})) == (
        "FILE: the input 'x' leaves open: axis 3, axis 4\n  hint: --input x=1x3x224x224, for example\n"
        "FILE: it has no open dimension '?'\n  hint: what it leaves open has no name: --input x=1x3x224x224, for example"
    )


def test_paddles_names_are_followed_as_printed(tmp_path: Path) -> None:
    names = tuple(f"DynamicDimension.{at}" for at in range(3))
    stored = (weight("w", 4, 3, 3, 3),)
    shape = (names[0], 3, *names[1:])
    path = saved(tmp_path, [node("Conv", "x w", "y")], {"x": shape}, "y", stored)
    assert refusal(path) == (
        "FILE: the input 'x' leaves open: 'DynamicDimension.1', 'DynamicDimension.2'\n"
        "  hint: --input x=1x3x224x224, or --dim DynamicDimension.1=224 --dim DynamicDimension.2=224, for example"
    )
    network = read(path, Request(dims={names[1]: "12", names[2]: "10"}))
    assert (network.inputs, network.macs) == ({"x": (12, 10, 3)}, 10 * 8 * 4 * 27)


def test_a_gate_takes_open_sizes_too(gate: Run) -> None:
    path = saved(Path.cwd(), [node("MatMul", "x w", "y")], {"x": ("batch", "length", 8)}, "y", (weight("w", 8, 4),))
    assert gate("check", path, "--dim", "length=7", "--max", f"macs={7 * 32}")[0] == 0
    assert gate("diff", path, path, "--dim", "length=7")[0] == 0
    assert gate("baseline", path, "--dim", "length=7")[0] == 0


# --- rows that meet ---------------------------------------------------------------------------------------------------

FAULTS = Path(__file__).parent / "data" / "faults"
WHOLE = "the first axis of the inputs, {}, does not hold examples: all of it is counted"
PRODUCT = node("MatMul", "x w", "m")  # 6 rows of 6 by 6 columns: 36 for each
PLACES = numpy_helper.from_array(np.zeros((6, 6), np.int64), "places")
POINTS = numpy_helper.from_array(np.array([[0], [3]]), "points")
MEETING: dict[str, Any] = {
    "TopK": (node("TopK", "m k", "y i", axis=0), (ints("k", 3),)),
    "Hardmax": (node("Hardmax", "m", "y", axis=0), ()),
    "Compress": (node("Compress", "m some", "y", axis=0), (numpy_helper.from_array(np.array([True] * 6), "some"),)),
    "Unique": (node("Unique", "m", "y", axis=0), ()),
    "NonZero": (node("NonZero", "m", "y"), ()),
    "NonMaxSuppression": (node("NonMaxSuppression", "boxes boxes", "y"), ()),
    "custom": (helper.make_node("Wizard", ["m"], ["y"], domain="acme"), ()),
    "ScatterND": (node("ScatterND", "m points two", "y"), (POINTS, weight("two", 2, 6))),
    "ScatterND into a table": (node("ScatterND", "table points m", "y"), (POINTS, weight("table", 9, 6))),
    "ScatterElements": (node("ScatterElements", "m places m", "y", axis=0), (PLACES,)),
    "Trilu": (node("Trilu", "m", "y"), ()),
    "ReverseSequence": (node("ReverseSequence", "m six", "y", time_axis=0, batch_axis=1), (ints("six", *[6] * 6),)),
    "reversed": (node("Slice", "m last before first back", "y"), (ints("last", -1), ints("before", -99), ints("first", 0), ints("back", -1))),
    "GatherElements": (node("GatherElements", "m places", "y"), (PLACES,)),
    "GatherElements of some": (node("GatherElements", "m few", "y", axis=1), (numpy_helper.from_array(np.zeros((3, 6), np.int64), "few"),)),
    "GatherND": (node("GatherND", "m places", "y"), (numpy_helper.from_array(np.zeros((6, 1), np.int64), "places"),)),
    "another order": (node("Gather", "m order", "y", axis=0), (ints("order", 5, 4, 3, 2, 1, 0),)),
    "padded on one side, cut on the other": (node("Pad", "m around", "y"), (ints("around", 1, 0, -1, 0),)),
    "mean and variance of the batch": (node("MeanVarianceNormalization", "m", "y", axes=[0]), ()),
    "norm of the batch": (node("BatchNormalization", "m g g g g", "y a b", training_mode=1), (weight("g", 6),)),
}  # fmt: skip
APART: dict[str, Any] = {
    "TopK": (node("TopK", "m k", "y i", axis=1), (ints("k", 3),)),
    "ScatterElements": (node("ScatterElements", "m places m", "y", axis=1), (PLACES,)),
    "GatherElements": (node("GatherElements", "m places", "y", axis=1), (PLACES,)),
    "GatherND": (
        node("GatherND", "m places", "y", batch_dims=1),
        (numpy_helper.from_array(np.zeros((6, 2, 1), np.int64), "places"),),
    ),
    "Bernoulli": (node("Bernoulli", "m", "y"), ()),
    "the same order": (node("Gather", "m order", "y", axis=0), (ints("order", 0, 1, 2, 3, 4, 5),)),
}


@pytest.mark.parametrize(("what", "whole"), [*[(what, True) for what in MEETING], *[(what, False) for what in APART]])
def test_rows_that_may_meet_are_no_examples(what: str, whole: bool, tmp_path: Path) -> None:
    last, stored = (MEETING if whole else APART)[what]
    nodes = [PRODUCT, node("Unsqueeze", "m front", "boxes"), last]
    path = saved(tmp_path, nodes, {"x": (6, 6)}, "y", (weight("w", 6, 6), ints("front", 0), *stored))
    network = read(path)
    told = WHOLE if whole else FIXED
    notes = (told.format(6), *([DRAWN] if what == "Bernoulli" else []))
    assert (network.macs, network.notes) == (216 if whole else 36, notes)
    assert bool(network.guesses) is not whole  # where nothing is divided, nothing is asked
    if what in ("NonZero", "custom"):  # whoever asks knows
        assert read(path, Request(batch=6)).macs == 36


# Places that a run tells: m is what the product gives, i the 3 largest of each of its rows.
COMPUTED: dict[str, tuple[list[Any], bool]] = {
    "of its own row": ([node("GatherElements", "m i", "y", axis=1)], False),
    "of its own column": ([node("GatherElements", "m i", "y", axis=0)], True),
    "of its own row, by number": (
        [node("Unsqueeze", "i end", "at"), node("GatherND", "m at", "y", batch_dims=1)], False,
    ),
    "of all rows, by number": ([node("Unsqueeze", "i end", "at"), node("GatherND", "m at", "y")], True),
    "of a stored table": ([node("GatherElements", "table i", "y", axis=0)], False),
    "of its own row of a table": ([node("GatherElements", "table i", "y", axis=1)], True),
    "of a stored table, by number": ([node("Unsqueeze", "i end", "at"), node("GatherND", "table at", "y")], False),
    "into its own row": ([node("ScatterElements", "m i t", "y", axis=1)], False),
    "into its own column": ([node("ScatterElements", "m i t", "y", axis=0)], True),
}  # fmt: skip


@pytest.mark.parametrize("what", COMPUTED)
def test_rows_that_gather_by_what_was_computed(what: str, tmp_path: Path) -> None:
    """6 rows of 6 by 6 columns; then 3 columns by 2, or 6: a row of its own each, or counted whole."""
    last, whole = COMPUTED[what]
    nodes = [PRODUCT, node("TopK", "m k", "t i", axis=1), *last]
    stored = (weight("w", 6, 6), weight("table", 9, 6), ints("k", 3), ints("end", -1))
    network = read(saved(tmp_path, nodes, {"x": (6, 6)}, "y", stored))
    assert (network.macs, network.notes[0]) == (216 if whole else 36, (WHOLE if whole else FIXED).format(6))
    assert bool(network.guesses) is not whole


def test_rows_that_an_input_or_a_product_picks_are_no_examples(tmp_path: Path) -> None:
    """3x3 of 3 channels on 14x14, then of 4 on 12x12, for each of 8 images, which may all be the same one."""
    picked = [node("Conv", "x w", "a"), node("Gather", "a i", "g", axis=0), node("Conv", "g v", "y")]
    stored = (weight("w", 4, 3, 3, 3), weight("v", 4, 4, 3, 3))
    each = 14 * 14 * 4 * 27 + 12 * 12 * 4 * 36

    def file(first: Any) -> str:
        made = graph(picked, {"x": (first, 3, 16, 16), "i": (first,)}, "y", stored)
        made.input[1].type.tensor_type.elem_type = INT64
        return saved(tmp_path, made)

    for first, dims in ((8, {}), ("batch", {"batch": "8"})):
        network = read(file(first), Request(dims=dims))
        assert (network.macs, network.notes) == (8 * each, (WHOLE.format(8),))
    assert read(file(8), Request(batch=8)).macs == each  # whoever asks knows
    nodes = [node("ArgMax", "x", "i", axis=1, keepdims=0), node("Gather", "x i", "g"), node("MatMul", "g w", "y")]
    assert read(saved(tmp_path, nodes, {"x": (8, 3)}, "y", (weight("w", 3, 9),))).macs == 8 * 27
    nodes = [node("ArgMax", "x", "i", axis=1, keepdims=0), node("Gather", "t i", "g"), node("MatMul", "g w", "y")]
    stored = (weight("t", 3, 5), weight("w", 5, 9))
    assert read(saved(tmp_path, nodes, {"x": (8, 3)}, "y", stored)).macs == 45  # a stored table: each its own row


def test_the_file_that_was_counted_wrong() -> None:
    assert read(str(FAULTS / "b_topk.onnx")).macs == 9 * 6 * 4
    assert read(str(FAULTS / "first_axis_4096.onnx"), Request(batch=1)).macs == 4096 * 64 * 8


def test_a_product_of_the_examples_and_another_size_is_no_batch(tmp_path: Path) -> None:
    """Its name says that there are more rows than examples: how many is asked, and the hint can be pasted."""
    path = saved(tmp_path, [node("MatMul", "x w", "y")], {"x": ("batch*seq", 64)}, "y", (weight("w", 64, 64),))
    hint = "--input x=224x64, or --dim 'batch*seq'=224, for example"
    assert refusal(path) == f"FILE: the input 'x' leaves open: 'batch*seq'\n  hint: {hint}"
    assert read(path, Request(dims={"batch*seq": "6"})).macs == 6 * 64 * 64
    twice = saved(tmp_path, [node("MatMul", "x w", "y")], {"x": ("2*batch", 64)}, "y", (weight("w", 64, 64),))
    assert read(twice).macs == 64 * 64


def test_names_of_open_axes_may_hold_any_sign(gate: Run, tmp_path: Path) -> None:
    made = [node("Conv", "x w", "y")]
    path = saved(tmp_path, made, {"x": ("N", 3, "a=b", "h w")}, "y", (weight("w", 4, 3, 1, 1),))
    assert refusal(path).splitlines()[1] == (
        "  hint: --input x=1x3x224x224, or --dim a=b=224 --dim 'h w'=224, for example"
    )
    assert gate("network", path, "--dim", "a=b=5", "--dim", "h w=7")[0] == 0
    made = [node("Conv", "x w", "y")]
    path = saved(tmp_path, made, {"x": ("N", 3, "h w", 5)}, "y", (weight("w", 4, 3, 1, 1),))
    assert refusal(path).splitlines()[1] == ("  hint: --input x=1x3x224x5, or --dim 'h w'=224, for example")


def test_a_resize_along_the_examples_leaves_them_whole(tmp_path: Path) -> None:
    """8 become 16, of which a convolution of 4x3x3x3 on 2x2 positions runs on all."""
    scales = numpy_helper.from_array(np.array([2, 1, 1, 1], np.float32), "s")
    made = [node("Resize", "x - s", "r"), node("Conv", "r w", "y")]
    found = read(saved(tmp_path, made, {"x": (8, 3, 4, 4)}, "y", (scales, weight("w", 4, 3, 3, 3))))
    assert found.macs == 16 * 4 * 4 * 27
    assert found.notes == ("the first axis of the inputs, 8, does not hold examples: all of it is counted",)
