"""That nothing passes that should not.

WRONG_PASSES is the table of ways in which a gate could pass wrongly. Each begins with a project that passes, and breaks
one thing of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gating import BARE, LARGER, NET, PROJECT, Run, report

import sepcalc
import sepcalc.gate
from sepcalc.errors import InputError
from sepcalc.gate import limits
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.ops.base import Uncounted


def test_the_project_passes(gate: Run) -> None:
    code, out, err = gate("check")
    assert (code, err) == (0, "")
    assert out == (
        "check  metric                   actual      limit  verdict    used\n"
        "bare   macs                  5,292,032  6,000,000  ok       88.2 %  █████████████████▋\n"
        "       macs of conv*         5,160,960  6,000,000  ok       86.0 %  █████████████████▎\n"
        "       growth of 14 metrics                        ok\n"
        "\n"
        "  1 checked: 1 passed\n"
    )
    assert gate("check", "specs/net.yaml")[0] == 0
    assert gate("check", "--quiet") == (0, "", "")


# --- ways to pass wrongly --------------------------------------------------------------------------------------------


Break = Callable[[], object]


def write(path: str, text: str | bytes) -> Break:
    return lambda: Path(path).write_bytes(text.encode() if isinstance(text, str) else text)


def change(path: str, old: str, new: str) -> Break:
    def do() -> None:
        text = Path(path).read_text()
        assert old in text
        Path(path).write_text(text.replace(old, new))

    return do


def toml(old: str, new: str) -> Break:
    return change("pyproject.toml", old, new)


def base(old: str, new: str) -> Break:
    return change("base.json", old, new)


def budget(text: str) -> Break:
    return change("specs/net.yaml", "{params: 6k, macs: 6M}", text)


def several(*steps: Break) -> Break:
    return lambda: [step() for step in steps]


def nothing() -> None:
    """Breaks nothing."""


def remove(path: str) -> Break:
    return lambda: Path(path).unlink()


def folder(path: str) -> Break:
    return several(remove(path), lambda: Path(path).mkdir())


def link(path: str, target: str) -> Break:
    return several(remove(path), lambda: Path(path).symlink_to(target))


def outside() -> None:
    """A file beside the project that would pass, and a link to it."""
    target = Path("..") / f"{Path.cwd().name}-outside.yaml"
    target.write_text(NET)
    Path("specs/net.yaml").unlink()
    Path("specs/net.yaml").symlink_to(target.resolve())


def go(path: str) -> Break:
    def do() -> None:
        Path(path).mkdir(exist_ok=True, parents=True)
        os.chdir(path)

    return do


def another_project(where: str) -> Break:
    """The working folder is another repository, in this one."""
    return several(go(where), lambda: Path(".git").mkdir())


def move() -> None:
    Path("specs/bare.yaml").rename("specs/moved.yaml")


def rewritten(how: Callable[[Any], object]) -> None:
    data = json.loads(Path("base.json").read_text())
    how(data)
    Path("base.json").write_text(json.dumps(data))


def drop(key: str) -> None:
    """Empties a part of the baseline."""

    def empty(data: Any) -> None:
        where = data if key == "networks" else data["networks"][0]
        where[key] = type(where[key])()

    rewritten(empty)


def negate(count: str) -> None:
    """A negative count whose sum is right."""

    def negative(data: Any) -> None:
        (network,) = data["networks"]
        for part in (network["totals"], network["layers"][0]):
            part[count] = -1

    rewritten(negative)


def twice() -> None:
    rewritten(lambda data: data["networks"].append(data["networks"][0]))


NET_FILE = ("specs/net.yaml",)
WRONG_PASSES: list[tuple[str, Break, tuple[str, ...], int]] = [  # what, how, the arguments of check, its exit code
    # the file
    ("a file that is missing", nothing, ("specs/nte.yaml",), 2),
    ("one of two files is missing", nothing, ("specs/net.yaml", "specs/nte.yaml"), 2),
    ("an empty file", write("specs/net.yaml", ""), NET_FILE, 2),
    ("a file of comments", write("specs/net.yaml", "# budget: {macs: 1}\n"), NET_FILE, 2),
    ("a file of bytes", write("specs/net.yaml", b"\x00\xff\xfe"), NET_FILE, 2),
    ("a file that is a folder", folder("specs/net.yaml"), NET_FILE, 2),
    ("a broken link", link("specs/net.yaml", "gone.yaml"), NET_FILE, 2),
    ("a link to itself", link("specs/net.yaml", "net.yaml"), NET_FILE, 2),
    ("a link out of the project", outside, NET_FILE, 2),
    ("a file that cannot be read", several(remove("specs/net.yaml"), lambda: os.mkfifo("specs/net.yaml")), NET_FILE, 2),
    ("an unknown kind of file", write("specs/net.txt", NET), ("specs/net.txt",), 2),
    ("no layers", write("specs/net.yaml", NET.split("layers")[0]), NET_FILE, 2),
    ("an empty list of layers", write("specs/net.yaml", NET.split("layers")[0] + "layers: []\n"), NET_FILE, 2),
    ("all layers left out", change("specs/net.yaml", "layers:", "layers:\n- when: false\n  layers:"), NET_FILE, 2),
    ("an unknown layer", change("specs/net.yaml", "pointwise", "ponitwise"), NET_FILE, 2),
    ("two documents", change("specs/net.yaml", "layers:", "---\nlayers:"), NET_FILE, 2),
    ("an argument that is empty", nothing, ("",), 2),
    ("a glob that the shell left", nothing, ("specs/*.yml",), 2),
    ("a revision of no repository", nothing, ("git:main:specs/net.yaml",), 2),
    ("a revision like an option", nothing, ("git:--help:specs/net.yaml",), 2),
    # the budget in the file
    ("over budget", budget("{macs: 5292031}"), NET_FILE, 1),
    ("over one of two limits", budget("{params: 6k, macs: 5M}"), NET_FILE, 1),
    ("over with a decimal", budget("{macs: 5292031.9}"), NET_FILE, 1),
    ("over in bytes of params", budget("{params-bytes: 20KiB}"), NET_FILE, 1),  # 20,672
    ("over in peak memory", budget("{peak-memory: 192KiB - 1}"), NET_FILE, 2),
    ("no budget", write("specs/net.yaml", BARE), NET_FILE, 2),
    ("an empty budget", budget("{}"), NET_FILE, 2),
    ("a budget of nothing", budget(""), NET_FILE, 2),
    ("a budget that lost its indent", budget("\nmacs: 6M"), NET_FILE, 2),
    ("a budget that is a list", budget("[macs, 6M]"), NET_FILE, 2),
    ("a budget that is a text", budget("macs 6M"), NET_FILE, 2),
    ("a misspelt budget", change("specs/net.yaml", "budget:", "budgets:"), NET_FILE, 2),
    ("a budget within a layer", several(write("specs/net.yaml", BARE + "    budget: {macs: 1}\n")), NET_FILE, 2),
    ("a misspelt metric", budget("{parms: 6k}"), NET_FILE, 2),
    ("a metric in capitals", budget("{MACs: 6M}"), NET_FILE, 2),
    ("a metric twice", budget("{macs: 5M, macs: 6M}"), NET_FILE, 2),
    ("a metric in two spellings", budget("{peak-memory: 1, peak_memory: 1M}"), NET_FILE, 2),
    ("NaN", budget("{macs: .nan}"), NET_FILE, 2),
    ("infinity", budget("{macs: .inf}"), NET_FILE, 2),
    ("a negative limit", budget("{macs: -6M}"), NET_FILE, 2),
    ("a limit of nothing", budget("{macs: }"), NET_FILE, 2),
    ("null", budget("{macs: null}"), NET_FILE, 2),
    ("a comma for a point", budget('{macs: "5,3M"}'), NET_FILE, 2),
    ("a comma of thousands", budget('{macs: "6,000"}'), NET_FILE, 2),
    ("milli", budget("{macs: 6 m}"), NET_FILE, 2),
    ("an exponent", budget("{macs: 6e9}"), NET_FILE, 2),
    ("octal", budget("{macs: 060000000}"), NET_FILE, 2),
    ("hexadecimal", budget("{macs: 0xffffff}"), NET_FILE, 2),
    ("sixty seconds", budget("{macs: 1:00:00:00:00}"), NET_FILE, 2),
    ("megabytes", budget("{peak-memory: 6MB}"), NET_FILE, 2),
    ("bytes of a count", budget("{macs: 6MiB}"), NET_FILE, 2),
    ("fullwidth digits", budget('{macs: "\uff16M"}'), NET_FILE, 2),
    ("a limit of many", budget("{macs: [6M]}"), NET_FILE, 2),
    ("an unknown level", budget("{macs: 1, level: warning}"), NET_FILE, 2),
    ("zero layers matched", budget('{layers: {"block*": {macs: 6M}}}'), NET_FILE, 2),
    ("layers over together", budget('{layers: {"conv*": {macs: 5M}}}'), NET_FILE, 1),
    ("one layer over by itself", budget('{layers: {"conv*": {macs: 4M, each: true}}}'), NET_FILE, 1),
    ("layers without limits", budget('{layers: {"conv*": {}}}'), NET_FILE, 2),
    ("no layers in layers", budget("{layers: {}}"), NET_FILE, 2),
    ("a layer's peak memory", budget('{layers: {"conv*": {peak-memory: 6M}}}'), NET_FILE, 2),
    ("astray from what was published", budget("{macs: 6M}\npublished: {macs: 9M}"), NET_FILE, 1),
    # the command line
    ("over on the command line", nothing, (*NET_FILE, "--max", "params=5167"), 1),
    ("a misspelt metric on the command line", nothing, (*NET_FILE, "--max", "parms=5k"), 2),
    ("no limit on the command line", nothing, (*NET_FILE, "--max", "macs"), 2),
    ("an empty limit on the command line", nothing, (*NET_FILE, "--max", "macs="), 2),
    ("NaN on the command line", nothing, (*NET_FILE, "--max", "macs=nan"), 2),
    ("one metric twice on the command line", nothing, (*NET_FILE, "--max", "macs=1", "--max", "macs=6M"), 2),
    ("an unknown option", nothing, (*NET_FILE, "--maximum", "macs=1"), 2),
    ("an unknown parameter", nothing, (*NET_FILE, "--set", "widht=1"), 2),
    ("settings for no file", nothing, ("--set", "width=1"), 2),
    ("an unknown format", nothing, (*NET_FILE, "--format", "xml"), 2),
    ("an output that is there", nothing, (*NET_FILE, "-o", "specs/net.yaml"), 2),
    ("an output that cannot be written", nothing, (*NET_FILE, "-o", "gone/report.txt"), 2),
    ("growth beyond no baseline", nothing, (*NET_FILE, "--max-increase", "2%"), 2),
    ("growth that is given, where pyproject.toml only warns",
     several(write("specs/bare.yaml", LARGER),
             write("pyproject.toml", PROJECT.split("baseline")[0] + 'level = "warn"\n'), base("", "")),
     ("specs/bare.yaml", "--baseline", "base.json", "--max-increase", "2%"), 1),
    ("a baseline without a limit", nothing, (*NET_FILE, "--baseline", "base.json"), 2),
    ("a file that passes beside one without a budget", write("specs/two.yaml", BARE), (*NET_FILE, "specs/two.yaml"), 2),
    ("unbudgeted skipped, but unreadable", write("specs/two.yaml", "x"), ("specs/two.yaml", "--skip-unbudgeted"), 2),
    ("unbudgeted skipped, but over", budget("{macs: 1}"), (*NET_FILE, "specs/bare.yaml", "--skip-unbudgeted"), 1),
    # pyproject.toml
    ("nothing configured", remove("pyproject.toml"), (), 2),
    ("an empty pyproject.toml", write("pyproject.toml", ""), (), 2),
    ("no checks", write("pyproject.toml", "[tool.sepcalc]\n"), (), 2),
    ("an empty list of checks", write("pyproject.toml", "[tool.sepcalc]\ncheck = []\n"), (), 2),
    ("no TOML", toml('"6M"}\n', '"6M"\n'), (), 2),
    ("bytes for a pyproject.toml", write("pyproject.toml", b"\xff[tool.sepcalc]"), (), 2),
    ("a pyproject.toml that is a folder", folder("pyproject.toml"), (), 2),
    ("a misspelt tool", toml("tool.sepcalc", "tool.sepclac"), (), 2),
    ("a misspelt tool beside a named file", toml("tool.sepcalc", "tool.sepclac"), NET_FILE, 2),
    ("a misspelt table", toml("sepcalc.check", "sepcalc.checks"), (), 2),
    ("a table for the array", toml("[[tool.sepcalc.check]]", "[tool.sepcalc.check]"), (), 2),
    ("a misspelt key", toml("max =", "maximum ="), (), 2),
    ("an underscore in max-increase", toml("max-increase", "max_increase"), (), 2),
    ("no path", toml('path = "specs/bare.yaml"\n', ""), (), 2),
    ("an empty path", toml('"specs/bare.yaml"', '""'), (), 2),
    ("a path that is a list", toml('"specs/bare.yaml"', '["specs/bare.yaml"]'), (), 2),
    ("a path to no file", toml("bare.yaml", "baer.yaml"), (), 2),
    ("a glob that matches no file", toml("bare.yaml", "*.yml"), (), 2),
    ("a glob that matches a folder", several(toml("bare.yaml", "*.yaml"), go("specs/x.yaml"), go("../..")), (), 2),
    ("a path out of the project", toml("specs/bare", "../bare"), (), 2),
    ("an absolute path", toml('"specs/bare.yaml"', '"/specs/bare.yaml"'), (), 2),
    ("a linked file out of the project", several(outside, toml("bare.yaml", "net.yaml")), (), 2),
    ("two checks with one name", several(write("pyproject.toml", 2 * PROJECT)), (), 2),
    ("two checks of one path", write("pyproject.toml", 2 * re.sub("name.*\n", "", PROJECT)), (), 2),
    ("over in pyproject.toml", toml("6M", "5M"), (), 1),
    ("over in pyproject.toml, the file named", toml("6M", "5M"), ("specs/bare.yaml",), 1),
    ("a limit that is a decimal", toml('"6M"}', "6.0}"), (), 2),
    ("a limit that is NaN", toml('"6M"}', "nan}"), (), 2),
    ("a limit that is true", toml('{macs = "6M"}\n', "{macs = true}\n"), (), 2),
    ("a limit that is a date", toml('{macs = "6M"}\n', "{macs = 2026-01-01}\n"), (), 2),
    ("a negative limit in pyproject.toml", toml('{macs = "6M"}\n', "{macs = -1}\n"), (), 2),
    ("an empty max", toml('{macs = "6M"}\n', "{}\n"), (), 2),
    ("a max that is a text", toml('{macs = "6M"}\n', '"6M"\n'), (), 2),
    ("zero layers matched in pyproject.toml", toml('"conv*"', '"block*"'), (), 2),
    ("a level of another name", toml("baseline", 'level = "ignore"\nbaseline'), (), 2),
    ("an unknown parameter in pyproject.toml", toml("baseline", "set = {widht = 1}\nbaseline"), (), 2),
    ("an input that is a list", toml("baseline", "input = [32, 32, 3]\nbaseline"), (), 2),
    ("an increase without a sign", toml('"2%"', '"2"'), (), 2),
    ("a negative increase", toml('"2%"', '"-2%"'), (), 2),
    ("an increase that is a number", toml('"2%"', "2"), (), 2),
    ("an increase of an unknown metric", toml('"2%"', '{mac = "2%"}'), (), 2),
    ("an increase of nothing", toml('"2%"', "{}"), (), 2),
    ("an increase without a baseline", toml('baseline = "base.json"\n', ""), (), 2),
    ("an empty baseline", toml('"base.json"', '""'), (), 2),
    ("a folder above the project", go(".."), (), 2),
    ("a folder in another project", another_project("deeper/other"), (), 2),
    ("over, seen from a folder of the project", several(toml("6M", "5M"), go("specs")), (), 1),
    # the baseline
    ("a baseline that is missing", remove("base.json"), (), 2),
    ("an empty baseline file", write("base.json", ""), (), 2),
    ("a baseline that is a folder", folder("base.json"), (), 2),
    ("a baseline of bytes", write("base.json", b"\xff"), (), 2),
    ("a baseline that is another JSON", write("base.json", "[]"), (), 2),
    ("a baseline of another format", base("sepcalc-baseline/1", "sepcalc-baseline/2"), (), 2),
    ("a baseline of other definitions", base('"definitions": 3', '"definitions": 1'), (), 2),
    ("a baseline of another version", base(sepcalc.__version__, "0.0.1"), (), 2),
    ("a baseline of another file", base("specs/bare.yaml", "specs/net.yaml"), (), 2),
    ("a baseline of another model", base('"tiny"', '"large"'), (), 2),
    ("a baseline of another input", base('"input": [32, 32, 3]', '"input": [64, 64, 3]'), (), 2),
    ("a baseline of other settings", toml("baseline", "set = {width = 2}\nbaseline"), (), 2),
    ("a baseline with a total of its own", base('"params": 5168', '"params": 9999'), (), 2),
    ("a baseline with flops of its own", base('"flops": 10530816', '"flops": 99999999'), (), 2),
    ("a baseline with effective macs of its own", base('"effective_macs": 5079232', '"effective_macs": 9'), (), 2),
    ("a baseline with traffic of its own", base('"traffic": 442560', '"traffic": 542560'), (), 2),
    ("a baseline with a layer's traffic of its own", base('"traffic": 79552', '"traffic": 99552'), (), 2),
    ("a baseline with a peak of its own", base('"peak_memory": 196608', '"peak_memory": 225280'), (), 2),
    ("a baseline of wider numbers", base('"params_bytes": 20672', '"params_bytes": 41344'), (), 2),
    ("a baseline with more that is stored", base('"stored": 432', '"stored": 4320'), (), 2),
    ("a baseline with more that lives", base('"reads": [1]', '"reads": [1, 0]'), (), 2),
    ("a baseline with what is read before it is there", base('"reads": [1]', '"reads": [2]'), (), 2),
    ("a baseline that writes nothing", base('"writes": true', '"writes": false'), (), 2),
    ("a baseline that writes something else", base('"writes": true', '"writes": 1'), (), 2),
    ("a baseline with other outputs", base('"outputs": [3]', '"outputs": [0, 3]'), (), 2),
    ("a baseline without outputs", base('"outputs": [3]', '"outputs": []'), (), 2),
    ("a baseline with outputs that are none", base('"outputs": [3]', '"outputs": [4]'), (), 2),
    ("a baseline without layers", lambda: drop("layers"), (), 2),
    ("a baseline without inputs", lambda: drop("inputs"), (), 2),
    ("a baseline without totals", lambda: drop("totals"), (), 2),
    ("a baseline of no networks", lambda: drop("networks"), (), 2),
    ("a baseline with a negative total and layer", lambda: negate("buffers"), (), 2),
    ("a baseline with a negative total", base('"params_bytes": 20672', '"params_bytes": -1'), (), 2),
    ("a baseline with a size of zero", base('"output": [32, 32, 16]', '"output": [32, 32, 0]'), (), 2),
    ("a baseline with a negative size", base('"output": [32, 32, 16]', '"output": [32, 32, -16]'), (), 2),
    ("a baseline with a count that is true", base('"buffers": 0', '"buffers": false'), (), 2),
    ("a baseline with a network twice", lambda: twice(), (), 2),
    ("a baseline that says it is incomplete", base('"complete": true', '"complete": false'), (), 2),
    ("a baseline with a negative count", base('"buffers": 0', '"buffers": -1'), (), 2),
    ("a baseline with NaN", base('"buffers": 0', '"buffers": NaN'), (), 2),
    ("a baseline with a decimal", base('"buffers": 0', '"buffers": 0.0'), (), 2),
    ("a baseline with a key twice", base('"buffers": 0', '"buffers": 0, "buffers": 0'), (), 2),
    ("a baseline without a metric", base(', "params_bytes": 20672', ""), (), 2),
    ("a baseline without networks", write("base.json", '{"format": "sepcalc-baseline/1"}'), (), 2),
    ("a baseline nested without end", write("base.json", "[" * 100_000), (), 2),
    ("growth", write("specs/bare.yaml", LARGER), (), 1),
    ("growth from nothing", change("specs/bare.yaml", "  - pointwise", "  - act relu\n  - pointwise"), (), 1),
    ("a file that moved", several(toml("bare.yaml", "moved.yaml"), move), (), 2),
]  # fmt: skip


@pytest.mark.parametrize(("what", "how", "args", "expected"), WRONG_PASSES, ids=[case[0] for case in WRONG_PASSES])
def test_nothing_passes_wrongly(what: str, how: Break, args: tuple[str, ...], expected: int, gate: Run) -> None:
    how()
    code, out, err = gate("check", *args)
    assert code == expected, (out, err)
    assert out if code == 1 else err
    assert "Traceback" not in out + err


def forged(*names: str) -> Break:
    """The total of something and the same of the first layer, both a little more."""

    def forge(data: Any) -> None:
        network = data["networks"][0]
        for name in names:
            network["totals"][name] += 4096
            network["layers"][0][name] += 4096

    return lambda: rewritten(forge)


GAP = {"name": "conv[0]", "kind": "conv", "reason": "x", "counts": ["mults", "adds"]}


@pytest.mark.parametrize(
    ("gap", "rule"),
    [
        (GAP, "an uncounted layer must be 0 in the counts that it lacks"),
        ({**GAP, "name": "sort"}, "an uncounted layer must be one of the layers"),
        ({**GAP, "kind": "sort"}, "an uncounted layer must be one of the layers"),
        ({**GAP, "counts": ["macs", "mults"]}, "without macs, all counts must be missing"),
    ],
)
def test_a_baseline_cannot_say_that_something_was_not_counted(gap: Any, rule: str, gate: Run) -> None:
    """Then the growth of no metric was limited."""
    rewritten(lambda data: data["networks"][0]["uncounted"].append(gap))
    code, _, err = gate("check")
    assert code == 2
    assert err.startswith(f"base.json: the baseline is not as sepcalc wrote it: {rule}\n")


def test_a_document_cannot_say_that_macs_alone_are_not_counted(gate: Run) -> None:
    """A limit to the growth of every metric left them out then."""
    text = BARE.replace("  - pointwise", "  - uncounted x --to 32x32x32 --counts macs\n  - pointwise")
    Path("specs/bare.yaml").write_text(text)
    code, _, err = gate("check")
    assert code == 2
    assert "if macs are unknown, all counts are" in err


@pytest.mark.parametrize("metric", ["traffic", "activations", "effective_macs"])
def test_a_layer_of_a_baseline_follows_from_where_it_stands(metric: str, gate: Run) -> None:
    """Its tensors say what it writes and moves."""
    if metric == "effective_macs":
        rewritten(lambda data: data["networks"][0]["layers"][2].update(effective_macs=131_073))
        rewritten(lambda data: data["networks"][0]["totals"].update(effective_macs=5_079_233))
    else:
        forged(metric)()
    code, _, err = gate("check")
    assert code == 2
    assert "the baseline is not as sepcalc wrote it: " in err


EMPTIED = [  # what is emptied of a baseline, and what is said of it
    ("networks", "the baseline has no networks"),
    ("layers", "the baseline is not as sepcalc wrote it: layers are a list"),
    ("inputs", "the baseline is not as sepcalc wrote it: inputs must be shapes by name"),
]


@pytest.mark.parametrize(("key", "said"), EMPTIED)
def test_an_empty_baseline_is_told(key: str, said: str, gate: Run) -> None:
    """Also where all of its sums are those of nothing."""

    def nothing_left(data: Any) -> None:
        (network,) = data["networks"]
        network["totals"] = dict.fromkeys(network["totals"], 0)
        for layer in network["layers"]:
            layer.update({name: 0 for name, value in layer.items() if type(value) is int})

    rewritten(nothing_left)
    drop(key)
    assert gate("check") == (2, gate("check")[1], f"base.json: {said}\n  hint: sepcalc baseline makes one\n")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"buffers": 0', '"buffers": 0.0', "a baseline has whole numbers only, not '0.0'"),
        ('"buffers": 0', '"buffers": 0e3', "a baseline has whole numbers only, not '0e3'"),
        ('"buffers": 0', '"buffers": Infinity', "a baseline has whole numbers only, not 'Infinity'"),
        ('"inputs": {', '"more": 1, "inputs": {', "the baseline is not as sepcalc wrote it: a network has the keys "),
        ('"kind": "conv"', '"kind": "conv", "x": 1', "the baseline is not as sepcalc wrote it: a layer has the keys "),
        ('"totals": {', '"totals": {"more": 1, ', "the baseline is not as sepcalc wrote it: totals has the keys "),
        ('"format"', '"more": 1, "format"', "the baseline is not as sepcalc wrote it: the baseline has the keys "),
    ],
)
def test_a_baseline_with_something_else_in_it_is_told(old: str, new: str, said: str, gate: Run) -> None:
    change("base.json", old, new)()
    code, _, err = gate("check")
    assert code == 2
    assert err.startswith(f"base.json: {said}")


def test_there_are_enough_ways() -> None:
    assert len({case[0] for case in WRONG_PASSES}) == len(WRONG_PASSES) >= 60


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "github", "junit"])
def test_every_format_has_the_same_exit_code(form: str, gate: Run) -> None:
    assert gate("check", "specs/net.yaml", "--format", form)[0] == 0
    assert gate("check", "specs/net.yaml", "--format", form, "--max", "macs=1")[0] == 1
    assert gate("check", "specs/net.yaml", "specs/gone.yaml", "--max", "macs=1", "--format", form)[0] == 2


# --- what could not be counted ---------------------------------------------------------------------------------------


@pytest.fixture
def uncounted(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network that is read has a layer that cannot be counted, as importers make them."""
    from sepcalc import source

    right = source.read

    def read(*args: Any) -> Any:
        document = right(*args)
        network = document.network
        gap = Node("mystery", Uncounted("FancyOp", "no rule for it", network.tensors[-1]), (0,), network.tensors[-1])
        nodes = [*network.nodes, gap]
        return document._replace(network=Network(network.name, network.inputs, nodes))

    monkeypatch.setattr("sepcalc.commands.subjects.read", read)


@pytest.mark.usefixtures("uncounted")
def test_an_incomplete_network_never_passes(gate: Run) -> None:
    code, out, err = gate("check", "specs/net.yaml")
    assert (code, err) == (3, "")
    assert "specs/net.yaml: INCOMPLETE, no pass\n  the totals are incomplete: one layer was not counted\n" in out
    assert "    mystery (FancyOp): no rule for it\n" in out
    assert report(gate, "specs/net.yaml")["checks"][0]["complete"] is False
    assert gate("check", "specs/net.yaml", "--max", "macs=1")[0] == 3
    assert gate("check", "specs/net.yaml", "specs/gone.yaml")[0] == 2
    code, out, _ = gate("check", "specs/net.yaml", "--allow-uncounted")
    assert code == 0
    assert "specs/net.yaml: a warning\n  the totals are incomplete" in out
    assert gate("check", "specs/net.yaml", "--allow-uncounted", "--max", "macs=1")[0] == 1
    assert gate("diff", "specs/net.yaml", "specs/net.yaml")[0] == 3
    assert gate("diff", "specs/net.yaml", "specs/net.yaml", "--allow-uncounted")[0] == 0
    assert gate("baseline", "specs/net.yaml", "-o", "new.json")[0] == 3
    assert not Path("new.json").exists()


@pytest.mark.parametrize("name", ["git:HEAD:specs", "zoo:mobilenet_v1"])
def test_a_file_cannot_hide_behind_another_network(name: str, gate: Run) -> None:
    """A file that is called as a revision or as a network of the zoo passed for that."""
    Path("git:HEAD:specs").mkdir()
    target = f"{name}/net.yaml" if name.startswith("git") else name
    Path(target).write_text(NET)
    code, _, err = gate("check", target, "--max", "macs=1G")
    assert (code, err) == (2, f"{target}: there is a file of this name, too\n  hint: ./{target} is the file\n")
    assert gate("network", target)[0] == 2
    assert gate("check", f"./{target}", "--max", "macs=1")[0] == (1 if target.endswith("yaml") else 2)


# --- a bug of our own ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "json", "markdown", "github", "junit"])
def test_a_broken_renderer_is_a_bug(form: str, gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(f"sepcalc.renderers.{form}.render", broken)
    code, out, err = gate("check", "specs/net.yaml", "--format", form)
    assert (code, out) == (70, "")
    assert err.startswith("a bug in sepcalc: ZeroDivisionError: planted\n")


def test_a_bug_in_one_check_is_the_answer_and_the_others_are_reported(
    gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = limits.measured

    def planted(network: Network, metric: str) -> int:
        if metric == "specials":
            raise ZeroDivisionError("planted")
        return right(network, metric)

    monkeypatch.setattr(limits, "measured", planted)
    Path("specs/two.yaml").write_text(NET.replace("macs: 6M", "specials: 1"))
    code, out, err = gate("check", "specs/two.yaml", "specs/net.yaml", "specs/gone.yaml")
    assert code == 70
    assert "3 checked: 1 bug, 1 passed, 1 error" in out
    assert err.startswith("a bug in sepcalc: ZeroDivisionError: planted\n")


def test_nobody_who_goes_away_turns_a_failure_into_a_pass(gate: Run) -> None:
    """Standard output is closed before anything is written."""
    for args in (["check", "specs/net.yaml", "--max", "macs=1"], ["network", "over.yaml"]):
        Path("over.yaml").write_text(NET.replace("6M", "1"))
        read, written = os.pipe()
        os.close(read)
        house = Path(__file__).parent.parent
        environment = {**os.environ, "PYTHONPATH": str(house)}
        done = subprocess.run([sys.executable, "-m", "sepcalc", *args], stdout=written, env=environment, check=False)
        os.close(written)
        assert done.returncode == 1


SHARING = """input: 8x8x4
layers:
  - conv -k3 -o6 -p same:
    name: alone
    shared-params: SHARED
"""


@pytest.mark.parametrize(
    "shared", ["216", "{alone: 216}", "{conv: 216}", "{input: 216}", "{}", "[alone]", "{alone: -1}"]
)
def test_params_are_shared_with_a_layer_that_has_them(shared: str, gate: Run, tmp_path: Path) -> None:
    """A number alone passed any limit on params."""
    target = tmp_path / "n.yaml"
    target.write_text(SHARING.replace("SHARED", shared))
    assert gate("check", str(target), "--max", "params=10")[0] == 2


LEFT_OUT = {  # layers on 8x8x4, how many of their params count, and what is said of the others
    "{LAYER: conv -k3 -o6, name: blur, constant-params: 200}": (16, "200 by constant-params (blur)"),
    "{LAYER: conv -k3 -o6, name: a}, {LAYER: conv -k3 -o6, shared-params: {a: 60}}": (
        480,
        "60 that layers share (conv)",
    ),
    "{LAYER: conv -k3 -o4 -psame, name: a, weights: a, repeat: 4}": (144, "432 that layers share (a[1] and 2 more)"),
    "{LAYER: reshape --to 64x4}, {matmul: {a: [], b: [constant --to 4x9 --no-learned]}}": (
        0,
        "36 by --no-learned (matmul/b/constant)",
    ),
    "{LAYER: reshape --to 64x4}, {matmul: {a: [], b: [constant --to 4x9 --buffer]}}": (
        0,
        "36 by --buffer (matmul/b/constant)",
    ),
    "{add: {a: [], b: [constant --to 8x8x4]}}": (0, "256 in constants, neither learned nor buffers (add/b/constant)"),
}


@pytest.mark.parametrize("layers", LEFT_OUT)
def test_what_a_document_takes_out_of_the_params_is_told(layers: str, gate: Run, tmp_path: Path) -> None:
    """They passed a limit in silence."""
    params, told = LEFT_OUT[layers]
    target = tmp_path / "n.yaml"
    entries = re.sub(r"LAYER: ([^,}]*)", r"\1: ", layers)
    target.write_text(f"input: 8x8x4\nlayers: [{entries}]\n")
    note = f"not counted in params, as the file says: {told}"
    network = sepcalc.load(target)
    assert (network.params, network.notes) == (params, (note,))
    (outcome,) = report(gate, str(target), "--max", f"params={params}")["checks"]
    assert (outcome["exit_code"], outcome["notes"]) == (0, [note])
    assert f"  note: {note}\n" in gate("check", str(target), "--max", "params=1M")[1]
    assert note in gate("diff", str(target), str(target))[1]
    gate("baseline", str(target), "-o", "kept.json")
    assert json.loads(Path("kept.json").read_text())["networks"][0]["notes"] == [note]


def test_notes_on_what_does_not_count_follow_a_rewrite(tmp_path: Path) -> None:
    target = tmp_path / "n.yaml"
    conv = "- conv -k3 -o8 -psame"
    shared = [conv, conv, f'{conv}:\n    shared-params: {{"conv[1]": 576}}', "- pool avg global", "- dense -o2"]
    target.write_text("input: 8x8x4\nlayers:\n  " + "\n  ".join(shared) + "\n")
    network = sepcalc.load(target)
    told = "not counted in params, as the file says: 576 that layers share (conv[2])"
    assert network.notes == (told,)
    assert told in network.fold_norm().notes
    narrow = sepcalc.whatif(network, width=0.5, divisor=1).after
    assert narrow.notes == (told.replace("576", "144"),)


def test_bytes_of_params_that_a_document_makes_fewer_are_told(gate: Run, tmp_path: Path) -> None:
    """A billionth of a byte for each passed any limit on params-bytes."""
    target = tmp_path / "n.yaml"
    text = "input: 8x8x4\nparam-bytes: BYTES\nlayers: [conv -k3 -o6]\n"
    target.write_text(text.replace("BYTES", "1/8"))
    (outcome,) = report(gate, str(target), "--max", "params-bytes=27")["checks"]
    assert outcome["notes"] == ["params-bytes is 27, as the file says by param-bytes: it is 864 at 4 bytes each"]
    for wide in ("4", "8"):
        target.write_text(text.replace("BYTES", wide))
        assert sepcalc.load(target).notes == ()
    target.write_text(text.replace("BYTES", "1/9"))
    code, _, err = gate("check", str(target), "--max", "params-bytes=27")
    assert code == 2
    assert "param-bytes is '1/9': less than a bit for each param" in err


STEP = """input: 8x64
layers:
  - scan: step
    states: {h: 1x64}
    next: [r]
    step:
      - reshape --to 1x64
      - matmul: {a: [], b: [constant --to 64x64HOW]}
        name: r
"""


def test_a_constant_that_a_product_reads_in_a_step_is_its_weights(tmp_path: Path) -> None:
    """It counted none there."""
    target = tmp_path / "n.yaml"
    target.write_text(STEP.replace("HOW", ""))
    assert sepcalc.load(target).params == 4096
    target.write_text(STEP.replace("HOW", " --no-learned"))
    network = sepcalc.load(target)
    (note,) = network.notes
    assert network.params == 0
    assert note.endswith("not counted in params, as the file says: r/b/constant, which a product reads in a step")
    target.write_text(
        STEP.replace("HOW", "").replace(
            "- reshape --to 1x64", "- dense -o64:\n        more-params: 9\n      - reshape --to 1x64"
        )
    )
    with pytest.raises(InputError, match="the layers of a step have weights of their own"):
        sepcalc.load(target)


def test_a_constant_that_a_product_reads_is_its_weights(gate: Run, tmp_path: Path) -> None:
    target = tmp_path / "n.yaml"
    target.write_text("input: 8x64\nlayers:\n  - matmul: {a: [], b: [constant --to 64x4096]}\n")
    assert gate("check", str(target), "--max", "params=262143")[0] == 1
    assert gate("check", str(target), "--max", "params=262144")[0] == 0
