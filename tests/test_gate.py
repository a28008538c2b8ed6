"""What a check says, in every format, and where it finds what it is about."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from gating import BARE, LARGER, NET, PROJECT, Run, report

import sepcalc.gate
from sepcalc.errors import InputError
from sepcalc.gate import limits
from sepcalc.layer import Layer

# --- what a failure says ---------------------------------------------------------------------------------------------


def test_a_failure_says_by_how_much_and_why(gate: Run) -> None:
    Path("specs/net.yaml").write_text(
        NET.replace("{params: 6k, macs: 6M}", '{macs: 5M, level: error, message: "ask Ada"}')
    )
    code, out, err = gate("check", "specs/net.yaml", "--max", "peak-memory=100KiB")
    assert (code, err) == (1, "")
    # conv[0] as depthwise separable: 32·32·(27 + 48) of 32·32·432; conv[1] as spatial: 32·32·(2·3·16·32) of 32·32·4608
    assert out == (
        "check           metric          actual      limit  verdict     used\n"
        "specs/net.yaml  macs         5,292,032  5,000,000  OVER     105.8 %  ████████████████████\n"
        "                peak-memory    196,608    102,400  OVER     192.0 %  ████████████████████\n"
        "\n"
        "specs/net.yaml: OVER BUDGET\n"
        "  macs 5,292,032 > 5,000,000, over by 292,032, 5.8 %\n"
        "    heaviest: conv[1] 4.72 M (89.2 %), conv[0] 442,368 (8.4 %), pointwise 131,072 (2.5 %)\n"
        "    would fit: conv[0] as depthwise separable saves 365,568, or conv[1] as spatial saves 1.57 M\n"
        "    ask Ada\n"
        "  peak-memory 196,608 > 102,400, over by 92 KiB, 92.0 %\n"
        "    most activations: conv[1] 32,768, conv[0] 16,384, pointwise 4,096\n"
        "\n"
        "  1 checked: 1 failed\n"
    )


def test_a_failure_says_which_layers_grew(gate: Run) -> None:
    Path("specs/bare.yaml").write_text(LARGER.replace("  - pointwise", "  - conv -k1 -o8\n  - pointwise"))
    out = gate("check")[1]
    assert (
        "  params 6,544 > 5,271 (2% over 5,168 before), over by 1,273, 24.2 %\n"
        "    heaviest: conv[1] 5,760 (88.0 %), conv[0] 432 (6.6 %), conv[2] 320 (4.9 %)\n"
        "    grew: conv[1] by 1,152 (4,608 -> 5,760), conv[2] is new, 320\n"
    ) in out


def test_a_warning_passes_and_is_told(gate: Run) -> None:
    Path("specs/net.yaml").write_text(NET.replace("macs: 6M", "macs: 1, level: warn"))
    code, out, _ = gate("check", "specs/net.yaml")
    assert code == 0
    assert "specs/net.yaml: a warning\n  macs 5,292,032 > 1, over by 5.29 M" in out
    (check,) = report(gate, "specs/net.yaml")["checks"]
    assert (check["status"], [limit["passed"] for limit in check["budget"]]) == ("warned", [True, False])
    code, out, _ = gate("network", "specs/net.yaml")
    assert code == 0
    assert "OVER by 5,292,031 (529203100.00 %), a warning" in out
    assert gate("check", "specs/net.yaml", "--max", "macs=2")[0] == 1


def test_layers_are_limited_together_or_each(gate: Run) -> None:
    Path("specs/net.yaml").write_text(
        NET.replace("{params: 6k, macs: 6M}", '{layers: {"conv*": {macs: 5160960}, "conv[[]*": {params: 1}}}')
    )
    assert "no layer matches 'conv[[]*': its budget is empty" in gate("check", "specs/net.yaml")[2]
    Path("specs/net.yaml").write_text(
        NET.replace(
            "{params: 6k, macs: 6M}",
            '{layers: {"conv*": {macs: 5160960}, "conv[1]": {params: 4608}, "*": {macs: 4718592, each: true}}}',
        )
    )
    code, out, _ = gate("network", "specs/net.yaml", "--format", "json")
    assert code == 0
    scopes = [(limit["metric"], limit["scope"], limit["limit"], limit["actual"]) for limit in json.loads(out)["budget"]]
    assert scopes == [
        ("macs", "conv*", 5160960, 5160960),
        ("params", "conv[1]", 4608, 4608),
        ("macs", "conv[0]", 4718592, 442368),
        ("macs", "conv[1]", 4718592, 4718592),
        ("macs", "pointwise", 4718592, 131072),
    ]


def test_files_without_a_budget_are_skipped_and_told(gate: Run) -> None:
    Path("specs/free.yaml").write_text(BARE)
    code, out, err = gate("check", "specs/free.yaml", "specs/net.yaml", "--skip-unbudgeted")
    assert (code, err) == (0, "")
    assert "specs/free.yaml" in out
    assert "no budget or baseline found, skipped" in out
    assert "2 checked: 1 skipped, 1 passed" in out
    code, out, err = gate("check", "specs/free.yaml")
    assert code == 2
    assert out == (
        "check            metric  actual  limit  verdict  used\n"
        "specs/free.yaml                         error\n"
        "\n"
        "  1 checked: 1 error\n"
    )
    assert err == (
        "specs/free.yaml: no budget or baseline found\n"
        "  hint: add budget: to the file, a [[tool.sepcalc.check]] to pyproject.toml, or --max; "
        "--skip-unbudgeted lets it pass\n"
    )


def test_every_folder_of_the_project_will_do(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a/b").mkdir(parents=True)
    monkeypatch.chdir("a/b")
    assert gate("check")[0] == 0
    assert report(gate)["checks"][0]["file"] == "../../specs/bare.yaml"
    monkeypatch.chdir("../../specs")
    assert gate("check", "bare.yaml")[0] == 0  # held to what pyproject.toml asks


# --- where a limit is written ----------------------------------------------------------------------------------------


def test_pyproject_problems_have_their_lines(gate: Run) -> None:
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
    code, out, err = gate("check")
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


def test_annotations_point_at_the_budget(gate: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("specs/a,b.yaml").write_text("\n" + NET.replace("macs: 6M", "macs: 1").replace("budget: {", "budget: {\n  "))
    Path("pyproject.toml").write_text(PROJECT.replace("6M", "5M").replace('bare"', '100%:\\n"'))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, err = gate("check", "specs/a,b.yaml", "specs/bare.yaml", "--format", "github")
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


def test_the_summary_that_cannot_be_written_is_told(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "gone/summary.md")
    code, _, err = gate("check", "specs/net.yaml", "--format", "github")
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


def test_junit_is_as_its_schema(gate: Run) -> None:
    from xml.etree import ElementTree

    Path("specs/free.yaml").write_text(BARE)
    Path("specs/warn.yaml").write_text(NET.replace("macs: 6M", 'macs: 1, level: warn, message: "]]> <&\\x1b"'))
    files = ("specs/free.yaml", "specs/warn.yaml", "specs/bare.yaml", "specs/<gone>.yaml")
    code, out, _ = gate("check", *files, "--max", "macs=1", "--format", "junit")
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


# --- baselines -------------------------------------------------------------------------------------------------------


def test_a_baseline_is_not_overwritten_unasked(gate: Run) -> None:
    before = Path("base.json").read_text()
    code, _, err = gate("baseline", "specs/net.yaml", "-o", "base.json")
    assert (code, err) == (2, "'base.json' exists already\n  hint: --force overwrites it\n")
    assert Path("base.json").read_text() == before
    assert gate("baseline", "specs/net.yaml", "-o", "base.json", "--force")[0] == 0


def test_a_baseline_of_all_that_pyproject_asks_for(gate: Run) -> None:
    assert gate("baseline", "-o", "base.json", "--force") == (0, "", "")
    assert gate("check")[0] == 0
    assert gate("baseline", "-o", "other.json")[2] == (
        "no check in pyproject.toml has the baseline 'other.json': there is nothing to keep\n  hint: name the files\n"
    )


ANEW = "\n  hint: sepcalc baseline makes one\n"
OTHER_BASELINES = [  # what is changed in a baseline, and what is said of it
    (
        f'"sepcalc": "{sepcalc.__version__}"',
        '"sepcalc": "0.0.9"',
        (
            "the baseline's numbers are those of another sepcalc (version 0.0.9, definitions 3): this is version "
            f"{sepcalc.__version__}, definitions 3, and cannot be compared\n"
            "  hint: make it anew with this one: sepcalc baseline … --force\n"
        ),
    ),
    (
        '"tiny"',
        '"large"',
        f"the baseline of 'specs/bare.yaml' is of another model: 'large', not 'tiny'{ANEW}",
    ),
    (
        '[32, 32, 3]}, "settings"',
        '[16, 64, 3]}, "settings"',
        f"the baseline of 'specs/bare.yaml' has other inputs: input 16x64x3, not input 32x32x3{ANEW}",
    ),
    (
        '"settings": {}',
        '"settings": {"width": "2"}',
        f"the baseline of 'specs/bare.yaml' is with 'width=2', not with no settings{ANEW}",
    ),
    (
        "specs/bare.yaml",
        "specs/bear.yaml",
        "the baseline has no network 'specs/bare.yaml'\n  hint: did you mean specs/bear.yaml?\n",
    ),
    (
        '"params_bytes": 20672',
        '"params_bytes": 20673',  # 4 for each of 5,168 are 20,672
        f"the baseline of 'specs/bare.yaml' has more than 4 bytes for each number that its layers store{ANEW}",
    ),
    (
        '"peak_memory": 196608',
        '"peak_memory": 196609',  # 4 for each of 32 · 32 · (16 + 32), the second layer's, are 196,608
        "the baseline is not as sepcalc wrote it: peak-memory must be that of the tensors alive while layers run"
        + ANEW,
    ),
    (
        '"params": 432',
        '"params": 433',
        f"the baseline is not as sepcalc wrote it: the total of params must be the sum over its layers{ANEW}",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), OTHER_BASELINES)
def test_baselines_of_other_things_are_refused_in_words(old: str, new: str, message: str, gate: Run) -> None:
    text = Path("base.json").read_text()
    assert old in text
    Path("base.json").write_text(text.replace(old, new))
    code, _, err = gate("check")
    assert (code, err) == (2, f"base.json: {message}")


@pytest.mark.parametrize("metric", ["macs", "params", "peak_memory", "params_bytes"])
def test_a_forged_most_is_refused(metric: str, gate: Run) -> None:
    """Nothing in the baseline's network runs otherwise than it is laid out."""
    project = '[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\nbaseline = "base.json"\n'
    Path("pyproject.toml").write_text(f'{project}max-increase = {{{metric} = "2%"}}\n')
    assert gate("check")[0] == 0
    kept = json.loads(Path("base.json").read_text())
    kept["networks"][0]["most"] = {metric: 10**12}
    Path("base.json").write_text(json.dumps(kept))
    code, _, err = gate("check")
    assert (code, "the baseline is not as sepcalc wrote it: " in err) == (2, True)


# --- the functions, beside the commands ------------------------------------------------------------------------------


def test_a_budget_is_held_without_a_command() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4")
    assert [verdict.passed for verdict in sepcalc.gate.check(network, [limits.read_limit("macs", "3888")])] == [True]
    with pytest.raises(InputError, match="no layer matches 'block'"):
        sepcalc.gate.check(network, [limits.read_limit("macs", "1")._replace(scope="block")])


def test_what_passes_is_one_row_where_there_are_many(gate: Run) -> None:
    names = [f"specs/net{at}.yaml" for at in range(30)]
    for name in names:
        Path(name).write_text(NET)
    Path(names[7]).write_text(NET.replace("6M", "5M"))
    code, out, _ = gate("check", *names)
    assert code == 1
    assert "specs/net6.yaml   2 limits                        ok\n" in out
    assert "specs/net7.yaml   params        5,168      6,000  ok        86.1 %  █████████████████▎\n" in out
    assert "                  macs      5,292,032  5,000,000  OVER     105.8 %  ████████████████████\n" in out
    assert len(out.splitlines()) == 1 + 30 + 1 + 1 + 4 + 1 + 1


def test_output_has_a_short_name_where_no_spec_is_read(gate: Run) -> None:
    for args in (
        ["network", "specs/net.yaml"],
        ["kinds"],
        ["check", "specs/net.yaml"],
        ["diff", *2 * ["specs/net.yaml"]],
    ):
        name = f"{args[0]}.txt"
        assert gate(*args, "-o", name) == (0, "", "")
        assert Path(name).read_text()
        assert gate(*args, "--output", name)[2] == f"'{name}' exists already\n  hint: --force overwrites it\n"


def test_what_was_published_holds_also_where_there_is_no_budget(gate: Run) -> None:
    published = "input: 8x8x3\npublished: [{source: a paper, macs: 5k}]\nlayers: [conv -k3 -o4]\n"
    Path("specs/net.yaml").write_text(published)
    code, out, err = gate("check", "specs/net.yaml", "--skip-unbudgeted")
    assert (code, err) == (1, "")
    assert "specs/net.yaml: NOT AS PUBLISHED\n  macs 3,888, published 5k (a paper)\n" in out
    assert gate("check", "specs/net.yaml")[0] == 2
    Path("specs/net.yaml").write_text(published.replace("5k", "3.9k"))
    assert gate("check", "specs/net.yaml", "--skip-unbudgeted")[0] == 0


@pytest.mark.parametrize(("kernels", "looked"), [(1, 2), (30, 60), (1200, 1000)])
def test_rewrites_are_sought_of_different_convolutions_the_heaviest_first(
    kernels: int, looked: int, gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sepcalc.gate import reasons

    seen = list[int]()
    right = reasons._savings

    def savings(metric: str, layer: Layer, before: int) -> list[tuple[str, int]]:
        seen.append(before)
        return right(metric, layer, before)

    monkeypatch.setattr(reasons, "_savings", savings)
    rows = [f"  - conv -k3 -o{9 + at % kernels} -p same\n  - pointwise -o8\n" for at in range(1200)]
    Path("large.yaml").write_text("input: 2x2x8\nlayers:\n" + "".join(rows))
    macs = sum(4 * 8 * 10 * (9 + at % kernels) for at in range(1200))
    budget = report(gate, "large.yaml", "--max", f"macs={macs - 1}")["checks"][0]["budget"][0]
    assert (budget["over"], len(budget["rewrites"])) == (1, 3)
    assert (len(seen), seen) == (looked, sorted(seen, reverse=True))
