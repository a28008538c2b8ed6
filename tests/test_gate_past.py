"""``--skip-unbudgeted``: files that lost the budget that they had, and files that are no networks."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from gating import BARE, NET, PROJECT, Run, git, report

from sepcalc.document.foreign import is_foreign

HINT = "  hint: add budget: to the file, or a [[tool.sepcalc.check]] to pyproject.toml\n"


def commit() -> None:
    git("add", "-A")
    git("commit", "-qm", "one")


@pytest.fixture
def history(gate: Run) -> None:
    """A commit of the project: specs/net.yaml has a budget of its own, specs/bare.yaml one in pyproject.toml."""
    Path(".git").rmdir()
    git("init", "-q", "-b", "main")
    Path("specs/free.yaml").write_text(BARE.replace("tiny", "free"))
    commit()


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    git("add", "-A")


def move(old: str, new: str, text: str | None = None) -> None:
    Path(new).parent.mkdir(parents=True, exist_ok=True)
    git("mv", old, new)
    if text is not None:
        write(new, text)


def push(old: str, new: str, text: str | None = None, left: str | None = None) -> None:
    """Moves a file without a word to git, and leaves something else in its place."""
    Path(new).parent.mkdir(parents=True, exist_ok=True)
    os.replace(old, new)
    if text is not None:
        Path(new).write_text(text)
    if left is not None:
        Path(old).write_text(left)


LOST: list[tuple[str, Callable[[], object], str, str]] = [  # what, how, the file, what is said of it
    ("deleted", lambda: write("specs/net.yaml", BARE), "specs/net.yaml", "in HEAD"),
    (
        "commented out",
        lambda: write("specs/net.yaml", NET.replace("budget", "# budget")),
        "specs/net.yaml",
        "in HEAD",
    ),
    (
        "deleted, but what was published stays",
        lambda: write("specs/net.yaml", BARE + "published: {params: 5168}\n"),
        "specs/net.yaml",
        "in HEAD",
    ),
    ("renamed", lambda: move("specs/net.yaml", "other.yaml", BARE), "other.yaml", "in HEAD, as specs/net.yaml"),
    (
        "renamed to another suffix",
        lambda: move("specs/net.yaml", "specs/net.yml", BARE),
        "specs/net.yml",
        "in HEAD, as specs/net.yaml",
    ),
    (
        "renamed away from the project's check",
        lambda: move("specs/bare.yaml", "nets/bare.yaml"),
        "nets/bare.yaml",
        "in HEAD, as specs/bare.yaml",
    ),
    ("moved", lambda: push("specs/net.yaml", "other.yml", BARE), "other.yml", "in HEAD, as specs/net.yaml"),
    (
        "moved, and added to",
        lambda: push("specs/net.yaml", "other.yaml", BARE + "# a comment that is long\n" * 100),
        "other.yaml",
        "in HEAD, as specs/net.yaml",
    ),
    (
        "moved away from the project's check",
        lambda: push("specs/bare.yaml", "nets/bare.yaml"),
        "nets/bare.yaml",
        "in HEAD, as specs/bare.yaml",
    ),
    (
        "moved over another file",
        lambda: [
            write("free.yaml", "input: 8\nlayers: [dense -o2]\n"),
            commit(),
            push("specs/bare.yaml", "free.yaml"),
        ],
        "free.yaml",
        "in HEAD, as specs/bare.yaml",
    ),
    (
        "moved, and something else in its place",
        lambda: push("specs/net.yaml", "other.yaml", BARE, "input: 8\nbudget: {macs: 16}\nlayers: [dense -o2]\n"),
        "other.yaml",
        "in HEAD, as specs/net.yaml",
    ),
    (
        "the project's check is gone",
        lambda: write("pyproject.toml", "[project]\n"),
        "specs/bare.yaml",
        "in HEAD",
    ),
    (
        "the project's file is gone",
        lambda: git("rm", "-q", "pyproject.toml"),
        "specs/bare.yaml",
        "in HEAD",
    ),
    (
        "the project's check is of another file",
        lambda: write("pyproject.toml", PROJECT.replace("bare.yaml", "free.yaml")),
        "specs/bare.yaml",
        "in HEAD",
    ),
]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("what", "how", "file", "where"), LOST, ids=[case[0] for case in LOST])
def test_a_budget_that_is_lost_is_no_pass(
    what: str, how: Callable[[], object], file: str, where: str, gate: Run
) -> None:
    how()
    code, out, err = gate("check", "--skip-unbudgeted", file)
    assert (code, err) == (1, f"{file}: it had a budget {where}, and has none now\n{HINT}")
    assert "1 checked: 1 failed" in out
    (check,) = report(gate, "--skip-unbudgeted", file)["checks"]
    assert (check["status"], check["exit_code"]) == ("failed", 1)
    assert f"{file}: ITS BUDGET IS GONE" in gate("check", "--skip-unbudgeted", file, "--format", "markdown")[1].replace(
        "\\", ""
    )
    assert "<failure" in gate("check", "--skip-unbudgeted", file, "--format", "junit")[1]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("name", ["a\tb.yaml", "a\u3000b.yaml", os.fsdecode(b"a\xff.yaml")])
def test_a_budget_is_lost_under_any_name(name: str, gate: Run) -> None:
    move("specs/net.yaml", name)
    commit()
    write(name, BARE)
    code, _, err = gate("check", "--skip-unbudgeted", "--", name)  # as the hook has it
    assert (code, err.endswith(f": it had a budget in HEAD, and has none now\n{HINT}")) == (1, True)


@pytest.mark.usefixtures("history")
def test_a_name_that_git_cannot_be_asked_for_is_no_pass(gate: Run) -> None:
    write("a\nb.yaml", BARE)
    code, _, err = gate("check", "--skip-unbudgeted", "--", "a\nb.yaml")
    assert (code, err) == (
        2, "a\\nb.yaml: its earlier version cannot be found: its name contains a line break\n"
    )  # fmt: skip


@pytest.mark.usefixtures("history")
def test_what_never_had_a_budget_is_skipped_still(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("new.yaml", BARE.replace("tiny", "another one").replace("-o32", "-o64"))
    for file in ("specs/free.yaml", "new.yaml"):
        assert gate("check", "--skip-unbudgeted", file)[0] == 0
    (check,) = report(gate, "--skip-unbudgeted", "new.yaml")["checks"]
    assert (check["status"], check["reason"]) == ("skipped", "no budget or baseline found")
    move("specs/free.yaml", "moved.yaml")
    assert gate("check", "--skip-unbudgeted", "moved.yaml")[0] == 0
    move("specs/net.yaml", "budgeted.yaml")  # and has its budget still
    assert gate("check", "--skip-unbudgeted", "budgeted.yaml")[0] == 0
    Path("variant.yaml").write_text(BARE)
    Path("budgeted.yaml").write_text(NET + "# changed\n")  # what it is like is there still
    assert gate("check", "--skip-unbudgeted", "variant.yaml")[0] == 0
    monkeypatch.chdir("specs")
    assert gate("check", "--skip-unbudgeted", "../new.yaml")[0] == 0


@pytest.mark.usefixtures("history")
def test_the_project_of_then_counts_from_every_folder(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("pyproject.toml", "[project]\n")
    monkeypatch.chdir("specs")
    code, _, err = gate("check", "--skip-unbudgeted", "bare.yaml")
    assert (code, err) == (1, f"bare.yaml: it had a budget in HEAD, and has none now\n{HINT}")


@pytest.mark.usefixtures("history")
def test_a_limit_to_growth_alone_is_a_budget(gate: Run) -> None:
    only = '[[tool.sepcalc.check]]\npath = "specs/bare.yaml"\nbaseline = "base.json"\nmax-increase = "2%"\n'
    write("pyproject.toml", only)
    commit()
    assert gate("check", "--skip-unbudgeted", "specs/bare.yaml")[0] == 0
    assert gate("check", "specs/bare.yaml")[0] == 0
    write("pyproject.toml", only.split("baseline")[0])
    code, _, err = gate("check", "--skip-unbudgeted", "specs/bare.yaml")
    assert (code, err) == (1, f"specs/bare.yaml: it had a budget in HEAD, and has none now\n{HINT}")


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("broken", ["no TOML", "[[tool.sepcalc.check]]\npath = 3\n"])
def test_a_project_that_was_broken_held_nothing(broken: str, gate: Run) -> None:
    write("pyproject.toml", broken)
    commit()
    write("pyproject.toml", "[project]\n")
    assert gate("check", "--skip-unbudgeted", "specs/bare.yaml")[0] == 0


@pytest.mark.usefixtures("history")
def test_pre_commit_s_own_revision_counts_too(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On more than what is staged, HEAD is the pull request itself."""
    write("specs/net.yaml", BARE)
    commit()
    assert gate("check", "--skip-unbudgeted", "specs/net.yaml")[0] == 0
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", "HEAD~1")
    code, _, err = gate("check", "--skip-unbudgeted", "specs/net.yaml")
    assert (code, err) == (1, f"specs/net.yaml: it had a budget in HEAD~1, and has none now\n{HINT}")


@pytest.mark.usefixtures("history")
def test_the_variables_of_a_hook_are_of_another_repository(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sets these for its hooks."""
    write("specs/net.yaml", BARE)
    monkeypatch.setenv("GIT_DIR", str(Path(".git").resolve()))
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert gate("check", "--skip-unbudgeted", "specs/net.yaml")[0] == 1


def test_without_a_commit_nothing_is_lost(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("specs/net.yaml").write_text(BARE)
    assert gate("check", "--skip-unbudgeted", "specs/net.yaml")[0] == 0  # no repository
    Path(".git").rmdir()
    git("init", "-q")
    assert gate("check", "--skip-unbudgeted", "specs/net.yaml")[0] == 0  # no commit
    commit()
    monkeypatch.setenv("PATH", "")
    code, _, err = gate("check", "--skip-unbudgeted", "specs/net.yaml")
    assert code == 2
    assert err == (
        "specs/net.yaml: its earlier version cannot be found: git is needed to read it, and is not installed\n"
    )


# --- what is no network ----------------------------------------------------------------------------------------------

ACTION = """\
name: x
inputs:
  version:
    description: 3x3
    required: true
    default: 3
outputs: {path: {description: x}}
runs: {using: composite, steps: []}
branding: {icon: box}
"""
FOREIGN = [  # other people's files
    ("docker-compose.yml", "name: shop\nservices: {web: {image: x}}\ninclude: [a.yml]\n"),
    ("mkdocs.yml", "site_name: x\nnav: [a.md]\ntheme:\n  name: y\n  layers: [1]\n  input: 3\n"),
    ("playbook.yaml", "- hosts: all\n  tasks: []\n- input: x\n"),
    ("k8s.yaml", "apiVersion: v1\nkind: A\n---\napiVersion: v1\nspec: {input: a}\n"),
    ("anchors.yaml", "x-a: &a {b: 1}\nc:\n  <<: *a\n? [complex, key]\n: 1\n"),
    ("tags.yml", "job: !reference [.a, b]\nvalue: layers\n"),
    ("chart.yaml", "name: {{ .Values.name }}\n{{ if .input }}\nspec: x\n{{ end }}\n"),
    ("hydra.yaml", "defaults: [a]\nparameters: {lr: 1}\n"),
    ("comments.yaml", "# nothing\n"),
    ("escaped.yaml", '"\\x6eame": 1\n'),
    ("action.yml", ACTION),
    ("page.yaml", "title: x\nblocks:\n  - {type: hero, title: 12}\n  - {type: text}\n"),
    ("slots.yml", "blocks:\n  hero: {title: 3x3}\n  footer: [left, {right: [1]}]\n"),
    ("filebeat.yml", "inputs:\n- type: log\n  paths: [/var/log/1]\noutput.kafka: {hosts: [a]}\n"),
    ("benthos.yaml", "input:\n  kafka: {topics: [t1]}\npipeline: {processors: []}\n"),
    ("rollup.yaml", "input: src/main\nplugins: [a]\n"),
    ("slack.json", '{"blocks": [{"type": "section", "text": {"text": "8x8x3"}}]}\n'),
    ("task.json", '{"inputs": [{"id": "x", "type": "promptString"}], "version": "2.0.0"}\n'),
    ("package.json", '{"name": "x", "config": {"port": 1}}\n'),
    ("tsconfig.json", '{\n  // a comment\n  "compilerOptions": {},\n}\n'),
    ("list.json", '[{"class_name": "Dense"}]\n'),
    ("nested.json", '{"a": {"class_name": "Dense", "layers": []}}\n'),
    ("pom.xml", '<?xml version="1.0"?>\n<!-- <net> -->\n<!DOCTYPE project>\n<project><layers/></project>\n'),
]
OURS = [  # ours, however broken
    ("a.yaml", "input: 8x8x3\n"),
    ("b.yaml", "name: x\nlayers: [conv -k3]\n"),
    ("c.yaml", "blocks: {}\n"),
    ("d.yaml", "{name: x, budget: {macs: 1}}\n"),
    ("e.yaml", "name: x\n---\ninputs: {a: 3}\n"),
    ("f.yaml", '"\\x69nput": 8x8x3\n'),
    ("g.yaml", "? published\n: 1\n"),
    ("h.yaml", "name: {{ x }}\nlayers:\n- conv\n"),
    ("i.yaml", "just a text\n"),
    ("j.yaml", "a: [1, {b: 2}]\nc: {d: [3]}\nparam-bytes: 2\n"),
    ("case.yaml", "Input: 8x8x3\nLayers:\n  - conv -k3 -o4\nBudget: {macs: 1}\n"),
    ("budget.yaml", "model: x\nBUDGET: {macs: 1}\n"),
    ("bytes.yaml", "model: x\nparam_bytes: 2\n"),
    ("template.yaml", "name: {{ x }}\nLayers:\n- conv\n"),
    ("case.json", '{"Input": "8x8x3", "Layers": ["conv -k3 -o4"]}\n'),
    ("misspelled.yaml", "inputs: {image: {}}\nlayer: [conv -k3]\n"),
    ("budget_too.yaml", "blocks: [a]\nbudgets: {macs: 1}\n"),
    ("listed.yaml", "inputs: [224x224x3]\nlayrs: []\n"),
    ("sizes.yaml", "input: [224, 224, 3]\nstages: []\n"),
    ("named.yaml", "inputs: {a: 8x8x3, b: {}}\n"),
    ("braces.yaml", "input: '{side}x{side}x{c}'\n"),
    ("block.yaml", "blocks: {mobile: [conv -k3]}\n"),
    ("header.yaml", "blocks:\n  mobile(out): {}\n"),
    ("long.yaml", "blocks: {mobile: [{conv: {kernel: 3}}]}\n"),
    ("anchored.yaml", "inputs: {a: &x {b: c}}\nd: *x\n"),
    ("others.yaml", "inputs: {a: {b: c}}\nruns: {}\nbudget: {macs: 1}\n"),
    ("layered.yaml", "inputs: {a: {b: c}}\nruns: {}\nLAYERS: []\n"),
    ("k.json", '{"class_name": "Functional", "config": {'),
    ("l.json", '{"config": {}, "keras_version": "3.0"}\n'),
    ("m.json", "nothing\n"),
    ("n.json", '{"clas\\u0073_name": "Functional"}\n'),
    ("o.xml", '<?xml version="1.0"?>\n<net name="x"><layers></layers></net>\n'),
    ("p.yaml", "\ufeffinput: 3\n"),
]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("name", "text"), FOREIGN, ids=[case[0] for case in FOREIGN])
def test_what_is_no_network_is_skipped(name: str, text: str, gate: Run) -> None:
    write(name, text)
    code, out, err = gate("check", "--skip-unbudgeted", name)
    assert (code, err) == (0, "")
    assert "no network, skipped" in out
    assert report(gate, "--skip-unbudgeted", name)["checks"][0]["reason"] == "no network"
    assert gate("check", "--skip-unbudgeted", name, "--max", "macs=1")[0] == 0
    assert gate("check", name)[0] == 2
    write("pyproject.toml", f'[[tool.sepcalc.check]]\npath = "{name}"\nmax = {{macs = 1}}\n')
    assert gate("check", "--skip-unbudgeted", name)[0] == 2  # the project says that it is one


@pytest.mark.parametrize(("name", "text"), OURS, ids=[case[0] for case in OURS])
def test_a_network_that_is_broken_is_not_skipped(name: str, text: str, gate: Run) -> None:
    Path(name).write_text(text, encoding="utf-8")
    code, out, err = gate("check", "--skip-unbudgeted", name)
    assert code == 2, out
    assert err


@pytest.mark.usefixtures("history")
def test_a_network_that_became_something_else_is_not_skipped(gate: Run) -> None:
    write("specs/net.yaml", "services: {}\n")
    code, _, err = gate("check", "--skip-unbudgeted", "specs/net.yaml")
    assert code == 2
    assert "unknown key 'services'" in err
    write("specs/free.yaml", "# everything is commented out\n")
    assert gate("check", "--skip-unbudgeted", "specs/free.yaml")[0] == 2
    git("checkout", "-q", "HEAD", "--", "specs/free.yaml")
    move(
        "specs/free.yaml",
        "other.yaml",
        "\n".join(["x:"] + [f"- {line}" for line in BARE.splitlines() if ":" not in line]),
    )


def test_a_large_file_of_others_is_seen_through_at_once() -> None:
    text = "a:\n" + "- {b: [1, 2], c: d}\n" * 100_000
    assert is_foreign(text.encode(), ".yaml")
    assert not is_foreign((text + "layers: [").encode(), ".yaml")
    assert is_foreign(json.dumps([{"a": [1] * 1000}] * 1000).encode(), ".json")
    assert not is_foreign(os.urandom(100) + b"\xff", ".yaml")
