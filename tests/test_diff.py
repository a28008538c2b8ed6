"""What changed between two networks, and files as git has them."""

import json
import re
import time
from pathlib import Path

import pytest
from gating import LARGER, Run, git

# --- diff ------------------------------------------------------------------------------------------------------------


def changed(gate: Run, old: str, new: str, *args: str) -> list[tuple[str, str | None, str | None]]:
    layers = json.loads(gate("diff", old, new, "--format", "json", *args)[1])["layers"]
    return [(row["status"], (row["old"] or {}).get("name"), (row["new"] or {}).get("name")) for row in layers]


DIFFS = [  # layers before and after, and what is told
    ("conv -k3 -o8; act relu", "conv -k3 -o8; act relu", []),
    ("conv -k3 -o8; act relu", "conv -k3 -o9; act relu", [("changed", "conv", "conv"), ("changed", "act", "act")]),
    ("conv -k3 -o8", "conv -k3 -o8; act relu", [("added", None, "act")]),
    ("conv -k3 -o8; act relu", "conv -k3 -o8", [("removed", "act", None)]),
    # a layer in between shifts the numbers behind it: these are the same layers still
    (
        "conv -k3 -o8; conv -k3 -o8; conv -k3 -o4",
        "conv -k3 -o8; pointwise -o8; conv -k3 -o8; conv -k3 -o4",
        [("added", None, "pointwise")],
    ),
    (
        "conv -k3 -o8 -p1; conv -k5 -o8 -p2",
        "conv -k3 -o8 -p1; conv -k3 -o8 -p1; conv -k5 -o8 -p2",
        [("added", None, "conv[1]")],
    ),
    ("stem: conv -k3 -o8; act relu", "root: conv -k3 -o8; act relu", [("renamed", "stem/conv", "root/conv")]),
    ("stem: conv -k3 -o8", "stem: conv -k5 -o8 -p1", [("changed", "stem/conv", "stem/conv")]),
    (
        "a: conv -k3 -o8; b: conv -k3 -o8",
        "b: conv -k3 -o8",
        [("removed", "a/conv", None), ("changed", "b/conv", "b/conv")],
    ),
    ("conv -k3 -o8", "pointwise -o8; conv -k3 -o8", [("added", None, "pointwise"), ("changed", "conv", "conv")]),
]


@pytest.mark.parametrize(("old", "new", "told"), DIFFS, ids=[f"{case[0]} -> {case[1]}" for case in DIFFS])
def test_layers_are_matched(old: str, new: str, told: list[tuple[str, str | None, str | None]], gate: Run) -> None:
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        layers = []
        for layer in text.split("; "):
            label, _, spec = layer.rpartition(": ")
            layers.append(f"- layers: [{spec}]\n  name: {label}" if label else f"- {spec}")
        Path(name).write_text("\n".join(["input: 32x32x3", "layers:", *layers]))
    assert changed(gate, "old.yaml", "new.yaml") == told


THREE = "input: 16x16x8\nblocks: {'b()': [conv -k3 -o8 -p1, act relu, conv -k3 -o8 -p1]}\nlayers: [b, b, b]\n"
SEPARABLE = THREE.replace("act relu, conv -k3", "act relu, separable -k3")
SPELLED = THREE.replace("act relu, conv -k3 -o8 -p1", "act relu, depthwise -k3 -p1, pointwise -o8")


def rows_of(gate: Run, *args: str) -> list[list[str]]:
    """The rows of the layers, as the table has them."""
    _, _, table = gate("diff", *args)[1].partition("\nLayers\n")
    return [re.split(r" {2,}", line.strip(" ▏▎▍▌▋▊▉█")) for line in table.splitlines()[1:]]


def test_a_bar_says_how_much_macs_a_change_is(gate: Run) -> None:
    """Of 10x10 positions: 27 macs for each of 8 and of 4 outputs; 8 for each of 4 outputs of 1x1 kernels."""
    old, new = "10x10x3, conv -k3 -o8 -p same, conv -k1 -o4", "10x10x3, conv -k3 -o4 -p same, conv -k1 -o4"
    _, _, table = gate("diff", old, new)[1].partition("\nLayers\n")
    bars = [line.rpartition(" ")[2] for line in table.splitlines()[1:]]
    assert bars == ["█" * 20, "███"]  # 10,800 macs fewer, and 1,600: of 20 cells 2.96


@pytest.mark.parametrize(
    ("text", "after"), [(SEPARABLE, "b[0..2]/separable"), (SPELLED, "b[0..2]/depthwise + pointwise")]
)
def test_a_layer_that_became_several_is_a_change_in_its_block(text: str, after: str, gate: Run) -> None:
    """Separated: 72 + 64 params of 576, and 34,816 macs of 147,456, three times."""
    Path("old.yaml").write_text(THREE)
    Path("new.yaml").write_text(text)
    assert [(row[0], row[1]) for row in changed(gate, "old.yaml", "new.yaml")] == [
        ("changed", f"b[{at}]/conv[1]") for at in range(3)
    ]
    kinds, counts = "depthwise + pointwise", ["1,728", "408", "442,368", "104,448", "-1,320", "-76.4 %", "-337,920"]
    (row,) = rows_of(gate, "old.yaml", "new.yaml")
    assert row[:-1] == [f"b[0..2]/conv[1] -> {after}", "3", "changed", f"conv -> {kinds}", "16x16x8", *counts]
    assert "\n  Layers: 3 changed, 6 unchanged\n" in gate("diff", "old.yaml", "new.yaml")[1]
    document = json.loads(gate("diff", "old.yaml", "new.yaml", "--format", "json")[1])
    for at, layer in enumerate(document["layers"]):
        assert layer["name"] == f"b[{at}]/conv[1]"
        assert (layer["old"]["params"], layer["new"]["params"], layer["change"]["macs"]) == (576, 136, -112640)
        assert [(part["kind"], part["params"]) for part in layer["new_layers"]] == [
            ("depthwise", 72),
            ("pointwise", 64),
        ]
        assert layer["old_layers"] is None
    (row,) = rows_of(gate, "new.yaml", "old.yaml")  # and back again
    assert row[:4] == [f"{after} -> b[0..2]/conv[1]", "3", "changed", f"{kinds} -> conv"]
    (layer, *_) = json.loads(gate("diff", "new.yaml", "old.yaml", "--format", "json")[1])["layers"]
    assert (layer["name"], layer["new_layers"]) == ("b[0]/conv[1]", None)
    assert [part["kind"] for part in layer["old_layers"]] == ["depthwise", "pointwise"]
    csv = gate("diff", "old.yaml", "new.yaml", "--format", "csv")[1].splitlines()
    assert csv[0].endswith(",new_activations,new_name,parts")
    assert csv[1].startswith("b[0]/conv[1],changed,b[0]/conv[1],conv,147456,34816,")
    names = [part.replace("b[0..2]", "b[0]") for part in (after,)]
    assert csv[1].split(",")[-2] == names[0]


def test_a_rewritten_layer_is_a_change(gate: Run) -> None:
    Path("old.yaml").write_text(THREE)
    rule = "b*/conv[1]=depthwise-separable"
    assert gate("whatif", "old.yaml", "--rewrite", rule, "-o", "new.yaml")[0] == 0
    (row,) = rows_of(gate, "old.yaml", "new.yaml")
    assert row[:4] == ["b[0..2]/conv[1]", "3", "changed", "conv -> depthwise + pointwise"]


def test_what_grew_is_told_by_its_own_block(gate: Run) -> None:
    Path("specs/bare.yaml").write_text(SEPARABLE)
    assert gate("baseline", "-o", "base.json", "--force")[0] == 0
    Path("specs/bare.yaml").write_text(THREE)
    Path("pyproject.toml").write_text(
        '[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\nbaseline = "base.json"\nmax-increase = {params = "0%"}\n'
    )
    out = gate("check")[1]
    grew = ", ".join(f"b[{at}]/conv[1] by 440 (136 -> 576)" for at in range(3))
    assert f"    grew: {grew}\n" in out
    Path("specs/bare.yaml").write_text(THREE.replace("[b, b, b]", "[b, pointwise -o8, b, b]"))
    Path("pyproject.toml").write_text(Path("pyproject.toml").read_text().replace("params", "effective-macs"))
    # 46 x 46 of the 48 x 48 products of a 3x3 kernel on 16x16 meet no padding: 64 x 2,116; before 8 x 2,116 + 64 x 256
    grew = ", ".join(f"b[{at}]/conv[1] by 102,112 (33,312 -> 135,424)" for at in range(3))
    assert f"    grew: {grew}\n" in gate("check")[1]


BLOCKS = [  # the layers of a network of such blocks before and after, and the rows that are told
    ("b; b; b", "b; c; b; b", [("c/conv", "added"), ("c/act", "added")]),
    ("b; b", "b; b; b", [("b[2]/conv[0..1]", "added"), ("b[2]/act", "added")]),
    ("b; c; b", "b; b", [("c/conv", "removed"), ("c/act", "removed")]),
    ("b; c", "c; b", []),  # the same, in another order: outputs are equal
    ("b; act relu; b", "b; norm batch; b", [("act -> norm", "changed")]),
    ("b; conv -k3 -o8 -p1; b", "b; d; b", [("conv -> d/conv", "renamed")]),
    ("d; b", "e; b", [("d/conv -> e/pointwise", "changed")]),
    ("d; d; d; d", "d; e; e; d", [("d[1..2]/conv -> e[0..1]/pointwise", "changed")]),
    ("d; e; d", "d; e; act relu; d", [("act", "added")]),
    ("pool max -k2 -s2; b", "conv -k2 -s2 -o8; b", [("pool -> conv", "changed")]),
    ("pool max -k2 -s2; b", "conv -k2 -s2 -o8; act relu; b", [("pool -> conv + act", "changed")]),
]


@pytest.mark.parametrize(("old", "new", "told"), BLOCKS, ids=[f"{case[0]} -> {case[1]}" for case in BLOCKS])
def test_layers_are_matched_in_their_blocks(old: str, new: str, told: list[tuple[str, str]], gate: Run) -> None:
    blocks = (
        "blocks:\n  b(): [conv -k3 -o8 -p1, act relu, conv -k3 -o8 -p1]\n  c(): [conv -k5 -o8 -p2, act relu]\n"
        "  d(): [conv -k3 -o8 -p1]\n  e(): [pointwise -o8]\n"
    )
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        layers = "".join(f"- {layer}\n" for layer in text.split("; "))
        Path(name).write_text(f"input: 16x16x8\n{blocks}layers:\n{layers}")
    found = [
        (row[0], next(word for word in row[1:3] if word.isalpha())) for row in rows_of(gate, "old.yaml", "new.yaml")
    ]
    assert found == told


NAMED = [  # blocks of named layers before and after, and what is told
    ("p: a=act relu, m=conv -k1", "p: m=conv -k1, z=act relu", [("renamed", "p/a", "p/z")]),
    (
        "p: m=conv -k1; q: a=act relu, n=conv -k1",
        "p: m=conv -k1, z=act relu; q: n=conv -k1, z=act relu",
        [("added", None, "p/z"), ("renamed", "q/a", "q/z")],
    ),
    (
        "p: m=conv -k1, a=act relu; q: n=conv -k1",
        "p: m=conv -k1; q: n=conv -k1, z=act relu",
        [("renamed", "p/a", "q/z")],
    ),
    (
        "p: a=act relu, m=conv -k1",
        "p: m=conv -k1, z=norm batch",
        [("removed", "p/a", None), ("added", None, "p/z")],
    ),
]


@pytest.mark.parametrize(("old", "new", "told"), NAMED, ids=[f"{case[0]} -> {case[1]}" for case in NAMED])
def test_what_moved_is_looked_for_in_its_block_first(
    old: str, new: str, told: list[tuple[str, str | None, str | None]], gate: Run
) -> None:
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        lines = ["input: 16x16x8", "layers:"]
        for block in text.split("; "):
            called, _, layers = block.partition(": ")
            lines.append(f"- name: {called}\n  layers:")
            for layer in layers.split(", "):
                own, _, spec = layer.partition("=")
                lines.append(f"  - {spec}{' -o8' if 'conv' in spec else ''}:\n    name: {own}")
        Path(name).write_text("\n".join(lines))
    assert changed(gate, "old.yaml", "new.yaml") == told


def test_what_grew_may_have_become_several(gate: Run) -> None:
    """A pointwise layer of 64 params that became two, of 72 and 64."""
    Path("specs/bare.yaml").write_text(SEPARABLE.replace("separable -k3 -o8 -p1", "pointwise -o8"))
    project = (
        '[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\nbaseline = "base.json"\nmax-increase = {params = "0%"}\n'
    )
    Path("pyproject.toml").write_text(project)
    assert gate("baseline", "-o", "base.json", "--force")[0] == 0
    Path("specs/bare.yaml").write_text(
        SEPARABLE.replace("separable -k3 -o8 -p1", "depthwise -k3 -p1, transposed -k1 -o8")
    )
    assert "    grew: b[0]/pointwise by 72 (64 -> 136), b[1]/pointwise by 72" in gate("check")[1]


def test_equal_changes_are_one_row_by_their_indices(gate: Run) -> None:
    """Blocks in blocks: 2 stages of 3 blocks, one of them as it was."""
    text = """\
input: 16x16x8
parameters: {a: 3, b: 3}
blocks:
  b(k): ["conv -k{k} -o8 -p{k // 2}", act relu]
  s(k): [{layers: ["b k={k}"], repeat: 3}]
layers: ["s k={a}", "s k={a}", "s k={b}"]
"""
    Path("old.yaml").write_text(text)
    Path("new.yaml").write_text(text.replace("a: 3", "a: 5"))
    assert [row[:3] for row in rows_of(gate, "old.yaml", "new.yaml")] == [["s[0..1]/b[0..2]/conv", "6", "changed"]]
    Path("new.yaml").write_text(text.replace("a: 3, b: 3", "a: 3, b: 5"))
    assert [row[:3] for row in rows_of(gate, "old.yaml", "new.yaml")] == [["s[2]/b[0..2]/conv", "3", "changed"]]
    Path("new.yaml").write_text(text.replace('layers: ["s k={a}", "s', 'layers: ["s k=5", "s').replace("b: 3", "b: 5"))
    rows = [row[:3] for row in rows_of(gate, "old.yaml", "new.yaml")]
    assert rows == [["s[0]/b[0..2]/conv", "3", "changed"], ["s[2]/b[0..2]/conv", "3", "changed"]]
    printed = [int(row[5].replace(",", "")) for row in rows_of(gate, "old.yaml", "new.yaml")]
    document = json.loads(gate("diff", "old.yaml", "new.yaml", "--format", "json")[1])
    assert sum(printed) == sum(layer["old"]["params"] for layer in document["layers"]) == 6 * 576
    assert len(document["layers"]) == 6


# --- Markdown, for a comment -----------------------------------------------------------------------------------------


def markdown(gate: Run, *args: str) -> str:
    code, out, err = gate("diff", *args, "--format", "markdown")
    assert (code, err) in [(0, ""), (3, "")]
    assert len(out) < 60_000
    return out


def test_markdown_fits_a_comment_whatever_the_networks(gate: Run) -> None:
    large = "".join(f"- conv -k{1 + 2 * (at % 7)} -o{1 + at % 50} -p same\n" for at in range(2000))
    Path("large.yaml").write_text(f"input: 16x16x8\nlayers:\n{large}")
    Path("small.yaml").write_text("input: 16x16x8\nlayers: [act relu]\n")
    out = markdown(gate, "small.yaml", "large.yaml")
    assert len(out) > 58_000
    (left,) = re.findall(r"^… ([\d,]+) more rows: --format json has all$", out, re.MULTILINE)
    assert out.endswith("\n\n</details>\n")
    assert len(re.findall(r"^\| conv", out, re.MULTILINE)) + int(left.replace(",", "")) == 2001  # and act
    documents = json.loads(gate("diff", "small.yaml", "large.yaml", "--format", "json")[1])
    assert len(documents["layers"]) == 2001
    heaviest = max(documents["layers"], key=lambda layer: layer["change"]["params"])
    assert heaviest["name"].replace("[", "\\[").replace("]", "\\]") in out

    name = "x" * 190
    deep = "act relu"
    for _ in range(40):
        deep = f"{{name: {name}, layers: [{deep}]}}"
    Path("deep.yaml").write_text(f"input: 16x16x8\nlayers: [{deep}, {deep.replace('relu', 'tanh')}]\n")
    markdown(gate, "small.yaml", "deep.yaml")

    line = "16x16x8, " + ", ".join(["act relu", "act tanh"] * 2000)
    markdown(gate, "small.yaml", line)
    uncounted = "".join(f"- uncounted Fancy{at} --to 16x16x8\n" for at in range(2000))
    Path("gaps.yaml").write_text(f"input: 16x16x8\nlayers:\n{uncounted}")
    assert "more lines: --format json has all" in markdown(gate, "small.yaml", "gaps.yaml")
    inputs = ", ".join(f"{'i' * 100}{at}: 8x8x{at + 1}" for at in range(600))
    Path("wide.yaml").write_text(f"inputs: {{{inputs}}}\nlayers: [act relu]\n")
    markdown(gate, "small.yaml", "wide.yaml")


def test_markdown_of_efficientnets_fits_a_comment(gate: Run) -> None:
    larger = ("--set", "width=2.0", "--set", "depth=3.1", "--input", "600x600x3")
    assert gate("network", "zoo:efficientnet_b0", *larger, "--expand", "-o", "b7.yaml")[0] == 0
    out = markdown(gate, "zoo:efficientnet_b0", "b7.yaml")
    assert "more rows" not in out


def test_a_diff_of_many_layers_takes_no_time(gate: Run) -> None:
    many = "".join(f"- conv -k3 -o{8 + at % 3} -p same\n- act relu\n" for at in range(2500))
    Path("many.yaml").write_text(f"input: 16x16x8\nlayers:\n{many}")
    Path("more.yaml").write_text(f"input: 16x16x8\nlayers:\n- act relu\n{many.replace('-o8', '-o9')}")
    began = time.process_time()
    assert gate("diff", "many.yaml", "more.yaml")[0] == 0
    assert time.process_time() - began < 30


def test_a_diff_in_numbers(gate: Run) -> None:
    Path("new.yaml").write_text(LARGER)
    code, out, err = gate(
        "diff", "specs/bare.yaml", "new.yaml", "--max-increase", "macs=25%", "--max-increase", "params=1k"
    )
    assert (code, err) == (1, "")
    assert "  OVER: params 6,352 > 6,168 (1k over 5,168 before), over by 184, 3.0 %\n" in out
    assert re.search(r"^macs +5,292,032 +6,504,448 +\+1,212,416 +\+22.9 %$", out, re.MULTILINE)
    assert gate("diff", "specs/bare.yaml", "new.yaml", "--max-increase", "22.9%")[0] == 1
    assert gate("diff", "specs/bare.yaml", "new.yaml", "--max-increase", "macs=22.92%")[0] == 0
    assert gate("diff", "new.yaml", "specs/bare.yaml", "--max-increase", "0%")[0] == 0
    assert gate("diff", "new.yaml", "new.yaml", "--max-increase", "0%")[0] == 0
    document = json.loads(gate("diff", "specs/bare.yaml", "new.yaml", "--format", "json")[1])
    assert document["totals"][0] == {
        "metric": "macs", "old": 5292032, "new": 6504448, "change": 1212416, "percent": 22.9102,
    }  # fmt: skip
    (conv, dense) = document["layers"]
    assert (conv["change"]["params"], conv["percent"]["params"], dense["change"]["params"]) == (1152, 25.0, 32)


def test_markdown_of_a_diff_is_short_and_folds_the_rest(gate: Run) -> None:
    Path("new.yaml").write_text(LARGER)
    out = gate("diff", "specs/bare.yaml", "new.yaml", "--format", "markdown")[1]
    head, _, rest = out.partition("<details><summary>Layers</summary>\n\n| layer | what |")
    assert len(head.splitlines()) < 20
    assert rest.endswith("\n\n</details>\n")


BAD_INCREASES = [
    (["macs=2"], None),  # two more macs are a limit, however small
    (["macs=0.0029k", "params=1.5k", "traffic=1.5KiB"], None),
    (["macs=1.5"], ("--max-increase macs=1.5: '1.5' is not a whole number: a growth limit is a percentage or a "
     "whole number\n  hint: for example 2%\n")),
    (["2"], ("--max-increase 2: '2' is not a percentage: expected digits, perhaps a point, and %\n"
     "  hint: sepcalc diff specs/net.yaml specs/net.yaml --max-increase 2%\n")),
    (["mac=2%"], ("--max-increase mac=2%: unknown metric 'mac': expected macs, mults, adds, compares, divs, specials, "
     "params, buffers, activations, flops, effective-macs, traffic, peak-memory, params-bytes\n"
     "  hint: sepcalc diff specs/net.yaml specs/net.yaml --max-increase macs=2%\n")),
    (["2%", "3%"], "--max-increase gives two limits for every metric\n"),
    (["macs=2%", "macs=3%"], "--max-increase macs=3%: macs is limited twice\n"),
    (["macs=-2%"], ("--max-increase macs=-2%: '-2%' is not a percentage: expected digits, perhaps a point, and %\n"
     "  hint: for example 2%\n")),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), BAD_INCREASES)
def test_increases_are_read(given: list[str], message: str | None, gate: Run) -> None:
    options = [word for text in given for word in ("--max-increase", text)]
    code, _, err = gate("diff", "specs/net.yaml", "specs/net.yaml", *options)
    assert (code, err) == ((0, "") if message is None else (2, message))


# --- git -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(gate: Run) -> None:
    """A commit of the project, on the branch main."""
    Path(".git").rmdir()
    git("init", "-q", "-b", "main")
    Path("specs/link.yaml").symlink_to("net.yaml")
    Path("specs/out.yaml").symlink_to("/etc/hosts")
    Path("specs/gone.yaml").symlink_to("nowhere.yaml")
    git("add", ".")
    git("commit", "-qm", "one")


@pytest.mark.usefixtures("history")
def test_a_revision_is_read_as_git_does(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("specs/bare.yaml").write_text(LARGER)
    code, out, err = gate("diff", "git:main:specs/bare.yaml", "specs/bare.yaml", "--max-increase", "macs=2%")
    assert (code, err) == (1, "")
    assert re.search(r"^macs +5,292,032 +6,504,448 +\+1,212,416 +\+22.9 %$", out, re.MULTILINE)
    monkeypatch.chdir("specs")
    assert gate("diff", "git:HEAD:./bare.yaml", "git:main~0:specs/bare.yaml", "--max-increase", "0%")[0] == 0
    assert gate("check", "git:main:specs/net.yaml")[0] == 0
    assert gate("network", "git:main:specs/link.yaml")[0] == 0


REVISIONS = [
    ("git:main", ("expected git:REVISION:PATH\n"
     "  hint: for example git:main:specs/net.yaml, or git:HEAD~1:./net.yaml from the working folder\n")),
    ("git::specs/net.yaml", ("expected git:REVISION:PATH\n"
     "  hint: for example git:main:specs/net.yaml, or git:HEAD~1:./net.yaml from the working folder\n")),
    ("git:-x:specs/net.yaml", "a revision cannot begin with a dash\n"),
    ("git:mian:specs/net.yaml", "git says: invalid object name 'mian'.\n"),
    ("git:main:specs/nte.yaml", "git says: path 'specs/nte.yaml' does not exist in 'main'\n"),
    ("git:main:specs.yaml/", ("unknown kind of file: expected .yaml or .yml\n"
     "  hint: a PyTorch module goes by package.module:name, with --input; any other model as ONNX\n")),
    ("git:main:specs/out.yaml", "a symbolic link in this path leads out of the repository\n"),
    ("git:main:specs/gone.yaml", "a symbolic link in this path leads to nothing\n"),
    (
        "git:main:base.json",
        (
            "this is a baseline, not a network\n"
            "  hint: sepcalc check FILE --baseline BASELINE --max-increase 2% compares with it\n"
        ),
    ),
]  # fmt: skip


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("argument", "message"), REVISIONS)
def test_revisions_that_cannot_be_read(argument: str, message: str, gate: Run) -> None:
    code, out, err = gate("network", argument)
    from sepcalc.importers.formats import SUFFIXES

    known = " or ".join(SUFFIXES)
    assert (code, out, err) == (2, "", f"{argument}: {message.replace('.yaml or .yml', known)}")


IN_CI = (
    "Both sides hold the same bytes. In a pull request's CI HEAD is the pull request itself: name its base, "
    "for example git:origin/main:specs/net.yaml."
)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("git:HEAD:specs/net.yaml", "specs/net.yaml", IN_CI),
        ("specs/net.yaml", "git:HEAD:specs/net.yaml", IN_CI),
        ("git:main:specs/net.yaml", "specs/link.yaml", "Both sides hold the same bytes."),
        ("8x8x3, conv -k3 -o8", "8x8x3, conv -k3 -o8", "Both sides hold the same bytes."),
        ("git:HEAD:specs/net.yaml", "specs/bare.yaml", ""),  # all counts are equal, but not the files
        ("8x8x3, conv -k3 -o8", "8x8x3, conv  -k3 -o8", ""),
    ],
)
def test_a_diff_of_the_same_bytes_says_so(old: str, new: str, said: str, gate: Run) -> None:
    code, out, err = gate("diff", old, new, "--max-increase", "macs=0%")
    assert (code, err) == (0, "")
    assert f"\n  {said}\n" in out if said else "same bytes" not in out
    assert json.loads(gate("diff", old, new, "--format", "json")[1])["same_bytes"] is bool(said)
    for form in ("github", "markdown"):
        assert ("hold the same bytes." in gate("diff", old, new, "--format", form)[1]) is bool(said)


@pytest.mark.usefixtures("history")
def test_included_files_are_bytes_of_a_side_too(gate: Run) -> None:
    Path("specs/b.yaml").write_text("blocks: {b(): [pointwise -o8]}\n")
    Path("specs/with.yaml").write_text("input: 8x8x3\ninclude: b.yaml\nlayers: [b]\n")
    git("add", ".")
    git("commit", "-qm", "two")
    sides = ("git:main:specs/with.yaml", "specs/with.yaml")
    assert "same bytes" in gate("diff", *sides)[1]
    Path("specs/b.yaml").write_text("blocks: {b(): [pointwise -o9]}\n")
    assert "same bytes" not in gate("diff", *sides)[1]


@pytest.mark.usefixtures("history")
def test_the_bytes_of_a_model_file_are_compared_too(gate: Run) -> None:
    keras = Path(__file__).parent / "data" / "keras" / "separable.keras"
    for name in ("a.keras", "b.keras"):
        Path(name).write_bytes(keras.read_bytes())
    git("add", ".")
    git("commit", "-qm", "two")
    assert "same bytes" in gate("diff", "a.keras", "b.keras")[1]
    assert "same bytes" in gate("diff", "git:HEAD~0:a.keras", "b.keras")[1]
    Path("b.keras").write_bytes(keras.read_bytes() + b" ")
    assert "same bytes" not in gate("diff", "a.keras", "b.keras")[1]


@pytest.mark.usefixtures("history")
def test_a_revision_has_no_control_characters(gate: Run) -> None:
    assert (
        gate("network", "git:main:a\nb.yaml")[2]
        == "git:main:a\\nb.yaml: a revision and a path have no control characters\n"
    )


@pytest.mark.usefixtures("history")
def test_a_revision_includes_from_itself(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("specs/blocks").mkdir()
    Path("specs/blocks/b.yaml").write_text("blocks: {b(): [pointwise -o8]}\n")
    Path("specs/with.yaml").write_text("input: 8x8x3\ninclude: blocks/b.yaml\nlayers: [b]\n")
    Path("specs/out.yaml").unlink()
    Path("specs/out.yaml").write_text("input: 8x8x3\ninclude: ../base.yaml\nlayers: [b]\n")
    Path("specs/none.yaml").write_text("input: 8x8x3\ninclude: blocks/c.yaml\nlayers: [b]\n")
    git("add", ".")
    git("commit", "-qm", "two")
    Path("specs/blocks/b.yaml").unlink()
    assert gate("network", "git:main:specs/with.yaml")[0] == 0
    code, _, err = gate("network", "git:main:specs/out.yaml")
    assert code == 2
    assert "specs/out.yaml:2:10: include: '../base.yaml' leads out of the folder of the network\n" in err
    code, _, err = gate("network", "git:main:specs/none.yaml")
    assert code == 2
    assert "include: 'blocks/c.yaml': git says: path 'specs/blocks/c.yaml' does not exist in 'main'\n" in err
    monkeypatch.chdir("specs")
    assert gate("network", "git:HEAD:./with.yaml")[0] == 0
    assert gate("network", "git:HEAD~1:./with.yaml")[0] == 2


SHIFTED = [
    f"8x8x3, {3 * f'conv -k3 -o4 -p {pad}, '}conv -k5 -o4 -p {wide}, conv -k1 -o2, conv -k3 -o8 -p {pad}"
    for pad, wide in (("1", "2"), ("0/2x0/2", "1/3x1/3"))
]


def test_layers_that_differ_in_their_traffic_alone_are_told(gate: Run) -> None:
    """A part of 64 elements of 256, or of 1,024: 4 bytes for each of what is read and written."""
    old, new = "16x16x1, slice --to 8x8x1", "32x32x1, slice --to 8x8x1"
    code, out, _ = gate("diff", old, new)
    said = "Other traffic in 1 layer that is otherwise the same: slice 1.25 KiB -> 4.25 KiB"
    assert (code, out.splitlines()[-2:]) == (0, ["  Layers: 1 unchanged", f"  {said}"])
    document = json.loads(gate("diff", old, new, "--format", "json")[1])
    assert (document["unchanged"], document["layers"]) == (1, [])
    assert document["differing"] == [
        {"name": "slice", "old_name": "slice", "metric": "traffic", "old": 1280, "new": 4352}
    ]


def test_layers_that_differ_in_what_their_padding_hides_are_told(gate: Run) -> None:
    """A window of 3 with a border of 1 on both sides meets 3*8 - 2 = 22 of the 8 elements along an axis, one with 2
    behind it 24 - 2 - 1 = 21: 22² or 21² of them, times the channels in and out."""
    old, new = SHIFTED
    *_, line = gate("diff", old, new)[1].splitlines()
    three, four, eight = 3 * 4, 2 * 4 * 4, 2 * 8
    parts = [(22 * 22 * times, 21 * 21 * times) for times in (three, four)]
    told = ", ".join([f"{name} {a:,} -> {b:,}" for name, (a, b) in zip(("conv[0]", "conv[1..2]"), parts)])
    assert line == (
        f"  Other effective-macs in 5 layers that are otherwise the same: {told}, conv[3] 18,496 -> 17,424 and 1 more"
    )
    found = json.loads(gate("diff", old, new, "--format", "json")[1])["differing"]
    assert [(one["old"], one["new"]) for one in found][-1] == (22 * 22 * eight, 21 * 21 * eight)
    assert json.loads(gate("diff", old, old, "--format", "json")[1])["differing"] == []
