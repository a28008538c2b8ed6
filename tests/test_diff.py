"""What changed between two networks, and files as git has them."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from gating import LARGER, Run

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
def test_increases_are_read(given: list[str], message: str | None, gate: Run) -> None:
    options = [word for text in given for word in ("--max-increase", text)]
    code, _, err = gate("diff", "specs/net.yaml", "specs/net.yaml", *options)
    assert (code, err) == ((0, "") if message is None else (2, message))


# --- git -------------------------------------------------------------------------------------------------------------


def git(*args: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], check=True, capture_output=True)


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
    ("git:main:specs.yaml/", "unknown kind of file: expected .yaml or .yml\n"),
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
    from sepcalc.importers import IMPORTERS

    known = " or ".join((".yaml", ".yml", *IMPORTERS))
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
