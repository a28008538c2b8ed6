"""pyproject.toml: tables that are nearly right, where keys stand, and which files a path means."""

import glob
import os
import re
from pathlib import Path

import pytest
from gating import BARE, NET, PROJECT, Run, git, report
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.errors import InputError
from sepcalc.gate.configuration import read
from sepcalc.gate.globs import matches, skipped

# --- tables that are nearly right ------------------------------------------------------------------------------------

NEARLY = [  # the head of a table of checks, and what it is called in the message
    ("[[tool.Sepcalc.check]]", "tool.Sepcalc"),
    ("[[tool.SEPCALC.check]]", "tool.SEPCALC"),
    ("[[tool.sep-calc.check]]", "tool.sep-calc"),
    ("[[tool.sepcalc-check]]", "tool.sepcalc-check"),
    ("[[tool.sepclac.check]]", "tool.sepclac"),
    ('[[tool."sepcalc.check"]]', "tool.sepcalc.check"),
    ("[[tools.sepcalc.check]]", "tools.sepcalc"),
    ("[[Tool.sepcalc.check]]", "Tool.sepcalc"),
    ("[[tool.tool.sepcalc.check]]", "tool.tool.sepcalc"),
    ("[[sepcalc.check]]", "sepcalc"),
    ("[[sepcalc]]", "sepcalc"),
    ("[[Sepcalc.check]]", "Sepcalc"),
    ('[["tool.sepcalc.check"]]', "tool.sepcalc.check"),
    ('[["tool.sepcalc".check]]', "tool.sepcalc"),
    ("[[project.sepcalc.check]]", "project.sepcalc"),
    ("[[project.tool.sepcalc.checks]]", "project.tool.sepcalc"),
    ("[[check]]", "check"),
    ("[[tool.check]]", "tool.check"),
    ("[tool.convolutions.check]", "tool.convolutions.check"),
    ('[["\\u0073epcalc".check]]', "sepcalc"),
]


@pytest.mark.parametrize(("head", "name"), NEARLY, ids=[case[0] for case in NEARLY])
def test_a_table_that_is_nearly_right_is_no_pass(head: str, name: str, gate: Run) -> None:
    Path("pyproject.toml").write_text("[project]\nname = 'x'\n\n" + PROJECT.replace("[[tool.sepcalc.check]]", head))
    message = (
        f"pyproject.toml:4: unknown table '{name}'\n  {head}\n  {'^' * len(head)}\n"
        "  hint: did you mean [[tool.sepcalc.check]]?\n"
    )
    assert gate("check") == (2, "", message)
    assert gate("check", "specs/net.yaml") == (2, "", message)  # which has a budget of its own


def test_a_check_that_only_limits_growth_is_one_too(gate: Run) -> None:
    Path("pyproject.toml").write_text('[[tool.other]]\npath = "specs/bare.yaml"\nmax-increase = "2%"\n')
    assert gate("check", "specs/net.yaml")[2].startswith("pyproject.toml:1: unknown table 'tool.other'\n")


@pytest.mark.parametrize(
    "text",
    [
        "[project.scripts]\nsepcalc = 'sepcalc.__main__:main'\n",
        "[project.optional-dependencies]\ntest = ['sepcalc']\nsepcalc = ['sepcalc']\n",
        "[tool.uv.sources]\nsepcalc = {path = '../sepcalc'}\n",
        "[tool.hatch.envs.sepcalc.scripts]\ncheck = 'sepcalc check'\n",
        "[tool.poetry.group.sepcalc.dependencies]\nsepcalc = '*'\n",
        "[tool.importlinter]\ncontracts = [{name = 'x', path = 'y', layers = ['a']}]\n",
        "[dependency-groups]\nspecs = ['sepcalc']\n",
        "[tool.other]\ncheck = {path = 'x', max = 3}\n",
    ],
)
def test_other_tables_are_other_people_s(text: str, gate: Run) -> None:
    Path("pyproject.toml").write_text(f"{text}\n{PROJECT}")
    assert gate("check")[0] == 0
    Path("pyproject.toml").write_text(text)
    assert gate("check", "specs/net.yaml")[0] == 0
    assert gate("check")[2].startswith("nothing to check: ")


ESCAPED = [
    ("[[tool.sepcalc.check]]", '[[tool."\\u0073epcalc".check]]'),
    ("[[tool.sepcalc.check]]", '[["tool"."sepcalc"."\\u0063heck"]]'),
    ("[[tool.sepcalc.check]]", '[["\\U00000074ool".sepcalc.check]]'),
    ("[[tool.sepcalc.check]]", "[[ 'tool' . sepcalc . check ]]"),
    ("path =", '"\\u0070ath" ='),
    ("max =", '"\\u006dax" ='),
]


@pytest.mark.parametrize(("plain", "escaped"), ESCAPED, ids=[case[1] for case in ESCAPED])
def test_an_escaped_key_is_the_same_key(plain: str, escaped: str, gate: Run) -> None:
    Path("pyproject.toml").write_text("\n\n" + PROJECT.replace(plain, escaped))
    assert gate("check")[0] == 0
    Path("pyproject.toml").write_text("\n\n" + PROJECT.replace(plain, escaped).replace("6M", "5M"))
    (check,) = report(gate)["checks"]
    assert [(one["passed"], one["line"]) for one in check["budget"][:2]] == [(False, 6), (False, 7)]
    assert [one["line"] for one in report(gate, "specs/bare.yaml")["checks"][0]["budget"][:2]] == [6, 7]


@pytest.mark.parametrize("head", ['[tool."\\u0073epcalc"]\n', "[tool]\nsepcalc.check = []\n", "[tool]\nsepcalc = {}\n"])
def test_the_folder_of_the_project_bounds_links_however_it_is_written(head: str, gate: Run) -> None:
    Path("inner/deep").mkdir(parents=True)
    Path("outside.yaml").write_text(NET)
    Path("inner/deep/link.yaml").symlink_to("../../outside.yaml")
    Path("inner/pyproject.toml").write_text(head)
    os.chdir("inner/deep")
    code, _, err = gate("check", "link.yaml")
    assert code == 2
    assert "a symbolic link leads out of the project" in err


# --- where keys stand ------------------------------------------------------------------------------------------------


WRITTEN = r"""
[a]
text = DDD
[[tool.sepcalc.check]]
bad = 1 \DDD [
DDD""
other = 'its'  # [
list = [
  [1, "]", '#['],  # ]]
  [2],
]
[[tool.sepcalc.check]]  # [
path = "specs/bare.yaml"
name = DDD
xDDD
max = {macs = 1}
[b]
z = SSS
[tool.sepcalc]
SSS'
[[tool.sepcalc.check]]
path = "specs/net.yaml"

bad = [
  1,
]
[tool.sepcalc.check.max]
# a comment
macs = 1.5
[c."]]"]
"""


def test_lines_are_found_whatever_stands_around_them(gate: Run) -> None:
    Path("pyproject.toml").write_text(WRITTEN.replace("DDD", '"' * 3).replace("SSS", "'" * 3))
    err = gate("check")[2]
    assert re.findall(r"^pyproject.toml:(\d+): (\w+ \w+)", err, re.MULTILINE) == [
        ("24", "unknown key"),
        ("29", "macs needs"),
    ]
    assert "\n  bad = [\n  ^^^^^^^\n" in err


def test_more_problems_than_anybody_reads_are_cut(gate: Run) -> None:
    keys = "".join(f"key{at} = [\n[1]\n]\n" for at in range(5000))
    Path("pyproject.toml").write_text(PROJECT + keys)
    code, _, err = gate("check")
    assert code == 2
    assert err.count("unknown key 'key") == 100
    assert err.endswith("there are more than 100 problems: these were found first\n")


SAID = [  # lines of a check, and what is said of the last one
    ('max-increase = {peak-memory = "2%", peak_memory = "3%"}\nbaseline = "base.json"', "peak-memory is limited twice"),
    ("max = {macs = true}", "macs needs a quantity, not true"),
    ("max = {macs = 1.5}", "macs needs a quantity, not the decimal number 1.5"),
    ("max = {macs = 2026-01-01}", "macs needs a quantity, not a date or a time"),
    ("max-increase = true", "max-increase needs a percentage, not true"),
    ("set = {width = nan}", "'width' needs a number or a text, not the decimal number nan"),
    ("set = {width = -inf}", "'width' needs a number or a text, not the decimal number -inf"),
    ("set = {width = [1]}", "'width' needs a number or a text, not a list"),
    ("batch = true", "batch needs a whole number from 1, not true"),
    ("batch = 0", "batch needs a whole number from 1, not the number 0"),
    ("batch = -2", "batch needs a whole number from 1, not the number -2"),
    ('batch = "2"', "batch needs a whole number from 1, not '2'"),
]


@pytest.mark.parametrize(("lines", "said"), SAID, ids=[case[0] for case in SAID])
def test_a_wrong_value_is_told_as_what_it_is(lines: str, said: str, gate: Run) -> None:
    Path("pyproject.toml").write_text(f'[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\n{lines}\n')
    code, _, err = gate("check")
    assert code == 2
    assert re.search(rf"^pyproject.toml:\d+: {re.escape(said)}$", err, re.MULTILINE), err


def test_a_pyproject_beyond_all_measure_is_not_read(gate: Run) -> None:
    Path("pyproject.toml").write_text(f"{PROJECT}#{' ' * (4 * 2**20)}\n")
    assert gate("check") == (2, "", f"{Path.cwd() / 'pyproject.toml'}: this is larger than 4 MiB\n")


def test_an_absolute_path_is_none_of_the_project(gate: Run) -> None:
    project(str(Path("specs/bare.yaml").resolve()))
    code, _, err = gate("check")
    assert code == 2
    assert "leads out of the project" in err


# --- which files a path means ----------------------------------------------------------------------------------------


def project(path: str, more: str = "") -> None:
    Path("pyproject.toml").write_text(f'[[tool.sepcalc.check]]\npath = "{path}"\nmax = {{macs = "6M"}}\n{more}')


def test_a_glob_says_which_files_it_skips(gate: Run) -> None:
    project("specs/*.yaml")
    assert "note: " not in gate("check")[1]
    for name in ("specs/.hidden.yaml", "specs/.other.yaml", "specs/.text.txt", "specs/.deep/net.yaml", ".top.yaml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(NET)
    said = "path 'specs/*.yaml' skips specs/.hidden.yaml, specs/.other.yaml: a glob skips names that begin with a dot"
    code, out, err = gate("check")
    assert (code, err) == (0, "")
    assert out.count(f"note: {said}") == 1
    assert [check["notes"] for check in report(gate)["checks"]] == [[said], []]
    assert report(gate, "specs/net.yaml", "specs/bare.yaml")["checks"][0]["notes"] == [said]
    assert said in gate("check", "--format", "github")[1]
    project("specs/*.yaml", 'baseline = "kept.json"\n')
    assert gate("baseline", "-o", "kept.json") == (0, "", f"note: {said}\n")
    project("**/*.yaml")
    said = "path '**/*.yaml' skips .top.yaml, specs/.deep/, specs/.hidden.yaml, specs/.other.yaml: a glob"
    assert f"note: {said}" in gate("check")[1]
    project("specs/.*.yaml")
    assert [check["file"] for check in report(gate)["checks"]] == ["specs/.hidden.yaml", "specs/.other.yaml"]
    assert [check["notes"] for check in report(gate)["checks"]] == [[], []]


def test_a_path_that_exists_is_that_file(gate: Run) -> None:
    Path("specs/net[1].yaml").write_text(NET.replace("-o32", "-o64").replace("6M", "9G").replace("6k", "9G"))
    Path("specs/net1.yaml").write_text(NET)
    Path("specs/what?.yaml").write_text(NET)
    project("specs/net[1].yaml")
    assert [(check["file"], check["status"]) for check in report(gate)["checks"]] == [("specs/net[1].yaml", "failed")]
    assert gate("check", "specs/net[1].yaml")[0] == 1
    project("specs/what?.yaml")
    assert [check["file"] for check in report(gate)["checks"]] == ["specs/what?.yaml"]
    project("specs/net[[]1].yaml")
    assert [check["file"] for check in report(gate)["checks"]] == ["specs/net[1].yaml"]
    Path("specs/net[1].yaml").unlink()
    project("specs/net[1].yaml")
    assert [check["file"] for check in report(gate)["checks"]] == ["specs/net1.yaml"]


# --- a file as git has it --------------------------------------------------------------------------------------------


@pytest.fixture
def history(gate: Run) -> None:
    Path(".git").rmdir()
    git("init", "-q", "-b", "main")
    Path("specs/old.yaml").write_text(BARE)
    git("add", "-A")
    git("commit", "-qm", "one")


@pytest.mark.usefixtures("history")
def test_a_file_as_git_has_it_keeps_the_project_s_limits(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    project("specs/*.yaml", 'message = "ask Ada"\n')
    assert gate("check", "git:HEAD:specs/bare.yaml")[0] == 0
    Path("specs/old.yaml").unlink()  # the revision has it still
    project("specs/*.yaml", 'set = {width = 2}\nmessage = "ask Ada"\n')
    for argument in ("git:main:specs/bare.yaml", "git:HEAD:./specs/old.yaml", "git:HEAD:specs/old.yaml"):
        code, out, _ = gate("check", argument)
        assert code == 1, argument
        assert "macs 10,452,992 > 6,000,000" in out
        assert "ask Ada" in out
    monkeypatch.chdir("specs")
    for argument in ("git:HEAD:./bare.yaml", "git:HEAD:../specs/bare.yaml", "git:HEAD:specs/old.yaml"):
        assert gate("check", argument)[0] == 1, argument
    monkeypatch.chdir("..")
    project("specs/bare.yaml")
    assert gate("check", "git:HEAD:specs/old.yaml")[0] == 2  # of which the project says nothing
    project("git:HEAD:specs/old.yaml", "level = 'error'\n")
    assert gate("check", "git:HEAD:specs/old.yaml")[0] == 0
    assert gate("check", "git:main:specs/old.yaml")[0] == 2


@pytest.mark.usefixtures("history")
def test_a_file_as_git_has_it_is_held_to_the_baseline(gate: Run) -> None:
    Path("specs/bare.yaml").write_text(BARE.replace("-o32", "-o40"))
    git("commit", "-qam", "larger")
    code, out, err = gate("check", "git:HEAD:specs/bare.yaml")
    assert (code, err) == (1, "")
    assert "params 6,352 > 5,271 (2% over 5,168 before)" in out
    assert gate("check", "git:HEAD~1:specs/bare.yaml")[0] == 0
    Path("pyproject.toml").unlink()
    options = ("--baseline", "own.json", "--max-increase", "2%")
    assert gate("baseline", "git:HEAD~1:specs/bare.yaml", "-o", "own.json")[0] == 0
    assert gate("check", "git:HEAD~1:specs/bare.yaml", *options)[0] == 0
    assert gate("check", "git:HEAD:specs/bare.yaml", *options)[0] == 2  # another argument, and no such file


# --- globs, beside Python's own --------------------------------------------------------------------------------------

_FOLDERS = st.lists(st.sampled_from(["a", "b", ".d", "e"]), max_size=3)
_FILES = st.sampled_from(["b.yaml", ".c.yaml", "ab.yaml", "x1.yaml", "z"])
_PARTS = ["*", "**", "a", "?", "*.yaml", ".*", ".d", "[ab]*", "[!a]*", "b.yaml", "*.*", ".c*"]


@given(
    files=st.lists(st.tuples(_FOLDERS, _FILES), min_size=1, max_size=12),
    pattern=st.lists(st.sampled_from([*_PARTS, "."]), max_size=3),
    last=st.sampled_from(_PARTS),
)
def test_globs_match_as_python_s_own(
    files: list[tuple[list[str], str]],
    pattern: list[str],
    last: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("globs")
    for folders, name in files:
        (root / "/".join(folders)).mkdir(parents=True, exist_ok=True)
        (root / "/".join(folders) / name).touch()
    text = "/".join([*pattern, last])

    def found(hidden: bool) -> set[str]:
        paths = glob.glob(text, root_dir=root, recursive=True, include_hidden=hidden)
        return {os.path.normpath(path) for path in paths if path[-1:] != "/" and (root / path).is_file()}

    listed = {"/".join([*folders, name]) for folders, name in files}
    assert {path for path in listed if matches(text, path)} == found(False)
    assert {path for path in listed if matches(text, path, True)} == found(True)
    told = skipped(text, str(root))
    missed = found(True) - found(False)
    assert all(any(path == one or path.startswith(one if one[-1] == "/" else "?") for one in told) for path in missed)
    assert all(any(path == one or path.startswith(one if one[-1] == "/" else "?") for path in missed) for one in told)


def test_a_glob_of_many_parts_takes_no_time() -> None:
    assert not matches("**/" * 200 + "x", "a/" * 200 + "y")
    assert matches("**/" * 200 + "y", "a/" * 200 + "y")


def test_nothing_is_said_where_nothing_is_ours() -> None:
    assert read("[project]\nname = 'x'\n", "pyproject.toml", "/") is None
    assert read("tool = 3\n", "pyproject.toml", "/") is None


MEANT = [  # what stands below [tool.sepcalc], or in a check; the last hint; whether that line is right as it is
    ('max = {macs = "1M"}', 'for example check = [{path = "specs/*.yaml", max = {macs = "1M"}}]'),
    ('networks = ["net.yaml"]', 'for example check = [{path = "net.yaml", max = {macs = "570M"}}]'),
    ('files = ["a.yaml"]\nbudget = "parameters=1M"', 'check = [{path = "a.yaml", max = {params = "1M"}}]'),
    ('limits = ["macs=1M"]', 'for example check = [{path = "specs/*.yaml", max = {macs = "1M"}}]'),
    ('budget.macs = 5', 'for example check = [{path = "specs/*.yaml", max = {macs = 5}}]'),
    ('"net.yaml" = {macs = "1M"}', 'for example check = [{path = "specs/*.yaml", max = {macs = "570M"}}]'),
]  # fmt: skip
MEANT_IN_A_CHECK = [
    ('path = ["net.yaml"]\nmax = {macs = 1}', 'for example path = "net.yaml"'),
    ('path = "a"\nmax = "macs=1M, params=2k"', 'max = {macs = "1M", params = "2k"}'),
    ('path = "a"\nmax = ["macs=1M"]', 'max = {macs = "1M"}'),
    ('path = "a"\nmacs = "1M"', 'max = {macs = "1M"}'),
    ('path = "a"\nmax = {macs = 1e6}', "macs = 1000000"),
    ('path = "a"\nmax = {macs = 1}\nset = "width=0.5"', 'set = {width = "0.5"}'),
    ('path = "a"\nmax = {macs = 1}\ninput = [8, 8, 3]', 'input = "8x8x3"'),
    ('path = "a"\nbudget = {macs = 1}', "did you mean max?"),
    ('path = "a"\nmax = {latency = 1}', "time depends on the machine, and is not counted; macs, flops and traffic are"),
]


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [("[tool.sepcalc]", *one) for one in MEANT] + [("[[tool.sepcalc.check]]", *one) for one in MEANT_IN_A_CHECK],
)
def test_a_table_in_other_words_is_told_the_line_that_was_meant(head: str, body: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        read(f"{head}\n{body}\n", "pyproject.toml", ".")
    assert caught.value.problems[-1].hint == expected
    line = expected.removeprefix("for example ")
    if line.startswith(("check =", "max =", "input =", "set =")):
        beside = "" if line.startswith("check") else 'path = "a"\n'
        limit = "" if line.startswith(("check", "max")) else "max = {macs = 1}\n"
        assert read(f"{head}\n{beside}{limit}{line}\n", "pyproject.toml", ".") is not None
