"""What the pages show is what happens: every command, every block of Python, every file, every link."""

import ast
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from helpers import committed
from pages import PAGES, ROOT, Block, blocks, inline, name_of, prose

import sepcalc
from sepcalc.cli import commands as cli
from sepcalc.cli import run
from sepcalc.extras import EXTRAS, install
from sepcalc.importers.formats import FORMATS, PYTORCH

README = ROOT / "README.md"


def _commands() -> Iterator[tuple[Block, str, str]]:
    """Every command of a console block with what is shown below it."""
    for page in PAGES:
        for block in blocks(page, "console"):
            for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
                command, _, shown = part.partition("\n")
                yield block, command, shown


CONSOLE = list(_commands())
PYTHON = [block for page in PAGES for block in blocks(page, "python")]
NETWORKS = [block for page in PAGES for block in blocks(page, "yaml") if block.file]
SHELL = [block for page in PAGES for block in blocks(page, "sh")]
INLINE = [(page, text) for page in PAGES for text in inline(page) if re.match(r"sepcalc [a-z-]", text)]
SET_UP = ("set up", "test")  # marks of the blocks that .ci/run runs in a fresh clone
NEEDED = {"torch": r"\btorch\b", "onnx": r"\.onnx\b|operators onnx", "scipy": r"--by separate", "h5py": r"\.h5\b"}
NEEDED["onnxruntime"] = r"\bsepcalc[ .]time\b"
UPPER = re.compile(r"\b[A-Z]{2,}\b|…")  # what a reader fills in


def _need_extras(text: str) -> None:
    """Skips what shows an extra that is not installed."""
    for package, shows in NEEDED.items():
        if re.search(shows, text):
            pytest.importorskip(
                package, reason=f"this part of the pages needs {package}: pip install -e '.[onnx,h5,torch,fit]'"
            )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the pages: it has the repository's ``specs``, and a few models of the reader's own."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "net.yaml").write_text("input: 32x32x3\nlayers: [conv -k3 -o8]\n")
    (tmp_path / "pyproject.toml").write_text('[[tool.sepcalc.check]]\npath = "net.yaml"\nmax = {params = "1M"}\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write_files(page: str, folder: Path) -> None:
    """The files that a page shows."""
    for block in blocks(ROOT / page):
        if block.file and not (folder / block.file).exists():
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text, "utf-8")


def _write_onnx(folder: Path) -> None:
    from onnx import TensorProto, helper, save

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, 3, 8, 8])
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["result"])], "model", [image], [result])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "model.onnx")


def matches(shown: str, printed: str) -> bool:
    """Whether a text is what is shown; a line ``…`` stands for any lines, one at a line's end for the rest of it."""
    parts = re.split(r"^ *…\n", shown, flags=re.M)
    pattern = "(?:.*\n)*?".join(re.escape(part).replace("…\\\n", ".*\n") for part in parts)
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize(("block", "command", "shown"), CONSOLE, ids=[f"{b}-{c}" for b, c, _ in CONSOLE])
def test_commands_print_what_is_shown(
    block: Block, command: str, shown: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _need_extras(command)
    _write_files(block.page, folder)
    program, *args = shlex.split(command)
    assert program == "sepcalc"
    code = run(args)
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert code == int(block.mark.removeprefix("exit ") or 0), printed
    if not matches(shown, printed):
        assert printed == shown


@pytest.mark.parametrize(("page", "text"), INLINE, ids=[f"{name_of(page)}-{text}" for page, text in INLINE])
def test_commands_in_the_text_run(page: Path, text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in a sentence runs as well; where a reader must fill something in, its options exist."""
    _, *args = shlex.split(text)
    if len(args) == 1:  # a mention of the command
        assert run([*args, "--help"]) == 0
        return
    if UPPER.search(text):
        command = cli.get_command(click.Context(cli), args[0])
        assert command is not None
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {arg.partition("=")[0] for arg in args if arg.startswith("-") and arg != "-"} <= known
        return
    _need_extras(text)
    _write_files(name_of(page), folder)
    if "model.onnx" in text:
        _write_onnx(folder)
    if args[0] == "history":
        committed(folder)
    assert run(args) == 0, capsys.readouterr()


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_gives_what_the_comments_say(block: Block, folder: Path) -> None:
    """An expression with a comment behind it has that value; one that raises is followed by ``# Error: message``."""
    _need_extras(block.text)
    _write_files(block.page, folder)
    names: dict[str, object] = {}
    lines = block.text.splitlines()
    for statement in ast.parse(block.text).body:
        code = ast.unparse(statement)
        assert statement.end_lineno is not None
        _, _, value = lines[statement.end_lineno - 1].partition("  # ")
        if isinstance(statement, ast.Expr) and value:
            assert repr(eval(code, names)) == value.strip(), f"{block}: {code}"  # our own pages
        else:
            exec(code, names)
    assert names["sepcalc"] is sepcalc


@pytest.mark.parametrize("block", NETWORKS, ids=[f"{block}-{block.file}" for block in NETWORKS])
def test_networks_can_be_read(block: Block, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A YAML block that names a file is one that sepcalc reads, and its schema takes."""
    import yaml
    from jsonschema import Draft7Validator

    from sepcalc.document.schema import schema

    _write_files(block.page, folder)
    document = yaml.safe_load(block.text)
    assert [error.message for error in Draft7Validator(schema()).iter_errors(document)] == []
    if "layers" in document:
        assert run(["network", block.file]) == int(block.mark.removeprefix("exit ") or 0), capsys.readouterr()


def test_the_page_on_networks_has_whole_files_only() -> None:
    loose = [str(block) for block in blocks(ROOT / "docs" / "networks.md", "yaml") if not block.file]
    assert loose == []


# --- shells and installing --------------------------------------------------------------------------------------------

FAKE_PIP = """#!/bin/sh
[ "$1" = install ] || exit 9
shift
printf '%s\\n' "$@" >> "$PIP_LOG"
"""


INSTALLS = [
    (name_of(page), words)
    for page in PAGES
    for words in re.findall(r"pip install ((?:-\w )?(?:'[^'\n]+'|[^\s'`]+))", page.read_text("utf-8"))
]


@pytest.mark.parametrize(("page", "words"), INSTALLS, ids=str)
def test_install_lines_work_without_an_index(page: str, words: str) -> None:
    """sepcalc is on no index: what is installed is a checkout, or comes from a git address."""
    extras = {*tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]}
    (target,) = [word for word in shlex.split(words) if not word.startswith("-")]
    match = re.fullmatch(r"(?:\.|(?:sepcalc)?(?=.* @ git\+))(?:\[([\w,]+)\])?(?: @ git\+https://\S+)?", target)
    assert match or target.startswith("git+https://github.com/sepcalc/sepcalc"), words
    assert {*(match[1] or "").split(",")} - {""} <= extras if match else True


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_lines_of_the_shell_run(block: Block, folder: Path) -> None:
    """As a shell runs them, with a ``pip`` that only writes down what it is given."""
    if block.mark in SET_UP or "_SEPCALC_COMPLETE" in block.text or "git:" in block.text:
        return  # .ci/run runs the first, tests/test_gate_delivery.py the others
    _need_extras(block.text)
    _write_files(block.page, folder)
    if "sepcalc history" in block.text:
        committed(folder)
    tools = folder / "tools"
    tools.mkdir()
    for name, text in {
        "pip": FAKE_PIP,
        "python": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n',
        "sepcalc": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sepcalc "$@"\n',
    }.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PIP_LOG": str(folder / "pip.log"),
    }
    done = subprocess.run(
        ["bash", "-eu", "-c", block.text], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("extra", EXTRAS)
def test_hints_install_what_the_extras_are(extra: str) -> None:
    """A hint names the package: no index knows sepcalc, and whoever reads it may be in any folder."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert {*extras} - {"test", "dev", "onnx"} == {*EXTRAS}
    assert extras[extra] == [EXTRAS[extra]]
    assert install(extra) == f"pip install '{EXTRAS[extra]}'"


def test_nothing_else_says_how_to_install() -> None:
    said = [path for path in (ROOT / "sepcalc").rglob("*.py") if "pip install" in path.read_text("utf-8")]
    assert [path.name for path in said] == ["extras.py"]


def test_ci_runs_the_set_up_of_the_readme() -> None:
    marked = [block.mark for block in blocks(README, "sh") if block.mark]
    assert marked == [*SET_UP]
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert all(f"<!-- {mark} -->" in ci for mark in SET_UP)
    assert "sepcalc compare 12x12x3 -k5 -o256" in blocks(README, "sh")[0].text
    assert re.search(r"pytest -n 2\n$", blocks(README, "sh")[1].text)


# --- the pages themselves ---------------------------------------------------------------------------------------------


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), target


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text("utf-8")
    assert text.count("\n") <= 250
    assert [name_of(page) for page in PAGES[1:] if f"({name_of(page)})" not in text] == []


def test_the_pages_are_in_the_source_distribution() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "/docs" in pyproject["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


def test_pages_that_the_code_cites_are_there() -> None:
    texts = [file.read_text("utf-8") for file in (ROOT / "sepcalc").rglob("*.py")]
    cited = {page for text in texts for page in re.findall(r"[\w/-]+\.md\b", text)}
    assert "docs/opcounts.md" in cited
    pages = {name_of(page) for page in PAGES}
    assert {page for page in cited if "docs/" in page} <= pages
    assert cited.isdisjoint({page.partition("/")[2] for page in pages})  # where it is, and not its name alone


def test_the_map_of_the_house_has_every_room() -> None:
    """In the order of the contract: what is named further down knows nothing of what is above it."""
    text = (ROOT / "docs" / "design.md").read_text("utf-8").partition("## The rooms")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`(\w+)(?:/|\.py)`", cell)]
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    rows = [{name.strip() for name in re.split(r"[|:]", layer)} for layer in layers]
    assert sorted(named) == sorted(name for row in rows for name in row)
    places = {name: at for at, row in enumerate(rows) for name in row}
    assert [places[name] for name in named] == sorted(places[name] for name in named)


def test_every_function_of_the_python_face_is_on_its_page() -> None:
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    functions = [name for name in sepcalc.__all__ if name.islower()]
    assert [name for name in functions if f"| `{name}(" not in text] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in ("design.md", "contributing.md")], ids=name_of)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """From the root of the repository, or from the package; where a name is to be filled in, its folder."""
    named = [text for text in inline(page) if re.fullmatch(r"[\w./-]+(\.py|\.toml|/)", text)]
    assert len(named) > 20
    for text in named:
        path = Path(re.split(r"/?\b(?:NAME|FAMILY)\b", text)[0])
        assert any((root / path).exists() for root in (ROOT, ROOT / "sepcalc")), text


def test_every_format_is_on_the_page_of_models() -> None:
    text = (ROOT / "docs" / "models.md").read_text("utf-8").partition("## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for form in (*FORMATS, PYTORCH):
        own = [row for row in rows if all(suffix in row for suffix in form.suffixes) and form.name.split("'")[0] in row]
        needed = f"`pip install '.[{form.extra}]'`" if form.extra else ""
        assert any(needed in row for row in own), form.name
        assert form.extra or any("pip" not in row for row in own), form.name


def test_every_command_has_an_example() -> None:
    shown = itertools.chain((command for _, command, _ in CONSOLE), (text for _, text in INLINE))
    assert {*cli.list_commands(click.Context(cli))} <= {line.split()[1] for line in shown}


def test_there_is_something_to_test() -> None:
    assert len(CONSOLE) >= 20
    assert PYTHON
    assert len(NETWORKS) >= 10
