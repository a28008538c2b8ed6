"""Pages in a browser: nothing is asked of the network, nothing fails, axe finds nothing, and what moves moves.

It needs Chromium (Debian's package), and an environment with playwright and axe: see ``.ci/run``."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import committed

from sepcalc.cli import run
from sepcalc.model_zoo import names

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")

ROOT = Path(__file__).parent.parent
HOSTILE = "</script><img src=x onerror=document.title='taken'>"
GROWN = "input: 8x8x3\nlayers: [conv -k3 -o8, act relu]\nbudget: {macs: 1M}\n"
PAGES = {
    **{name: f"network zoo:{name}" for name in names()},
    "rows": "network zoo:mobilenet_v1 --full --balance 20",
    "compare": "compare 12x12x3 -k5 -o256",
    "compare-3d": "compare 5x9x8x4 conv -k3 -o8 -p1 -s2 --variant all",
    "diff": "diff zoo:conv_mobilenet zoo:mobilenet_v1",
    "check": "check zoo:mobilenet_v1 zoo:unet --max macs=1G --max params=5M",
    "history": "history net.yaml",
    "zoo": "zoo",
    "whatif": "whatif zoo:conv_mobilenet --rewrite *=spatial --balance 100",
    "fit": "fit zoo:mobilenet_v1 --max macs=300M --by width",
    "factor": "factor sobel-x",
    "verify": "verify 12x12x3 -k5 -o8",
    "layer": "layer 12x12x3 separable -k5 -o256",
    "kinds": "kinds",
    "hostile": "network hostile.yaml",
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each page as a file."""
    folder, old = tmp_path_factory.mktemp("pages"), os.getcwd()
    os.chdir(folder)
    try:
        Path("net.yaml").write_text(GROWN.replace("-o8", "-o4"))
        committed(folder, "Begin")
        Path("net.yaml").write_text(GROWN)
        committed(folder, HOSTILE, 2)
        name = json.dumps(HOSTILE)
        Path("hostile.yaml").write_text(f"name: {name}\ninput: 8x8x3\nlayers:\n  - {{conv: {{kernel: 3, out: 4}}}}\n")
        for page, command in PAGES.items():
            code = run([*shlex.split(command), "--format", "html", "--output", f"{page}.html"])
            assert code == (1 if page == "check" else 0), command
    finally:
        os.chdir(old)
    return folder


def opened(browser: Any, file: Path, **settings: Any) -> Any:
    """A page of the browser, and what it complained of."""
    page = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings}).new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda sent: page.complaints.append(sent.url) if sent.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_axe_finds_nothing(name: str, browser: Any, pages: Path) -> None:
    for scheme in ("light", "dark"):
        page = opened(browser, pages / f"{name}.html", color_scheme=scheme)
        assert page.complaints == []
        found = axe.Axe().run(page).response
        told = [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        assert told == []
        assert len(found["passes"]) > 10
        assert page.title() != "taken"
        page.context.close()


@pytest.mark.parametrize("width", [360, 800, 1600])
@pytest.mark.parametrize("name", ["mobilenet_v2", "compare", "diff", "check", "history", "zoo", "factor", "whatif"])
def test_a_page_is_never_wider_than_its_window(name: str, width: int, browser: Any, pages: Path) -> None:
    page = opened(browser, pages / f"{name}.html", viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def cells(page: Any) -> list[list[str]]:
    """The texts of all tables, row by row."""
    rows: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('tr')].map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    return rows


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "vit_b_16", "unet"])
def test_the_totals_are_those_of_the_json(
    name: str, browser: Any, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["network", f"zoo:{name}", "--format", "json"]) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    page = opened(browser, pages / f"{name}.html")
    told = {row[0]: row[1] for row in cells(page) if len(row) > 1}
    for metric in ("macs", "mults", "adds", "params", "activations"):
        assert told[metric] == f"{totals[metric]:,}"
    page.context.close()


@pytest.mark.parametrize("name", ["mobilenet_v2", "compare", "diff", "check", "history"])
def test_a_page_without_its_script_has_the_same_numbers(name: str, browser: Any, pages: Path) -> None:
    with_script = opened(browser, pages / f"{name}.html")
    without = opened(browser, pages / f"{name}.html", java_script_enabled=False)
    text = re.sub(r"<[^>]*>", " ", without.content())
    for number in {cell for row in cells(with_script) for cell in row if re.fullmatch(r"[\d,.]+", cell)}:
        assert number in text
    without.context.close()
    with_script.context.close()


def test_a_heading_sorts_and_the_search_finds(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "mobilenet_v2.html")
    table = page.locator("table.searched").first
    table.locator("th button", has_text="params").first.click()
    head = table.locator("th").all_inner_texts().index("params")
    shown = [row.split("\t")[head].replace(",", "") for row in table.locator("tbody tr").all_inner_texts()]
    numbers = [int(cell) for cell in shown[:-1] if cell.strip()]
    assert numbers == sorted(numbers, reverse=True)
    page.locator("input[type=search]").first.fill("bottleneck[3]")
    visible = table.locator("tbody tr:visible").all_inner_texts()
    assert visible
    assert all("bottleneck[3]" in row for row in visible)
    page.context.close()


def test_the_switch_changes_the_areas(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "mobilenet_v2.html")
    chart = page.locator(".choices").first
    before = chart.locator("figure:visible").inner_html()
    chart.locator("label", has_text="params").click()
    after = chart.locator("figure:visible")
    assert after.count() == 1
    assert after.inner_html() != before
    page.context.close()


def test_the_slider_runs_up_to_the_tutorials_numbers(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "compare.html")
    ends = {"normal": "1,228,800", "depthwise-separable": "53,952"}
    for course in page.locator(".course").all():
        name = course.locator("h3").inner_text().split(":")[0]
        slider, told, window = course.locator("input"), course.locator("output"), course.locator(".moves").first
        before = window.bounding_box()
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert window.bounding_box()["x"] > before["x"]
        if name in ends:
            page.keyboard.press("End")
            assert told.inner_text().startswith(f"{ends[name]} of {ends[name]} multiplications")
    page.context.close()


def test_sorted_rows_have_their_whole_names_and_the_rest_comes_last(browser: Any, pages: Path) -> None:
    """Rows within others are named by their own part alone; shares are sorted by their numbers, not by their digits."""
    page = opened(browser, pages / "mobilenet_v2.html")
    table = page.locator("table.searched").first
    before = table.locator("tbody tr").all_inner_texts()
    heading = table.locator("th button", has_text="% of macs")
    for way in (-1, 1):
        heading.click()
        rows = [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]
        assert rows[-1][0] == "total"
        assert len({row[0] for row in rows}) == len(rows) == 1 + 151  # of blocks there is none
        shares = [float(row[9].removesuffix(" %")) if row[9].strip() else None for row in rows[:-1]]
        some = [share for share in shares if share is not None]
        assert some == sorted(some, key=lambda share: way * share)
        assert shares == [*some, *[None] * (len(shares) - len(some))]
    heading.click()
    assert table.locator("tbody tr").all_inner_texts() == before
    page.context.close()


def test_a_sorted_check_names_each_row(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "check.html")
    table = page.locator("table").first
    table.locator("th button", has_text="used").click()
    assert {row[0] for row in cells(page) if len(row) > 4} == {"check", "zoo:mobilenet_v1", "zoo:unet"}
    page.context.close()


SHOTS = {  # a page, a part of it, where its slider stands, and the width of the window
    "steps.png": ("compare", ".course >> nth=2", 29, 1080),
    "areas.png": ("mobilenet_v2", "section:has(.choices) >> nth=0", 0, 820),
}


@pytest.mark.parametrize("name", SHOTS)
def test_the_pictures_of_the_readme_are_small(name: str, browser: Any, pages: Path) -> None:
    """SEPCALC_GOLDEN=1 takes them anew."""
    place, (page_name, part, position, width) = ROOT / "docs" / name, SHOTS[name]
    if os.environ.get("SEPCALC_GOLDEN"):
        page = opened(
            browser, pages / f"{page_name}.html", viewport={"width": width, "height": 900}, color_scheme="light"
        )
        if position:
            page.locator(f"{part} >> input").fill(str(position))
            page.locator(f"{part} >> input").blur()
        page.locator(part).screenshot(path=place)
        page.context.close()
    assert f"docs/{name}" in (ROOT / "README.md").read_text("utf-8")
    assert 5_000 < place.stat().st_size < 80_000
