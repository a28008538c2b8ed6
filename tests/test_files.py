"""Files are written whole or not at all: a full disk, an interrupt, a race leave what was there, nothing beside it."""

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sepcalc.cli import run
from sepcalc.errors import InputError
from sepcalc.files import write_files

ROOT = Path(__file__).parent.parent
NET = "input: 8x8x3\nlayers:\n" + "  - conv -k3 -o8 -p1\n" * 200
GOOD = "good and old\n"
WRITERS = {
    "baseline": "baseline net.yaml -o {}",
    "convert": "convert net.yaml -o {}",
    "schema": "schema --output {}",
    "network": "network net.yaml -o {}",
    "expand": "network net.yaml --expand --output {}",
    "check": "check net.yaml --max macs=1G -o {} --format json --why",
    "diff": "diff net.yaml zoo:vgg16 -o {} --format json",
    "compare": "compare 56x56x64 -k3 -o64 --variant all --output {} --format json",
    "layer": "layer 196x768 multihead --heads 12 --output {} --format json",
    "verify": "verify 4x4x1 -k3 -o1 --output {} --format json",
    "whatif": "whatif net.yaml --width 0.5 -o {}",
    "fit": "fit net.yaml --max macs=1 --by resolution --output {} --format json",
    "kinds": "kinds -o {}",
    "zoo": "zoo --output {}",
    "factor": "factor laplacian --rank 3 --write .",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written_by(command: str, folder: Path) -> Path:
    return folder / ("spatial-rank3-2.npy" if "factor" in command else "out.txt")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- a full disk ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="a limit for the size of files")
@pytest.mark.parametrize("command", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_leaves_the_old_file(command: str, folder: Path) -> None:
    path = written_by(command, folder)
    path.write_text(GOOD)
    before = names(folder)
    done = subprocess.run(
        # -B: Python would keep the first 30 bytes of a compiled module, and every later run would fail
        [sys.executable, "-B", "-m", "sepcalc", *command.format("out.txt").split(), "--force"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30, 30)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cannot write '")
    assert done.stderr.endswith("File too large\n")
    assert (path.read_text(), names(folder)) == (GOOD, before)


# --- an interrupt -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("at", ["fsync", "replace", "link", "chmod"])
def test_an_interrupt_leaves_nothing_behind(
    at: str, force: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    (folder / "old").write_text(GOOD)
    monkeypatch.setattr(os, at, interrupted)
    contents = {"old": b"new", "other": b"new"} if force else {"some": b"new", "other": b"new"}
    reached = at in ("fsync", "replace" if force else "link") or (at == "chmod" and force)
    if reached:
        with pytest.raises(KeyboardInterrupt):
            write_files(contents, force)
        assert names(folder) == ["net.yaml", "old"]
        assert (folder / "old").read_text() == GOOD


SLOW = """
import os, signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which whoever runs the tests may ignore, as nohup does
def fsync(number):
    os.write(1, b"here")
    time.sleep(30)
os.fsync = fsync
from sepcalc.__main__ import main
sys.argv = ["sepcalc", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
@pytest.mark.parametrize("command", [WRITERS[name] for name in ("baseline", "factor")], ids=["baseline", "factor"])
def test_a_signal_leaves_nothing_behind(command: str, number: signal.Signals, folder: Path) -> None:
    path = written_by(command, folder)
    path.write_text(GOOD)
    before = names(folder)
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *command.format("out.txt").split(), "--force"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.read(4) == b"here"
        process.send_signal(number)
        assert process.communicate(timeout=20) == (b"", b"")
    assert (process.returncode, path.read_text(), names(folder)) == (128 + number, GOOD, before)


# --- where it goes ----------------------------------------------------------------------------------------------------


def test_a_file_that_came_in_the_meantime_is_not_overwritten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = os.fsync

    def meanwhile(number: int) -> None:
        flushed(number)
        (folder / "out").write_text(GOOD)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(InputError, match=r"^'out' exists already\n  hint: --force overwrites it$"):
        write_files({"out": b"new"}, False)
    assert ((folder / "out").read_text(), names(folder)) == (GOOD, ["net.yaml", "out"])


def test_a_file_system_without_links(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refused)
    write_files({"out": b"new"}, False)
    assert ((folder / "out").read_text(), names(folder)) == ("new", ["net.yaml", "out"])


def test_all_of_several_files_or_none(folder: Path) -> None:
    (folder / "b").write_text(GOOD)
    with pytest.raises(InputError, match="'b' exists already"):
        write_files({"a": b"new", "b": b"new"}, False)
    with pytest.raises(InputError, match=r"cannot write 'no/such/c': No such file or directory"):
        write_files({"a": b"new", "b": b"new", "no/such/c": b"new"}, True)
    assert (names(folder), (folder / "b").read_text()) == (["b", "net.yaml"], GOOD)


@pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX")
def test_permissions_and_links_stay(folder: Path) -> None:
    (folder / "real").write_text(GOOD)
    (folder / "real").chmod(0o640)
    (folder / "link").symlink_to("real")
    write_files({"link": b"new"}, True)
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_text() == "new"
    assert stat.S_IMODE((folder / "real").stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        write_files({"fresh": b"new"}, False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "fresh").stat().st_mode) == 0o640
    assert names(folder) == ["fresh", "link", "net.yaml", "real"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="devices of Linux")
def test_a_device_is_written_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kinds", "-o", "/dev/null", "--force"]) == 0
    assert run(["kinds", "-o", "/dev/full", "--force"]) == 2
    assert capsys.readouterr().err == "cannot write '/dev/full': No space left on device\n"
    assert run(["kinds", "-o", ".", "--force"]) == 2
    assert capsys.readouterr().err == "cannot write '.': Is a directory\n"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_factors_are_whole_files(force: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", "sobel-x", "--write", "new/folder", *force]) == 0
    assert np.load("new/folder/factor-1.npy").tolist() == [1, 2, 1]
    assert names(folder / "new" / "folder") == ["factor-1.npy", "factor-2.npy", "scale.npy"]


def test_a_folder_for_factors_that_cannot_be_written_is_not_left_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run(["factor", "sobel-x", "--write", "new"]) == 2
    assert names(folder) == ["net.yaml"]
