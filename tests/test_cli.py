"""The command line: help that works when pasted, exit codes, where the output goes, and what bad input is told: whole
messages, in refusals.txt as a terminal shows them."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sepcalc
from sepcalc.cli import COMMANDS, run
from sepcalc.errors import InputError

ROOT = Path(__file__).parent.parent
COMPARE = ["compare", "12x12x3", "-k5", "-o256"]
Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


@pytest.fixture
def sep(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in this process, in the repository: (exit code, standard output, standard error)."""

    def outcome(*args: str, at: Path = ROOT) -> Outcome:
        monkeypatch.chdir(at)
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return outcome


def process(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a command line in a process of its own."""
    command = [sys.executable, "-m", "sepcalc", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def helps() -> list[list[str]]:
    return [[], ["--help"], *[[name, "--help"] for name in COMMANDS]]


def examples() -> list[str]:
    """Every example line of every help text."""
    from importlib import import_module

    import sepcalc.cli

    texts = [sepcalc.cli.HELP, *[import_module(f"sepcalc.cli.{name}").HELP for name in COMMANDS]]
    return sorted({line for text in texts for line in re.findall(r"^  (sepcalc .+)$", text, re.MULTILINE)})


# --- help and examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", helps(), ids=" ".join)
def test_every_help_shows_examples(args: list[str], sep: Run) -> None:
    code, out, err = sep(*args)
    assert (code, err) == (0, "")
    shown = re.findall(r"^    (sepcalc .+)$", out.partition("Examples:")[2], re.MULTILINE)
    assert shown
    assert set(shown) <= set(examples())  # none is wrapped or cut, so each can be pasted


@pytest.mark.parametrize("name", ["network", "verify", "whatif", "fit", "convert"])
def test_the_help_says_what_a_network_may_be(name: str, sep: Run) -> None:
    told = " ".join(sep(name, "--help")[1].partition("Examples:")[0].split())
    for form in (
        "a YAML file",
        "zoo:NAME",
        "(.onnx, .keras, .json, .h5",
        "package.module:name with --input",
        ", - for",
        "commas",
    ):
        assert form in told


def test_sepcalc_alone_is_its_help(sep: Run) -> None:
    assert sep() == sep("--help")


@pytest.mark.parametrize("line", examples())
def test_every_example_works_when_pasted(line: str, sep: Run, tmp_path: Path) -> None:
    program, *args = shlex.split(line)
    writes = [at + 1 for at, word in enumerate(args) if word in ("-o", "--output")]
    for at in writes:
        args[at] = str(tmp_path / args[at])
    if args[0] == "fit" and "--by width" not in line:
        pytest.importorskip("scipy", reason="fit --by separate needs SciPy")
    if args[0] == "time":
        pytest.importorskip("onnxruntime", reason="sepcalc time needs ONNX Runtime")
    code, out, err = sep(*args)
    assert (program, code, err) == ("sepcalc", 0, "")
    assert len(out.splitlines()) > 3 or writes


def test_version(sep: Run) -> None:
    assert sep("--version") == (0, f"sepcalc {sepcalc.__version__}\n", "")


def test_python_m_sepcalc() -> None:
    done = process("compare", "12x12x3", "-k5", "-o256", "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("normal,conv,12x12x3,8x8x256,1228800,")


def test_a_spec_is_read_as_words_and_as_one(sep: Run) -> None:
    assert sep(*COMPARE) == sep("compare", "12x12x3 -k5 -o256")
    assert sep("layer", "12x12x3", "-k5", "--bias", "-o2") == sep("layer", "12x12x3 conv -k5 -o2 --bias")
    assert sep("compare", "--format", "json", *COMPARE[1:]) == sep(*COMPARE, "--format", "json")


# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_to", "says"),
    [
        ("budget: {macs: 3887}", "  macs 3,888 > 3,887, OVER by 1 (0.03 %)"),
        ("budget: {macs: 3888}", "  macs 3,888 <= 3,888, 0 left"),
        ("published: {macs: 4.0k}", "  macs 4.0k (no source given): 3,888 DOES NOT AGREE (-2.80 %)"),
        ("published: {macs: 3.9k}", "  macs 3.9k (no source given): 3,888 agrees (-0.31 %)"),
    ],
)
def test_over_budget_and_astray_exit_with_1(held_to: str, says: str, sep: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(f"input: 8x8x3\n{held_to}\nlayers: [conv -k3 -o4]\n")
    code, out, err = sep("network", "net.yaml", at=tmp_path)
    assert says in out.splitlines()
    assert (code, err) == (1 if "OVER" in says or "NOT" in says else 0, "")


def test_not_verified_exits_with_1(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from sepcalc.ops.conv import Conv

    right = Conv.cost
    monkeypatch.setattr(Conv, "cost", lambda *args: right(*args)._replace(adds=7))
    code, out, err = sep("verify", "6x6x3", "-k3", "-o4")
    assert (code, err) == (1, "")
    assert "  normal: adds 7 by the formula, 1,664 executed" in out.splitlines()
    assert out.splitlines()[-1].startswith("  NOT VERIFIED: ")


def test_an_interrupt_exits_with_130(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepcalc.cli.compare.compare", _raising(KeyboardInterrupt()))
    code, out, err = sep(*COMPARE)
    assert (code, out, err.strip()) == (130, "", "")


def test_a_bug_exits_with_70_and_one_sentence(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEPCALC_DEBUG", raising=False)
    monkeypatch.setattr("sepcalc.cli.compare.compare", _raising(ZeroDivisionError("division\x1b by zero")))
    code, out, err = sep(*COMPARE)
    assert (code, out) == (70, "")
    said, report = err.splitlines()
    assert said == "a bug in sepcalc: ZeroDivisionError: division\\x1b by zero"
    assert report == "  please report it, with the command; SEPCALC_DEBUG=1 shows where it happened"


def test_a_bug_shows_its_place_when_asked(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPCALC_DEBUG", "1")
    monkeypatch.setattr("sepcalc.cli.compare.compare", _raising(ZeroDivisionError()))
    code, out, err = sep(*COMPARE)
    assert (code, out) == (70, "")
    assert err.startswith("Traceback (most recent call last):")


def _raising(error: BaseException) -> Callable[..., object]:
    def fail(*args: object) -> object:
        raise error

    return fail


# --- usage ------------------------------------------------------------------------------------------------------------

EXPECTED = f"  hint: expected {', '.join(COMMANDS)}"
USAGE = [
    (["frob"], f"unknown command 'frob'\n{EXPECTED}", "sepcalc"),
    (["compar"], "unknown command 'compar'\n  hint: did you mean compare?", "sepcalc"),
    (
        ["12x12x3", "-k5"],
        "unknown command '12x12x3'\n  hint: for example sepcalc compare 12x12x3 conv -k5 -o64",
        "sepcalc",
    ),
    (["\x1b[31m"], f"unknown command '\\x1b[31m'\n{EXPECTED}", "sepcalc"),
    (["a\\nb"], f"unknown command 'a\\nb'\n{EXPECTED}", "sepcalc"),
    (
        ["network"],
        "Missing argument 'NETWORK'.\n  hint: for example sepcalc network zoo:mobilenet_v1",
        "sepcalc network",
    ),
    (
        ["operators"],
        (
            "Missing argument '{onnx|torch|keras|tflite|tf|openvino}'. "
            "Choose from: onnx, torch, keras, tflite, tf, openvino"
        ),
        "sepcalc operators",
    ),
    (["verify", "o/net.onnx", "--allow-uncounted"], "no such option: --allow-uncounted", "sepcalc verify"),
    (
        ["verify", "net.yaml", "--samples=3"],
        "no such option: --samples\n  hint: sepcalc verify net.yaml --sample 3",
        "sepcalc verify",
    ),
    (["verify", "8x8x3, act relu", "-k3"], "no such option: -k3", "sepcalc verify"),
    (["verify", "net.yaml", "b.yaml"], "unexpected 'b.yaml' after the network 'net.yaml'", "sepcalc verify"),
    (["kinds", "conv", "\x1b[31m"], "Got unexpected extra argument (\\x1b[31m)", "sepcalc kinds"),
    (
        [*COMPARE, "--format", "jsn"],
        (
            "Invalid value for '--format': 'jsn' is not one of 'table', 'json', 'csv', 'markdown', 'html', 'svg'."
            "\n  hint: sepcalc compare 12x12x3 -k5 -o256 --format json"
        ),
        "sepcalc compare",
    ),
    (
        [*COMPARE, "--element-bytes", "0"],
        "Invalid value for '--element-bytes': 0 is not in the range 1<=x<=64.",
        "sepcalc compare",
    ),
    (
        ["network", "8x8x3, act relu", "--top", "1e400"],
        "Invalid value for '--top': '1e400' is not a valid integer range.",
        "sepcalc network",
    ),
]


@pytest.mark.parametrize(("args", "message", "command"), USAGE, ids=[" ".join(map(ascii, case[0])) for case in USAGE])
def test_usage(args: list[str], message: str, command: str, sep: Run) -> None:
    assert sep(*args) == (2, "", f"{message}\n  {command} --help shows what it takes, with examples\n")


def test_unknown_option_of_the_group(sep: Run) -> None:
    code, out, err = sep("--versio")
    assert (code, out) == (2, "")
    assert err.startswith("No such option")  # click's words, which change from version to version
    assert "--version" in err


def test_a_value_of_any_length_is_not_repeated_whole(sep: Run) -> None:
    code, out, err = sep(*COMPARE, "--element-bytes", "9" * 100_000)
    assert (code, out) == (2, "")
    assert err.startswith("Invalid value for '--element-bytes': '999")
    assert len(err) < 600


REFUSALS = re.findall(
    r"\$ sepcalc (.+)\n((?:.+\n)+)", (Path(__file__).parent / "golden" / "refusals.txt").read_text("utf-8")
)


@pytest.mark.parametrize(("command", "message"), REFUSALS, ids=[command for command, _ in REFUSALS])
def test_bad_input_is_told_on_standard_error(command: str, message: str, sep: Run) -> None:
    assert sep(*shlex.split(command)) == (2, "", message)


def test_a_million_digits_are_not_repeated(sep: Run) -> None:
    message = f"the spec is 1,000,014 characters long: at most 2,000 are read\n  12x12x3 -k5 -o{'9' * 86}…\n  ^\n"
    assert sep("compare", f"12x12x3 -k5 -o{'9' * 10**6}") == (2, "", message)


def test_what_a_terminal_would_obey_is_spelled_out(sep: Run) -> None:
    kind, carets = r"\x1b[31m[bold]conv", "^" * 18
    message = f"unknown kind '{kind}'\n  12x12x3 {kind}\n          {carets}\n  hint: sepcalc kinds lists them all\n"
    assert sep("layer", "12x12x3 \x1b[31m[bold]conv") == (2, "", message)


# --- files that are no network ----------------------------------------------------------------------------------------

FILES = [
    ("deep.yaml", b"- " * 101 + b"[" * 100_000, "deep.yaml:1:201: nested more than 100 levels deep"),
    ("self.yaml", b"input: 8x8x3\nlayers: &a [*a]\n", "self.yaml:2:9: '&a' is an anchor: a network has none"),
    (
        "bomb.yaml",
        b"input: 8x8x3\nlayers:\n  - repeat: 1e12\n    layers: [act relu]\n",
        "bomb.yaml:3:13: the network unrolls to more than 20,0",
    ),
    (
        "e400.yaml",
        b"input: 8x8x3\nlayers:\n  - repeat: 1e400\n    layers: [act relu]\n",
        "e400.yaml:3:13: '1e400' is out of range: expected a numerator and a denominator below 2^256",
    ),
    ("latin.yaml", b"name: caf\xe9\n", "latin.yaml:1:10: the text is not UTF-8: byte 0xe9, "),
    ("empty.yaml", b"", "empty.yaml: the text is empty: expected a network"),
    ("million.yaml", b"input: 8x8x" + b"9" * 10**6 + b"\nlayers: [act relu]\n", "million.yaml:1:8: '8x8x99999"),
    (
        "markup.yaml",
        b'name: "[bold red]x[/] \\e[31m"\ninput: 8x8x3\nlayers: [act relu]\n',
        "markup.yaml:1:7: '[bold red]x[/] \\x1b[31m' cannot be a name",
    ),
    (
        "net.txt",
        b"input: 8x8x3\n",
        (
            "net.txt: unknown kind of file: "
            "expected .yaml or .yml or .onnx or .keras or .json or .h5 or .hdf5 or .tflite or .pt2"
            " or .pb or .pbtxt or .meta"
        ),
    ),
]


@pytest.mark.parametrize("command", ["network", "verify"])
@pytest.mark.parametrize(("name", "content", "message"), FILES, ids=[case[0] for case in FILES])
def test_files_that_are_no_network(
    command: str, name: str, content: bytes, message: str, sep: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    code, out, err = sep(command, name, at=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert len(err) < 2_000


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("folder.yaml", os.mkdir, "folder.yaml: is a folder\n  hint: there is no network in it\n"),
        pytest.param(
            "pipe.yaml",
            getattr(os, "mkfifo", None),
            "pipe.yaml: is not a plain file\n  hint: - reads standard input\n",
            marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here"),
        ),
        ("net.yml", lambda path: None, "net.yml: there is no such file\n  hint: sepcalc network net.yaml\n"),
        ("a\0b.yaml", lambda path: None, "a\\x00b.yaml: cannot be read: its name holds a null character\n"),
    ],
)
def test_what_is_no_file(name: str, make: Callable[[Path], None], message: str, sep: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("input: 8x8x3\nlayers: [act relu]\n")
    make(tmp_path / name)
    assert sep("network", name, at=tmp_path) == (2, "", message)


def test_standard_input() -> None:
    text = (ROOT / "specs" / "mobilenet_v1.yaml").read_text("utf-8")
    piped = process("network", "-", input=text)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert piped.stdout == process("network", "specs/mobilenet_v1.yaml").stdout
    broken = process("network", "-", input="layers: [")
    assert (broken.returncode, broken.stdout) == (2, "")
    assert broken.stderr.startswith("<stdin>:1:10: ")


# --- where the output goes --------------------------------------------------------------------------------------------


def test_output_writes_a_new_file_and_overwrites_only_by_force(sep: Run, tmp_path: Path) -> None:
    args = [*COMPARE, "--output", "out.txt"]
    assert sep(*args, at=tmp_path) == (0, "", "")
    first = (tmp_path / "out.txt").read_text("utf-8")
    assert first == sep(*COMPARE)[1]
    assert sep(*args, "-m2", at=tmp_path) == (2, "", "'out.txt' exists already\n  hint: --force overwrites it\n")
    assert (tmp_path / "out.txt").read_text("utf-8") == first
    assert sep(*args, "-m2", "--force", at=tmp_path) == (0, "", "")
    assert (tmp_path / "out.txt").read_text("utf-8") == sep(*COMPARE, "-m2")[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such/out.txt", "cannot write 'no/such/out.txt': No such file or directory\n"),
        ("a\0b", "cannot write 'a\\x00b': its name holds a null character\n"),
    ],
)
def test_output_that_cannot_be_written(name: str, message: str, sep: Run, tmp_path: Path) -> None:
    assert sep(*COMPARE, "--output", name, at=tmp_path) == (2, "", message)


def test_an_error_writes_no_file(sep: Run, tmp_path: Path) -> None:
    assert sep("compare", "12x12x3", "-k50", "-o2", "--output", "out.txt", at=tmp_path)[0] == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="a shell with head")
def test_a_broken_pipe_ends_in_silence(tmp_path: Path) -> None:
    layers = "input: 8x8x3\nlayers:\n  - repeat: 2000\n    layers: [act relu]\n"
    (tmp_path / "long.yaml").write_text(layers)
    for form in ("table", "csv"):
        command = f'"{sys.executable}" -m sepcalc network "{tmp_path}/long.yaml" --format {form} | head -1'
        done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_full_disk_is_no_bug() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "sepcalc", *COMPARE]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "cannot write standard output: No space left on device\n")


def test_every_problem_is_an_input_error() -> None:
    """The library and the command line say the same."""
    with pytest.raises(InputError) as caught:
        sepcalc.compare("12x12x3 pool max -k3")
    assert f"{caught.value}\n" in [message for _, message in REFUSALS]


# --- streams that are closed, a folder that is gone -------------------------------------------------------------------

CLOSED = [
    ("compare 12x12x3 -k5 -o256 >&-", 2, "cannot write standard output: it is closed\n"),
    ("schema >&-", 2, "cannot write standard output: it is closed\n"),
    ("network - <&-", 2, "standard input is closed\n"),
    ("compare 12x12x3 2>&-", 2, ""),
    ("--help >&-", 0, ""),
]


@pytest.mark.parametrize(("command", "code", "message"), CLOSED, ids=[case[0] for case in CLOSED])
def test_closed_streams(command: str, code: int, message: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m sepcalc {command}'],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert (done.returncode, done.stdout if code else "", done.stderr) == (code, "", message)


def test_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'mkdir gone; cd gone; rmdir ../gone; "{sys.executable}" -m sepcalc check'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    message = "the working folder cannot be found: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr.splitlines(True)[-1]) == (2, "", message)


def test_yaml_is_utf8_wherever_it_goes(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("name: Größe → ☃\ninput: 4x4x3\nlayers: [conv: {kernel: 1, out: 2}]\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sepcalc", "convert", "net.yaml"],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        timeout=60,
        check=True,
    )
    assert "Größe → ☃" in done.stdout.decode("utf-8")
