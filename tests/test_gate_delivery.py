"""What is delivered for use: the action for GitHub, hooks for pre-commit, completion, the recipes of docs/gate.md."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from gating import git
from pages import blocks

from sepcalc.cli import run
from sepcalc.importers.formats import SUFFIXES, files_pattern

ROOT = Path(__file__).parent.parent
NET = "input: 8x8x3\nbudget: {macs: 4k}\nlayers: [conv -k3 -o4]\n"  # 3888 macs
PAGE = ROOT / "docs" / "gate.md"


def block(language: str, holding: str = "") -> str:
    """The one example of the page on the gate that is in this language, and has this in it."""
    (text,) = [block.text for block in blocks(PAGE, language) if holding in block.text]
    return text


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a process that finds this house, a ``python`` and a ``sepcalc``."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, words in (("python", ""), ("sepcalc", " -m sepcalc")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{words} "$@"\n')
        tool.chmod(0o755)
    found = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(found)}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with networks: within their budgets, over, without."""
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    (folder / "specs" / "good one.yaml").write_text(NET)
    (folder / "specs" / "over.yaml").write_text(NET.replace("4k", "3k"))
    (folder / "specs" / "free.yaml").write_text(NET.replace("budget: {macs: 4k}\n", ""))
    monkeypatch.chdir(folder)
    return folder


# --- the action ------------------------------------------------------------------------------------------------------

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step.get("id", step.get("name")): step for step in ACTION["runs"]["steps"]}


def act(
    arguments: str, where: str, environment: dict[str, str], form: str = "github"
) -> tuple[int, dict[str, str], str]:
    """Runs the action's check as GitHub does: in a shell, inputs in the environment, outputs in a file."""
    files = {name: Path(f"../{name.lower()}") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["check"]["run"]],
        cwd=where,
        env={
            **environment,
            **{name: str(file.resolve()) for name, file in files.items()},
            "RUNNER_TEMP": str(Path("..").resolve()),
            "GITHUB_WORKSPACE": str(Path.cwd()),
            "ARGS": arguments,
            "FORMAT": form,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    sys.stderr.write(done.stderr)
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    assert done.returncode == int(outputs["exit-code"]), done.stderr
    return done.returncode, outputs, done.stdout


def test_the_action_checks_and_annotates(project: Path, environment: dict[str, str]) -> None:
    code, outputs, out = act("'specs/good one.yaml' specs/o*.yaml --max params=1M", ".", environment)
    assert code == 1
    assert (
        "::error file=specs/over.yaml,line=2,title=sepcalc%3A specs/over.yaml%3A macs::macs 3,888 > 3,000, over by"
        in out
    )
    report = json.loads(Path(outputs["report"]).read_text())
    assert [check["status"] for check in report["checks"]] == ["passed", "failed"]
    assert "OVER BUDGET" in Path("../github_step_summary").read_text()


def test_the_action_passes_only_what_passes(project: Path, environment: dict[str, str]) -> None:
    assert act('"good one.yaml"', "specs", environment, "table")[0] == 0
    assert act("", ".", environment)[0] == 2  # nothing is configured
    assert act("specs/*.yml", ".", environment)[0] == 2


SHADOWS = [
    *("shlex.py", "glob.py", "os.py", "subprocess.py", "yaml.py", "click.py", "json.py", "numpy.py", "_socket.py"),
    *("sepcalc/__init__.py", "sepcalc/__main__.py", "rich/__init__.py", "sitecustomize.py", "usercustomize.py"),
]


@pytest.mark.parametrize("path", [None, "."])
@pytest.mark.parametrize("where", [".", "specs"])
def test_the_action_imports_nothing_from_the_checkout(
    where: str, path: str | None, project: Path, environment: dict[str, str]
) -> None:
    """Each of these would end the check with 0, or leave a word on standard output, if it were imported."""
    for name in SHADOWS:
        file = project / where / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("print('imported from the checkout')\nraise SystemExit(0)\n")
    if path:  # as a workflow sets it for the tests of its own code
        environment = {**environment, "PYTHONPATH": path}
    code, _, out = act("over.yaml" if where == "specs" else "specs/over.yaml", where, environment)
    assert code == 1
    assert "macs 3,888 > 3,000" in out
    assert "imported" not in out


def test_a_file_s_name_is_nothing_else_to_the_action(
    project: Path, environment: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Files of a pull request that a glob of the workflow finds: named like an option, a revision, a glob."""
    over = NET.replace("4k", "3k")
    for name in ("--help", "-ofile.yaml", "--set=x=1.yaml", "net[1].yaml", ".hidden.yaml", "net1.yaml"):
        Path(name).write_text(over)
    Path("net1.yaml").write_text(NET)
    commit(project)
    Path("git:HEAD:net1.yaml").write_text(over)

    def checked(arguments: str, form: str = "table") -> list[tuple[str, str]]:
        code, outputs, _ = act(arguments, ".", environment, form)
        checks = json.loads(Path(outputs["report"]).read_text())["checks"]
        assert code == (1 if any(check["status"] == "failed" for check in checks) else 0)
        return [(check["file"], check["status"]) for check in checks]

    assert checked("*.yaml") == [
        ("./--set=x=1.yaml", "failed"),
        ("./-ofile.yaml", "failed"),
        ("./git:HEAD:net1.yaml", "failed"),
        ("net1.yaml", "passed"),
        ("net[1].yaml", "failed"),
    ]
    assert capfd.readouterr().err == "args: '*.yaml' skips '.hidden.yaml': a glob skips names that begin with a dot\n"
    assert checked("net[1].yaml") == [("net[1].yaml", "failed")]
    assert act("*", ".", environment)[0] == 2  # --help is a file, of an unknown kind


def test_the_action_says_what_it_cannot_read(
    project: Path, environment: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert act("'specs/over.yaml", ".", environment)[0] == 2
    assert capfd.readouterr().err == "args: No closing quotation\n"


def test_the_action_is_whole() -> None:
    declared = set(ACTION["inputs"])
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text("utf-8")))
    assert declared == used == {"args", "format", "working-directory", "version", "extras", "python-version"}
    assert set(ACTION["outputs"]) == {"exit-code", "report"}
    table = PAGE.read_text("utf-8").partition("## GitHub Actions")[2].partition("\n### ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == declared
    for step in STEPS.values():  # what a pull request can name reaches a shell as a variable only
        assert "${{" not in step.get("run", "")
        assert "run" not in step or step["shell"] == "bash"
        assert not re.search(r"python (?!-I )", step.get("run", ""))


def test_the_action_installs_what_is_asked_for(tmp_path: Path) -> None:
    tool = tmp_path / "python"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$*"\n')
    tool.chmod(0o755)
    for version, extras, installed in [
        ("", "", "/action"),
        ("", "onnx,h5", "/action[onnx,h5]"),
        ("1.2", "", "sepcalc @ git+https://github.com/sepcalc/sepcalc@v1.2"),
        ("1.2", "onnx", "sepcalc[onnx] @ git+https://github.com/sepcalc/sepcalc@v1.2"),
    ]:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", STEPS["Install sepcalc"]["run"]],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "VERSION": version, "EXTRAS": extras, "SOURCE": "/action"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"-I -m pip install --quiet {installed}\n"


# --- pre-commit ------------------------------------------------------------------------------------------------------


def commit(folder: Path) -> None:
    git("init", "-q", "-b", "main", cwd=folder)
    git("add", "-A", cwd=folder)
    git("commit", "-qm", "one", cwd=folder)
    git("tag", "v1", cwd=folder)


HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def test_the_hooks_run_in_pre_commit(project: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Pre-commit itself, a repository of hooks, a repository that uses them. The hooks run the sepcalc that is here:
    installing it into an environment of theirs needs an index of packages, and is what .ci/run does."""
    pytest.importorskip("pre_commit", reason="pre-commit is not installed: pip install -e '.[dev]'")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / ".pre-commit-hooks.yaml").write_text(yaml.safe_dump([{**hook, "language": "system"} for hook in HOOKS]))
    commit(hooks)
    uses = yaml.safe_load(block("yaml", "repos:"))
    (repository,) = uses["repos"]
    repository |= {"repo": str(hooks), "rev": "v1"}
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(uses))
    (project / ".github").mkdir()
    (project / ".github" / "ci.yml").write_text("on: push\n")
    commit(project)

    def hook(*args: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", *args, "--color", "never"],
            env={**environment, "PRE_COMMIT_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = hook("run", "--all-files", "--verbose")
    assert code == 1, said
    assert "macs 3,888 > 3,000, over by 888, 29.6 %" in said
    assert "3 checked: " in said
    (project / "specs" / "over.yaml").write_text(NET)
    git("add", "-A", cwd=project)
    code, said = hook("run", "--all-files")
    assert code == 0, said
    assert "Passed" in said
    (project / "-ofile.yaml").write_text(NET.replace("4k", "3k"))  # no option of sepcalc's
    git("add", "-A", cwd=project)
    code, said = hook("run", "--all-files")
    assert code == 1
    assert "./-ofile.yaml" in said or "-ofile.yaml" in said
    git("rm", "-q", "--cached", "--", "-ofile.yaml", cwd=project)
    (project / "docker-compose.yml").write_text("services: {web: {image: x}}\n")
    (project / "package.json").write_text('{"name": "x"}\n')
    git("add", "docker-compose.yml", "package.json", cwd=project)
    code, said = hook("run", "--verbose")
    assert code == 0, said
    assert "no network, skipped" in said
    (project / "specs" / "over.yaml").write_text(NET.replace("budget", "# budget"))
    git("add", "-A", "specs", cwd=project)
    code, said = hook("run")
    assert code == 1
    assert "specs/over.yaml: it had a budget in HEAD, and has none now" in said
    code, said = hook("run", "--files", "specs/gone.yaml")
    assert "no files to check" in said
    code, said = hook("validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"))
    assert code == 0, said


def test_the_hooks_leave_alone_what_is_no_network() -> None:
    (hook,) = [hook for hook in HOOKS if hook["id"] == "sepcalc-check"]
    read = [f"specs/net{suffix}" for suffix in SUFFIXES] + ["A.YAML", "B.Onnx"]
    others = [".github/ci.yml", ".pre-commit-config.yaml", "a/.b.yaml", "c.py", "d.yaml.txt", "onnx", "e.jsonl"]
    names = [*read, *others]
    chosen = [name for name in names if re.search(hook["files"], name) and not re.search(hook["exclude"], name)]
    assert chosen == read
    assert hook["files"] == files_pattern()


# --- completion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_print(shell: str, environment: dict[str, str]) -> None:
    (line,) = [line for line in block("sh", "_SEPCALC_COMPLETE").splitlines() if f"{shell}_source" in line]
    (command,) = re.findall(r"_SEPCALC_COMPLETE=\w+ sepcalc", line)
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_SEPCALC_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("sepcalc ch", "plain,check"),
        ("sepcalc check --max p", "plain,params=\nplain,peak-memory=\nplain,params-bytes="),
        ("sepcalc check specs/n", "file,specs/n"),
        ("sepcalc check --format j", "plain,json\nplain,junit"),
        ("sepcalc network specs/n", "file,specs/n"),
    ],
)
def test_completion_offers(words: str, offered: str, environment: dict[str, str]) -> None:
    variables = {"_SEPCALC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(["sepcalc"], env={**environment, **variables}, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == offered


# --- docs/gate.md ----------------------------------------------------------------------------------------------------


def example_networks(folder: Path, pyproject: str) -> None:
    """The files that the page's example names."""
    (folder / "specs").mkdir(exist_ok=True)
    for check in tomllib.loads(pyproject)["tool"]["sepcalc"]["check"]:
        if not list(folder.glob(check["path"])):
            text = "input: 32x32x3\nblocks: {block1(): [{pointwise: {out: 8}, name: expand}]}\nlayers: [block1]\n"
            (folder / check["path"].replace("*", "net")).write_text(text)


def test_the_page_s_pyproject_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pyproject = block("toml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    example_networks(tmp_path, pyproject)
    (tmp_path / "pyproject.toml").write_text(pyproject)
    assert run(["baseline", "-o", "baseline.json"]) == 0
    assert run(["check"]) == 0, capsys.readouterr()


def test_the_page_s_lines_of_ci_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    pyproject = block("toml")
    example_networks(tmp_path, pyproject)
    (tmp_path / "pyproject.toml").write_text(pyproject)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    assert run(["baseline", "-o", "baseline.json"]) == 0
    job = yaml.safe_load(block("yaml", "artifacts:"))["sepcalc"]
    install, check = job["script"]
    assert install == "pip install git+https://github.com/sepcalc/sepcalc@v0.1.0"
    done = subprocess.run(["sh", "-c", check], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    report = Path(job["artifacts"]["reports"]["junit"])
    assert report.read_text().startswith("<?xml")
    steps = yaml.safe_load(block("yaml", "uses: sepcalc/sepcalc@"))
    given = steps[-1]["with"]
    assert set(given) <= set(ACTION["inputs"])
    (tmp_path / "net.yaml").write_text(NET)
    commit(tmp_path)
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=tmp_path)
    for line in block("sh", "sepcalc diff").splitlines():
        command, _, _ = line.partition("  #")
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command


def test_the_page_s_line_for_a_comment_compares_with_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """In CI the pull request is committed: 64 times the macs must not pass, and a clone without the base is told."""
    (line,) = [line for line in block("sh", "sepcalc diff").splitlines() if line.startswith("sepcalc diff ")]
    steps = yaml.safe_load(block("yaml", "uses: sepcalc/sepcalc@"))
    depth = next(step["with"]["fetch-depth"] for step in steps if step["uses"].startswith("actions/checkout@"))
    assert depth == 0
    base = tmp_path / "base"
    base.mkdir()
    (base / "net.yaml").write_text("input: 8x8x3\nlayers: [conv -k3 -o8]\n")
    commit(base)
    git("checkout", "-q", "-b", "request", cwd=base)
    (base / "net.yaml").write_text("input: 8x8x3\nlayers: [conv -k3 -o512]\n")
    git("commit", "-qam", "larger", cwd=base)

    def compared(*options: str) -> tuple[int, str, str]:
        clone = tmp_path / f"clone{len(options)}"
        git("clone", "-q", *options, "--branch", "request", f"file://{base}", str(clone), cwd=tmp_path)
        done = subprocess.run(
            ["sh", "-c", line], cwd=clone, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    code, out, _ = compared()
    assert code == 1
    assert "OVER: macs 497,664 > 7,931" in out.replace("\\", "")
    said = "git says: invalid object name 'origin/main'."
    hint = "this clone is shallow: fetch-depth: 0 in actions/checkout, or git fetch --unshallow, brings the rest"
    assert compared("--depth=1") == (2, "", f"git:origin/main:net.yaml: {said}\n  hint: {hint}\n")
    monkeypatch.chdir(tmp_path / "clone1")
    assert run(["network", "git:HEAD~1:net.yaml"]) == 2


def test_the_page_s_comment_is_posted_also_where_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """The job's own lines in a shell, in their order, as GitHub runs them; ``pip`` and ``gh`` write down what they are
    given, and ``gh api`` knows of the comments in a file."""
    job = yaml.safe_load(block("yaml", "gh pr comment"))
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    steps = job["jobs"]["cost"]["steps"]
    for tool in ("pip", "gh"):
        path = tmp_path / "tools" / tool
        path.write_text(f'#!/bin/sh\necho {tool} "$@" >> {tmp_path}/log\ncat {tmp_path}/comments 2>/dev/null || true\n')
        path.chmod(0o755)
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "net.yaml").write_text(NET)
    commit(folder)
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=folder)
    said = {"BASE": "git:origin/main:net.yaml", "NUMBER": "7", "GH_TOKEN": "t", "GITHUB_REPOSITORY": "a/b"}
    assert {*said} - {"GITHUB_REPOSITORY"} == {*job["env"]}

    def run_job(text: str, comments: str) -> list[int]:
        for file in ("diff.md", "diff.html", "comment.md"):
            (folder / file).unlink(missing_ok=True)
        (folder / "net.yaml").write_text(text)
        (tmp_path / "comments").write_text(comments)
        (tmp_path / "log").write_text("")
        codes = list[int]()
        for step in steps:
            if "run" in step and (not any(codes) or step.get("if", "").startswith("always()")):
                given = {**environment, **said, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
                done = subprocess.run(["bash", "-e", "-c", step["run"]], env=given, check=False)
                codes.append(done.returncode)
        return codes

    def log() -> list[str]:
        return [line for line in (tmp_path / "log").read_text().splitlines() if "--paginate" not in line]

    assert run_job(NET.replace("-o4", "-o8"), "") == [0, 1, 0, 0, 0]
    text = (folder / "comment.md").read_text()
    assert text.startswith("<!-- sepcalc -->\n")
    assert "OVER: macs 7,776 > 3,965" in text.replace("\\", "")
    assert (tmp_path / "summary").read_text() == (folder / "diff.md").read_text()
    assert (folder / "diff.html").read_text().startswith("<!DOCTYPE html>")
    assert [step["with"] for step in steps if "upload-artifact" in step.get("uses", "")] == [
        {"name": "cost", "path": "diff.html"}
    ]
    assert log() == [
        "pip install git+https://github.com/sepcalc/sepcalc@v0.1.0 jinja2>=3.1",
        "gh pr comment 7 --repo a/b --body-file comment.md",
    ]
    # another push: its comment is there; then one that cannot be read
    assert run_job(NET, "11\n12\n") == [0, 0, 0, 0, 0]
    assert log()[-1] == "gh api --method PATCH repos/a/b/issues/comments/11 -F body=@comment.md"
    assert run_job("input: 8x8x3\nlayers: [nonsense]\n", "11\n") == [0, 2, 1, 0, 0]
    assert (folder / "comment.md").read_text() == (
        "<!-- sepcalc -->\nThe networks could not be compared: see the log of this job.\n"
    )


def test_the_pytest_recipe_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = block("py")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    names: dict[str, Any] = {}
    exec(recipe, names)  # our own page
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test()
    (tmp_path / "net.yaml").write_text("input: 224x224x64\nlayers: [conv -k3 -o64]\n")
    with pytest.raises(AssertionError):
        test()
