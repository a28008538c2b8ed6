"""Tables, JSON, CSV and Markdown.

Every file of tests/golden but refusals.txt is a transcript: commands after ``$``, and what they print.
SEPCALC_GOLDEN=1 writes the outputs anew, for a person to read the difference.
"""

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import PrintedRows, printed_table
from rich.cells import cell_len

from sepcalc import quantity
from sepcalc.cli import output, run
from sepcalc.cli.output import stand_in, style
from sepcalc.renderers import Style, render
from sepcalc.renderers.terminal import folded
from sepcalc.reports import BAR, BYTES, COUNT, Column, Lines, Row, Section, Table

ROOT = Path(__file__).parent.parent
TRANSCRIPTS = sorted({*(ROOT / "tests" / "golden").glob("*.txt")} - {ROOT / "tests" / "golden" / "refusals.txt"})
MOBILENET = "network specs/mobilenet_v1.yaml"
TABLES = [
    "compare 12x12x3 -k5 -o256",
    "compare 12x12x3 -k5 -o256 -m2 --variant all --explain --formula",
    "compare 224x224x64 -k3 -o64 -p same --variant all",
    "compare 16x56x56x64 -k3 -o64 -p 1 -s 1x2x2 --formula",
    "compare 16000x1 -k9 -o32 -s4 --bias --variant all",
    "layer 12x12x3 separable -k5 -o256 --explain",
    "layer 196x768 multihead --heads 12 --bias --explain",
    MOBILENET,
    f"{MOBILENET} --full",
    f"{MOBILENET} --by kind",
    f"{MOBILENET} --by block --top 5 --fold-norm",
    f"{MOBILENET} --top 10 --sort params",
    f"{MOBILENET} --top 3 --sort activations --explain",
    "verify 12x12x3 -k5 -o32",
    "zoo",
    "kinds",
    "factor '-1 0 1; -2 0 2; -1 0 1'",
    "factor gabor --verify",
    "factor --list",
]
COSTS = ["macs", "mults", "adds", "compares", "divs", "specials", "params", "buffers", "activations"]
OLD = ["name", "kind", "inputs", "output", *COSTS, "effective_macs", "traffic", "receptive_field", "weights"]
LATER = ["spec", "sources", "origin", "element_bits"]
LAYER = [*OLD, *LATER]
Printed = Callable[..., str]
SEEN: dict[tuple[object, ...], str] = {}  # what printed in a place of a width and a style: many tests look at the same


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Printed:
    """What a command prints in a pipe; with ``columns``, what it prints in a place so wide."""
    monkeypatch.chdir(ROOT)

    def text(command: str, columns: int | None = None) -> str:
        key = (command, columns, output.style)
        if key not in SEEN:
            monkeypatch.delenv("COLUMNS", raising=False)
            if columns is not None:
                monkeypatch.setenv("COLUMNS", str(columns))
            code = run(shlex.split(command))
            captured = capsys.readouterr()
            assert (code, captured.err) == (0, "")
            SEEN[key] = captured.out
        return SEEN[key]

    return text


# --- transcripts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcripts(path: Path, printed: Printed) -> None:
    before = path.read_text("utf-8")
    after = []
    for line in re.findall(r"^\$ .+$", before, re.MULTILINE):
        columns, command = re.fullmatch(r"\$ (?:COLUMNS=(\d+) )?sepcalc (.+)", line).groups()  # type: ignore[union-attr]
        output = printed(command, int(columns) if columns else None)
        after.append(f"{line}\n{_timeless(output)}")
    if os.environ.get("SEPCALC_GOLDEN"):
        path.write_text("".join(after), "utf-8")
    assert "".join(after) == before


def _timeless(text: str) -> str:
    return re.sub(r"in\s+[\d.]+\s+s\s+\([\d.,]+(\s+[MG])?\s+a\s+second\)", "in … s (… a second)", text)


# --- printed numbers --------------------------------------------------------------------------------------------------


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _summed(rows: PrintedRows, column: str) -> int:
    return sum(_number(cells[column]) for _, _, cells in rows)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--full",
        "--top 7",
        "--sort params",
        "--set width=0.25",
        "--input 128x128x3",
        "--fold-norm",
        "--by kind",
        "--by block",
        "--by block --top 3",
        "--by kind --sort params --top 2",
    ],
)
@pytest.mark.parametrize("columns", [None, 200, 80])
def test_printed_rows_add_up_to_the_printed_total(options: str, columns: int | None, printed: Printed) -> None:
    *rows, total = printed_table(printed(f"{MOBILENET} {options} --exact", columns))
    assert total[1] == "total"
    top = [row for row in rows if row[0] == 0 or row[1].endswith(" more")]
    for count in ("params", "macs"):
        assert _summed(top, count) == _number(total[2][count])
        if (share := f"% of {count}") in total[2]:
            percents = [float(cells[share].removesuffix(" %")) for _, _, cells in top if share in cells]
            assert total[2][share] == "100.00 %"
            assert sum(percents) == pytest.approx(100, abs=0.005 * len(rows))


def test_printed_kinds_are_the_shares_of_the_paper(printed: Printed) -> None:
    rows = {name: cells for _, name, cells in printed_table(printed(f"{MOBILENET} --by kind"))}
    assert sum(_number(cells["layers"]) for name, cells in rows.items() if name != "total") == 83
    assert rows["pointwise"]["macs"] == "539,492,352"
    assert [rows[kind]["% of macs"] for kind in ("pointwise", "depthwise")] == ["94.86 %", "3.06 %"]  # Table 2
    assert rows["act"]["macs"] == "0"
    assert "%" not in rows["act"]["% of macs"]


@pytest.mark.parametrize("options", ["", "-m2", "--variant all", "--bias -s2 -p same --variant all"])
def test_printed_steps_add_up_to_their_variant(options: str, printed: Printed) -> None:
    text = printed(f"compare 12x12x3 -k5 -o256 {options}").partition("\n\n")[0]
    rows = [(line.startswith("  "), re.split(r" {2,}", line.strip())) for line in text.splitlines()[2:]]
    for at, (is_step, cells) in enumerate(rows):
        steps = []
        while not is_step and at + 1 < len(rows) and rows[at + 1][0]:
            at += 1
            steps.append(rows[at][1])
        for column in (2, 3):
            assert not steps or sum(_number(step[column]) for step in steps) == _number(cells[column])


def test_printed_checks_add_up_to_the_printed_total(printed: Printed) -> None:
    *rows, total = printed_table(printed("verify 12x12x3 -k5 -o256"))
    for column in ("mults", "adds"):
        assert _summed(rows, column) == _number(total[2][column])


def test_bars_are_in_proportion(printed: Printed) -> None:
    bars = dict(re.findall(r"^(\S+) .* ([█▏▎▍▌▋▊▉]+)$", printed("compare 12x12x3 -k5 -o256"), re.MULTILINE))
    assert bars == {"normal": "█" * 20, "spatial": "█" * 10, "depthwise-separable": "▉"}  # 20 · 0.0439 = 7/8


# --- width ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("command", TABLES)
def test_no_line_is_wider_than_its_place(command: str, columns: int, printed: Printed) -> None:
    assert max(map(cell_len, printed(command, columns).splitlines())) <= columns


@pytest.mark.parametrize("command", TABLES)
def test_a_pipe_gets_everything(command: str, printed: Printed) -> None:
    text = _timeless(printed(command))
    assert "\x1b" not in text
    assert not re.search(r"\d [MGTPE]\b", text)  # all digits
    assert text == _timeless(printed(f"{command} --exact"))
    assert not re.search(r" $", text, re.MULTILINE)


@pytest.mark.parametrize("columns", [1, 20, 40, 60, 79])
@pytest.mark.parametrize("command", TABLES)
def test_a_narrow_place_loses_nothing(command: str, columns: int, printed: Printed) -> None:
    """Words may fold, but every letter of them is there, and no number is cut. The kind of a layer, and who
    published a number, may be left out."""
    narrow, wide = (_timeless(printed(f"{command} --exact", width)) for width in (columns, None))
    numbers = re.compile(r"\d{1,3}(?:,\d{3})+")
    assert set(numbers.findall(wide)) <= set(numbers.findall(narrow))
    if not command.startswith((MOBILENET, "zoo")):
        letters = [sorted(re.sub(r"[\s█▏▎▍▌▋▊▉]", "", text)) for text in (narrow, wide)]
        assert letters[0] == letters[1]


class Made:
    """A report of given sections."""

    def __init__(self, *sections: Section) -> None:
        self.parts = list(sections)

    def sections(self) -> list[Section]:
        return self.parts

    def document(self) -> dict[str, Any]:
        return {}

    def records(self) -> list[dict[str, Any]]:
        return []


MADE = Made(
    Table(
        "title [bold]",
        [Column("name"), Column("spare", spare=True), Column("n", COUNT), Column("size", BYTES), Column("", BAR)],
        [
            Row(("[red]名前[/]|`*\x1b[31m", "x" * 8, 10**9 + 1, 2**21, 0.5)),
            Row(("part", "", 10**9, 5, None), depth=1),
            Row(("total", "", 2 * 10**9 + 1, None, None), total=True),
        ],
    ),
    Lines("went wrong", ["one [b]line[/b]"], alarm=True),
)
NAME = "[red]名前[/]|`*\\x1b[31m"


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (None, f"{NAME}  xxxxxxxx  1,000,000,001  2.00 MiB  ██████████"),
        (70, f"{NAME}  xxxxxxxx  1,000,000,001  2.00 MiB  ██████████"),
        (69, f"{NAME}  xxxxxxxx  1,000,000,001  2.00 MiB  █████"),
        (64, f"{NAME}  xxxxxxxx  1.00 G  2.00 MiB  ██████████"),
        (62, f"{NAME}  xxxxxxxx  1.00 G  2.00 MiB  █████"),
        (57, f"{NAME}  1,000,000,001  2.00 MiB  █████"),
        (54, f"{NAME}  1.00 G  2.00 MiB  █████"),
        (47, f"{NAME}  1.00 G  2.00 MiB"),
        (40, f"{'[red]名前[/':<20}  1.00 G  2.00 MiB"),
    ],
)
def test_layouts_from_wide_to_narrow(width: int | None, row: str) -> None:
    assert render(MADE, "table", Style(width)).splitlines()[2] == row


# --- characters and colours -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", None, "no-such"])
@pytest.mark.parametrize("command", TABLES)
def test_stand_ins_keep_the_columns(command: str, encoding: str | None, printed: Printed) -> None:
    text = printed(command)
    shown = stand_in(text, encoding)
    shown.encode(encoding if encoding not in (None, "no-such") else "ascii")
    assert list(map(len, shown.splitlines())) == list(map(len, text.splitlines()))
    assert "\\" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_an_output_of_another_encoding(encoding: str, printed: Printed) -> None:
    text = printed("compare 12x12x3 -k5 -o256 --formula")
    done = _process("compare", "12x12x3", "-k5", "-o256", "--formula", PYTHONIOENCODING=encoding)
    assert done.stdout.decode(encoding) == stand_in(text, encoding)
    assert ("█" in done.stdout.decode(encoding)) == (encoding == "utf-8")


def _process(*args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, **environment}
    env.pop("COLUMNS", None)
    done = subprocess.run([sys.executable, "-m", "sepcalc", *args], cwd=ROOT, env=env, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return done


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),  # https://no-color.org: when present and not empty
        ({"TERM": "dumb"}, False),
    ],
    ids=str,
)
def test_colour_is_for_terminals_that_want_it(
    environment: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TERM": "xterm", "COLUMNS": "90", **environment}.items():
        monkeypatch.setenv(name, value)
    if "NO_COLOR" not in environment:
        monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert style() == Style(90, False)
    monkeypatch.setattr("sys.stdout", Terminal())
    assert style() == Style(90, colour)


@pytest.mark.parametrize("width", [None, 40, 72, 90])
def test_colours_change_nothing_else(width: int | None) -> None:
    plain, coloured = (render(MADE, "table", Style(width, colour)) for colour in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


@pytest.mark.parametrize("columns", [None, 50, 80, 120])
@pytest.mark.parametrize("command", TABLES)
def test_a_terminal_shows_what_a_pipe_gets(
    command: str, columns: int | None, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With colours rich draws everything; without, it is drawn here."""
    plain = printed(command, columns)
    monkeypatch.setattr("sepcalc.cli.output.style", lambda: Style(columns, True))
    coloured = printed(command, columns)
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in _timeless(stripped).splitlines()] == _timeless(plain).splitlines()


# --- for machines -----------------------------------------------------------------------------------------------------


def _document(printed: Printed, command: str) -> Any:
    return json.loads(printed(f"{command} --format json"))


def test_json_of_compare(printed: Printed) -> None:
    document = _document(printed, "compare 12x12x3 -k5 -o256")
    assert list(document) == ["format", "input", "variants", "not_applicable", "spec", "notes"]
    assert (document["format"], document["input"]) == ("sepcalc-compare/1", [12, 12, 3])
    normal, _, separable = document["variants"]
    assert list(normal) == ["name", "output", *COSTS, "ratio", "steps"]
    assert list(separable["steps"][0]) == LAYER
    assert (separable["mults"], separable["params"]) == (53_952, 843)
    assert separable["ratio"] == {"mults": 0.0439, "params": 0.0439}
    assert normal["ratio"] == {"mults": 1.0, "params": 1.0}
    refused = _document(printed, "compare 12x12x3 -k1 -o4")["not_applicable"]
    assert [list(entry) for entry in refused] == [["name", "reason"]] * 2


def test_json_of_layer(printed: Printed) -> None:
    document = _document(printed, "layer 12x12x3 depthwise -k5 -m2")
    assert list(document) == ["format", *OLD, "steps", *LATER, "notes"]
    assert document["format"] == "sepcalc-layer/1"
    assert (document["inputs"], document["output"], document["steps"]) == ([[12, 12, 3]], [8, 8, 6], [])
    steps = _document(printed, "layer 12x12x3 separable -k5 -o256")["steps"]
    assert [list(step) for step in steps] == [LAYER, LAYER]


def test_json_of_network(printed: Printed) -> None:
    document = _document(printed, MOBILENET)
    names = ["format", "name", "inputs", "outputs", "totals", "complete", "incomplete", "layers", "uncounted", "notes"]
    assert list(document) == [*names, "published", "budget", "passed"]
    assert (document["format"], document["complete"], document["passed"]) == ("sepcalc-network/1", True, True)
    assert (document["inputs"], document["outputs"]) == ({"input": [224, 224, 3]}, {"output": [1000]})
    assert list(document["totals"]) == [*COSTS, "peak_memory", "flops", "effective_macs"]
    assert {tuple(layer) for layer in document["layers"]} == {tuple(LAYER)}
    assert list(document["budget"][0]) == ["metric", "scope", "limit", "actual", "passed"]
    for count in COSTS:
        assert sum(layer[count] for layer in document["layers"]) == document["totals"][count]


def test_json_of_verify(printed: Printed) -> None:
    document = _document(printed, "verify 12x12x3 -k5 -o256")
    assert list(document) == ["format", "layers", "rewrites", "sample", "verified", "notes"]
    assert (document["format"], document["sample"], document["verified"]) == ("sepcalc-verify/1", None, True)
    counts = COSTS[:6]
    for check in document["layers"]:
        assert list(check) == ["name", "formula", "executed", "output_matches"]
        assert list(check["formula"]) == list(check["executed"]) == counts
        assert check["formula"] == check["executed"]


@pytest.mark.parametrize(
    "command", ["compare 12x12x3 -k5 -o256", "layer 12x12x3 separable -k5 -o256", MOBILENET, "layer 8x8x3 8x8x3 add"]
)
def test_csv_has_the_fields_of_a_layer(command: str, printed: Printed) -> None:
    header, *rows = csv.reader(io.StringIO(printed(f"{command} --format csv")))
    assert header == LAYER
    assert {len(row) for row in rows} == {len(LAYER)}


def test_csv_says_what_json_says(printed: Printed) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(f"{MOBILENET} --format csv"))))
    layers = _document(printed, MOBILENET)["layers"]
    assert [{name: int(row[name]) for name in COSTS} for row in rows] == [
        {name: layer[name] for name in COSTS} for layer in layers
    ]
    assert (rows[0]["name"], rows[0]["inputs"], rows[0]["output"]) == ("conv", "224x224x3", "112x112x32")
    joined = list(csv.DictReader(io.StringIO(printed("layer 8x8x3 8x8x3 add --format csv"))))
    assert joined[0]["inputs"] == "8x8x3 8x8x3"


@pytest.mark.parametrize("command", TABLES)
def test_markdown_tables_have_as_many_cells_in_every_row(command: str, printed: Printed) -> None:
    text = printed(f"{command} --format markdown")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()]
        assert len(set(rows)) == 1
        assert re.fullmatch(r"\|( ---:? \|)+", block.splitlines()[1])


def test_markdown_takes_no_name_for_markup() -> None:
    assert render(MADE, "markdown").splitlines()[4] == (
        f"| \\[red\\]名前\\[/\\]\\|\\`\\*\\\\x1b\\[31m | xxxxxxxx | {quantity.exact(10**9 + 1)} | 2.00 MiB |"
    )


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("stage[0]/conv", 13, ["stage[0]/conv"]),
        ("stage[0]/conv", 12, ["stage[0]/", "conv"]),
        ("block/one/a -> b/c", 10, ["block/one/", "a -> b/c"]),
        ("  block/a", 7, ["  block/", "a"]),
        ("  unbreakable", 8, ["  unbreakable"]),  # rich breaks it where it must
        ("名前/名前", 8, ["名前/", "名前"]),
        ("and/or a multiplication", 8, ["and/or a multiplication"]),
    ],
)
def test_names_are_folded_at_their_parts(text: str, width: int, lines: list[str]) -> None:
    assert folded(text, width).split("\n") == lines


# --- tones, indents, columns without room -----------------------------------------------------------------------------

NET = "input: 8x8x3\nbudget: {macs: 1, params: 1k}\npublished: {macs: 3888, params: 7}\nlayers: [conv -k3 -o4]\n"
TONE = {"31": "red", "32": "green", "33": "yellow"}


def tones(text: str) -> dict[str, str]:
    """What stands in a colour, and which."""
    found = re.findall(r"\x1b\[(?:1;)?(3[123])m(.*?)\x1b\[0m", text)
    return {words.strip(): TONE[code] for code, words in found if words.strip()}


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """What a command prints on a terminal, in a folder with a few networks."""
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "warned.yaml").write_text(
        NET.replace("params: 1k}", "level: warn}").replace("params: 7", "params: 108")
    )
    (tmp_path / "gone.yaml").write_text("input: 8x8x3\nlayers: [act relu, conv -k3 -o4]\n")
    (tmp_path / "come.yaml").write_text("input: 8x8x3\nlayers: [conv -k3 -o4, {act: tanh, name: new}]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sepcalc.cli.output.style", lambda: Style(100, True))

    def text(*args: str) -> str:
        assert run(args) in (0, 1, 2)
        return capsys.readouterr().out

    return text


def test_a_line_is_red_because_of_itself(coloured: Callable[..., str]) -> None:
    found = tones(coloured("network", "net.yaml"))
    assert found == {
        "params 7 (no source given): 108 DOES NOT AGREE (+1442.86 %)": "red",
        "macs 3,888 > 1, OVER by 3,887 (388700.00 %)": "red",
    }
    found = tones(coloured("network", "warned.yaml"))
    assert found == {"macs 3,888 > 1, OVER by 3,887 (388700.00 %), a warning": "yellow"}


def test_verdicts_have_their_colours(coloured: Callable[..., str]) -> None:
    found = tones(coloured("check", "net.yaml"))
    assert {word: tone for word, tone in found.items() if len(word) < 30} == {
        "OVER": "red",
        "ok": "green",
        "as published": "green",
        "NOT 7 as published": "red",
        "1 checked: 1 failed": "red",
        "params 108, published 7": "red",
    }
    assert not [words for words in found if words.startswith(("heaviest", "would fit", "note"))]
    found = tones(coloured("check", "warned.yaml", "--max", "params=1G"))
    assert (found["over, a warning"], found["ok"]) == ("yellow", "green")
    found = tones(coloured("check", "net.yaml", "missing.yaml"))
    assert found["error"] == "red"


def test_added_and_removed_have_their_colours(coloured: Callable[..., str]) -> None:
    found = tones(coloured("diff", "gone.yaml", "come.yaml"))
    assert {tone for words, tone in found.items() if "removed" in words} == {"red"}
    assert {tone for words, tone in found.items() if "added" in words} == {"green"}
    assert not [words for words in found if words.startswith("conv")]


@pytest.mark.parametrize("colour", [True, False])
def test_wrapped_lines_keep_their_indent(colour: bool) -> None:
    class Made:
        def sections(self) -> list[Section]:
            deep = Row(("several words of a name that is long", "more words than there is room for"), depth=2)
            return [
                Lines(
                    "", ["plain words that go on for more than one line", "  deeper words that go on for more than one"]
                ),
                Table("", [Column("name"), Column("what it is")], [deep]),
            ]

    text = re.sub(r"\x1b\[[\d;]*m", "", render(Made(), "table", Style(40, colour)))  # type: ignore[arg-type]
    assert "\n".join(line.rstrip() for line in text.split("\n")) == (
        "  plain words that go on for more than\n"
        "  one line\n"
        "    deeper words that go on for more\n"
        "    than one\n"
        "\n"
        "name                 what it is\n"
        "    several words    more words than\n"
        "    of a name that   there is room for\n"
        "    is long\n"
    )


def test_columns_without_room_are_named_below_the_table(printed: Printed) -> None:
    assert "no room for" not in printed(MOBILENET, 200)
    assert "\n\n  no room for: kind, field, stride, % of params\n\n" in printed(MOBILENET, 60)
    assert "\n\n  no room for: source\n" in printed("zoo", 60)
    assert "no room for" not in printed(f"{MOBILENET} --format markdown", 60)


def test_layers_are_sorted_by_any_metric(printed: Printed) -> None:
    from sepcalc.gate.metrics import METRICS, spoken
    from sepcalc.source import load

    network = load(str(ROOT / "specs" / "mobilenet_v1.yaml"))
    for name, metric in METRICS.items():
        rows = printed_table(printed(f"{MOBILENET} --sort {spoken(name)} --exact"))
        amounts = [_number(cells[spoken(name)]) for _, _, cells in rows[:-1]]
        assert amounts == sorted(amounts, reverse=True)
        assert _number(rows[-1][2][spoken(name)]) == metric.network(network)
        by_kind = printed_table(printed(f"{MOBILENET} --by kind --sort {spoken(name)} --exact"))
        together = max if name == "peak_memory" else sum
        assert together(_number(cells[spoken(name)]) for _, _, cells in by_kind[:-1]) == metric.network(network)
        if metric.layer:
            assert sorted(map(metric.layer, network.layers), reverse=True) == amounts
    assert max(network.live()) == network.peak_memory()
    widest = _document(printed, f"{MOBILENET} --sort peak-memory --top 1")["layers"][0]
    assert widest["name"] == "mobile[0]/norm[1]"  # 112x112x64 in, and out


def test_one_byte_is_not_several(printed: Printed) -> None:
    assert "outputs once each, 1 byte an element\n" in printed("layer 3 act relu --element-bytes 1")
    assert "(1.53 MiB), 1 byte an element\n" in printed(f"{MOBILENET} --element-bytes 1")
    assert "(6.12 MiB), 4 bytes an element\n" in printed(MOBILENET)


@pytest.mark.parametrize("words", [("network", "--full"), ("whatif", "--rewrite", "*=depthwise-separable")])
def test_markdown_fits_into_a_comment_and_keeps_the_largest_rows(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub refuses a comment of more than 65,536 characters."""
    layers = [f"  - {{conv: {{kernel: 3, out: {8 + at % 5}, padding: same}}, name: layer{at}}}\n" for at in range(1500)]
    layers[700] = "  - {conv: {kernel: 7, out: 64, padding: same}, name: largest}\n"
    (tmp_path / "net.yaml").write_text(f"input: 8x8x3\nlayers:\n{''.join(layers)}")
    command, *options = words
    run([command, str(tmp_path / "net.yaml"), *options, "--format", "markdown"])
    out = capsys.readouterr().out
    assert 50_000 < len(out) < 65_536
    assert "largest" in out
    (left,) = re.findall(r"^… ([\d,]+) more rows: --format json has all$", out, re.MULTILINE)
    assert int(left.replace(",", "")) + len(re.findall(r"^\| (?:layer\d+|largest)", out, re.MULTILINE)) == 1500
