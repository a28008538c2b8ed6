"""The gate: what a check says, what a baseline and a diff compare, and that nothing passes that should not.

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

import sepcalc.gate
from sepcalc.cli import run
from sepcalc.errors import InputError
from sepcalc.gate import limits
from sepcalc.network import Network, Node
from sepcalc.ops.base import Uncounted

NET = """\
name: tiny
input: 32x32x3
parameters: {width: 1}
budget: {params: 6k, macs: 6M}
layers:
  - conv -k3 -o{16 * width} -p same
  - conv -k3 -o32 -p same
  - dense -o4
"""  # 432 + 4608 + 128 params; 442,368 + 4,718,592 + 131,072 macs
BARE = NET.replace("budget: {params: 6k, macs: 6M}\n", "")
LARGER = BARE.replace("-o32", "-o40")
PROJECT = """\
[[tool.sepcalc.check]]
name = "bare"
path = "specs/bare.yaml"
max = {macs = "6M"}
layers = {"conv*" = {macs = "6M"}}
baseline = "base.json"
max-increase = "2%"
"""
Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


@pytest.fixture
def sep(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in a project that passes."""
    for name in ("COLUMNS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "net.yaml").write_text(NET)
    (tmp_path / "specs" / "bare.yaml").write_text(BARE)
    monkeypatch.chdir(tmp_path)

    def outcome(*args: str) -> Outcome:
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert outcome("baseline", "specs/bare.yaml", "-o", "base.json") == (0, "", "")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return outcome


def report(sep: Run, *args: str) -> Any:
    return json.loads(sep("check", *args, "--format", "json")[1])


def test_the_project_passes(sep: Run) -> None:
    code, out, err = sep("check")
    assert (code, err) == (0, "")
    assert out == (
        "check  metric                   actual      limit  verdict\n"
        "bare   macs                  5,292,032  6,000,000  ok\n"
        "       macs of conv*         5,160,960  6,000,000  ok\n"
        "       growth of 14 metrics                        ok\n"
        "\n"
        "  1 checked: 1 passed\n"
    )
    assert sep("check", "specs/net.yaml")[0] == 0
    assert sep("check", "--quiet") == (0, "", "")


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
    ("an unknown layer", change("specs/net.yaml", "dense", "dnese"), NET_FILE, 2),
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
    ("a baseline of other definitions", base('"definitions": 1', '"definitions": 2'), (), 2),
    ("a baseline of another version", base(sepcalc.__version__, "0.0.1"), (), 2),
    ("a baseline of another file", base("specs/bare.yaml", "specs/net.yaml"), (), 2),
    ("a baseline of another model", base('"tiny"', '"large"'), (), 2),
    ("a baseline of another input", base('"input": [32, 32, 3]', '"input": [64, 64, 3]'), (), 2),
    ("a baseline of other settings", toml("baseline", "set = {width = 2}\nbaseline"), (), 2),
    ("a baseline with a total of its own", base('"params": 5168', '"params": 9999'), (), 2),
    ("a baseline with a negative count", base('"buffers": 0', '"buffers": -1'), (), 2),
    ("a baseline with NaN", base('"buffers": 0', '"buffers": NaN'), (), 2),
    ("a baseline with a decimal", base('"buffers": 0', '"buffers": 0.0'), (), 2),
    ("a baseline with a key twice", base('"buffers": 0', '"buffers": 0, "buffers": 0'), (), 2),
    ("a baseline without a metric", base(', "params_bytes": 20672', ""), (), 2),
    ("a baseline without networks", write("base.json", '{"format": "sepcalc-baseline/1"}'), (), 2),
    ("a baseline nested without end", write("base.json", "[" * 100_000), (), 2),
    ("growth", write("specs/bare.yaml", LARGER), (), 1),
    ("growth from nothing", change("specs/bare.yaml", "  - dense", "  - act relu\n  - dense"), (), 1),
    ("a file that moved", several(toml("bare.yaml", "moved.yaml"), move), (), 2),
]  # fmt: skip


@pytest.mark.parametrize(("what", "how", "args", "expected"), WRONG_PASSES, ids=[case[0] for case in WRONG_PASSES])
def test_nothing_passes_wrongly(what: str, how: Break, args: tuple[str, ...], expected: int, sep: Run) -> None:
    how()
    code, out, err = sep("check", *args)
    assert code == expected, (out, err)
    assert out if code == 1 else err
    assert "Traceback" not in out + err


def test_there_are_enough_ways() -> None:
    assert len({case[0] for case in WRONG_PASSES}) == len(WRONG_PASSES) >= 60


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "github", "junit"])
def test_every_format_has_the_same_exit_code(form: str, sep: Run) -> None:
    assert sep("check", "specs/net.yaml", "--format", form)[0] == 0
    assert sep("check", "specs/net.yaml", "--format", form, "--max", "macs=1")[0] == 1
    assert sep("check", "specs/net.yaml", "specs/gone.yaml", "--max", "macs=1", "--format", form)[0] == 2


# --- what could not be counted ---------------------------------------------------------------------------------------


@pytest.fixture
def uncounted(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network that is read has a layer that cannot be counted, as importers make them."""
    from sepcalc import source

    right = source.read

    def read(*args: Any) -> Any:
        document = right(*args)
        network = document.network
        gap = Node("mystery", Uncounted("FancyOp", "no rule for it", network.tensors[-1]), (0,), network.tensors[-1])
        nodes = [*network.nodes, gap]
        return document._replace(network=Network(network.name, network.inputs, nodes))

    for command in ("check", "diff", "baseline"):
        monkeypatch.setattr(f"sepcalc.cli.{command}.read", read)


@pytest.mark.usefixtures("uncounted")
def test_an_incomplete_network_never_passes(sep: Run) -> None:
    code, out, err = sep("check", "specs/net.yaml")
    assert (code, err) == (3, "")
    assert "specs/net.yaml: INCOMPLETE, no pass\n  the totals are incomplete: one layer was not counted\n" in out
    assert "    mystery (FancyOp): no rule for it\n" in out
    assert report(sep, "specs/net.yaml")["checks"][0]["complete"] is False
    assert sep("check", "specs/net.yaml", "--max", "macs=1")[0] == 3
    assert sep("check", "specs/net.yaml", "specs/gone.yaml")[0] == 2
    code, out, _ = sep("check", "specs/net.yaml", "--allow-uncounted")
    assert code == 0
    assert "specs/net.yaml: a warning\n  the totals are incomplete" in out
    assert sep("check", "specs/net.yaml", "--allow-uncounted", "--max", "macs=1")[0] == 1
    assert sep("diff", "specs/net.yaml", "specs/net.yaml")[0] == 3
    assert sep("diff", "specs/net.yaml", "specs/net.yaml", "--allow-uncounted")[0] == 0
    assert sep("baseline", "specs/net.yaml", "-o", "new.json")[0] == 3
    assert not Path("new.json").exists()


# --- a bug of our own ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "json", "markdown", "github", "junit"])
def test_a_broken_renderer_is_a_bug(form: str, sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(f"sepcalc.renderers.{form}.render", broken)
    code, out, err = sep("check", "specs/net.yaml", "--format", form)
    assert (code, out) == (70, "")
    assert err.startswith("a bug in sepcalc: ZeroDivisionError: planted\n")


def test_a_bug_in_one_check_is_the_answer_and_the_others_are_reported(
    sep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = limits.measured

    def planted(network: Network, metric: str) -> int:
        if metric == "specials":
            raise ZeroDivisionError("planted")
        return right(network, metric)

    monkeypatch.setattr(limits, "measured", planted)
    Path("specs/two.yaml").write_text(NET.replace("macs: 6M", "specials: 1"))
    code, out, err = sep("check", "specs/two.yaml", "specs/net.yaml", "specs/gone.yaml")
    assert code == 70
    assert "3 checked: 1 bug, 1 passed, 1 error" in out
    assert err.startswith("a bug in sepcalc: ZeroDivisionError: planted\n")


def test_nobody_who_goes_away_turns_a_failure_into_a_pass(sep: Run) -> None:
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


# --- what a failure says ---------------------------------------------------------------------------------------------


def test_a_failure_says_by_how_much_and_why(sep: Run) -> None:
    Path("specs/net.yaml").write_text(
        NET.replace("{params: 6k, macs: 6M}", '{macs: 5M, level: error, message: "ask Ada"}')
    )
    code, out, err = sep("check", "specs/net.yaml", "--max", "peak-memory=100KiB")
    assert (code, err) == (1, "")
    # conv[0] as depthwise separable: 32·32·(27 + 48) of 32·32·432; conv[1] as spatial: 32·32·(2·3·16·32) of 32·32·4608
    assert out == (
        "check           metric          actual      limit  verdict\n"
        "specs/net.yaml  macs         5,292,032  5,000,000  OVER\n"
        "                peak-memory    196,608    102,400  OVER\n"
        "\n"
        "specs/net.yaml: OVER BUDGET\n"
        "  macs 5,292,032 > 5,000,000, over by 292,032, 5.8 %\n"
        "    heaviest: conv[1] 4.72 M (89.2 %), conv[0] 442,368 (8.4 %), dense 131,072 (2.5 %)\n"
        "    would fit: conv[0] as depthwise separable saves 365,568, or conv[1] as spatial saves 1.57 M\n"
        "    ask Ada\n"
        "  peak-memory 196,608 > 102,400, over by 92 KiB, 92.0 %\n"
        "    most activations: conv[1] 32,768, conv[0] 16,384, dense 4,096\n"
        "\n"
        "  1 checked: 1 failed\n"
    )


def test_a_failure_says_which_layers_grew(sep: Run) -> None:
    Path("specs/bare.yaml").write_text(LARGER.replace("  - dense", "  - conv -k1 -o8\n  - dense"))
    out = sep("check")[1]
    assert (
        "  params 6,544 > 5,271 (2% over 5,168 before), over by 1,273, 24.2 %\n"
        "    heaviest: conv[1] 5,760 (88.0 %), conv[0] 432 (6.6 %), conv[2] 320 (4.9 %)\n"
        "    grew: conv[1] by 1,152 (4,608 -> 5,760), conv[2] is new, 320\n"
    ) in out


def test_a_warning_passes_and_is_told(sep: Run) -> None:
    Path("specs/net.yaml").write_text(NET.replace("macs: 6M", "macs: 1, level: warn"))
    code, out, _ = sep("check", "specs/net.yaml")
    assert code == 0
    assert "specs/net.yaml: a warning\n  macs 5,292,032 > 1, over by 5.29 M" in out
    (check,) = report(sep, "specs/net.yaml")["checks"]
    assert (check["status"], [limit["passed"] for limit in check["budget"]]) == ("warned", [True, False])
    code, out, _ = sep("network", "specs/net.yaml")
    assert code == 0
    assert "OVER by 5,292,031 (529203100.00 %), a warning" in out
    assert sep("check", "specs/net.yaml", "--max", "macs=2")[0] == 1


def test_layers_are_limited_together_or_each(sep: Run) -> None:
    Path("specs/net.yaml").write_text(
        NET.replace("{params: 6k, macs: 6M}", '{layers: {"conv*": {macs: 5160960}, "conv[[]*": {params: 1}}}')
    )
    assert "no layer matches 'conv[[]*': its budget holds nothing" in sep("check", "specs/net.yaml")[2]
    Path("specs/net.yaml").write_text(
        NET.replace(
            "{params: 6k, macs: 6M}",
            '{layers: {"conv*": {macs: 5160960}, "conv[1]": {params: 4608}, "*": {macs: 4718592, each: true}}}',
        )
    )
    code, out, _ = sep("network", "specs/net.yaml", "--format", "json")
    assert code == 0
    scopes = [(limit["metric"], limit["scope"], limit["limit"], limit["actual"]) for limit in json.loads(out)["budget"]]
    assert scopes == [
        ("macs", "conv*", 5160960, 5160960),
        ("params", "conv[1]", 4608, 4608),
        ("macs", "conv[0]", 4718592, 442368),
        ("macs", "conv[1]", 4718592, 4718592),
        ("macs", "dense", 4718592, 131072),
    ]


def test_files_without_a_budget_are_skipped_and_told(sep: Run) -> None:
    Path("specs/free.yaml").write_text(BARE)
    code, out, err = sep("check", "specs/free.yaml", "specs/net.yaml", "--skip-unbudgeted")
    assert (code, err) == (0, "")
    assert "specs/free.yaml" in out
    assert "nothing to check it against, skipped" in out
    assert "2 checked: 1 skipped, 1 passed" in out
    code, out, err = sep("check", "specs/free.yaml")
    assert code == 2
    assert out == (
        "check            metric  actual  limit  verdict\n"
        "specs/free.yaml                         error\n"
        "\n"
        "  1 checked: 1 error\n"
    )
    assert err == (
        "specs/free.yaml: nothing to check it against\n"
        "  hint: budget: in the file, [[tool.sepcalc.check]] in pyproject.toml, or --max; "
        "--skip-unbudgeted lets it pass\n"
    )


def test_every_folder_of_the_project_will_do(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a/b").mkdir(parents=True)
    monkeypatch.chdir("a/b")
    assert sep("check")[0] == 0
    assert report(sep)["checks"][0]["file"] == "../../specs/bare.yaml"
    monkeypatch.chdir("../../specs")
    assert sep("check", "bare.yaml")[0] == 0  # held to what pyproject.toml asks


# --- where a limit is written ----------------------------------------------------------------------------------------


def test_pyproject_problems_have_their_lines(sep: Run) -> None:
    Path("pyproject.toml").write_text(
        """\
[project]
name = "x"

[tool.sepcalc]
checks = 1

[[tool.sepcalc.check]]
path = "specs/*.yaml"
# a comment
max = {parms = "4M", macs = "1,5M"}
levle = "warn"

[[tool.sepcalc.check]]
name = "two"
path = 3
baseline = '''
base.json'''
[tool.sepcalc.check.layers."conv*"]
macs = 4.5
"""
    )
    code, out, err = sep("check")
    assert (code, out) == (2, "")
    assert (
        re.findall(r"^pyproject.toml:(\d+): (.{23})", err, re.MULTILINE)
        == [
            ("5", "unknown key 'checks' in"),
            ("11", "unknown key 'levle' in "),
            ("10", "unknown metric 'parms':"),
            ("10", "'1,5M' could be read in"),
            ("15", "path needs a text, not "),
            ("19", "macs needs a quantity, "),
            ("18", "'conv*' needs limits"),
            ("16", "a baseline alone limits"),
        ]
        or err
    )
    assert "\n  checks = 1\n  ^^^^^^^^^^\n  hint: did you mean check?\n" in err


def test_annotations_point_at_the_budget(sep: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("specs/a,b.yaml").write_text("\n" + NET.replace("macs: 6M", "macs: 1").replace("budget: {", "budget: {\n  "))
    Path("pyproject.toml").write_text(PROJECT.replace("6M", "5M").replace('bare"', '100%:\\n"'))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, err = sep("check", "specs/a,b.yaml", "specs/bare.yaml", "--format", "github")
    assert (code, err) == (1, "")
    prefix = tmp_path.name
    errors = [line for line in out.splitlines() if line.startswith("::error ")]
    assert [line.partition("::")[2].partition("::")[0] for line in errors] == [
        f"error file={prefix}/specs/a%2Cb.yaml,line=6,title=sepcalc%3A specs/a%2Cb.yaml%3A macs",
        f"error file={prefix}/pyproject.toml,line=4,title=sepcalc%3A 100%25%3A\\n%3A macs",
        f"error file={prefix}/pyproject.toml,line=5,title=sepcalc%3A 100%25%3A\\n%3A macs of conv*",
    ]
    assert "over by 5.29 M, 529,203,100.0 %25%0Aheaviest: conv[1] 4.72 M (89.2 %25)," in errors[0]
    assert summary.read_text().startswith("before\n## sepcalc\n\n| check | metric |")
    assert "OVER BUDGET" in summary.read_text()


def test_the_summary_that_cannot_be_written_is_told(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "gone/summary.md")
    code, _, err = sep("check", "specs/net.yaml", "--format", "github")
    assert code == 2
    assert err.startswith("cannot write the job summary: ")


# --- JUnit -----------------------------------------------------------------------------------------------------------

# Ant's schema (windyroad/JUnit-Schema, JUnit.xsd) and Jenkins' (xunit-plugin, junit-10.xsd), both at once, in our own
# words: of each element the attributes that it needs, those that it may have, and its children in their order.
NUMBERED, TIMED = r"\d+", r"\d+(\.\d+)?"
TOKEN = r"\S(.*\S)?"
JUNIT: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "testsuites": ({}, {}, "(testsuite )*"),
    "testsuite": (
        {
            "id": NUMBERED, "package": TOKEN, "name": TOKEN, "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
            "hostname": TOKEN, "tests": NUMBERED, "failures": NUMBERED, "errors": NUMBERED, "time": TIMED,
        },
        {"skipped": NUMBERED},
        "properties (testcase )*system-out system-err ",
    ),
    "testcase": ({"name": TOKEN, "classname": TOKEN, "time": TIMED}, {}, "((skipped|error|failure) )?"),
    "failure": ({"type": r".+"}, {"message": r".*"}, ""),
    "error": ({"type": r".+"}, {"message": r".*"}, ""),
    "skipped": ({}, {}, ""),
    "properties": ({}, {}, ""),
    "system-out": ({}, {}, ""),
    "system-err": ({}, {}, ""),
}  # fmt: skip


def misfits(element: Any) -> list[str]:
    """What of a JUnit tree is not as its schemas have it."""
    needs, may, children = JUNIT[element.tag]
    wrong = [f"{element.tag} has no {name}" for name in needs if name not in element.attrib]
    for name, value in element.attrib.items():
        if not re.fullmatch({**needs, **may}.get(name, "nothing"), value, re.DOTALL):
            wrong.append(f"{element.tag} {name}={value}")
    if not re.fullmatch(children, "".join(f"{child.tag} " for child in element)):
        wrong.append(f"{element.tag} holds {[child.tag for child in element]}")
    return wrong + [problem for child in element for problem in misfits(child)]


def test_junit_is_as_its_schema(sep: Run) -> None:
    from xml.etree import ElementTree

    Path("specs/free.yaml").write_text(BARE)
    Path("specs/warn.yaml").write_text(NET.replace("macs: 6M", 'macs: 1, level: warn, message: "]]> <&\\x1b"'))
    files = ("specs/free.yaml", "specs/warn.yaml", "specs/bare.yaml", "specs/<gone>.yaml")
    code, out, _ = sep("check", *files, "--max", "macs=1", "--format", "junit")
    assert code == 2
    root = ElementTree.fromstring(out)
    assert misfits(root) == []
    suites = [{name: suite.get(name) for name in ("name", "tests", "failures", "errors")} for suite in root]
    assert suites == [
        {"name": "specs/free.yaml", "tests": "1", "failures": "1", "errors": "0"},
        {"name": "specs/warn.yaml", "tests": "3", "failures": "1", "errors": "0"},
        {"name": "bare", "tests": "17", "failures": "1", "errors": "0"},
        {"name": "specs/<gone>.yaml", "tests": "1", "failures": "0", "errors": "1"},
    ]
    assert "]]> <&\\x1b" in str(root[1].findtext("system-out"))
    root[1].attrib.pop("hostname")
    root[0].remove(root[0][0])
    assert misfits(root) == [
        "testsuite holds ['testcase', 'system-out', 'system-err']",
        "testsuite has no hostname",
    ]


# --- diff ------------------------------------------------------------------------------------------------------------


def changed(sep: Run, old: str, new: str, *args: str) -> list[tuple[str, str | None, str | None]]:
    layers = json.loads(sep("diff", old, new, "--format", "json", *args)[1])["layers"]
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
def test_layers_are_matched(old: str, new: str, told: list[tuple[str, str | None, str | None]], sep: Run) -> None:
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        layers = []
        for layer in text.split("; "):
            label, _, spec = layer.rpartition(": ")
            layers.append(f"- layers: [{spec}]\n  name: {label}" if label else f"- {spec}")
        Path(name).write_text("\n".join(["input: 32x32x3", "layers:", *layers]))
    assert changed(sep, "old.yaml", "new.yaml") == told


def test_a_diff_in_numbers(sep: Run) -> None:
    Path("new.yaml").write_text(LARGER)
    code, out, err = sep(
        "diff", "specs/bare.yaml", "new.yaml", "--max-increase", "macs=25%", "--max-increase", "params=1k"
    )
    assert (code, err) == (1, "")
    assert "  OVER: params 6,352 > 6,168 (1k over 5,168 before), over by 184, 3.0 %\n" in out
    assert re.search(r"^macs +5,292,032 +6,504,448 +\+1,212,416 +\+22.9 %$", out, re.MULTILINE)
    assert sep("diff", "specs/bare.yaml", "new.yaml", "--max-increase", "22.9%")[0] == 1
    assert sep("diff", "specs/bare.yaml", "new.yaml", "--max-increase", "macs=22.92%")[0] == 0
    assert sep("diff", "new.yaml", "specs/bare.yaml", "--max-increase", "0%")[0] == 0
    assert sep("diff", "new.yaml", "new.yaml", "--max-increase", "0%")[0] == 0
    document = json.loads(sep("diff", "specs/bare.yaml", "new.yaml", "--format", "json")[1])
    assert document["totals"][0] == {
        "metric": "macs", "old": 5292032, "new": 6504448, "change": 1212416, "percent": 22.9102,
    }  # fmt: skip
    (conv, dense) = document["layers"]
    assert (conv["change"]["params"], conv["percent"]["params"], dense["change"]["params"]) == (1152, 25.0, 32)


def test_markdown_of_a_diff_is_short_and_folds_the_rest(sep: Run) -> None:
    Path("new.yaml").write_text(LARGER)
    out = sep("diff", "specs/bare.yaml", "new.yaml", "--format", "markdown")[1]
    head, _, rest = out.partition("<details><summary>Layers</summary>\n\n| layer | what |")
    assert len(head.splitlines()) < 20
    assert rest.endswith("\n\n</details>\n")


BAD_INCREASES = [
    (["macs=2"], None),  # two more macs are a limit, however small
    (["2"], ("--max-increase 2: '2' is not a percentage: expected digits, perhaps a point, and %\n"
     "  hint: for example 2%\n")),
    (["mac=2%"], ("--max-increase mac=2%: unknown metric 'mac': expected macs, mults, adds, compares, divs, specials, "
     "params, buffers, activations, flops, effective-macs, traffic, peak-memory, params-bytes\n"
     "  hint: did you mean macs?\n")),
    (["2%", "3%"], "--max-increase says twice what every metric may grow\n"),
    (["macs=2%", "macs=3%"], "--max-increase macs=3%: macs is limited twice\n"),
    (["macs=-2%"], ("--max-increase macs=-2%: '-2%' is not a percentage: expected digits, perhaps a point, and %\n"
     "  hint: for example 2%\n")),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), BAD_INCREASES)
def test_increases_are_read(given: list[str], message: str | None, sep: Run) -> None:
    options = [word for text in given for word in ("--max-increase", text)]
    code, _, err = sep("diff", "specs/net.yaml", "specs/net.yaml", *options)
    assert (code, err) == ((0, "") if message is None else (2, message))


# --- git -------------------------------------------------------------------------------------------------------------


def git(*args: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], check=True, capture_output=True)


@pytest.fixture
def history(sep: Run) -> None:
    """A commit of the project, on the branch main."""
    Path(".git").rmdir()
    git("init", "-q", "-b", "main")
    Path("specs/link.yaml").symlink_to("net.yaml")
    Path("specs/out.yaml").symlink_to("/etc/hosts")
    Path("specs/gone.yaml").symlink_to("nowhere.yaml")
    git("add", ".")
    git("commit", "-qm", "one")


@pytest.mark.usefixtures("history")
def test_a_revision_is_read_as_git_does(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("specs/bare.yaml").write_text(LARGER)
    code, out, err = sep("diff", "git:main:specs/bare.yaml", "specs/bare.yaml", "--max-increase", "macs=2%")
    assert (code, err) == (1, "")
    assert re.search(r"^macs +5,292,032 +6,504,448 +\+1,212,416 +\+22.9 %$", out, re.MULTILINE)
    monkeypatch.chdir("specs")
    assert sep("diff", "git:HEAD:./bare.yaml", "git:main~0:specs/bare.yaml", "--max-increase", "0%")[0] == 0
    assert sep("check", "git:main:specs/net.yaml")[0] == 0
    assert sep("network", "git:main:specs/link.yaml")[0] == 0


REVISIONS = [
    ("git:main", ("expected git:REVISION:PATH\n"
     "  hint: for example git:main:specs/net.yaml, or git:HEAD~1:./net.yaml from the working folder\n")),
    ("git::specs/net.yaml", ("expected git:REVISION:PATH\n"
     "  hint: for example git:main:specs/net.yaml, or git:HEAD~1:./net.yaml from the working folder\n")),
    ("git:-x:specs/net.yaml", "a revision cannot begin with a dash\n"),
    ("git:mian:specs/net.yaml", "git says: invalid object name 'mian'.\n"),
    ("git:main:specs/nte.yaml", "git says: path 'specs/nte.yaml' does not exist in 'main'\n"),
    ("git:main:specs.yaml/", "unknown kind of file: expected .yaml or .yml\n"),
    ("git:main:specs/out.yaml", "a symbolic link in this path leads out of the repository\n"),
    ("git:main:specs/gone.yaml", "a symbolic link in this path leads to nothing\n"),
    ("git:main:base.json", "unknown kind of file: expected .yaml or .yml\n"),
]  # fmt: skip


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("argument", "message"), REVISIONS)
def test_revisions_that_cannot_be_read(argument: str, message: str, sep: Run) -> None:
    code, out, err = sep("network", argument)
    from sepcalc.importers import IMPORTERS

    known = " or ".join((".yaml", ".yml", *IMPORTERS))
    assert (code, out, err) == (2, "", f"{argument}: {message.replace('.yaml or .yml', known)}")


@pytest.mark.usefixtures("history")
def test_a_revision_has_no_control_characters(sep: Run) -> None:
    assert (
        sep("network", "git:main:a\nb.yaml")[2]
        == "git:main:a\\nb.yaml: a revision and a path have no control characters\n"
    )


# --- baselines -------------------------------------------------------------------------------------------------------


def test_a_baseline_is_not_overwritten_unasked(sep: Run) -> None:
    before = Path("base.json").read_text()
    code, _, err = sep("baseline", "specs/net.yaml", "-o", "base.json")
    assert (code, err) == (2, "'base.json' exists already\n  hint: --force overwrites it\n")
    assert Path("base.json").read_text() == before
    assert sep("baseline", "specs/net.yaml", "-o", "base.json", "--force")[0] == 0


def test_a_baseline_of_all_that_pyproject_asks_for(sep: Run) -> None:
    assert sep("baseline", "-o", "base.json", "--force") == (0, "", "")
    assert sep("check")[0] == 0
    assert sep("baseline", "-o", "other.json")[2] == (
        "no check in pyproject.toml has the baseline 'other.json': there is nothing to keep\n  hint: name the files\n"
    )


def test_baselines_of_other_things_are_refused_in_words(sep: Run) -> None:
    text = Path("base.json").read_text()
    for old, new, message in [
        ("0.1.0", "0.0.9", ("base.json: the baseline's numbers are those of another sepcalc (version 0.0.9, definitions 1): "
         "this is version 0.1.0, definitions 1, and cannot be compared\n"
         "  hint: make it anew with this one: sepcalc baseline … --force\n")),
        ('"tiny"', '"large"', ("base.json: the baseline of 'specs/bare.yaml' is of another model: 'large', not 'tiny'\n"
         "  hint: sepcalc baseline makes one\n")),
        ("[32, 32, 3]}, \"settings\"", "[64, 64, 3]}, \"settings\"", ("base.json: the baseline of 'specs/bare.yaml' has other "
         "inputs: input 64x64x3, not input 32x32x3\n  hint: sepcalc baseline makes one\n")),
        ('"settings": {}', '"settings": {"width": "2"}', ("base.json: the baseline of 'specs/bare.yaml' is with 'width=2', "
         "not with no settings\n  hint: sepcalc baseline makes one\n")),
        ("specs/bare.yaml", "specs/bear.yaml", ("base.json: the baseline has no network 'specs/bare.yaml'\n"
         "  hint: did you mean specs/bear.yaml?\n")),
        ('"params": 432', '"params": 433', ("base.json: the baseline is not as sepcalc wrote it: the total of params is the "
         "sum over its layers\n  hint: sepcalc baseline makes one\n")),
    ]:  # fmt: skip
        assert old in text
        Path("base.json").write_text(text.replace(old, new).replace("0.1.0", sepcalc.__version__))
        code, _, err = sep("check")
        assert (code, err) == (2, message)


# --- the functions, beside the commands ------------------------------------------------------------------------------


def test_a_budget_is_held_without_a_command() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4")
    assert [verdict.passed for verdict in sepcalc.gate.check(network, [limits.read_limit("macs", "3888")])] == [True]
    with pytest.raises(InputError, match="no layer matches 'block'"):
        sepcalc.gate.check(network, [limits.read_limit("macs", "1")._replace(scope="block")])
