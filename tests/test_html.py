"""``--format html``: one page that needs nothing else, and shows the numbers of the report."""

import html
import json
import re
import shlex
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers import committed

import sepcalc
from sepcalc.cli import run
from sepcalc.layer import Node
from sepcalc.model_zoo import names
from sepcalc.network import Network
from sepcalc.renderers import render
from sepcalc.renderers.charts.areas import HEIGHT, squarified
from sepcalc.renderers.charts.base import WIDTH, Box
from sepcalc.reports.network import NetworkReport

ROOT = Path(__file__).parent.parent
HOSTILE = "</script><img src=x onerror=alert(1)>\"' &amp; {{ 7*7 }} {% raw %} \x1b[31m"
VOID = {"meta", "input", "img", "br", "td", "th", "tr", "li"}  # HTML lets cells, rows and items go without an end


class Page(HTMLParser):
    """The elements of a page, and the cells of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.cell = False
        self.feed(text)
        self.close()
        assert self.opened == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.opened.pop() == tag
        self.cell = self.cell and tag not in ("td", "th", "thead", "tbody")

    def handle_data(self, data: str) -> None:
        if self.cell:
            self.rows[-1][-1] += data.strip()


def page(capsys: pytest.CaptureFixture[str], command: str, code: int = 0) -> str:
    assert run([*shlex.split(command), "--format", "html"]) == code, capsys.readouterr().err
    return capsys.readouterr().out


COMMANDS = [
    (0, "compare 12x12x3 -k5 -o256 -m2 --variant all --explain --formula"),
    (0, "layer 12x12x3 separable -k5 -o256"),
    (0, "network zoo:unet --by kind"),
    (3, "network lost.yaml"),
    (0, "verify 12x12x3 -k5 -o8"),
    (0, "whatif zoo:conv_mobilenet --rewrite *=spatial --balance 100"),
    (1, "check zoo:mobilenet_v1 zoo:unet --max macs=1G --why"),
    (0, "diff zoo:conv_mobilenet zoo:mobilenet_v1"),
    (0, "zoo"),
    (0, "kinds"),
    (0, "operators onnx"),
    (0, "factor sobel-x"),
    (0, "fit zoo:mobilenet_v1 --max macs=300M"),
    (3, "history lost.yaml"),
]


@pytest.mark.parametrize(("code", "command"), COMMANDS, ids=[command for _, command in COMMANDS])
def test_every_report_is_a_page_that_needs_nothing_else(
    code: int, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lost.yaml").write_text("input: 12x64\nlayers: [dense -o32, uncounted Wizard --to 12x32]\n")
    if command.startswith("history"):
        committed(tmp_path)
    text = page(capsys, command, code)
    made = Page(text)
    assert text.startswith("<!DOCTYPE html>\n")
    assert not [attributes for _, attributes in made.tags if {"src", "href", "action"} & {*attributes}]
    assert "url(" not in text
    assert {*re.findall(r"https?://[^\"\s<]+", text)} <= {"http://www.w3.org/2000/svg"}
    assert f"<code>sepcalc {shlex.join(shlex.split(command))} --format html</code>".replace("*", "*") in (
        text.replace("&#39;", "'")
    )


def test_the_table_has_the_numbers_of_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", "zoo:mobilenet_v2", "--format", "json"]) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    text = page(capsys, "network zoo:mobilenet_v2 --full")
    rows = [row for row in Page(text).rows if len(row) > 4]
    whole = rows[-1]
    assert f"{totals['macs']:,}" in whole
    assert f"{totals['params']:,}" in whole
    head = rows[0]
    at = head.index("macs")
    layers = [row for row in rows[1:-1] if not row[1].endswith(" layers")]
    assert sum(int(row[at].replace(",", "") or 0) for row in layers) == totals["macs"]
    assert "301 M macs, 3.5 M params, 9.19 MiB peak memory" in text


def test_the_treemap_has_every_mac_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys, "network zoo:mobilenet_v2")
    for measure in ("macs", "params", "activations"):
        told = re.findall(rf"<title>[^<]*: ([\d,]+) {measure}, ", text)
        whole = getattr(sepcalc.load("zoo:mobilenet_v2").cost, measure)
        assert sum(int(amount.replace(",", "")) for amount in told) == whole


def test_a_history_is_curves_with_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (2, 8):
        text = f"input: 8x8x3\nlayers:\n- conv -k3 -o{out} -p same\nbudget: {{macs: 10k}}\n"
        (tmp_path / "net.yaml").write_text(text)
        committed(tmp_path, f"To <b>{out}</b>")
    text = page(capsys, "history net.yaml")
    for metric, amounts in {"params": (54, 216), "macs": (3_456, 13_824), "peak-memory": (1_280, 2_816)}.items():
        assert f"<h2>{metric}</h2>" in text
        for out, amount in zip((2, 8), amounts, strict=True):
            assert re.search(rf"<title>2026-01-01 [0-9a-f]{{10}} To &lt;b&gt;{out}&lt;/b&gt;: {amount:,}</title>", text)
    assert text.count('class="limit"') == 1
    assert ">budget 10k</text>" in text


def test_the_zoo_is_points(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys, "zoo")
    assert text.count("<circle ") == len(names())
    assert "<title>mobilenet_v1: 4,231,976 params, 568,740,352 macs</title>" in text


def test_notebooks_show_a_page_without_a_script() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4")
    results = [network, sepcalc.compare("12x12x3 -k5 -o256"), sepcalc.diff(network, network), sepcalc.factor("sobel-x")]
    for result in results:
        shown = result._repr_html_()  # type: ignore[attr-defined]  # telling() gives it to them
        assert shown.startswith('<div class="sepcalc">')
        assert "<script" not in shown
        Page(shown)
    assert results[0]._repr_html_() != sepcalc.load("8x8x3, conv -k3 -o4")._repr_html_()  # type: ignore[attr-defined]


def test_notebooks_show_text_without_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    network = sepcalc.load("8x8x3, conv -k3 -o4")
    assert network._repr_html_() == f"<pre>{html.escape(str(network))}</pre>"  # type: ignore[attr-defined]


def test_areas_are_in_proportion_and_fill_the_box() -> None:
    amounts = [600.0, 300.0, 60.0, 30.0, 9.0, 1.0]
    boxes = squarified(amounts, Box(0, 0, WIDTH, HEIGHT))
    assert [box.width * box.height for box in boxes] == pytest.approx(
        [amount / 1_000 * WIDTH * HEIGHT for amount in amounts]
    )
    assert all(box.x >= 0 and box.x + box.width <= WIDTH + 1e-6 for box in boxes)
    assert all(box.y >= 0 and box.y + box.height <= HEIGHT + 1e-6 for box in boxes)


def test_the_tensors_at_the_peak_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The input (12x12x8), the first convolution (12x12x16), which the addition reads later, and the second one."""
    text = page(capsys, "network '12x12x8, conv -k3 -o16 -p same, conv -k3 -o32 -p same, conv -k1 -o2'")
    told = "27,648 bytes while conv[1] runs: conv[0] (12x12x16), conv[1] (12x12x32)"
    assert told in text
    assert sepcalc.load("12x12x8, conv -k3 -o16 -p same, conv -k3 -o32 -p same, conv -k1 -o2").peak_memory() == 27_648


def test_names_stay_text() -> None:
    op = sepcalc.load("8x8x3, conv -k3 -o4").nodes[0].op
    network = Network(HOSTILE, {HOSTILE: (8, 8, 3)}, [Node(HOSTILE, op, (0,), (6, 6, 4), None)], {HOSTILE: 1})
    text = render(NetworkReport(network), "html")
    made = Page(text)
    assert [tag for tag, _ in made.tags].count("script") == 1
    assert not [tag for tag, _ in made.tags if tag == "img"]
    assert "\x1b" not in text
    assert "7*7" in text
    assert not [name for _, attributes in made.tags for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("name", names())
def test_pages_are_small(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(page(capsys, f"network zoo:{name} --balance 20").encode()) <= 200_000


def test_the_page_of_814_layers_is_small_and_has_all(capsys: pytest.CaptureFixture[str]) -> None:
    """EfficientNet-B7, by its paper's width and depth."""
    text = page(capsys, "network zoo:efficientnet_b0 --set width=2.0 --set depth=3.1 --input 600x600x3 --balance 20")
    assert len(text.encode()) <= 300_000
    rows = [row for row in Page(text).rows[1:] if len(row) > 4]
    layers = [row for row in rows if not row[1].endswith(" layers") and row[0] != "total"]
    assert len(layers) == 814


def test_what_the_page_of_a_network_shows_stands_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was not counted comes first if there is any; the command that made the page stands above all."""
    monkeypatch.chdir(tmp_path)
    lost = "input: 12x64\nlayers: [dense -o32, uncounted Wizard --to 12x32]\nbudget: {params: 9k}\n"
    (tmp_path / "lost.yaml").write_text(lost)
    text = page(capsys, "network lost.yaml --balance 20", 3)
    heads = [
        *("Not counted", "Budget", "Where the cost is", "Arithmetic intensity", "Memory of the live tensors"),
        *("The network by its blocks", "Totals, INCOMPLETE: without what was not counted", "Budget"),
    ]
    assert re.findall("<h2>(.*?)</h2>", text) == heads
    assert text.index("<code>sepcalc network lost.yaml --balance 20 --format html</code>") < text.index("<h2>")
    assert "On a device of 20 macs per byte, 1 of 1 counted layers wait for memory" in text
    assert "22.8 % of 9,000, 6,952 left" in text


def test_without_jinja_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert run(["zoo", "--format", "html"]) == 2
    assert capsys.readouterr().err == "--format html needs Jinja2\n  hint: pip install 'jinja2>=3.1'\n"
