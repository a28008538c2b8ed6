"""What reaches a terminal, a pipe and a log: nothing that they would obey, and no noise where nobody reads or somebody
interrupts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gating import Run

from sepcalc.renderers import FORMATS, GENERAL

ROOT = Path(__file__).parent.parent
NET = "input: 8x8x3\nbudget: {macs: 1}\nlayers: [conv -k3 -o4, act relu]\n"
HOSTILE = "\x1b]0;a\x07\x1b[31m\u202ered\u2066\x85\u2028.yaml"
posix = pytest.mark.skipif(os.name == "nt", reason="pipes and signals of POSIX")


@pytest.fixture
def sep(ran: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return ran


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


# --- what a terminal would obey ---------------------------------------------------------------------------------------

NAMED = [
    *[["network", HOSTILE, "--format", form] for form in GENERAL],
    *[["check", HOSTILE, "--format", form] for form in FORMATS],
    *[["check", HOSTILE, "missing" + HOSTILE, "--format", form] for form in FORMATS],
    *[["diff", HOSTILE, "old.yaml", "--format", form] for form in FORMATS],
    *[["diff", HOSTILE, "no" + HOSTILE], ["baseline", HOSTILE], ["convert", HOSTILE], ["convert", "no" + HOSTILE]],
    *[["verify", HOSTILE, "--format", form] for form in GENERAL],
    *[["whatif", HOSTILE, "--width", "2", "--format", form] for form in GENERAL],
    *[["fit", HOSTILE, "--max", "macs=1", "--by", "width", "--format", form] for form in GENERAL],
    ["factor", HOSTILE.replace(".yaml", ".npy")],
    ["factor", HOSTILE.replace(".yaml", ".csv")],
    ["network", f"git:{HOSTILE}:{HOSTILE}"],
    ["network", f"zoo:{HOSTILE}"],
    ["network", "old.yaml", "--set", f"{HOSTILE}=1"],
    ["network", "old.yaml", "--input", f"{HOSTILE}=1"],
    ["network", "old.yaml", "--output", f"no/{HOSTILE}"],
    ["check", "old.yaml", "--max", f"{HOSTILE}=1"],
    ["check", "old.yaml", "--baseline", HOSTILE, "--max-increase", "2%"],
    ["compare", HOSTILE],
    ["layer", HOSTILE],
    ["kinds", HOSTILE],
    [HOSTILE],
    ["network", HOSTILE.replace(".yaml", ".onnx")],
    ["network", HOSTILE.replace(".yaml", ".keras")],
]  # fmt: skip


@posix
@pytest.mark.parametrize("args", NAMED, ids=[" ".join(args).encode("unicode_escape").decode()[:60] for args in NAMED])
def test_no_name_of_a_file_commands_the_terminal(args: list[str], sep: Run, tmp_path: Path) -> None:
    (tmp_path / HOSTILE).write_text(NET)
    (tmp_path / "old.yaml").write_text(NET)
    (tmp_path / HOSTILE.replace(".yaml", ".onnx")).write_bytes(b"x")
    (tmp_path / HOSTILE.replace(".yaml", ".keras")).write_bytes(b"x")
    code, out, err = sep(*args)
    assert code in (0, 1, 2, 3)
    for text in (out, err):
        assert "".join(text.split("\n")).isprintable(), ascii(text)


# --- what GitHub would obey -------------------------------------------------------------------------------------------

COMMANDS = "::error title=x::y", "  ::add-mask::3", "::::", "::stop-commands::z"


def commanding(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lstrip().startswith("::")]


def test_a_line_of_a_file_is_no_command_in_a_log(sep: Run, tmp_path: Path) -> None:
    for at, line in enumerate(COMMANDS):
        (tmp_path / f"{at}.yaml").write_text(f"input: 8x8x3\nlayers:\n  - conv -k3 -o4\n{line}\n")
        for command in (["network"], ["check", "--max", "macs=1"], ["convert"]):
            code, out, err = sep(*command, f"{at}.yaml")
            assert (code, commanding(out + err)) == (2, [])
            assert "\\x3a:" in err
        for form in FORMATS:  # the gate shows the line in its report as well
            said = [line for line in commanding(sep("check", f"{at}.yaml", "--format", form)[1]) if form != "github"]
            assert said == []


@pytest.mark.parametrize("name", ["::add-mask::x.yaml", " ::error::x.yaml"])
def test_a_files_name_is_no_command_in_a_log(name: str, sep: Run, tmp_path: Path) -> None:
    (tmp_path / name).write_text(NET)
    for form in FORMATS:
        for args in (["check", name], ["diff", name, name], ["check", name, "--max", "params=1"]):
            _, out, err = sep(*args, "--format", form)
            allowed = [line for line in commanding(out) if line.startswith(("::error ", "::warning ", "::notice "))]
            assert commanding(err) + [line for line in commanding(out) if line not in allowed or form != "github"] == []
    assert commanding(sep("network", "no" + name)[2] + sep("network", name[:-5])[2]) == []


def test_csv_keeps_such_a_name_in_quotes(sep: Run, tmp_path: Path) -> None:
    import csv
    import io

    (tmp_path / "::x.yaml").write_text(NET)
    out = sep("check", "::x.yaml", "--format", "csv")[1]
    assert out.splitlines()[1].startswith('"::x.yaml",')
    assert next(csv.DictReader(io.StringIO(out)))["name"] == "::x.yaml"


# --- nobody reads -----------------------------------------------------------------------------------------------------

UNREAD = [
    "--help", "--version", "kinds", "zoo", "schema", "operators onnx", "convert zoo:densenet121", "network --help",
    "compare 12x12x3 -k5 -o256", "layer 12x12x3 -k5 -o256 --format json", "verify 4x4x1 -k3 -o1", "factor sobel-x",
    "factor --list", "network zoo:mobilenet_v1 --expand", "whatif zoo:mobilenet_v1 --width 0.5", "baseline zoo:vgg16",
    "fit zoo:mobilenet_v1 --max macs=1G --by width", "check zoo:mobilenet_v1 --format csv", "diff zoo:vgg16 zoo:vgg16",
]  # fmt: skip


@posix
@pytest.mark.parametrize("command", UNREAD)
def test_a_closed_pipe_ends_a_command_in_silence(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sepcalc", *command.split()],
            stdout=writing, stderr=subprocess.PIPE, env=environment(), timeout=60, text=True,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@posix
def test_a_verdict_stands_though_nobody_reads_it(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NET)
    for command, code in (("check net.yaml", 1), ("check no.yaml", 2), ("compare 1", 2)):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-m", "sepcalc", *command.split()],
            stdout=writing, stderr=subprocess.PIPE, env=environment(), timeout=60, cwd=tmp_path,
        )  # fmt: skip
        os.close(writing)
        assert done.returncode == code


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "command", ["--help", "--version", "kinds", "network --help", "schema", "compare 8x8x3 -k3 -o4"]
)
def test_a_full_disk_is_told(command: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sepcalc", *command.split()],
            stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=60, text=True,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "cannot write standard output: No space left on device\n")


# --- somebody interrupts ----------------------------------------------------------------------------------------------

SLEEPY = """
import importlib.abc, os, sys, time
class Sleepy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.write(1, b"here")
            {what}
sys.meta_path.insert(0, Sleepy())
from sepcalc.__main__ import main
sys.argv = ["sepcalc", *sys.argv[1:]]
main()
"""
SLEEP = "time.sleep(30)"
SWALLOWED = """try:
                time.sleep(30)
            except BaseException:
                raise ImportError("of numpy") from None"""
COLLECTED = """
            class Late:
                def __del__(self):
                    time.sleep(30)
            Late()"""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("click", SLEEP), ("sepcalc.cli.verify", SLEEP), ("numpy", SLEEP), ("numpy", SWALLOWED),
        ("numpy", COLLECTED), ("sepcalc.renderers.table", SLEEP),
    ],
    ids=["click", "the command", "numpy", "numpy, swallowed", "numpy, collected", "the renderer"],
)  # fmt: skip
def test_an_interrupt_while_modules_load(name: str, what: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPY.format(name=name, what=what), "verify", "4x4x1", "-k3", "-o1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.read(4) == b"here"
        time.sleep(0.05)  # it sleeps by now
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (128 + number, b"", b"")


@posix
def test_an_interrupt_while_a_layer_runs() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sepcalc", "verify", "200x200x64 conv -k9 -o64"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert (process.communicate(timeout=20), process.returncode) == ((b"", b""), 130)


@posix
def test_an_interrupt_leaves_no_copy_of_a_file_in_git(tmp_path: Path) -> None:
    repository, temporary = tmp_path / "repository", tmp_path / "temporary"
    repository.mkdir()
    temporary.mkdir()
    (repository / "net.onnx").write_bytes(b"x")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    what = f"os.write(1, b'%d' % len(os.listdir({str(temporary)!r}))); {SLEEP}"
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPY.format(name="sepcalc.importers.onnx", what=what), "network", "git:HEAD:net.onnx"],
        cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(TMPDIR=str(temporary)),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.read(5) == b"here1"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == (b"", b"")
    assert (process.returncode, [*temporary.iterdir()]) == (130, [])


APART = """
import sys
from sepcalc import cli
from sepcalc.__main__ import main
from sepcalc.importers.common.isolated import run_apart
CHILD = "import sys, time; pipe = open(sys.argv[1], 'w'); pipe.write('here'); pipe.flush(); time.sleep(30)"
cli.run = lambda args: run_apart(CHILD, b"", tuple(args), seconds=30, memory=1 << 30)
main()
"""


@posix
def test_an_interrupt_ends_the_process_of_a_library_in_c(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-c", APART, str(pipe)], stderr=subprocess.PIPE, env=environment()
    ) as process:
        begun = time.monotonic()
        with open(pipe, "rb") as read:
            assert read.read(4) == b"here"
            process.send_signal(signal.SIGINT)
            assert read.read() == b""  # whoever writes is gone
        assert (process.communicate(timeout=20)[1], process.returncode) == (b"", 130)
        assert time.monotonic() - begun < 20


ENDING = """
import os, sys, time
class Late:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b"here")
        sleep(0.3)
late = Late()
from sepcalc.__main__ import main
sys.argv = ["sepcalc", "--version"]
main()
"""


@posix
def test_an_interrupt_after_the_result_changes_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"sepcalc ")
        assert process.stdout.read(4) == b"here"
        process.send_signal(signal.SIGINT)
        assert (process.communicate(timeout=20), process.returncode) == ((b"", b""), 0)


@posix
def test_what_ignores_interrupts_goes_on() -> None:
    """A shell's background job, nohup: the signal was ignored before."""
    line = f'trap "" INT; "{sys.executable}" -m sepcalc verify 4x4x1 -k3 -o1 & sleep 0.05; kill -INT $!; wait $!'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=environment(), timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
