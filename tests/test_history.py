"""``sepcalc history``: what a network cost at each commit that changed it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import committed

import sepcalc
from sepcalc.cli import run

if not shutil.which("git"):
    pytest.skip("a history needs git", allow_module_level=True)

NET = "input: 8x8x3\nlayers:\n- conv -k3 -o{out} -p same\n"  # 27 params and 1,728 macs for each output channel


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, out: int, name: str = "net.yaml", more: str = "") -> None:
    (folder / name).write_text(NET.format(out=out) + more)


def told(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    done = run(["history", *args, "--format", "json"])
    captured = capsys.readouterr()
    assert (done, captured.err) == (code, "")
    return json.loads(captured.out)


def grown(folder: Path) -> list[str]:
    """Five commits: 2, 4, 4 (a comment alone), 8, 6 output channels."""
    hashes = []
    for day, (out, more) in enumerate([(2, ""), (4, ""), (4, "# a word\n"), (8, ""), (6, "")], 1):
        write(folder, out, more=more)
        hashes.append(committed(folder, f"To {out}", day))
    return hashes


def test_each_commit_that_changed_a_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hashes = grown(folder)
    found = told(capsys, "net.yaml")
    assert [(one["commit"], one["date"], one["subject"]) for one in found["commits"]] == [
        (hashes[0], "2026-01-01T12:00:00+00:00", "To 2"),
        (hashes[1], "2026-01-02T12:00:00+00:00", "To 4"),
        (hashes[3], "2026-01-04T12:00:00+00:00", "To 8"),
        (hashes[4], "2026-01-05T12:00:00+00:00", "To 6"),
    ]
    assert [(one["params"], one["macs"]) for one in found["commits"]] == [
        (27 * out, 1_728 * out) for out in (2, 4, 8, 6)
    ]
    assert [one["peak_memory"] for one in found["commits"]] == [4 * 64 * (3 + out) for out in (2, 4, 8, 6)]
    assert (found["read"], found["complete"], found["unread"]) == (5, True, [])
    assert sepcalc.history(folder / "net.yaml").points[-1].cost.macs == 10_368


def test_since_a_revision_or_a_day(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hashes = grown(folder)
    for since in (hashes[2], "HEAD~2", "2026-01-04"):
        assert [one["macs"] // 1_728 for one in told(capsys, "net.yaml", "--since", since)["commits"]] == [4, 8, 6]
    assert [one["macs"] // 1_728 for one in told(capsys, "net.yaml", "--since", "HEAD")["commits"]] == [6]
    whole = told(capsys, "net.yaml", "--since", "2020-01-01")
    assert [one["macs"] // 1_728 for one in whole["commits"]] == [2, 4, 8, 6]


def test_every_second_commit_and_both_ends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grown(folder)
    for every, outs, read in ((2, [2, 4, 6], 3), (3, [2, 4, 6], 3), (9, [2, 6], 2)):
        found = told(capsys, "net.yaml", "--every", str(every))
        assert ([one["macs"] // 1_728 for one in found["commits"]], found["read"]) == (outs, read)


def test_a_file_is_followed_through_renames(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, 2, "old.yaml")
    committed(folder, "Begin", 1)
    (folder / "nets").mkdir()
    (folder / "old.yaml").rename(folder / "nets" / "new.yaml")
    committed(folder, "Move", 2)
    write(folder, 4, "nets/new.yaml")
    committed(folder, "Grow", 3)
    assert [one["macs"] // 1_728 for one in told(capsys, "nets/new.yaml")["commits"]] == [2, 4]
    assert [one["macs"] // 1_728 for one in told(capsys, "nets/new.yaml", "--since", "HEAD~2")["commits"]] == [2, 4]


def test_a_file_that_is_included_is_a_part(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.yaml").write_text("include: parts.yaml\ninput: 8x8x3\nlayers:\n- part\n")
    for day, out in enumerate((2, 4), 1):
        (folder / "parts.yaml").write_text(f"blocks:\n  part:\n  - conv -k3 -o{out} -p same\n")
        committed(folder, f"To {out}", day)
    (folder / "other.txt").write_text("nothing")
    committed(folder, "Write a word", 3)
    found = told(capsys, "net.yaml")
    assert [(one["subject"], one["macs"] // 1_728) for one in found["commits"]] == [("To 2", 2), ("To 4", 4)]


def test_what_cannot_be_read_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, 2)
    committed(folder, "Begin", 1)
    (folder / "net.yaml").write_text("input: 8x8x3\nlayers:\n- cnov -k3 -o4\n- xyzzy\n")
    broken = committed(folder, "Break", 2)
    (folder / "net.yaml").unlink()
    gone = committed(folder, "Delete", 3)
    write(folder, 4)
    committed(folder, "Mend", 4)
    assert run(["history", "net.yaml"]) == 3
    out = capsys.readouterr().out
    assert f"  {broken[:10]} 2026-01-02 net.yaml:3:3: unknown kind 'cnov' (and 1 more)\n" in out
    assert f"commit {gone[:10]} (2026-01-03) deleted the file\n" in out
    found = told(capsys, "net.yaml", code=3)
    assert [one["commit"] for one in found["unread"]] == [broken]
    assert len(found["unread"][0]["problems"]) == 2
    assert [one["macs"] // 1_728 for one in found["commits"]] == [2, 4]


def test_an_uncounted_layer_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, 2, more="- uncounted Wizard --to 8x8x2\n")
    committed(folder)
    found = told(capsys, "net.yaml", code=3)
    assert (found["complete"], found["commits"][0]["complete"]) == (False, False)


def _budgeted(folder: Path, out: int) -> Path:
    write(folder, out, more="budget: {macs: 10k, params: 1k}\n")
    return folder


def test_the_budget_is_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = [committed(_budgeted(folder, out), f"To {out}") for out in (8, 4)]
    assert run(["history", "net.yaml"]) == 0
    out = capsys.readouterr().out
    assert f"  budget: macs at most 10k, 69.1 % used; over it at {first[:10]}\n" in out
    assert "  budget: params at most 1k, 10.8 % used\n" in out


def test_subjects_of_commits_are_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, 2)
    committed(folder, "[red]Colour[/red] \x1b[31m \x1e::error:: \u202e")
    assert run(["history", "net.yaml"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[red]Colour[/red]" in out


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert run(["history", *args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.removeprefix("Error: ").removeprefix("error: ")


def test_refusals(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, 2)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert refusal(capsys, "net.yaml") == "net.yaml: a history needs a git repository, and this file is in none\n"
    write(folder, 2, "other.yaml")
    (folder / "net.yaml").unlink()
    committed(folder)
    write(folder, 2)
    assert refusal(capsys, "net.yaml") == (
        "net.yaml: no commit has this file\n  hint: git add and git commit put it there\n"
    )
    assert refusal(capsys, "nosuch.yaml") == "nosuch.yaml: no commit has this file\n"
    assert refusal(capsys, "words.txt").startswith("words.txt: unknown kind of file: expected .yaml or ")
    assert refusal(capsys, "other.yaml", "--since", "nosuch") == (
        "other.yaml: --since nosuch: git has no such revision\n  hint: a day is 2026-01-31\n"
    )
    assert refusal(capsys, "other.yaml", "--since", "--all").startswith("other.yaml: --since --all: git has no such")
    (folder / "other.yaml").write_text("layers: []\n")
    committed(folder)
    assert "other.yaml" in refusal(capsys, "other.yaml", "--since", "HEAD")


def test_another_repository_than_the_one_around(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, 2)
    committed(folder)
    away = tmp_path_factory.mktemp("away")
    write(away, 4)
    committed(away)
    assert [one["macs"] // 1_728 for one in told(capsys, str(away / "net.yaml"))["commits"]] == [4]


def test_a_day_after_the_newest_commit_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grown(folder)
    note = "no commit is as new as 2999-12-31: the newest is of 2026-01-05"
    found = told(capsys, "net.yaml", "--since", "2999-12-31")
    assert ([one["macs"] // 1_728 for one in found["commits"]], found["notes"]) == ([6], [note])
    assert told(capsys, "net.yaml", "--since", "2026-01-05")["notes"] == []
    assert refusal(capsys, "net.yaml", "--since", "2026-02-30") == (
        "net.yaml: --since 2026-02-30: there is no such day\n  hint: a day is 2026-01-31\n"
    )


def test_the_subject_has_the_room_that_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns it folds, and the bar goes before a number or a day does."""
    subject = "Give each block of the network a second convolution of its own"
    write(folder, 2)
    committed(folder, "To 2", 1)
    write(folder, 4)
    committed(folder, subject, 2)
    for columns, numbers in ((80, ["108", "6,912", "+100.0 %"]), (120, ["108", "6,912", 20 * "█", "+100.0 %"])):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert run(["history", "net.yaml"]) == 0
        _, heads, _, *lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
        assert max(map(len, lines)) <= columns
        at = heads.index("subject")
        assert " ".join([line[at:].strip() for line in lines]) == subject
        day, commit, *rest = re.split(" {2,}", lines[0][:at].strip())
        assert (day, len(commit), rest[:-1]) == ("2026-01-02", 10, numbers)
